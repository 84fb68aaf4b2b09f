/* Slices, hashes, ids, seeded numbers, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/rng.h"

static void white_space_comes_off_both_ends_only(void **state)
{
	(void)state;
	assert_true(slice_is(slice_trim(SLICE(" \t\r\n a b \v\f")), "a b"));
	assert_true(slice_is(slice_trim(SLICE("   ")), ""));
	assert_true(slice_is(slice_trim((struct slice){0}), ""));
}

static void letters_compare_without_case_and_nothing_else_does(void **state)
{
	(void)state;
	assert_true(slice_equal_nocase(SLICE("Bearer"), SLICE("bEARER")));
	assert_true(slice_equal_nocase((struct slice){0}, SLICE("")));
	assert_false(slice_equal_nocase(SLICE("a"), SLICE("ab")));
	assert_false(slice_equal_nocase(SLICE("["), SLICE("{")));
	assert_false(slice_equal_nocase(SLICE("@"), SLICE("`")));
}

static void integers_are_read_to_their_limits_and_not_beyond(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t value;
	} rows[] = {
	    {"0", true, 0},
	    {"-0", true, 0},
	    {"007", true, 7},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"9223372036854775808", false, 0},
	    {"-9223372036854775809", false, 0},
	    {"99999999999999999999", false, 0},
	    {"", false, 0},
	    {"-", false, 0},
	    {"+1", false, 0},
	    {" 1", false, 0},
	    {"1 ", false, 0},
	    {"1e3", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t value = 42;

		assert_int_equal(slice_to_int64(slice_cstr(rows[i].text), &value), rows[i].good);
		assert_int_equal(value, rows[i].good ? rows[i].value : 42);
	}
}

static void utf8_is_checked_after_rfc_3629(void **state)
{
	static const char *const good[] = {"",
					   "plain",
					   "ёж",
					   "€",
					   "🦔",
					   "\xED\x9F\xBF",
					   "\xEE\x80\x80",
					   "\xF4\x8F\xBF\xBF",
					   "eight bytes and then ёж, 8 more",
					   "\xC2\x80",
					   "\xE0\xA0\x80",
					   "\xF0\x90\x80\x80"};
	static const char *const bad[] = {"\x80",
					  "\xC0\x80",
					  "\xC1\xBF",
					  "\xE0\x9F\xBF",
					  "\xED\xA0\x80",
					  "\xED\xBF\xBF",
					  "\xF0\x8F\xBF\xBF",
					  "\xF4\x90\x80\x80",
					  "\xF5\x80\x80\x80",
					  "\xFF",
					  "\xD0",
					  "\xE2\x82",
					  "\xF0\x9F\xA6",
					  "\xD0x",
					  "12345678\xBF"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(slice_utf8_valid(slice_cstr(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(slice_utf8_valid(slice_cstr(bad[i])));
	assert_true(slice_utf8_valid(slice_of("a\0b", 3)));
	assert_int_equal(slice_utf8_valid_prefix(SLICE("ёж\xFFx")), 4);
}

static void murmur2_agrees_with_kafkas_clients(void **state)
{
	static const struct {
		const char *key;
		int32_t hash;
	} rows[] = {
	    {"21", -973932308},
	    {"foobar", -790332482},
	    {"a-little-bit-long-string", -985981536},
	    {"a-little-bit-longer-string", -1486304829},
	    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
	    {"abc", 479470107},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice key = slice_cstr(rows[i].key);

		assert_int_equal((int32_t)hash_murmur2(key), rows[i].hash);
		assert_int_equal(hash_partition(key, 8), (rows[i].hash & 0x7fffffff) % 8);
	}
}

static void fnv1a_has_its_published_values(void **state)
{
	(void)state;
	assert_true(hash_fnv1a(0, SLICE("")) == 0xcbf29ce484222325u);
	assert_true(hash_fnv1a(0, SLICE("a")) == 0xaf63dc4c8601ec8cu);
	assert_true(hash_fnv1a(0, SLICE("foobar")) == 0x85944171f73967e8u);
	assert_true(hash_fnv1a(hash_fnv1a(0, SLICE("foo")), SLICE("bar")) ==
		    hash_fnv1a(0, SLICE("foobar")));
	assert_true(hash_fnv1a_number(0, 'o' << 8 | 'f', 2) == hash_fnv1a(0, SLICE("fo")));
	assert_true(hash_fnv1a_number(7, 'f', 8) == hash_fnv1a(7, SLICE("f\0\0\0\0\0\0\0")));
	assert_true(hash_fnv1a_number(7, 0, 4) == hash_fnv1a(7, SLICE("\0\0\0\0")));
	assert_true(hash_fnv1a_number(0, UINT64_MAX, 8) ==
		    hash_fnv1a(0, SLICE("\xff\xff\xff\xff\xff\xff\xff\xff")));
}

/* Its values stand in recordings and in golden topics: word by word, the last one with zeros behind it. */
static void wide_by_hand(struct slice bytes, uint64_t ret[2])
{
	uint64_t a = 0xcbf29ce484222325u, b = ~a;

	for (size_t at = 0; at < bytes.len; at += 8) {
		uint64_t word = 0;

		for (size_t i = at; i < bytes.len && i < at + 8; i++)
			word |= (uint64_t)(unsigned char)bytes.data[i] << 8 * (i - at);
		a = (a ^ word) * 0x9e3779b97f4a7c15u;
		a ^= a >> 32;
		b = (b ^ word) * 0xc2b2ae3d27d4eb4fu;
		b ^= b >> 29;
	}
	ret[0] = hash_mix(a ^ bytes.len);
	ret[1] = hash_mix(b + bytes.len);
}

