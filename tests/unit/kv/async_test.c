/* Idempotency of the front door: the same cases on memory, on Redis and on a cluster, then what happens when Redis is away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <uv.h>

#include "redis_cluster.h"
#include "runtime/clock.h"
#include "runtime/kv.h"
#include "runtime/kv_layout.h"

#define TIMEOUT_MS 300
#define LONG_MS    3600000
#define GIVE_UP_MS 10000

static struct redis_server server;
static struct redis_cluster cluster;
static int prefixes;

struct fixture {
	char prefix[32];
	uv_loop_t loop;
	uv_timer_t
	    tick; /* keeps the loop from sleeping for ever while a test waits for a condition */
	struct kv_async *kv;
};

struct said {
	int times;
	enum kv_idem outcome;
	char answer[64];
	size_t answer_len;
};

static const uint8_t body_a[16] = "body a", body_b[16] = "body b";

static void on_tick(_unused_ uv_timer_t *t)
{
}

static struct fixture *fixture_new(const char *url)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error error = {0};

	snprintf(f->prefix, sizeof(f->prefix), "a%d:", prefixes++);
	uv_loop_init(&f->loop);
	uv_timer_init(&f->loop, &f->tick);
	uv_timer_start(&f->tick, on_tick, 5, 5);
	f->kv = kv_async_open(&f->loop, url, f->prefix, TIMEOUT_MS, &error);
	if (!f->kv)
		fail_msg("%s", error.text);
	return f;
}

static bool wait_connected(struct fixture *f, bool wanted)
{
	int64_t give_up = clock_monotonic_ms() + GIVE_UP_MS;

	while (kv_async_connected(f->kv) != wanted && clock_monotonic_ms() < give_up)
		uv_run(&f->loop, UV_RUN_ONCE);
	return kv_async_connected(f->kv) == wanted;
}

static int open_memory(void **state)
{
	*state = fixture_new("memory:");
	return 0;
}

static int open_redis(void **state)
{
	if (!server.pid)
		redis_server_start(&server);
	*state = fixture_new(server.url);
	return wait_connected(*state, true) ? 0 : -1;
}

static int open_cluster(void **state)
{
	if (!cluster.url[0])
		redis_cluster_start(&cluster);
	redis_cluster_wait(&cluster);
	*state = fixture_new(cluster.url);
	return wait_connected(*state, true) ? 0 : -1;
}

static int close_all(void **state)
{
	struct fixture *f = *state;

	kv_async_close(f->kv);
	uv_close((uv_handle_t *)&f->tick, NULL);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	free(f);
	return 0;
}

static void on_said(void *ctx, enum kv_idem outcome, struct slice answer)
{
	struct said *s = ctx;

	s->times++;
	s->outcome = outcome;
	s->answer_len = MIN_OF(answer.len, sizeof(s->answer));
	memcpy(s->answer, answer.data ? answer.data : "", s->answer_len);
}

static enum kv_idem ask_for(struct fixture *f, const char *key, const uint8_t body[16],
			    int64_t ttl_ms, struct said *ret)
{
	int64_t give_up = clock_monotonic_ms() + GIVE_UP_MS;

	*ret = (struct said){0};
	kv_idem_begin(f->kv, slice_cstr(key), body, ttl_ms, on_said, ret);
	assert_int_equal(ret->times, 0); /* never from inside the call */
	while (!ret->times && clock_monotonic_ms() < give_up)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(ret->times, 1);
	return ret->outcome;
}

static enum kv_idem ask(struct fixture *f, const char *key, const uint8_t body[16])
{
	struct said said;

	return ask_for(f, key, body, LONG_MS, &said);
}

static void the_first_is_first_and_its_repeats_wait(void **state)
{
	assert_int_equal(ask(*state, "k", body_a), KV_IDEM_FIRST);
	assert_int_equal(ask(*state, "k", body_a), KV_IDEM_PENDING);
	assert_int_equal(ask(*state, "k2", body_a), KV_IDEM_FIRST);
}

static void the_same_key_with_another_body_is_a_conflict(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, "k", body_a), KV_IDEM_FIRST);
	assert_int_equal(ask(f, "k", body_b), KV_IDEM_CONFLICT);
	kv_idem_done(f->kv, SLICE("k"), body_a, SLICE("202"), LONG_MS);
	assert_int_equal(ask(f, "k", body_b), KV_IDEM_CONFLICT);
}

