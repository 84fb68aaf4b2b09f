/* play: a market driven by hand: events made from plain values, with provenance and offsets that count up by themselves. */
#ifndef PUNNET_TEST_PLAY_H
#define PUNNET_TEST_PLAY_H

#include "lead/codec.h"
#include "proto/market.pb-c.h"
#include "router/core/market.h"

struct play {
	struct market *market;
	struct arena arena; /* what the last event gave lives here */
	struct decisions decisions;
	uint64_t next_offset; /* of the market log */
	uint64_t next_judged; /* provenance of leads */
	uint64_t next_outbox; /* provenance of settlements */
	bool cut_everywhere;  /* encode and decode the state before every event */
	/* Is told every event with what was decided on it; NULL = nobody is. */
	void (*tap)(void *ctx, const Punnet__V1__MarketEvent *event, int64_t now_ms,
		    uint64_t offset, const struct decisions *decisions);
	void *tap_ctx;
};

struct play_order {
	const char *id, *vertical, *currency;
	int64_t price_minor;
	uint64_t revision, quantity, cap_hour, cap_day, cap_total;
	int64_t from_ms, until_ms;
	int32_t priority, utc_offset_minutes;
	bool paused, removed, shared;
	const char *countries[8];
	size_t country_count;
	const char *advertiser; /* NULL = bank */
	uint32_t share_limit, weight;
	int64_t floor_minor;
	Punnet__V1__Caps more_caps; /* week, month, webmaster; 0 as it is */
	Punnet__V1__Budget budget;
	bool takes_own_customers, even;
	const char *not_with[4];
	size_t not_with_count;
	Punnet__V1__Criterion *where[8];
	size_t where_count;
	Punnet__V1__PriceModifier *modifiers[4];
	size_t modifier_count;
	Punnet__V1__WeekSpan **open;
	size_t open_count;
	Punnet__V1__Clock *clock;
};

struct play_lead {
	struct lead_id id;
	const char *vertical, *country;
	bool is_test;
	uint64_t judged_offset; /* UINT64_MAX = the next one */
	int64_t waits_until_ms; /* not 0: quarantined */
	bool waits_accepts;
	const char *region, *aff_id, *sub1; /* NULL = none, but w17 for aff_id */
	int32_t score;
	Punnet__V1__Field *fields[8];
	size_t field_count;
	Punnet__V1__Fact *facts[8];
	size_t fact_count;
	Punnet__V1__Bid *bids[8];
	size_t bid_count;
};

void play_start(struct play *p);
void play_stop(struct play *p);
/* The state to bytes and back; fails the program when that can't be done. */
void play_cut(struct play *p);
enum market_answer play_event(struct play *p, int64_t now_ms, const Punnet__V1__MarketEvent *event);
enum market_answer play_order(struct play *p, int64_t now_ms, const struct play_order *o);
enum market_answer play_rate(struct play *p, int64_t now_ms, const char *vertical, uint32_t bp);
enum market_answer play_card(struct play *p, int64_t now_ms, Punnet__V1__RateChanged *card);
enum market_answer play_funds(struct play *p, int64_t now_ms, Punnet__V1__FundsChanged *funds);
enum market_answer play_held(struct play *p, int64_t now_ms, const char *advertiser_id,
			     int64_t until_ms);
enum market_answer play_held_by_rule(struct play *p, int64_t now_ms, const char *advertiser_id,
				     int64_t until_ms);
enum market_answer play_lowered(struct play *p, int64_t now_ms, const char *advertiser_id,
				int64_t until_ms, uint32_t lower_bp);
enum market_answer play_due(struct play *p, int64_t now_ms, const struct lead_id *id);
/* What every lead carries here: all fields are set. */
void play_contact(Punnet__V1__SealedContact *ret);
enum market_answer play_lead(struct play *p, int64_t now_ms, const struct play_lead *l);
/* outbox UINT64_MAX = the next one. */
enum market_answer play_settle(struct play *p, int64_t now_ms, const struct lead_id *id,
			       Punnet__V1__Settlement settlement, uint32_t round,
			       const char *order_id, uint64_t outbox);

/* Undeliverable, and why. */
enum market_answer play_undeliverable(struct play *p, int64_t now_ms, const struct lead_id *id,
				      uint32_t round, const char *order_id,
				      const char *reason_code);
/* The same, with what the buyer gets back. */
enum market_answer play_return(struct play *p, int64_t now_ms, const struct lead_id *id,
			       uint32_t round, const char *order_id, int64_t price_minor);
enum market_answer play_quarantine(struct play *p, int64_t now_ms, const struct lead_id *id,
				   bool release, bool expired);

/* The record of the last event's first decision; NULL when it caused none. */
const Punnet__V1__DecisionRecord *play_record(const struct play *p);
const Punnet__V1__Assignment *play_assignment(const struct play *p);
struct order *play_find(const struct play *p, const char *order_id);
struct lead_id play_lead_id(uint64_t n); /* the n-th id of a test */

#endif
