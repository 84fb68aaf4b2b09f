/* excerpt: the part of an advertiser's answer that may be kept: short, valid UTF-8, and without the person's contact.
 *
 * Replaced by "***": every value of the contact, in any case of letters; every run of 7 or more digits, however they are
 * separated; every word with an '@'. An advertiser that echoes what it got can't make the log hold a contact. */
#ifndef PUNNET_DELIVERY_EXCERPT_H
#define PUNNET_DELIVERY_EXCERPT_H

#include "base/slice.h"

#define EXCERPT_MAX_BYTES  512
#define EXCERPT_SCAN_CHARS 2048 /* of the answer that is looked at */
#define EXCERPT_VALUES_MAX 12
#define EXCERPT_DIGITS     7

/* values: what must not stand in it; empty ones are fine. ret is NUL-terminated. */
void excerpt_make(struct slice words, const struct slice *values, size_t count,
		  char ret[EXCERPT_MAX_BYTES + 1]);

#endif
