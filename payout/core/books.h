/* books: transfers in double entry. Pure. Debits are positive; the entries of a transfer sum to
 * zero in its currency.
 *
 *     credit   advertisers:A:receivable +(P+V)   webmasters:W:hold -Q     network:margin -(P-Q)   network:vat -V
 *     approve  webmasters:W:hold +Q              webmasters:W:payable -Q
 *     reverse  the entries of the credit with their signs turned
 *     bear     advertisers:A:receivable -(P+V)   network:borne +Q         network:margin +(P-Q)   network:vat +V
 *
 * P price, V value added tax on it (no entry when there is none), Q payout. What moves no lead (funds, payments) is in
 * operation.h.
 *
 * A transfer's id is (lead id, round, event): it can be made once. Its body hash covers currency,
 * order, accounts and amounts: the same id with another body is a contradiction that nobody may
 * overlook. */
#ifndef PUNNET_PAYOUT_BOOKS_H
#define PUNNET_PAYOUT_BOOKS_H

#include "outcome.h"

#define TRANSFER_ENTRIES_MAX 4

struct entry {
	const char *account;
	int64_t amount_minor;
};

struct transfer {
	struct lead_id lead_id;
	uint32_t round;
	int event; /* enum transfer_event, or enum operation_kind */
	int64_t at_ms;
	char currency[4];
	const char *order_id;
	struct entry entries[TRANSFER_ENTRIES_MAX];
	size_t count;
	uint64_t body_hash;
};

/* event is not TRANSFER_NONE. The amounts of an assignment that was checked can't overflow. */
void transfer_make(struct arena *a, const struct lead_id *lead_id, const struct assignment *terms,
		   enum transfer_event event, int64_t at_ms, struct transfer *ret);
bool transfer_balanced(const struct transfer *t);
/* For transfers of other kinds: adds an entry, and seals the body when all are there. */
void transfer_put(struct transfer *t, const char *account, int64_t amount_minor);
void transfer_seal(struct transfer *t);

#endif
