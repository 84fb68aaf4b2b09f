/* Leads at rest. Two auditors are told of the same hours, one of which keeps all leads: their findings are the same, hour by hour,
 * and what comes late or is falsified late is found by the other as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

#include "audit_rest_world.h"

static void expect_fine(const struct audit_line *lines)
{
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
		if (lines[i].broken)
			fail_msg("%s: %s", audit_name(i), lines[i].first);
}

static void expect_found(struct world *w, enum audit_invariant i, const char *text)
{
	if (!w->lines[0][i].broken)
		fail_msg("%s found nothing", audit_name(i));
	if (!strstr(w->lines[0][i].first, text))
		fail_msg("%s: %s, and not %s", audit_name(i), w->lines[0][i].first, text);
}

/* --- the tests --- */

static void who_lays_leads_to_rest_finds_what_one_finds_that_keeps_them(_unused_ void **state)
{
	struct world *w = world_start(REMEMBER_MS);

	for (int hour = 0; hour < HOURS; hour++) {
		play_hour(w, hour);
		expect_fine(w->lines[1]);
		expect_fine(w->lines[0]);
		for (size_t i = 0; i < AUDIT_INVARIANTS; i++) {
			if (w->lines[0][i].count != w->lines[1][i].count)
				fail_msg("hour %d: %s: %llu, and not %llu", hour, audit_name(i),
					 (unsigned long long)w->lines[0][i].count,
					 (unsigned long long)w->lines[1][i].count);
			assert_int_equal(w->lines[0][i].hash, w->lines[1][i].hash);
			assert_int_equal(w->lines[0][i].pending, w->lines[1][i].pending);
		}
	}
	assert_int_equal(audit_leads_kept(w->a[1]), LEADS);
	assert_true(audit_leads_kept(w->a[0]) < 10 * LEADS_HOUR);
	/* What can't change any more, and is older than it remembers: all but what nobody judged. */
	assert_true(audit_leads_forgotten(w->a[0]) > LEADS / 3);
	world_stop(w);
}

/* Number 0 is a reject, 1 unsold, 4 approved, 6 delivered and never judged. */
static void stored_once_more(struct world *w, int64_t n)
{
	struct audit_at raw = here(w, AUDIT_RAW, &w->raw);
	struct audit_judged j = {.at = here(w, AUDIT_JUDGED, &w->judged),
				 .raw = raw,
				 .id = id_of(n),
				 .verdict = AUDIT_ACCEPTED,
				 .has_reasons = true};

	EACH(w, a) audit_raw(*a, raw, &j.id);
	EACH(w, a) audit_judged(*a, &j);
	tell_ledger(w);
	report(w);
}

static void a_lead_at_rest_that_is_accepted_again_is_found(_unused_ void **state)
{
	static const enum end ends[] = {UNSOLD, APPROVED, NEVER_JUDGED, IN_QUARANTINE};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct world *w = world_played(MS_PER_DAY * 9);

		stored_once_more(w, ends[i]);
		expect_found(w, AUDIT_RAW_UNIQUE, "was accepted at");
		assert_int_equal(w->lines[0][AUDIT_RAW_UNIQUE].broken,
				 w->lines[1][AUDIT_RAW_UNIQUE].broken);
		world_stop(w);
	}
}

static void a_late_record_of_a_forgotten_minute_is_found(_unused_ void **state)
{
	struct world *w = world_played(REMEMBER_MS);

	stored_once_more(w, APPROVED);
	expect_found(w, AUDIT_RAW_UNIQUE, "over long since");
	world_stop(w);
	w = world_played(REMEMBER_MS);
	tell_decision(w, APPROVED, 1, w->market - 1, true);
	report(w);
	expect_found(w, AUDIT_ADMITTED_DECIDED, "was never received");
	world_stop(w);
}

static struct row *row_of(struct world *w, int64_t n, int what)
{
	for (size_t i = 0; i < w->row_count; i++)
		if (w->rows[i].lead == n && w->rows[i].what == what)
			return &w->rows[i];
	fail();
	return NULL;
}

