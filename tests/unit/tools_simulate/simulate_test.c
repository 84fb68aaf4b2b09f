/* A simulation's lines, and the words of a forecast. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tools/pace_words.h"
#include "tools/simulate_read.h"

static const char *read_line(struct arena *a, const char *text, struct sim_lead *ret)
{
	return sim_lead_read(a, slice_cstr(text), ret);
}

static void a_line_is_a_lead_with_its_bids(void **state)
{
	struct arena a = {0};
	struct sim_lead lead;

	(void)state;
	assert_null(read_line(
	    &a,
	    "{\"at\":\"2026-12-01T10:00:00Z\",\"vertical\":\"osago\",\"aff_id\":\"w1\",\"score\":-"
	    "3,"
	    "\"fields\":{\"country\":\"RU\",\"age\":30,\"rate\":1.5,\"new\":true,\"none\":null},"
	    "\"bids\":{\"a\":100,\"b\":0},\"outcomes\":{\"a\":\"refused\"},\"color\":\"red\"}",
	    &lead));
	assert_true(lead.at_ms == 1796119200000);
	assert_string_equal(lead.lead.country, "RU");
	assert_int_equal(lead.lead.n_fields, 4); /* age, rate, new, color */
	assert_int_equal(lead.admitted.n_bids, 2);
	assert_int_equal(lead.admitted.score, -3);
	assert_true(lead.admitted.bids[0]->amount_minor == 100);
	assert_int_equal(sim_lead_outcome(&lead, "a"), PUNNET__V1__SETTLEMENT__REFUSED);
	assert_int_equal(sim_lead_outcome(&lead, "b"), PUNNET__V1__SETTLEMENT__DELIVERED);
	arena_free(&a);
}

static void what_stands_beside_fields_goes_before_what_stands_in_it(void **state)
{
	struct arena a = {0};
	struct sim_lead lead;

	(void)state;
	assert_null(read_line(&a,
			      "{\"country\":\"KZ\",\"at\":1796119200000,\"vertical\":\"osago\","
			      "\"fields\":{\"country\":\"RU\"}}",
			      &lead));
	assert_string_equal(lead.lead.country, "KZ");
	assert_int_equal(lead.admitted.n_bids, 0);
	arena_free(&a);
}

/* Without `bids` the orders' prices hold; with an empty one nobody wants the lead. */
static void no_bid_is_not_no_bids(void **state)
{
	struct arena a = {0};
	struct sim_lead lead;

	(void)state;
	assert_null(
	    read_line(&a, "{\"at\":1796119200000,\"vertical\":\"osago\",\"bids\":{}}", &lead));
	assert_int_equal(lead.admitted.n_bids, 1);
	assert_string_equal(lead.admitted.bids[0]->order_id, "");
	arena_free(&a);
}

static void a_bad_line_says_what_was_expected(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
	    {"[1]", "expected an object"},
	    {"{\"vertical\":\"osago\"}", "at: expected"},
	    {"{\"at\":1796119200,\"vertical\":\"osago\"}", "at: expected"},
	    {"{\"at\":\"yesterday\",\"vertical\":\"osago\"}", "at: expected"},
	    {"{\"at\":1796119200000}", "vertical: expected"},
	    {"{\"at\":1796119200000,\"vertical\":7}", "vertical: expected a text"},
	    {"{\"at\":1796119200000,\"vertical\":\"v\",\"bids\":{\"a\":1.5}}", "bids: a: expected"},
	    {"{\"at\":1796119200000,\"vertical\":\"v\",\"bids\":{\"a\":-1}}", "bids: a: expected"},
	    {"{\"at\":1796119200000,\"vertical\":\"v\",\"bids\":[]}", "bids: expected"},
	    {"{\"at\":1796119200000,\"vertical\":\"v\",\"fields\":[]}", "fields: expected"},
	    {"{\"at\":1796119200000,\"vertical\":\"v\",\"outcomes\":{\"a\":\"no\"}}", "outcomes:"},
	    {"{\"at\":1796119200000,", "at byte"},
	};
	struct arena a = {0};
	struct sim_lead lead;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *why = read_line(&a, cases[i].line, &lead);

		assert_non_null(why);
		if (!strstr(why, cases[i].why))
			fail_msg("%s: %s", cases[i].line, why);
	}
	arena_free(&a);
}

static void a_forecast_reads_as_a_sentence(void **state)
{
	Punnet__V1__OrderProgress p = PUNNET__V1__ORDER_PROGRESS__INIT;
	Punnet__V1__Pace pace = PUNNET__V1__PACE__INIT;
	struct buf text = {0};

	(void)state;
	pace_words(&p, &text);
	assert_int_equal(text.len, 0);
	p.quantity = 5000;
	p.until_ms = 1796148000000;
	p.pace = &pace;
	pace.state = PUNNET__V1__PACE_STATE__PACE_SHORT;
	pace.planned = 3050;
	pace.expected = 4180;
	pace.low = 3900;
	pace.high = 4400;
	pace_words(&p, &text);
	assert_string_equal(buf_cstr(&text),
			    "4,180 of 5,000 by 2026-12-01 18:00 UTC, 80 % between 3,900 and 4,400; "
			    "SHORT: it will not be met; by plan 3,050 by now");
	buf_reset(&text);
	pace_json(&p, &text);
	assert_string_equal(buf_cstr(&text),
			    ",\"pace\":{\"state\":\"short\",\"since_ms\":0,\"planned\":3050,"
			    "\"expected\":4180,\"low\":3900,\"high\":4400,\"supply\":0,"
			    "\"scarcity_minor\":0}");
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_is_a_lead_with_its_bids),
	    cmocka_unit_test(what_stands_beside_fields_goes_before_what_stands_in_it),
	    cmocka_unit_test(no_bid_is_not_no_bids),
	    cmocka_unit_test(a_bad_line_says_what_was_expected),
	    cmocka_unit_test(a_forecast_reads_as_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
