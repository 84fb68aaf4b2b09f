/* signature: see signature.h. */
#include "signature.h"

#include <stdio.h>

#define SECRET_PREFIX "whsec_"

static bool signing_key(struct slice secret, uint8_t ret_key[SIGNING_KEY_MAX], size_t *ret_len)
{
	size_t skip = sizeof(SECRET_PREFIX) - 1;
	const char *end;

	if (slice_starts_with(secret, SECRET_PREFIX))
		return sodium_base642bin(ret_key, SIGNING_KEY_MAX, secret.data + skip,
					 secret.len - skip, NULL, ret_len, &end,
					 sodium_base64_VARIANT_ORIGINAL) == 0 &&
		       end == secret.data + secret.len;
	if (secret.len > SIGNING_KEY_MAX)
		return false;

	memcpy(ret_key, secret.data, secret.len);
	*ret_len = secret.len;
	return true;
}

bool signer_make(struct slice secret, struct signer *ret)
{
	uint8_t key[SIGNING_KEY_MAX];
	size_t key_len;

	*ret = (struct signer){0};
	if (!signing_key(secret, key, &key_len))
		return false;
	crypto_auth_hmacsha256_init(&ret->keyed, key, key_len);
	ret->signs = true;
	sodium_memzero(key, sizeof(key));
	return true;
}

void webhook_sign(const struct signer *s, struct slice id, int64_t timestamp_s, struct slice body,
		  char ret[SIGNATURE_TEXT_MAX])
{
	crypto_auth_hmacsha256_state state = s->keyed;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	char timestamp[32];
	int len = snprintf(timestamp, sizeof(timestamp), ".%lld.", (long long)timestamp_s);

	assert(s->signs);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)id.data, id.len);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)timestamp, (size_t)len);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)body.data, body.len);
	crypto_auth_hmacsha256_final(&state, mac);
	memcpy(ret, "v1,", 3);
	sodium_bin2base64(ret + 3, SIGNATURE_TEXT_MAX - 3, mac, sizeof(mac),
			  sodium_base64_VARIANT_ORIGINAL);
	sodium_memzero(&state, sizeof(state));
}
