/* gate: the first record of a producer's to a partition goes alone, and what follows is held until it is stored.
 *
 * A broker takes any sequence number from a producer of which a partition knows nothing (KIP-360). Where two requests are under way
 * and the leader moves, the first may be refused and the second taken; librdkafka (up to 2.15 at least) then counts the first as
 * stored, too: "implicitly acked". That record is nowhere. Once one record of this producer is in the partition, every leader
 * knows what must come next, and refuses the second. Private to lib/runtime. */
#ifndef PUNNET_BUS_KAFKA_GATE_H
#define PUNNET_BUS_KAFKA_GATE_H

#include "base/base.h"
#include "base/slice.h"

/* A broker forgets a producer that was quiet for producer.id.expiration.ms, a day as shipped. */
#define GATE_QUIET_MS MS_PER_HOUR

struct gate_held {
	struct gate_held *next;
	const char *type;
	uint32_t slot;
	size_t key_len, value_len;
	char bytes[]; /* key, value */
};

enum gate_state {
	GATE_FRESH, /* the partition knows nothing of this producer, or may have forgotten */
	GATE_ALONE, /* the first record is under way */
	GATE_OPEN,
};

struct kafka_gate {
	enum gate_state state;
	size_t under_way;     /* records that were sent and are not acknowledged */
	int64_t stored_at_ms; /* a record was stored then, or later */
	struct gate_held *first, **last;
};

/* May the next record go now? It is under way then. Otherwise it has to be held. */
_must_use_ bool gate_lets(struct kafka_gate *g, int64_t now_ms);
/* What was let was not taken; nothing is under way of it. */
void gate_refused(struct kafka_gate *g);
/* Copies key and value; type lives for ever. */
void gate_hold(struct kafka_gate *g, uint32_t slot, struct slice key, const char *type,
	       struct slice value);
/* One of those under way is in the log; it was produced at at_ms. */
void gate_stored(struct kafka_gate *g, int64_t at_ms);
/* The next of those that are held and may go now; it is under way then, and the caller's to free. NULL when there is none. */
struct gate_held *gate_next(struct kafka_gate *g, int64_t now_ms);
void gate_drop(struct kafka_gate *g); /* what is held */

static inline struct slice gate_key(const struct gate_held *h)
{
	return slice_of(h->bytes, h->key_len);
}

static inline struct slice gate_value(const struct gate_held *h)
{
	return slice_of(h->bytes + h->key_len, h->value_len);
}

#endif
