/* scenario: plays a text file against a market, and says file:line where the text and the market differ.
 *
 *   10:00:00 order A credit_card RUB 450.00 country=RU,KZ cap_hour=2     terms: revision, quantity, cap_hour, cap_day,
 *                 cap_total, priority, clock (minutes), from, until (HH:MM:SS), paused, shared; revision counts up itself;
 *                 scenario_terms.c has the longer list
 *   10:00:01 remove A
 *   10:00:02 rate credit_card 6500
 *   10:00:05 lead L1 credit_card RU [test|repeat]  -> A 450.00 payout 315.00
 *   10:00:05 lead L2 credit_card RU waits=10:30:00 [accepts]            quarantined; at its end let through, or rejected
 *   10:00:05 release L2, reject L2, expire L2                            the operator, or nobody
 *   10:00:06 refused L1 by A [round=0]             -> unsold cap_hour A:already_offered B:cap_hour
 *   why L1  -> A:won B:outbid C:country(RU is not in [KZ])               the record of the last decision
 *   show A  -> reserved 1 delivered 0 returned 0 hour 1 day 1
 *
 * Without "->" nothing may be decided. "-" for a country leaves it out; +1d before a time moves on by a day. In a .md
 * file only the blocks fenced as ```scenario count. The same file is then played again with the state encoded and decoded
 * before every event. Exit status 1 on a difference. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/money.h"
#include "base/timefmt.h"
#include "scenario.h"

#define WORDS_MAX 24

void fail(const struct stage *s, const char *what, const char *more)
{
	fprintf(stderr, "%s:%d: %s: %s\n", s->file, s->line, what, more);
	exit(1);
}

static struct named_lead *lead_named(struct stage *s, const char *name, bool make)
{
	struct named_lead *l;

	for (size_t i = 0; i < s->lead_count; i++) {
		if (strcmp(s->leads[i].name, name) == 0)
			return &s->leads[i];
	}
	if (!make || s->lead_count == NAMES_MAX)
		fail(s, "no such lead", name);
	l = &s->leads[s->lead_count++];
	*l = (struct named_lead){.id = play_lead_id(s->lead_count), .judged_offset = UINT64_MAX};
	snprintf(l->name, sizeof(l->name), "%s", name);
	return l;
}

int64_t clock_time(const struct stage *s, const char *text)
{
	int days = 0, h, m, sec, used = 0;

	if (sscanf(text, "+%dd/%n", &days, &used) < 1)
		used = 0;
	if (sscanf(text + used, "%d:%d:%d", &h, &m, &sec) != 3)
		fail(s, "expected [+Nd/]HH:MM:SS", text);
	return DAY_MS + days * MS_PER_DAY + h * MS_PER_HOUR + m * MS_PER_MIN + sec * MS_PER_S;
}

int64_t minor(const struct stage *s, const char *text)
{
	long long whole, part;

	if (sscanf(text, "%lld.%2lld", &whole, &part) != 2)
		fail(s, "expected an amount such as 450.00", text);
	return whole * 100 + part;
}

static void order_setting(struct stage *s, struct play_order *o, char *word)
{
	char *value = strchr(word, '='), *save = NULL;

	if (strcmp(word, "paused") == 0 || strcmp(word, "shared") == 0) {
		*(word[0] == 'p' ? &o->paused : &o->shared) = true;
		return;
	}
	if (strcmp(word, "re_sales") == 0) {
		o->takes_own_customers = true;
		return;
	}
	if (!value)
		fail(s, "unknown term", word);
	*value++ = '\0';
	if (strcmp(word, "country") == 0) {
		for (char *c = strtok_r(value, ",", &save); c && o->country_count < 8;
		     c = strtok_r(NULL, ",", &save))
			o->countries[o->country_count++] = c;
	} else if (strcmp(word, "cap_hour") == 0) {
		o->cap_hour = strtoull(value, NULL, 10);
	} else if (strcmp(word, "cap_day") == 0) {
		o->cap_day = strtoull(value, NULL, 10);
	} else if (strcmp(word, "cap_total") == 0) {
		o->cap_total = strtoull(value, NULL, 10);
	} else if (strcmp(word, "quantity") == 0) {
		o->quantity = strtoull(value, NULL, 10);
	} else if (strcmp(word, "priority") == 0) {
		o->priority = atoi(value);
	} else if (strcmp(word, "clock") == 0) {
		o->utc_offset_minutes = atoi(value);
	} else if (strcmp(word, "revision") == 0) {
		o->revision = strtoull(value, NULL, 10);
	} else if (strcmp(word, "from") == 0) {
		o->from_ms = clock_time(s, value);
	} else if (strcmp(word, "until") == 0) {
		o->until_ms = clock_time(s, value);
	} else if (!scenario_term(s, o, word, value)) {
		fail(s, "unknown term", word);
	}
}

static void do_order(struct stage *s, char **w, size_t n)
{
	struct play_order o = {.revision = ++s->revision};

	if (n < 5)
		fail(s, "expected", "order ID VERTICAL CURRENCY PRICE …");
	o.id = w[1];
	o.vertical = w[2];
	o.currency = w[3];
	o.price_minor = minor(s, w[4]);
	for (size_t i = 5; i < n; i++)
		order_setting(s, &o, w[i]);
	(void)play_order(&s->play, s->now_ms, &o);
}

static void do_lead(struct stage *s, char **w, size_t n)
{
	struct named_lead *known = lead_named(s, w[1], true);
	struct play_lead l = {
	    .id = known->id, .vertical = w[2], .judged_offset = UINT64_MAX, .score = 7};

	if (n > 3 && strcmp(w[3], "-") != 0)
		l.country = w[3];
	for (size_t i = 4; i < n; i++) {
		if (slice_starts_with(slice_cstr(w[i]), "waits="))
			l.waits_until_ms = clock_time(s, w[i] + strlen("waits="));
		else if (strcmp(w[i], "accepts") == 0)
			l.waits_accepts = true;
		else if (strcmp(w[i], "test") == 0)
			l.is_test = true;
		else if (strcmp(w[i], "repeat") == 0)
			l.judged_offset = known->judged_offset;
		else if (!scenario_says(s, &l, w[i]))
			fail(s, "the lead can't say", w[i]);
	}
	if (l.judged_offset == UINT64_MAX)
		known->judged_offset = s->play.next_judged;
	(void)play_lead(&s->play, s->now_ms, &l);
}

static bool do_quarantine(struct stage *s, char **w, size_t n)
{
	bool release = strcmp(w[0], "release") == 0, expired = strcmp(w[0], "expire") == 0;

	if (n < 2 || (!release && !expired && strcmp(w[0], "reject") != 0))
		return false;
	(void)play_quarantine(&s->play, s->now_ms, &lead_named(s, w[1], false)->id, release,
			      expired);
	return true;
}

/* The last round in which this order got the lead. */
static uint32_t round_of(const struct named_lead *l, const char *order_id)
{
	for (uint32_t i = ARRAY_LEN(l->order_of_round); i > 0; i--) {
		if (strcmp(l->order_of_round[i - 1], order_id) == 0)
			return i - 1;
	}
	return 0;
}

