/* fingerprint: BLAKE2b(key, domain byte, value) cut to 16 bytes by the hash's own length parameter. */
#include "fingerprint.h"

#include <sodium.h>

struct fingerprint fingerprint_of(const uint8_t key[FINGERPRINT_KEY_LEN],
				  enum fingerprint_domain domain, struct slice value)
{
	struct fingerprint f = {0};
	crypto_generichash_state state;
	uint8_t prefix = (uint8_t)domain;

	if (value.len == 0)
		return f;
	f.known = true;
	crypto_generichash_init(&state, key, FINGERPRINT_KEY_LEN, FINGERPRINT_LEN);
	crypto_generichash_update(&state, &prefix, sizeof(prefix));
	crypto_generichash_update(&state, (const uint8_t *)value.data, value.len);
	crypto_generichash_final(&state, f.bytes, FINGERPRINT_LEN);
	return f;
}

bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b)
{
	return a->known && b->known && memcmp(a->bytes, b->bytes, FINGERPRINT_LEN) == 0;
}
