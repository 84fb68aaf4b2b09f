/* Trails, sources, watermarks and the state as a whole, on both backends: what is judged again is answered as it was, and
 * counted once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <hiredis.h>

#include "base/rng.h"
#include "redis_cluster.h"
#include "runtime/clock.h"
#include "runtime/kv.h"
#include "runtime/kv_layout.h"

#define NOON 1796040000000LL
#define DAY  MS_PER_DAY

static struct redis_server server;
static struct redis_cluster cluster;
static int prefixes;

static int open_memory(void **state)
{
	*state = kv_open("memory:", "", 1000, NULL);
	return *state ? 0 : -1;
}

static struct kv *open_at(const char *url, int number)
{
	char prefix[32];
	struct kv *kv;

	snprintf(prefix, sizeof(prefix), "t%d:", number);
	kv = kv_open(url, prefix, 5000, NULL);
	assert_non_null(kv);
	return kv;
}

static struct kv *redis_at(int number)
{
	return open_at(server.url, number);
}

static int open_redis(void **state)
{
	*state = redis_at(++prefixes);
	return 0;
}

static int open_cluster(void **state)
{
	*state = open_at(cluster.url, ++prefixes);
	return 0;
}

static int close_kv(void **state)
{
	kv_close(*state);
	return 0;
}

struct asked {
	struct kv_lead lead;
	struct kv_trail trail;
	struct kv_source source;
};

static void ask(struct asked *a, uint64_t offset, int64_t at_ms, const char *subject)
{
	*a = (struct asked){.lead = {.candidate = true, .partition = 3, .now_ms = at_ms}};
	a->lead.self.raw_offset = offset;
	memcpy(a->lead.self.lead_id.bytes, &offset, sizeof(offset));
	a->trail = (struct kv_trail){
	    .key = slice_cstr(subject), .ttl_ms = DAY, .marks = {(uint32_t)offset, 7}};
	a->lead.trails = &a->trail;
	a->lead.trail_count = 1;
	a->source = (struct kv_source){.key = SLICE("w1"), .hour = at_ms / MS_PER_HOUR};
	a->source.first = &a->source;
	a->lead.source = &a->source;
	a->lead.sub = (uint32_t)offset;
}

static void gather(struct kv *kv, struct asked *a)
{
	struct error e = {0};

	if (kv_gather(kv, &a->lead, 1, &e) != RESULT_OK)
		fail_msg("%s", e.text);
}

static void a_trail_holds_the_visits_before(void **state)
{
	struct asked a;

	for (uint64_t i = 0; i < 3; i++) {
		ask(&a, 10 + i, NOON + (int64_t)i, "phone");
		gather(*state, &a);
		assert_int_equal(a.trail.count, i);
		assert_false(a.lead.counted);
	}
	assert_int_equal(a.trail.visits[0].marks[0], 10);
	assert_int_equal(a.trail.visits[1].at_ms, NOON + 1);
	assert_int_equal(a.trail.visits[1].marks[1], 7);
	ask(&a, 20, NOON, "another phone");
	gather(*state, &a);
	assert_int_equal(a.trail.count, 0);
}

static void what_is_judged_again_sees_what_it_saw_and_counts_nothing(void **state)
{
	struct asked a;

	for (uint64_t i = 0; i < 5; i++) {
		ask(&a, i, NOON, "phone");
		gather(*state, &a);
	}
	for (uint64_t i = 0; i < 5; i++) {
		ask(&a, i, NOON, "phone");
		gather(*state, &a);
		assert_true(a.lead.counted);
		assert_int_equal(a.trail.count, i);
	}
	ask(&a, 5, NOON + MS_PER_MIN, "phone");
	gather(*state, &a);
	assert_int_equal(a.trail.count, 5);
	assert_int_equal(a.source.now.leads[0], 5);
	assert_int_equal(a.source.today.leads[(NOON / MS_PER_HOUR) % 24], 5);
}

static void a_trail_keeps_the_last_visits(void **state)
{
	struct asked a;

	for (uint64_t i = 0; i < 2 * KV_VISITS_MAX; i++) {
		ask(&a, i, NOON + (int64_t)i, "busy");
		gather(*state, &a);
		assert_int_equal(a.trail.count, MIN_OF(i, (uint64_t)KV_VISITS_MAX));
	}
	assert_int_equal(a.trail.visits[KV_VISITS_MAX - 1].marks[0], 2 * KV_VISITS_MAX - 2);
}

static void a_source_is_summed_by_minute_hour_and_day(void **state)
{
	struct asked a;
	int64_t at[] = {NOON - DAY, NOON - MS_PER_HOUR, NOON + 5 * MS_PER_MIN};

	for (uint64_t i = 0; i < ARRAY_LEN(at); i++) {
		ask(&a, i, at[i], "x");
		gather(*state, &a);

		struct kv_verdict v = {.partition = 3,
				       .raw_offset = i,
				       .now_ms = at[i],
				       .source = &a.source,
				       .rejected = i != 1};

		assert_int_equal(kv_close_batch(*state, NULL, 0, &v, 1, NULL), RESULT_OK);
		assert_int_equal(kv_close_batch(*state, NULL, 0, &v, 1, NULL), RESULT_OK);
	}
	ask(&a, 3, NOON + 6 * MS_PER_MIN, "x");
	gather(*state, &a);
	assert_int_equal(a.source.now.leads[5], 1);
	assert_int_equal(a.source.now.rejected[5], 1);
	assert_int_equal(a.source.before.leads[0], 1);
	assert_int_equal(a.source.before.rejected[0], 0);
	assert_int_equal(a.source.today.leads[(NOON / MS_PER_HOUR) % 24], 1);
	assert_int_equal(a.source.today.leads[(NOON / MS_PER_HOUR - 1) % 24], 1);
	assert_int_equal(a.source.yesterday.leads[(NOON / MS_PER_HOUR) % 24], 1);
	assert_int_equal(a.source.yesterday.rejected[(NOON / MS_PER_HOUR) % 24], 1);
}

static void random_ask(struct rng *rng, uint64_t offset, struct asked *ret)
{
	static const char *const subjects[] = {"a", "b", "c", "d"};

	ask(ret, offset, NOON + (int64_t)offset * 1000,
	    subjects[rng_below(rng, ARRAY_LEN(subjects))]);
}

/* Runs of offsets, many of them again, through two kvs of one Redis (a zombie and its successor) and one in memory. */
static void count_alike(const char *url)
{
	struct kv *memory = kv_open("memory:", "", 1000, NULL);
	struct kv *redis[] = {open_at(url, ++prefixes), open_at(url, prefixes)};
	struct rng rng = rng_seed(20261126);
	uint64_t next = 0;

	for (int round = 0; round < 300; round++) {
		uint64_t from =
		    next > 20 && rng_chance(&rng, 3000) ? next - rng_below(&rng, 20) : next;
		uint64_t until = from + 1 + rng_below(&rng, 5);
		struct kv *r = redis[rng_below(&rng, 2)];

		for (uint64_t offset = from; offset < until; offset++) {
			struct rng one = rng_seed(offset);
			struct asked a, b;

			random_ask(&one, offset, &a);
			random_ask(&one, offset, &b);
			b.trail.key = a.trail.key;
			gather(memory, &a);
			gather(r, &b);
			assert_int_equal(a.lead.counted, b.lead.counted);
			assert_int_equal(a.trail.count, b.trail.count);
			if (a.trail.count > 0)
				assert_memory_equal(a.trail.visits, b.trail.visits,
						    a.trail.count * sizeof(a.trail.visits[0]));
			assert_memory_equal(&a.source.now, &b.source.now, sizeof(a.source.now));
			assert_memory_equal(&a.source.today, &b.source.today,
					    sizeof(a.source.today));
		}
		next = MAX_OF(next, until);
	}
	kv_close(memory);
	kv_close(redis[0]);
	kv_close(redis[1]);
}

