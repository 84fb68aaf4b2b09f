/* market: the state of one partition of the market log, and the fold over it. Pure.
 *
 *     (state, event, append time, offset) → (state', decisions)
 *
 * The same events give the same decisions, the same digest and the same snapshot, bit for bit, wherever it starts from:
 * there is no clock here but the log's own append time, and it never runs backwards. Nothing fails: an event that makes
 * no sense changes nothing, says MARKET_MALFORMED, and the caller puts the record aside. Out of memory ends the process. */
#ifndef PUNNET_ROUTER_MARKET_H
#define PUNNET_ROUTER_MARKET_H

#include "base/arena.h"
#include "base/ids.h"
#include "order.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/leads_unsold.pb-c.h"

#define MARKET_DECISIONS_MAX                                                                       \
	ORDER_SHARE_MAX          /* about one lead: a shared one goes to several at once */
#define MARKET_CANDIDATES_MAX 64 /* recorded at most; a last entry counts the rest */
#define MARKET_TOPIC          "market"
#define MARKET_FORMAT         8 /* of the encoded state */

struct market; /* opaque; owns everything in it */

enum market_answer {
	MARKET_CHANGED,   /* the state is another one */
	MARKET_REPEAT,    /* its provenance is not newer than what was seen: it fell away */
	MARKET_NO_MATTER, /* an old revision, a settlement of an assignment that is not open, … */
	MARKET_MALFORMED, /* it lacks what its kind needs */
};

/* Exactly one of the two. Lives in the arena and borrows from the event and the state: pack it before either changes. */
struct decision {
	const Punnet__V1__RoutedLead *routed;
	const Punnet__V1__UnsoldLead *unsold;
};

struct decisions {
	struct decision items[MARKET_DECISIONS_MAX];
	size_t count;
};

struct market *market_new(uint32_t partition);
/* What is written once, and only read until it is no longer needed, stands in this memory: see base/pool.h. */
struct market *market_new_in(uint32_t partition, const struct pool_memory *memory);
void market_free(struct market *m);
/* While it is held, what stands there stays as it is: for a copy of the process that encodes the market's state of the moment at
 * which it was held. Decisions go on. */
void market_hold(struct market *m);
void market_release(struct market *m);

/* One record of the log. event is NULL where the bytes could not be read: log time moves on, nothing else does. */
enum market_answer market_apply(struct market *m, const Punnet__V1__MarketEvent *event,
				int64_t append_time_ms, uint64_t offset, struct arena *a,
				struct decisions *ret);

/* Called with what is known of a lead and with what was found for it, before anything changes by it: for whoever asks what
 * another order would have said. The decision doesn't depend on it. fn NULL: nobody. */
struct lead_view;
struct match;
typedef void (*market_observer)(void *ctx, const struct lead_view *lead, const struct match *match,
				int64_t now_ms);
void market_observe(struct market *m, market_observer fn, void *ctx);

int64_t market_log_time_ms(const struct market *m);
uint64_t market_digest(const struct market *m);
size_t market_open_leads(const struct market *m);
size_t market_waiting_leads(const struct market *m); /* of these: for an operator */
size_t market_waiting_for_buyers(const struct market *m);
enum market_wait { MARKET_WAIT_OPERATOR, MARKET_WAIT_BUYER };
/* Leads whose wait is over at now_ms, or who are to be offered again; at most `most`. Returns how many. */
size_t market_waits_over(const struct market *m, enum market_wait what, int64_t now_ms,
			 struct lead_id *ret, size_t most);
size_t market_orders(const struct market *m);
/* In order of arrival, the removed ones too; NULL past the end. Valid until the next event. */
struct order *market_order_at(const struct market *m, size_t i);

/* What is known of the leads of the order's vertical: see pace_forecast.h. */
const struct pacer *market_pacer(const struct market *m, const struct order *o);

/* Equal states give equal bytes. out->max should be MARKET_ENCODED_MAX_BYTES; check out->failed. */
#define MARKET_ENCODED_MAX_BYTES (1u << 30)
void market_encode(const struct market *m, struct buf *out);
/* NULL when the bytes are not a whole, consistent state of this partition; *ret_why then says so. */
_must_use_ struct market *market_decode(struct slice bytes, uint32_t partition,
					const char **ret_why);
_must_use_ struct market *market_decode_in(struct slice bytes, uint32_t partition,
					   const struct pool_memory *memory, const char **ret_why);

#endif
