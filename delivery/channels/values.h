/* values: what an order's template may say of a lead, by name: {phone}, {fields.age}, {secret.crm}. */
#ifndef PUNNET_DELIVERY_VALUES_H
#define PUNNET_DELIVERY_VALUES_H

#include "channel.h"

enum value_kind {
	VALUE_ABSENT,
	VALUE_TEXT,
	VALUE_INTEGER,
	VALUE_FLAG,      /* integer is 0 or 1 */
	VALUE_TIME,      /* integer is Unix milliseconds */
	VALUE_MONEY,     /* integer is minor units, text the currency */
	VALUE_AS_CAME,   /* a decimal, or JSON: goes out as a JSON value where it is one */
	VALUE_NO_SECRET, /* named, and not to be had now */
};

struct value {
	enum value_kind kind;
	struct slice text; /* borrowed from the handover, or from room */
	int64_t integer;
	char room[DELIVERY_KEY_TEXT_MAX];
};

/* Is there such a name? fields.NAME and secret.NAME are open lists. */
bool value_name_known(struct slice name);
/* The name must be known. */
void value_get(const struct handover *h, struct slice name, struct value *ret);
void value_of_field(const Punnet__V1__Field *f, struct value *ret);
/* As JSON: a number in JSON's own grammar as a number, JSON text as it came; what isn't is a string. */
void value_write_as_came(struct buf *b, struct slice text);

#endif
