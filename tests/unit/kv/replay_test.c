/* A replay's memory in Redis: its time is its leads', what it says is what a kv in memory says, and no key but its own is read,
 * written or removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <hiredis.h>

#include "base/rng.h"
#include "redis_server.h"
#include "runtime/clock.h"
#include "runtime/kv.h"

#define TIMEOUT_MS 2000
#define KEYS_MAX   512
#define LEADS      600

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

static struct kv *open_replay(const char *url)
{
	struct error error = {0};
	struct kv *kv = kv_open_replay(url, TIMEOUT_MS, &error);

	if (!kv)
		fail_msg("%s", error.text);
	return kv;
}

static struct kv_lead lead_at(uint64_t n, int64_t now_ms, const char *key, int64_t ttl_ms)
{
	struct kv_lead lead = {
	    .self.raw_offset = n, .now_ms = now_ms, .candidate = true, .claim_count = 1};

	memcpy(lead.self.lead_id.bytes, &n, sizeof(n));
	lead.claims[0] = (struct kv_claim){.key = slice_cstr(key), .ttl_ms = ttl_ms};
	return lead;
}

/* Whose the claim is, after the lead asked for it. */
static uint64_t owner_of(struct kv *kv, uint64_t n, int64_t now_ms, const char *key, int64_t ttl_ms)
{
	struct kv_lead lead = lead_at(n, now_ms, key, ttl_ms);
	struct error error = {0};

	if (kv_gather(kv, &lead, 1, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	assert_true(lead.claims[0].held);
	return lead.claims[0].owner.raw_offset;
}

/* --- all that stands in Redis --- */

struct dump {
	char *keys[KEYS_MAX], *values[KEYS_MAX];
	size_t key_lens[KEYS_MAX], value_lens[KEYS_MAX], count;
};

static redisReply *ask(redisContext *c, const char *command, const char *key, size_t len)
{
	redisReply *reply = key ? redisCommand(c, command, key, len) : redisCommand(c, command);

	assert_non_null(reply);
	return reply;
}

static char *copy_of(const redisReply *r)
{
	char *copy = malloc(r->len + 1);

	memcpy(copy, r->str, r->len);
	return copy;
}

static struct dump *dump_all(void)
{
	struct dump *d = calloc(1, sizeof(*d));
	redisContext *c = redisConnect("127.0.0.1", server.port);
	redisReply *keys = ask(c, "KEYS *", NULL, 0);

	assert_true(keys->elements <= KEYS_MAX);
	for (size_t i = 0; i < keys->elements; i++) {
		const redisReply *key = keys->element[i];
		redisReply *value = ask(c, "DUMP %b", key->str, key->len);

		d->keys[i] = copy_of(key);
		d->key_lens[i] = key->len;
		d->values[i] = copy_of(value);
		d->value_lens[i] = value->len;
		freeReplyObject(value);
	}
	d->count = keys->elements;
	freeReplyObject(keys);
	redisFree(c);
	return d;
}

static void dump_free(struct dump *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->keys[i]);
		free(d->values[i]);
	}
	free(d);
}

/* How many keys are new; those that were there before are as they were. */
static size_t grown(const struct dump *before, const struct dump *after, const char *prefix)
{
	size_t fresh = 0, kept = 0;

	for (size_t i = 0; i < after->count; i++) {
		struct slice key = slice_of(after->keys[i], after->key_lens[i]);
		size_t k = 0;

		while (k < before->count &&
		       !slice_equal(key, slice_of(before->keys[k], before->key_lens[k])))
			k++;
		if (k == before->count) {
			assert_true(slice_starts_with(key, prefix));
			fresh++;
			continue;
		}
		kept++;
		assert_true(slice_equal(slice_of(after->values[i], after->value_lens[i]),
					slice_of(before->values[k], before->value_lens[k])));
	}
	assert_int_equal(kept, before->count);
	return fresh;
}

/* --- tests --- */

static void no_key_but_its_own_is_touched(_unused_ void **state)
{
	struct kv *live = kv_open(server.url, "fw:", TIMEOUT_MS, NULL);
	struct kv *other = open_replay(server.url), *kv = open_replay(server.url);
	struct dump *before, *during, *after;
	int64_t now_ms = clock_now_ms();
	uint64_t removed;
	char key[32];

	for (uint64_t n = 0; n < 50; n++) {
		(void)snprintf(key, sizeof(key), "phone:%llu", (unsigned long long)n);
		(void)owner_of(live, n, now_ms, key, MS_PER_HOUR);
		(void)owner_of(live, n, now_ms, key, 30 * MS_PER_DAY);
		(void)owner_of(other, n, now_ms, key, MS_PER_HOUR);
	}
	before = dump_all();
	/* The same people, in another's time: nobody has them. */
	for (uint64_t n = 0; n < 50; n++) {
		(void)snprintf(key, sizeof(key), "phone:%llu", (unsigned long long)n);
		assert_int_equal(owner_of(kv, 100 + n, now_ms, key, MS_PER_HOUR), 100 + n);
		assert_int_equal(owner_of(kv, 100 + n, now_ms, key, 30 * MS_PER_DAY), 100 + n);
	}
	during = dump_all();
	assert_true(grown(before, during, kv_prefix(kv)) > 0);
	assert_int_equal(kv_forget(kv, &removed, NULL), RESULT_OK);
	assert_int_equal(removed, during->count - before->count);
	after = dump_all();
	assert_int_equal(grown(before, after, kv_prefix(kv)), 0);
	dump_free(before);
	dump_free(during);
	dump_free(after);
	assert_int_equal(kv_forget(other, &removed, NULL), RESULT_OK);
	assert_true(removed > 0);
	kv_close(live);
	kv_close(other);
	kv_close(kv);
}

