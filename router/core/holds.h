/* holds: advertisers that delivery can't reach, and those that a rule about their scorecard pauses: their orders are offered
 * nothing until a stated log time. The two kinds stand side by side; neither ends the other. A rule may lower an advertiser, too: its
 * orders then rank as if they paid less.
 *
 * Each order points at its advertiser's hold. Part of the state: it is encoded with it, sorted, and only what still holds. */
#ifndef PUNNET_ROUTER_HOLDS_H
#define PUNNET_ROUTER_HOLDS_H

#include "base/buf.h"
#include "base/map.h"
#include "proto/market.pb-c.h"

/* An event holds no longer, whatever its clock said. */
#define HOLD_MAX_MS         (10 * MS_PER_MIN)
#define HOLD_BY_RULE_MAX_MS (7 * MS_PER_DAY)
#define LOWER_BP_MAX        9000
#define LOWER_REASON_MAX    16 /* with its end; what is longer is cut */

struct hold {
	int64_t until_ms; /* log time; 0 = not held */
	int64_t rule_until_ms;
	int64_t lower_until_ms;
	uint32_t lower_bp; /* until then */
	/* For people alone: nothing is decided by it. */
	int64_t lower_since_ms;
	char lower_reason[LOWER_REASON_MAX];
};

/* Whether its orders rank lower at that time. NULL: of nobody. */
static inline bool hold_lowers(const struct hold *h, int64_t log_time_ms)
{
	return h && h->lower_until_ms > log_time_ms;
}

/* The advertiser's; made when it isn't there. Stays where it is as long as the map lives. */
struct hold *hold_of(struct map *holds, struct slice advertiser_id);
void holds_free(struct map *holds);
/* false: the event makes no sense. *ret_changed: the state is another one. */
_must_use_ bool hold_apply(struct map *holds, const Punnet__V1__AdvertiserHeld *held,
			   int64_t log_time_ms, bool *ret_changed);
_must_use_ bool hold_lower(struct map *holds, const Punnet__V1__AdvertiserLowered *lowered,
			   int64_t log_time_ms, bool *ret_changed);
/* A packed HoldsState. */
void holds_encode(const struct map *holds, int64_t log_time_ms, struct buf *out);
/* false: not such bytes. */
_must_use_ bool holds_decode(struct map *holds, struct slice bytes);

#endif
