/* What kv.h promises, asked of both backends: the same cases on memory, on a Redis of the test's own, and on a cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/rng.h"
#include "redis_cluster.h"
#include "runtime/clock.h"
#include "runtime/kv.h"

#define HOUR (3600 * 1000LL)
#define NOON 1796040000000LL

static struct redis_server server;
static struct redis_cluster cluster;
static int prefixes;
static int64_t ttl_ms = HOUR; /* long ones stand in buckets */

static int open_memory(void **state)
{
	*state = kv_open("memory:", "", 1000, NULL);
	return *state ? 0 : -1;
}

static int open_at(const char *url, void **state)
{
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "t%d:", prefixes++);
	*state = kv_open(url, prefix, 5000, NULL);
	return *state ? 0 : -1;
}

static int open_redis(void **state)
{
	return open_at(server.url, state);
}

static int open_cluster(void **state)
{
	return open_at(cluster.url, state);
}

static int open_buckets(void **state)
{
	ttl_ms = 48 * HOUR;
	return open_redis(state);
}

static int close_kv(void **state)
{
	ttl_ms = HOUR;
	kv_close(*state);
	return 0;
}

static struct lead_id lead_named(unsigned n)
{
	struct lead_id id = {{0}};

	memcpy(id.bytes, &n, sizeof(n));
	id.bytes[15] = 0xff;
	return id;
}

static struct kv_lead lead_at(unsigned n, int64_t now_ms)
{
	return (struct kv_lead){.self.lead_id = lead_named(n), .now_ms = now_ms, .candidate = true};
}

static void wants(struct kv_lead *lead, const char *key, bool always)
{
	assert_true(lead->claim_count < KV_CLAIMS_PER_LEAD);
	lead->claims[lead->claim_count++] =
	    (struct kv_claim){.key = slice_cstr(key), .ttl_ms = ttl_ms, .always = always};
}

static void gather(struct kv *kv, struct kv_lead *leads, size_t count)
{
	struct error error = {0};
	enum result r = kv_gather(kv, leads, count, &error);

	if (r != RESULT_OK)
		fail_msg("kv_gather: %s", error.text);
}

static bool held_by(const struct kv_claim *claim, unsigned n)
{
	struct lead_record self = {.lead_id = lead_named(n)};

	return claim->held && lead_record_equal(&claim->owner, &self);
}

/* Who holds the key, asked by a lead that may take nothing. */
static struct kv_claim look(struct kv *kv, const char *key)
{
	struct kv_lead observer = lead_at(999999, NOON);

	observer.candidate = false;
	wants(&observer, key, false);
	gather(kv, &observer, 1);
	return observer.claims[0];
}

static void a_free_claim_is_taken_with_its_time(void **state)
{
	struct kv_lead a = lead_at(1, NOON), b = lead_at(2, NOON + 5);

	wants(&a, "phone:1", false);
	gather(*state, &a, 1);
	assert_true(held_by(&a.claims[0], 1));
	assert_int_equal(a.claims[0].claimed_at_ms, NOON);

	wants(&b, "phone:1", false);
	gather(*state, &b, 1);
	assert_true(held_by(&b.claims[0], 1));
	assert_int_equal(b.claims[0].claimed_at_ms, NOON);
}

static void a_leads_own_claim_is_free_and_keeps_its_first_time(void **state)
{
	struct kv_lead first = lead_at(1, NOON), again = lead_at(1, NOON + 60000);

	wants(&first, "phone:1", false);
	gather(*state, &first, 1);
	wants(&again, "phone:1", false);
	wants(&again, "email:1", false);
	gather(*state, &again, 1);
	assert_true(held_by(&again.claims[0], 1));
	assert_int_equal(again.claims[0].claimed_at_ms, NOON);
	assert_true(held_by(&again.claims[1], 1));
	assert_int_equal(again.claims[1].claimed_at_ms, NOON + 60000);
}

static void claims_are_taken_together_or_not_at_all(void **state)
{
	struct kv_lead a = lead_at(1, NOON), b = lead_at(2, NOON);

	wants(&a, "phone:1", false);
	gather(*state, &a, 1);
	wants(&b, "email:2", false);
	wants(&b, "phone:1", false);
	gather(*state, &b, 1);
	assert_false(b.claims[0].held);
	assert_true(held_by(&b.claims[1], 1));
	assert_false(look(*state, "email:2").held);
}

