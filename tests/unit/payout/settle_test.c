/* Settling as stories: what happens to one lead, line by line, and what each line must lead to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

#include "payout/core/tally.h"
#include "story.h"

static void a_lead_is_delivered_and_approved(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(&w,
	      {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	       CREDITED},
	      {2, EVENT_SOLD, 0, "a", "v1", LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_NONE, CREDITED},
	      {3, EVENT_APPROVED, 0, "a", "v2", LIFE_APPROVED, IGNORED_NONE, FEEDBACK_APPROVED,
	       PAYABLE},
	      {3, EVENT_APPROVED, 0, "a", "v2", LIFE_APPROVED, IGNORED_REPEAT, FEEDBACK_NONE,
	       PAYABLE},
	      {3, EVENT_RETURNED, 0, "a", "v2", LIFE_APPROVED, IGNORED_VERDICT_ID_REUSED,
	       FEEDBACK_NONE, PAYABLE},
	      {4, EVENT_RETURNED, 0, "a", "v3", LIFE_APPROVED, IGNORED_ALREADY_APPROVED,
	       FEEDBACK_NONE, PAYABLE},
	      {4, EVENT_DELIVERED, 0, "a", NULL, LIFE_APPROVED, IGNORED_REPEAT, FEEDBACK_NONE,
	       PAYABLE});
	assert_int_equal(settlement_dossier(&w.t, &w.lead)->lives[0].payable_at_ms, DAY(15));
	world_end(&w);
}

static void a_return_inside_the_window_leaves_nothing_on_any_account(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(&w,
	      {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	       CREDITED},
	      {8, EVENT_RETURNED, 0, "a", "v1", LIFE_RETURNED, IGNORED_NONE, FEEDBACK_RETURNED,
	       NO_MONEY},
	      {9, EVENT_APPROVED, 0, "a", "v2", LIFE_RETURNED, IGNORED_ALREADY_RETURNED,
	       FEEDBACK_NONE, NO_MONEY},
	      {9, EVENT_RETURNED, 0, "a", "v3", LIFE_RETURNED, IGNORED_ALREADY_RETURNED,
	       FEEDBACK_NONE, NO_MONEY});
	world_end(&w);
}

static void a_return_after_the_window_is_the_networks_loss(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(&w,
	      {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	       CREDITED},
	      {9, EVENT_RETURNED, 0, "a", "v1", LIFE_DELIVERED, IGNORED_WINDOW_OVER, FEEDBACK_NONE,
	       CREDITED});
	world_end(&w);
}

static void a_verdict_that_overtakes_its_delivery_waits_for_it(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(&w,
	      {1, EVENT_APPROVED, 0, "a", "v1", LIFE_NONE, IGNORED_NONE, FEEDBACK_NONE, NO_MONEY},
	      {1, EVENT_APPROVED, 0, "b", "v9", LIFE_NONE, IGNORED_NONE, FEEDBACK_NONE, NO_MONEY},
	      {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_APPROVED, IGNORED_FOREIGN_LEAD,
	       FEEDBACK_APPROVED, PAYABLE});
	world_end(&w);
}

static void nobody_judges_another_buyers_lead(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(&w,
	      {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	       CREDITED},
	      {2, EVENT_RETURNED, 0, "b", "v1", LIFE_DELIVERED, IGNORED_FOREIGN_LEAD, FEEDBACK_NONE,
	       CREDITED});
	world_end(&w);
}

static void a_refused_lead_is_offered_on_and_only_the_next_round_counts(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	w.watched = 1;
	STORY(&w,
	      {1, EVENT_REFUSED, 0, "b", NULL, LIFE_NONE, IGNORED_NONE, FEEDBACK_REFUSED, NO_MONEY},
	      {1, EVENT_DELIVERED, 1, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	       CREDITED},
	      {2, EVENT_DELIVERED, 0, "b", NULL, LIFE_DELIVERED, IGNORED_ALREADY_SETTLED,
	       FEEDBACK_NONE, CREDITED},
	      {2, EVENT_DELIVERED, 2, "b", NULL, LIFE_DELIVERED, IGNORED_ALREADY_DELIVERED,
	       FEEDBACK_NONE, CREDITED},
	      {2, EVENT_APPROVED, 0, "b", "v1", LIFE_DELIVERED, IGNORED_FOREIGN_LEAD, FEEDBACK_NONE,
	       CREDITED});
	world_end(&w);
}

static void an_outcome_of_an_older_round_changes_nothing(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(&w,
	      {1, EVENT_UNDELIVERABLE, 1, "a", NULL, LIFE_NONE, IGNORED_NONE,
	       FEEDBACK_UNDELIVERABLE, NO_MONEY},
	      {1, EVENT_REFUSED, 0, "b", NULL, LIFE_NONE, IGNORED_OLDER_ROUND, FEEDBACK_NONE,
	       NO_MONEY});
	world_end(&w);
}

static void an_unresolved_lead_that_arrived_after_all_counts(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(&w,
	      {1, EVENT_UNRESOLVED, 0, "a", NULL, LIFE_UNRESOLVED, IGNORED_NONE,
	       FEEDBACK_UNRESOLVED, NO_MONEY},
	      {1, EVENT_REFUSED, 0, "a", NULL, LIFE_UNRESOLVED, IGNORED_ALREADY_SETTLED,
	       FEEDBACK_NONE, NO_MONEY},
	      {2, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	       CREDITED});
	world_end(&w);
}

static void a_shared_lead_is_credited_once_per_buyer(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	w.shared = true;
	STORY(&w,
	      {1, EVENT_DELIVERED, 1, "b", NULL, LIFE_NONE, IGNORED_NONE, FEEDBACK_DELIVERED,
	       -PAYOUT, 0, -(PRICE - PAYOUT), 0},
	      {1, EVENT_APPROVED, 0, "a", "v1", LIFE_NONE, IGNORED_NONE, FEEDBACK_NONE, -PAYOUT, 0,
	       -(PRICE - PAYOUT), 0},
	      {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_APPROVED, IGNORED_NONE, FEEDBACK_APPROVED,
	       -PAYOUT, -PAYOUT, -2 * (PRICE - PAYOUT), PRICE});
	world_end(&w);
}

static void a_verdict_is_counted_once_on_its_day(_unused_ void **state)
{
	const struct tally *t;
	struct world w;

	world_begin(&w);
	STORY(&w,
	      {1, EVENT_APPROVED, 0, "a", "v1", LIFE_NONE, IGNORED_NONE, FEEDBACK_NONE, NO_MONEY},
	      {2, EVENT_DELIVERED, 0, "a", NULL, LIFE_APPROVED, IGNORED_NONE, FEEDBACK_APPROVED,
	       PAYABLE},
	      {3, EVENT_APPROVED, 0, "a", "v2", LIFE_APPROVED, IGNORED_ALREADY_APPROVED,
	       FEEDBACK_NONE, PAYABLE},
	      {3, EVENT_RETURNED, 0, "a", "v3", LIFE_APPROVED, IGNORED_ALREADY_APPROVED,
	       FEEDBACK_NONE, PAYABLE});
	t = tally_at(&w.t, 0);
	assert_non_null(t);
	assert_string_equal(t->vertical, "osago");
	assert_string_equal(t->aff_id, "w17");
	assert_int_equal(t->day, 1); /* the verdict's, although it counted a day later */
	assert_int_equal(t->approved, 1);
	assert_int_equal(t->returned, 0);
	assert_null(tally_at(&w.t, 1));
	world_end(&w);
}

