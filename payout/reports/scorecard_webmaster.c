/* scorecard_webmaster: what each of a webmaster's sub ids is worth to them: how much was approved beside what is still pending, what it
 * earned, why leads came back, and how many customers bought again. With the webmaster's own clicks and costs also what a click earns
 * and what remains.
 *
 * The cohort is the leads that were delivered in the period. */
#include <stdlib.h>

#include "base/map.h"
#include "base/room.h"
#include "payout/core/life.h"
#include "payout/reports/reports.h"
#include "payout/reports/write.h"
#include "payout/store/db.h"
#include "payout/store/store.h"

#define PER_MILLE 1000

#define CARD_SQL(column)                                                                           \
	"SELECT l." column ", l.currency, COUNT(*), "                                              \
	"SUM(CASE WHEN l.state IN (2, 7) THEN 1 ELSE 0 END), SUM(CASE WHEN l.state = 3 THEN 1 "    \
	"ELSE 0 END), "                                                                            \
	"SUM(CASE WHEN l.state = 1 THEN 1 ELSE 0 END), "                                           \
	"CAST(SUM(CASE WHEN l.state IN (2, 7) THEN l.payout ELSE 0 END) AS BIGINT), "              \
	"CAST(SUM(CASE WHEN l.state = 1 THEN l.payout ELSE 0 END) AS BIGINT) "                     \
	"FROM lives l WHERE l.aff_id = $1 AND l.is_test = 0 AND l.state IN (1, 2, 3, 7) AND "      \
	"l.delivered_at >= $2 AND l.delivered_at < $3 GROUP BY l." column                          \
	", l.currency ORDER BY l." column ", l.currency"
#define REASON_SQL(column)                                                                         \
	"SELECT l." column                                                                         \
	", l.reason_code, COUNT(*) FROM lives l WHERE l.aff_id = $1 AND l.is_test = 0 AND "        \
	"l.state = 3 AND l.delivered_at >= $2 AND l.delivered_at < $3 GROUP BY l." column          \
	", l.reason_code ORDER BY l." column ", COUNT(*) DESC, l.reason_code"
#define AGAIN_SQL(column)                                                                          \
	"SELECT sub, COUNT(*), SUM(CASE WHEN times > 1 THEN 1 ELSE 0 END) FROM (SELECT l." column  \
	" AS sub, COUNT(*) AS times FROM lives l JOIN verdicts v ON v.lead_id = l.lead_id AND "    \
	"v.advertiser_id = l.advertiser_id AND v.event = 7 AND v.standing = 2 WHERE l.aff_id = "   \
	"$1 AND "                                                                                  \
	"l.is_test = 0 AND l.delivered_at >= $2 AND l.delivered_at < $3 GROUP BY l.lead_id, "      \
	"l.round, l." column ") AS bought GROUP BY sub ORDER BY sub"
#define ALL_OF(macro)                                                                              \
	{                                                                                          \
		macro("sub1"), macro("sub2"), macro("sub3"), macro("sub4"), macro("sub5")          \
	}

static const char *const card_sql[] = ALL_OF(CARD_SQL);
static const char *const reason_sql[] = ALL_OF(REASON_SQL);
static const char *const again_sql[] = ALL_OF(AGAIN_SQL);

struct card {
	struct slice sub, currency;
	int64_t leads, approved, returned, pending, earned, may_earn, bought, bought_again;
	const char *reasons; /* "wrong_number 3, no_intent 1" */
};

struct scorecard {
	struct arena arena;
	struct card *cards;
	size_t count, cap;
};

static void take_card(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct scorecard *s = ctx;

	s->cards = room_for_one(s->cards, s->count, &s->cap, sizeof(*s->cards));
	s->cards[s->count++] = (struct card){.sub = arena_dup(&s->arena, c[0].bytes),
					     .currency = arena_dup(&s->arena, c[1].bytes),
					     .leads = c[2].integer,
					     .approved = c[3].integer,
					     .returned = c[4].integer,
					     .pending = c[5].integer,
					     .earned = c[6].integer,
					     .may_earn = c[7].integer,
					     .reasons = ""};
}

/* The first card of the sub id bears what is not money. */
static struct card *find(struct scorecard *s, struct slice sub)
{
	for (size_t i = 0; i < s->count; i++)
		if (slice_equal(s->cards[i].sub, sub))
			return &s->cards[i];
	return NULL;
}

static void take_reason(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct scorecard *s = ctx;
	struct card *card = find(s, c[0].bytes);
	struct slice code = c[1].bytes.len ? c[1].bytes : slice_cstr("unsaid");

	if (card)
		card->reasons = arena_printf(&s->arena, "%s%s" SLICE_FMT " %lld", card->reasons,
					     card->reasons[0] ? ", " : "", SLICE_ARG(code),
					     (long long)c[2].integer);
}

static void take_again(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct card *card = find(ctx, c[0].bytes);

	if (!card)
		return;
	card->bought = c[1].integer;
	card->bought_again = c[2].integer;
}

static int64_t share_pm(int64_t of, int64_t all)
{
	return all > 0 ? of * PER_MILLE / all : 0;
}

