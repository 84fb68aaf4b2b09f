/* What an advertiser's answer means: by its status, by the order's own rules over its words, and the price it names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "delivery/core/classify.h"

struct answer_row {
	enum transport_end end;
	uint32_t status;
	const char *body;
	enum attempt_result result;
	bool unknown;
	enum reason reason;
};

static const struct answer_row answers[] = {
    {TRANSPORT_NOT_SENT, 0, "", ATTEMPT_TEMPFAIL, false, REASON_DELIVERY_UNREACHABLE},
    {TRANSPORT_ADDRESS_REFUSED, 0, "", ATTEMPT_PERMFAIL, false, REASON_DELIVERY_ADDRESS_REFUSED},
    {TRANSPORT_URL_UNUSABLE, 0, "", ATTEMPT_PERMFAIL, false, REASON_DELIVERY_ENDPOINT_INVALID},
    {TRANSPORT_BROKEN, 0, "", ATTEMPT_TEMPFAIL, true, REASON_DELIVERY_NO_ANSWER},
    {TRANSPORT_BROKEN, 200, "{\"outco", ATTEMPT_TEMPFAIL, true, REASON_DELIVERY_ANSWER_UNCLEAR},
    {TRANSPORT_TOO_LONG, 200, "x", ATTEMPT_TEMPFAIL, true, REASON_DELIVERY_ANSWER_UNCLEAR},
    {TRANSPORT_BROKEN, 503, "", ATTEMPT_TEMPFAIL, false, REASON_DELIVERY_ADVERTISER_ERROR},
    {TRANSPORT_TOO_LONG, 422, "x", ATTEMPT_PERMFAIL, false, REASON_DELIVERY_REFUSED},
    {TRANSPORT_ANSWERED, 200, "", ATTEMPT_OK, false, REASON_NONE},
    {TRANSPORT_ANSWERED, 200, "<p>thanks", ATTEMPT_OK, false, REASON_NONE},
    {TRANSPORT_ANSWERED, 201, "{\"outcome\":\"accepted\"}", ATTEMPT_OK, false, REASON_NONE},
    {TRANSPORT_ANSWERED, 202, "{\"outcome\":7}", ATTEMPT_OK, false, REASON_NONE},
    {TRANSPORT_ANSWERED, 204, "", ATTEMPT_OK, false, REASON_NONE},
    {TRANSPORT_ANSWERED, 206, "", ATTEMPT_TEMPFAIL, true, REASON_DELIVERY_ANSWER_UNCLEAR},
    {TRANSPORT_ANSWERED, 200, "{\"outcome\":\"refused\"}", ATTEMPT_PERMFAIL, false,
     REASON_DELIVERY_REFUSED},
    {TRANSPORT_ANSWERED, 202, "{\"outcome\":\"Rejected\",\"reason\":\"age\"}", ATTEMPT_PERMFAIL,
     false, REASON_DELIVERY_REFUSED},
    {TRANSPORT_ANSWERED, 200, "{\"outcome\":\"duplicate\"}", ATTEMPT_PERMFAIL, false,
     REASON_DELIVERY_DUPLICATE},
    {TRANSPORT_ANSWERED, 301, "", ATTEMPT_PERMFAIL, false, REASON_DELIVERY_ENDPOINT_REFUSED},
    {TRANSPORT_ANSWERED, 400, "", ATTEMPT_PERMFAIL, false, REASON_DELIVERY_REFUSED},
    {TRANSPORT_ANSWERED, 401, "", ATTEMPT_PERMFAIL, false, REASON_DELIVERY_ENDPOINT_REFUSED},
    {TRANSPORT_ANSWERED, 404, "", ATTEMPT_PERMFAIL, false, REASON_DELIVERY_ENDPOINT_REFUSED},
    {TRANSPORT_ANSWERED, 408, "", ATTEMPT_TEMPFAIL, false, REASON_DELIVERY_ADVERTISER_BUSY},
    {TRANSPORT_ANSWERED, 409, "", ATTEMPT_PERMFAIL, false, REASON_DELIVERY_DUPLICATE},
    {TRANSPORT_ANSWERED, 410, "", ATTEMPT_PERMFAIL, false, REASON_DELIVERY_ENDPOINT_GONE},
    {TRANSPORT_ANSWERED, 422, "", ATTEMPT_PERMFAIL, false, REASON_DELIVERY_REFUSED},
    {TRANSPORT_ANSWERED, 425, "", ATTEMPT_TEMPFAIL, false, REASON_DELIVERY_ADVERTISER_BUSY},
    {TRANSPORT_ANSWERED, 429, "", ATTEMPT_TEMPFAIL, false, REASON_DELIVERY_ADVERTISER_BUSY},
    {TRANSPORT_ANSWERED, 500, "", ATTEMPT_TEMPFAIL, false, REASON_DELIVERY_ADVERTISER_ERROR},
    {TRANSPORT_ANSWERED, 599, "", ATTEMPT_TEMPFAIL, false, REASON_DELIVERY_ADVERTISER_ERROR},
    {TRANSPORT_ANSWERED, 700, "", ATTEMPT_TEMPFAIL, true, REASON_DELIVERY_ANSWER_UNCLEAR},
};

static void expect_answers(const struct answer_rules *rules, const struct answer_row *rows,
			   size_t count)
{
	struct arena scratch = {0};

	for (size_t i = 0; i < count; i++) {
		const struct answer_row *row = &rows[i];
		struct transport_answer answer = {
		    .end = row->end,
		    .http_status = row->status,
		    .text = answer_text_of(slice_cstr(row->body), &scratch)};
		struct attempt_said said = classify(rules, &answer);

		if (said.result != row->result || said.unknown != row->unknown ||
		    said.reason != row->reason)
			fail_msg("row %zu (status %u): result %d, unknown %d, reason %s", i,
				 row->status, (int)said.result, said.unknown,
				 reason_code(said.reason));
		assert_int_equal(said.http_status, row->status);
		arena_reset(&scratch);
	}
	arena_free(&scratch);
}

static void each_answer_means_what_the_table_says(_unused_ void **state)
{
	struct answer_rules rules;

	answer_rules_default(&rules);
	expect_answers(&rules, answers, ARRAY_LEN(answers));
}

/* An order's own rules: what each of them makes of an answer. */
static void the_words_of_an_answer_decide(_unused_ void **state)
{
	static const char settings[] =
	    "{\"success\":{\"accepted\":{\"pointer\":\"/st\",\"values\":[\"ok\",1]},\"duplicate\":"
	    "{\"pattern\":\"*already*\"},\"busy\":{\"pointer\":\"/"
	    "st\",\"values\":[\"later\",true]},"
	    "\"price\":{\"pointer\":\"/price\",\"unit\":\"major\"}}}";
	static const struct answer_row rows[] = {
	    {TRANSPORT_ANSWERED, 200, "{\"st\":\"OK\"}", ATTEMPT_OK, false, REASON_NONE},
	    {TRANSPORT_ANSWERED, 200, "{\"st\":1}", ATTEMPT_OK, false, REASON_NONE},
	    /* where a yes has its word, nothing else is one */
	    {TRANSPORT_ANSWERED, 200, "{\"st\":2}", ATTEMPT_TEMPFAIL, true,
	     REASON_DELIVERY_ANSWER_UNCLEAR},
	    {TRANSPORT_ANSWERED, 200, "", ATTEMPT_TEMPFAIL, true, REASON_DELIVERY_ANSWER_UNCLEAR},
	    {TRANSPORT_ANSWERED, 200, "{\"st\":\"later\"}", ATTEMPT_TEMPFAIL, false,
	     REASON_DELIVERY_ADVERTISER_BUSY},
	    {TRANSPORT_ANSWERED, 200, "{\"st\":true}", ATTEMPT_TEMPFAIL, false,
	     REASON_DELIVERY_ADVERTISER_BUSY},
	    {TRANSPORT_ANSWERED, 200, "lead ALREADY there", ATTEMPT_PERMFAIL, false,
	     REASON_DELIVERY_DUPLICATE},
	    {TRANSPORT_ANSWERED, 422, "lead already there", ATTEMPT_PERMFAIL, false,
	     REASON_DELIVERY_DUPLICATE},
	    {TRANSPORT_BROKEN, 422, "lead already there", ATTEMPT_PERMFAIL, false,
	     REASON_DELIVERY_REFUSED},
	    {TRANSPORT_ANSWERED, 400, "{\"st\":\"later\"}", ATTEMPT_TEMPFAIL, false,
	     REASON_DELIVERY_ADVERTISER_BUSY},
	    {TRANSPORT_ANSWERED, 404, "lead already there", ATTEMPT_PERMFAIL, false,
	     REASON_DELIVERY_ENDPOINT_REFUSED},
	    {TRANSPORT_ANSWERED, 200, "{\"outcome\":\"refused\"}", ATTEMPT_PERMFAIL, false,
	     REASON_DELIVERY_REFUSED},
	};
	struct arena scratch = {0};
	struct json_fault fault;
	struct settings s;
	struct error e = {0};
	struct answer_rules rules;

	assert_true(settings_open(&s,
				  json_parse(&scratch, SLICE("{}"), JSON_LIMITS_DEFAULT, &fault),
				  "webhook", "success", &e));
	s.object = json_parse(&scratch, slice_cstr(settings), JSON_LIMITS_DEFAULT, &fault);
	if (!answer_rules_read(&s, &rules))
		fail_msg("%s", e.text);
	expect_answers(&rules, rows, ARRAY_LEN(rows));
	arena_free(&scratch);
}

