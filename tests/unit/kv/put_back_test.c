/* What is put back by kv_put_back() is what gathering and closing would have left: claims, trails, sums and watermarks, of the
 * same batches, some of them twice as after a crash; on a Redis, a cluster and in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/rng.h"
#include "redis_cluster.h"
#include "runtime/kv.h"

#define NOON       1796040000000LL
#define BATCHES    60
#define BATCH_MOST 30
#define KEYS       40
#define SUBJECTS   6
#define WEBMASTERS 3
#define PARTITION  2

static struct redis_server server;
static struct redis_cluster cluster;
static int prefixes;

static struct kv *kv_at(const char *url)
{
	char prefix[32];
	struct kv *kv;

	snprintf(prefix, sizeof(prefix), "p%d:", ++prefixes);
	kv = kv_open(url, prefix, 5000, NULL);
	assert_non_null(kv);
	return kv;
}

static char names[MAX_OF(KEYS, SUBJECTS)][8];

static struct slice name(size_t i)
{
	snprintf(names[i], sizeof(names[i]), "n%u", (unsigned)i);
	return slice_cstr(names[i]);
}

struct batch {
	struct kv_lead leads[BATCH_MOST];
	struct kv_trail trails[BATCH_MOST];
	struct kv_source sources[WEBMASTERS];
	struct kv_verdict verdicts[BATCH_MOST];
	size_t count;
};

/* Every second key is claimed for as long as buckets are kept, every third by whoever asks. */
static struct kv_claim claim_of(size_t key)
{
	return (struct kv_claim){.key = name(key),
				 .ttl_ms = key % 2 ? 90 * MS_PER_DAY : 20 * MS_PER_MIN,
				 .always = key % 3 == 0};
}

static void fill_lead(struct batch *b, size_t i, uint64_t offset)
{
	struct rng rng = rng_seed(offset);
	struct kv_lead *l = &b->leads[i];
	size_t subject = rng_below(&rng, SUBJECTS);

	*l = (struct kv_lead){.candidate = rng_chance(&rng, 7000),
			      .now_ms = NOON + (int64_t)offset * 500,
			      .partition = PARTITION,
			      .self.raw_offset = offset,
			      .sub = (uint32_t)rng_below(&rng, 9),
			      .claim_count = rng_below(&rng, 4),
			      .trails = &b->trails[i],
			      .trail_count = 1,
			      .source = &b->sources[rng_below(&rng, WEBMASTERS)]};
	memcpy(l->self.lead_id.bytes, &offset, sizeof(offset));
	for (size_t c = 0; c < l->claim_count; c++)
		l->claims[c] = claim_of(rng_below(&rng, KEYS));
	b->trails[i] = (struct kv_trail){.key = name(subject),
					 .ttl_ms = MS_PER_DAY,
					 .wide = subject % 2,
					 .marks = {(uint32_t)offset, 5, 6, 7}};
}

static void fill(struct batch *b, uint64_t from, size_t count)
{
	static const char *const ids[WEBMASTERS] = {"w1", "w2", "w3"};

	*b = (struct batch){.count = count};
	for (size_t i = 0; i < WEBMASTERS; i++) {
		b->sources[i] =
		    (struct kv_source){.key = slice_cstr(ids[i]), .hour = NOON / MS_PER_HOUR};
		b->sources[i].first = &b->sources[i];
	}
	for (size_t i = 0; i < count; i++) {
		const struct kv_lead *l = &b->leads[i];

		fill_lead(b, i, from + i);
		b->verdicts[i] = (struct kv_verdict){.partition = PARTITION,
						     .raw_offset = from + i,
						     .now_ms = l->now_ms,
						     .source = l->source,
						     .rejected = !l->candidate};
	}
}

