/* What can go wrong with a Redis Cluster, and what kv says then. All on one cluster, under prefixes of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "redis_cluster.h"
#include "runtime/clock.h"
#include "runtime/kv.h"
#include "runtime/kv_layout.h"

#define TIMEOUT_MS 500
#define LEADS      64 /* that many groups: in nearly every shard */
#define NOON       1796040000000LL

static struct redis_cluster cluster;
static int prefixes;

static struct kv *open_again(void)
{
	struct error error = {0};
	char prefix[32];
	struct kv *kv;

	snprintf(prefix, sizeof(prefix), "t%d:", prefixes);
	kv = kv_open(cluster.url, prefix, TIMEOUT_MS, &error);
	if (!kv)
		fail_msg("%s", error.text);
	return kv;
}

static bool join(struct kv *kv)
{
	struct error error = {0};
	bool missing[1];

	if (kv_join(kv, 1, missing, &error) != RESULT_OK)
		fail_msg("kv_join: %s", error.text);
	return !missing[0];
}

/* A kv of a state of its own, with everything in it. */
static struct kv *open_new(void)
{
	struct kv *kv;

	prefixes++;
	kv = open_again();
	assert_false(join(kv));
	assert_int_equal(kv_restored(kv, 0, NULL), RESULT_OK);
	return kv;
}

/* LEADS leads, each with a scope of its own: an `always` claim, one of its group that lasts a day, and one for months. */
struct batch {
	char keys[LEADS][3][16];
	struct kv_lead leads[LEADS];
};

static struct batch batch;

static enum result gather(struct kv *kv, uint64_t first_offset, struct error *ret_error)
{
	for (uint64_t n = 0; n < LEADS; n++) {
		struct kv_lead *lead = &batch.leads[n];

		*lead = (struct kv_lead){.candidate = true, .now_ms = NOON, .claim_count = 3};
		lead->self.raw_offset = first_offset + n;
		for (size_t c = 0; c < 3; c++) {
			char *key = batch.keys[n][c];

			snprintf(key, sizeof(batch.keys[n][c]), "k%zu.%u", c, (unsigned)n);
			lead->claims[c] =
			    (struct kv_claim){.key = slice_cstr(key),
					      .ttl_ms = c == 2 ? 90 * MS_PER_DAY : MS_PER_HOUR,
					      .group = (uint32_t)n,
					      .always = c == 0};
		}
	}
	return kv_gather(kv, batch.leads, LEADS, ret_error);
}

static enum result gather_until_there(struct kv *kv, uint64_t first_offset)
{
	int64_t give_up = clock_monotonic_ms() + 20000;
	struct error error = {0};
	enum result r;

	while ((r = gather(kv, first_offset, &error)) == RESULT_AWAY) {
		if (clock_monotonic_ms() > give_up)
			fail_msg("kv_gather: %s", error.text);
	}
	return r;
}

static void gather_until_ok(struct kv *kv, uint64_t first_offset)
{
	assert_int_equal(gather_until_there(kv, first_offset), RESULT_OK);
}

/* Of the claims that were asked for last, how many the leads of this batch hold. */
static size_t held_by(uint64_t first_offset)
{
	size_t held = 0;

	for (uint64_t n = 0; n < LEADS; n++) {
		for (size_t c = 0; c < 3; c++)
			held += batch.leads[n].claims[c].held &&
				batch.leads[n].claims[c].owner.raw_offset == first_offset + n;
	}
	return held;
}

static unsigned slot_of_group(uint32_t group)
{
	struct kv_layout l = {.shards = KV_CLUSTER_SHARDS};

	return kv_slot_of(kv_shard_of_claim(&l, (struct slice){0}, group, false));
}

static void a_batch_is_spread_and_answered_as_one(_unused_ void **state)
{
	struct kv *kv = open_new(), *other = open_again();

	assert_true(kv_needs_one_group(kv));
	assert_int_equal(gather(kv, 0, NULL), RESULT_OK);
	assert_int_equal(held_by(0), 3 * LEADS);
	assert_true(join(other));
	assert_int_equal(gather(other, 1000, NULL), RESULT_OK);
	assert_int_equal(held_by(0), 3 * LEADS);
	for (size_t i = 0; i < CLUSTER_MASTERS; i++)
		assert_true(redis_server_tell(&cluster.nodes[i], "DBSIZE") > LEADS / 2);
	kv_close(kv);
	kv_close(other);
}

