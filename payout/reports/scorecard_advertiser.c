/* scorecard_advertiser: how advertisers treat the leads that they buy: whether and when they call, what they hand back and whose fault
 * that is, and whether others return as much of the same sources. By that a slow or empty advertiser is told from a bad source.
 *
 * The cohort is the leads that were delivered in the period. Shares of returns are of those that are decided. */
#include <stdlib.h>

#include "base/map.h"
#include "base/room.h"
#include "payout/core/life.h"
#include "payout/core/returns.h"
#include "payout/reports/reports.h"
#include "payout/reports/write.h"
#include "payout/store/db.h"
#include "payout/store/store.h"

#define PER_MILLE   1000
#define MINUTE_MS   60000
#define FEW         20  /* of fewer nothing is concluded */
#define SLOW_MIN    60  /* minutes to the first call, the middle one */
#define OWN_PM      100 /* of the leads, returned for the buyer's own cause */
#define TWICE_PEERS 2

static const char groups_sql[] = "SELECT advertiser_id, vertical, aff_id, state, COUNT(*), "
				 "SUM(CASE WHEN called_at > 0 THEN 1 ELSE 0 END) "
				 "FROM lives WHERE is_test = 0 AND state IN (1, 2, 3, 7) AND "
				 "delivered_at >= $1 AND delivered_at < $2 "
				 "GROUP BY advertiser_id, vertical, aff_id, state ORDER BY "
				 "advertiser_id, vertical, aff_id, state";
static const char calls_sql[] =
    "SELECT advertiser_id, called_at - delivered_at FROM lives WHERE is_test = 0 AND called_at > 0 "
    "AND "
    "delivered_at >= $1 AND delivered_at < $2 ORDER BY advertiser_id, called_at - delivered_at";
static const char words_sql[] =
    "SELECT v.advertiser_id, v.event, v.reason_code, COUNT(DISTINCT v.lead_id) FROM verdicts v "
    "JOIN lives l ON l.lead_id = v.lead_id AND l.advertiser_id = v.advertiser_id "
    "WHERE l.is_test = 0 AND l.state IN (1, 2, 3, 7) AND l.delivered_at >= $1 AND l.delivered_at < "
    "$2 AND "
    "v.event IN (6, 8) GROUP BY v.advertiser_id, v.event, v.reason_code "
    "ORDER BY v.advertiser_id, v.event, v.reason_code";

struct group {
	const char *advertiser, *source; /* vertical and webmaster */
	int64_t decided, returned;
};

struct source {
	int64_t decided, returned; /* of all buyers */
};

struct card {
	const char *advertiser;
	int64_t leads, approved, returned, waived, pending, called, unreachable, own_cause;
	int64_t call_ms;           /* the middle one; -1: nobody said */
	int64_t peers_returned_pm; /* of the same sources; -1: nobody else buys them */
};

struct scorecard {
	struct arena arena;
	struct map cards, sources;
	struct group *groups;
	size_t group_count, group_cap;
	const char *calls_of;
	int64_t *calls;
	size_t call_count, call_cap;
};

static struct card *card_of(struct scorecard *s, struct slice advertiser)
{
	struct card *c = map_get(&s->cards, advertiser);

	if (c)
		return c;
	c = arena_calloc(&s->arena, 1, sizeof(*c));
	*c = (struct card){.advertiser = arena_cstr(&s->arena, advertiser),
			   .call_ms = -1,
			   .peers_returned_pm = -1};
	map_put(&s->cards, advertiser, c);
	return c;
}

static struct source *source_of(struct scorecard *s, const char *name)
{
	struct source *f = map_get(&s->sources, slice_cstr(name));

	if (f)
		return f;
	f = arena_calloc(&s->arena, 1, sizeof(*f));
	map_put(&s->sources, slice_cstr(name), f);
	return f;
}

static void take_group(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct scorecard *s = ctx;
	struct card *card = card_of(s, c[0].bytes);
	const char *name = arena_printf(&s->arena, SLICE_FMT "|" SLICE_FMT, SLICE_ARG(c[1].bytes),
					SLICE_ARG(c[2].bytes));
	struct source *source = source_of(s, name);
	int64_t n = c[4].integer;
	bool decided = c[3].integer != LIFE_DELIVERED;

	card->leads += n;
	card->called += c[5].integer;
	card->approved += c[3].integer == LIFE_APPROVED ? n : 0;
	card->returned += c[3].integer == LIFE_RETURNED ? n : 0;
	card->waived += c[3].integer == LIFE_WAIVED ? n : 0;
	card->pending += decided ? 0 : n;
	if (!decided)
		return;
	source->decided += n;
	source->returned += c[3].integer == LIFE_RETURNED ? n : 0;
	s->groups = room_for_one(s->groups, s->group_count, &s->group_cap, sizeof(*s->groups));
	s->groups[s->group_count++] =
	    (struct group){card->advertiser, name, n, c[3].integer == LIFE_RETURNED ? n : 0};
}

