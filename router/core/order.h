/* order: one advertiser's wish as it stands in a market: its terms, its counters, its windows.
 *
 * Owns its terms. Never forgotten by its market, so that a late repeat of an old revision can't bring a removed order
 * back; the pointer and the index are valid as long as the market lives. */
#ifndef PUNNET_ROUTER_ORDER_H
#define PUNNET_ROUTER_ORDER_H

#include "pace.h"
#include "terms.h"

#define ORDER_WEBMASTERS_MAX                                                                       \
	65536 /* whose leads one order counts apart; there is no place for more */
#define ACCOUNT_MAX_MINOR 1000000000000000LL /* 1e15 */

/* What was taken in one window; a name that is not the current one's counts as empty. Hours are named in minutes, all others in
 * days: see clock.h. */
struct window {
	int32_t name;
	uint32_t taken;
};

/* What an order took of one webmaster's leads. */
struct webmaster_count {
	int32_t day;
	uint64_t taken_day, taken_total;
	uint64_t open; /* of open leads, while a snapshot is read */
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
	struct terms *terms; /* in the market's pool */
	struct account *account;
	const struct hold *hold; /* of its advertiser; the market's */
	struct pace *pace;       /* owned; NULL as long as it never had a quantity by a deadline */
	struct map
	    *webmasters; /* struct webmaster_count, both owned; NULL while no cap asked for it */
	uint64_t revision;
	int64_t begin_ms;  /* when the market first heard of it */
	uint64_t reserved; /* routed, and not settled yet */
	uint64_t delivered;
	uint64_t returned;
	int64_t reserved_minor; /* prices of what is reserved */
	int64_t spent_minor;    /* prices of what was delivered */
	int64_t returned_minor;
	int64_t day_minor; /* prices of what was taken in the window of the day */
	struct window windows[WINDOW_KINDS];
	uint32_t index; /* position among the market's orders, in order of arrival */
	bool removed;
	bool changed; /* for whoever reports progress; no part of the state */
	/* Of the index; no part of the state. */
	bool indexed, listed;
	uint32_t indexed_constraints; /* whose criteria the index knows, all of them */
	uint32_t slot;
	int64_t closed_until_ms;
};

enum holding_state {
	HOLDING_OUT,  /* with the order, and not settled yet */
	HOLDING_KEPT, /* delivered, or it may be at the buyer */
	HOLDING_BACK, /* it was given back */
};

/* One offer of a lead to one order; its round is its place among the lead's holdings. It remembers what it took, so that it can
 * be given back to the windows that it was taken in; a test lead takes nothing. */
struct holding {
	int64_t price_minor;
	int32_t hour, day; /* names of windows; the week and the month are the day's */
	uint32_t order;    /* index */
	uint8_t state;
	bool by_webmaster; /* counted among its webmaster's, too */
};

#define CACHE_LINE 64
#define TERMS_ASKED                                                                                \
	320 /* of the terms' block: what most orders are asked by stands at its beginning */

/* Tells the processor that the order will be asked soon; then, when that is there, that its terms will be. */
static inline void order_fetch(const struct order *o)
{
	for (size_t at = 0; at < sizeof(*o); at += CACHE_LINE)
		__builtin_prefetch((const char *)o + at);
}

static inline void order_fetch_terms(const struct order *o)
{
	for (size_t at = 0; at < TERMS_ASKED; at += CACHE_LINE)
		__builtin_prefetch((const char *)o->terms + at);
}

struct order *order_new(uint32_t index);
void order_free(struct order *o); /* all but its terms */
uint64_t order_taken(const struct order *o, enum window_kind kind, int64_t now_ms);
int64_t order_spent_today_minor(const struct order *o, int64_t now_ms);
/* 0 = there is none. */
uint64_t order_cap(const struct order *o, enum window_kind kind);
/* The lesser of the total cap and the quantity; 0 = neither is set. */
uint64_t order_cap_total(const struct order *o);
bool order_counts_webmasters(const struct order *o);
struct webmaster_count order_webmaster(const struct order *o, const char *aff_id, int64_t now_ms);
/* What its total budget has left for; INT64_MAX without one. */
int64_t order_budget_left_minor(const struct order *o);
/* Some cap, budget or fund keeps it from taking a lead at its highest price. */
bool order_full(const struct order *o, int64_t now_ms);
int64_t account_left_minor(const struct account *a); /* INT64_MAX without a limit */

/* Fills in what the holding took. */
void order_reserve(struct order *o, struct holding *h, const char *aff_id, int64_t price_minor,
		   int64_t now_ms);
void order_give_back(struct order *o, const struct holding *h, const char *aff_id);
void order_deliver(struct order *o, const struct holding *h);
void order_return(struct order *o, int64_t price_minor);

#endif