static bool do_settle(struct stage *s, char **w, size_t n)
{
	static const char *const names[] = {"",           "delivered", "refused", "undeliverable",
					    "unresolved", "approved",  "returned"};
	struct named_lead *l;
	uint32_t round;

	for (size_t k = 1; k < ARRAY_LEN(names); k++) {
		if (strcmp(w[0], names[k]) != 0)
			continue;
		if (n < 4 || strcmp(w[2], "by") != 0)
			fail(s, "expected", "WHAT LEAD by ORDER");
		l = lead_named(s, w[1], false);
		round = round_of(l, w[3]);
		if (n > 4 && slice_starts_with(slice_cstr(w[4]), "round="))
			round = (uint32_t)atoi(w[4] + strlen("round="));
		if (n > 4 && slice_starts_with(slice_cstr(w[4]), "price=")) {
			(void)play_return(&s->play, s->now_ms, &l->id, round, w[3],
					  minor(s, w[4] + strlen("price=")));
			return true;
		}
		(void)play_settle(&s->play, s->now_ms, &l->id, (Punnet__V1__Settlement)k, round,
				  w[3], UINT64_MAX);
		return true;
	}
	return false;
}

static void say_why(const struct play *p, struct buf *out)
{
	const Punnet__V1__DecisionRecord *d = play_record(p);

	for (size_t i = 0; d && i < d->n_candidates; i++) {
		const Punnet__V1__Candidate *c = d->candidates[i];

		buf_printf(out, "%s%s:%s", i ? " " : "", c->order_id, c->code);
		if (c->detail[0])
			buf_printf(out, "(%s)", c->detail);
		if (c->until_ms) {
			char at[TIME_TEXT_LEN + 1];

			time_text(c->until_ms, at);
			buf_printf(out, " until %.16s", at);
		}
	}
}

static void say_sale(struct stage *s, const struct decision *d, struct buf *out)
{
	const Punnet__V1__Assignment *a = d->routed->assignment;

	buf_printf(out, "%s%s %" PRId64 ".%02d payout %" PRId64 ".%02d", out->len ? "; " : "",
		   a->order_id, a->price->amount_minor / 100, (int)(a->price->amount_minor % 100),
		   a->payout->amount_minor / 100, (int)(a->payout->amount_minor % 100));
	for (size_t i = 0; i < s->lead_count; i++) {
		struct named_lead *l = &s->leads[i];

		if (memcmp(l->id.bytes, d->routed->lead_id.data, 16) == 0 &&
		    a->round < ARRAY_LEN(l->order_of_round))
			snprintf(l->order_of_round[a->round], sizeof(l->order_of_round[0]), "%s",
				 a->order_id);
	}
}