static void money_that_is_falsified_later_is_found(_unused_ void **state)
{
	static const int64_t remembers[] = {REMEMBER_MS, MS_PER_DAY * 9};

	for (size_t i = 0; i < ARRAY_LEN(remembers); i++) {
		struct world *w = world_played(remembers[i]);

		/* Lost. */
		row_of(w, APPROVED, APPROVE)->lead = -1;
		tell_ledger(w);
		report(w);
		expect_found(w, AUDIT_SUMS, "rows of leads that were over: ");
		world_stop(w);
		/* Altered: its life. */
		w = world_played(remembers[i]);
		row_of(w, RETURNED, 0)->state = 2;
		tell_ledger(w);
		report(w);
		expect_found(w, AUDIT_SUMS, "and not the same");
		world_stop(w);
		/* Moved: two wrongs of the same number. */
		w = world_played(remembers[i]);
		row_of(w, RETURNED, REVERSE)->what = APPROVE;
		tell_ledger(w);
		report(w);
		expect_found(w, AUDIT_SUMS, "and not the same");
		world_stop(w);
		/* Made up, for a lead that had none. */
		w = world_played(remembers[i]);
		transfer(w, UNSOLD, 0, CREDIT);
		tell_ledger(w);
		report(w);
		assert_true(w->lines[0][AUDIT_SUMS].broken > 0);
		world_stop(w);
	}
}

static void a_verdict_that_comes_days_later_is_checked_as_ever(_unused_ void **state)
{
	struct world *w = world_played(REMEMBER_MS);

	/* Nobody said so. */
	life(w, NEVER_JUDGED, 0, 2);
	transfer(w, NEVER_JUDGED, 0, APPROVE);
	tell_ledger(w);
	report(w);
	expect_found(w, AUDIT_SUMS, "rows of leads that were over");
	/* And now somebody does: the whole life is looked at again. */
	judged_by_its_buyer(w, NEVER_JUDGED, AUDIT_APPROVED);
	w->row_count--; /* it was booked already */
	tell_ledger(w);
	report(w);
	expect_fine(w->lines[0]);
	assert_int_equal(w->lines[0][AUDIT_PAID_ONCE].count, w->lines[1][AUDIT_PAID_ONCE].count);
	world_stop(w);
}

static void a_buyer_that_is_let_off_long_after_is_no_finding(_unused_ void **state)
{
	struct world *w = world_played(REMEMBER_MS);

	tell_outcome(w, APPROVED, 0, AUDIT_WAIVED);
	EACH(w, a) audit_committed(*a, AUDIT_OUTCOMES, 0, w->outcomes - 1);
	audit_report(w->a[0], w->lines[0]);
	expect_fine(w->lines[0]);
	life(w, APPROVED, 0, 7);
	(void)tell_settled(w, APPROVED, 0, AUDIT_RETURNED);
	tell_ledger(w);
	report(w);
	expect_fine(w->lines[0]);
	/* What is changed after that is found. */
	life(w, APPROVED, 0, 2);
	tell_ledger(w);
	report(w);
	expect_found(w, AUDIT_SUMS, "rows of leads that were over");
	world_stop(w);
}

static void what_is_lost_or_under_way_does_not_go_to_rest(_unused_ void **state)
{
	struct world *w = world_start(REMEMBER_MS);
	int64_t market = comes_in(w, APPROVED);

	tell_decision(w, APPROVED, 0, market, true); /* and no outcome, ever */
	(void)comes_in(w, RETURNED);                 /* and no decision */
	for (int hour = 4; hour < HOURS; hour++)
		play_hour(w, hour);
	assert_int_equal(w->lines[0][AUDIT_ASSIGNED_ANSWERED].lost, 1);
	assert_int_equal(w->lines[1][AUDIT_ASSIGNED_ANSWERED].lost, 1);
	assert_int_equal(w->lines[0][AUDIT_ADMITTED_DECIDED].lost, 1);
	assert_int_equal(w->lines[1][AUDIT_ADMITTED_DECIDED].lost, 1);
	world_stop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_lays_leads_to_rest_finds_what_one_finds_that_keeps_them),
	    cmocka_unit_test(a_lead_at_rest_that_is_accepted_again_is_found),
	    cmocka_unit_test(a_late_record_of_a_forgotten_minute_is_found),
	    cmocka_unit_test(money_that_is_falsified_later_is_found),
	    cmocka_unit_test(a_verdict_that_comes_days_later_is_checked_as_ever),
	    cmocka_unit_test(a_buyer_that_is_let_off_long_after_is_no_finding),
	    cmocka_unit_test(what_is_lost_or_under_way_does_not_go_to_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
