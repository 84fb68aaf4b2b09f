/* What is agreed with an advertiser, as stories: the tax, the share of returns, whose fault a return is, what is due by
 * itself, and what the network takes on itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

#include "payout/core/tally.h"
#include "story.h"

#define VAT 9000

static void without_a_verdict_a_lead_is_approved_when_its_window_is_over(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(
	    &w,
	    {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	     CREDITED},
	    {8, EVENT_DUE, 0, NULL, NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_NONE, CREDITED},
	    {9, EVENT_DUE, 0, NULL, NULL, LIFE_APPROVED, IGNORED_NONE, FEEDBACK_APPROVED, PAYABLE},
	    {9, EVENT_DUE, 0, NULL, NULL, LIFE_APPROVED, IGNORED_NONE, FEEDBACK_NONE, PAYABLE},
	    {9, EVENT_RETURNED, 0, "a", "v1", LIFE_APPROVED, IGNORED_WINDOW_OVER, FEEDBACK_NONE,
	     PAYABLE},
	    {9, EVENT_APPROVED, 0, "a", "v2", LIFE_APPROVED, IGNORED_ALREADY_APPROVED,
	     FEEDBACK_NONE, PAYABLE});
	assert_int_equal(w.t.idle,
			 2); /* the first came too early, the third too late: counted, no row */
	world_end(&w);
}

/* The last moment of the window is inside it, and the log's order decides. */
static void a_return_that_stands_before_the_due_record_counts(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(&w,
	      {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	       CREDITED},
	      {8, EVENT_RETURNED, 0, "a", "v1 no_intent", LIFE_RETURNED, IGNORED_NONE,
	       FEEDBACK_RETURNED, NO_MONEY},
	      {9, EVENT_DUE, 0, NULL, NULL, LIFE_RETURNED, IGNORED_NONE, FEEDBACK_NONE, NO_MONEY});
	world_end(&w);
}

static void a_verdict_on_a_lead_that_nobody_has_is_answered_in_the_end(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(
	    &w, {1, EVENT_APPROVED, 0, "a", "v1", LIFE_NONE, IGNORED_NONE, FEEDBACK_NONE, NO_MONEY},
	    {31, EVENT_DUE, 0, NULL, NULL, LIFE_NONE, IGNORED_NONE, FEEDBACK_NONE, NO_MONEY},
	    {32, EVENT_DUE, 0, NULL, NULL, LIFE_NONE, IGNORED_UNKNOWN_LEAD, FEEDBACK_NONE,
	     NO_MONEY},
	    {33, EVENT_DUE, 0, NULL, NULL, LIFE_NONE, IGNORED_NONE, FEEDBACK_NONE, NO_MONEY},
	    {34, EVENT_APPROVED, 0, "a", "v1", LIFE_NONE, IGNORED_REPEAT, FEEDBACK_NONE, NO_MONEY},
	    {35, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	     CREDITED});
	world_end(&w);
}

static void the_buyers_own_cause_is_no_ground_for_a_return(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(&w,
	      {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	       CREDITED},
	      {2, EVENT_RETURNED, 0, "a", "v1 out_of_stock", LIFE_DELIVERED, IGNORED_OWN_CAUSE,
	       FEEDBACK_NONE, CREDITED},
	      {3, EVENT_RETURNED, 0, "a", "v2 its_own_word", LIFE_RETURNED, IGNORED_NONE,
	       FEEDBACK_RETURNED, NO_MONEY});
	world_end(&w);
}

static void where_it_is_agreed_the_network_bears_the_buyers_own_cause(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	w.contract.own_cause_borne = true;
	STORY(&w,
	      {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	       CREDITED},
	      {2, EVENT_RETURNED, 0, "a", "v1 no_answer", LIFE_WAIVED, IGNORED_NONE,
	       FEEDBACK_RETURNED, 0, -PAYOUT, 0, 0},
	      {3, EVENT_RETURNED, 0, "a", "v2", LIFE_WAIVED, IGNORED_ALREADY_WAIVED, FEEDBACK_NONE,
	       0, -PAYOUT, 0, 0});
	assert_int_equal(balance(&w, "network:borne"), PAYOUT);
	assert_int_equal(tally_at(&w.t, 0)->approved, 1); /* the source is not blamed */
	assert_int_equal(tally_at(&w.t, 0)->returned, 0);
	world_end(&w);
}

