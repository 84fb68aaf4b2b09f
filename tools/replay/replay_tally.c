/* replay_tally: verdicts by the rules that were in force beside those by other rules, counted. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/money.h"
#include "proto/leads_outcomes.pb-c.h"
#include "tools/replay/replay_verdicts.h"

#define OUTCOMES       "leads.outcomes"
#define CURRENCIES_MAX 16

/* --- counting --- */

/* A hit in shadow is without effect, so it doesn't count here. */
static void count_hits(struct tally *t, const struct judgement *j, bool after)
{
	for (size_t i = 0; i < j->reason_count; i++) {
		const struct filter *f = j->reasons[i].filter;
		size_t at = f ? filter_index(f) : TALLY_FILTERS_MAX;

		if (at < TALLY_FILTERS_MAX)
			*(after ? &t->filters[at].after : &t->filters[at].before) += 1;
		else if (!f)
			*(after ? &t->score_after : &t->score_before) += 1;
	}
}

static struct tally_webmaster *webmaster(struct tally *t, struct slice aff_id)
{
	struct tally_webmaster *w = map_get(&t->webmasters, aff_id);

	if (w)
		return w;
	if (map_count(&t->webmasters) >= TALLY_WEBMASTERS_MAX)
		aff_id = SLICE("(others)");
	w = map_get(&t->webmasters, aff_id);
	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	if (!w || asprintf(&w->aff_id, SLICE_FMT, SLICE_ARG(aff_id)) < 0)
		abort();
	map_put(&t->webmasters, slice_cstr(w->aff_id), w);
	return w;
}

static void write_reasons(const struct judgement *j, struct buf *out)
{
	buf_append_cstr(out, verdict_name(j->verdict));
	for (size_t i = 0; i < j->reason_count; i++)
		buf_printf(out, "%s%s", i ? ", " : " (", reason_code(j->reasons[i].finding.reason));
	if (j->reason_count > 0)
		buf_append_char(out, ')');
}

static void add_sample(struct tally *t, const struct lead_id *id, const struct judgement *before,
		       const struct judgement *after)
{
	_cleanup_(buf_free) struct buf text = {0};
	struct tally_sample *s;

	if (t->sample_count == REPLAY_SAMPLES)
		return;
	s = &t->samples[t->sample_count++];
	lead_id_text(id, s->lead);
	write_reasons(before, &text);
	buf_append_cstr(&text, " -> ");
	write_reasons(after, &text);
	snprintf(s->text, sizeof(s->text), "%s", buf_cstr(&text));
}

static void add_lost(struct tally *t, const struct lead_id *id)
{
	if (t->lost_count == TALLY_CHANGED_MAX) {
		t->lost_unlisted++;
		return;
	}
	if (t->lost_count == t->lost_cap) {
		t->lost_cap = MAX_OF((size_t)1024, t->lost_cap * 2);
		t->lost = realloc(t->lost, t->lost_cap * sizeof(*t->lost));
		if (!t->lost)
			abort();
	}
	t->lost[t->lost_count++].id = *id;
}

void tally_lead(struct tally *t, const struct lead_id *id, struct slice aff_id,
		const struct judgement *before, const struct judgement *after)
{
	struct tally_webmaster *w = webmaster(t, aff_id);

	t->verdicts[before->verdict][after->verdict]++;
	count_hits(t, before, false);
	count_hits(t, after, true);
	w->leads++;
	w->accepted_before += before->verdict == LEAD_ACCEPTED;
	w->accepted_after += after->verdict == LEAD_ACCEPTED;
	if (before->verdict == after->verdict)
		return;
	add_sample(t, id, before, after);
	if (after->verdict == LEAD_REJECTED)
		add_lost(t, id);
}

void tally_free(struct tally *t)
{
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(&t->webmasters, i, &key, &value); i++) {
		free(((struct tally_webmaster *)value)->aff_id);
		free(value);
	}
	map_free(&t->webmasters);
	free(t->lost);
	t->lost = NULL;
}

