/* kv_internal: what the backends of kv and kv_async share. */
#ifndef PUNNET_KV_INTERNAL_H
#define PUNNET_KV_INTERNAL_H

#include "base/buf.h"
#include "kv.h"

/* --- where Redis is --- */

#define KV_SEEDS_MAX 16

struct kv_seed {
	char host[256];
	int port;
};

struct kv_url {
	struct kv_seed seeds[KV_SEEDS_MAX]; /* one: a server; more: nodes of a cluster */
	size_t seed_count;
	bool cluster;
	char password[128]; /* "" = none */
	int db;
};

static inline bool kv_url_is_memory(const char *url)
{
	return strcmp(url, "memory:") == 0;
}
/* redis://[:password@]host[:port][/db]; a cluster: redis://[:password@]host[:port],host[:port],… */
_must_use_ enum result kv_url_parse(const char *url, struct kv_url *ret, struct error *ret_error);

/* --- a claim's value: 16 bytes of lead id, 8 of raw offset, 8 of time, big-endian --- */

#define KV_CLAIM_BYTES 32

void kv_claim_encode(const struct lead_record *owner, int64_t at_ms, uint8_t ret[KV_CLAIM_BYTES]);
bool kv_claim_decode(struct slice value, struct lead_record *ret_owner, int64_t *ret_at_ms);

/* --- visits and sums --- */

#define KV_NO_PLACE UINT32_MAX

#define KV_RECORD_MASK ((UINT64_C(1) << 48) - 1) /* see KV_VISIT_HEAD */
uint64_t kv_record_digest(const struct lead_record *r);
static inline int64_t kv_hour_of(int64_t ms)
{
	return ms / MS_PER_HOUR;
}
static inline size_t kv_minute_of(int64_t ms)
{
	return (size_t)(ms % MS_PER_HOUR / MS_PER_MIN);
}
static inline size_t kv_sub_bit(uint32_t sub)
{
	return sub % (KV_SUBS_BYTES * 8);
}
/* The trail's answer out of all visits, oldest first: the last ones before the lead's own. */
void kv_trail_answer(struct kv_trail *t, const struct kv_visit *all, size_t count,
		     uint64_t own_digest);

/* --- backends of kv --- */

struct kv_backend {
	enum result (*gather)(struct kv *k, struct kv_lead *leads, size_t count,
			      struct error *ret_error);
	enum result (*settle)(struct kv *k, const struct kv_settle *ops, size_t count,
			      const struct kv_verdict *verdicts, size_t verdict_count,
			      struct error *ret_error);
	enum result (*put_back)(struct kv *k, struct kv_lead *leads, size_t count,
				struct error *ret_error);
	enum result (*join)(struct kv *k, uint32_t partitions, bool *ret_missing,
			    struct error *ret_error);
	enum result (*restored)(struct kv *k, uint32_t partition, struct error *ret_error);
	void (*notes_get)(struct kv *k, struct kv_note *notes, size_t count);
	void (*notes_put)(struct kv *k, const struct kv_note *notes, size_t count);
	const char *(*prefix)(const struct kv *k);
	enum result (*forget)(struct kv *k, uint64_t *ret_removed, struct error *ret_error);
	void (*close)(struct kv *k);
};

struct kv { /* the first member of each backend's own structure */
	const struct kv_backend *backend;
	bool needs_one_group;
	bool of_replay;
	void (*meanwhile)(void *ctx); /* NULL: nothing to do */
	void *meanwhile_ctx;
};

enum result kv_gather_and_close(struct kv *k, struct kv_lead *leads, size_t count,
				struct error *ret_error);

/* The backend has asked, and would wait. */
static inline void kv_use_time(struct kv *k)
{
	void (*fn)(void *ctx) = k->meanwhile;

	k->meanwhile = NULL;
	if (fn)
		fn(k->meanwhile_ctx);
}

struct kv *kv_memory_open(void);
struct kv *kv_redis_open(const struct kv_url *url, const char *prefix, int timeout_ms);

/* --- an idempotency record: state, body hash, answer --- */

#define KV_IDEM_HEAD 17 /* 'P' or 'D', and 16 bytes of the body's hash */
#define KV_IDEM_OPEN 'P'
#define KV_IDEM_DONE 'D'

void kv_idem_encode(char state, const uint8_t body_hash[16], struct slice answer, struct buf *out);
/* What a stored record means to a request with this body; ret_answer points into it. */
enum kv_idem kv_idem_read(struct slice record, const uint8_t body_hash[16],
			  struct slice *ret_answer);

/* --- backends of kv_async --- */

struct kv_async_backend {
	void (*begin)(struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		      int64_t pending_ttl_ms, kv_idem_fn fn, void *ctx);
	void (*done)(struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		     struct slice answer, int64_t ttl_ms);
	bool (*connected)(const struct kv_async *k);
	void (*close)(struct kv_async *k);
};

struct kv_async {
	const struct kv_async_backend *backend;
};

struct kv_async *kv_async_memory_open(struct uv_loop_s *loop);
struct kv_async *kv_async_redis_open(struct uv_loop_s *loop, const struct kv_url *url,
				     const char *prefix, int timeout_ms);

/* Answers that are due at the next turn of the loop, so that no callback comes from inside a call. */
struct kv_later;
struct kv_later *kv_later_new(struct uv_loop_s *loop);
/* Copies the answer. */
void kv_later_say(struct kv_later *l, kv_idem_fn fn, void *ctx, enum kv_idem outcome,
		  struct slice answer);
void kv_later_close(struct kv_later *l); /* says all that is due, then goes */

#endif
