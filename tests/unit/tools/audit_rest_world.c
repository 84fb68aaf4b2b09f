/* audit_rest_world: see audit_rest_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

#include "audit_rest_world.h"
#include "base/hash.h"

struct lead_id id_of(int64_t n)
{
	uint8_t random[10];
	uint64_t x = hash_mix((uint64_t)n + 1), y = hash_mix(x);

	memcpy(random, &x, 8);
	memcpy(random + 8, &y, 2);
	return lead_id_make(BEGIN_MS + n * (MS_PER_HOUR / LEADS_HOUR), random);
}

static enum end end_of(int64_t n)
{
	return (enum end)(n % ENDS);
}

struct audit_at here(struct world *w, enum audit_topic topic, int64_t *offset)
{
	struct audit_at at = {0, (*offset)++};

	EACH(w, a) audit_seen(*a, topic, at, w->now_ms);
	return at;
}

/* --- the ledger --- */

void life(struct world *w, int64_t n, uint32_t round, int state)
{
	for (size_t i = 0; i < w->row_count; i++) {
		struct row *r = &w->rows[i];

		if (r->what == 0 && r->lead == n && r->round == round) {
			r->state = state;
			return;
		}
	}
	w->rows[w->row_count++] = (struct row){n, round, 0, state};
}

void transfer(struct world *w, int64_t n, uint32_t round, int event)
{
	w->rows[w->row_count++] = (struct row){n, round, event, 0};
}

static void tell_row(struct audit *a, const struct row *r, int64_t sums[5])
{
	struct lead_id id = id_of(r->lead);
	int64_t p = PRICE_MINOR, q = PAYOUT_MINOR;
	const int64_t amounts[][5] = {[CREDIT] = {0, p, -q, q - p, 0},
				      [APPROVE] = {0, 0, q, 0, -q},
				      [REVERSE] = {0, -p, q, p - q, 0}};

	if (r->what == 0) {
		audit_life(a, &id, r->round, r->state, false);
		return;
	}
	audit_transfer(a, &id, r->round, r->what, "RUB");
	for (int k = 1; k <= 4; k++) {
		if (amounts[r->what][k])
			audit_entry(a, &id, r->round, r->what, k, amounts[r->what][k]);
		sums[k] += amounts[r->what][k];
	}
}

void tell_ledger(struct world *w)
{
	static const char *const names[] = {"", "advertisers:bank:receivable", "webmasters:w:hold",
					    "network:margin", "webmasters:w:payable"};

	EACH(w, a)
	{
		int64_t sums[5] = {0};

		for (size_t i = 0; i < w->row_count; i++)
			if (w->rows[i].lead >= 0 && w->rows[i].what) {
				int64_t p = PRICE_MINOR, q = PAYOUT_MINOR;
				int e = w->rows[i].what;

				sums[1] += e == CREDIT ? p : e == REVERSE ? -p : 0;
				sums[2] += e == CREDIT ? -q : q;
				sums[3] += e == CREDIT ? q - p : e == REVERSE ? p - q : 0;
				sums[4] += e == APPROVE ? -q : 0;
			}
		audit_committed(*a, AUDIT_OUTCOMES, 0, w->outcomes);
		audit_ledger_begin(*a);
		for (int k = 1; k <= 4; k++)
			audit_account(*a, k, names[k], "RUB", sums[k]);
		memset(sums, 0, sizeof(sums));
		for (size_t i = 0; i < w->row_count; i++)
			if (w->rows[i].lead >= 0)
				tell_row(*a, &w->rows[i], sums);
		audit_ledger_end(*a);
	}
}

/* --- the topics --- */

void tell_outcome(struct world *w, int64_t n, uint32_t round, int kind)
{
	struct audit_outcome o = {.at = here(w, AUDIT_OUTCOMES, &w->outcomes),
				  .id = id_of(n),
				  .kind = kind,
				  .round = round,
				  .order_id = round ? "o2" : "o1",
				  .price = {PRICE_MINOR, "RUB"},
				  .payout_minor = PAYOUT_MINOR};

	EACH(w, a) audit_outcome(*a, &o);
}

int64_t tell_settled(struct world *w, int64_t n, uint32_t round, int settlement)
{
	struct audit_at at = here(w, AUDIT_MARKET, &w->market);
	struct audit_settled s = {.outbox = {0, w->outbox++},
				  .id = id_of(n),
				  .settlement = settlement,
				  .round = round,
				  .order_id = round ? "o2" : "o1",
				  .price_minor = PRICE_MINOR};

	EACH(w, a) audit_settled(*a, at, w->now_ms, &s);
	return at.offset;
}

void tell_decision(struct world *w, int64_t n, uint32_t round, int64_t market, bool sold)
{
	struct audit_decision d = {
	    .at = here(w, sold ? AUDIT_ROUTED : AUDIT_UNSOLD, sold ? &w->routed : &w->unsold),
	    .market = {0, market},
	    .id = id_of(n),
	    .round = round,
	    .order_id = !sold   ? NULL
			: round ? "o2"
				: "o1",
	    .vertical = "v",
	    .price = {PRICE_MINOR, "RUB"},
	    .payout_minor = PAYOUT_MINOR,
	    .exclusive = true,
	    .advertiser_id = "bank"};

	EACH(w, a) audit_decided(*a, &d);
}

static void attempt(struct world *w, int64_t n, uint32_t round)
{
	struct audit_at at = here(w, AUDIT_ATTEMPTS, &w->attempts);
	struct lead_id id = id_of(n);

	EACH(w, a) audit_attempt(*a, at, &id, round, true);
}