static void both_backends_count_alike(_unused_ void **state)
{
	count_alike(server.url);
	count_alike(cluster.url);
}

/* --- the state as a whole --- */

static void restore_one_by_one(const char *url)
{
	struct kv *one = open_at(url, ++prefixes), *two = open_at(url, prefixes);
	bool missing[3];

	assert_int_equal(kv_join(one, 3, missing, NULL), RESULT_OK);
	assert_true(missing[0] && missing[1] && missing[2]);
	assert_int_equal(kv_restored(one, 1, NULL), RESULT_OK);
	assert_int_equal(kv_join(two, 3, missing, NULL), RESULT_OK);
	assert_true(missing[0] && !missing[1] && missing[2]);
	assert_int_equal(kv_restored(two, 0, NULL), RESULT_OK);
	assert_int_equal(kv_restored(two, 2, NULL), RESULT_OK);
	assert_int_equal(kv_join(one, 3, missing, NULL), RESULT_OK);
	assert_false(missing[0] || missing[1] || missing[2]);
	kv_close(one);
	kv_close(two);
}

static void a_new_state_misses_every_partition_until_restored(_unused_ void **state)
{
	restore_one_by_one(server.url);
	restore_one_by_one(cluster.url);
}

static void an_emptied_redis_is_noticed_before_anything_is_judged(_unused_ void **state)
{
	struct kv *one = redis_at(++prefixes), *two = redis_at(prefixes);
	struct asked a;
	bool missing[1];

	assert_int_equal(kv_join(one, 1, missing, NULL), RESULT_OK);
	assert_int_equal(kv_restored(one, 0, NULL), RESULT_OK);
	assert_int_equal(kv_join(two, 1, missing, NULL), RESULT_OK);
	ask(&a, 0, NOON, "x");
	gather(one, &a);
	ask(&a, 1, NOON, "x");
	gather(two, &a);
	redis_server_tell(&server, "FLUSHALL");

	ask(&a, 2, NOON, "x");
	assert_int_equal(kv_gather(one, &a.lead, 1, NULL), RESULT_AGAIN);
	assert_int_equal(kv_gather(one, &a.lead, 1, NULL), RESULT_AGAIN);
	assert_int_equal(kv_join(one, 1, missing, NULL), RESULT_OK);
	assert_true(missing[0]);
	/* another one has begun anew meanwhile: who knew the old state notices all the same */
	assert_int_equal(kv_gather(two, &a.lead, 1, NULL), RESULT_AGAIN);
	assert_int_equal(kv_join(two, 1, missing, NULL), RESULT_OK);
	assert_true(missing[0]);
	gather(one, &a);
	assert_int_equal(a.trail.count, 0);
	kv_close(one);
	kv_close(two);
}

