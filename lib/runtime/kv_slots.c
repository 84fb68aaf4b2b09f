/* kv_slots: see kv_slots.h. */
#include "kv_slots.h"

#include <string.h>

static bool is_int(const redisReply *e, long long least, long long most)
{
	return e->type == REDIS_REPLY_INTEGER && e->integer >= least && e->integer <= most;
}

/* One row: first, last, [host, port, …], replicas. */
static bool read_row(const redisReply *row, const char *asked_host, kv_node_fn node_at, void *ctx,
		     uint8_t ret_slots[KV_SLOTS])
{
	const redisReply *master, *host;
	int node;

	if (row->type != REDIS_REPLY_ARRAY || row->elements < 3 ||
	    !is_int(row->element[0], 0, KV_SLOTS - 1) || !is_int(row->element[1], 0, KV_SLOTS - 1))
		return false;
	master = row->element[2];
	if (master->type != REDIS_REPLY_ARRAY || master->elements < 2 ||
	    !is_int(master->element[1], 1, 65535))
		return false;
	host = master->element[0];
	node =
	    node_at(ctx, host->type == REDIS_REPLY_STRING && host->len > 0 ? host->str : asked_host,
		    (int)master->element[1]->integer);
	if (node < 0)
		return false;
	for (long long s = row->element[0]->integer; s <= row->element[1]->integer; s++)
		ret_slots[s] = (uint8_t)node;
	return true;
}

bool kv_slots_read(const redisReply *reply, const char *asked_host, kv_node_fn node_at, void *ctx,
		   uint8_t ret_slots[KV_SLOTS])
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
		return false;
	for (size_t i = 0; i < reply->elements; i++) {
		if (!read_row(reply->element[i], asked_host, node_at, ctx, ret_slots))
			return false;
	}
	return true;
}

bool kv_redirect_read(const char *text, struct kv_redirect *ret)
{
	struct slice s = slice_cstr(text), word;
	const char *space, *colon;
	int64_t number;

	*ret = (struct kv_redirect){.ask = slice_starts_with(s, "ASK ")};
	if (!ret->ask && !slice_starts_with(s, "MOVED "))
		return false;
	text += ret->ask ? 4 : 6;
	space = strchr(text, ' ');
	colon = strrchr(text, ':'); /* an IPv6 address has others before it */
	if (!space || !colon || colon < space)
		return false;
	word = slice_of(text, (size_t)(space - text));
	if (!slice_to_int64(word, &number) || number < 0 || number >= KV_SLOTS)
		return false;
	ret->slot = (unsigned)number;
	word = slice_of(space + 1, (size_t)(colon - space - 1));
	if (word.len >= sizeof(ret->host) || !slice_to_int64(slice_cstr(colon + 1), &number) ||
	    number < 1 || number > 65535)
		return false;
	memcpy(ret->host, word.data, word.len);
	ret->port = (int)number;
	return true;
}
