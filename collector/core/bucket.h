/* bucket: a token bucket: `rate` tokens a second, at most `burst` of them saved. Pure. A batch that is larger than the
 * burst is let in when the bucket is full, and leaves a debt that the rate pays off. */
#ifndef PUNNET_COLLECTOR_BUCKET_H
#define PUNNET_COLLECTOR_BUCKET_H

#include "base/base.h"

struct bucket {
	int64_t tokens_milli; /* thousandths; below 0 is a debt */
	int64_t at_ms;
	bool started;
};

/* Takes `count`; or answers the seconds after which to try again (1 and up), and takes nothing. 0 = taken. */
_must_use_ uint32_t bucket_take(struct bucket *b, uint32_t rate, uint32_t burst, uint32_t count,
				int64_t now_ms);

#endif
