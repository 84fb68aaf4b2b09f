/* Settling as stories: what happens to one lead, line by line, and what each line must lead to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

#include "lead/codec.h"
#include "payout/core/feedback.h"
#include "payout/core/settle.h"
#include "payout/core/tally.h"
#include "proto/market.pb-c.h"

#define DAY(n) ((int64_t)(n)*MS_PER_DAY)
#define PRICE  45000
#define PAYOUT 31500

struct line {
	int day;
	enum life_event event;
	uint32_t round;         /* of a delivery outcome */
	const char *advertiser; /* "a" or "b" */
	const char *verdict_id;
	enum life_state state;  /* of the round that is watched, after this line */
	enum ignored ignored;   /* what this line added to the ignored outcomes */
	enum feedback feedback; /* the last feedback that this line caused */
	int64_t hold, payable, margin, receivable; /* balances after this line */
};

struct world {
	struct arena arena;
	struct settlement t;
	struct lead_id lead;
	bool shared, is_test;
	uint32_t watched;
};

static void world_begin(struct world *w)
{
	*w = (struct world){0};
	w->lead = lead_id_make(DAY(1), (const uint8_t[10]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
	settlement_begin(&w->t, &w->arena, 3, 1);
}

static void world_end(struct world *w)
{
	settlement_end(&w->t);
	arena_free(&w->arena);
}

static struct outcome outcome_of(const struct world *w, const struct line *l, uint64_t offset)
{
	struct outcome o = {.lead_id = w->lead,
			    .event = l->event,
			    .partition = 3,
			    .offset = offset,
			    .at_ms = DAY(l->day),
			    .reason_code = "",
			    .hold_ms = DAY(14),
			    .return_window_ms = DAY(7)};

	if (event_is_verdict(l->event)) {
		o.advertiser_id = l->advertiser;
		o.verdict_id = l->verdict_id;
		return o;
	}
	o.assignment = (struct assignment){.round = l->round,
					   .order_id = "order",
					   .advertiser_id = l->advertiser,
					   .aff_id = "w17",
					   .vertical = "osago",
					   .price_minor = PRICE,
					   .payout_minor = PAYOUT,
					   .currency = "RUB",
					   .exclusive = !w->shared,
					   .is_test = w->is_test,
					   .sub = {"", "", "", "", ""},
					   .click_id = "",
					   .market_partition = 2};
	return o;
}

static int64_t balance(const struct world *w, const char *account)
{
	int64_t sum = 0;

	for (size_t i = 0; i < w->t.transfer_count; i++) {
		const struct transfer *t = &w->t.transfers[i];

		assert_true(transfer_balanced(t));
		for (size_t e = 0; e < t->count; e++)
			if (strcmp(t->entries[e].account, account) == 0)
				sum += t->entries[e].amount_minor;
	}
	return sum;
}

static enum life_state state_of(struct world *w)
{
	struct dossier *d = settlement_dossier(&w->t, &w->lead);

	for (size_t i = 0; i < d->life_count; i++)
		if (d->lives[i].terms.round == w->watched)
			return d->lives[i].state;
	return LIFE_NONE;
}

static enum feedback last_feedback(struct world *w, size_t before)
{
	const struct outbox_row *row;
	const Punnet__V1__MarketEvent *m;

	if (w->t.outbox_count == before)
		return FEEDBACK_NONE;
	row = &w->t.outbox[w->t.outbox_count - 1];
	m = codec_unpack(&w->arena, &punnet__v1__market_event__descriptor, row->payload);
	assert_non_null(m);
	assert_string_equal(row->topic, "market");
	assert_int_equal(row->partition, 2);
	assert_string_equal(m->source->topic, FEEDBACK_SOURCE);
	assert_int_equal(m->source->partition, 3);
	assert_int_equal(m->source->offset, row->seq);
	assert_string_equal(m->settled->order_id, "order");
	return (enum feedback)m->settled->settlement;
}

static void play(struct world *w, const struct line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct line *l = &lines[i];
		struct outcome o = outcome_of(w, l, i);
		size_t ignored = w->t.ignored_count, outbox = w->t.outbox_count;
		struct error error = {0};

		print_message("  line %zu: day %d, %s\n", i + 1, l->day, life_event_name(l->event));
		assert_int_equal(settle(&w->t, &o, &error), RESULT_OK);
		assert_int_equal(state_of(w), l->state);
		assert_int_equal(w->t.ignored_count - ignored, l->ignored != IGNORED_NONE);
		if (l->ignored != IGNORED_NONE)
			assert_int_equal(w->t.ignored[w->t.ignored_count - 1].why, l->ignored);
		assert_int_equal(last_feedback(w, outbox), l->feedback);
		assert_int_equal(balance(w, "webmasters:w17:hold"), l->hold);
		assert_int_equal(balance(w, "webmasters:w17:payable"), l->payable);
		assert_int_equal(balance(w, "network:margin"), l->margin);
		assert_int_equal(balance(w, "advertisers:a:receivable"), l->receivable);
	}
}

#define STORY(w, ...)                                                                              \
	play((w), (struct line[]){__VA_ARGS__}, ARRAY_LEN(((struct line[]){__VA_ARGS__})))
#define NO_MONEY 0, 0, 0, 0
#define CREDITED -PAYOUT, 0, -(PRICE - PAYOUT), PRICE
#define PAYABLE  0, -PAYOUT, -(PRICE - PAYOUT), PRICE

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
static void the_same_delivery_at_another_price_stops_and_names_the_transfer(_unused_ void **state)
{
	struct line l = {1, EVENT_DELIVERED, 0, "a"};
	struct error error = {0};
	struct outcome o;
	struct world w;

	world_begin(&w);
	o = outcome_of(&w, &l, 0);
	assert_int_equal(settle(&w.t, &o, &error), RESULT_OK);
	o.assignment.payout_minor++;
	assert_int_equal(settle(&w.t, &o, &error), RESULT_FATAL);
	assert_non_null(strstr(error.text, "credit was made before with other entries"));
	world_end(&w);
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
	    cmocka_unit_test(the_same_delivery_at_another_price_stops_and_names_the_transfer),
	    cmocka_unit_test(feedback_is_numbered_without_gaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
