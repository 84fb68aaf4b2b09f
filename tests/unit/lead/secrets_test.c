/* Fingerprints and sealing. The expected fingerprints were computed by another implementation, Python's hashlib. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lead/fingerprint.h"
#include "lead/seal.h"

static void fill_key(uint8_t key[32])
{
	for (int i = 0; i < 32; i++)
		key[i] = (uint8_t)i;
}

static void a_fingerprint_is_keyed_blake2b_of_domain_and_value(void **state)
{
	static const uint8_t as_phone[] = {0xa9, 0x3c, 0x7b, 0x99, 0xfd, 0x47, 0xac, 0xdd,
					   0x48, 0x85, 0xbf, 0xfc, 0x41, 0x11, 0xe9, 0xb0};
	static const uint8_t as_email[] = {0x39, 0x51, 0x05, 0xc3, 0xe7, 0x1d, 0x32, 0xa9,
					   0x74, 0x80, 0x38, 0x65, 0xa2, 0x56, 0xe2, 0x12};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_fingerprint_is_keyed_blake2b_of_domain_and_value),
	    cmocka_unit_test(two_missing_phones_are_not_the_same_phone),
	    cmocka_unit_test(what_was_sealed_opens_again),
	    cmocka_unit_test(an_empty_contact_is_sealed_too),
	    cmocka_unit_test(every_changed_bit_keeps_the_box_shut),
	    cmocka_unit_test(a_box_opens_only_with_its_own_key_nonce_and_lead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
