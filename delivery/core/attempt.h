/* attempt: what one attempt came to, in the only three words that delivery speaks.
 *
 * `unknown` says that the request went out, or may have, and that no complete answer came: the advertiser may have the
 * lead. It is never guessed away: the next attempt repeats the same key, and a lead that ends so is not sold again. */
#ifndef PUNNET_DELIVERY_ATTEMPT_H
#define PUNNET_DELIVERY_ATTEMPT_H

#include "lead/reasons.h"

/* From best to worst; the numbers are those of the AttemptResult message. */
enum attempt_result { ATTEMPT_OK = 1, ATTEMPT_TEMPFAIL = 2, ATTEMPT_PERMFAIL = 3 };

struct attempt_said {
	enum attempt_result result;
	bool unknown;
	bool absent;        /* asked, it says that no earlier attempt arrived: the doubt is over */
	enum reason reason; /* REASON_NONE when it is OK */
	uint32_t http_status;   /* 0: no answer */
	int64_t retry_after_ms; /* 0: the advertiser did not ask for a pause */
};

#endif