static void a_rejected_candidate_takes_nothing_but_always_claims(void **state)
{
	struct kv_lead a = lead_at(1, NOON);

	a.candidate = false;
	wants(&a, "phone:1", false);
	wants(&a, "payload:1", true);
	gather(*state, &a, 1);
	assert_false(a.claims[0].held);
	assert_true(held_by(&a.claims[1], 1));
	assert_false(look(*state, "phone:1").held);
}

static void an_always_claim_of_another_lead_keeps_the_others_free(void **state)
{
	struct kv_lead a = lead_at(1, NOON), b = lead_at(2, NOON);

	wants(&a, "payload:1", true);
	gather(*state, &a, 1);
	wants(&b, "payload:1", true);
	wants(&b, "device:2", true);
	wants(&b, "phone:2", false);
	gather(*state, &b, 1);
	assert_true(held_by(&b.claims[0], 1));
	assert_true(held_by(&b.claims[1], 2));
	assert_false(b.claims[2].held);
}

static void each_lead_of_a_batch_sees_what_those_before_it_took(void **state)
{
	struct kv_lead leads[4] = {lead_at(1, NOON), lead_at(2, NOON), lead_at(3, NOON),
				   lead_at(4, NOON)};

	leads[0].candidate = false; /* takes nothing, so the second lead may */
	for (int i = 0; i < 3; i++)
		wants(&leads[i], "phone:1", false);
	wants(&leads[2], "email:3", false);
	wants(&leads[3], "email:3", false);
	gather(*state, leads, 4);
	assert_false(leads[0].claims[0].held);
	assert_true(held_by(&leads[1].claims[0], 2));
	assert_true(held_by(&leads[2].claims[0], 2));
	assert_false(leads[2].claims[1].held);
	assert_true(held_by(&leads[3].claims[0], 4));
}

static void a_claim_ends_with_its_ttl(void **state)
{
	struct kv_lead a = lead_at(1, NOON);
	int64_t give_up = clock_monotonic_ms() + 10000, now = NOON;
	bool over = false;

	wants(&a, "phone:1", false);
	wants(&a, "email:1", false);
	a.claims[0].ttl_ms = 40;
	gather(*state, &a, 1);
	while (!over && clock_monotonic_ms() < give_up) {
		struct kv_lead b = lead_at(2, now += 10);

		wants(&b, "phone:1", false);
		gather(*state, &b, 1);
		over = held_by(&b.claims[0], 2);
	}
	assert_true(over);
	assert_true(look(*state, "email:1").held);
}

/* The log may hold a lead twice: what one of its records claims is not the other's. */
static void another_record_of_the_same_lead_is_another_owner(void **state)
{
	struct kv_lead first = lead_at(1, NOON), second = lead_at(1, NOON);
	struct kv_settle give_up = {.key = SLICE("phone:1"), .now_ms = NOON, .ttl_ms = ttl_ms};

	second.self.raw_offset = give_up.self.raw_offset = INT64_MAX - 1;
	give_up.self.lead_id = second.self.lead_id;
	wants(&first, "phone:1", false);
	gather(*state, &first, 1);
	wants(&second, "phone:1", false);
	wants(&second, "email:1", false);
	gather(*state, &second, 1);
	assert_true(held_by(&second.claims[0], 1)); /* that is, by its record at offset 0 */
	assert_false(second.claims[1].held);
	assert_int_equal(kv_settle(*state, &give_up, 1, NULL), RESULT_OK);
	assert_true(look(*state, "phone:1").held);

	second.claim_count = 0;
	wants(&second, "phone:2", false);
	gather(*state, &second, 1);
	assert_int_equal(look(*state, "phone:2").owner.raw_offset, INT64_MAX - 1);
}

static void settling_gives_up_only_the_leads_own_claims(void **state)
{
	struct kv_lead a = lead_at(1, NOON), b = lead_at(2, NOON);
	struct kv_settle give_up[] = {
	    {.self.lead_id = lead_named(1),
	     .key = SLICE("phone:1"),
	     .ttl_ms = ttl_ms,
	     .now_ms = NOON},
	    {.self.lead_id = lead_named(1),
	     .key = SLICE("phone:2"),
	     .ttl_ms = ttl_ms,
	     .now_ms = NOON},
	    {.self.lead_id = lead_named(1),
	     .key = SLICE("phone:3"),
	     .ttl_ms = ttl_ms,
	     .now_ms = NOON},
	};

	wants(&a, "phone:1", false);
	gather(*state, &a, 1);
	wants(&b, "phone:2", false);
	gather(*state, &b, 1);
	assert_int_equal(kv_settle(*state, give_up, 3, NULL), RESULT_OK);
	assert_false(look(*state, "phone:1").held);
	assert_true(look(*state, "phone:2").held);
}

