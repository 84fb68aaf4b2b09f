/* What an advertiser's verdict becomes on its topic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/core/verdict.h"
#include "lead/codec.h"

#define NOW_MS 1795341600000LL

struct bench {
	struct arena arena;
	struct buf record;
};

static int open_bench(void **state)
{
	*state = calloc(1, sizeof(struct bench));
	return *state ? 0 : -1;
}

static int close_bench(void **state)
{
	struct bench *b = *state;

	arena_free(&b->arena);
	buf_free(&b->record);
	free(b);
	return 0;
}

#define ID "01a20538-1f54-75bc-96c0-bc6a5d954ef6"

static struct slice verdict_of(struct bench *b, const char *body, struct faults *f,
			       struct verdict *ret)
{
	const char *why = NULL;

	f->count = 0;
	assert_true(
	    verdict_read(ret, &b->arena, slice_cstr(body), SLICE("bank-a"), NOW_MS, f, &why));
	return ret->verdict_id;
}

static void a_repeated_verdict_has_the_same_id_and_another_one_has_not(void **state)
{
	struct bench *b = *state;
	struct verdict v;
	struct faults f;
	struct slice first =
	    verdict_of(b, "{\"lead_id\":\"" ID "\",\"verdict\":\"approved\"}", &f, &v);

	assert_int_equal(f.count, 0);
	assert_int_equal(first.len, VERDICT_ID_MADE_LEN);
	assert_true(slice_equal(
	    first, verdict_of(b, "{\"verdict\":\"approved\",\"lead_id\":\"" ID "\"}", &f, &v)));
	assert_false(slice_equal(
	    first, verdict_of(b, "{\"verdict\":\"sold\",\"lead_id\":\"" ID "\"}", &f, &v)));
	assert_false(slice_equal(first, verdict_of(b,
						   "{\"verdict\":\"approved\",\"lead_id\":\"" ID
						   "\",\"called_at\":1790000000000}",
						   &f, &v)));
	assert_true(slice_is(
	    verdict_of(b, "{\"verdict\":\"sold\",\"lead_id\":\"" ID "\",\"verdict_id\":\"mine\"}",
		       &f, &v),
	    "mine"));
}

static void all_faults_of_a_verdict_are_found_at_once(void **state)
{
	static const char *const expected[] = {"lead_id",  "verdict", "amount_minor",
					       "currency", "at",      "shoe"};
	struct bench *b = *state;
	struct verdict v;
	struct faults f;

	verdict_of(
	    b,
	    "{\"lead_id\":\"x\",\"amount_minor\":1.5,\"currency\":\"rubles\",\"at\":1,\"shoe\":1}",
	    &f, &v);
	assert_int_equal(f.count, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		assert_true(slice_is(f.list[i].field, expected[i]));
}

static void an_outcome_carries_what_the_advertiser_said(void **state)
{
	struct bench *b = *state;
	const Punnet__V1__Outcome *outcome;
	struct verdict v;
	struct faults f;

	verdict_of(b,
		   "{\"lead_id\":\"" ID
		   "\",\"verdict\":\"sold\",\"reason_code\":\"r\",\"amount_minor\":4500,"
		   "\"currency\":\"RUB\",\"at\":\"2026-11-22T10:00:00Z\"}",
		   &f, &v);
	assert_int_equal(f.count, 0);
	buf_reset(&b->record);
	verdict_build(&v, "bank-a", NOW_MS, &b->arena, &b->record);
	outcome = codec_unpack(&b->arena, &punnet__v1__outcome__descriptor, buf_slice(&b->record));
	assert_non_null(outcome);
	assert_int_equal(outcome->kind, PUNNET__V1__OUTCOME_KIND__OUTCOME_SOLD);
	assert_string_equal(outcome->source->topic, "http");
	assert_string_equal(outcome->advertiser_id, "bank-a");
	assert_int_equal(outcome->amount->amount_minor, 4500);
	assert_string_equal(outcome->amount->currency, "RUB");
	assert_int_equal(outcome->at_ms, 1795341600000LL);
	assert_null(outcome->assignment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_repeated_verdict_has_the_same_id_and_another_one_has_not),
	    cmocka_unit_test(all_faults_of_a_verdict_are_found_at_once),
	    cmocka_unit_test(an_outcome_carries_what_the_advertiser_said),
	};

	return cmocka_run_group_tests(tests, open_bench, close_bench);
}
