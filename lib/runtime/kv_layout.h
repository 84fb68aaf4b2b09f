/* kv_layout: where what stands in Redis. Pure but for its memory.
 *
 *   prefix key                                  a claim that lasts less than a day, alone
 *   prefix {shard} c GENERATION BUCKET          a hash of claims that last longer: field = 8 bytes of a claim's digest. A
 *                                               bucket is small enough for Redis to keep it as one packed list, which is a
 *                                               third of what keys of their own would take (at most 64 bytes a claim)
 *   prefix {shard} !g, !w                       which state this is; how far each partition was counted
 *   prefix {shard} ID key                       trails and sources of that state
 *
 * A generation is as long as the longest claim that buckets keep: a claim is looked for in the generation of today and in
 * the one before, and put into today's. So a claim stays at least as long as it must, and goes with its bucket.
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

struct kv_layout {
	char prefix[KV_PREFIX_MAX];
	unsigned bucket_bits;
	unsigned shards;                        /* a power of two */
	char ids[KV_SHARDS_MAX][KV_ID_LEN + 1]; /* of the states that were joined; "": none was */
	int64_t born[KV_SHARDS_MAX]; /* the first generation that has claims; 0: not known */
};

struct kv_place {
	bool bucket;
	struct slice now,
	    before; /* keys; a lone claim has the first only, and one in the first generation */
	uint8_t field[KV_FIELD_BYTES];
	uint32_t number; /* of the bucket */
	int64_t ends_ms; /* when the bucket may go */
};

/* now_ms: by this machine's clock, for the generation. The keys are in the arena. */
void kv_place_claim(const struct kv_layout *l, unsigned shard, struct slice key, int64_t ttl_ms,
		    int64_t now_ms, struct arena *a, struct kv_place *ret);
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

#define KV_VISIT_BYTES  24
#define KV_HOUR_BYTES   240                   /* leads by minute, then rejects, 16 bits each */
#define KV_DAY_BYTES    (192 + KV_SUBS_BYTES) /* leads by hour, rejects by hour, 32 bits each; subs */
#define KV_DAY_SUBS_BIT 1536

void kv_visit_encode(const struct kv_visit *v, uint8_t ret[KV_VISIT_BYTES]);
/* false: not a whole number of visits. Only the last KV_VISITS_MAX are kept. */
bool kv_trail_decode(struct slice value, struct kv_trail *ret);
/* What the value is too short for is zero. */
void kv_hour_decode(struct slice value, struct kv_hour *ret);
void kv_day_decode(struct slice value, struct kv_day *ret);

#endif
