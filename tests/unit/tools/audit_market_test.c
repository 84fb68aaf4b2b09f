/* The auditor over random small markets with every kind of term, as the production router decides them: no finding. Then a
 * constraint of the router is switched off, and the auditor, which shares no code with it, says so under the right name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "router/core/constraint.h"
#include "tests/unit/router/model_world.h"
#include "tools/audit_read.h"

#ifdef __SANITIZE_ADDRESS__
#define MARKETS 500
#else
#define MARKETS 3000
#endif
#define STEPS        80
#define MARKETS_LEFT 3000 /* in which a constraint that is switched off must be seen */

struct watched {
	struct both both;
	struct audit *audit;
	int64_t leads, routed, unsold;
};

static struct bus_record record_at(int64_t offset, int64_t time_ms)
{
	return (struct bus_record){.offset = offset, .timestamp_ms = time_ms};
}

/* What must stand before a lead in the market, told by hand. */
static void tell_lead(struct watched *w, const Punnet__V1__MarketEvent *event)
{
	struct audit_at at = {0, w->leads};
	struct audit_judged judged = {.at = {0, (int64_t)event->source->offset}, .raw = at};
	struct lead_id id;

	assert_true(lead_id_from_bytes(event->lead_id.data, event->lead_id.len, &id));
	judged.id = id;
	judged.verdict = event->admitted->quarantined_until_ms ? AUDIT_QUARANTINED : AUDIT_ACCEPTED;
	audit_raw(w->audit, at, &id);
	audit_judged(w->audit, &judged);
	w->leads++;
}

static void tap(void *ctx, const Punnet__V1__MarketEvent *event, int64_t now_ms, uint64_t offset,
		const struct decisions *decisions)
{
	struct watched *w = ctx;
	struct bus_record at = record_at((int64_t)offset, now_ms);

	if (event->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED)
		tell_lead(w, event);
	audit_take(w->audit, SCAN_MARKET, &at, event);
	for (size_t i = 0; i < decisions->count; i++) {
		const struct decision *d = &decisions->items[i];

		at = record_at(d->routed ? w->routed++ : w->unsold++, now_ms);
		audit_take(w->audit, d->routed ? SCAN_ROUTED : SCAN_UNSOLD, &at,
			   d->routed ? (const void *)d->routed : (const void *)d->unsold);
	}
}

static void play_market(uint64_t seed, struct audit_line ret[AUDIT_INVARIANTS])
{
	struct watched w = {.audit = audit_new()};

	/* Not by both_start(): the tap must be there before the first order. */
	w.both = (struct both){.rng = rng_seed(seed), .model = {.now = MODEL_START_MS}};
	w.both.model.cards[0].share_bp = w.both.model.cards[1].share_bp = 7000;
	play_start(&w.both.play);
	w.both.play.tap = tap;
	w.both.play.tap_ctx = &w;
	for (int i = 0; i < 10; i++)
		draw_order(&w.both, true);
	for (int step = 0; step < STEPS; step++)
		both_step(&w.both);
	audit_committed(w.audit, AUDIT_MARKET, 0, (int64_t)w.both.play.next_offset);
	audit_report(w.audit, ret);
	audit_free(w.audit);
	both_stop(&w.both);
}

/* What this traffic says about the ledger's answers is drawn by lot: whether payout may say it is not looked at. */
static bool is_looked_at(enum audit_invariant i)
{
	return i >= AUDIT_ACCEPTED_ADMITTED && i <= AUDIT_HOLDS;
}

static void the_routers_decisions_are_never_found(_unused_ void **state)
{
	uint64_t counted[AUDIT_INVARIANTS] = {0};
	struct audit_line lines[AUDIT_INVARIANTS];

	for (uint64_t seed = 1; seed <= MARKETS; seed++) {
		play_market(seed, lines);
		for (enum audit_invariant i = 0; i < AUDIT_INVARIANTS; i++) {
			counted[i] += lines[i].count;
			if (is_looked_at(i) && lines[i].broken)
				fail_msg("market %llu: %s: %s", (unsigned long long)seed,
					 audit_name(i), lines[i].first);
		}
	}
	for (enum audit_invariant i = AUDIT_TERMS; i <= AUDIT_HOLDS; i++)
		assert_true(counted[i] > MARKETS);
}

#ifdef PUNNET_FAULTS
static const struct {
	enum constraint_id off;
	enum audit_invariant found;
} broken[] = {
    {CONSTRAINT_already_offered, AUDIT_TERMS}, {CONSTRAINT_active, AUDIT_TERMS},
    {CONSTRAINT_country, AUDIT_TERMS},         {CONSTRAINT_price, AUDIT_TERMS},
    {CONSTRAINT_margin, AUDIT_TERMS},          {CONSTRAINT_schedule, AUDIT_TERMS},
    {CONSTRAINT_sharing, AUDIT_SHARING},       {CONSTRAINT_cap_total, AUDIT_CAPS},
    {CONSTRAINT_cap_month, AUDIT_CAPS},        {CONSTRAINT_cap_week, AUDIT_CAPS},
    {CONSTRAINT_cap_day, AUDIT_CAPS},          {CONSTRAINT_cap_hour, AUDIT_CAPS},
    {CONSTRAINT_cap_webmaster, AUDIT_CAPS},    {CONSTRAINT_budget_total, AUDIT_BUDGETS},
    {CONSTRAINT_budget_day, AUDIT_BUDGETS},    {CONSTRAINT_funds, AUDIT_FUNDS},
    {CONSTRAINT_advertiser_held, AUDIT_HOLDS},
};

static void a_router_without_one_of_its_constraints_is_found(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		uint64_t seed = 1;

		constraint_switch_off(broken[i].off);
		do
			play_market(seed, lines);
		while (lines[broken[i].found].broken == 0 && seed++ < MARKETS_LEFT);
		constraint_switch_off(CONSTRAINTS);
		if (lines[broken[i].found].broken == 0)
			fail_msg("without %s, %s found nothing", constraint_name(broken[i].off),
				 audit_name(broken[i].found));
		assert_non_null(strstr(lines[broken[i].found].first, "leads.routed/0@"));
		for (enum audit_invariant k = 0; k < AUDIT_INVARIANTS; k++)
			if (k != broken[i].found && k >= AUDIT_TERMS && k <= AUDIT_HOLDS)
				assert_int_equal(lines[k].broken, 0);
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_routers_decisions_are_never_found),
#ifdef PUNNET_FAULTS
	    cmocka_unit_test(a_router_without_one_of_its_constraints_is_found),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
