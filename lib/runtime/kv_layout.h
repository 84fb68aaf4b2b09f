/* kv_layout: where what stands in Redis. Pure but for its memory.
 *
 *   prefix {shard} c GENERATION BUCKET     a hash of claims that last a day to 91 days: field = 8 bytes of a claim's digest. A
 *                                          bucket is small enough for Redis to keep it as one packed list, which is a
 *                                          third of what keys of their own would take (at most 64 bytes a claim)
 *   prefix {shard} p SPAN PAGE GENERATION  a hash of the claims that last shorter, or longer: field = 12 bytes of the digest
 *   prefix {shard} !g, !w                  which state this is; how far each partition was counted
 *   prefix {shard} ID t SPAN PAGE GEN.     a hash of trails of that state; w: of the wide ones
 *   prefix {shard} ID h | d NUMBER source  sums of a source's hour, or day
 *   prefix {shard} ID n KEY                a note of one worker to the others: a byte
 *
 * A generation of buckets is as long as the longest claim that they keep, one of pages as long as their span: a claim or a
 * trail is looked for in today's generation and in the one before, and put into today's. So it stays at least as long as it
 * must, and goes with its bucket or page. A claim in a page says when it is over, for a span is much longer than some of them.
 *
 * Why pages: a script asks for the claims and trails of a whole batch with a few HMGET and HSET, which costs a fifth of as many
 * GETs and a third of as many SETs with an end of their own.
 *
 * Shards are there for clusters: all keys of a shard are on one node, and one script may touch them all. One server has one
 * shard, and no braces in its keys. */
#ifndef PUNNET_KV_LAYOUT_H
#define PUNNET_KV_LAYOUT_H

#include "base/arena.h"
#include "kv_internal.h"

#define KV_PREFIX_MAX        48
#define KV_CLUSTER_SHARDS    32
#define KV_SHARDS_MAX        64
#define KV_BUCKET_TTL_LEAST  MS_PER_DAY
#define KV_GENERATION_MS     (91 * MS_PER_DAY)
#define KV_BUCKET_BITS_LEAST 4
#define KV_BUCKET_BITS_MOST  28
#define KV_BUCKET_BITS       18
#define KV_FIELD_BYTES       8
#define KV_ID_LEN            8 /* of a state's id, hex digits */
#define KV_SLOTS             16384
#define KV_PAGES             4 /* a generation, of one kind and span */
#define KV_PAGE_FIELD_BYTES  12

struct kv_layout {
	char prefix[KV_PREFIX_MAX];
	unsigned bucket_bits;
	unsigned shards;                        /* a power of two */
	char ids[KV_SHARDS_MAX][KV_ID_LEN + 1]; /* of the states that were joined; "": none was */
	int64_t born[KV_SHARDS_MAX]; /* the first generation that has claims; 0: not known */
};

/* What stands in pages, and for how long at most. */
enum kv_page_kind { KV_PAGE_CLAIMS, KV_PAGE_TRAILS, KV_PAGE_WIDE_TRAILS, KV_PAGE_KINDS };
enum kv_span { KV_SPAN_MINUTES, KV_SPAN_DAY, KV_SPAN_MONTH, KV_SPAN_YEAR, KV_SPANS };

/* Where in a page: the same wherever and whenever it is asked. */
struct kv_cell {
	enum kv_span span;
	unsigned page;
	uint8_t field[KV_PAGE_FIELD_BYTES];
};

struct kv_place {
	bool bucket; /* otherwise in a page */
	struct kv_cell cell;
	struct slice now,
	    before; /* keys; a bucket in the first generation has the first only, a page
				     none until kv_place_page() */
	/* of a bucket */
	uint8_t field[KV_FIELD_BYTES];
	uint32_t number;
	int64_t ends_ms; /* when the bucket may go; of a claim in a page: when it is over */
};

/* now_ms: by this machine's clock, for the generation. The keys are in the arena. */
void kv_place_claim(const struct kv_layout *l, unsigned shard, struct slice key, int64_t ttl_ms,
		    int64_t now_ms, struct arena *a, struct kv_place *ret);
/* The keys of a claim's page. */
void kv_place_page(const struct kv_layout *l, unsigned shard, struct kv_place *p, int64_t now_ms,
		   struct arena *a);
struct kv_cell kv_cell_of(struct slice key, int64_t ttl_ms);
int64_t kv_page_generation(enum kv_span span, int64_t now_ms);
/* When a page of today's generation may go. Nobody reads it any more a whole span before. */
int64_t kv_page_ends_ms(enum kv_span span, int64_t now_ms);
struct slice kv_page_key(const struct kv_layout *l, unsigned shard, enum kv_page_kind kind,
			 enum kv_span span, unsigned page, int64_t generation, struct arena *a);
/* A bucket of today's generation by its number, and when it may go. */
struct slice kv_bucket_key(const struct kv_layout *l, unsigned shard, uint32_t number,
			   int64_t now_ms, struct arena *a);
int64_t kv_ends_ms(int64_t now_ms);
/* The generation that a state which begins now is the first of. A day late, for clocks that lag. */
int64_t kv_born(int64_t now_ms);
/* The shard of a key that stands alone; of a claim: that of its group, unless it is `always`. */
unsigned kv_shard_of_key(const struct kv_layout *l, struct slice key);
unsigned kv_shard_of_claim(const struct kv_layout *l, struct slice key, uint32_t group,
			   bool always);
struct slice kv_state_key(const struct kv_layout *l, unsigned shard, char what, struct arena *a);
/* kind: a letter; number: an hour or a day, or 0. */
struct slice kv_count_key(const struct kv_layout *l, unsigned shard, char kind, struct slice key,
			  int64_t number, struct arena *a);
/* The slot of a shard in a cluster, and that of any key: CRC16 (XMODEM) of what stands in its first braces, or of all of it
 * when there is nothing in them, modulo 16384. */
unsigned kv_slot_of(unsigned shard);
unsigned kv_slot_of_key(struct slice key);

/* --- visits and sums as bytes, big-endian --- */

/* A trail is read and written as a whole, so each byte of a visit is paid for 24 times. Of the record's digest 48 bits stand there,
 * which tell 24 records from one another, and of the time 48: until the year 6429. */
#define KV_VISIT_HEAD   12
#define KV_VISIT_BYTES  (KV_VISIT_HEAD + 4 * KV_MARKS_MAX) /* of a wide trail */
#define KV_HOUR_BYTES   240                   /* leads by minute, then rejects, 16 bits each */
#define KV_DAY_BYTES    (192 + KV_SUBS_BYTES) /* leads by hour, rejects by hour, 32 bits each; subs */
#define KV_DAY_SUBS_BIT 1536

size_t kv_visit_bytes(bool wide);
void kv_visit_encode(const struct kv_visit *v, bool wide, uint8_t ret[KV_VISIT_BYTES]);
/* The last KV_VISITS_MAX visits. false: not a whole number of them. */
bool kv_trail_decode(struct slice value, bool wide, struct kv_visit ret[KV_VISITS_MAX],
		     size_t *ret_count);
/* What the value is too short for is zero. */
void kv_hour_decode(struct slice value, struct kv_hour *ret);
void kv_day_decode(struct slice value, struct kv_day *ret);

#endif