static void the_first_answer_is_given_again(void **state)
{
	struct fixture *f = *state;
	struct said said;

	assert_int_equal(ask(f, "k", body_a), KV_IDEM_FIRST);
	kv_idem_done(f->kv, SLICE("k"), body_a, SLICE("20\0002\r\n{}"), LONG_MS);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask_for(f, "k", body_a, LONG_MS, &said), KV_IDEM_REPLAY);
		assert_int_equal(said.answer_len, 8);
		assert_memory_equal(said.answer, "20\0002\r\n{}", 8);
	}
}

static void a_failed_request_frees_its_key(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, "k", body_a), KV_IDEM_FIRST);
	kv_idem_done(f->kv, SLICE("k"), body_a, (struct slice){0}, 0);
	assert_int_equal(ask(f, "k", body_b), KV_IDEM_FIRST);
}

static void a_crashed_request_blocks_its_key_no_longer_than_said(void **state)
{
	struct fixture *f = *state;
	int64_t give_up = clock_monotonic_ms() + GIVE_UP_MS;
	struct said said;

	assert_int_equal(ask_for(f, "k", body_a, 50, &said), KV_IDEM_FIRST);
	while (ask(f, "k", body_b) == KV_IDEM_CONFLICT)
		assert_true(clock_monotonic_ms() < give_up);
	assert_int_equal(ask(f, "k", body_b), KV_IDEM_PENDING);
}

static void of_many_at_once_one_is_first(void **state)
{
	struct fixture *f = *state;
	struct said said[50] = {0};
	int64_t give_up = clock_monotonic_ms() + GIVE_UP_MS;
	int first = 0, told = 0;

	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		kv_idem_begin(f->kv, SLICE("k"), body_a, LONG_MS, on_said, &said[i]);
	while (told < (int)ARRAY_LEN(said) && clock_monotonic_ms() < give_up) {
		uv_run(&f->loop, UV_RUN_ONCE);
		told = 0;
		for (size_t i = 0; i < ARRAY_LEN(said); i++)
			told += said[i].times;
	}
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		assert_int_equal(said[i].times, 1);
		first += said[i].outcome == KV_IDEM_FIRST;
	}
	assert_int_equal(first, 1);
}

static void closing_tells_every_outstanding_request_once(void **state)
{
	struct fixture *f = *state;
	struct said said[3] = {0};

	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		kv_idem_begin(f->kv, SLICE("k"), body_a, LONG_MS, on_said, &said[i]);
	kv_async_close(f->kv);
	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		assert_int_equal(said[i].times, 1);
	f->kv = kv_async_open(&f->loop, "memory:", "", TIMEOUT_MS, NULL);
}

static void redis_is_dead_the_answer_is_away_and_it_comes_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, "k", body_a), KV_IDEM_FIRST);
	redis_server_kill(&server);
	assert_true(wait_connected(f, false));
	assert_int_equal(ask(f, "k", body_a), KV_IDEM_AWAY);
	kv_idem_done(f->kv, SLICE("k"), body_a, SLICE("202"), LONG_MS);
	redis_server_restart(&server);
	assert_true(wait_connected(f, true));
	assert_int_equal(ask(f, "k", body_a), KV_IDEM_FIRST);
}

static void redis_dies_under_requests_and_each_is_told_once(void **state)
{
	struct fixture *f = *state;
	struct said said[20] = {0};

	redis_server_freeze(&server);
	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		kv_idem_begin(f->kv, SLICE("k"), body_a, LONG_MS, on_said, &said[i]);
	redis_server_kill(&server);
	assert_true(wait_connected(f, false));
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		assert_int_equal(said[i].times, 1);
		assert_int_equal(said[i].outcome, KV_IDEM_AWAY);
	}
	redis_server_restart(&server);
}

static void a_frozen_redis_is_away_within_the_time_out(void **state)
{
	struct fixture *f = *state;
	int64_t begun = clock_monotonic_ms();

	redis_server_freeze(&server);
	assert_int_equal(ask(f, "k", body_a), KV_IDEM_AWAY);
	assert_in_range(clock_monotonic_ms() - begun, TIMEOUT_MS - 5, 10 * TIMEOUT_MS);
	assert_false(kv_async_connected(f->kv));
	redis_server_thaw(&server);
	assert_true(wait_connected(f, true));
	assert_int_not_equal(ask(f, "other", body_a), KV_IDEM_AWAY);
}