static void every_replay_has_a_prefix_of_its_own(_unused_ void **state)
{
	struct kv *one = open_replay(server.url), *two = open_replay(server.url),
		  *memory = open_replay("memory:");
	uint64_t removed = 7;

	assert_true(slice_starts_with(slice_cstr(kv_prefix(one)), KV_REPLAY_PREFIX));
	assert_string_not_equal(kv_prefix(one), kv_prefix(two));
	assert_string_equal(kv_prefix(memory), "");
	assert_int_equal(kv_forget(memory, &removed, NULL), RESULT_OK);
	assert_int_equal(removed, 0);
	kv_close(one);
	kv_close(two);
	kv_close(memory);
}

/* A year ago, a month within this second: by Redis's clock nothing would be over, or all of it at once. */
static void time_is_that_of_the_leads(_unused_ void **state)
{
	int64_t at_ms = clock_now_ms() - 365 * MS_PER_DAY;
	struct kv *kv = open_replay(server.url);
	uint64_t removed;

	assert_int_equal(owner_of(kv, 1, at_ms, "short", 30 * MS_PER_MIN), 1);
	assert_int_equal(owner_of(kv, 1, at_ms, "long", 60 * MS_PER_DAY), 1);
	assert_int_equal(owner_of(kv, 2, at_ms + 20 * MS_PER_MIN, "short", 30 * MS_PER_MIN), 1);
	assert_int_equal(owner_of(kv, 3, at_ms + 31 * MS_PER_MIN, "short", 30 * MS_PER_MIN), 3);
	assert_int_equal(owner_of(kv, 4, at_ms + 30 * MS_PER_DAY, "long", 60 * MS_PER_DAY), 1);
	assert_int_equal(kv_forget(kv, &removed, NULL), RESULT_OK);
	kv_close(kv);
}

/* Claims shorter than a day: longer ones stay for a generation in Redis, and the filters look at their age. */
static void it_says_what_a_kv_in_memory_says(_unused_ void **state)
{
	struct kv *redis = open_replay(server.url), *memory = open_replay("memory:");
	int64_t at_ms = clock_now_ms() - 50 * MS_PER_DAY;
	struct rng r = rng_seed(5);
	size_t others = 0;
	uint64_t removed;
	char key[16];

	for (uint64_t n = 0; n < LEADS; n++) {
		int64_t ttl_ms = (int64_t)(1 + rng_below(&r, 20)) * MS_PER_HOUR;
		uint64_t owner;

		at_ms += (int64_t)rng_below(&r, MS_PER_HOUR);
		(void)snprintf(key, sizeof(key), "k%llu", (unsigned long long)rng_below(&r, 40));
		owner = owner_of(memory, n, at_ms, key, ttl_ms);
		assert_int_equal(owner_of(redis, n, at_ms, key, ttl_ms), owner);
		others += owner != n;
	}
	assert_true(others > LEADS / 10 && others < LEADS * 9 / 10);
	assert_int_equal(kv_forget(redis, &removed, NULL), RESULT_OK);
	kv_close(redis);
	kv_close(memory);
}

static void what_can_not_be_removed_is_said(_unused_ void **state)
{
	struct kv *kv = open_replay(server.url);
	struct error error = {0};
	uint64_t removed;

	(void)owner_of(kv, 1, 1000, "short", 30 * MS_PER_MIN);
	redis_server_kill(&server);
	assert_int_equal(kv_forget(kv, &removed, &error), RESULT_AWAY);
	assert_non_null(strstr(error.text, "redis 127.0.0.1:"));
	kv_close(kv);
	redis_server_restart(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_key_but_its_own_is_touched),
	    cmocka_unit_test(every_replay_has_a_prefix_of_its_own),
	    cmocka_unit_test(time_is_that_of_the_leads),
	    cmocka_unit_test(it_says_what_a_kv_in_memory_says),
	    cmocka_unit_test(what_can_not_be_removed_is_said),
	};

	return cmocka_run_group_tests(tests, start, end);
}
