/* secret: the signing secrets of the directory, sealed under the network's master key.
 *
 * Sealed form: a nonce of 24 bytes, then the XChaCha20-Poly1305 box. The associated data is the entry's id
 * ("webmaster/w17"), so that a secret that was copied to another entry does not open there. Used by the collector
 * (signatures of what comes in), delivery (of what goes out) and the operator's tool, which makes them. */
#ifndef PUNNET_SECRET_H
#define PUNNET_SECRET_H

#include "base/buf.h"

#define SECRET_MASTER_LEN 32
#define SECRET_NONCE_LEN  24
#define SECRET_TAG_LEN    16
#define SECRET_PLAIN_MAX  256

/* The caller draws the nonce (clock_random). Appends SECRET_NONCE_LEN + plain.len + SECRET_TAG_LEN bytes. */
void secret_seal(const uint8_t master[SECRET_MASTER_LEN], struct slice id, struct slice plain,
		 const uint8_t nonce[SECRET_NONCE_LEN], struct buf *ret_sealed);
/* false, and nothing appended: not sealed for this entry with this key. */
_must_use_ bool secret_open(const uint8_t master[SECRET_MASTER_LEN], struct slice id,
			    struct slice sealed, struct buf *ret_plain);
/* The bytes that a secret signs with: "whsec_" and base64, as Standard Webhooks writes them, or the text itself.
 * Returns their number; 0: not a usable secret. */
size_t secret_signing_key(struct slice plain, uint8_t ret_key[SECRET_PLAIN_MAX]);

#endif
