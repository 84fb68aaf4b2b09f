/* fingerprint: see fingerprint.h. The two halves of the key make two independent functions, so that the domain is mixed
 * in without copying the value. */
#include "fingerprint.h"

#include <sodium.h>

#define HALF crypto_shorthash_siphashx24_KEYBYTES

static_assert(2 * HALF == FINGERPRINT_KEY_LEN, "the key is two SipHash keys");
static_assert(crypto_shorthash_siphashx24_BYTES == FINGERPRINT_LEN,
	      "a fingerprint is one SipHash-128");

struct fingerprint fingerprint_of(const uint8_t key[FINGERPRINT_KEY_LEN],
				  enum fingerprint_domain domain, struct slice value)
{
	struct fingerprint f = {0};
	uint8_t inner[FINGERPRINT_LEN + 1];

	if (value.len == 0)
		return f;
	f.known = true;
	crypto_shorthash_siphashx24(inner, (const uint8_t *)value.data, value.len, key);
	inner[FINGERPRINT_LEN] = (uint8_t)domain;
	crypto_shorthash_siphashx24(f.bytes, inner, sizeof(inner), key + HALF);
	return f;
}

bool fingerprint_equal(const struct fingerprint *a, const struct fingerprint *b)
{
	return a->known && b->known && memcmp(a->bytes, b->bytes, FINGERPRINT_LEN) == 0;
}
