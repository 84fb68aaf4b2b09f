/* The newest attempts that fit, and a changed mapping tried on recorded answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tools/deliveries_pick.h"

struct answer {
	uint8_t lead;
	int64_t at_ms;
	uint32_t status;
	const char *sample;
	bool whole;
	Punnet__V1__AttemptResult result;
	bool unknown;
	const char *reason;
};

static void add(struct pick *p, const struct answer *answer, const char *order, uint64_t offset)
{
	Punnet__V1__DeliveryAttempt a = PUNNET__V1__DELIVERY_ATTEMPT__INIT;
	Punnet__V1__Assignment assignment = PUNNET__V1__ASSIGNMENT__INIT;
	struct lead_id id = lead_id_make(1767225600000, (uint8_t[10]){answer->lead});
	_cleanup_(buf_free) struct buf bytes = {0};

	assignment.order_id = (char *)order;
	a.lead_id = codec_lead_id(&id);
	a.assignment = &assignment;
	a.started_at_ms = answer->at_ms;
	a.http_status = answer->status;
	a.answer_sample = (char *)answer->sample;
	a.answer_whole = answer->whole;
	a.result = answer->result;
	a.unknown = answer->unknown;
	a.reason_code = (char *)answer->reason;
	codec_pack(&a.base, &bytes);
	pick_add(p, &a, buf_slice(&bytes), 0, offset);
}

static void the_newest_that_fit_are_kept_in_their_order(_unused_ void **state)
{
	struct pick_filter filter = {.order_id = "bank-a"};
	struct pick p;

	pick_start(&p, &filter, 3);
	for (uint64_t i = 0; i < 40; i++) {
		struct answer a = {
		    .lead = (uint8_t)i, .at_ms = (int64_t)(i * 7 % 40), .sample = "", .reason = ""};

		add(&p, &a, i % 2 ? "bank-a" : "bank-b", i);
	}
	pick_sort(&p);
	assert_int_equal(p.fitted, 20);
	assert_int_equal(p.count, 3);
	assert_int_equal(p.all[0].started_at_ms, 35);
	assert_int_equal(p.all[2].started_at_ms, 39);
	pick_free(&p);
}

static void each_result_has_its_filter(_unused_ void **state)
{
	static const struct answer answers[] = {
	    {1, 1, 200, "", true, PUNNET__V1__ATTEMPT_RESULT__OK, false, ""},
	    {2, 2, 503, "", true, PUNNET__V1__ATTEMPT_RESULT__TEMPFAIL, false, "advertiser_error"},
	    {3, 3, 0, "", false, PUNNET__V1__ATTEMPT_RESULT__TEMPFAIL, true, "no_answer"},
	    {4, 4, 410, "", true, PUNNET__V1__ATTEMPT_RESULT__PERMFAIL, false, "endpoint_gone"},
	};
	static const struct {
		const char *result;
		size_t count;
	} rows[] = {{"ok", 1},      {"tempfail", 2}, {"permfail", 1},
		    {"unknown", 1}, {"other", 0},    {NULL, 4}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct pick_filter filter = {.result = rows[i].result};
		struct pick p;

		pick_start(&p, &filter, 10);
		for (size_t k = 0; k < ARRAY_LEN(answers); k++)
			add(&p, &answers[k], "bank-a", k);
		assert_int_equal(p.count, rows[i].count);
		pick_free(&p);
	}
}

/* The classic accident: the advertiser says "rejected" in a member that nobody looked at, and all of it was sold. */
static void a_changed_mapping_shows_what_it_would_have_changed(_unused_ void **state)
{
	static const struct answer answers[] = {
	    {1, 1, 200, "{\"status\":\"ok\"}", true, PUNNET__V1__ATTEMPT_RESULT__OK, false, ""},
	    {2, 2, 200, "{\"status\":\"rejected\"}", true, PUNNET__V1__ATTEMPT_RESULT__OK, false,
	     ""},
	    {3, 3, 200, "{\"status\":\"rejected\"}", true, PUNNET__V1__ATTEMPT_RESULT__OK, false,
	     ""},
	    {4, 4, 503, "", true, PUNNET__V1__ATTEMPT_RESULT__TEMPFAIL, false, "advertiser_error"},
	    {5, 5, 0, "", false, PUNNET__V1__ATTEMPT_RESULT__TEMPFAIL, true, "no_answer"},
	    {6, 6, 200, "", false, PUNNET__V1__ATTEMPT_RESULT__OK, false, ""},
	};
	struct pick_filter filter = {.answered = true};
	struct answer_rules rules;
	struct mapping_trial t;
	struct pick p;

	pick_start(&p, &filter, 1000);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		add(&p, &answers[i], "bank-a", i);
	pick_sort(&p);
	assert_int_equal(p.count, 5); /* without an answer there is nothing to read */

	answer_rules_default(&rules);
	mapping_try(&p, &rules, &t);
	assert_int_equal(t.tried, 4);
	assert_int_equal(t.same, 4);
	assert_int_equal(t.not_whole, 1);

	snprintf(rules.refused.pointer, sizeof(rules.refused.pointer), "/status");
	mapping_try(&p, &rules, &t);
	assert_int_equal(t.same, 2);
	assert_int_equal(t.change_count, 1);
	assert_string_equal(t.changes[0].recorded, "delivered");
	assert_string_equal(t.changes[0].now, "refused");
	assert_int_equal(t.changes[0].count, 2);
	assert_int_equal(t.changes[0].examples[0].bytes[6] >> 4, 7);
	pick_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_newest_that_fit_are_kept_in_their_order),
	    cmocka_unit_test(each_result_has_its_filter),
	    cmocka_unit_test(a_changed_mapping_shows_what_it_would_have_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
