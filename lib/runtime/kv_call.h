/* kv_call: one script's call for one shard, as it grows. Arguments are borrowed until the call is made; places of answers are
 * kept beside the keys. */
#ifndef PUNNET_KV_CALL_H
#define PUNNET_KV_CALL_H

#include "base/room.h"
#include "kv_layout.h"
#include "kv_net.h"

struct kv_words {
	const char **data;
	size_t *len;
	size_t count, cap;
};

/* A partition's watermark in this call. */
struct kv_mark {
	uint32_t partition;
	uint64_t next; /* after this call */
};

/* What is asked of one page: fields, and for trails what comes behind the value of each. */
struct kv_section {
	struct kv_words fields, more;
};

struct kv_trail_entry; /* kv_redis_trails.c */

struct kv_call {
	bool used; /* it has something to ask */
	struct kv_words keys, args, whole;
	struct kv_words buckets, leads, raises; /* parts of them, as they grow */
	struct kv_words shapes;                 /* of leads, each once */
	uint8_t *shape_of;                      /* two bytes a lead: its shape's number, from 1 */
	struct kv_section sections[KV_PAGE_KINDS][KV_SPANS][KV_PAGES];
	struct kv_claim **claims; /* in the order in which the script answers */
	struct kv_trail_entry **trails;
	struct kv_source **sources;
	size_t claim_count, lead_count, trail_count, source_count;
	size_t claim_cap, trail_cap, source_cap;
	struct kv_mark *marks;
	size_t mark_count, mark_cap;
	struct kv_node *node;
	redisReply *reply;
	bool good; /* the reply is the one that was asked for */
};

void kv_words_add(struct kv_words *w, const void *data, size_t len);
static inline void kv_words_slice(struct kv_words *w, struct slice s)
{
	kv_words_add(w, s.data, s.len);
}
/* A word that says how many come after it: its place, and then, when they stand there, its text. */
size_t kv_words_begin(struct kv_words *w);
void kv_words_set(struct kv_words *w, size_t at, size_t n, struct arena *a);
void kv_words_end(struct kv_words *w, size_t begin, struct arena *a);
void kv_words_append(struct kv_words *to, const struct kv_words *from);
/* INCRBY type #index by: a part of a BITFIELD. */
void kv_words_increment(struct kv_words *w, struct arena *a, const char *type, size_t index,
			unsigned by);

void kv_call_reset(struct kv_call *c);
void kv_call_free(struct kv_call *c);
/* EVALSHA with all of it; `head` are the arguments before c->args. */
void kv_call_send(struct kv_call *c, const struct kv_script *s, const struct kv_words *head,
		  struct arena *a);

#endif
