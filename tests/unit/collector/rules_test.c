/* Signatures, sealed secrets, rates, lines and problem documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/core/bucket.h"
#include "collector/core/lines.h"
#include "collector/core/problem.h"
#include "collector/core/signature.h"
#include "runtime/secret.h"

#define NOW_MS 1795341600000LL

/* Made with another implementation of HMAC-SHA256: key "secret", text "msg_1.1795341600.{}". */
#define GOOD_SIGNATURE "v1,SmmOV2xjV373OtwGVcfoShkfLvbEUrRtJbVEciHNZpw="

static bool fits(const char *id, const char *timestamp, const char *signatures, const char *body)
{
	struct signature s = {slice_cstr(id), slice_cstr(timestamp), slice_cstr(signatures)};

	return signature_fits(&s, slice_cstr(body), (const uint8_t *)"secret", 6, NOW_MS);
}

static void a_signature_covers_id_time_and_body(_unused_ void **state)
{
	assert_true(fits("msg_1", "1795341600", GOOD_SIGNATURE, "{}"));
	assert_true(fits("msg_1", "1795341600", "v1,AAAA v2,zzz " GOOD_SIGNATURE, "{}"));
	assert_false(fits("msg_2", "1795341600", GOOD_SIGNATURE, "{}"));
	assert_false(fits("msg_1", "1795341601", GOOD_SIGNATURE, "{}"));
	assert_false(fits("msg_1", "1795341600", GOOD_SIGNATURE, "{ }"));
	assert_false(fits("msg_1", "1795341600", "", "{}"));
	assert_false(fits("", "1795341600", GOOD_SIGNATURE, "{}"));
	assert_false(fits("msg_1", "soon", GOOD_SIGNATURE, "{}"));
}

static void an_old_signature_is_refused(_unused_ void **state)
{
	struct signature s = {SLICE("msg_1"), SLICE("1795341600"), SLICE(GOOD_SIGNATURE)};
	const uint8_t *key = (const uint8_t *)"secret";

	assert_true(signature_fits(&s, SLICE("{}"), key, 6, NOW_MS + SIGNATURE_TOLERANCE_MS));
	assert_false(signature_fits(&s, SLICE("{}"), key, 6, NOW_MS + SIGNATURE_TOLERANCE_MS + 1));
	assert_false(signature_fits(&s, SLICE("{}"), key, 6, NOW_MS - SIGNATURE_TOLERANCE_MS - 1));
}

static void a_sealed_secret_opens_only_for_its_entry(_unused_ void **state)
{
	const uint8_t master[SECRET_MASTER_LEN] = {3}, other[SECRET_MASTER_LEN] = {4},
		      nonce[SECRET_NONCE_LEN] = {5};
	struct buf sealed = {0}, plain = {0};

	secret_seal(master, SLICE("webmaster/w17"), SLICE("whsec_c2VjcmV0"), nonce, &sealed);
	assert_false(secret_open(master, SLICE("webmaster/w18"), buf_slice(&sealed), &plain));
	assert_false(secret_open(other, SLICE("webmaster/w17"), buf_slice(&sealed), &plain));
	assert_false(secret_open(master, SLICE("webmaster/w17"),
				 slice_of(sealed.data, sealed.len - 1), &plain));
	assert_false(secret_open(master, SLICE("webmaster/w17"), SLICE(""), &plain));
	assert_int_equal(plain.len, 0);
	assert_true(secret_open(master, SLICE("webmaster/w17"), buf_slice(&sealed), &plain));
	assert_true(slice_is(buf_slice(&plain), "whsec_c2VjcmV0"));
	buf_free(&sealed);
	buf_free(&plain);
}

static void a_secret_signs_with_what_it_encodes(_unused_ void **state)
{
	uint8_t key[SECRET_PLAIN_MAX];

	assert_int_equal(secret_signing_key(SLICE("whsec_c2VjcmV0"), key), 6);
	assert_memory_equal(key, "secret", 6);
	assert_int_equal(secret_signing_key(SLICE("plain"), key), 5);
	assert_memory_equal(key, "plain", 5);
	assert_int_equal(secret_signing_key(SLICE("whsec_!"), key), 0);
}

