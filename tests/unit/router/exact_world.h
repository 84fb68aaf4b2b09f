/* exact_world: what exact_run.c and exact_log.c share: the log, the instances, what is out. */
#ifndef PUNNET_TEST_EXACT_WORLD_H
#define PUNNET_TEST_EXACT_WORLD_H

#include "exact.h"
#include "exact_run.h"
#include "router/core/market.h"

#define INSTANCES    3
#define FOLDS_MOST   60 /* records that an instance takes in a turn */
#define LAG_MOST     (EXACT_KEPT / 2)
#define SNAPSHOT_GAP 1500 /* records */
#define OUT_MOST                                                                                   \
	(2 * EXACT_KEPT)  /* sales to be settled: one that thaws publishes thousands at once */
#define OUT_MANY     1024 /* more are settled sooner, */
#define SETTLED_MOST 8    /* so many a lead */
#define GAP_MS       4000 /* twice the mean between two leads */
#define CHANGE_EVERY 400  /* records, of orders; of funds and of who is lowered twice that */

enum kind { IS_LEAD, IS_ORDER, IS_FUNDS, IS_LOWERED, IS_SETTLED, IS_OTHER };

/* A record of the log, and what it says to the books. */
struct record {
	struct buf bytes;
	int64_t time_ms;
	enum kind kind;
	struct exact_lead lead;
	struct exact_lowered lowered;
	int order; /* or advertiser */
	struct exact_terms terms;
	int64_t money;
	struct lead_id id;
	uint32_t round;
	Punnet__V1__Settlement settlement;
	uint64_t made[MARKET_DECISIONS_MAX]; /* hashes, of the undisturbed fold */
	size_t made_count;
};

struct out {
	struct lead_id id;
	uint32_t round;
	int order;
	int64_t price;
	bool test, delivered;
};

struct instance {
	struct market *market; /* NULL = dead */
	uint64_t next, emit_from, snapshot_at, frozen_until;
	struct buf state; /* in the end */
};

struct snapshot {
	struct buf bytes;
	uint64_t at; /* the next record to fold */
	bool whole;
};

struct world {
	enum exact_fault fault;
	struct exact_draw draw;
	struct exact_books *books;
	struct record log[EXACT_KEPT];
	uint64_t end, turn; /* offset of the next record; turns so far */
	int64_t now_ms;
	struct market *undisturbed;
	struct instance instances[INSTANCES];
	struct snapshot snapshot;
	uint64_t published, published_steps; /* all below is out; and so many of this record's */
	uint64_t committed;
	struct out outs[OUT_MOST];
	size_t out_count;
	struct arena arena, reading;
	struct buf written, encoded;
	struct exact_outcome told;
};

static inline struct record *record_at(struct world *w, uint64_t offset)
{
	return &w->log[offset % EXACT_KEPT];
}

/* exact_log.c: the log grows, and the undisturbed fold takes each record at once. */
const Punnet__V1__MarketEvent *event_of(struct world *w, const struct record *r);
/* Of the record as it is published; it stays in w->written. */
uint64_t written_hash(struct world *w, const struct decision *d);
void append_card(struct world *w);
void append_order(struct world *w, int order);
void append_funds(struct world *w, int advertiser);
void append_lowered(struct world *w);
void append_lead(struct world *w);
void append_due(struct world *w); /* whose wait may be over */
void settle_one(struct world *w);

#endif
