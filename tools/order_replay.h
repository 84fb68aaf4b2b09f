/* order_replay: recorded market events of one partition, folded once more by the router's own core, in the tool. */
#ifndef PUNNET_ORDER_REPLAY_H
#define PUNNET_ORDER_REPLAY_H

#include "router/core/market.h"
#include "tool.h"

struct order_replay {
	struct market *market;
	uint32_t partition;
	int64_t from_ms; /* 0 = from the log's beginning */
	/* After each record; NULL: not asked for. */
	void (*after)(struct order_replay *r, const Punnet__V1__MarketEvent *event,
		      const struct decisions *made);
	void *ctx;
	size_t records;
	struct arena arena;
};

/* Folds all records from from_ms on up to the log's end. The market is the caller's. */
_must_use_ enum result order_replay(struct tool *t, struct order_replay *r,
				    struct error *ret_error);
/* One more event, made here; false: it was not taken. */
bool order_replay_event(struct order_replay *r, const Punnet__V1__MarketEvent *event, int64_t at_ms,
			struct decisions *ret);

#endif