static void one_living_seed_is_enough(_unused_ void **state)
{
	struct kv *kv = open_new();
	char whole[sizeof(cluster.url)];

	memcpy(whole, cluster.url, sizeof(whole));
	snprintf(cluster.url, sizeof(cluster.url), "redis://127.0.0.1:1,127.0.0.1:%d",
		 cluster.nodes[1].port);
	kv_close(kv);
	kv = open_again();
	gather_until_ok(kv, 0);
	assert_int_equal(held_by(0), 3 * LEADS);
	kv_close(kv);
	memcpy(cluster.url, whole, sizeof(whole));
}

static void a_dead_node_is_away_and_comes_back_with_its_data(_unused_ void **state)
{
	struct kv *kv = open_new();
	struct error error = {0};
	bool missing[1];

	assert_int_equal(gather(kv, 0, NULL), RESULT_OK);
	redis_server_kill(&cluster.nodes[1]);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(gather(kv, 1000, &error), RESULT_AWAY);
		assert_int_equal(held_by(0) + held_by(1000), 0);
		assert_int_equal(kv_join(kv, 1, missing, NULL), RESULT_AWAY);
	}
	redis_server_restart(&cluster.nodes[1]);
	redis_cluster_wait(&cluster);
	gather_until_ok(kv, 1000);
	assert_int_equal(held_by(0), 3 * LEADS);
	assert_true(join(kv));
	kv_close(kv);
}

static void a_frozen_node_is_away_within_the_time_out(_unused_ void **state)
{
	struct kv *kv = open_new();
	int64_t begun;

	assert_int_equal(gather(kv, 0, NULL), RESULT_OK);
	redis_server_freeze(&cluster.nodes[2]);
	for (int i = 0; i < 3; i++) {
		begun = clock_monotonic_ms();
		assert_int_equal(gather(kv, 1000, NULL), RESULT_AWAY);
		assert_true(clock_monotonic_ms() - begun < 4 * TIMEOUT_MS);
	}
	redis_server_thaw(&cluster.nodes[2]);
	redis_cluster_wait(&cluster);
	gather_until_ok(kv, 1000);
	assert_int_equal(held_by(0), 3 * LEADS);
	kv_close(kv);
}

static void a_slot_that_moved_is_followed_at_once(_unused_ void **state)
{
	struct kv *kv = open_new();
	unsigned slot = slot_of_group(0);
	struct redis_server *from = redis_cluster_owner(&cluster, slot);

	assert_int_equal(gather(kv, 0, NULL), RESULT_OK);
	redis_cluster_move(&cluster, from, redis_cluster_other(&cluster, from), slot);
	assert_int_equal(gather(kv, 1000, NULL), RESULT_OK);
	assert_int_equal(held_by(0), 3 * LEADS);
	assert_true(join(kv));
	kv_close(kv);
}

static void while_a_slot_moves_leads_wait_and_nothing_is_lost(_unused_ void **state)
{
	struct kv *kv = open_new();
	unsigned slot = slot_of_group(1);
	struct redis_server *from = redis_cluster_owner(&cluster, slot);
	struct redis_server *to = redis_cluster_other(&cluster, from);
	struct error error = {0};
	size_t waited = 0;

	assert_int_equal(gather(kv, 0, NULL), RESULT_OK);
	redis_cluster_move_begin(from, to, slot);
	do {
		enum result r = gather(kv, 1000, &error);

		if (r == RESULT_AWAY)
			waited++;
		else if (r != RESULT_OK || held_by(0) != 3 * LEADS)
			fail_msg("%d %s", r, error.text);
	} while (redis_cluster_move_keys(from, to, slot));
	assert_true(waited > 0);
	redis_cluster_move_end(&cluster, to, slot);
	gather_until_ok(kv, 1000);
	assert_int_equal(held_by(0), 3 * LEADS);
	assert_true(join(kv));
	kv_close(kv);
}

static void an_emptied_node_is_noticed_by_its_shards(_unused_ void **state)
{
	struct kv *kv = open_new(), *other = open_again();

	assert_true(join(other));
	assert_int_equal(gather(kv, 0, NULL), RESULT_OK);
	redis_server_tell(&cluster.nodes[0], "FLUSHALL");
	assert_int_equal(gather(kv, 1000, NULL), RESULT_AGAIN);
	assert_int_equal(gather(other, 1000, NULL), RESULT_AGAIN);
	assert_false(join(kv));
	assert_false(join(other));
	/* What stands on the other nodes is there: the log puts back the rest. */
	assert_int_equal(gather(kv, 0, NULL), RESULT_OK);
	assert_int_equal(kv_restored(kv, 0, NULL), RESULT_OK);
	assert_true(join(other));
	assert_int_equal(gather(other, 1000, NULL), RESULT_OK);
	assert_int_equal(held_by(0), 3 * LEADS);
	kv_close(kv);
	kv_close(other);
}

