/* fingerprint: a keyed 128-bit hash of a value under a domain, so that equal values meet and nobody without the key can
 * guess them: SipHash-2-4-128(k2, SipHash-2-4-128(k1, value) || domain), k1 || k2 the key (Aumasson, Bernstein 2012).
 * Empty values have no fingerprint: two missing phones are not the same phone. */
#ifndef PUNNET_FINGERPRINT_H
#define PUNNET_FINGERPRINT_H

#include "base/slice.h"

#define FINGERPRINT_LEN     16
#define FINGERPRINT_KEY_LEN 32

enum fingerprint_domain { /* part of the hash; never renumber */
			  FINGERPRINT_PHONE = 1,
			  FINGERPRINT_EMAIL = 2,
			  FINGERPRINT_PAYLOAD = 3,
			  FINGERPRINT_DEVICE = 4,
			  FINGERPRINT_IDEMPOTENCY = 5,
			  FINGERPRINT_IP = 6,
			  FINGERPRINT_MAILBOX = 7,
			  FINGERPRINT_NAME = 8, /* never of a name alone, see name_digest.h */
			  FINGERPRINT_MAIL_DOMAIN = 9,
};

struct fingerprint {
	bool known;
	uint8_t bytes[FINGERPRINT_LEN];
};

/* known is false exactly when `value` is empty. */
struct fingerprint fingerprint_of(const uint8_t key[FINGERPRINT_KEY_LEN],
				  enum fingerprint_domain domain, struct slice value);
bool fingerprint_equal(const struct fingerprint *a,
		       const struct fingerprint *b); /* unknown equals nothing */

#endif