void tally_merge(struct tally *into, struct tally *from)
{
	struct slice key;
	void *value;

	for (size_t b = 0; b < VERDICT_KINDS; b++)
		for (size_t a = 0; a < VERDICT_KINDS; a++)
			into->verdicts[b][a] += from->verdicts[b][a];
	for (size_t i = 0; i < TALLY_FILTERS_MAX; i++) {
		into->filters[i].before += from->filters[i].before;
		into->filters[i].after += from->filters[i].after;
	}
	into->score_before += from->score_before;
	into->score_after += from->score_after;
	for (size_t i = 0; map_at(&from->webmasters, i, &key, &value); i++) {
		const struct tally_webmaster *w = value;
		struct tally_webmaster *to = webmaster(into, key);

		to->leads += w->leads;
		to->accepted_before += w->accepted_before;
		to->accepted_after += w->accepted_after;
	}
	for (size_t i = 0; i < from->sample_count && into->sample_count < REPLAY_SAMPLES; i++)
		into->samples[into->sample_count++] = from->samples[i];
	for (size_t i = 0; i < from->lost_count; i++)
		add_lost(into, &from->lost[i].id);
	into->lost_unlisted += from->lost_unlisted;
	tally_free(from);
	free(from);
}

/* --- money of what was sold and would not have been accepted --- */

struct sold {
	char currency[4];
	uint64_t leads;
	int64_t price_minor, payout_minor;
};
struct money_pass {
	struct tally *tally;
	struct sold sums[CURRENCIES_MAX];
	size_t count;
	struct arena arena;
};

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct lead_id));
}

static void add_sold(struct money_pass *m, const Punnet__V1__Assignment *a)
{
	struct sold *s = m->sums;

	while (s < m->sums + m->count && strcmp(s->currency, a->price->currency) != 0)
		s++;
	if (s == m->sums + m->count) {
		if (m->count == CURRENCIES_MAX)
			return;
		*s = (struct sold){.leads = 0};
		snprintf(s->currency, sizeof(s->currency), "%.3s", a->price->currency);
		m->count++;
	}
	s->leads++;
	s->price_minor += a->price->amount_minor;
	s->payout_minor += a->payout->amount_minor;
}

static void take_outcome(struct money_pass *m, const struct bus_record *record)
{
	const Punnet__V1__Outcome *o;
	struct slice bytes;
	struct lead_id id;

	if (!codec_find(record->value, 1, &bytes) ||
	    !lead_id_from_bytes(bytes.data, bytes.len, &id) ||
	    !bsearch(&id, m->tally->lost, m->tally->lost_count, sizeof(*m->tally->lost), by_id))
		return;
	arena_reset(&m->arena);
	o = codec_unpack(&m->arena, &punnet__v1__outcome__descriptor, record->value);
	if (o && o->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED && o->assignment &&
	    o->assignment->price && o->assignment->payout && !o->assignment->is_test)
		add_sold(m, o->assignment);
}

static enum result read_partition(const struct replay *r, struct money_pass *m, struct bus *bus,
				  int32_t partition, struct error *ret_error)
{
	struct replay_reading *reading = calloc(1, sizeof(*reading));
	const struct replay_bound open = {.kind = REPLAY_OPEN};
	const struct replay_bound *from = r->from.kind == REPLAY_TIME ? &r->from : &open;
	const struct bus_record *record = NULL;
	struct replay_span span;
	enum result result =
	    replay_span_of(bus, OUTCOMES, partition, from, &open, &span, ret_error);

	assert(reading);
	if (result == RESULT_OK)
		result = reading_open(reading, bus, OUTCOMES, partition, span, ret_error);
	while (result == RESULT_OK) {
		result = reading_next(reading, &record, ret_error);
		if (result != RESULT_OK || !record)
			break;
		take_outcome(m, record);
	}
	reading_close(reading);
	free(reading);
	return result;
}

static enum result sum_money(const struct replay *r, struct money_pass *m, struct error *ret_error)
{
	struct bus *bus;
	enum result result = RESULT_OK;
	int32_t partitions;

	if (m->tally->lost_count == 0)
		return RESULT_OK;
	qsort(m->tally->lost, m->tally->lost_count, sizeof(*m->tally->lost), by_id);
	bus = replay_bus(r, ret_error);
	if (!bus)
		return RESULT_AWAY;
	partitions = bus_partitions(bus, OUTCOMES, REPLAY_ASK_MS);
	for (int32_t p = 0; p < partitions && result == RESULT_OK; p++)
		result = read_partition(r, m, bus, p, ret_error);
	bus_close(bus);
	arena_free(&m->arena);
	if (partitions <= 0)
		return error_set(ret_error, RESULT_AWAY,
				 OUTCOMES ": its partitions can't be learned");
	return result;
}

/* --- the report --- */