static void end_calls(struct scorecard *s)
{
	if (s->call_count > 0)
		card_of(s, slice_cstr(s->calls_of))->call_ms = s->calls[s->call_count / 2];
	s->call_count = 0;
}

static void take_call(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct scorecard *s = ctx;

	if (!s->calls_of || !slice_is(c[0].bytes, s->calls_of)) {
		end_calls(s);
		s->calls_of = card_of(s, c[0].bytes)->advertiser;
	}
	s->calls = room_for_one(s->calls, s->call_count, &s->call_cap, sizeof(*s->calls));
	s->calls[s->call_count++] = c[1].integer;
}

static void take_words(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct scorecard *s = ctx;
	struct card *card = card_of(s, c[0].bytes);

	if (c[1].integer == EVENT_UNREACHABLE)
		card->unreachable += c[3].integer;
	else if (return_fault_of(arena_cstr(&s->arena, c[2].bytes)) == FAULT_BUYER)
		card->own_cause += c[3].integer;
}

/* What the advertiser would have returned of its sources, had it returned as much as the other buyers of each. Own leads of one
 * source stand in one or two groups side by side. */
static void compare_with_peers(struct scorecard *s)
{
	for (size_t i = 0; i < map_count(&s->cards); i++) {
		int64_t expected_pm = 0, leads = 0;
		struct slice key;
		void *value;
		struct card *card;

		(void)map_at(&s->cards, i, &key, &value);
		card = value;
		for (size_t g = 0; g < s->group_count; g++) {
			struct source *source;
			int64_t own = 0, own_returned = 0;
			size_t last = g;

			if (s->groups[g].advertiser != card->advertiser)
				continue;
			for (; last < s->group_count &&
			       s->groups[last].advertiser == card->advertiser &&
			       strcmp(s->groups[last].source, s->groups[g].source) == 0;
			     last++) {
				own += s->groups[last].decided;
				own_returned += s->groups[last].returned;
			}
			source = source_of(s, s->groups[g].source);
			g = last - 1;
			if (source->decided == own)
				continue;
			expected_pm += own * PER_MILLE * (source->returned - own_returned) /
				       (source->decided - own);
			leads += own;
		}
		if (leads > 0)
			card->peers_returned_pm = expected_pm / leads;
	}
}

static int64_t share_pm(int64_t of, int64_t all)
{
	return all > 0 ? of * PER_MILLE / all : 0;
}

/* One word for who should act. Nothing is concluded from a few. */
static const char *finding(const struct card *c)
{
	int64_t decided = c->leads - c->pending, returned_pm = share_pm(c->returned, decided);

	if (c->leads < FEW)
		return "too few";
	if (share_pm(c->own_cause, c->leads) >= OWN_PM)
		return "empty";
	if (c->call_ms >= SLOW_MIN * MINUTE_MS && c->called >= FEW)
		return "slow";
	if (decided >= FEW && c->peers_returned_pm >= 0 && returned_pm > 0 &&
	    returned_pm > TWICE_PEERS * c->peers_returned_pm)
		return "returns more than others";
	return "fine";
}

static void write_card(FILE *out, enum report_format format, const struct card *c)
{
	int64_t decided = c->leads - c->pending,
		minutes = c->call_ms < 0 ? -1 : c->call_ms / MINUTE_MS;
	int64_t reached_pm = PER_MILLE - share_pm(c->unreachable, c->leads);
	int64_t returned_pm = share_pm(c->returned, decided);
	char call[24] = "-", peers[24] = "-";

	if (minutes >= 0)
		snprintf(call, sizeof(call), "%lld min", (long long)minutes);
	if (c->peers_returned_pm >= 0)
		snprintf(peers, sizeof(peers), "%lld.%lld %%", (long long)c->peers_returned_pm / 10,
			 (long long)c->peers_returned_pm % 10);
	if (format == REPORT_CSV)
		write_csv_text(out, slice_cstr(c->advertiser));
	if (format == REPORT_JSON) {
		fputc('{', out);
		write_json_text(out, "advertiser", slice_cstr(c->advertiser));
	}
	if (format == REPORT_TEXT)
		fprintf(out,
			"%-20s %8lld %8lld %8lld %8lld %8lld %9s %6lld.%lld %% %6lld.%lld %% %8s "
			"%8lld  %s\n",
			c->advertiser, (long long)c->leads, (long long)c->pending,
			(long long)c->approved, (long long)c->returned, (long long)c->waived, call,
			(long long)reached_pm / 10, (long long)reached_pm % 10,
			(long long)returned_pm / 10, (long long)returned_pm % 10, peers,
			(long long)c->own_cause, finding(c));
	else if (format == REPORT_CSV)
		fprintf(out, ",%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%s\n",
			(long long)c->leads, (long long)c->pending, (long long)c->approved,
			(long long)c->returned, (long long)c->waived, (long long)c->called,
			(long long)minutes, (long long)reached_pm, (long long)returned_pm,
			(long long)c->peers_returned_pm, (long long)c->own_cause, finding(c));
	else
		fprintf(out,
			",\"leads\":%lld,\"pending\":%lld,\"approved\":%lld,\"returned\":%lld,"
			"\"waived\":%lld,\"called\":%lld,\"call_minutes\":%lld,\"reached_per_"
			"mille\":%lld,"
			"\"returned_per_mille\":%lld,\"peers_returned_per_mille\":%lld,\"own_"
			"cause\":%lld,"
			"\"finding\":\"%s\"}\n",
			(long long)c->leads, (long long)c->pending, (long long)c->approved,
			(long long)c->returned, (long long)c->waived, (long long)c->called,
			(long long)minutes, (long long)reached_pm, (long long)returned_pm,
			(long long)c->peers_returned_pm, (long long)c->own_cause, finding(c));
}

