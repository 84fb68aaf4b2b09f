/* Fingerprints and sealing. The expected fingerprints were computed by another implementation, in Python,
 * which also gives SipHash's published vector. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <stdlib.h>

#include "lead/fingerprint.h"
#include "lead/seal.h"

static void fill_key(uint8_t key[32])
{
	for (int i = 0; i < 32; i++)
		key[i] = (uint8_t)i;
}

static void a_fingerprint_is_a_keyed_siphash_of_value_and_domain(void **state)
{
	static const uint8_t as_phone[] = {0xd6, 0x46, 0x88, 0x5a, 0x35, 0xb5, 0x54, 0x47,
					   0x7b, 0x7a, 0x7d, 0x9a, 0xe9, 0xab, 0xf9, 0xe8};
	static const uint8_t as_email[] = {0x8d, 0x93, 0x35, 0xf8, 0xb1, 0x14, 0x29, 0xd2,
					   0xc0, 0xb9, 0x97, 0x90, 0xf4, 0x68, 0x0f, 0x0c};
	struct fingerprint phone, email;
	uint8_t key[FINGERPRINT_KEY_LEN];

	(void)state;
	fill_key(key);
	phone = fingerprint_of(key, FINGERPRINT_PHONE, SLICE("+79161234567"));
	email = fingerprint_of(key, FINGERPRINT_EMAIL, SLICE("+79161234567"));
	assert_true(phone.known);
	assert_memory_equal(phone.bytes, as_phone, 16);
	assert_memory_equal(email.bytes, as_email, 16);
	assert_false(fingerprint_equal(&phone, &email));
	assert_true(fingerprint_equal(&phone, &phone));
	key[31] ^= 1;
	email = fingerprint_of(key, FINGERPRINT_PHONE, SLICE("+79161234567"));
	assert_false(fingerprint_equal(&phone, &email));
}

static void two_missing_phones_are_not_the_same_phone(void **state)
{
	uint8_t key[FINGERPRINT_KEY_LEN];
	struct fingerprint none, other;

	(void)state;
	fill_key(key);
	none = fingerprint_of(key, FINGERPRINT_PHONE, (struct slice){0});
	other = fingerprint_of(key, FINGERPRINT_PHONE, SLICE(""));
	assert_false(none.known);
	assert_false(fingerprint_equal(&none, &other));
	assert_false(fingerprint_equal(&none, &none));
}

static const struct lead_id LEAD = {.bytes = "lead number one"};
static const uint8_t NONCE[SEAL_NONCE_LEN] = "a nonce of 24 bytes ...";

static void what_was_sealed_opens_again(void **state)
{
	_cleanup_(buf_free) struct buf box = {0}, plain = {0};
	uint8_t key[SEAL_KEY_LEN];

	(void)state;
	fill_key(key);
	buf_append_cstr(&box, "box:");
	buf_append_cstr(&plain, "plain:");
	seal(key, NONCE, &LEAD, SLICE("+79161234567"), &box);
	assert_int_equal(box.len, 4 + 12 + SEAL_TAG_LEN);
	assert_null(memmem(box.data, box.len, "79161", 5));
	assert_true(seal_open(key, NONCE, &LEAD, slice_of(box.data + 4, box.len - 4), &plain));
	assert_string_equal(buf_cstr(&plain), "plain:+79161234567");
}

static void an_empty_contact_is_sealed_too(void **state)
{
	_cleanup_(buf_free) struct buf box = {0}, plain = {0};
	uint8_t key[SEAL_KEY_LEN];

	(void)state;
	fill_key(key);
	seal(key, NONCE, &LEAD, (struct slice){0}, &box);
	assert_int_equal(box.len, SEAL_TAG_LEN);
	assert_true(seal_open(key, NONCE, &LEAD, buf_slice(&box), &plain));
	assert_int_equal(plain.len, 0);
}

static void every_changed_bit_keeps_the_box_shut(void **state)
{
	_cleanup_(buf_free) struct buf box = {0}, plain = {0};
	uint8_t key[SEAL_KEY_LEN];

	(void)state;
	fill_key(key);
	seal(key, NONCE, &LEAD, SLICE("+79161234567"), &box);
	for (size_t bit = 0; bit < box.len * 8; bit++) {
		box.data[bit / 8] ^= (char)(1 << (bit % 8));
		assert_false(seal_open(key, NONCE, &LEAD, buf_slice(&box), &plain));
		box.data[bit / 8] ^= (char)(1 << (bit % 8));
	}
	for (size_t len = 0; len < box.len; len++)
		assert_false(seal_open(key, NONCE, &LEAD, slice_of(box.data, len), &plain));
	assert_int_equal(plain.len, 0);
}

static void a_box_opens_only_with_its_own_key_nonce_and_lead(void **state)
{
	_cleanup_(buf_free) struct buf box = {0}, plain = {0};
	uint8_t key[SEAL_KEY_LEN], nonce[SEAL_NONCE_LEN];
	struct lead_id other = LEAD;

	(void)state;
	fill_key(key);
	seal(key, NONCE, &LEAD, SLICE("+79161234567"), &box);
	other.bytes[15] ^= 1;
	assert_false(seal_open(key, NONCE, &other, buf_slice(&box), &plain));
	memcpy(nonce, NONCE, sizeof(nonce));
	nonce[0] ^= 1;
	assert_false(seal_open(key, nonce, &LEAD, buf_slice(&box), &plain));
	key[0] ^= 1;
	assert_false(seal_open(key, NONCE, &LEAD, buf_slice(&box), &plain));
	assert_int_equal(plain.len, 0);
}

static void a_sealers_boxes_are_those_of_its_key_and_nonces(void **state)
{
	static const uint8_t prefix[SEAL_PREFIX_LEN] = "sixteen bytes ..";
	uint8_t key[SEAL_KEY_LEN], nonce[SEAL_NONCE_LEN], before[SEAL_NONCE_LEN] = {0};
	struct sealer s = {0};

	(void)state;
	fill_key(key);
	assert_true(sealer_spent(&s));
	sealer_start(&s, key, prefix);
	for (int i = 0; i < 3; i++) {
		_cleanup_(buf_free) struct buf box = {0}, same = {0}, plain = {0};

		sealer_next(&s, nonce);
		assert_memory_equal(nonce, prefix, sizeof(prefix));
		assert_memory_not_equal(nonce, before, sizeof(nonce));
		memcpy(before, nonce, sizeof(nonce));
		seal_subkeyed(s.subkey, nonce, &LEAD, SLICE("+79161234567"), &box);
		seal(key, nonce, &LEAD, SLICE("+79161234567"), &same);
		assert_int_equal(box.len, same.len);
		assert_memory_equal(box.data, same.data, box.len);
		assert_true(seal_open(key, nonce, &LEAD, buf_slice(&box), &plain));
	}
	sealer_end(&s);
	assert_true(sealer_spent(&s));
}

/* What is made in one piece is what libsodium makes, at every length around the ends of blocks and pieces. */
static void every_box_is_the_librarys(void **state)
{
	uint8_t key[SEAL_KEY_LEN], expected[600 + SEAL_TAG_LEN];
	char text[600];

	(void)state;
	fill_key(key);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 + 1);
	for (size_t len = 0; len <= sizeof(text); len++) {
		_cleanup_(buf_free) struct buf box = {0}, plain = {0};

		crypto_aead_xchacha20poly1305_ietf_encrypt(expected, NULL, (const uint8_t *)text,
							   len, LEAD.bytes, sizeof(LEAD.bytes),
							   NULL, NONCE, key);
		seal(key, NONCE, &LEAD, slice_of(text, len), &box);
		assert_int_equal(box.len, len + SEAL_TAG_LEN);
		assert_memory_equal(box.data, expected, box.len);
		assert_true(seal_open(key, NONCE, &LEAD, buf_slice(&box), &plain));
		assert_true(slice_equal(buf_slice(&plain), slice_of(text, len)));
		box.data[len / 2] ^= 1;
		assert_false(seal_open(key, NONCE, &LEAD, buf_slice(&box), &plain));
		box.data[len / 2] ^= 1;
		box.data[box.len - 1] ^= 1;
		assert_false(seal_open(key, NONCE, &LEAD, buf_slice(&box), &plain));
		assert_int_equal(plain.len, len);
	}
}

