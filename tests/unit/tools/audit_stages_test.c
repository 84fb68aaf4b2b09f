/* What the auditor says of stages as a whole: sums that a loss and a double don't cancel in, backlog in time, spans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

#include "tools/audit_core.h"

#define NOON_MS (INT64_C(490000) * 3600000)

static struct lead_id id_of(uint8_t n)
{
	const uint8_t random[10] = {n, 7, 7, 7, 7, 7, 7, 7, 7, n};

	return lead_id_make(NOON_MS, random);
}

static struct audit_at at(int64_t offset)
{
	return (struct audit_at){0, offset};
}

static void admit(struct audit *a, uint8_t n)
{
	struct lead_id id = id_of(n);
	struct audit_judged j = {.at = at(n), .raw = at(n), .id = id, .verdict = AUDIT_ACCEPTED};

	audit_raw(a, at(n), &id);
	audit_judged(a, &j);
	audit_admitted(a, at(n), NOON_MS + n, at(n), &id, 0);
}

/* One is decided, the other is not; a third, of the same minute, that never was in the market is. */
static void a_loss_and_a_double_of_one_minute_dont_cancel(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];
	struct audit *a = audit_new();
	struct lead_id stranger = id_of(9);

	audit_set_key(a, 0x1234567);
	admit(a, 0);
	admit(a, 1);
	audit_raw(a, at(2), &stranger);
	audit_decided(a, &(struct audit_decision){.at = at(0), .market = at(0), .id = id_of(0)});
	audit_report(a, lines);
	assert_int_equal(lines[AUDIT_SUMS].broken, 0); /* one is under way */
	audit_decided(a, &(struct audit_decision){.at = at(1), .market = at(1), .id = stranger});
	audit_report(a, lines);
	assert_int_equal(lines[AUDIT_SUMS].broken, 1);
	assert_non_null(strstr(lines[AUDIT_SUMS].first, "2 and 2, and not the same ones"));
	audit_free(a);
}

static void sums_of_another_key_are_other_sums(_unused_ void **state)
{
	struct audit_line one[AUDIT_INVARIANTS], other[AUDIT_INVARIANTS];
	struct audit *a = audit_new(), *b = audit_new();

	audit_set_key(a, 1);
	audit_set_key(b, 2);
	admit(a, 0);
	admit(b, 0);
	audit_report(a, one);
	audit_report(b, other);
	assert_int_equal(one[AUDIT_SUMS].count, other[AUDIT_SUMS].count);
	assert_int_not_equal(one[AUDIT_SUMS].hash, other[AUDIT_SUMS].hash);
	audit_free(a);
	audit_free(b);
}

static void the_backlog_is_the_age_of_the_first_record_that_is_not_committed(_unused_ void **state)
{
	struct audit_stage_line stages[AUDIT_STAGES];
	struct audit *a = audit_new();

	/* A record a second; more of them than moments are remembered. */
	for (int64_t n = 0; n < 4 * AUDIT_MILESTONES_MAX; n++)
		audit_seen(a, AUDIT_RAW, at(n), NOON_MS + n * 1000);
	for (int64_t next = 0; next < 4 * AUDIT_MILESTONES_MAX; next += 97) {
		int64_t now_ms = NOON_MS + 4 * AUDIT_MILESTONES_MAX * 1000, age_ms;

		audit_committed(a, AUDIT_RAW, 0, next);
		audit_stages(a, now_ms, stages);
		age_ms = now_ms - (NOON_MS + next * 1000);
		/* It may say a little more, never less: the spacing of the moments has doubled. */
		assert_in_range(stages[AUDIT_JUDGING].behind_ms, age_ms, age_ms + 8000);
	}
	audit_committed(a, AUDIT_RAW, 0, 4 * AUDIT_MILESTONES_MAX);
	audit_stages(a, NOON_MS, stages);
	assert_int_equal(stages[AUDIT_JUDGING].behind_ms, 0);
	audit_free(a);
}

static void what_lies_outside_a_span_is_nobodys_fault(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];
	struct audit *a = audit_new();
	struct lead_id before = id_of(1), within = id_of(2), after = id_of(3);
	struct audit_judged j = {.verdict = AUDIT_ACCEPTED};

	audit_of_a_span(a);
	audit_committed(a, AUDIT_RAW, 0, 100);
	audit_raw(a, at(2), &within);
	for (uint8_t n = 1; n <= 3; n++) {
		j.at = j.raw = at(n);
		j.id = n == 1 ? before : n == 2 ? within : after;
		audit_judged(a, &j);
		audit_admitted(a, at(n), NOON_MS + n, at(n), &j.id, 0);
	}
	audit_life(a, &before, 0, 1, false);
	audit_report(a, lines);
	for (enum audit_invariant i = 0; i < AUDIT_INVARIANTS; i++)
		assert_int_equal(lines[i].broken, 0);
	assert_int_equal(lines[AUDIT_RAW_JUDGED].count, 1);
	assert_int_equal(lines[AUDIT_ACCEPTED_ADMITTED].count, 1);
	assert_int_equal(lines[AUDIT_ADMITTED_DECIDED].pending, 1);
	audit_free(a);
}

/* The first record of a lead was put aside, and an operator put it in again. */
static void a_lead_that_was_retried_is_accounted_for_by_its_new_record(_unused_ void **state)
{
	struct audit_line lines[AUDIT_INVARIANTS];
	struct lead_id id = id_of(1);

	for (int judged = 0; judged < 2; judged++) {
		struct audit *a = audit_new();

		audit_committed(a, AUDIT_RAW, 0, 100);
		audit_dead_letter(a, "leads.raw", 0, 0);
		audit_raw(a, at(0), &id);
		audit_raw(a, at(1), &id);
		if (judged)
			audit_judged(a, &(struct audit_judged){.at = at(0),
							       .raw = at(1),
							       .id = id,
							       .verdict = AUDIT_REJECTED,
							       .has_reasons = true});
		audit_report(a, lines);
		assert_int_equal(lines[AUDIT_RAW_JUDGED].lost, !judged);
		assert_int_equal(lines[AUDIT_SUMS].broken, 0);
		if (!judged)
			assert_non_null(strstr(lines[AUDIT_RAW_JUDGED].first, "leads.raw/0@1: "));
		audit_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_loss_and_a_double_of_one_minute_dont_cancel),
	    cmocka_unit_test(sums_of_another_key_are_other_sums),
	    cmocka_unit_test(the_backlog_is_the_age_of_the_first_record_that_is_not_committed),
	    cmocka_unit_test(what_lies_outside_a_span_is_nobodys_fault),
	    cmocka_unit_test(a_lead_that_was_retried_is_accounted_for_by_its_new_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
