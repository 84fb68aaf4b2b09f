/* The whole way from status.events to a tracker, on a bus in memory, against a real server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "postbacks_world.h"

static void a_tracker_hears_of_what_it_wants_and_of_nothing_else(_unused_ void **state)
{
	struct attempts a;
	struct world w;

	world_open(&w);
	put_webmaster(&w, "w1", "http://127.0.0.1:%d/pb?e={event}&c={click_id}", false, false);
	open_postbacks(&w);
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_RETURNED, "no", 0);
	happens(&w, "nobody", PUNNET__V1__STATUS_KIND__STATUS_APPROVED, "no", 0);
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "a&b", 0);
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_APPROVED, "a&b", 0);
	turn_until_final(&w, 2, &a);
	assert_int_equal(a.count, 2);
	assert_int_equal(a.ok, 2);
	assert_string_equal(a.all[0]->aff_id, "w1");
	assert_int_equal(server_saw("/pb?e=delivered&c=a%26b"), 1);
	assert_int_equal(server_saw("/pb?e=approved&c=a%26b"), 1);
	assert_int_equal(server_saw("\"path\""), 2);
	assert_int_equal(server_saw("\"webhook-id\": \"w1.3\""), 1);
	arena_free(&a.arena);
	world_close(&w);
}

static void a_signed_document_can_be_checked(_unused_ void **state)
{
	struct attempts a;
	struct world w;
	char command[400];

	world_open(&w);
	put_webmaster(&w, "w1", "http://127.0.0.1:%d/pb", true, true);
	open_postbacks(&w);
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "Анна", 0);
	turn_until_final(&w, 1, &a);
	assert_int_equal(a.ok, 1);
	/* by another implementation, from what the server got */
	snprintf(command, sizeof(command),
		 "python3 -c 'import "
		 "json,hmac,base64;r=json.loads(open(\"%s\").readline());h=r[\"headers\"];"
		 "m=\".\".join([h[\"webhook-id\"],h[\"webhook-timestamp\"],r[\"body\"]]).encode();"
		 "s=hmac.new(base64.b64decode(\"%s\"),m,\"sha256\").digest();"
		 "assert h[\"webhook-signature\"]==\"v1,\"+base64.b64encode(s).decode()'",
		 log_path, SECRET + 6);
	assert_int_equal(system(command), 0);
	arena_free(&a.arena);
	world_close(&w);
}

static void what_fails_for_now_is_tried_again_and_what_is_gone_is_not(_unused_ void **state)
{
	static const struct {
		const char *id, *url, *reason;
		uint32_t attempts;
		Punnet__V1__AttemptResult result;
	} rows[] = {
	    {"w1", "http://127.0.0.1:%d/flaky/2", "", 3, PUNNET__V1__ATTEMPT_RESULT__OK},
	    {"w2", "http://127.0.0.1:%d/status/500", "error", 3,
	     PUNNET__V1__ATTEMPT_RESULT__TEMPFAIL},
	    {"w3", "http://127.0.0.1:%d/status/410", "gone", 1,
	     PUNNET__V1__ATTEMPT_RESULT__PERMFAIL},
	    {"w4", "http://127.0.0.1:%d/redirect", "refused", 3,
	     PUNNET__V1__ATTEMPT_RESULT__TEMPFAIL},
	    {"w5", "http://127.0.0.1:%d/reset", "no_answer", 3,
	     PUNNET__V1__ATTEMPT_RESULT__TEMPFAIL},
	    {"w6", "http://127.0.0.1:%d/endless", "", 1, PUNNET__V1__ATTEMPT_RESULT__OK},
	    {"w7", "http://127.0.0.1:1/%d", "unreachable", 3, PUNNET__V1__ATTEMPT_RESULT__TEMPFAIL},
	};
	size_t seen = 0;
	struct attempts a;
	struct world w;

	world_open(&w);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		put_webmaster(&w, rows[i].id, rows[i].url, false, false);
	open_postbacks(&w);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		happens(&w, rows[i].id, PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "", 0);
	turn_until_final(&w, ARRAY_LEN(rows), &a);
	for (size_t i = 0; i < a.count; i++) {
		for (size_t k = 0; a.all[i]->final && k < ARRAY_LEN(rows); k++) {
			if (strcmp(a.all[i]->aff_id, rows[k].id) != 0)
				continue;
			seen++;
			if (a.all[i]->attempt != rows[k].attempts ||
			    a.all[i]->result != rows[k].result ||
			    strcmp(a.all[i]->reason_code, rows[k].reason) != 0)
				fail_msg("%s: #%u, result %d, %s", rows[k].url, a.all[i]->attempt,
					 (int)a.all[i]->result, a.all[i]->reason_code);
		}
	}
	assert_int_equal(seen, ARRAY_LEN(rows));
	arena_free(&a.arena);
	world_close(&w);
}

static void a_private_address_is_not_called(_unused_ void **state)
{
	struct attempts a;
	struct world w;

	world_open(&w);
	w.settings.allow_private_addresses = false;
	put_webmaster(&w, "w1", "http://127.0.0.1:%d/pb", false, false);
	open_postbacks(&w);
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "", 0);
	turn_until_final(&w, 1, &a);
	assert_string_equal(a.all[0]->reason_code, "address_refused");
	assert_int_equal(server_saw("\"path\""), 0);
	arena_free(&a.arena);
	world_close(&w);
}

