/* reconcile_phones: finds the leads of rows that have a phone and no lead id, in leads.judged, by keyed fingerprints. It reads a day of the
 * log at a time, from the day of our first lead on, and after each day keeps what was found; see reconcile_state.h. Interrupted at any
 * time it goes on behind the last whole day, and comes to the same result: days are those of the calendar, whoever begins when. */
#ifndef PUNNET_RECONCILE_PHONES_H
#define PUNNET_RECONCILE_PHONES_H

#include "reconcile_state.h"
#include "runtime/bus.h"

#define RECONCILE_DAYS_MAX 400 /* before today; leads.judged is kept for less */

/* The leads of `r` must be there. */
_must_use_ enum result reconcile_phones_find(struct reconcile *r, struct bus *bus,
					     const char *advertiser, const char *out,
					     struct error *ret_error);

#endif
