/* What a tracker is told: URLs with places, the document, answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "delivery/core/postback.h"
#include "lead/codec.h"

static void check_for(enum postback_audience audience, const char *url, const char *why)
{
	struct error e = {0};
	enum result r = postback_check(slice_cstr(url), audience, &e);

	if (!why && r != RESULT_OK)
		fail_msg("%s: %s", url, e.text);
	if (why && (r == RESULT_OK || !strstr(e.text, why)))
		fail_msg("%s: \"%s\", expected \"%s\"", url, r == RESULT_OK ? "fine" : e.text, why);
}

static void check(const char *url, const char *why)
{
	check_for(POSTBACK_WEBMASTER, url, why);
}

static void a_url_with_what_nobody_knows_is_refused(_unused_ void **state)
{
	check("https://t.example/pb", NULL);
	check("http://t.example:8080/{event}/pb?c={click_id}&s={sub1}{sub2}#x", NULL);
	check("https://t.example?c={lead_id}", NULL);
	check("https://t.example/pb?c={clickid}", "{clickid}");
	check("https://t.example/pb?c={click_id", "no such place");
	check("https://t.example/pb?c={}", "{}");
	check("https://t.example/pb?c={{click_id}}", "no such place");
	check("https://t.example/pb?c=}", "without its {");
	check("https://{sub1}.example/pb", "behind the host");
	check("https://t.example:{round}/pb", "behind the host");
	check("ftp://t.example/pb", "http or https");
	check("https://user:pass@t.example/pb", "http or https");
	check("https://t.example/a b", "http or https");
	check("", "http or https");
}

static Punnet__V1__StatusEvent event_of(Punnet__V1__Money *payout)
{
	static uint8_t lead[16] = {0x01, 0x92, 0xf0, 0xc1, 0, 0, 0x70, 0,
				   0x80, 0,    0,    0,    0, 0, 0,    1};
	Punnet__V1__StatusEvent e = PUNNET__V1__STATUS_EVENT__INIT;

	*payout = (Punnet__V1__Money)PUNNET__V1__MONEY__INIT;
	payout->amount_minor = 45005;
	payout->currency = (char *)"RUB";
	e.lead_id = (ProtobufCBinaryData){sizeof(lead), lead};
	e.kind = PUNNET__V1__STATUS_KIND__STATUS_RETURNED;
	e.aff_id = (char *)"w17";
	e.event_id = (char *)"0192f0c1.0.returned";
	e.payout = payout;
	e.reason_code = (char *)"wrong_number";
	e.click_id = (char *)"a&b=c/d?e%20\r\nX: {sub1}";
	e.sub1 = (char *)"Анна";
	e.at_ms = 1767225600123;
	e.vertical = (char *)"credit_card";
	return e;
}

static void expect_url(const Punnet__V1__StatusEvent *e, const char *url, const char *expected)
{
	_cleanup_(buf_free) struct buf out = {0};

	check_for(postback_audience_of(e->kind), url, NULL);
	assert_true(postback_write_url(slice_cstr(url), e, &out));
	assert_string_equal(buf_cstr(&out), expected);
}

static void every_value_is_percent_encoded(_unused_ void **state)
{
	Punnet__V1__Money payout;
	Punnet__V1__StatusEvent e = event_of(&payout);

	expect_url(&e, "https://t.example/{event}?c={click_id}&s={sub1}&t={sub2}",
		   "https://t.example/returned?c=a%26b%3Dc%2Fd%3Fe%2520%0D%0AX%3A%20%7Bsub1%7D"
		   "&s=%D0%90%D0%BD%D0%BD%D0%B0&t=");
	expect_url(
	    &e, "https://t.example/?l={lead_id}&m={payout_minor}&p={payout}&cur={currency}",
	    "https://t.example/?l=0192f0c1-0000-7000-8000-000000000001&m=45005&p=450.05&cur=RUB");
	expect_url(
	    &e, "https://t.example/?at={at}&u={at_unix}&r={reason_code}&v={vertical}&t={is_test}",
	    "https://t.example/"
	    "?at=2026-01-01T00%3A00%3A00.123Z&u=1767225600&r=wrong_number&v=credit_card&t=0");
	expect_url(&e, "https://t.example/?i={event_id}&r={round}&n={reference}",
		   "https://t.example/?i=0192f0c1.0.returned&r=0&n=");
}

/* A currency without a minor unit, and one with three digits. */
static void amounts_follow_their_currency(_unused_ void **state)
{
	Punnet__V1__Money payout;
	Punnet__V1__StatusEvent e = event_of(&payout);

	payout.currency = (char *)"JPY";
	expect_url(&e, "https://t.example/{payout}", "https://t.example/45005");
	payout.currency = (char *)"KWD";
	expect_url(&e, "https://t.example/{payout}", "https://t.example/45.005");
}

