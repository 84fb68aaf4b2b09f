/* order: one advertiser's wish as it stands in a market: its terms, its counters, its two windows.
 *
 * Owns its terms. Never forgotten by its market, so that a late repeat of an old revision can't bring a removed order
 * back; the pointer and the index are valid as long as the market lives. */
#ifndef PUNNET_ROUTER_ORDER_H
#define PUNNET_ROUTER_ORDER_H

#include "base/buf.h"
#include "proto/market.pb-c.h"

#define ORDER_UTC_OFFSET_MAX_MIN (14 * 60) /* the widest civil clock there is */

enum window_kind { WINDOW_HOUR, WINDOW_DAY, WINDOW_KINDS };

/* What was taken in one clock hour or day; a start that is not the current one counts as empty. */
struct window {
	int64_t start_ms;
	uint64_t taken;
};

struct hold;
struct order {
	Punnet__V1__OrderTerms *terms;
	struct buf packed; /* the terms as bytes, for snapshots */
	uint64_t revision;
	const struct hold *hold; /* of its advertiser; the market's */
	uint32_t index;          /* position among the market's orders, in order of arrival */
	bool removed;
	uint64_t reserved; /* routed, and not settled yet */
	uint64_t delivered;
	uint64_t returned;
	int64_t spent_minor; /* prices of what was delivered */
	struct window windows[WINDOW_KINDS];
	bool changed; /* for whoever reports progress; no part of the state */
};

/* A reservation as an open lead remembers it, so that it can be given back to the windows it was taken in. */
struct reservation {
	int64_t window_start_ms[WINDOW_KINDS];
	int64_t price_minor;
};

struct order *order_new(uint32_t index);
void order_free(struct order *o);
/* Replaces the terms; false when the bytes are not terms (nothing is changed then). */
_must_use_ bool order_set_terms(struct order *o, struct slice packed);

/* Terms that a market can work with: ids, a vertical, a price, a clock. */
bool order_terms_valid(const Punnet__V1__OrderTerms *terms);
int64_t order_window_start(const struct order *o, enum window_kind kind, int64_t now_ms);
int64_t order_window_end(const struct order *o, enum window_kind kind, int64_t now_ms);
uint64_t order_taken(const struct order *o, enum window_kind kind, int64_t now_ms);
uint64_t order_cap_hour(const struct order *o);
uint64_t order_cap_day(const struct order *o);
/* The lesser of the total cap and the quantity; 0 = neither is set. */
uint64_t order_cap_total(const struct order *o);

struct reservation order_reserve(struct order *o, int64_t now_ms);
void order_give_back(struct order *o, const struct reservation *r);
void order_deliver(struct order *o, const struct reservation *r);

#endif