static void many_are_hashed_at_once_as_one_after_the_other(void **state)
{
	uint64_t expected[2], one[2], each[20][2];
	struct rng r = rng_seed(3);
	struct slice all[20];
	char bytes[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)rng_next(&r);
	for (int round = 0; round < 2000; round++) {
		size_t count = rng_below(&r, ARRAY_LEN(all) + 1);

		for (size_t i = 0; i < count; i++)
			all[i] = slice_of(bytes + rng_below(&r, 4096),
					  rng_below(&r, rng_chance(&r, 5000) ? 20 : 1200));
		hash_wide_each(all, count, each);
		for (size_t i = 0; i < count; i++) {
			wide_by_hand(all[i], expected);
			hash_wide(all[i], one);
			assert_memory_equal(one, expected, sizeof(one));
			assert_memory_equal(each[i], expected, sizeof(one));
		}
	}
}

/* Byte by byte, as FNV-1a is written down. */
static uint64_t fnv1a_by_hand(uint64_t h, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		h = (h ^ (unsigned char)bytes.data[i]) * 0x100000001b3u;
	return h;
}

static void a_number_is_hashed_as_its_bytes(void **state)
{
	struct rng r = rng_seed(4);

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint64_t n = rng_next(&r) >> rng_below(&r, 64), seed = rng_next(&r);
		unsigned bytes = 1 + (unsigned)rng_below(&r, 8);
		unsigned char le[8];

		for (unsigned i = 0; i < sizeof(le); i++)
			le[i] = (unsigned char)(n >> 8 * i);
		assert_true(hash_fnv1a_number(seed, n, bytes) ==
			    fnv1a_by_hand(seed, slice_of(le, bytes)));
	}
	assert_true(hash_fnv1a_number(0, 0, 1) == hash_fnv1a(0, slice_of("", 1)));
}

static void a_text_known_beforehand_is_hashed_in_one_step(void **state)
{
	struct rng r = rng_seed(5);
	struct hash_text t;
	char bytes[40];

	(void)state;
	for (int text = 0; text < 100; text++) {
		struct slice s = slice_of(bytes, rng_below(&r, sizeof(bytes)));

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)rng_next(&r);
		hash_text_make(&t, s);
		for (int round = 0; round < 1000; round++) {
			uint64_t seed = rng_next(&r);

			assert_true(hash_fnv1a_text(seed, &t) == fnv1a_by_hand(seed, s));
		}
		assert_true(hash_fnv1a_text(0, &t) == hash_fnv1a(0, s));
	}
}

static void a_lead_id_is_a_uuid_of_version_7(void **state)
{
	/* The example of RFC 9562, A.6. */
	static const uint8_t random[10] = {0x0C, 0xC3, 0x18, 0xC4, 0xDC,
					   0x0C, 0x0C, 0x07, 0x39, 0x8F};
	struct lead_id id = lead_id_make(0x017F22E279B0, random);
	char text[LEAD_ID_TEXT_LEN + 1];

	(void)state;
	lead_id_text(&id, text);
	assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
	assert_int_equal(lead_id_time_ms(&id), 0x017F22E279B0);
}

