/* The whole of delivery on a bus in memory, against a real server: from routed leads to outcomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "flow_world.h"
#include "runtime/clock.h"

static const struct row {
	struct routed routed;
	Punnet__V1__OutcomeKind kind;
	const char *reason;
	uint32_t attempts;
} rows[] = {
    {{1, "status/200", "bank-a", SEALING_DAY}, PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED, "", 1},
    {{2, "refuse", "bank-a", SEALING_DAY}, PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED, "refused", 1},
    {{3, "flaky/2", "bank-a", SEALING_DAY}, PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED, "", 3},
    {{4, "status/500", "bank-a", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE,
     "advertiser_error",
     3},
    {{5, "never", "bank-a", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED,
     "unresolved",
     3},
    {{6, "status/410", "bank-a", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED,
     "endpoint_gone",
     1},
    {{7, "redirect", "bank-a", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED,
     "endpoint_refused",
     1},
    {{8, NULL, "bank-a", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE,
     "endpoint_invalid",
     1},
    {{9, "status/200", "nobody", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE,
     "advertiser_unknown",
     3},
    {{10, "status/200", "bank-a", DESTROYED_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE,
     "contact_destroyed",
     1},
    {{11, "echo", "bank-a", SEALING_DAY}, PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED, "refused", 1},
    {{12, "reset", "bank-a", SEALING_DAY},
     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED,
     "unresolved",
     3},
};

static void check_rows(struct world *w)
{
	struct outcomes *o = calloc(1, sizeof(*o));

	read_topic(w, "leads.outcomes", seen_outcome, o);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct seen *s = outcome_of_lead(o, rows[i].routed.lead);

		if (s->kind != rows[i].kind || strcmp(s->reason, rows[i].reason) != 0 ||
		    s->attempts != rows[i].attempts)
			fail_msg("lead %u: kind %d, reason %s, attempts %u", rows[i].routed.lead,
				 (int)s->kind, s->reason, s->attempts);
	}
	free(o);
}

static void each_routed_lead_gets_the_outcome_that_it_earned(_unused_ void **state)
{
	struct world w;
	uint64_t first = 0;

	world_open(&w);
	open_delivery(&w);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t at = route(&w, &rows[i].routed, NULL);

		first = i == 0 ? at : first;
	}
	/* the router started again and said the first one twice; and somebody wrote nonsense */
	route(&w, &rows[0].routed, &first);
	assert_int_equal(bus_produce(w.producer, "leads.routed", 0, SLICE("k"),
				     "punnet.v1.RoutedLead", SLICE("\xff"), 1),
			 RESULT_OK);
	assert_int_equal(bus_producer_flush(w.producer, 5000), RESULT_OK);
	turn_until(&w, "leads.outcomes", ARRAY_LEN(rows));
	turn_until(&w, "dead.letters", 1);
	assert_int_equal(read_topic(&w, "dead.letters", seen_dead_letter, NULL), 1);
	check_rows(&w);
	read_topic(&w, "leads.attempts", seen_attempt, NULL);
	world_close(&w);
}

static void a_successor_goes_on_where_the_attempts_end(_unused_ void **state)
{
	static const struct routed silent = {1, "never", "bank-a", SEALING_DAY};
	struct outcomes *o = calloc(1, sizeof(*o));
	struct world w;

	world_open(&w);
	open_delivery(&w);
	route(&w, &silent, NULL);
	turn_until(&w, "leads.attempts", 1);
	close_delivery(&w);
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 1);
	read_topic(&w, "leads.outcomes", seen_outcome, o);
	assert_int_equal(outcome_of_lead(o, 1)->attempts, 3);
	assert_int_equal(read_topic(&w, "leads.attempts", NULL, NULL), 3);
	free(o);
	world_close(&w);
}

static void what_a_predecessor_had_under_way_is_not_offered_on(_unused_ void **state)
{
	/* slow once: cut off under way; then the advertiser only fails, which alone would be "undeliverable" */
	static const struct routed row = {1, "slow_then_500", "bank-a", SEALING_DAY};
	struct outcomes *o = calloc(1, sizeof(*o));
	struct world w;
	world_open(&w);
	open_delivery(&w);
	route(&w, &row, NULL);
	while (delivery_sending(w.delivery) == 0) {
		turn_once(&w);
	}
	close_delivery(&w);
	assert_int_equal(read_topic(&w, "leads.attempts", NULL, NULL), 0);
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 1);
	read_topic(&w, "leads.outcomes", seen_outcome, o);
	assert_int_equal(outcome_of_lead(o, 1)->kind, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED);
	free(o);
	world_close(&w);
}

static void after_an_orderly_end_nothing_is_in_doubt(_unused_ void **state)
{
	static const struct routed first = {1, "status/200", "bank-a", SEALING_DAY};
	static const struct routed second = {2, "status/500", "bank-a", SEALING_DAY};
	struct outcomes *o = calloc(1, sizeof(*o));
	int64_t ends_ms = clock_monotonic_ms() + WAIT_LIMIT_MS;
	struct world w;
	world_open(&w);
	open_delivery(&w);
	route(&w, &first, NULL);
	turn_until(&w, "leads.outcomes", 1);
	delivery_drain(w.delivery);
	route(&w, &second, NULL); /* there before the successor comes */
	while (!delivery_drained(w.delivery)) {
		turn_once(&w);
		assert_true(clock_monotonic_ms() < ends_ms);
	}
	close_delivery(&w);
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 2);
	read_topic(&w, "leads.outcomes", seen_outcome, o);
	assert_int_equal(outcome_of_lead(o, 2)->kind,
			 PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE);
	free(o);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_routed_lead_gets_the_outcome_that_it_earned),
	    cmocka_unit_test(a_successor_goes_on_where_the_attempts_end),
	    cmocka_unit_test(what_a_predecessor_had_under_way_is_not_offered_on),
	    cmocka_unit_test(after_an_orderly_end_nothing_is_in_doubt),
	};

	return cmocka_run_group_tests(tests, flow_start_server, flow_stop_server);
}