/* A Redis that comes back with an older copy of its data is not the one that was counted in. */
static void a_state_that_went_back_is_lost(_unused_ void **state)
{
	struct kv *kv = redis_at(++prefixes);
	char key[64];
	struct asked a;
	bool missing[1];

	assert_int_equal(kv_join(kv, 1, missing, NULL), RESULT_OK);
	assert_int_equal(kv_restored(kv, 0, NULL), RESULT_OK);
	for (uint64_t i = 0; i < 3; i++) {
		ask(&a, i, NOON, "x");
		gather(kv, &a);
	}
	snprintf(key, sizeof(key), "HSET t%d:!w c3 1", prefixes);
	redis_server_tell(&server, key);
	ask(&a, 3, NOON, "x");
	assert_int_equal(kv_gather(kv, &a.lead, 1, NULL), RESULT_AGAIN);
	assert_int_equal(kv_join(kv, 1, missing, NULL), RESULT_OK);
	assert_true(missing[0]);
	kv_close(kv);
}

/* --- generations of claims --- */

/* The bucket of the claim becomes one of the generation before. */
static void make_old(struct slice key)
{
	struct kv_layout l = {.bucket_bits = KV_BUCKET_BITS, .shards = 1};
	redisContext *c = redisConnect("127.0.0.1", server.port);
	struct arena a = {0};
	struct kv_place p;
	redisReply *reply;

	snprintf(l.prefix, sizeof(l.prefix), "t%d:", prefixes);
	kv_place_claim(&l, 0, key, 90 * DAY, clock_now_ms(), &a, &p);
	reply = redisCommand(c, "RENAME %b %b", p.now.data, p.now.len, p.before.data, p.before.len);
	assert_int_equal(reply->type, REDIS_REPLY_STATUS);
	freeReplyObject(reply);
	redisFree(c);
	arena_free(&a);
}

static uint64_t owner_of(struct kv *kv, struct slice key, uint64_t self)
{
	struct kv_lead lead = {.candidate = true, .now_ms = NOON, .claim_count = 1};

	lead.self.raw_offset = self;
	lead.claims[0] = (struct kv_claim){.key = key, .ttl_ms = 90 * DAY};
	assert_int_equal(kv_gather(kv, &lead, 1, NULL), RESULT_OK);
	assert_true(lead.claims[0].held);
	return lead.claims[0].owner.raw_offset;
}

