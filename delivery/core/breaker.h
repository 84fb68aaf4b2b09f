/* breaker: an advertiser that only fails is asked once in a while, not by every lead.
 *
 * After BREAKER_FAILURES attempts in a row that failed for now, the circuit is open: one attempt every BREAKER_PROBE_MS is
 * sent, the others fail at once without being sent (and are known not to have arrived). So the leads of a dead advertiser
 * run through their schedule in its time, take no places, and are offered on. Any other answer closes the circuit. */
#ifndef PUNNET_DELIVERY_BREAKER_H
#define PUNNET_DELIVERY_BREAKER_H

#include "attempt.h"

#define BREAKER_FAILURES 20
#define BREAKER_PROBE_MS 1000

struct breaker {
	uint32_t failures; /* in a row */
	int64_t probe_at_ms;
};

/* May this attempt be sent? Asking for it takes the probe's place. */
_must_use_ bool breaker_allows(struct breaker *b, int64_t now_ms);
/* What an attempt that was sent came to. */
void breaker_heard(struct breaker *b, enum attempt_result result, int64_t now_ms);

#endif
