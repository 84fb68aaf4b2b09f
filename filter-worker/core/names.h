/* names: where a lead's name stands. Forms send it whole, or in parts, or both. */
#ifndef PUNNET_FILTER_NAMES_H
#define PUNNET_FILTER_NAMES_H

#include "base/slice.h"
#include "proto/leads_raw.pb-c.h"

enum { NAME_WHOLE, NAME_FIRST, NAME_MIDDLE, NAME_LAST, NAME_FIELDS };

/* Borrowed from the contact; what was not given is empty. */
static inline void names_of(const Punnet__V1__Contact *contact, struct slice ret[NAME_FIELDS])
{
	ret[NAME_WHOLE] = slice_cstr(contact->name);
	ret[NAME_FIRST] = slice_cstr(contact->first_name);
	ret[NAME_MIDDLE] = slice_cstr(contact->middle_name);
	ret[NAME_LAST] = slice_cstr(contact->last_name);
}

#endif
