/* What can go wrong with Redis, and what kv says then: RESULT_AWAY, and nothing is judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <hiredis.h>

#include "redis_server.h"
#include "runtime/clock.h"
#include "runtime/kv.h"
#include "runtime/kv_layout.h"

#define HOUR       (3600 * 1000LL)
#define TIMEOUT_MS 300

static struct redis_server server;

static int start(_unused_ void **state)
{
	redis_server_start(&server);
	return 0;
}

static int end(_unused_ void **state)
{
	redis_server_end(&server);
	return 0;
}

static struct kv_lead one_lead(uint8_t n)
{
	struct kv_lead lead = {
	    .self.lead_id = {{n}}, .now_ms = 1000, .candidate = true, .claim_count = 1};

	lead.claims[0] = (struct kv_claim){.key = SLICE("phone:1"), .ttl_ms = HOUR};
	return lead;
}

static struct kv *open_kv(const char *prefix)
{
	struct error error = {0};
	struct kv *kv = kv_open(server.url, prefix, TIMEOUT_MS, &error);

	if (!kv)
		fail_msg("%s", error.text);
	return kv;
}

/* What stands where one_lead()'s claim does, under the prefix "p:"; then it is set, unless `set` is NULL. */
static void look_at_claim(char ret[64], const char *set)
{
	const struct kv_layout l = {.prefix = "p:", .shards = 1};
	redisContext *c = redisConnect("127.0.0.1", server.port);
	struct arena a = {0};
	struct kv_place p;
	redisReply *reply;

	kv_place_claim(&l, 0, SLICE("phone:1"), HOUR, clock_now_ms(), &a, &p);
	kv_place_page(&l, 0, &p, clock_now_ms(), &a);
	reply = redisCommand(c, "HGET %b %b", p.now.data, p.now.len, p.cell.field,
			     sizeof(p.cell.field));
	assert_non_null(reply);
	memset(ret, 0, 64);
	if (reply->type == REDIS_REPLY_STRING)
		memcpy(ret, reply->str, MIN_OF(reply->len, (size_t)63));
	freeReplyObject(reply);
	if (set)
		freeReplyObject(redisCommand(c, "HSET %b %b %s", p.now.data, p.now.len,
					     p.cell.field, sizeof(p.cell.field), set));
	redisFree(c);
	arena_free(&a);
}

/* Asks until it is answered, as a worker does; the pauses of the reconnecting are inside the limit. */
static void gather_until_ok(struct kv *kv, struct kv_lead *lead)
{
	int64_t give_up = clock_monotonic_ms() + 10000;

	while (kv_gather(kv, lead, 1, NULL) != RESULT_OK)
		assert_true(clock_monotonic_ms() < give_up);
}

static void redis_is_dead_gather_says_away(_unused_ void **state)
{
	struct kv *kv = open_kv("p:");
	struct kv_lead lead = one_lead(1);
	struct kv_settle op = {.self.lead_id = {{1}}, .key = SLICE("phone:1"), .ttl_ms = HOUR};
	struct error error = {0};

	assert_int_equal(kv_gather(kv, &lead, 1, NULL), RESULT_OK);
	redis_server_kill(&server);
	for (int i = 0; i < 3; i++) {
		lead = one_lead(2);
		assert_int_equal(kv_gather(kv, &lead, 1, &error), RESULT_AWAY);
		assert_false(lead.claims[0].held);
		assert_non_null(strstr(error.text, "redis 127.0.0.1:"));
		assert_int_equal(kv_settle(kv, &op, 1, &error), RESULT_AWAY);
	}

	redis_server_restart(&server);
	gather_until_ok(kv, &lead);
	assert_int_equal(lead.claims[0].owner.lead_id.bytes[0], 2);
	kv_close(kv);
}

static void redis_is_away_from_the_start_and_comes_later(_unused_ void **state)
{
	struct kv_lead lead = one_lead(1);
	struct kv *kv;

	redis_server_kill(&server);
	kv = open_kv("p:");
	assert_int_equal(kv_gather(kv, &lead, 1, NULL), RESULT_AWAY);
	redis_server_restart(&server);
	gather_until_ok(kv, &lead);
	kv_close(kv);
}

