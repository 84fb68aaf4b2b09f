/* operation: money that moves for no lead: an advertiser's funds, a webmaster's payment, an exchange. Pure.
 *
 *     deposit      network:received +X              advertisers:A:funds -X
 *     withdraw     advertisers:A:funds +X           network:received -X
 *     cover        advertisers:A:funds +X           advertisers:A:receivable -X     what was owed is paid from the funds
 *     credit_note  network:margin +X                advertisers:A:receivable -X     at the network's cost, for a reason
 *     pay          webmasters:W:payable +X          webmasters:W:paid -X
 *     exchange     webmasters:W:payable +X (from)   network:exchange -X (from)
 *                  network:exchange +Y (into)       webmasters:W:payable -Y (into)  two transfers, each in one currency
 *     credit_limit none; the newest one counts
 *
 * An operation's id is made from its kind, party and reference: the same one again is a repeat, and the same id with another
 * body is refused. Nothing here takes from a webmaster what was approved: there is no such kind. */
#ifndef PUNNET_PAYOUT_OPERATION_H
#define PUNNET_PAYOUT_OPERATION_H

#include "books.h"

#define OPERATION_REFERENCE_MAX 128
#define OPERATION_TRANSFERS_MAX 2

enum operation_kind { /* a transfer's event, beside those of a lead; never renumber */
		      OPERATION_NONE = 0,
		      OPERATION_DEPOSIT = 16,
		      OPERATION_WITHDRAW = 17,
		      OPERATION_COVER = 18,
		      OPERATION_PAY = 19,
		      OPERATION_EXCHANGE = 20,
		      OPERATION_EXCHANGE_INTO = 21, /* the second transfer of an exchange */
		      OPERATION_CREDIT_NOTE = 22,
		      OPERATION_CREDIT_LIMIT = 23,
};

struct operation {
	enum operation_kind kind;
	const char *party;     /* an advertiser's or a webmaster's id */
	const char *reference; /* the bank's, the run's, the operator's own */
	struct money amount;   /* above 0; a credit limit may be 0, and -1: lifted */
	struct money
	    into; /* exchange: what it becomes; funds: what orders may spend of it, tax apart */
	int64_t rate_num, rate_den;
	int64_t at_ms;
	uint32_t market_partition; /* funds: where they may be spent */
	const char *who, *why;
};

/* NULL, or what is wrong with it (static text). */
const char *operation_fault(const struct operation *o);
struct lead_id operation_id(const struct operation *o);
/* The operation was checked. Returns how many. */
size_t operation_transfers(struct arena *a, const struct operation *o,
			   struct transfer ret[OPERATION_TRANSFERS_MAX]);
bool operation_moves_funds(enum operation_kind k); /* the market must know */
bool operation_of_webmaster(enum operation_kind k);

/* "credit", "deposit", …: of any transfer. */
const char *booking_name(int event);

#endif