static void a_dead_tracker_holds_nobody_else_up(_unused_ void **state)
{
	struct attempts a;
	struct world w;
	size_t dead = 0;

	world_open(&w);
	w.settings.answer_timeout_ms = 10000; /* nothing of it ends within this test */
	put_webmaster(&w, "dead", "http://127.0.0.1:%d/never", false, false);
	put_webmaster(&w, "w1", "http://localhost:%d/pb", false, false);
	open_postbacks(&w);
	for (int i = 0; i < 200; i++)
		happens(&w, "dead", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "", 0);
	for (int i = 0; i < 50; i++)
		happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "", 0);
	/* a lane has a tenth of the places: 100 of the dead one's wait, the others are given up */
	turn_until_final(&w, 50 + 100, &a);
	for (size_t i = 0; i < a.count; i++) {
		if (strcmp(a.all[i]->aff_id, "dead") != 0)
			continue;
		dead++;
		assert_string_equal(a.all[i]->reason_code, "backlog_full");
	}
	assert_int_equal(dead, 100);
	assert_int_equal(a.ok, 50);
	assert_int_equal(server_saw("/never"), 4); /* its places, and no more */
	arena_free(&a.arena);
	world_close(&w);
}

static void a_successor_goes_on_where_the_attempts_end(_unused_ void **state)
{
	struct attempts a;
	struct world w;

	world_open(&w);
	assert_int_equal(retry_plan_parse(SLICE("20ms,50ms,50ms,50ms"), &w.settings.retry, NULL),
			 RESULT_OK);
	put_webmaster(&w, "ok", "http://127.0.0.1:%d/pb", false, false);
	put_webmaster(&w, "w2", "http://localhost:%d/flaky/3", false, false);
	open_postbacks(&w);
	happens(&w, "w2", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "", 0);
	happens(&w, "ok", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "", 0);
	turn_until_final(&w, 1, &a);
	arena_free(&a.arena);
	turn_until_nothing_is_under_way(&w, 2);
	close_postbacks(&w); /* no commit: the successor reads both again */
	open_postbacks(&w);
	turn_until_final(&w, 2, &a);
	assert_int_equal(a.ok, 2);
	assert_int_equal(server_saw("/pb"), 1); /* what was told is not told again */
	assert_int_equal(a.all[a.count - 1]->attempt, 4);
	arena_free(&a.arena);
	world_close(&w);
}

static void what_payout_says_twice_is_told_once(_unused_ void **state)
{
	struct attempts a;
	struct world w;
	uint64_t first;

	world_open(&w);
	put_webmaster(&w, "w1", "http://127.0.0.1:%d/pb?c={click_id}", false, false);
	open_postbacks(&w);
	first = happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "one", 0);
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "two", 0);
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "one", first);
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "two", first + 1);
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "three", 0);
	turn_until_final(&w, 3, &a);
	assert_int_equal(a.count, 3);
	assert_int_equal(server_saw("c=one"), 1);
	arena_free(&a.arena);
	postbacks_drain(w.postbacks);
	while (!postbacks_drained(w.postbacks))
		turn_once(&w);
	close_postbacks(&w);
	/* and the commit says so to the next one */
	open_postbacks(&w);
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "two", first + 1);
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "four", 0);
	turn_until_final(&w, 4, &a);
	assert_int_equal(a.count, 4);
	arena_free(&a.arena);
	world_close(&w);
}

static void what_cannot_be_read_is_set_aside(_unused_ void **state)
{
	struct attempts a;
	struct world w;
	int64_t low, high;

	world_open(&w);
	put_webmaster(&w, "w1", "http://127.0.0.1:%d/pb", false, false);
	open_postbacks(&w);
	put_bytes(&w, "status.events", "w1", "punnet.v1.StatusEvent", SLICE("\xff"));
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "", 0);
	turn_until_final(&w, 1, &a);
	assert_int_equal(a.ok, 1);
	assert_int_equal(bus_offsets(w.bus, "dead.letters", 0, 1000, &low, &high), RESULT_OK);
	assert_int_equal(high, 1);
	arena_free(&a.arena);
	world_close(&w);
}

/* What waits for an answer is cut off; the tracker hears it again from the successor, under the same id. */
static void an_orderly_end_leaves_nothing_behind(_unused_ void **state)
{
	struct attempts a;
	struct world w;

	world_open(&w);
	w.settings.answer_timeout_ms = 10000;
	put_webmaster(&w, "w1", "http://127.0.0.1:%d/hang_once", false, false);
	open_postbacks(&w);
	happens(&w, "w1", PUNNET__V1__STATUS_KIND__STATUS_DELIVERED, "", 0);
	while (server_saw("/hang_once") == 0)
		turn_once(&w);
	close_postbacks(&w);
	open_postbacks(&w);
	turn_until_final(&w, 1, &a);
	assert_int_equal(a.ok, 1);
	assert_int_equal(server_saw("\"webhook-id\": \"w1.1\""), 2);
	while (postbacks_open_count(w.postbacks) > 0)
		turn_once(&w);
	arena_free(&a.arena);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_tracker_hears_of_what_it_wants_and_of_nothing_else),
	    cmocka_unit_test(a_signed_document_can_be_checked),
	    cmocka_unit_test(what_fails_for_now_is_tried_again_and_what_is_gone_is_not),
	    cmocka_unit_test(a_private_address_is_not_called),
	    cmocka_unit_test(a_dead_tracker_holds_nobody_else_up),
	    cmocka_unit_test(a_successor_goes_on_where_the_attempts_end),
	    cmocka_unit_test(what_payout_says_twice_is_told_once),
	    cmocka_unit_test(what_cannot_be_read_is_set_aside),
	    cmocka_unit_test(an_orderly_end_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
