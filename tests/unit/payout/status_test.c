/* What leaves for webmasters' trackers, event by event, from the outbox of a real ledger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after its own needs */
#include <cmocka.h>

#include "lead/codec.h"
#include "ledgers.h"
#include "look.h"
#include "outcomes.h"
#include "proto/status_events.pb-c.h"

#define ROWS_MAX 1000

static struct error error;

struct told {
	struct arena arena;
	struct outbox_row rows[ROWS_MAX];
	const Punnet__V1__StatusEvent *events[ROWS_MAX];
	size_t count;
};

/* What of the outbox is for trackers, in its order. */
static void read_told(struct store *s, struct told *ret)
{
	size_t count;

	*ret = (struct told){0};
	assert_int_equal(
	    store_outbox_read(s, 0, 0, ROWS_MAX, &ret->arena, ret->rows, &count, &error),
	    RESULT_OK);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(ret->rows[i].topic, "status.events") != 0)
			continue;
		ret->events[ret->count] = codec_unpack(
		    &ret->arena, &punnet__v1__status_event__descriptor, ret->rows[i].payload);
		assert_non_null(ret->events[ret->count]);
		assert_int_equal(ret->events[ret->count]->source->offset, ret->rows[i].seq);
		assert_true(slice_is(ret->rows[i].key, ret->events[ret->count]->aff_id));
		ret->count++;
	}
}

static bool wants_all(_unused_ void *ctx, _unused_ const char *aff_id, _unused_ const char *event)
{
	return true;
}

static bool wants_approvals(_unused_ void *ctx, const char *aff_id, const char *event)
{
	return strcmp(aff_id, "w1") == 0 && strcmp(event, "approved") == 0;
}

static void settle_all(struct store *s, const struct outcomes *o, batch_wants_fn wants)
{
	struct batch_settings settings = {.topic = "leads.outcomes",
					  .contract = outcomes_contract,
					  .wants = wants,
					  .now_ms = OUTCOMES_T0};
	struct arena arena = {0};
	struct batch_report report;

	assert_int_equal(
	    batch_settle(s, &arena, &settings, 0, o->records, o->count, &report, &error),
	    RESULT_OK);
	arena_free(&arena);
}

static void expect(const struct told *t, size_t i, uint32_t lead, const char *event,
		   const char *reason)
{
	struct lead_id id = outcomes_lead(lead), got;
	char text[LEAD_ID_TEXT_LEN + 1], event_id[100];

	lead_id_text(&id, text);
	snprintf(event_id, sizeof(event_id), "%s.0.%s", text, event);
	assert_true(i < t->count);
	assert_true(
	    lead_id_from_bytes(t->events[i]->lead_id.data, t->events[i]->lead_id.len, &got));
	assert_true(lead_id_equal(&id, &got));
	assert_string_equal(t->events[i]->event_id, event_id);
	assert_string_equal(t->events[i]->reason_code, reason);
	assert_int_equal(t->events[i]->payout->amount_minor, 30000);
}

static void each_step_of_a_life_is_told_in_the_order_of_the_log(_unused_ void **state)
{
	static struct outcomes o;
	static struct told t;
	struct store *s = ledgers_open(ledgers_fresh_url());

	outcomes_add_delivery(&o, 1, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	outcomes_add_delivery(&o, 2, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	outcomes_add_delivery(&o, 3, EVENT_REFUSED, 0, "bank-a", 45000, 30000);
	outcomes_add_delivery(&o, 1, EVENT_DELIVERED, 0, "bank-a", 45000, 30000); /* a repeat */
	outcomes_add_verdict(&o, 1, EVENT_APPROVED, "bank-a", "v1");
	outcomes_add_said(&o, 2, EVENT_RETURNED, "bank-a", "v2", "wrong_number", 0);
	outcomes_add_verdict(&o, 1, EVENT_RETURNED, "bank-a", "v3"); /* too late: it is final */
	outcomes_add_verdict(&o, 4, EVENT_APPROVED, "bank-a", "v4"); /* waits for its lead */
	outcomes_add_delivery(&o, 4, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	/* the network bears a loss: the webmaster hears that he is paid, once */
	outcomes_add_delivery(&o, 5, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	outcomes_add_verdict(&o, 5, EVENT_WAIVED, "bank-a", "v5");
	settle_all(s, &o, wants_all);
	read_told(s, &t);
	expect(&t, 0, 1, "delivered", "");
	expect(&t, 1, 2, "delivered", "");
	expect(&t, 2, 1, "approved", "");
	expect(&t, 3, 2, "returned", "wrong_number");
	expect(&t, 4, 4, "delivered", "");
	expect(&t, 5, 4, "approved", "");
	expect(&t, 6, 5, "delivered", "");
	expect(&t, 7, 5, "approved", "");
	assert_int_equal(t.count, 8);
	arena_free(&t.arena);
	store_close(s);
	outcomes_free(&o);
}

static void nobody_who_does_not_want_it_costs_a_row(_unused_ void **state)
{
	static struct outcomes o;
	static struct told t;
	struct store *s = ledgers_open(ledgers_fresh_url());

	outcomes_add_delivery(&o, 1, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	outcomes_add_delivery(&o, 2, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	outcomes_add_verdict(&o, 1, EVENT_APPROVED, "bank-a", "v1");
	outcomes_add_verdict(&o, 2, EVENT_APPROVED, "bank-a", "v2");
	settle_all(s, &o, wants_approvals);
	read_told(s, &t);
	expect(&t, 0, 1, "approved", "");
	assert_int_equal(t.count, 1);
	arena_free(&t.arena);
	store_close(s);
	outcomes_free(&o);
}

static int run_suite(const char *name)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_step_of_a_life_is_told_in_the_order_of_the_log),
	    cmocka_unit_test(nobody_who_does_not_want_it_costs_a_row),
	};

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
	return ledgers_run("status events", run_suite);
}