static void write_text(FILE *out, const struct card *c, const struct sub_costs *costs)
{
	char earned[MONEY_TEXT_MAX], epc[MONEY_TEXT_MAX], left[MONEY_TEXT_MAX];
	int64_t approved_pm = share_pm(c->approved, c->leads),
		pending_pm = share_pm(c->pending, c->leads);

	fprintf(out, "%-24.*s %8lld %8lld %5lld.%lld %% %5lld.%lld %% %18s", SLICE_ARG(c->sub),
		(long long)c->leads, (long long)c->approved, (long long)approved_pm / 10,
		(long long)approved_pm % 10, (long long)pending_pm / 10, (long long)pending_pm % 10,
		write_money(c->earned, c->currency, earned));
	if (c->bought > 0)
		fprintf(out, "  %lld bought, %lld again", (long long)c->bought,
			(long long)c->bought_again);
	if (costs && costs->clicks > 0)
		fprintf(out, "  EPC %s of %lld clicks, left %s",
			write_money(c->earned / costs->clicks, c->currency, epc),
			(long long)costs->clicks,
			write_money(c->earned - costs->cost_minor, c->currency, left));
	fprintf(out, "%s%s\n", c->reasons[0] ? "  returned: " : "", c->reasons);
}

static void write_row(FILE *out, enum report_format format, const struct card *c,
		      const struct sub_costs *costs)
{
	int64_t clicks = costs ? costs->clicks : 0, cost = costs ? costs->cost_minor : 0;
	int64_t roi_pm = cost > 0 ? (c->earned - cost) * PER_MILLE / cost : 0;

	if (format == REPORT_CSV) {
		write_csv_text(out, c->sub);
		fprintf(out,
			",%lld,%lld,%lld,%lld,%lld,%lld," SLICE_FMT ",%lld,%lld,%lld,%lld,%lld,",
			(long long)c->leads, (long long)c->approved, (long long)c->returned,
			(long long)c->pending, (long long)c->earned, (long long)c->may_earn,
			SLICE_ARG(c->currency), (long long)c->bought, (long long)c->bought_again,
			(long long)clicks, (long long)cost, (long long)roi_pm);
		write_csv_text(out, slice_cstr(c->reasons));
		fputc('\n', out);
		return;
	}
	fputc('{', out);
	write_json_text(out, "sub", c->sub);
	fprintf(out,
		",\"leads\":%lld,\"approved\":%lld,\"returned\":%lld,\"pending\":%lld,\"earned_"
		"minor\":%lld,"
		"\"pending_minor\":%lld,\"currency\":\"" SLICE_FMT
		"\",\"bought\":%lld,\"bought_again\":%lld,\"clicks\":%lld,\"cost_minor\":%lld,"
		"\"roi_per_mille\":%lld,",
		(long long)c->leads, (long long)c->approved, (long long)c->returned,
		(long long)c->pending, (long long)c->earned, (long long)c->may_earn,
		SLICE_ARG(c->currency), (long long)c->bought, (long long)c->bought_again,
		(long long)clicks, (long long)cost, (long long)roi_pm);
	write_json_text(out, "reasons", slice_cstr(c->reasons));
	fputs("}\n", out);
}

static void write_head(FILE *out, enum report_format format)
{
	if (format == REPORT_TEXT)
		fprintf(out, "%-24s %8s %8s %9s %9s %18s\n", "sub id", "leads", "approved",
			"of leads", "pending", "earned");
	if (format == REPORT_CSV)
		fputs("sub,leads,approved,returned,pending,earned_minor,pending_minor,currency,"
		      "bought,bought_again,"
		      "clicks,cost_minor,roi_per_mille,reasons\n",
		      out);
}

enum result report_scorecard_webmaster(struct store *store, const char *aff_id, unsigned sub,
				       const struct report_period *period, costs_fn costs,
				       void *ctx, enum report_format format, FILE *out,
				       struct error *ret_error)
{
	struct db_value params[] = {db_text(aff_id), db_int(period->from_ms),
				    db_int(period->to_ms)};
	struct db *d = store_db(store);
	struct scorecard s = {0};
	enum result r;

	assert(sub >= 1 && sub <= ARRAY_LEN(card_sql));
	r = db_add(d, card_sql[sub - 1], params, ARRAY_LEN(params), take_card, &s, ret_error);
	if (r == RESULT_OK)
		r = db_flush(d, ret_error);
	if (r == RESULT_OK)
		r = db_add(d, reason_sql[sub - 1], params, ARRAY_LEN(params), take_reason, &s,
			   ret_error);
	if (r == RESULT_OK)
		r = db_add(d, again_sql[sub - 1], params, ARRAY_LEN(params), take_again, &s,
			   ret_error);
	if (r == RESULT_OK)
		r = db_flush(d, ret_error);
	if (r == RESULT_OK)
		write_head(out, format);
	for (size_t i = 0; r == RESULT_OK && i < s.count; i++) {
		const struct sub_costs *c = costs ? costs(ctx, s.cards[i].sub) : NULL;

		if (format == REPORT_TEXT)
			write_text(out, &s.cards[i], c);
		else
			write_row(out, format, &s.cards[i], c);
	}
	arena_free(&s.arena);
	free(s.cards);
	return r;
}
