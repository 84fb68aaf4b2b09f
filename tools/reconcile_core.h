/* reconcile_core: an advertiser's own list of sales against our books, lead by lead. Pure: rows and leads in, lines out.
 *
 * Use: reconcile_row() for each row of their file, reconcile_lead() for each lead of theirs that we know, in the order of its id;
 * reconcile_phone() for each lead whose phone is known, where rows have no lead id; then reconcile_compare().
 * A row belongs to the lead that it names; without a lead id, to a lead with the same phone's fingerprint that no row has yet. */
#ifndef PUNNET_RECONCILE_CORE_H
#define PUNNET_RECONCILE_CORE_H

#include "base/ids.h"
#include "base/money.h"
#include "lead/fingerprint.h"

#define RECONCILE_ROWS_MAX 20000000

enum said { SAID_NOTHING, SAID_PENDING, SAID_APPROVED, SAID_RETURNED, SAID_UNKNOWN };

struct their_row {
	struct lead_id id; /* all zero: not given, or no lead of ours is found for it */
	struct fingerprint phone;
	int64_t amount_e4; /* in 1/10000 of the unit */
	uint32_t number;
	enum said said;
	char currency[4]; /* "" = not given: ours is meant */
	bool has_amount, readable;
};

struct our_lead {
	struct lead_id id;
	int64_t price_minor, vat_minor, delivered_at_ms;
	char currency[4];
	uint8_t state;  /* of the ledger */
	bool asked_for; /* delivered in the period */
	bool taken;     /* a row was found for it */
};

enum reconcile_class { CLASS_AGREED, CLASS_DIFFERS, CLASS_OURS, CLASS_THEIRS, CLASS_COUNT };

/* One lead's result: ours or theirs may be NULL, never both. why: "" when they agree. */
struct reconcile_line {
	enum reconcile_class class;
	const char *why;
	const struct our_lead *ours;
	const struct their_row *theirs;
};
typedef void (*reconcile_fn)(void *ctx, const struct reconcile_line *line);

struct reconcile {
	struct their_row *rows;
	struct our_lead *leads;
	size_t row_count, row_cap, lead_count, lead_cap;
	uint32_t *by_phone; /* rows without a lead id, in the order of their phones */
	size_t phone_count;
	bool phones_sorted;
};

void reconcile_row(struct reconcile *r, const struct their_row *row);
void reconcile_lead(struct reconcile *r, const struct our_lead *lead); /* in the order of ids */
size_t reconcile_without_id(struct reconcile *r); /* rows that only a phone can find */
void reconcile_phone(struct reconcile *r, const struct lead_id *id,
		     const struct fingerprint *phone);
void reconcile_compare(struct reconcile *r, reconcile_fn fn, void *ctx);
void reconcile_free(struct reconcile *r);

/* --- cells --- */

/* "1 450,00", "1,450.00", "450": false when it is no amount that is 0 or more with at most four decimals. */
bool reconcile_amount(struct slice cell, int64_t *ret_e4);
enum said reconcile_said(struct slice cell); /* "Approved", "declined", … */
const char *reconcile_class_name(enum reconcile_class c);

#endif
