/* breaker: an advertiser that only fails is asked once in a while, not by every lead, and is offered no new ones.
 *
 * The circuit opens when all attempts in a row failed for now, and there were BREAKER_FAILURES of them; or BREAKER_LEAST of them
 * over BREAKER_SPAN_MS, of two leads at least, or of one that could not even be sent: one lead that an advertiser chokes on is no
 * outage. An attempt that hung for BREAKER_HUNG_MS counts as two. So it opens within a minute of the first failure, also where
 * leads are few.
 *
 * While it is open one attempt every BREAKER_PROBE_MS is sent, the others fail at once without being sent (and are known not to
 * have arrived). So the leads of a dead advertiser run through their schedule in its time, take no places, and are offered on. The
 * advertiser's orders are held in the market for BREAKER_HOLD_MS at a time; a probe that fails near the end of it asks for more. When
 * nothing is left to probe with, the hold runs out, and the next lead that comes is the probe. Any answer that is not TEMPFAIL
 * closes the circuit and ends the hold. */
#ifndef PUNNET_DELIVERY_BREAKER_H
#define PUNNET_DELIVERY_BREAKER_H

#include "attempt.h"
#include "base/ids.h"

#define BREAKER_FAILURES      20
#define BREAKER_LEAST         3
#define BREAKER_SPAN_MS       10000
#define BREAKER_HUNG_MS       10000
#define BREAKER_PROBE_MS      1000
#define BREAKER_HOLD_MS       60000
#define BREAKER_HOLD_AHEAD_MS 20000 /* more is asked for so long before its end */

struct breaker {
	uint32_t failures; /* in a row */
	int64_t first_failed_ms;
	struct lead_id first_lead;
	bool several; /* leads, or one that could not be sent */
	bool open;
	enum reason reason; /* of the last failure */
	int64_t opened_at_ms, probe_at_ms, held_until_ms;
	uint64_t held_back; /* attempts that were not sent since it opened */
};

struct breaker_news {
	bool opened, closed;
	bool hold; /* the market must hear of it: held until held_until_ms, or no longer */
};

/* May this attempt be sent? Asking for it takes the probe's place. */
_must_use_ bool breaker_allows(struct breaker *b, int64_t now_ms);
/* What an attempt that was sent came to, and how long it took. */
struct breaker_news breaker_heard(struct breaker *b, const struct attempt_said *said,
				  const struct lead_id *lead_id, int64_t took_ms, int64_t now_ms);

#endif