static void a_test_lead_lives_without_money(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	w.is_test = true;
	STORY(&w,
	      {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	       NO_MONEY},
	      {2, EVENT_APPROVED, 0, "a", "v1", LIFE_APPROVED, IGNORED_NONE, FEEDBACK_APPROVED,
	       NO_MONEY});
	assert_int_equal(w.t.transfer_count, 0);
	assert_null(tally_at(&w.t, 0));
	world_end(&w);
}

/* Elsewhere: the same key twice in one batch broke the whole batch, or paid twice. */
static void the_same_delivery_twice_in_one_batch_is_one_credit(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(&w,
	      {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_NONE, FEEDBACK_DELIVERED,
	       CREDITED},
	      {1, EVENT_DELIVERED, 0, "a", NULL, LIFE_DELIVERED, IGNORED_REPEAT, FEEDBACK_NONE,
	       CREDITED});
	assert_int_equal(w.t.transfer_count, 1);
	world_end(&w);
}

/* Elsewhere: a key that came back with another body got the old answer, silently. */
static void
the_same_delivery_at_another_price_changes_nothing_and_names_the_transfer(_unused_ void **state)
{
	struct line l = {1, EVENT_DELIVERED, 0, "a"};
	struct error error = {0};
	struct outcome o;
	struct world w;

	world_begin(&w);
	o = outcome_of(&w, &l, 0);
	assert_int_equal(settle(&w.t, &o, &error), RESULT_OK);
	o.assignment.payout_minor++;
	assert_int_equal(settle(&w.t, &o, &error), RESULT_BAD);
	assert_non_null(strstr(error.text, "credit was made before with other entries"));
	assert_int_equal(w.t.transfer_count, 1);
	assert_int_equal(w.t.ignored_count, 0);
	assert_int_equal(settlement_dossier_at(&w.t, 0)->lives[0].terms.payout_minor, PAYOUT);
	world_end(&w);
}