static void a_payment_is_of_no_lead(_unused_ void **state)
{
	Punnet__V1__Money payout;
	Punnet__V1__StatusEvent e = event_of(&payout);

	e.kind = PUNNET__V1__STATUS_KIND__STATUS_PAID;
	e.lead_id = (ProtobufCBinaryData){0};
	e.reference = (char *)"run 4 RUB";
	expect_url(&e, "https://t.example/{event}/{lead_id}/{reference}",
		   "https://t.example/paid//run%204%20RUB");
}

static void a_url_that_grows_too_long_is_not_sent(_unused_ void **state)
{
	static char click[POSTBACK_WRITTEN_MAX + 1];
	Punnet__V1__Money payout;
	Punnet__V1__StatusEvent e = event_of(&payout);
	_cleanup_(buf_free) struct buf out = {.max = POSTBACK_WRITTEN_MAX + 1};

	memset(click, 'x', sizeof(click) - 1);
	e.click_id = click;
	assert_false(postback_write_url(SLICE("https://t.example/{click_id}"), &e, &out));
}

static void the_document_has_every_place(_unused_ void **state)
{
	Punnet__V1__Money payout;
	Punnet__V1__StatusEvent e = event_of(&payout);
	_cleanup_(buf_free) struct buf out = {0};

	postback_write_body(&e, &out);
	assert_non_null(strstr(
	    buf_cstr(&out), "{\"type\":\"returned\",\"timestamp\":\"2026-01-01T00:00:00.123Z\""));
	assert_non_null(strstr(buf_cstr(&out), "\"payout_minor\":45005,\"payout\":\"450.05\""));
	assert_non_null(strstr(buf_cstr(&out), "\"click_id\":\"a&b=c/d?e%20\\r\\nX: {sub1}\""));
#define HAS_WEBMASTER true
#define HAS_BOTH      true
#define HAS_ALL       true
#define HAS_ALERTED   false
#define HAS_OPERATOR  false
#define PLACE(name, text, to, meaning)                                                             \
	assert_int_equal(strstr(buf_cstr(&out), "\"" text "\":") != NULL, HAS_##to);
#include "delivery/core/postback_places.def"
#undef PLACE
}

static void an_alert_has_places_of_its_own(_unused_ void **state)
{
	Punnet__V1__Money cost = PUNNET__V1__MONEY__INIT;
	Punnet__V1__StatusEvent e = PUNNET__V1__STATUS_EVENT__INIT;
	_cleanup_(buf_free) struct buf out = {0};

	e.kind = PUNNET__V1__STATUS_KIND__STATUS_ORDER_SHORT;
	e.advertiser_id = (char *)"bank-a";
	e.order_id = (char *)"bank-a-cards";
	e.quantity = 1000;
	e.expected = 812;
	expect_url(&e, "https://t.example/{event}/{order_id}/{expected}/{hour_leads}",
		   "https://t.example/order_short/bank-a-cards/812/");
	postback_write_body(&e, &out);
	assert_non_null(strstr(buf_cstr(&out), "\"quantity\":\"1000\""));
	assert_null(strstr(buf_cstr(&out), "click_id"));
	e.kind = PUNNET__V1__STATUS_KIND__STATUS_CIRCUIT_OPENED;
	e.order_id = (char *)"";
	cost.amount_minor = 18540000;
	cost.currency = (char *)"RUB";
	e.hour_leads = 412;
	e.hour_cost = &cost;
	expect_url(&e, "https://t.example/{quantity}/{hour_leads}/{hour_cost}/{currency}",
		   "https://t.example//412/185400.00/RUB");
	check_for(POSTBACK_ALERTED, "https://t.example/{click_id}", "docs/delivery.md");
	check("https://t.example/{order_id}", "no such place");
	assert_true(postback_event_known(SLICE("order_short"), POSTBACK_ALERTED));
	assert_false(postback_event_known(SLICE("order_short"), POSTBACK_WEBMASTER));
	assert_false(postback_event_known(SLICE("paid"), POSTBACK_ALERTED));
}

/* An operator's alerts may be advertisers', too; an advertiser's are never the network's. */
static void what_concerns_the_network_is_for_operators(_unused_ void **state)
{
	Punnet__V1__StatusEvent e = PUNNET__V1__STATUS_EVENT__INIT;
	_cleanup_(buf_free) struct buf out = {0};

	e.kind = PUNNET__V1__STATUS_KIND__STATUS_DEAD_LETTERS;
	e.found = 3;
	e.topic = (char *)"leads.raw";
	e.first = (char *)"leads.raw/3@7";
	expect_url(&e, "https://t.example/{event}/{found}/{topic}/{first}/{hour_leads}/{quantity}",
		   "https://t.example/dead_letters/3/leads.raw/leads.raw%2F3%407//");
	postback_write_body(&e, &out);
	assert_non_null(strstr(buf_cstr(&out), "\"found\":\"3\""));
	assert_null(strstr(buf_cstr(&out), "order_id"));
	check_for(POSTBACK_ALERTED, "https://t.example/{topic}", "docs/delivery.md");
	check("https://t.example/{first}", "no such place");
	assert_true(postback_event_known(SLICE("dead_letters"), POSTBACK_OPERATOR));
	assert_true(postback_event_known(SLICE("order_short"), POSTBACK_OPERATOR));
	assert_false(postback_event_known(SLICE("audit_broken"), POSTBACK_ALERTED));
	assert_false(postback_event_known(SLICE("approved"), POSTBACK_OPERATOR));
}

static void answers_are_read_in_the_order_of_the_table(_unused_ void **state)
{
	static const struct {
		enum transport_end end;
		uint32_t status;
		enum postback_end expected;
		enum attempt_result result;
	} rows[] = {
	    {TRANSPORT_ANSWERED, 200, POSTBACK_ARRIVED, ATTEMPT_OK},
	    {TRANSPORT_ANSWERED, 204, POSTBACK_ARRIVED, ATTEMPT_OK},
	    {TRANSPORT_TOO_LONG, 200, POSTBACK_ARRIVED, ATTEMPT_OK},
	    {TRANSPORT_BROKEN, 200, POSTBACK_ARRIVED, ATTEMPT_OK},
	    {TRANSPORT_BROKEN, 0, POSTBACK_NO_ANSWER, ATTEMPT_TEMPFAIL},
	    {TRANSPORT_NOT_SENT, 0, POSTBACK_UNREACHABLE, ATTEMPT_TEMPFAIL},
	    {TRANSPORT_ANSWERED, 302, POSTBACK_REFUSED, ATTEMPT_TEMPFAIL},
	    {TRANSPORT_ANSWERED, 404, POSTBACK_REFUSED, ATTEMPT_TEMPFAIL},
	    {TRANSPORT_ANSWERED, 410, POSTBACK_GONE, ATTEMPT_PERMFAIL},
	    {TRANSPORT_ANSWERED, 429, POSTBACK_BUSY, ATTEMPT_TEMPFAIL},
	    {TRANSPORT_ANSWERED, 503, POSTBACK_ERROR, ATTEMPT_TEMPFAIL},
	    {TRANSPORT_ADDRESS_REFUSED, 0, POSTBACK_ADDRESS_REFUSED, ATTEMPT_PERMFAIL},
	    {TRANSPORT_URL_UNUSABLE, 0, POSTBACK_URL_UNUSABLE, ATTEMPT_PERMFAIL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct transport_answer answer = {.end = rows[i].end,
						  .http_status = rows[i].status};

		assert_int_equal(postback_judge(&answer), rows[i].expected);
		assert_int_equal(postback_result(rows[i].expected), rows[i].result);
	}
}

static void a_host_is_what_places_are_counted_by(_unused_ void **state)
{
	assert_true(
	    slice_is(postback_host(SLICE("https://t.example:8443/a?b")), "https://t.example:8443"));
	assert_true(slice_is(postback_host(SLICE("http://t.example?b")), "http://t.example"));
	assert_true(slice_is(postback_host(SLICE("http://t.example")), "http://t.example"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_url_with_what_nobody_knows_is_refused),
	    cmocka_unit_test(every_value_is_percent_encoded),
	    cmocka_unit_test(amounts_follow_their_currency),
	    cmocka_unit_test(a_payment_is_of_no_lead),
	    cmocka_unit_test(a_url_that_grows_too_long_is_not_sent),
	    cmocka_unit_test(the_document_has_every_place),
	    cmocka_unit_test(an_alert_has_places_of_its_own),
	    cmocka_unit_test(what_concerns_the_network_is_for_operators),
	    cmocka_unit_test(answers_are_read_in_the_order_of_the_table),
	    cmocka_unit_test(a_host_is_what_places_are_counted_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
