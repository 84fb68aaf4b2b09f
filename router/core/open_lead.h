/* open_lead: the leads of a market that are out with an order, or wait. There may be a million of them, so that each lies in one
 * block of the market's pool, which is never written again: its id, to whom it was offered, and what is kept of its message.
 *
 * Whoever works with a lead takes it out: an open_lead in an arena. What he changes holds once he has put it back. */
#ifndef PUNNET_ROUTER_OPEN_LEAD_H
#define PUNNET_ROUTER_OPEN_LEAD_H

#include "base/arena.h"
#include "base/ids.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/table.h"
#include "order.h"
#include "proto/market.pb-c.h"

enum lead_waits {
	WAITS_FOR_NOBODY,
	WAITS_FOR_OPERATOR, /* it is with no order */
	WAITS_FOR_BUYER,
};

/* Of a lead that waits. */
struct lead_wait {
	int64_t until_ms; /* when it ends */
	int64_t retry_ms; /* when the lead is offered again, if it waits for a buyer */
	bool accepts;     /* the end of its wait for an operator lets it through */
};

struct open_lead {
	struct lead_id id;
	enum lead_waits waits;
	struct lead_wait wait;    /* if it waits */
	struct holding *holdings; /* in the order of the offers */
	size_t holding_count, holding_cap;
	struct slice kept; /* see kept.h */
	bool is_test;
	struct arena *arena; /* that it stands in */
	char *block;         /* NULL: it was not put yet */
	size_t block_len;
};

struct open_leads {
	struct table blocks; /* by the lead's id */
	/* Those that wait, by id: struct lead_wait. Their order means nothing. */
	struct map for_operator, for_buyer;
	struct map words;
	struct buf scratch; /* no part of the state */
};

void open_leads_free(struct open_leads *all); /* but not its blocks */
void open_lead_fetch(const struct open_leads *all,
		     const struct lead_id *id); /* see table_fetch() */
bool open_lead_is_there(const struct open_leads *all, const struct lead_id *id);
/* NULL: it is not there. */
struct open_lead *open_lead_get(const struct open_leads *all, const struct lead_id *id,
				struct arena *a);
/* In order of arrival, as long as none is dropped; NULL past the end. */
struct open_lead *open_lead_at(const struct open_leads *all, size_t i, struct arena *a);
/* One that is not there yet. admitted: a packed LeadAdmitted. */
struct open_lead *open_lead_new(struct open_leads *all, const struct lead_id *id,
				struct slice admitted, struct arena *a);
void open_lead_put(struct open_leads *all, struct pool *pool, struct open_lead *l);
void open_lead_drop(struct open_leads *all, struct pool *pool, const struct open_lead *l);

/* Appends the LeadAdmitted as it came. */
void open_lead_packed(const struct open_leads *all, const struct open_lead *l, struct buf *out);
const Punnet__V1__LeadAdmitted *open_lead_admitted(struct open_leads *all,
						   const struct open_lead *l);
/* One more offer. */
struct holding *open_lead_hold(struct open_lead *l, uint32_t order);
bool open_lead_held(const struct open_lead *l); /* somebody has it, or may have it */

#endif