static void expect_alike(struct kv *a, struct kv *b, uint64_t offset)
{
	static struct batch one, two;

	for (size_t i = 0; i < KEYS; i++) {
		fill(&one, offset + i, 1);
		one.leads[0].candidate = false;
		one.leads[0].claim_count = 1;
		one.leads[0].claims[0] = claim_of(i);
		one.leads[0].claims[0].always = false;
		two = one;
		two.leads[0].trails = two.trails;
		two.leads[0].source = &two.sources[0];
		one.leads[0].source = &one.sources[0];
		assert_int_equal(kv_gather(a, one.leads, 1, NULL), RESULT_OK);
		assert_int_equal(kv_gather(b, two.leads, 1, NULL), RESULT_OK);
		assert_int_equal(one.leads[0].claims[0].held, two.leads[0].claims[0].held);
		assert_true(lead_record_equal(&one.leads[0].claims[0].owner,
					      &two.leads[0].claims[0].owner));
		assert_int_equal(one.trails[0].count, two.trails[0].count);
		assert_memory_equal(one.trails[0].visits, two.trails[0].visits,
				    one.trails[0].count * sizeof(one.trails[0].visits[0]));
		assert_memory_equal(&one.sources[0].now, &two.sources[0].now,
				    sizeof(one.sources[0].now));
		assert_memory_equal(&one.sources[0].today, &two.sources[0].today,
				    sizeof(one.sources[0].today));
	}
}

static void put_back_alike(const char *url)
{
	static struct batch b;
	struct kv *gathered = kv_at(url), *put = kv_at(url);
	struct rng rng = rng_seed(20261127);
	uint64_t next = 0, from;

	for (int i = 0; i < BATCHES; i++) {
		size_t count = 1 + rng_below(&rng, BATCH_MOST);

		from = next > BATCH_MOST && rng_chance(&rng, 2500)
			   ? next - rng_below(&rng, BATCH_MOST)
			   : next;
		fill(&b, from, count);
		assert_int_equal(kv_gather(gathered, b.leads, count, NULL), RESULT_OK);
		assert_int_equal(kv_close_batch(gathered, NULL, 0, b.verdicts, count, NULL),
				 RESULT_OK);
		fill(&b, from, count);
		assert_int_equal(kv_put_back(put, b.leads, count, NULL), RESULT_OK);
		next = MAX_OF(next, from + count);
	}
	expect_alike(gathered, put, next);
	kv_close(gathered);
	kv_close(put);
}

static void what_is_put_back_is_what_was_there(_unused_ void **state)
{
	put_back_alike("memory:");
	put_back_alike(server.url);
	put_back_alike(cluster.url);
}

/* A lead that came through a worker of today finds what was put back: its claim, its visit, its reject, once. */
static void what_was_counted_is_not_put_back_twice(_unused_ void **state)
{
	struct kv *kv = kv_at(server.url);
	static struct batch b;
	uint64_t rejects = 0;

	fill(&b, 0, BATCH_MOST);
	assert_int_equal(kv_gather(kv, b.leads, BATCH_MOST, NULL), RESULT_OK);
	for (int times = 0; times < 3; times++) {
		fill(&b, 0, BATCH_MOST);
		assert_int_equal(kv_put_back(kv, b.leads, BATCH_MOST, NULL), RESULT_OK);
	}
	for (size_t i = 0; i < BATCH_MOST; i++)
		rejects += !b.leads[i].candidate;
	assert_true(rejects > 0);
	for (size_t w = 0; w < WEBMASTERS; w++) {
		fill(&b, BATCH_MOST + w, 1);
		b.leads[0].source = &b.sources[w];
		assert_int_equal(kv_gather(kv, b.leads, 1, NULL), RESULT_OK);
		for (size_t m = 0; m < 60; m++)
			rejects -= b.sources[w].now.rejected[m];
	}
	assert_int_equal(rejects, 0);
	kv_close(kv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_put_back_is_what_was_there),
	    cmocka_unit_test(what_was_counted_is_not_put_back_twice),
	};
	int failed;

	redis_server_start(&server);
	redis_cluster_start(&cluster);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	redis_cluster_end(&cluster);
	redis_server_end(&server);
	return failed;
}
