/* rate: at most so many attempts a second to one advertiser, evenly, with a little credit for who was idle. */
#ifndef PUNNET_DELIVERY_RATE_H
#define PUNNET_DELIVERY_RATE_H

#include "base/base.h"

#define RATE_CREDIT_US 100000 /* so much may be saved up */

struct rate {
	int64_t next_us; /* when the next one would be due in an even stream */
};

/* How long until one may go, in microseconds; 0: now. per_s 0: no limit. */
static inline int64_t rate_wait_us(const struct rate *r, uint32_t per_s, int64_t now_us)
{
	int64_t wait_us = r->next_us - RATE_CREDIT_US - now_us;

	return per_s == 0 || wait_us < 0 ? 0 : wait_us;
}

/* One goes. */
static inline void rate_take(struct rate *r, uint32_t per_s, int64_t now_us)
{
	if (per_s > 0)
		r->next_us = MAX_OF(r->next_us, now_us) + 1000000 / per_s;
}

#endif
