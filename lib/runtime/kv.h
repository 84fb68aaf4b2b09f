/* kv: the filters' memory. Two backends with one contract and one shared test suite: Redis and memory.
 *
 * One kv_gather() is one round trip for a whole batch. Blocking, at most timeout_ms; RESULT_AWAY means that nothing
 * may be judged from it and that it is safe to ask again: every operation is idempotent for the same owner.
 * An owner is a record of a lead, not the lead: the same lead at another offset of the log is somebody else. */
#ifndef PUNNET_KV_H
#define PUNNET_KV_H

#include "base/arena.h"
#include "base/ids.h"
#include "base/result.h"

struct kv;

#define KV_KEY_MAX          64
#define KV_CLAIMS_PER_LEAD  8
#define KV_LEADS_PER_GATHER 1000

/* A dedupe claim: the first lead to ask for a key holds it for ttl_ms. */
struct kv_claim {
	struct slice key;
	int64_t ttl_ms;
	bool
	    always; /* true: taken whenever it is free. false: one of the lead's `together` group, see below */
	/* answers */
	bool held;                /* somebody holds it, perhaps this very record */
	struct lead_record owner; /* valid when held: after the call */
	int64_t claimed_at_ms;    /* the owner's time as it was given when claimed */
};

/* All claims of one lead. The claims that are not `always` are taken together or not at all: only when the lead is a
 * candidate (no local fact rejects it already) and each of them, and each `always` one, is free or its own record's.
 * So a rejected lead never blocks a good one. Leads of a batch are served in order, and each sees what the leads before
 * it took. */
struct kv_lead {
	struct lead_record self;
	int64_t
	    now_ms; /* the lead's own time: stored as claimed_at_ms, and the memory backend's clock for ttl */
	bool candidate;
	struct kv_claim claims[KV_CLAIMS_PER_LEAD];
	size_t claim_count;
};

/* url: "redis://host:port/db" (":password@" before the host) or "memory:". prefix goes before every key. NULL only when
 * the URL is at fault: the first call connects, and says RESULT_AWAY when it can't. */
struct kv *kv_open(const char *url, const char *prefix, int timeout_ms, struct error *ret_error);
void kv_close(struct kv *k);
_must_use_ enum result kv_gather(struct kv *k, struct kv_lead *leads, size_t count,
				 struct error *ret_error);
/* Gives up the lead's own claims, and takes free ones, after a judgement that the gather could not foresee. One round
 * trip for all. take = true: NX with owner; false: delete if the owner is this record. */
struct kv_settle {
	struct lead_record self;
	struct slice key;
	int64_t ttl_ms, now_ms;
	bool take;
};
_must_use_ enum result kv_settle(struct kv *k, const struct kv_settle *ops, size_t count,
				 struct error *ret_error);

/* --- idempotency of the front door: asynchronous on the loop, because the collector must not wait for Redis --- */

enum kv_idem {
	KV_IDEM_FIRST,    /* nobody used the key: go on, then kv_idem_done() */
	KV_IDEM_REPLAY,   /* answered before, same body: ret_answer is the first answer */
	KV_IDEM_PENDING,  /* same body, still being worked on by another request */
	KV_IDEM_CONFLICT, /* same key, another body */
	KV_IDEM_AWAY,     /* no Redis: go on without */
};
typedef void (*kv_idem_fn)(void *ctx, enum kv_idem outcome, struct slice answer);

struct uv_loop_s;
struct kv_async;
struct kv_async *kv_async_open(struct uv_loop_s *loop, const char *url, const char *prefix,
			       int timeout_ms, struct error *ret_error);
/* pending_ttl_ms bounds how long a crashed request blocks its key. The callback comes exactly once, never from inside
 * this call. At most KV_ASYNC_IN_FLIGHT_MAX outstanding: past it the callback says KV_IDEM_AWAY. */
#define KV_ASYNC_IN_FLIGHT_MAX 10000
void kv_idem_begin(struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		   int64_t pending_ttl_ms, kv_idem_fn fn, void *ctx);
/* Fire and forget: the answer stays for ttl_ms; an empty answer forgets the key (the request failed). */
void kv_idem_done(struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		  struct slice answer, int64_t ttl_ms);
bool kv_async_connected(const struct kv_async *k);
/* Tells every outstanding request KV_IDEM_AWAY. Not from inside a callback; the handles close when the loop turns. */
void kv_async_close(struct kv_async *k);

#endif
