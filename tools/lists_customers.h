/* lists_customers: an advertiser's table of customers as fingerprints. */
#ifndef PUNNET_LISTS_CUSTOMERS_H
#define PUNNET_LISTS_CUSTOMERS_H

#include "base/result.h"
#include "base/slice.h"
#include "lead/fingerprint.h"

struct customers_options {
	const char *table, *out;
	const char *phone_column, *email_column; /* at least one of them stands in the header */
	struct slice country; /* of numbers without a calling code; may be empty */
	char delimiter;
	const uint8_t *key; /* FINGERPRINT_KEY_LEN bytes: the network's */
};

struct customers_count {
	uint64_t rows, phones, emails, unreadable;
};

/* Writes a fingerprint a line, readable by its owner only, and puts the file in place by rename. */
_must_use_ enum result customers_convert(const struct customers_options *o,
					 struct customers_count *ret, struct error *ret_error);

#endif
