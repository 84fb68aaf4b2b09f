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
#define KV_TRAILS_PER_LEAD  8
#define KV_VISITS_MAX       24
#define KV_MARKS_MAX        4
#define KV_SUBS_BYTES       256

/* A dedupe claim: the first lead to ask for a key holds it for ttl_ms. */
struct kv_claim {
	struct slice key;
	int64_t ttl_ms;
	bool
	    always; /* true: taken whenever it is free. false: one of the lead's `together` group, see below */
	uint32_t
	    group; /* of a claim that is not `always`: the digest of its scope. In a cluster all of one lead's must agree */
	/* answers */
	bool held;                /* somebody holds it, perhaps this very record */
	struct lead_record owner; /* valid when held: after the call */
	int64_t claimed_at_ms;    /* the owner's time as it was given when claimed */
};

/* One visit of a subject. Who made it is told by a digest of the record. */
struct kv_visit {
	uint64_t record;
	int64_t at_ms;
	uint32_t marks[KV_MARKS_MAX];
};

/* A trail: the last visits of one subject. The lead's own is added, once: see `partition` below. */
struct kv_trail {
	struct slice key;
	int64_t
	    ttl_ms; /* it is kept at least this long after its last visit; visits may be older */
	bool
	    wide; /* the same for all visits of a key: KV_MARKS_MAX marks are kept, otherwise two */
	uint32_t marks[KV_MARKS_MAX];
	/* answers */
	const struct kv_visit
	    *visits; /* those before the lead's own, oldest first; the kv's, until its next call */
	size_t count;
	/* the backend's own, within a call */
	uint32_t place;
	bool adds;
};

/* What one source sent in an hour of its leads' time and the one before, and in its days. Leads of a batch that belong
 * to the same source and hour share one. What happened in a lead's own minute is not to be read for it: then a lead that is
 * judged again reads what it read the first time. */
struct kv_source {
	struct slice key;
	int64_t hour;                   /* of the leads' time, since 1970 */
	struct kv_source *first, *next; /* all of the same key in this batch, a chain */
	uint32_t place;                 /* the backend's own, within a call */
	/* answers: with those leads of this batch that an earlier call has counted */
	struct kv_hour {
		uint16_t leads[60], rejected[60]; /* a minute */
	} now, before;
	struct kv_day {
		uint32_t leads[24], rejected[24]; /* an hour, UTC */
		uint8_t subs[KV_SUBS_BYTES];      /* a bit a value, by its digest */
	} today, yesterday;
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
	/* Visits and sums are raised once for each record: leads of a partition come in the order of their offsets, and the kv
	 * keeps the highest one that it has counted. What is asked again is answered, and not counted. */
	uint32_t partition; /* of leads.raw */
	struct kv_trail *trails;
	size_t trail_count;
	struct kv_source *source; /* NULL: not counted */
	uint32_t sub;             /* digest of what the source's leads are told apart by */
	bool counted, judged;     /* answers: its visits and sums, its reject, by an earlier call */
};

/* url: "redis://host:port/db" (":password@" before the host) or "memory:". prefix goes before every key. NULL only when
 * the URL is at fault: the first call connects, and says RESULT_AWAY when it can't. */
struct kv *kv_open(const char *url, const char *prefix, int timeout_ms, struct error *ret_error);
void kv_close(struct kv *k);
/* A memory of a replay's own. Time in it is that of its leads, the latest one that was gathered. In Redis its keys stand under
 * KV_REPLAY_PREFIX and a number that is drawn: no other key is read or written. kv_forget() removes them; those of a
 * process that was killed before stay. */
#define KV_REPLAY_PREFIX "replay:"
struct kv *kv_open_replay(const char *url, int timeout_ms, struct error *ret_error);
const char *kv_prefix(const struct kv *k); /* "": it is in memory */
/* Of a replay's only. *ret_removed: how many keys. */
_must_use_ enum result kv_forget(struct kv *k, uint64_t *ret_removed, struct error *ret_error);
/* Must the claims of a lead that are not `always` be of one group? In a cluster; kv_gather() says RESULT_BAD otherwise. */
bool kv_needs_one_group(const struct kv *k);
/* A lead that came, and a reject: added to the sums of its source, and of its source's other hours in the batch. */
void kv_source_add_lead(struct kv_source *s, int64_t at_ms, uint32_t sub);
void kv_source_add_reject(struct kv_source *s, int64_t at_ms);
/* Did the day have a lead with this digest? Of another one the answer may be yes, too: once in 20 times when it has a hundred. */
bool kv_day_has_sub(const struct kv_day *d, uint32_t sub);
_must_use_ enum result kv_gather(struct kv *k, struct kv_lead *leads, size_t count,
				 struct error *ret_error);
/* Something to do while the next gather's question is with the kv: called once, at the latest when it is answered. It must not call
 * the kv. */
void kv_meanwhile(struct kv *k, void (*fn)(void *ctx), void *ctx);
/* Gives up the lead's own claims, and takes free ones, after a judgement that the gather could not foresee. One round
 * trip for all. take = true: NX with owner; false: delete if the owner is this record. key, ttl_ms, group and always as in the claim. */
struct kv_settle {
	struct lead_record self;
	struct slice key;
	int64_t
	    ttl_ms; /* as when it was, or would be, claimed: it decides where the claim stands */
	int64_t now_ms;
	uint32_t group;
	bool always, take;
};
_must_use_ enum result kv_settle(struct kv *k, const struct kv_settle *ops, size_t count,
				 struct error *ret_error);
/* The same, and a reject for each lead that is one, in its source's day; once for each record. In the leads' order. */
struct kv_verdict {
	uint32_t partition;
	uint64_t raw_offset;
	int64_t now_ms;
	struct kv_source *source; /* NULL: not counted */
	bool rejected;
};
_must_use_ enum result kv_close_batch(struct kv *k, const struct kv_settle *ops, size_t count,
				      const struct kv_verdict *verdicts, size_t verdict_count,
				      struct error *ret_error);

/* --- the state as a whole: it can be lost, and is restored from the log --- */

/* Joins the state that is there, or begins a new one; before the first gather, and after one that said RESULT_AGAIN.
 * ret_missing[partitions]: those whose leads have not been put back yet. Until none is missing nothing may be judged; a
 * partition is put back by kv_put_back() of its judged leads in their order. A kv that was never joined (scenarios, tests)
 * asks for no state. */
_must_use_ enum result kv_join(struct kv *k, uint32_t partitions, bool *ret_missing,
			       struct error *ret_error);
/* What was judged long ago, each lead a candidate exactly if it was not rejected: leaves there what gathering the leads and
 * closing their batch would leave. Nobody hears the answers, so one server needs one round trip for all of it. */
_must_use_ enum result kv_put_back(struct kv *k, struct kv_lead *leads, size_t count,
				   struct error *ret_error);
_must_use_ enum result kv_restored(struct kv *k, uint32_t partition, struct error *ret_error);

/* --- notes: what workers tell each other, and may do without; no part of the state --- */

#define KV_NOTES_MAX 512
struct kv_note {
	struct slice key;
	uint8_t value;  /* never 0 */
	int64_t ttl_ms; /* when put */
};
/* One round trip. Fills in the values; one that is not noted, or can't be learned now, is 0. A kv in memory is one process's own,
 * which has nobody to tell: it keeps none. */
void kv_notes_get(struct kv *k, struct kv_note *notes, size_t count);
/* What can't be put now is not put. */
void kv_notes_put(struct kv *k, const struct kv_note *notes, size_t count);

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