static void version_and_variant_stand_whatever_was_drawn(void **state)
{
	uint8_t random[10];
	struct lead_id zeros, ones;

	(void)state;
	memset(random, 0, sizeof(random));
	zeros = lead_id_make(0, random);
	memset(random, 0xFF, sizeof(random));
	ones = lead_id_make(((int64_t)1 << 48) - 1, random);
	assert_int_equal(zeros.bytes[6], 0x70);
	assert_int_equal(zeros.bytes[8], 0x80);
	assert_int_equal(ones.bytes[6], 0x7F);
	assert_int_equal(ones.bytes[8], 0xBF);
	assert_int_equal(lead_id_time_ms(&ones), ((int64_t)1 << 48) - 1);
	assert_false(lead_id_is_zero(&zeros));
	assert_true(lead_id_is_zero(&(struct lead_id){0}));
	assert_true(memcmp(zeros.bytes, ones.bytes, 16) < 0);
}

static void a_lead_id_is_read_in_its_canonical_form_only(void **state)
{
	static const char *const bad[] = {"",
					  "017f22e279b07cc398c4dc0c0c07398f",
					  "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
					  "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
					  "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
					  "017f22e2+79b0-7cc3-98c4-dc0c0c07398f",
					  "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
					  "017f22e27-9b0-7cc3-98c4-dc0c0c07398f"};
	struct lead_id lower, upper, kept = {.bytes = {42}};

	(void)state;
	assert_true(lead_id_parse(SLICE("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), &lower));
	assert_true(lead_id_parse(SLICE("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &upper));
	assert_true(lead_id_equal(&lower, &upper));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(lead_id_parse(slice_cstr(bad[i]), &kept));
	assert_false(lead_id_from_bytes(lower.bytes, 15, &kept));
	assert_int_equal(kept.bytes[0], 42);
	assert_true(lead_id_from_bytes(lower.bytes, 16, &kept));
	assert_true(lead_id_equal(&lower, &kept));
}

static void a_seed_gives_the_same_numbers_for_ever(void **state)
{
	struct rng r = rng_seed(1234567);

	(void)state;
	assert_true(rng_next(&r) == 6457827717110365317u);
	assert_true(rng_next(&r) == 3203168211198807973u);
}

static void numbers_below_a_limit_reach_all_of_it(void **state)
{
	struct rng r = rng_seed(5);
	unsigned seen[6] = {0}, chances = 0;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		uint64_t n = rng_below(&r, 6);

		assert_true(n < 6);
		seen[n]++;
		chances += rng_chance(&r, 2500);
	}
	for (int i = 0; i < 6; i++)
		assert_in_range(seen[i], 9500, 10500);
	assert_in_range(chances, 14500, 15500);
	assert_int_equal(rng_below(&r, 1), 0);
	assert_false(rng_chance(&r, 0));
	assert_true(rng_chance(&r, 10000));
	for (int i = 0; i < 100; i++)
		assert_true(rng_below(&r, UINT64_MAX) < UINT64_MAX);
}

static void an_error_gives_its_result_back_and_cuts_long_texts(void **state)
{
	static char text[2 * ERROR_TEXT_LEN];
	struct error e;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(error_set(NULL, RESULT_AWAY, "nobody listens"), RESULT_AWAY);
	assert_int_equal(error_set(&e, RESULT_BAD, "%s: %d", "port", 70000), RESULT_BAD);
	assert_string_equal(e.text, "port: 70000");
	assert_int_equal(error_set(&e, RESULT_FATAL, "%s", text), RESULT_FATAL);
	assert_int_equal(strlen(e.text), ERROR_TEXT_LEN - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(white_space_comes_off_both_ends_only),
	    cmocka_unit_test(letters_compare_without_case_and_nothing_else_does),
	    cmocka_unit_test(integers_are_read_to_their_limits_and_not_beyond),
	    cmocka_unit_test(utf8_is_checked_after_rfc_3629),
	    cmocka_unit_test(murmur2_agrees_with_kafkas_clients),
	    cmocka_unit_test(fnv1a_has_its_published_values),
	    cmocka_unit_test(a_number_is_hashed_as_its_bytes),
	    cmocka_unit_test(a_text_known_beforehand_is_hashed_in_one_step),
	    cmocka_unit_test(many_are_hashed_at_once_as_one_after_the_other),
	    cmocka_unit_test(a_lead_id_is_a_uuid_of_version_7),
	    cmocka_unit_test(version_and_variant_stand_whatever_was_drawn),
	    cmocka_unit_test(a_lead_id_is_read_in_its_canonical_form_only),
	    cmocka_unit_test(a_seed_gives_the_same_numbers_for_ever),
	    cmocka_unit_test(numbers_below_a_limit_reach_all_of_it),
	    cmocka_unit_test(an_error_gives_its_result_back_and_cuts_long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
