/* seal: the box is written straight behind what the buffer holds. */
#include "seal.h"

#include <sodium.h>

_Static_assert(SEAL_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(SEAL_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(SEAL_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");

void seal(const uint8_t key[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
	  const struct lead_id *lead_id, struct slice plain, struct buf *ret_box)
{
	if (!buf_reserve(ret_box, plain.len + SEAL_TAG_LEN))
		return;
	crypto_aead_xchacha20poly1305_ietf_encrypt(
	    (uint8_t *)ret_box->data + ret_box->len, NULL, (const uint8_t *)plain.data, plain.len,
	    lead_id->bytes, sizeof(lead_id->bytes), NULL, nonce, key);
	ret_box->len += plain.len + SEAL_TAG_LEN;
}

bool seal_open(const uint8_t key[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
	       const struct lead_id *lead_id, struct slice box, struct buf *ret_plain)
{
	size_t plain_len;

	if (box.len < SEAL_TAG_LEN)
		return false;
	plain_len = box.len - SEAL_TAG_LEN;
	/* Never a NULL to write to, not even for nothing. */
	if (!buf_reserve(ret_plain, MAX_OF(plain_len, (size_t)1)))
		return false;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		(uint8_t *)ret_plain->data + ret_plain->len, NULL, NULL, (const uint8_t *)box.data,
		box.len, lead_id->bytes, sizeof(lead_id->bytes), nonce, key) != 0)
		return false;
	ret_plain->len += plain_len;
	return true;
}