static int compare_nonces(const void *a, const void *b)
{
	return memcmp(a, b, SEAL_NONCE_LEN);
}

static void a_sealer_gives_no_nonce_twice_and_is_spent_in_time(void **state)
{
	static uint8_t nonces[SEALER_BOXES_MAX][SEAL_NONCE_LEN];
	static const uint8_t prefix[SEAL_PREFIX_LEN] = {1};
	uint8_t key[SEAL_KEY_LEN];
	struct sealer s = {0};

	(void)state;
	fill_key(key);
	sealer_start(&s, key, prefix);
	for (size_t i = 0; i < SEALER_BOXES_MAX; i++) {
		assert_false(sealer_spent(&s));
		sealer_next(&s, nonces[i]);
	}
	assert_true(sealer_spent(&s));
	qsort(nonces, SEALER_BOXES_MAX, SEAL_NONCE_LEN, compare_nonces);
	for (size_t i = 1; i < SEALER_BOXES_MAX; i++)
		assert_memory_not_equal(nonces[i - 1], nonces[i], SEAL_NONCE_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_fingerprint_is_a_keyed_siphash_of_value_and_domain),
	    cmocka_unit_test(two_missing_phones_are_not_the_same_phone),
	    cmocka_unit_test(what_was_sealed_opens_again),
	    cmocka_unit_test(an_empty_contact_is_sealed_too),
	    cmocka_unit_test(every_changed_bit_keeps_the_box_shut),
	    cmocka_unit_test(a_box_opens_only_with_its_own_key_nonce_and_lead),
	    cmocka_unit_test(every_box_is_the_librarys),
	    cmocka_unit_test(a_sealers_boxes_are_those_of_its_key_and_nonces),
	    cmocka_unit_test(a_sealer_gives_no_nonce_twice_and_is_spent_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