static void a_price_is_read_in_minor_units_or_not_at_all(_unused_ void **state)
{
	static const struct {
		const char *body, *currency;
		bool major;
		int64_t minor; /* -1: none */
	} rows[] = {
	    {"{\"p\":450.5}", "RUB", true, 45050},   {"{\"p\":\"450\"}", "RUB", true, 45000},
	    {"{\"p\":450.00}", "RUB", true, 45000},  {"{\"p\":450}", "JPY", true, 450},
	    {"{\"p\":450.0}", "JPY", true, 450},     {"{\"p\":450.001}", "RUB", true, -1},
	    {"{\"p\":450.010}", "RUB", true, 45001}, {"{\"p\":-450}", "RUB", true, -1},
	    {"{\"p\":4.5e2}", "RUB", true, -1},      {"{\"p\":\"\"}", "RUB", true, -1},
	    {"{\"q\":1}", "RUB", true, -1},          {"450", "RUB", true, -1},
	    {"{\"p\":45000}", "RUB", false, 45000},  {"{\"p\":450.5}", "RUB", false, -1},
	    {"{\"p\":1}", "XQX", true, -1},          {"{\"p\":99999999999999999}", "RUB", true, -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answer_rules rules = {.price_pointer = "/p",
					     .price_is_major = rows[i].major};
		struct arena scratch = {0};
		struct answer_text text = answer_text_of(slice_cstr(rows[i].body), &scratch);
		int64_t minor = -1;

		if (!answer_price(&rules, &text, rows[i].currency, &minor))
			minor = -1;
		if (minor != rows[i].minor)
			fail_msg("row %zu: %lld", i, (long long)minor);
		arena_free(&scratch);
	}
}

static void a_pattern_is_held_against_the_whole_text(_unused_ void **state)
{
	assert_true(pattern_fits("*", SLICE("")));
	assert_true(pattern_fits("ok", SLICE("OK")));
	assert_false(pattern_fits("ok", SLICE("ok!")));
	assert_true(pattern_fits("ok*", SLICE("ok!")));
	assert_true(pattern_fits("*a*b?d", SLICE("xxaxxabcd")));
	assert_false(pattern_fits("*a*b?d", SLICE("xxaxxabd")));
	assert_false(pattern_fits("", SLICE("x")));
}

static void retry_after_counts_only_when_it_is_tried_again(_unused_ void **state)
{
	struct answer_rules rules;
	struct transport_answer answer = {
	    .end = TRANSPORT_ANSWERED, .http_status = 503, .retry_after_ms = 9000};

	answer_rules_default(&rules);
	assert_int_equal(classify(&rules, &answer).retry_after_ms, 9000);
	answer.http_status = 410;
	assert_int_equal(classify(&rules, &answer).retry_after_ms, 0);
}

/* What is kept of a body's words, as text in the arena. */
static const char *words_of(const char *body, struct arena *scratch)
{
	struct answer_text text = answer_text_of(slice_cstr(body), scratch);
	struct answer_rules rules;

	answer_rules_default(&rules);
	return arena_cstr(scratch, answer_words(&rules, &text, scratch));
}

static void of_a_json_answer_only_the_words_that_the_rules_name_are_kept(_unused_ void **state)
{
	struct arena scratch = {0};

	assert_string_equal(
	    words_of("{\"outcome\":\"refused\",\"reason\":\"age\",\"phone\":\"1\"}", &scratch),
	    "refused: age");
	assert_string_equal(words_of("{\"name\":\"\\u0418\\u0432\\u0430\\u043d\"}", &scratch), "");
	assert_string_equal(words_of("no such page", &scratch), "no such page");
	arena_free(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_answer_means_what_the_table_says),
	    cmocka_unit_test(the_words_of_an_answer_decide),
	    cmocka_unit_test(a_price_is_read_in_minor_units_or_not_at_all),
	    cmocka_unit_test(a_pattern_is_held_against_the_whole_text),
	    cmocka_unit_test(retry_after_counts_only_when_it_is_tried_again),
	    cmocka_unit_test(of_a_json_answer_only_the_words_that_the_rules_name_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
