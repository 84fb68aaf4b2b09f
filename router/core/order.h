/* order: one advertiser's wish as it stands in a market: its terms, its counters, its windows.
 *
 * Owns its terms. Never forgotten by its market, so that a late repeat of an old revision can't bring a removed order
 * back; the pointer and the index are valid as long as the market lives. */
#ifndef PUNNET_ROUTER_ORDER_H
#define PUNNET_ROUTER_ORDER_H

#include "base/buf.h"
#include "clock.h"
#include "criteria.h"
#include "pace.h"

#define ORDER_SHARE_MAX 8 /* buyers of a shared lead */
#define ORDER_WEBMASTERS_MAX                                                                       \
	65536 /* whose leads one order counts apart; there is no place for more */
#define ORDER_MODIFIERS_MAX 32
#define ORDER_PRICE_MAX_MINOR                                                                      \
	1000000000000LL /* 1e12: sums of as many leads as there are fit 63 bits */
#define ORDER_NOT_WITH_MAX      64
#define ACCOUNT_MAX_MINOR       1000000000000000LL /* 1e15 */
#define ORDER_MODIFIER_BP_MAX   100000
#define ORDER_MODIFIER_BP_LEAST (-10000)

/* What was taken in one window; a name that is not the current one's counts as empty. */
struct window {
	int64_t name;
	uint64_t taken;
	int64_t spent_minor;
};

/* What an order took of one webmaster's leads. */
struct webmaster_count {
	int64_t day;
	uint64_t taken_day, taken_total;
	uint64_t open; /* of open leads, while a snapshot is read */
};

struct modifier {
	struct criterion *where;
	size_t where_count;
	struct week_spans hours;
	int32_t plus_bp;
};

/* What an advertiser may spend in this market. Shared by its orders of one currency; owned by the market. */
struct account {
	bool limited;
	int64_t paid_in_minor, credit_minor;
	uint64_t revision;
	int64_t taken_minor; /* reserved and delivered, less what was returned */
};

struct hold;
struct order {
	Punnet__V1__OrderTerms *terms;
	struct buf packed;               /* the terms as bytes, for snapshots */
	Punnet__V1__Criterion countries; /* borrows from the terms */
	struct criterion *where;
	size_t where_count;
	uint32_t groups; /* bit 1 << group: it has criteria of these */
	struct modifier *modifiers;
	size_t modifier_count;
	int64_t price_most_minor; /* whatever the lead */
	struct account *account;
	uint64_t revision;
	const struct hold *hold; /* of its advertiser; the market's */
	uint32_t index;          /* position among the market's orders, in order of arrival */
	bool removed;
	uint64_t reserved; /* routed, and not settled yet */
	uint64_t delivered;
	uint64_t returned;
	int64_t reserved_minor; /* prices of what is reserved */
	int64_t spent_minor;    /* prices of what was delivered */
	int64_t returned_minor;
	struct window windows[WINDOW_KINDS];
	struct pace pace;
	struct map webmasters; /* struct webmaster_count, owned; empty while no cap asks for it */
	bool changed;          /* for whoever reports progress; no part of the state */
	/* Of the index; no part of the state. */
	uint32_t slot;
	bool indexed, listed;
	int64_t closed_until_ms;
};

/* A reservation as an open lead remembers it, so that it can be given back to the windows it was taken in. */
struct reservation {
	int64_t windows[WINDOW_KINDS];
	int64_t price_minor;
	bool by_webmaster; /* counted among its webmaster's, too */
};

#define CACHE_LINE 64

/* Tells the processor that the order will be asked soon; then, when that is there, that its terms will be. */
static inline void order_fetch(const struct order *o)
{
	for (size_t at = 0; at < offsetof(struct order, pace); at += CACHE_LINE)
		__builtin_prefetch((const char *)o + at);
}

static inline void order_fetch_terms(const struct order *o)
{
	for (size_t at = 0; at < sizeof(*o->terms); at += CACHE_LINE)
		__builtin_prefetch((const char *)o->terms + at);
	for (size_t at = 0; at < o->where_count * sizeof(*o->where); at += CACHE_LINE)
		__builtin_prefetch((const char *)o->where + at);
}

struct order *order_new(uint32_t index);
void order_free(struct order *o);
/* Replaces the terms; false when the bytes are not terms (nothing is changed then). Attributes that they name are made. */
_must_use_ bool order_set_terms(struct order *o, struct slice packed, struct attributes *a);

/* What keeps a market from working with these terms; NULL when nothing does. Whether they are wise is for whoever
 * publishes them. */
const char *order_terms_fault(const Punnet__V1__OrderTerms *terms);
struct week_spans order_opening(const struct order *o);
uint64_t order_taken(const struct order *o, enum window_kind kind, int64_t now_ms);
int64_t order_spent_minor(const struct order *o, enum window_kind kind, int64_t now_ms);
/* 0 = there is none. */
uint64_t order_cap(const struct order *o, enum window_kind kind);
/* The lesser of the total cap and the quantity; 0 = neither is set. */
uint64_t order_cap_total(const struct order *o);
/* 1 for an exclusive order. */
uint32_t order_share_limit(const struct order *o);
bool order_counts_webmasters(const struct order *o);
struct webmaster_count order_webmaster(const struct order *o, const char *aff_id, int64_t now_ms);
/* What its total budget has left for; INT64_MAX without one. */
int64_t order_budget_left_minor(const struct order *o);
/* Some cap, budget or fund keeps it from taking a lead at its highest price. */
bool order_full(const struct order *o, int64_t now_ms);
int64_t account_left_minor(const struct account *a); /* INT64_MAX without a limit */

struct reservation order_reserve(struct order *o, const char *aff_id, int64_t price_minor,
				 int64_t now_ms);
void order_give_back(struct order *o, const char *aff_id, const struct reservation *r);
void order_deliver(struct order *o, const struct reservation *r);
void order_return(struct order *o, int64_t price_minor);

#endif