static void a_frozen_redis_is_away_within_the_time_out(_unused_ void **state)
{
	struct kv *kv = open_kv("p:");
	struct kv_lead lead = one_lead(1);
	int64_t begun;

	assert_int_equal(kv_gather(kv, &lead, 1, NULL), RESULT_OK);
	redis_server_freeze(&server);
	begun = clock_monotonic_ms();
	lead = one_lead(2);
	assert_int_equal(kv_gather(kv, &lead, 1, NULL), RESULT_AWAY);
	assert_true(clock_monotonic_ms() - begun < 10 * TIMEOUT_MS);

	/* What was sent before the freeze may be carried out after it: the claim still has one owner. */
	redis_server_thaw(&server);
	gather_until_ok(kv, &lead);
	assert_int_equal(lead.claims[0].owner.lead_id.bytes[0], 1);
	kv_close(kv);
}

static void a_forgotten_script_is_loaded_again(_unused_ void **state)
{
	struct kv *kv = open_kv("p:");
	struct kv_lead lead = one_lead(1);
	struct kv_settle op = {.self.lead_id = {{1}}, .key = SLICE("phone:1"), .ttl_ms = HOUR};
	static const char nothing[64];
	char found[64];

	assert_int_equal(kv_gather(kv, &lead, 1, NULL), RESULT_OK);
	redis_server_tell(&server, "SCRIPT FLUSH");
	lead = one_lead(2);
	assert_int_equal(kv_gather(kv, &lead, 1, NULL), RESULT_OK);
	assert_int_equal(lead.claims[0].owner.lead_id.bytes[0], 1);
	redis_server_tell(&server, "SCRIPT FLUSH");
	assert_int_equal(kv_settle(kv, &op, 1, NULL), RESULT_OK);
	look_at_claim(found, NULL);
	assert_memory_equal(found, nothing, sizeof(found));
	kv_close(kv);
}

static void a_full_redis_is_away(_unused_ void **state)
{
	struct kv *kv = open_kv("p:");
	struct kv_lead lead = one_lead(1);
	struct error error = {0};

	redis_server_tell(&server, "CONFIG SET maxmemory 1");
	assert_int_equal(kv_gather(kv, &lead, 1, &error), RESULT_AWAY);
	assert_non_null(strstr(error.text, "maxmemory"));
	assert_false(lead.claims[0].held);
	redis_server_tell(&server, "CONFIG SET maxmemory 0");
	gather_until_ok(kv, &lead);
	assert_true(lead.claims[0].held);
	kv_close(kv);
}

static void asking_again_does_not_prolong_a_claim(_unused_ void **state)
{
	struct kv *kv = open_kv("p:");
	struct kv_lead lead = one_lead(1);
	char first[64], again[64];

	assert_int_equal(kv_gather(kv, &lead, 1, NULL), RESULT_OK);
	look_at_claim(first, NULL);
	lead = one_lead(1);
	assert_int_equal(kv_gather(kv, &lead, 1, NULL), RESULT_OK);
	look_at_claim(again, NULL);
	assert_memory_equal(first, again, sizeof(first));
	assert_int_not_equal(first[40], 0); /* when it is over */
	kv_close(kv);
}

static void prefixes_do_not_meet(_unused_ void **state)
{
	struct kv *live = open_kv("live:"), *replay = open_kv("replay:");
	struct kv_lead a = one_lead(1), b = one_lead(2);

	assert_int_equal(kv_gather(live, &a, 1, NULL), RESULT_OK);
	assert_int_equal(kv_gather(replay, &b, 1, NULL), RESULT_OK);
	assert_int_equal(b.claims[0].owner.lead_id.bytes[0], 2);
	kv_close(live);
	kv_close(replay);
}

static void what_is_not_a_claim_is_said_to_be_bad(_unused_ void **state)
{
	struct kv *kv = open_kv("p:");
	struct kv_lead lead = one_lead(1);
	struct error error = {0};
	char found[64];

	look_at_claim(found, "nonsense");
	assert_int_equal(kv_gather(kv, &lead, 1, &error), RESULT_BAD);
	assert_non_null(strstr(error.text, "not a claim"));
	kv_close(kv);
}