static void a_waiver_after_the_window_costs_the_network_alone(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(
	    &w,
	    {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	     CREDITED},
	    {9, EVENT_DUE, 0, NULL, NULL, LIFE_APPROVED, IGNORED_NONE, FEEDBACK_APPROVED, PAYABLE},
	    {40, EVENT_WAIVED, 0, "a", "w1 goodwill", LIFE_WAIVED, IGNORED_NONE, FEEDBACK_RETURNED,
	     0, -PAYOUT, 0, 0},
	    {41, EVENT_WAIVED, 0, "a", "w2 goodwill", LIFE_WAIVED, IGNORED_ALREADY_WAIVED,
	     FEEDBACK_NONE, 0, -PAYOUT, 0, 0},
	    {42, EVENT_DELIVERED, 0, "a", NULL, LIFE_WAIVED, IGNORED_REPEAT, FEEDBACK_NONE, 0,
	     -PAYOUT, 0, 0});
	assert_int_equal(balance(&w, "network:borne"), PAYOUT);
	world_end(&w);
}

static void the_tax_is_fixed_at_delivery_and_goes_back_with_a_return(_unused_ void **state)
{
	struct line repeat = {3, EVENT_DELIVERED, 0, "a"};
	struct error error = {0};
	struct outcome o;
	struct world w;

	world_begin(&w);
	w.contract.vat_bp = 2000;
	STORY(&w, {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE,
		   FEEDBACK_DELIVERED, -PAYOUT, 0, -(PRICE - PAYOUT), PRICE + VAT});
	assert_int_equal(balance(&w, "network:vat"), -VAT);
	w.contract.vat_bp = 1000; /* from tomorrow: the same delivery again is still the same */
	o = outcome_of(&w, &repeat, 1);
	assert_int_equal(settle(&w.t, &o, &error), RESULT_OK);
	assert_int_equal(w.t.transfer_count, 1);
	STORY(&w, {4, EVENT_RETURNED, 0, "a", "v1", LIFE_RETURNED, IGNORED_NONE, FEEDBACK_RETURNED,
		   NO_MONEY});
	assert_int_equal(balance(&w, "network:vat"), 0);
	world_end(&w);
}

/* 2 % of at least 100 leads: two returns. */
static void returns_count_up_to_the_share_of_the_month(_unused_ void **state)
{
	static const enum life_state expected[] = {LIFE_RETURNED, LIFE_RETURNED, LIFE_DELIVERED};
	struct world w;

	world_begin(&w);
	w.contract.returns_max_bp = 200;
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		struct line delivered = {1, EVENT_DELIVERED, 0, "a"};
		struct line returned = {2, EVENT_RETURNED, 0, "a", "v1 no_intent"};
		struct error error = {0};
		struct outcome o;

		w.lead.bytes[15] = (uint8_t)i;
		o = outcome_of(&w, &delivered, 2 * i);
		assert_int_equal(settle(&w.t, &o, &error), RESULT_OK);
		o = outcome_of(&w, &returned, 2 * i + 1);
		assert_int_equal(settle(&w.t, &o, &error), RESULT_OK);
		assert_int_equal(settlement_dossier(&w.t, &w.lead)->lives[0].state, expected[i]);
	}
	assert_int_equal(w.t.ignored_count, 1);
	assert_int_equal(w.t.ignored[0].why, IGNORED_SHARE_OVER);
	assert_int_equal(settlement_share_at(&w.t, 0)->delivered_now, 3);
	assert_int_equal(settlement_share_at(&w.t, 0)->returned_now, 2);
	world_end(&w);
}

static void the_first_call_after_the_delivery_is_kept(_unused_ void **state)
{
	static const int said_on[] = {5, 3, 4, 1};
	struct world w;
	struct error error = {0};

	world_begin(&w);
	STORY(&w, {2, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE,
		   FEEDBACK_DELIVERED, CREDITED});
	for (size_t i = 0; i < ARRAY_LEN(said_on); i++) {
		static const char *const ids[] = {"v1", "v2", "v3", "v4"};
		struct line l = {5, EVENT_UNREACHABLE, 0, "a", ids[i]};
		struct outcome o = outcome_of(&w, &l, i + 1);

		o.called_at_ms = DAY(said_on[i]);
		assert_int_equal(settle(&w.t, &o, &error), RESULT_OK);
	}
	assert_int_equal(settlement_dossier(&w.t, &w.lead)->lives[0].called_at_ms, DAY(3));
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_a_verdict_a_lead_is_approved_when_its_window_is_over),
	    cmocka_unit_test(a_return_that_stands_before_the_due_record_counts),
	    cmocka_unit_test(a_verdict_on_a_lead_that_nobody_has_is_answered_in_the_end),
	    cmocka_unit_test(the_buyers_own_cause_is_no_ground_for_a_return),
	    cmocka_unit_test(where_it_is_agreed_the_network_bears_the_buyers_own_cause),
	    cmocka_unit_test(a_waiver_after_the_window_costs_the_network_alone),
	    cmocka_unit_test(the_tax_is_fixed_at_delivery_and_goes_back_with_a_return),
	    cmocka_unit_test(returns_count_up_to_the_share_of_the_month),
	    cmocka_unit_test(the_first_call_after_the_delivery_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
