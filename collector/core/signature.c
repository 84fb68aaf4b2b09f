/* signature: see signature.h. */
#include "signature.h"

#include <sodium.h>

static bool one_fits(struct slice text, const uint8_t expected[SIGNATURE_LEN])
{
	uint8_t given[SIGNATURE_LEN];
	size_t len = 0;

	if (!slice_starts_with(text, "v1,"))
		return false;
	if (sodium_base642bin(given, sizeof(given), text.data + 3, text.len - 3, NULL, &len, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0)
		return false;
	return len == SIGNATURE_LEN && sodium_memcmp(given, expected, SIGNATURE_LEN) == 0;
}

static bool time_fits(struct slice timestamp, int64_t now_ms)
{
	int64_t seconds;

	if (!slice_to_int64(timestamp, &seconds) || seconds < 0 ||
	    seconds > INT64_MAX / MS_PER_S / 2)
		return false;
	return seconds * MS_PER_S <= now_ms + SIGNATURE_TOLERANCE_MS &&
	       seconds * MS_PER_S >= now_ms - SIGNATURE_TOLERANCE_MS;
}

bool signature_fits(const struct signature *s, struct slice body, const uint8_t *secret,
		    size_t secret_len, int64_t now_ms)
{
	crypto_auth_hmacsha256_state state;
	uint8_t expected[SIGNATURE_LEN];
	struct slice rest = s->signatures;

	if (s->id.len == 0 || !time_fits(s->timestamp, now_ms))
		return false;
	crypto_auth_hmacsha256_init(&state, secret, secret_len);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)s->id.data, s->id.len);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)".", 1);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)s->timestamp.data, s->timestamp.len);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)".", 1);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)body.data, body.len);
	crypto_auth_hmacsha256_final(&state, expected);

	for (int i = 0; i < SIGNATURES_MAX && rest.len > 0; i++) {
		const char *space = memchr(rest.data, ' ', rest.len);
		size_t len = space ? (size_t)(space - rest.data) : rest.len;

		if (one_fits(slice_of(rest.data, len), expected))
			return true;
		rest.data += len + (space ? 1 : 0);
		rest.len -= len + (space ? 1 : 0);
	}
	return false;
}