static void past_the_limit_the_answer_is_away(void **state)
{
	struct fixture *f = *state;
	struct said *said = calloc(KV_ASYNC_IN_FLIGHT_MAX + 1, sizeof(*said));
	int64_t begun = clock_monotonic_ms(), give_up = begun + GIVE_UP_MS;

	redis_server_freeze(&server);
	for (size_t i = 0; i <= KV_ASYNC_IN_FLIGHT_MAX; i++)
		kv_idem_begin(f->kv, SLICE("k"), body_a, LONG_MS, on_said, &said[i]);
	while (!said[KV_ASYNC_IN_FLIGHT_MAX].times && clock_monotonic_ms() < give_up)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(said[KV_ASYNC_IN_FLIGHT_MAX].outcome, KV_IDEM_AWAY);
	/* on a machine that was away for so long, the first ones are out of time by now */
	assert_true(!said[0].times || clock_monotonic_ms() - begun >= TIMEOUT_MS);
	redis_server_kill(&server);
	assert_true(wait_connected(f, false));
	for (size_t i = 0; i <= KV_ASYNC_IN_FLIGHT_MAX; i++)
		assert_int_equal(said[i].times, 1);
	redis_server_restart(&server);
	free(said);
}

/* --- a cluster --- */

#define KEYS 48 /* some on every node, and many in one slot's node */

static void name_key(int n, char ret[16])
{
	snprintf(ret, 16, "k%d", n);
}

static unsigned slot_of(const struct fixture *f, int n)
{
	char key[16], whole[64];

	name_key(n, key);
	snprintf(whole, sizeof(whole), "%s%s", f->prefix, key);
	return kv_slot_of_key(slice_cstr(whole));
}

static enum kv_idem ask_n(struct fixture *f, int n)
{
	char key[16];

	name_key(n, key);
	return ask(f, key, body_a);
}

static void keys_are_spread_over_the_nodes(void **state)
{
	struct fixture *f = *state;
	long long had[CLUSTER_MASTERS];

	for (size_t i = 0; i < CLUSTER_MASTERS; i++)
		had[i] = redis_server_tell(&cluster.nodes[i], "DBSIZE");
	for (int n = 0; n < KEYS; n++)
		assert_int_equal(ask_n(f, n), KV_IDEM_FIRST);
	for (int n = 0; n < KEYS; n++)
		assert_int_equal(ask_n(f, n), KV_IDEM_PENDING);
	for (size_t i = 0; i < CLUSTER_MASTERS; i++)
		assert_true(redis_server_tell(&cluster.nodes[i], "DBSIZE") > had[i]);
}

static void a_key_in_braces_stands_where_redis_says(_unused_ void **state)
{
	static const char *const keys[] = {"a",   "{}b", "x{y}z{w}",   "{{y}}",
					   "}{y", "{y",  "foo{}{bar}", "0123456789"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		char command[64];

		snprintf(command, sizeof(command), "CLUSTER KEYSLOT %s", keys[i]);
		assert_int_equal(redis_server_tell(&cluster.nodes[0], command),
				 kv_slot_of_key(slice_cstr(keys[i])));
	}
}

static void a_request_follows_its_slot(void **state)
{
	struct fixture *f = *state;
	unsigned slot = slot_of(f, 1);
	struct redis_server *from = redis_cluster_owner(&cluster, slot);

	assert_int_equal(ask_n(f, 1), KV_IDEM_FIRST);
	redis_cluster_move(&cluster, from, redis_cluster_other(&cluster, from), slot);
	assert_int_equal(ask_n(f, 1), KV_IDEM_PENDING);
	kv_idem_done(f->kv, SLICE("k1"), body_a, SLICE("202"), LONG_MS);
	assert_int_equal(ask_n(f, 1), KV_IDEM_REPLAY);
}

