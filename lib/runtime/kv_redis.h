/* kv_redis: what its files share. */
#ifndef PUNNET_KV_REDIS_H
#define PUNNET_KV_REDIS_H

#include "kv_call.h"

enum {
	KV_SCRIPT_GATHER,
	KV_SCRIPT_SETTLE,
	KV_SCRIPT_PUT_BACK,
	KV_SCRIPT_JOIN,
	KV_SCRIPT_RESTORED,
	KV_SCRIPTS
};

/* What is believed of a partition's watermarks in one shard. Unknown at first: the server then says what it has. */
struct kv_belief {
	bool known;
	uint64_t counted, judged; /* the offset after the highest one */
};

struct kv_redis {
	struct kv kv;
	struct kv_net net;
	struct kv_layout layout;
	struct kv_script scripts[KV_SCRIPTS];
	struct kv_call calls[KV_SHARDS_MAX];
	struct kv_belief *beliefs;    /* by shard and partition */
	size_t partitions;            /* room in `beliefs` */
	int64_t leads_ms;             /* of a replay: its time */
	uint32_t next_end, next_page; /* the bucket and the page whose end is set anew next */
	bool lost; /* a state is another one, or went back: nothing is judged from it */
	bool went_back[KV_SHARDS_MAX]; /* which must not go on as they are */
	struct arena arena;            /* of one round */
	struct arena answers;          /* of one gather, which may be two rounds */
};

static inline struct kv_redis *kv_redis_of(struct kv *k)
{
	return (struct kv_redis *)k;
}

struct kv_belief *kv_belief(struct kv_redis *r, unsigned shard, uint32_t partition);
/* One round trip: build fills r->calls, all of them are made, each has its {"O", …}. RESULT_AGAIN: the state is lost. */
typedef void (*kv_build_fn)(struct kv_redis *r, void *ctx);
_must_use_ enum result kv_round(struct kv_redis *r, int script, kv_build_fn build, void *ctx,
				struct error *ret_error);
void kv_round_end(struct kv_redis *r); /* after RESULT_OK, when the replies are read */
/* Notes that the call counts up to this offset. */
void kv_round_mark(struct kv_redis *r, unsigned shard, uint32_t partition, uint64_t raw_offset);
/* Did an earlier call count the lead's visits? */
bool kv_is_counted(struct kv_redis *r, unsigned shard, const struct kv_lead *lead);
/* Its reject? */
bool kv_is_judged(struct kv_redis *r, unsigned shard, uint32_t partition, uint64_t raw_offset);
static inline struct slice kv_reply_text(const redisReply *e)
{
	return e->type == REDIS_REPLY_STRING ? slice_of(e->str, e->len) : (struct slice){0};
}
/* Pairs of a place (from 1) and a value. */
bool kv_reply_is_pairs(const redisReply *list, size_t places);
void kv_encode_u64(uint64_t n, uint8_t ret[8]);

/* kv_redis_trails.c: before the call, when its reply is there, when all replies are. */
void kv_redis_trails_build(struct kv_redis *r, struct kv_lead *leads, size_t count);
_must_use_ bool kv_redis_trails_read(struct kv_redis *r, struct kv_call *c, const redisReply *list);
void kv_redis_trails_answer(struct kv_redis *r, struct kv_lead *leads, size_t count);

/* kv_redis_sources.c: what is raised, and then each shard's keys and arguments. past: rejects as well. */
void kv_redis_sources_build(struct kv_redis *r, struct kv_lead *leads, size_t count, bool past);
void kv_redis_sources_add(struct kv_redis *r, unsigned shard);
_must_use_ bool kv_redis_sources_read(struct kv_call *c, const redisReply *list);

/* kv_redis_gather.c, kv_redis_settle.c, kv_redis_state.c */
enum result kv_redis_gather(struct kv *k, struct kv_lead *leads, size_t count,
			    struct error *ret_error);
enum result kv_redis_put_back(struct kv *k, struct kv_lead *leads, size_t count,
			      struct error *ret_error);
enum result kv_redis_settle(struct kv *k, const struct kv_settle *ops, size_t count,
			    const struct kv_verdict *verdicts, size_t verdict_count,
			    struct error *ret_error);
enum result kv_redis_join(struct kv *k, uint32_t partitions, bool *ret_missing,
			  struct error *ret_error);
enum result kv_redis_restored(struct kv *k, uint32_t partition, struct error *ret_error);

/* kv_redis_replay.c: the time by which claims and pages go, for leads of this time; how far it is behind Redis's, by which keys
 * end. */
int64_t kv_redis_now_ms(struct kv_redis *r, int64_t of_leads_ms);
int64_t kv_redis_behind_ms(const struct kv_redis *r);
enum result kv_redis_forget(struct kv *k, uint64_t *ret_removed, struct error *ret_error);

/* kv_redis_notes.c */
void kv_redis_notes_get(struct kv *k, struct kv_note *notes, size_t count);
void kv_redis_notes_put(struct kv *k, const struct kv_note *notes, size_t count);

#endif
