/* seal: XChaCha20-Poly1305 (libsodium) over a packed contact; associated data is the lead id, so that a box that was
 * moved to another lead does not open. Pure: the caller draws the nonce. */
#ifndef PUNNET_SEAL_H
#define PUNNET_SEAL_H

#include "base/buf.h"
#include "base/ids.h"

#define SEAL_KEY_LEN     32
#define SEAL_NONCE_LEN   24
#define SEAL_TAG_LEN     16
#define SEAL_PREFIX_LEN  16   /* of the nonce: what XChaCha20 makes a subkey of */
#define SEALER_BOXES_MAX 4096 /* of one prefix: many enough that it costs nothing */

void seal(const uint8_t key[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
	  const struct lead_id *lead_id, struct slice plain,
	  struct buf *ret_box); /* appends plain.len + SEAL_TAG_LEN bytes */

/* Many boxes under one key, by one process. XChaCha20 makes a subkey of the key and the first 16 bytes of the nonce, the
 * prefix: it is made once, and the last 8 bytes count. Prefixes are random, so no two sealers share one, and a sealer
 * gives no nonce twice. Zero-initialised is spent. */
struct sealer {
	uint8_t subkey[SEAL_KEY_LEN], prefix[SEAL_PREFIX_LEN];
	uint64_t boxes;
	bool started;
};

void sealer_start(struct sealer *s, const uint8_t key[SEAL_KEY_LEN],
		  const uint8_t prefix[SEAL_PREFIX_LEN]);
bool sealer_spent(const struct sealer *s); /* it must be started before the next box */
void sealer_next(struct sealer *s, uint8_t ret_nonce[SEAL_NONCE_LEN]);
void sealer_end(struct sealer *s); /* forgets the subkey; it is spent */
/* What seal() appends with the key that the subkey was made of; the nonce is one of the sealer's. */
void seal_subkeyed(const uint8_t subkey[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
		   const struct lead_id *lead_id, struct slice plain, struct buf *ret_box);
/* false when the key, the lead id or the box is not the one that was sealed; nothing is appended then. */
_must_use_ bool seal_open(const uint8_t key[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
			  const struct lead_id *lead_id, struct slice box, struct buf *ret_plain);

#endif
