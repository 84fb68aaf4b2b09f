/* formats: how a value of a template is written: {phone|digits}, {received_at|dmy}, {email|lower|sha256}.
 *
 *   of the kind    major        450.00 from a price          date, dmy    2026-12-01, 01.12.2026 (UTC)
 *                  unix         seconds since 1970           unix_ms      milliseconds
 *                  bit          1 or 0 from a flag
 *   of any text    digits       nothing but its digits       lower, upper its ASCII letters
 *                  max:N        at most N characters         sha256       64 hex digits of its hash
 *                  text         a text, also in JSON         number       a JSON number, where it is one
 *                  or:TEXT      TEXT when there is no value
 *
 * They are applied from left to right; one of the kind stands first. */
#ifndef PUNNET_DELIVERY_FORMATS_H
#define PUNNET_DELIVERY_FORMATS_H

#include "values.h"

/* A value, written. Holds what a contact may hold: formatted_wipe() after use. */
struct formatted {
	struct buf text;
	bool absent;
	bool bare; /* a number or a truth value: no quotes in JSON */
	bool came; /* JSON text as it came */
};

/* NULL when `formats` ("digits|max:10", or empty) may follow the name, else what is wrong. */
const char *formats_fault(struct slice name, struct slice formats);
/* The formats must be without fault. */
void format_value(const struct value *v, struct slice formats, struct formatted *ret);
void formatted_wipe(struct formatted *f);

#endif