static void a_wrong_url_is_said_without_showing_it(_unused_ void **state)
{
	static const char *const wrong[] = {"",
					    "redis",
					    "redis://",
					    "http://127.0.0.1/0",
					    "redis://h:0/0",
					    "redis://h:70000/0",
					    "redis://h:6379/x",
					    "redis://user:secret@h:6379/0",
					    "redis://:6379",
					    "redis://h:1,",
					    "redis://h:1,h:0",
					    "redis://h:1,h:2/3"};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct error error = {0};

		assert_null(kv_open(wrong[i], "", 100, &error));
		assert_non_null(strstr(error.text, "redis://host:port/db"));
		assert_null(strstr(error.text, "secret"));
	}
}

static void a_password_and_a_db_are_honoured(_unused_ void **state)
{
	struct kv_lead lead = one_lead(1);
	struct error error = {0};
	char url[128];
	struct kv *kv;

	redis_server_tell(&server, "CONFIG SET requirepass wonder");
	kv = open_kv("p:");
	assert_int_equal(kv_gather(kv, &lead, 1, &error), RESULT_AWAY);
	assert_non_null(strstr(error.text, "NOAUTH"));
	kv_close(kv);

	snprintf(url, sizeof(url), "redis://:wonder@127.0.0.1:%d/3", server.port);
	kv = kv_open(url, "p:", TIMEOUT_MS, NULL);
	assert_int_equal(kv_gather(kv, &lead, 1, NULL), RESULT_OK);
	assert_true(lead.claims[0].held);
	kv_close(kv);
}

static uint8_t noted(struct kv *kv, const char *key)
{
	struct kv_note note = {.key = slice_cstr(key), .value = 9};

	kv_notes_get(kv, &note, 1);
	return note.value;
}

static void a_note_is_anothers_to_read_until_its_end(_unused_ void **state)
{
	const struct kv_note notes[] = {{SLICE("a"), 1, HOUR}, {SLICE("b"), 2, 1}};
	struct kv *one = open_kv("p:"), *two = open_kv("p:"), *other = open_kv("q:");
	int64_t give_up = clock_monotonic_ms() + 10000;

	kv_notes_put(one, notes, ARRAY_LEN(notes));
	assert_int_equal(noted(two, "a"), 1);
	assert_int_equal(noted(two, "c"), 0);
	assert_int_equal(noted(other, "a"), 0);
	while (noted(two, "b") != 0)
		assert_true(clock_monotonic_ms() < give_up);
	kv_close(one);
	kv_close(two);
	kv_close(other);
}

static void notes_of_a_dead_redis_are_not_known_and_harm_nothing(_unused_ void **state)
{
	const struct kv_note note = {SLICE("a"), 1, HOUR};
	struct kv_lead lead = one_lead(1);
	struct kv *kv = open_kv("p:");

	kv_notes_put(kv, &note, 1);
	redis_server_kill(&server);
	assert_int_equal(noted(kv, "a"), 0);
	kv_notes_put(kv, &note, 1);
	redis_server_restart(&server);
	gather_until_ok(kv, &lead);
	kv_notes_put(kv, &note, 1);
	assert_int_equal(noted(kv, "a"), 1);
	kv_close(kv);
}

#define WITH_REDIS(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_REDIS(redis_is_dead_gather_says_away),
	    WITH_REDIS(redis_is_away_from_the_start_and_comes_later),
	    WITH_REDIS(a_frozen_redis_is_away_within_the_time_out),
	    WITH_REDIS(a_forgotten_script_is_loaded_again),
	    WITH_REDIS(a_full_redis_is_away),
	    WITH_REDIS(asking_again_does_not_prolong_a_claim),
	    WITH_REDIS(prefixes_do_not_meet),
	    WITH_REDIS(what_is_not_a_claim_is_said_to_be_bad),
	    WITH_REDIS(a_password_and_a_db_are_honoured),
	    WITH_REDIS(a_note_is_anothers_to_read_until_its_end),
	    WITH_REDIS(notes_of_a_dead_redis_are_not_known_and_harm_nothing),
	    cmocka_unit_test(a_wrong_url_is_said_without_showing_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
