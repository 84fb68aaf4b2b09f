/* kv_redis_replay: a replay's own memory in Redis. Its time is its leads'; its keys stand under a prefix that is drawn for it, and are
 * removed when it is over. What is asked and removed is found by that prefix alone. */
#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "kv_redis.h"

#define SCAN_COUNT "1000" /* keys that Redis looks at a call */

int64_t kv_redis_now_ms(struct kv_redis *r, int64_t of_leads_ms)
{
	if (!r->kv.of_replay || fault_on("replay_by_redis_clock"))
		return clock_now_ms();
	r->leads_ms = MAX_OF(r->leads_ms, of_leads_ms);
	return r->leads_ms;
}

int64_t kv_redis_behind_ms(const struct kv_redis *r)
{
	return r->kv.of_replay ? MAX_OF(clock_now_ms() - r->leads_ms, 0) : 0;
}

static void free_reply(redisReply **reply)
{
	freeReplyObject(*reply);
}

/* NULL: away; r->net.last says why. */
static redisReply *hear(struct kv_redis *r, struct kv_node *node)
{
	redisReply *reply = kv_net_hear(&r->net, node);

	if (reply && reply->type == REDIS_REPLY_ERROR) {
		(void)kv_net_trouble(&r->net, node, reply->str);
		freeReplyObject(reply);
		reply = NULL;
	}
	return reply;
}

/* One by one: in a cluster they are of several slots. */
static bool remove_keys(struct kv_redis *r, struct kv_node *node, const redisReply *keys,
			uint64_t *ret_removed)
{
	for (size_t i = 0; i < keys->elements; i++) {
		const char *argv[] = {"UNLINK", keys->element[i]->str};
		const size_t lengths[] = {6, keys->element[i]->len};

		assert(slice_starts_with(slice_of(argv[1], lengths[1]), r->layout.prefix));
		kv_net_ask(node, ARRAY_LEN(argv), argv, lengths);
	}
	for (size_t i = 0; i < keys->elements; i++) {
		_cleanup_(free_reply) redisReply *reply = hear(r, node);

		if (!reply)
			return false;
		*ret_removed += (uint64_t)reply->integer;
	}
	return true;
}

static bool scan_is_good(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	       reply->element[0]->type == REDIS_REPLY_STRING &&
	       reply->element[1]->type == REDIS_REPLY_ARRAY;
}

static bool empty_node(struct kv_redis *r, struct kv_node *node, uint64_t *ret_removed)
{
	const char *match = arena_printf(&r->arena, "%s*", r->layout.prefix);
	char cursor[32] = "0";

	do {
		const char *argv[] = {"SCAN", cursor, "MATCH", match, "COUNT", SCAN_COUNT};

		kv_net_ask(node, ARRAY_LEN(argv), argv, NULL);

		_cleanup_(free_reply) redisReply *reply = hear(r, node);

		if (!reply || !scan_is_good(reply) || reply->element[0]->len >= sizeof(cursor) ||
		    !remove_keys(r, node, reply->element[1], ret_removed))
			return false;
		memcpy(cursor, reply->element[0]->str, reply->element[0]->len + 1);
	} while (strcmp(cursor, "0") != 0);
	return true;
}

enum result kv_redis_forget(struct kv *k, uint64_t *ret_removed, struct error *ret_error)
{
	struct kv_redis *r = kv_redis_of(k);
	const struct kv_node *done[KV_SHARDS_MAX];

	assert(k->of_replay && slice_starts_with(slice_cstr(r->layout.prefix), KV_REPLAY_PREFIX));
	arena_reset(&r->arena);
	for (unsigned s = 0; s < r->layout.shards; s++) {
		if (s > 0 && fault_on("replay_forgets_one_node"))
			break;
		struct kv_node *node = kv_net_node(&r->net, kv_slot_of(s));
		unsigned before = 0;

		while (node && before < s && done[before] != node)
			before++;
		done[s] = node;
		if (!node || (before == s && !empty_node(r, node, ret_removed)))
			return error_set(ret_error, RESULT_AWAY, "%s", r->net.last.text);
	}
	return RESULT_OK;
}