static void print_verdicts(const struct tally *t, bool json, const char *rules_hash)
{
	if (!json)
		printf("\nby rule set %s:\n%-14s %12s %12s %12s\n", rules_hash, "was",
		       verdict_name(1), verdict_name(2), verdict_name(3));
	for (size_t b = 1; b < VERDICT_KINDS; b++) {
		if (json)
			printf("{\"kind\":\"verdicts\",\"was\":\"%s\",\"accepted\":%" PRIu64
			       ",\"rejected\":%" PRIu64 ",\"quarantined\":%" PRIu64
			       ",\"ruleset\":\"%s\"}\n",
			       verdict_name(b), t->verdicts[b][1], t->verdicts[b][2],
			       t->verdicts[b][3], rules_hash);
		else
			printf("%-14s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", verdict_name(b),
			       t->verdicts[b][1], t->verdicts[b][2], t->verdicts[b][3]);
	}
}

static void print_hits(bool json, const char *name, uint64_t before, uint64_t after)
{
	if (before == 0 && after == 0)
		return;
	if (json)
		printf("{\"kind\":\"filter\",\"filter\":\"%s\",\"was\":%" PRIu64
		       ",\"would_be\":%" PRIu64 "}\n",
		       name, before, after);
	else
		printf("%-32s %12" PRIu64 " %12" PRIu64 " %+12" PRId64 "\n", name, before, after,
		       (int64_t)(after - before));
}

static void print_filters(const struct tally *t, bool json)
{
	if (!json)
		printf("\n%-32s %12s %12s\n", "leads that a filter hit", "were", "would be");
	for (size_t i = 0; i < MIN_OF(filter_count, (size_t)TALLY_FILTERS_MAX); i++)
		print_hits(json, filters[i]->name, t->filters[i].before, t->filters[i].after);
	print_hits(json, "(the sum of the scores)", t->score_before, t->score_after);
}

static void print_webmasters(const struct tally *t, bool json)
{
	struct slice key;
	void *value;

	if (!json)
		printf("\n%-24s %10s %14s %14s\n", "webmaster", "leads", "were accepted",
		       "would be");
	for (size_t i = 0; map_at(&t->webmasters, i, &key, &value); i++) {
		const struct tally_webmaster *w = value;

		if (w->accepted_before == w->accepted_after && !json)
			continue;
		printf(json ? "{\"kind\":\"webmaster\",\"aff_id\":\"%s\",\"leads\":%" PRIu64
			      ",\"accepted_was\":%" PRIu64 ",\"accepted_would_be\":%" PRIu64 "}\n"
			    : "%-24s %10" PRIu64 " %14" PRIu64 " %14" PRIu64 "\n",
		       w->aff_id, w->leads, w->accepted_before, w->accepted_after);
	}
}

static void print_money(const struct money_pass *m, bool json)
{
	char price[64], payout[64];

	for (size_t i = 0; i < m->count; i++) {
		const struct sold *s = &m->sums[i];

		money_text(s->price_minor, s->currency, price, sizeof(price));
		money_text(s->payout_minor, s->currency, payout, sizeof(payout));
		if (json)
			printf("{\"kind\":\"money\",\"currency\":\"%s\",\"leads\":%" PRIu64
			       ",\"price_minor\":%" PRId64 ",\"payout_minor\":%" PRId64 "}\n",
			       s->currency, s->leads, s->price_minor, s->payout_minor);
		else
			printf("\nnot accepted any more and delivered then: %" PRIu64
			       " sales for %s, of which %s went to webmasters\n",
			       s->leads, price, payout);
	}
	if (m->tally->lost_unlisted > 0)
		fprintf(stderr, "punnet replay: the money is that of the first %d leads\n",
			TALLY_CHANGED_MAX);
}

static void print_samples(const struct tally *t, bool json)
{
	if (!json && t->sample_count > 0)
		puts("\nsamples:");
	for (size_t i = 0; i < t->sample_count; i++)
		printf(json ? "{\"kind\":\"sample\",\"lead_id\":\"%s\",\"change\":\"%s\"}\n"
			    : "%s  %s\n",
		       t->samples[i].lead, t->samples[i].text);
}

enum result tally_report(struct replay *r, struct tally *t, const char *rules_hash,
			 struct error *ret_error)
{
	struct money_pass money = {.tally = t};
	enum result result = sum_money(r, &money, ret_error);
	bool json = r->tool->json;

	if (result != RESULT_OK)
		return result;
	print_verdicts(t, json, rules_hash);
	print_filters(t, json);
	print_webmasters(t, json);
	print_money(&money, json);
	print_samples(t, json);
	return RESULT_OK;
}