static void settling_takes_only_what_is_free(void **state)
{
	struct kv_lead a = lead_at(1, NOON);
	struct kv_settle take[] = {
	    {.self.lead_id = lead_named(2),
	     .key = SLICE("phone:1"),
	     .now_ms = NOON + 7,
	     .ttl_ms = ttl_ms,
	     .take = true},
	    {.self.lead_id = lead_named(2),
	     .key = SLICE("phone:2"),
	     .now_ms = NOON + 7,
	     .ttl_ms = ttl_ms,
	     .take = true},
	};
	struct kv_claim one, two;

	wants(&a, "phone:1", false);
	gather(*state, &a, 1);
	assert_int_equal(kv_settle(*state, take, 2, NULL), RESULT_OK);
	one = look(*state, "phone:1");
	two = look(*state, "phone:2");
	assert_true(held_by(&one, 1));
	assert_true(held_by(&two, 2));
	assert_int_equal(two.claimed_at_ms, NOON + 7);
}

static void a_key_may_hold_any_byte(void **state)
{
	static const char keys[2][4] = {{0, '\n', (char)0xff, 'a'}, {0, '\n', (char)0xff, 'b'}};
	struct kv_lead leads[2] = {lead_at(0, 0), lead_at(0x00ff000a, -1)};

	for (int i = 0; i < 2; i++) {
		leads[i].claims[0] =
		    (struct kv_claim){.key = slice_of(keys[i], 4), .ttl_ms = ttl_ms};
		leads[i].claim_count = 1;
	}
	gather(*state, leads, 2);
	assert_true(held_by(&leads[0].claims[0], 0));
	assert_true(held_by(&leads[1].claims[0], 0x00ff000a));
	assert_int_equal(leads[1].claims[0].claimed_at_ms, -1);
}

static void the_largest_batch_is_one_call(void **state)
{
	static char keys[KV_LEADS_PER_GATHER][KV_CLAIMS_PER_LEAD][16];
	struct kv_lead *leads = calloc(KV_LEADS_PER_GATHER, sizeof(*leads));

	for (unsigned i = 0; i < KV_LEADS_PER_GATHER; i++) {
		leads[i] = lead_at(i, NOON);
		for (unsigned c = 0; c < KV_CLAIMS_PER_LEAD; c++) {
			snprintf(keys[i][c], sizeof(keys[i][c]), "k%u.%u", i, c);
			wants(&leads[i], keys[i][c], c % 2);
		}
	}
	gather(*state, leads, KV_LEADS_PER_GATHER);
	for (unsigned i = 0; i < KV_LEADS_PER_GATHER; i++) {
		for (unsigned c = 0; c < KV_CLAIMS_PER_LEAD; c++)
			assert_true(held_by(&leads[i].claims[c], i));
	}
	free(leads);
}

static void nothing_asked_is_answered_at_once(void **state)
{
	struct kv_lead lead = lead_at(1, NOON);

	gather(*state, &lead, 0);
	gather(*state, &lead, 1);
	assert_int_equal(kv_settle(*state, NULL, 0, NULL), RESULT_OK);
}

static void random_lead(struct rng *rng, struct kv_lead *ret)
{
	static const char keys[9][8] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
	size_t n = rng_below(rng, KV_CLAIMS_PER_LEAD + 1);

	*ret = lead_at((unsigned)rng_below(rng, 12), NOON + (int64_t)rng_below(rng, 1000));
	ret->candidate = rng_chance(rng, 7500);
	for (size_t c = 0; c < n; c++)
		wants(ret, keys[rng_below(rng, ARRAY_LEN(keys))], rng_chance(rng, 3000));
}

/* As filters ask: a key's purpose says whether it is `always`, and its scope, one for a lead, is the group. */
static void scoped_lead(struct rng *rng, struct kv_lead *ret)
{
	static const char always[3][8] = {"a", "b", "c"};
	static const char scoped[4][5][8] = {{"d0", "e0", "f0", "g0", "h0"},
					     {"d1", "e1", "f1", "g1", "h1"},
					     {"d2", "e2", "f2", "g2", "h2"},
					     {"d3", "e3", "f3", "g3", "h3"}};
	size_t n = rng_below(rng, KV_CLAIMS_PER_LEAD + 1), scope = rng_below(rng, 4);

	*ret = lead_at((unsigned)rng_below(rng, 12), NOON + (int64_t)rng_below(rng, 1000));
	ret->candidate = rng_chance(rng, 7500);
	for (size_t c = 0; c < n; c++) {
		if (rng_chance(rng, 3000))
			wants(ret, always[rng_below(rng, 3)], true);
		else
			wants(ret, scoped[scope][rng_below(rng, 5)], false);
		ret->claims[c].group = (uint32_t)scope * 1000;
	}
}

