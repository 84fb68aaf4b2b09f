/* seal: the box is written straight behind what the buffer holds. */
#include "seal.h"

#include <sodium.h>

_Static_assert(SEAL_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(SEAL_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(SEAL_KEY_LEN == crypto_core_hchacha20_OUTPUTBYTES, "subkey");
_Static_assert(SEAL_PREFIX_LEN == crypto_core_hchacha20_INPUTBYTES, "prefix");
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

void sealer_start(struct sealer *s, const uint8_t key[SEAL_KEY_LEN],
		  const uint8_t prefix[SEAL_PREFIX_LEN])
{
	crypto_core_hchacha20(s->subkey, prefix, key, NULL);
	memcpy(s->prefix, prefix, sizeof(s->prefix));
	s->boxes = 0;
	s->started = true;
}

bool sealer_spent(const struct sealer *s)
{
	return !s->started || s->boxes == SEALER_BOXES_MAX;
}

void sealer_next(struct sealer *s, uint8_t ret_nonce[SEAL_NONCE_LEN])
{
	assert(!sealer_spent(s));
	memcpy(ret_nonce, s->prefix, sizeof(s->prefix));
	memcpy(ret_nonce + SEAL_PREFIX_LEN, &s->boxes, sizeof(s->boxes));
	s->boxes++;
}

void sealer_end(struct sealer *s)
{
	sodium_memzero(s, sizeof(*s));
}

/* XChaCha20-Poly1305 is ChaCha20-Poly1305 with the subkey, and a nonce of four zeros and the last eight bytes. */
void seal_subkeyed(const uint8_t subkey[SEAL_KEY_LEN], const uint8_t nonce[SEAL_NONCE_LEN],
		   const struct lead_id *lead_id, struct slice plain, struct buf *ret_box)
{
	uint8_t short_nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {0};

	static_assert(sizeof(short_nonce) == 4 + SEAL_NONCE_LEN - SEAL_PREFIX_LEN, "nonce");
	if (!buf_reserve(ret_box, plain.len + SEAL_TAG_LEN))
		return;
	memcpy(short_nonce + 4, nonce + SEAL_PREFIX_LEN, sizeof(short_nonce) - 4);
	crypto_aead_chacha20poly1305_ietf_encrypt(
	    (uint8_t *)ret_box->data + ret_box->len, NULL, (const uint8_t *)plain.data, plain.len,
	    lead_id->bytes, sizeof(lead_id->bytes), NULL, short_nonce, subkey);
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
