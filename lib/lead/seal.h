/* seal: XChaCha20-Poly1305 (libsodium) over a packed contact; associated data is the lead id, so that a box that was
 * moved to another lead does not open. Pure: the caller draws the nonce. */
#ifndef PUNNET_SEAL_H
#define PUNNET_SEAL_H

#include "base/buf.h"
#include "base/ids.h"

#define SEAL_KEY_LEN   32
#define SEAL_NONCE_LEN 24
#define SEAL_TAG_LEN   16

void seal(const uint8_t key[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
	  const struct lead_id *lead_id, struct slice plain,
	  struct buf *ret_box); /* appends plain.len + SEAL_TAG_LEN bytes */
/* false when the key, the lead id or the box is not the one that was sealed; nothing is appended then. */
_must_use_ bool seal_open(const uint8_t key[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
			  const struct lead_id *lead_id, struct slice box, struct buf *ret_plain);

#endif
