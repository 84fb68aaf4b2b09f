/* kv_redis_notes: what workers tell each other, as plain keys with an end, asked for in one round trip. What is not certain is not
 * known: nobody waits, and nothing is tried again. */
#include "kv_redis.h"

/* Each note's node, NULL where it is away; all of them are found before the first is asked. */
static void find_nodes(struct kv_redis *r, const struct kv_note *notes, size_t count,
		       struct kv_node **ret)
{
	for (size_t i = 0; i < count; i++)
		ret[i] =
		    kv_net_node(&r->net, kv_slot_of(kv_shard_of_key(&r->layout, notes[i].key)));
}

static struct slice key_of(struct kv_redis *r, struct slice key)
{
	return kv_count_key(&r->layout, kv_shard_of_key(&r->layout, key), 'n', key, 0, &r->arena);
}

static redisReply *hear(struct kv_redis *r, struct kv_node *node)
{
	redisReply *reply = node ? kv_net_hear(&r->net, node) : NULL;

	if (!reply || reply->type != REDIS_REPLY_ERROR)
		return reply;
	(void)kv_net_trouble(&r->net, node, reply->str);
	freeReplyObject(reply);
	return NULL;
}

void kv_redis_notes_get(struct kv *k, struct kv_note *notes, size_t count)
{
	struct kv_redis *r = kv_redis_of(k);
	struct kv_node *nodes[KV_NOTES_MAX];

	arena_reset(&r->arena);
	find_nodes(r, notes, count, nodes);
	for (size_t i = 0; i < count; i++) {
		struct slice key = key_of(r, notes[i].key);
		const char *argv[] = {"GET", key.data};

		if (nodes[i])
			kv_net_ask(nodes[i], ARRAY_LEN(argv), argv, (size_t[]){3, key.len});
	}
	kv_net_flush(&r->net);
	for (size_t i = 0; i < count; i++) {
		redisReply *reply = hear(r, nodes[i]);

		if (!reply)
			continue;
		if (reply->type == REDIS_REPLY_STRING && reply->len == 1)
			notes[i].value = (uint8_t)reply->str[0];
		freeReplyObject(reply);
	}
}

void kv_redis_notes_put(struct kv *k, const struct kv_note *notes, size_t count)
{
	struct kv_redis *r = kv_redis_of(k);
	struct kv_node *nodes[KV_NOTES_MAX];

	arena_reset(&r->arena);
	find_nodes(r, notes, count, nodes);
	for (size_t i = 0; i < count; i++) {
		struct slice key = key_of(r, notes[i].key);
		const char *ttl = arena_printf(&r->arena, "%lld", (long long)notes[i].ttl_ms);
		const char *argv[] = {"SET", key.data, (const char *)&notes[i].value, "PX", ttl};

		if (nodes[i])
			kv_net_ask(nodes[i], ARRAY_LEN(argv), argv,
				   (size_t[]){3, key.len, 1, 2, strlen(ttl)});
	}
	kv_net_flush(&r->net);
	for (size_t i = 0; i < count; i++) {
		redisReply *reply = hear(r, nodes[i]);

		if (reply)
			freeReplyObject(reply);
	}
}