static void a_test_that_comes_back_as_a_sale_is_no_repeat(_unused_ void **state)
{
	struct line l = {1, EVENT_DELIVERED, 0, "a"};
	struct error error = {0};
	struct outcome o;
	struct world w;

	for (int was_test = 0; was_test < 2; was_test++) {
		world_begin(&w);
		o = outcome_of(&w, &l, 0);
		o.assignment.is_test = was_test;
		assert_int_equal(settle(&w.t, &o, &error), RESULT_OK);
		assert_int_equal(settle(&w.t, &o, &error), RESULT_OK);
		o.assignment.is_test = !was_test;
		assert_int_equal(settle(&w.t, &o, &error), RESULT_BAD);
		assert_int_equal(w.t.transfer_count, was_test ? 0 : 1);
		world_end(&w);
	}
}

static void feedback_is_numbered_without_gaps(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	STORY(&w,
	      {1, EVENT_REFUSED, 0, "b", NULL, LIFE_REFUSED, IGNORED_NONE, FEEDBACK_REFUSED,
	       NO_MONEY},
	      {1, EVENT_DELIVERED, 1, "a", NULL, LIFE_REFUSED, IGNORED_NONE, FEEDBACK_DELIVERED,
	       CREDITED},
	      {2, EVENT_APPROVED, 1, "a", "v1", LIFE_REFUSED, IGNORED_NONE, FEEDBACK_APPROVED,
	       PAYABLE});
	for (size_t i = 0; i < w.t.outbox_count; i++)
		assert_int_equal(w.t.outbox[i].seq, i + 1);
	assert_int_equal(w.t.next_seq, w.t.outbox_count + 1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_lead_is_delivered_and_approved),
	    cmocka_unit_test(a_return_inside_the_window_leaves_nothing_on_any_account),
	    cmocka_unit_test(a_return_after_the_window_is_the_networks_loss),
	    cmocka_unit_test(a_verdict_that_overtakes_its_delivery_waits_for_it),
	    cmocka_unit_test(nobody_judges_another_buyers_lead),
	    cmocka_unit_test(a_refused_lead_is_offered_on_and_only_the_next_round_counts),
	    cmocka_unit_test(an_outcome_of_an_older_round_changes_nothing),
	    cmocka_unit_test(an_unresolved_lead_that_arrived_after_all_counts),
	    cmocka_unit_test(a_shared_lead_is_credited_once_per_buyer),
	    cmocka_unit_test(a_verdict_is_counted_once_on_its_day),
	    cmocka_unit_test(a_test_lead_lives_without_money),
	    cmocka_unit_test(the_same_delivery_twice_in_one_batch_is_one_credit),
	    cmocka_unit_test(
		the_same_delivery_at_another_price_changes_nothing_and_names_the_transfer),
	    cmocka_unit_test(a_test_that_comes_back_as_a_sale_is_no_repeat),
	    cmocka_unit_test(feedback_is_numbered_without_gaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