static void claims_of_two_scopes_are_refused(_unused_ void **state)
{
	struct kv *kv = open_new();
	struct kv_lead lead = {.candidate = true, .now_ms = NOON, .claim_count = 3};
	struct error error = {0};

	for (size_t c = 0; c < 3; c++)
		lead.claims[c] = (struct kv_claim){.key = slice_of("abc" + c, 1),
						   .ttl_ms = MS_PER_DAY,
						   .group = (uint32_t)c,
						   .always = c == 2};
	assert_int_equal(kv_gather(kv, &lead, 1, &error), RESULT_BAD);
	assert_non_null(strstr(error.text, "the same `scope`"));
	lead.claims[1].group = 0;
	assert_int_equal(kv_gather(kv, &lead, 1, &error), RESULT_OK);
	kv_close(kv);
}

static void a_replica_takes_over(_unused_ void **state)
{
	struct kv *kv = open_new();

	assert_int_equal(gather(kv, 0, NULL), RESULT_OK);
	redis_cluster_add_replica(&cluster);
	redis_cluster_fail_over(&cluster);
	gather_until_ok(kv, 1000);
	assert_int_equal(held_by(0), 3 * LEADS);
	assert_true(join(kv));
	kv_close(kv);
}

/* The first node is the replica now. It misses what is claimed while it does not listen, and becomes master all the same. */
static void a_replica_that_missed_claims_is_noticed(_unused_ void **state)
{
	struct kv *kv = open_new();

	assert_int_equal(gather(kv, 0, NULL), RESULT_OK);
	redis_cluster_wait_replicated(&cluster.replica, &cluster.nodes[0]);
	redis_server_freeze(&cluster.nodes[0]);
	redis_server_tell(&cluster.replica, "CLIENT KILL TYPE replica");
	gather_until_ok(kv, 1000);
	redis_server_kill(&cluster.replica);
	redis_server_thaw(&cluster.nodes[0]);
	redis_server_tell(&cluster.nodes[0], "CLUSTER FAILOVER TAKEOVER");
	redis_cluster_wait(&cluster);
	assert_int_equal(gather_until_there(kv, 2000), RESULT_AGAIN);
	assert_false(join(kv));
	kv_close(kv);
}

static void notes_are_spread_and_found_by_another(_unused_ void **state)
{
	struct kv *one = open_new(), *two = open_again();
	struct kv_note notes[LEADS];
	char keys[LEADS][16];

	assert_true(join(two)); /* notes are those of a state */
	for (size_t i = 0; i < LEADS; i++) {
		int len = snprintf(keys[i], sizeof(keys[i]), "note %zu", i);

		notes[i] = (struct kv_note){slice_of(keys[i], (size_t)len), (uint8_t)(i + 1), NOON};
	}
	kv_notes_put(one, notes, LEADS);
	kv_notes_get(two, notes, LEADS);
	for (size_t i = 0; i < LEADS; i++)
		assert_int_equal(notes[i].value, i + 1);
	kv_close(one);
	kv_close(two);
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_batch_is_spread_and_answered_as_one),
	    cmocka_unit_test(notes_are_spread_and_found_by_another),
	    cmocka_unit_test(one_living_seed_is_enough),
	    cmocka_unit_test(a_slot_that_moved_is_followed_at_once),
	    cmocka_unit_test(while_a_slot_moves_leads_wait_and_nothing_is_lost),
	    cmocka_unit_test(an_emptied_node_is_noticed_by_its_shards),
	    cmocka_unit_test(claims_of_two_scopes_are_refused),
	    cmocka_unit_test(a_dead_node_is_away_and_comes_back_with_its_data),
	    cmocka_unit_test(a_frozen_node_is_away_within_the_time_out),
	    cmocka_unit_test(a_replica_takes_over),
	    cmocka_unit_test(a_replica_that_missed_claims_is_noticed),
	};

	return cmocka_run_group_tests(tests, start, end);
}