static void
a_claim_of_the_generation_before_is_found_unless_the_state_is_younger(_unused_ void **state)
{
	struct kv *kv = redis_at(++prefixes);
	struct kv_settle op = {
	    .self.raw_offset = 1, .key = SLICE("two"), .ttl_ms = 90 * DAY, .now_ms = NOON};
	int64_t now = clock_now_ms();
	bool missing[1], first_day = kv_born(now) < now / KV_GENERATION_MS;
	char command[64];

	assert_int_equal(kv_join(kv, 1, missing, NULL), RESULT_OK);
	assert_int_equal(owner_of(kv, SLICE("one"), 1), 1);
	assert_int_equal(owner_of(kv, SLICE("two"), 1), 1);
	make_old(SLICE("one"));
	make_old(SLICE("two"));
	assert_int_equal(owner_of(kv, SLICE("one"), 2), first_day ? 1 : 2);

	snprintf(command, sizeof(command), "HSET t%d:!g born 0", prefixes);
	redis_server_tell(&server, command);
	assert_int_equal(kv_join(kv, 1, missing, NULL), RESULT_OK);
	assert_int_equal(owner_of(kv, SLICE("two"), 2), 1);
	assert_int_equal(kv_settle(kv, &op, 1, NULL), RESULT_OK);
	assert_int_equal(owner_of(kv, SLICE("two"), 2), 2);
	kv_close(kv);
}

/* What took another state's place began when that one did: its claims are still there. */
static void a_state_that_takes_anothers_place_knows_its_generation(_unused_ void **state)
{
	struct kv *kv = redis_at(++prefixes);
	bool missing[1];
	char command[64], text[32];

	snprintf(command, sizeof(command), "HSET t%d:!g id gone layout 0 born 17", prefixes);
	redis_server_tell(&server, command);
	assert_int_equal(kv_join(kv, 1, missing, NULL), RESULT_OK);
	assert_true(missing[0]);
	snprintf(command, sizeof(command), "HGET t%d:!g born", prefixes);
	redis_server_ask(&server, command, text, sizeof(text));
	assert_string_equal(text, "17");
	kv_close(kv);
}

/* A visit as bytes: times before 1970 too, and one that no clock has stays the last that can be told. */
static void a_visit_is_read_as_it_was_written(_unused_ void **state)
{
	const int64_t times[] = {0, -1, NOON, -NOON, INT64_C(1) << 46, INT64_MAX},
		      last = (INT64_C(1) << 47) - 1;

	for (size_t i = 0; i < ARRAY_LEN(times) * 2; i++) {
		struct kv_visit v = {.record = 0xfedcba987654,
				     .at_ms = times[i / 2],
				     .marks = {1, UINT32_MAX, 3, 4}};
		struct kv_visit found[KV_VISITS_MAX];
		uint8_t bytes[KV_VISIT_BYTES];
		bool wide = i % 2;
		size_t count;

		kv_visit_encode(&v, wide, bytes);
		assert_int_equal(kv_visit_bytes(wide), wide ? 28 : 20);
		assert_true(
		    kv_trail_decode(slice_of(bytes, kv_visit_bytes(wide)), wide, found, &count));
		assert_int_equal(count, 1);
		assert_int_equal(found[0].record, v.record);
		assert_int_equal(found[0].at_ms, MIN_OF(v.at_ms, last));
		assert_memory_equal(found[0].marks, v.marks, sizeof(uint32_t) * (wide ? 4 : 2));
	}
}

#define ON(open, test)                                                                             \
	{                                                                                          \
		"on_" #open ": " #test, test, open_##open, close_kv, NULL                          \
	}
#define ON_ALL(test) ON(memory, test), ON(redis, test), ON(cluster, test)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_ALL(a_trail_holds_the_visits_before),
	    ON_ALL(what_is_judged_again_sees_what_it_saw_and_counts_nothing),
	    ON_ALL(a_trail_keeps_the_last_visits),
	    ON_ALL(a_source_is_summed_by_minute_hour_and_day),
	    cmocka_unit_test(both_backends_count_alike),
	    cmocka_unit_test(a_new_state_misses_every_partition_until_restored),
	    cmocka_unit_test(an_emptied_redis_is_noticed_before_anything_is_judged),
	    cmocka_unit_test(a_state_that_went_back_is_lost),
	    cmocka_unit_test(a_claim_of_the_generation_before_is_found_unless_the_state_is_younger),
	    cmocka_unit_test(a_visit_is_read_as_it_was_written),
	    cmocka_unit_test(a_state_that_takes_anothers_place_knows_its_generation),
	};
	int failed;

	redis_server_start(&server);
	redis_cluster_start(&cluster);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	redis_cluster_end(&cluster);
	redis_server_end(&server);
	return failed;
}