/* An assignment's answer, as delivery, the ledger and the market have it. */
static int64_t answered(struct world *w, int64_t n, uint32_t round, int kind)
{
	attempt(w, n, round);
	tell_outcome(w, n, round, kind);
	life(w, n, round, kind == AUDIT_DELIVERED ? 1 : kind + 2);
	if (kind == AUDIT_DELIVERED)
		transfer(w, n, round, CREDIT);
	return tell_settled(w, n, round, kind);
}

int64_t comes_in(struct world *w, int64_t n)
{
	struct audit_at raw = here(w, AUDIT_RAW, &w->raw), judged, market;
	struct lead_id id = id_of(n);
	bool waits = end_of(n) == IN_QUARANTINE;
	struct audit_judged j = {.raw = raw, .id = id, .has_reasons = true};

	j.verdict = end_of(n) == REJECTED ? AUDIT_REJECTED
		    : waits               ? AUDIT_QUARANTINED
					  : AUDIT_ACCEPTED;
	EACH(w, a) audit_raw(*a, raw, &id);
	j.at = judged = here(w, AUDIT_JUDGED, &w->judged);
	EACH(w, a) audit_judged(*a, &j);
	if (end_of(n) == REJECTED)
		return 0;
	market = here(w, AUDIT_MARKET, &w->market);
	EACH(w, a)
	audit_admitted(*a, market, w->now_ms, judged, &id, waits ? w->now_ms + MS_PER_DAY : 0);
	if (!waits)
		return market.offset;
	market = here(w, AUDIT_MARKET, &w->market);
	EACH(w, a) audit_wait_ended(*a, market, w->now_ms, &id, false);
	return market.offset;
}

static void first_hour(struct world *w, int64_t n)
{
	int64_t market = comes_in(w, n);
	enum end end = end_of(n);

	if (end == REJECTED)
		return;
	tell_decision(w, n, 0, market, end != UNSOLD);
	if (end == UNSOLD)
		return;
	if (end == REFUSED_THEN_SOLD || end == REFUSED_THEN_UNSOLD) {
		market = answered(w, n, 0, AUDIT_REFUSED);
		tell_decision(w, n, 1, market, end == REFUSED_THEN_SOLD);
		if (end == REFUSED_THEN_SOLD)
			(void)answered(w, n, 1, AUDIT_DELIVERED);
	} else if (end == UNRESOLVED || end == UNRESOLVED_THEN_DELIVERED) {
		(void)answered(w, n, 0, AUDIT_UNRESOLVED);
	} else {
		(void)answered(w, n, 0, AUDIT_DELIVERED);
	}
}

void judged_by_its_buyer(struct world *w, int64_t n, int kind)
{
	uint32_t round = end_of(n) == REFUSED_THEN_SOLD;

	tell_outcome(w, n, 0, kind);
	life(w, n, round, kind == AUDIT_APPROVED ? 2 : 3);
	transfer(w, n, round, kind == AUDIT_APPROVED ? APPROVE : REVERSE);
	(void)tell_settled(w, n, round, kind);
}

static void later(struct world *w, int64_t n)
{
	switch (end_of(n)) {
	case APPROVED:
	case REFUSED_THEN_SOLD:
	case IN_QUARANTINE:
		judged_by_its_buyer(w, n, AUDIT_APPROVED);
		return;
	case RETURNED:
		judged_by_its_buyer(w, n, AUDIT_RETURNED);
		return;
	case UNRESOLVED_THEN_DELIVERED:
		(void)answered(w, n, 0, AUDIT_DELIVERED);
		return;
	default:
		return;
	}
}

static void tell_market_begin(struct world *w)
{
	struct audit_at at = here(w, AUDIT_MARKET, &w->market);
	struct audit_terms order = {.order_id = "o1",
				    .vertical = "v",
				    .revision = 1,
				    .price = {PRICE_MINOR, "RUB"},
				    .advertiser_id = "bank",
				    .share_limit = 1};

	EACH(w, a) audit_order(*a, at, w->now_ms, &order);
	order.order_id = "o2";
	at = here(w, AUDIT_MARKET, &w->market);
	EACH(w, a) audit_order(*a, at, w->now_ms, &order);
}

void report(struct world *w)
{
	int64_t next[AUDIT_TOPICS] = {w->raw,    w->judged,   w->market,  w->routed,
				      w->unsold, w->attempts, w->outcomes};

	for (int i = 0; i < 2; i++) {
		for (int t = 0; t < AUDIT_TOPICS; t++)
			audit_committed(w->a[i], t, 0, next[t]);
		audit_report(w->a[i], w->lines[i]);
	}
}

void play_hour(struct world *w, int hour)
{
	for (int64_t n = (int64_t)hour * LEADS_HOUR; n < (int64_t)(hour + 1) * LEADS_HOUR; n++) {
		w->now_ms = BEGIN_MS + n * (MS_PER_HOUR / LEADS_HOUR) + 500;
		first_hour(w, n);
		if (n >= VERDICT_LAG * LEADS_HOUR)
			later(w, n - (int64_t)VERDICT_LAG * LEADS_HOUR);
	}
	tell_ledger(w);
	report(w);
}

struct world *world_start(int64_t remember_ms)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	for (int i = 0; i < 2; i++) {
		w->a[i] = audit_new();
		audit_set_key(w->a[i], 77);
		audit_set_rest(w->a[i], &(struct audit_rest_settings){i ? SIZE_MAX : 1, MS_PER_HOUR,
								      remember_ms});
	}
	w->now_ms = BEGIN_MS;
	tell_market_begin(w);
	return w;
}

void world_stop(struct world *w)
{
	audit_free(w->a[0]);
	audit_free(w->a[1]);
	free(w);
}

struct world *world_played(int64_t remember_ms)
{
	struct world *w = world_start(remember_ms);

	for (int hour = 0; hour < HOURS; hour++)
		play_hour(w, hour);
	return w;
}
