/* secret: see secret.h. */
#include "secret.h"

#include <sodium.h>

static_assert(SECRET_MASTER_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
	      "the master key fits");
static_assert(SECRET_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "the nonce fits");
static_assert(SECRET_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "the tag fits");

#define SIGNING_PREFIX "whsec_"

void secret_seal(const uint8_t master[SECRET_MASTER_LEN], struct slice id, struct slice plain,
		 const uint8_t nonce[SECRET_NONCE_LEN], struct buf *ret_sealed)
{
	unsigned long long len = 0;

	assert(plain.len <= SECRET_PLAIN_MAX);
	if (!buf_reserve(ret_sealed, SECRET_NONCE_LEN + plain.len + SECRET_TAG_LEN))
		return;
	buf_append(ret_sealed, nonce, SECRET_NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
	    (uint8_t *)ret_sealed->data + ret_sealed->len, &len, (const uint8_t *)plain.data,
	    plain.len, (const uint8_t *)id.data, id.len, NULL, nonce, master);
	ret_sealed->len += len;
}

bool secret_open(const uint8_t master[SECRET_MASTER_LEN], struct slice id, struct slice sealed,
		 struct buf *ret_plain)
{
	const uint8_t *nonce = (const uint8_t *)sealed.data;
	unsigned long long len = 0;

	if (sealed.len < SECRET_NONCE_LEN + SECRET_TAG_LEN ||
	    sealed.len > SECRET_NONCE_LEN + SECRET_PLAIN_MAX + SECRET_TAG_LEN ||
	    !buf_reserve(ret_plain, sealed.len))
		return false;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		(uint8_t *)ret_plain->data + ret_plain->len, &len, NULL, nonce + SECRET_NONCE_LEN,
		sealed.len - SECRET_NONCE_LEN, (const uint8_t *)id.data, id.len, nonce,
		master) != 0)
		return false;
	ret_plain->len += len;
	return true;
}

size_t secret_signing_key(struct slice plain, uint8_t ret_key[SECRET_PLAIN_MAX])
{
	size_t prefix = sizeof(SIGNING_PREFIX) - 1, len = 0;

	if (plain.len > SECRET_PLAIN_MAX)
		return 0;
	if (!slice_starts_with(plain, SIGNING_PREFIX)) {
		if (plain.len > 0)
			memcpy(ret_key, plain.data, plain.len);
		return plain.len;
	}
	if (sodium_base642bin(ret_key, SECRET_PLAIN_MAX, plain.data + prefix, plain.len - prefix,
			      NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return 0;
	return len;
}