static void write_head(FILE *out, enum report_format format)
{
	if (format == REPORT_TEXT)
		fprintf(out, "%-20s %8s %8s %8s %8s %8s %9s %10s %10s %8s %8s  %s\n", "advertiser",
			"leads", "pending", "approved", "returned", "waived", "1st call", "reached",
			"returned", "others", "own", "finding");
	if (format == REPORT_CSV)
		fputs("advertiser,leads,pending,approved,returned,waived,called,call_minutes,"
		      "reached_per_mille,"
		      "returned_per_mille,peers_returned_per_mille,own_cause,finding\n",
		      out);
}

static enum result read_cards(struct store *store, const struct report_period *period,
			      struct scorecard *s, struct error *ret_error)
{
	struct db_value params[] = {db_int(period->from_ms), db_int(period->to_ms)};
	struct db *d = store_db(store);
	enum result r = db_add(d, groups_sql, params, ARRAY_LEN(params), take_group, s, ret_error);

	if (r == RESULT_OK)
		r = db_add(d, calls_sql, params, ARRAY_LEN(params), take_call, s, ret_error);
	if (r == RESULT_OK)
		r = db_add(d, words_sql, params, ARRAY_LEN(params), take_words, s, ret_error);
	if (r == RESULT_OK)
		r = db_flush(d, ret_error);
	if (r == RESULT_OK)
		end_calls(s);
	return r;
}

static void free_cards(struct scorecard *s)
{
	map_free(&s->cards);
	map_free(&s->sources);
	arena_free(&s->arena);
	free(s->groups);
	free(s->calls);
}

enum result report_scorecard_advertisers(struct store *store, const struct report_period *period,
					 enum report_format format, FILE *out,
					 struct error *ret_error)
{
	struct scorecard s = {0};
	struct slice key;
	void *card;
	enum result r = read_cards(store, period, &s, ret_error);

	if (r == RESULT_OK) {
		compare_with_peers(&s);
		write_head(out, format);
		for (size_t i = 0; map_at(&s.cards, i, &key, &card); i++)
			write_card(out, format, card);
	}
	free_cards(&s);
	return r;
}

enum result report_standings(struct store *store, const struct report_period *period,
			     standing_fn fn, void *ctx, struct error *ret_error)
{
	struct scorecard s = {0};
	struct slice key;
	void *value;
	enum result r = read_cards(store, period, &s, ret_error);

	for (size_t i = 0; r == RESULT_OK && map_at(&s.cards, i, &key, &value); i++) {
		const struct card *c = value;
		struct standing standing = {.advertiser = c->advertiser,
					    .leads = c->leads,
					    .called = c->called,
					    .own_cause = c->own_cause,
					    .call_ms = c->call_ms};

		fn(ctx, &standing);
	}
	free_cards(&s);
	return r;
}

/* Whole numbers, and the rule's own: what is measured is at the threshold, or past it. */
enum standing_finding standing_judge(const struct standing *s, const struct standing_rule *rule)
{
	if (s->leads < rule->least_leads || s->leads == 0)
		return STANDING_TOO_FEW;
	if (rule->own_cause_percent > 0 && s->own_cause * 100 >= rule->own_cause_percent * s->leads)
		return STANDING_EMPTY;
	if (rule->slow_minutes > 0 && s->called >= rule->least_leads &&
	    s->call_ms >= rule->slow_minutes * MINUTE_MS)
		return STANDING_SLOW;
	return STANDING_FINE;
}
