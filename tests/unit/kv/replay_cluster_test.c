/* A replay's memory in a Redis Cluster: over all its nodes, it says what a kv in memory says, and leaves nothing on any of them.
 *
 * Controls: `replay_forgets_one_node`, `replay_by_redis_clock`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "redis_cluster.h"
#include "runtime/clock.h"
#include "runtime/kv.h"

#define TIMEOUT_MS 2000
#define LEADS      1200
#define KEYS       80

static struct redis_cluster cluster;

static int start(_unused_ void **state)
{
	redis_cluster_start(&cluster);
	return 0;
}

static int end(_unused_ void **state)
{
	redis_cluster_end(&cluster);
	return 0;
}

static struct kv *open_replay(const char *url)
{
	struct error error = {0};
	struct kv *kv = kv_open_replay(url, TIMEOUT_MS, &error);

	if (!kv)
		fail_msg("%s", error.text);
	return kv;
}

/* Whose the claim is, after the lead asked for it; each key is a scope of its own. */
static uint64_t owner_of(struct kv *kv, uint64_t n, int64_t now_ms, uint32_t key, int64_t ttl_ms)
{
	struct kv_lead lead = {
	    .self.raw_offset = n, .now_ms = now_ms, .candidate = true, .claim_count = 1};
	struct error error = {0};
	char text[16];

	memcpy(lead.self.lead_id.bytes, &n, sizeof(n));
	(void)snprintf(text, sizeof(text), "k%u", key);
	lead.claims[0] = (struct kv_claim){.key = slice_cstr(text), .ttl_ms = ttl_ms, .group = key};
	if (kv_gather(kv, &lead, 1, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	assert_true(lead.claims[0].held);
	return lead.claims[0].owner.raw_offset;
}

static long long keys_of(size_t node)
{
	return redis_server_tell(&cluster.nodes[node], "DBSIZE");
}

static void it_says_what_a_kv_in_memory_says(_unused_ void **state)
{
	struct kv *redis = open_replay(cluster.url), *memory = open_replay("memory:");
	int64_t at_ms = clock_now_ms() - 100 * MS_PER_DAY;
	struct rng r = rng_seed(11);
	size_t others = 0;
	uint64_t removed;

	for (uint64_t n = 0; n < LEADS; n++) {
		int64_t ttl_ms = (int64_t)(1 + rng_below(&r, 20)) * MS_PER_HOUR;
		uint32_t key = (uint32_t)rng_below(&r, KEYS);
		uint64_t owner;

		at_ms += (int64_t)rng_below(&r, MS_PER_HOUR / 2);
		owner = owner_of(memory, n, at_ms, key, ttl_ms);
		assert_int_equal(owner_of(redis, n, at_ms, key, ttl_ms), owner);
		others += owner != n;
	}
	assert_true(others > LEADS / 10 && others < LEADS * 9 / 10);
	assert_int_equal(kv_forget(redis, &removed, NULL), RESULT_OK);
	kv_close(redis);
	kv_close(memory);
}

static void it_is_on_every_node_and_leaves_nothing_there(_unused_ void **state)
{
	struct kv *other = open_replay(cluster.url), *kv = open_replay(cluster.url);
	long long before[CLUSTER_MASTERS];
	int64_t now_ms = clock_now_ms();
	uint64_t removed;

	for (uint32_t k = 0; k < KEYS; k++)
		(void)owner_of(other, k, now_ms, k, MS_PER_HOUR);
	for (size_t i = 0; i < CLUSTER_MASTERS; i++)
		before[i] = keys_of(i);
	for (uint32_t k = 0; k < KEYS; k++)
		assert_int_equal(owner_of(kv, 1000 + k, now_ms, k, MS_PER_HOUR), 1000 + k);
	for (size_t i = 0; i < CLUSTER_MASTERS; i++)
		assert_true(keys_of(i) > before[i]);
	assert_int_equal(kv_forget(kv, &removed, NULL), RESULT_OK);
	assert_true(removed > 0);
	for (size_t i = 0; i < CLUSTER_MASTERS; i++)
		assert_int_equal(keys_of(i), before[i]);
	/* The other's are still there. */
	for (uint32_t k = 0; k < KEYS; k++)
		assert_int_equal(owner_of(other, 2000 + k, now_ms, k, MS_PER_HOUR), k);
	assert_int_equal(kv_forget(other, &removed, NULL), RESULT_OK);
	kv_close(other);
	kv_close(kv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_says_what_a_kv_in_memory_says),
	    cmocka_unit_test(it_is_on_every_node_and_leaves_nothing_there),
	};

	return cmocka_run_group_tests(tests, start, end);
}