/* A key that is still there is answered there, and a new one where the slot goes. */
static void a_request_follows_a_slot_that_is_on_its_way(void **state)
{
	struct fixture *f = *state;
	unsigned slot = slot_of(f, 2);
	struct redis_server *from = redis_cluster_owner(&cluster, slot);
	struct redis_server *to = redis_cluster_other(&cluster, from);

	redis_cluster_move_begin(from, to, slot);
	assert_int_equal(ask_n(f, 2), KV_IDEM_FIRST);
	assert_int_equal(ask_n(f, 2), KV_IDEM_PENDING);
	kv_idem_done(f->kv, SLICE("k2"), body_a, SLICE("202"), LONG_MS);
	assert_int_equal(ask_n(f, 2), KV_IDEM_REPLAY);
	while (redis_cluster_move_keys(from, to, slot))
		;
	assert_int_equal(ask_n(f, 2), KV_IDEM_REPLAY);
	redis_cluster_move_end(&cluster, to, slot);
	assert_int_equal(ask_n(f, 2), KV_IDEM_REPLAY);
}

static void one_node_is_dead_and_the_others_keys_are_served(void **state)
{
	struct fixture *f = *state;
	bool away[KEYS];

	for (int n = 0; n < KEYS; n++) {
		assert_int_equal(ask_n(f, n), KV_IDEM_FIRST);
		away[n] = redis_cluster_owner(&cluster, slot_of(f, n)) == &cluster.nodes[2];
	}
	redis_server_kill(&cluster.nodes[2]);
	assert_true(wait_connected(f, false));
	for (int n = 0; n < KEYS; n++)
		assert_int_equal(ask_n(f, n), away[n] ? KV_IDEM_AWAY : KV_IDEM_PENDING);
	redis_server_restart(&cluster.nodes[2]);
	redis_cluster_wait(&cluster);
	assert_true(wait_connected(f, true));
	for (int n = 0; n < KEYS; n++)
		assert_int_equal(ask_n(f, n), KV_IDEM_PENDING);
}

static void a_frozen_node_is_away_within_the_time_out(void **state)
{
	struct fixture *f = *state;
	struct said said[KEYS] = {0};
	int64_t begun = clock_monotonic_ms();
	int told = 0, away = 0;

	redis_server_freeze(&cluster.nodes[0]);
	for (int n = 0; n < KEYS; n++) {
		char key[16];

		name_key(n, key);
		kv_idem_begin(f->kv, slice_cstr(key), body_a, LONG_MS, on_said, &said[n]);
	}
	while (told < KEYS && clock_monotonic_ms() < begun + GIVE_UP_MS) {
		uv_run(&f->loop, UV_RUN_ONCE);
		told = away = 0;
		for (int n = 0; n < KEYS; n++) {
			told += said[n].times;
			away += said[n].times && said[n].outcome == KV_IDEM_AWAY;
		}
	}
	assert_in_range(clock_monotonic_ms() - begun, TIMEOUT_MS - 5, 10 * TIMEOUT_MS);
	assert_int_equal(told, KEYS);
	assert_in_range(away, 1, KEYS - 1);
	redis_server_thaw(&cluster.nodes[0]);
	redis_cluster_wait(&cluster);
	assert_true(wait_connected(f, true));
}

#define ON(open, test)                                                                             \
	{                                                                                          \
		"on_" #open ": " #test, test, open_##open, close_all, NULL                         \
	}
#define ON_ALL(test) ON(memory, test), ON(redis, test), ON(cluster, test)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_ALL(the_first_is_first_and_its_repeats_wait),
	    ON_ALL(the_same_key_with_another_body_is_a_conflict),
	    ON_ALL(the_first_answer_is_given_again),
	    ON_ALL(a_failed_request_frees_its_key),
	    ON_ALL(a_crashed_request_blocks_its_key_no_longer_than_said),
	    ON_ALL(of_many_at_once_one_is_first),
	    ON_ALL(closing_tells_every_outstanding_request_once),
	    ON(redis, redis_is_dead_the_answer_is_away_and_it_comes_back),
	    ON(redis, redis_dies_under_requests_and_each_is_told_once),
	    ON(redis, a_frozen_redis_is_away_within_the_time_out),
	    ON(redis, past_the_limit_the_answer_is_away),
	    ON(cluster, keys_are_spread_over_the_nodes),
	    ON(cluster, a_key_in_braces_stands_where_redis_says),
	    ON(cluster, a_request_follows_its_slot),
	    ON(cluster, a_request_follows_a_slot_that_is_on_its_way),
	    ON(cluster, one_node_is_dead_and_the_others_keys_are_served),
	    ON(cluster, a_frozen_node_is_away_within_the_time_out),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	redis_server_end(&server);
	redis_cluster_end(&cluster);
	return failed;
}