/* Gives up what the lead found held (so that the tables never fill), or takes something for a lead of its own. */
static void settle_both(struct kv *memory, struct kv *redis, struct rng *rng,
			const struct kv_lead *lead)
{
	for (size_t c = 0; c < lead->claim_count; c++) {
		const struct kv_claim *claim = &lead->claims[c];
		struct kv_settle op = {.self = claim->owner,
				       .key = claim->key,
				       .ttl_ms = ttl_ms,
				       .now_ms = NOON,
				       .group = claim->group,
				       .always = claim->always};

		if (rng_chance(rng, 2000)) {
			op.take = true;
			op.self.lead_id = lead_named((unsigned)rng_below(rng, 12));
		} else if (rng_chance(rng, 4000)) {
			continue;
		}
		assert_int_equal(kv_settle(memory, &op, 1, NULL), RESULT_OK);
		assert_int_equal(kv_settle(redis, &op, 1, NULL), RESULT_OK);
	}
}

/* Whatever is asked, the two backends answer the same: a claim twice in one lead, owners that come back, settlements. */
static void compare_backends(int (*open)(void **), void (*make)(struct rng *, struct kv_lead *))
{
	struct rng rng = rng_seed(20261122);
	void *memory, *redis;

	assert_int_equal(open_memory(&memory), 0);
	assert_int_equal(open(&redis), 0);
	for (int round = 0; round < 400; round++) {
		struct kv_lead a[6], b[6];
		size_t n = 1 + rng_below(&rng, 6);

		for (size_t i = 0; i < n; i++)
			make(&rng, &a[i]);
		memcpy(b, a, sizeof(b));
		gather(memory, a, n);
		gather(redis, b, n);
		for (size_t i = 0; i < n; i++) {
			for (size_t c = 0; c < a[i].claim_count; c++) {
				assert_int_equal(a[i].claims[c].held, b[i].claims[c].held);
				assert_true(lead_record_equal(&a[i].claims[c].owner,
							      &b[i].claims[c].owner));
				assert_int_equal(a[i].claims[c].claimed_at_ms,
						 b[i].claims[c].claimed_at_ms);
			}
		}
		for (size_t i = 0; i < n; i++)
			settle_both(memory, redis, &rng, &a[i]);
	}
	kv_close(memory);
	kv_close(redis);
}

static void both_backends_give_the_same_answers(_unused_ void **state)
{
	compare_backends(open_redis, random_lead);
	compare_backends(open_cluster, scoped_lead);
	ttl_ms = 48 * HOUR;
	compare_backends(open_redis, random_lead);
	compare_backends(open_cluster, scoped_lead);
	ttl_ms = HOUR;
}

#define ON(open, test)                                                                             \
	{                                                                                          \
		"on_" #open ": " #test, test, open_##open, close_kv, NULL                          \
	}
#define ON_ALL(test) ON(memory, test), ON(redis, test), ON(buckets, test), ON(cluster, test)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_ALL(a_free_claim_is_taken_with_its_time),
	    ON_ALL(a_leads_own_claim_is_free_and_keeps_its_first_time),
	    ON_ALL(claims_are_taken_together_or_not_at_all),
	    ON_ALL(a_rejected_candidate_takes_nothing_but_always_claims),
	    ON_ALL(an_always_claim_of_another_lead_keeps_the_others_free),
	    ON_ALL(each_lead_of_a_batch_sees_what_those_before_it_took),
	    ON(memory, a_claim_ends_with_its_ttl),
	    ON(redis, a_claim_ends_with_its_ttl),
	    ON(cluster, a_claim_ends_with_its_ttl),
	    ON_ALL(another_record_of_the_same_lead_is_another_owner),
	    ON_ALL(settling_gives_up_only_the_leads_own_claims),
	    ON_ALL(settling_takes_only_what_is_free),
	    ON_ALL(a_key_may_hold_any_byte),
	    ON_ALL(the_largest_batch_is_one_call),
	    ON_ALL(nothing_asked_is_answered_at_once),
	    cmocka_unit_test(both_backends_give_the_same_answers),
	};
	int failed;

	redis_server_start(&server);
	redis_cluster_start(&cluster);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	redis_cluster_end(&cluster);
	redis_server_end(&server);
	return failed;
}
