/* Whose secret signs: whatever the entry was before, and whatever its revision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include "delivery/shell/signers.h"

static const uint8_t master[SECRET_MASTER_LEN] = {9};

static struct buf sealed(const char *secret, uint8_t nonce_byte)
{
	uint8_t nonce[SECRET_NONCE_LEN] = {nonce_byte};
	struct buf out = {0};

	secret_seal(master, SLICE("advertiser/a"), slice_cstr(secret), nonce, &out);
	return out;
}

static void signature_with(struct kept_signer *k, const struct buf *secret,
			   char ret[SIGNATURE_TEXT_MAX])
{
	const struct signer *s = signer_keep(k, master, "advertiser/a", buf_slice(secret));

	assert_non_null(s);
	webhook_sign(s, SLICE("m"), 1, SLICE("body"), ret);
}

static void a_new_secret_signs_at_once(_unused_ void **state)
{
	struct buf one = sealed("one", 1), two = sealed("two", 2);
	char first[SIGNATURE_TEXT_MAX], again[SIGNATURE_TEXT_MAX], second[SIGNATURE_TEXT_MAX],
	    fresh[SIGNATURE_TEXT_MAX];
	struct kept_signer k = {0}, other = {0};

	signature_with(&k, &one, first);
	signature_with(&k, &one, again);
	signature_with(&k, &two, second);
	signature_with(&other, &two, fresh);
	assert_string_equal(first, again);
	assert_string_not_equal(first, second);
	assert_string_equal(second, fresh);
	signer_forget(&k);
	assert_false(k.made);
	buf_free(&one);
	buf_free(&two);
}

static void what_cant_be_opened_signs_nothing_not_even_with_the_last_key(_unused_ void **state)
{
	struct buf one = sealed("one", 1);
	char signature[SIGNATURE_TEXT_MAX];
	struct kept_signer k = {0};
	const struct signer *none;

	signature_with(&k, &one, signature);
	one.data[one.len - 1] ^= 1;
	assert_null(signer_keep(&k, master, "advertiser/a", buf_slice(&one)));
	one.data[one.len - 1] ^= 1;
	assert_null(signer_keep(&k, master, "advertiser/b", buf_slice(&one)));
	none = signer_keep(&k, master, "advertiser/a", (struct slice){0});
	assert_non_null(none);
	assert_false(none->signs);
	buf_free(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_secret_signs_at_once),
	    cmocka_unit_test(what_cant_be_opened_signs_nothing_not_even_with_the_last_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
