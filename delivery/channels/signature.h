/* signature: the Standard Webhooks scheme: "v1," and base64 of HMAC-SHA256 over "id.timestamp.body". */
#ifndef PUNNET_DELIVERY_SIGNATURE_H
#define PUNNET_DELIVERY_SIGNATURE_H

#include <sodium.h>

#include "base/slice.h"

#define SIGNATURE_TEXT_MAX 64 /* "v1,", 44 characters of base64, NUL */
#define SIGNING_KEY_MAX    256

/* A key that is ready to sign. */
struct signer {
	bool signs; /* false: nothing is signed */
	crypto_auth_hmacsha256_state keyed;
};

/* A secret of the form "whsec_<base64>" signs with the bytes that it encodes, any other with its own. false when it is
 * longer than SIGNING_KEY_MAX, or not base64 after "whsec_". */
_must_use_ bool signer_make(struct slice secret, struct signer *ret);
void webhook_sign(const struct signer *s, struct slice id, int64_t timestamp_s, struct slice body,
		  char ret[SIGNATURE_TEXT_MAX]);

#endif