static void say_decision(struct stage *s, struct buf *out)
{
	for (size_t i = 0; i < s->play.decisions.count; i++) {
		const struct decision *d = &s->play.decisions.items[i];

		if (d->routed) {
			say_sale(s, d, out);
			continue;
		}
		buf_printf(out, "unsold %s", d->unsold->reason_code);
		for (size_t k = 0; k < d->unsold->decision->n_candidates; k++)
			buf_printf(out, " %s:%s", d->unsold->decision->candidates[k]->order_id,
				   d->unsold->decision->candidates[k]->code);
	}
}

static void say_order(struct stage *s, const char *id, struct buf *out)
{
	const struct order *o = play_find(&s->play, id);
	int64_t now = market_log_time_ms(s->play.market);

	if (!o)
		fail(s, "no such order", id);
	buf_printf(out,
		   "reserved %" PRIu64 " delivered %" PRIu64 " returned %" PRIu64 " hour %" PRIu64
		   " day %" PRIu64,
		   o->reserved, o->delivered, o->returned, order_taken(o, WINDOW_HOUR, now),
		   order_taken(o, WINDOW_DAY, now));
}

static void do_words(struct stage *s, char **w, size_t n, struct buf *said)
{
	if (strcmp(w[0], "why") == 0) {
		say_why(&s->play, said);
		return;
	}
	if (strcmp(w[0], "show") == 0 && n > 1) {
		say_order(s, w[1], said);
		return;
	}
	s->now_ms = clock_time(s, w[0]);
	w++;
	n--;
	if (n >= 2 && strcmp(w[0], "remove") == 0)
		(void)play_order(
		    &s->play, s->now_ms,
		    &(struct play_order){
			.id = w[1], .vertical = "", .revision = ++s->revision, .removed = true});
	else if (n >= 3 && strcmp(w[0], "rate") == 0)
		scenario_rate(s, w, n);
	else if (n >= 4 && strcmp(w[0], "funds") == 0)
		scenario_funds(s, w, n);
	else if (n >= 2 && strcmp(w[0], "due") == 0)
		(void)play_due(&s->play, s->now_ms, &lead_named(s, w[1], false)->id);
	else if (n >= 2 && strcmp(w[0], "order") == 0)
		do_order(s, w, n);
	else if (n >= 3 && strcmp(w[0], "lead") == 0)
		do_lead(s, w, n);
	else if (n < 1 ||
		 !(scenario_advertiser(s, w, n) || do_quarantine(s, w, n) || do_settle(s, w, n)))
		fail(s, "expected order, remove, rate, lead or a settlement", n ? w[0] : "");
	say_decision(s, said);
}

static void do_line(struct stage *s, char *line)
{
	_cleanup_(buf_free) struct buf said = {0};
	char *comment = strstr(line, "  #"), *expected, *save = NULL;
	char *words[WORDS_MAX];
	size_t n = 0;
	struct slice want;

	if (comment)
		*comment = '\0';
	expected = strstr(line, "->");
	if (expected) {
		*expected = '\0';
		expected += 2;
	}
	for (char *w = strtok_r(line, " \t\n", &save); w && n < WORDS_MAX;
	     w = strtok_r(NULL, " \t\n", &save))
		words[n++] = w;
	if (n == 0 || words[0][0] == '#')
		return;
	do_words(s, words, n, &said);
	want = slice_trim(slice_cstr(expected));
	if (slice_equal(want, buf_slice(&said)))
		return;
	fprintf(stderr, "%s:%d: expected \"" SLICE_FMT "\"\n%s:%d:      got \"%s\"\n", s->file,
		s->line, SLICE_ARG(want), s->file, s->line, buf_cstr(&said));
	exit(1);
}

static int play_file(const char *path, bool cut_everywhere)
{
	bool markdown = slice_starts_with(slice_of(path + strlen(path) - 3, 3), ".md");
	bool inside = !markdown;
	struct stage s = {.file = path};
	FILE *f = fopen(path, "r");
	char line[1024];
	int played = 0;

	if (!f)
		fail(&s, "can't be opened", path);
	play_start(&s.play);
	s.play.cut_everywhere = cut_everywhere;
	while (fgets(line, sizeof(line), f)) {
		s.line++;
		if (markdown && strncmp(line, "```", 3) == 0) {
			inside = strncmp(line, "```scenario", 11) == 0;
			continue;
		}
		if (!inside)
			continue;
		do_line(&s, line);
		arena_reset(&s.words);
		played++;
	}
	fclose(f);
	arena_free(&s.words);
	play_stop(&s.play);
	return played;
}

int main(int argc, char **argv)
{
	int played = 0;

	for (int i = 1; i < argc; i++)
		played += play_file(argv[i], false) + play_file(argv[i], true);
	printf("%d lines played\n", played);
	return played > 0 ? 0 : 1;
}
