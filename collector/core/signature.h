/* signature: the Standard Webhooks convention, the verifying side. Pure.
 *
 * webhook-signature is a list of "v1,BASE64" separated by spaces; one that fits is enough, so that a secret can be
 * changed while both are in use. What is signed is "webhook-id.webhook-timestamp.body". */
#ifndef PUNNET_COLLECTOR_SIGNATURE_H
#define PUNNET_COLLECTOR_SIGNATURE_H

#include "base/slice.h"

#define SIGNATURE_TOLERANCE_MS (5 * MS_PER_MIN)
#define SIGNATURE_LEN          32 /* HMAC-SHA256 */
#define SIGNATURES_MAX         8  /* in one header; the rest is not looked at */

struct signature {
	struct slice id, timestamp, signatures; /* the three headers */
};

/* false: a header is missing, the time is off by more than the tolerance, or nothing fits. Constant time per signature. */
_must_use_ bool signature_fits(const struct signature *s, struct slice body, const uint8_t *secret,
			       size_t secret_len, int64_t now_ms);

#endif
