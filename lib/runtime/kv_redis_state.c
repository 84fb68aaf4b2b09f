/* kv_redis_state: joining a state, and saying that a partition is restored. Every shard has a state of its own; a partition is
 * missing while one shard misses it. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "kv_redis.h"
#include "log.h"

static void free_reply(redisReply **reply)
{
	freeReplyObject(*reply);
}

/* One script on one shard. NULL: away, and ret_error says why. */
static redisReply *ask_shard(struct kv_redis *r, unsigned shard, int script, bool marks,
			     const char *const *args, size_t count, struct error *ret_error)
{
	struct kv_node *node = kv_net_node(&r->net, kv_slot_of(shard));
	struct kv_words w = {0};
	redisReply *reply = NULL;

	if (node) {
		kv_words_slice(&w, SLICE("EVALSHA"));
		kv_words_add(&w, r->scripts[script].sha, KV_SHA_LEN);
		kv_words_slice(&w, marks ? SLICE("2") : SLICE("1"));
		kv_words_slice(&w, kv_state_key(&r->layout, shard, 'g', &r->arena));
		if (marks)
			kv_words_slice(&w, kv_state_key(&r->layout, shard, 'w', &r->arena));
		for (size_t i = 0; i < count; i++)
			kv_words_slice(&w, slice_cstr(args[i]));
		kv_net_ask(node, w.count, w.data, w.len);
		reply = kv_net_hear(&r->net, node);
		free(w.data);
		free(w.len);
	}
	if (reply && reply->type == REDIS_REPLY_ERROR) {
		(void)kv_net_trouble(&r->net, node, reply->str);
		freeReplyObject(reply);
		reply = NULL;
	}
	if (!reply)
		(void)error_set(ret_error, RESULT_AWAY, "%s", r->net.last.text);
	return reply;
}

static void read_fields(const redisReply *fields, bool *present, uint32_t partitions)
{
	for (size_t i = 0; i < fields->elements; i++) {
		const redisReply *e = fields->element[i];
		int64_t p;

		if (e->type == REDIS_REPLY_STRING && e->len > 1 && e->str[0] == 'p' &&
		    slice_to_int64(slice_of(e->str + 1, e->len - 1), &p) && p >= 0 &&
		    p < partitions)
			present[p] = true;
	}
}

static void took_another(struct kv_redis *r, unsigned shard, const char *id)
{
	for (uint32_t p = 0; p < r->partitions; p++)
		*kv_belief(r, shard, p) = (struct kv_belief){.known = false};
	memcpy(r->layout.ids[shard], id, KV_ID_LEN);
	r->layout.ids[shard][KV_ID_LEN] = '\0';
	log_info("kv_state", LOG_INT("shard", shard), LOG_STR("id", r->layout.ids[shard]));
}

static enum result join_shard(struct kv_redis *r, unsigned shard, uint32_t partitions,
			      bool *ret_missing, struct error *e)
{
	char fresh[KV_ID_LEN + 1];
	const char *layout =
	    arena_printf(&r->arena, "4:%u:%u", r->layout.bucket_bits, r->layout.shards);
	/* Another process may have begun anew already; what it began goes on. */
	const char *args[] = {fresh, layout, r->went_back[shard] ? r->layout.ids[shard] : "",
			      arena_printf(&r->arena, "%lld", (long long)kv_born(clock_now_ms()))};
	bool *present = arena_calloc(&r->arena, partitions, sizeof(*present));

	snprintf(fresh, sizeof(fresh), "%08x", randombytes_random());

	_cleanup_(free_reply) redisReply *reply =
	    ask_shard(r, shard, KV_SCRIPT_JOIN, true, args, ARRAY_LEN(args), e);

	if (!reply)
		return RESULT_AWAY;
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
	    reply->element[0]->type != REDIS_REPLY_STRING || reply->element[0]->len != KV_ID_LEN ||
	    reply->element[1]->type != REDIS_REPLY_ARRAY ||
	    reply->element[2]->type != REDIS_REPLY_STRING ||
	    !slice_to_int64(slice_of(reply->element[2]->str, reply->element[2]->len),
			    &r->layout.born[shard]))
		return error_set(e, RESULT_BAD, "redis: under \"%s\" stands no state of ours",
				 r->layout.prefix);
	if (memcmp(r->layout.ids[shard], reply->element[0]->str, KV_ID_LEN) != 0)
		took_another(r, shard, reply->element[0]->str);
	r->went_back[shard] = false;
	read_fields(reply->element[1], present, partitions);
	for (uint32_t p = 0; p < partitions; p++)
		ret_missing[p] |= !present[p];
	return RESULT_OK;
}

enum result kv_redis_join(struct kv *k, uint32_t partitions, bool *ret_missing, struct error *e)
{
	struct kv_redis *r = kv_redis_of(k);

	arena_reset(&r->arena);
	for (unsigned s = 0; s < r->layout.shards; s++) {
		enum result result = join_shard(r, s, partitions, ret_missing, e);

		if (result != RESULT_OK)
			return result;
	}
	r->lost = false;
	return RESULT_OK;
}

enum result kv_redis_restored(struct kv *k, uint32_t partition, struct error *e)
{
	struct kv_redis *r = kv_redis_of(k);

	arena_reset(&r->arena);
	for (unsigned s = 0; s < r->layout.shards; s++) {
		const char *args[] = {r->layout.ids[s], arena_printf(&r->arena, "p%u", partition)};
		_cleanup_(free_reply) redisReply *reply =
		    ask_shard(r, s, KV_SCRIPT_RESTORED, false, args, ARRAY_LEN(args), e);

		if (!reply)
			return RESULT_AWAY;
		if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 0) {
			r->lost = true;
			return error_set(e, RESULT_AGAIN, "redis: the state has changed again");
		}
	}
	return RESULT_OK;
}