static void a_bucket_gives_its_burst_then_its_rate(_unused_ void **state)
{
	struct bucket b = {0};
	int taken = 0;

	for (int i = 0; i < 5; i++)
		assert_int_equal(bucket_take(&b, 2, 5, 1, 1000), 0);
	assert_int_equal(bucket_take(&b, 2, 5, 1, 1000), 1);
	assert_int_equal(bucket_take(&b, 2, 5, 1, 1499), 1);
	for (int64_t now = 1500; now <= 11000; now += 100)
		taken += bucket_take(&b, 2, 5, 1, now) == 0;
	assert_int_equal(taken, 20); /* ten seconds at two a second */
}

static void a_batch_costs_its_lines(_unused_ void **state)
{
	struct bucket b = {0};

	assert_int_equal(bucket_take(&b, 10, 100, 90, 0), 0);
	assert_int_equal(bucket_take(&b, 10, 100, 60, 0), 5);
	assert_int_equal(bucket_take(&b, 10, 100, 60, 5000), 0);
}

static void a_batch_above_the_burst_waits_for_a_full_bucket_and_leaves_a_debt(_unused_ void **state)
{
	struct bucket b = {0};

	assert_int_equal(bucket_take(&b, 10, 100, 1000, 0), 0);
	assert_int_equal(bucket_take(&b, 10, 100, 1, 0), 91);
	assert_int_equal(bucket_take(&b, 10, 100, 1, 90099), 1);
	assert_int_equal(bucket_take(&b, 10, 100, 1, 90100), 0);
}

static void lines_end_with_lf_or_crlf_and_the_last_one_need_not(_unused_ void **state)
{
	struct slice rest = SLICE("a\r\n\nb\n"), line = SLICE("");

	assert_int_equal(lines_count(rest, 10), 3);
	assert_true(lines_next(&rest, &line));
	assert_true(slice_is(line, "a"));
	assert_true(lines_next(&rest, &line));
	assert_int_equal(line.len, 0);
	assert_true(lines_next(&rest, &line));
	assert_true(slice_is(line, "b"));
	assert_false(lines_next(&rest, &line));
	assert_int_equal(lines_count(SLICE("a\nb"), 10), 2);
	assert_int_equal(lines_count(SLICE("\n\n\n\n"), 2), 3);
	assert_int_equal(lines_count(SLICE(""), 2), 0);
}

static void a_problem_document_is_json_whatever_a_client_calls_its_members(_unused_ void **state)
{
	struct arena a = {0};
	struct buf out = {0};
	struct faults f = {0};
	struct json_fault fault;
	struct json *root, *errors;

	fault_add_in(&f, "fields", SLICE("\"\\\n\xff\0x"), "unknown", "there is no such member");
	problem_write(PROBLEM_INVALID_LEAD, 7, NULL, &f, &out);
	root = json_parse(&a, buf_slice(&out), JSON_LIMITS_DEFAULT, &fault);
	assert_non_null(root);
	assert_int_equal(json_member(root, "line")->integer, 7);
	assert_int_equal(json_member(root, "status")->integer, 400);
	assert_true(slice_is(json_member(root, "code")->text, "invalid_lead"));
	errors = json_member(root, "errors");
	assert_int_equal(errors->count, 1);
	assert_true(slice_starts_with(json_member(errors->child, "field")->text, "fields.\"\\\n"));
	buf_free(&out);
	arena_free(&a);
}

static void every_400_has_its_list_of_errors(_unused_ void **state)
{
	for (int p = 0; p < PROBLEM_COUNT; p++) {
		struct buf out = {0};

		problem_write((enum problem)p, 0, NULL, NULL, &out);
		assert_int_equal(strstr(buf_cstr(&out), "\"errors\":[{") != NULL,
				 problem_status((enum problem)p) == 400);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_signature_covers_id_time_and_body),
	    cmocka_unit_test(an_old_signature_is_refused),
	    cmocka_unit_test(a_sealed_secret_opens_only_for_its_entry),
	    cmocka_unit_test(a_secret_signs_with_what_it_encodes),
	    cmocka_unit_test(a_bucket_gives_its_burst_then_its_rate),
	    cmocka_unit_test(a_batch_costs_its_lines),
	    cmocka_unit_test(a_batch_above_the_burst_waits_for_a_full_bucket_and_leaves_a_debt),
	    cmocka_unit_test(lines_end_with_lf_or_crlf_and_the_last_one_need_not),
	    cmocka_unit_test(a_problem_document_is_json_whatever_a_client_calls_its_members),
	    cmocka_unit_test(every_400_has_its_list_of_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
