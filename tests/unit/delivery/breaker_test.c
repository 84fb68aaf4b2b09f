/* An advertiser that fails: when its circuit opens, how it is probed, what the market hears, and what an hour costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "delivery/core/breaker.h"
#include "delivery/core/meter.h"
#include "delivery/core/rate.h"

static const struct lead_id leads[] = {{{1}}, {{2}}, {{3}}};
static const struct attempt_said ok = {.result = ATTEMPT_OK};
static const struct attempt_said no = {.result = ATTEMPT_PERMFAIL,
				       .reason = REASON_DELIVERY_REFUSED};
static const struct attempt_said error = {.result = ATTEMPT_TEMPFAIL,
					  .reason = REASON_DELIVERY_ADVERTISER_ERROR};
static const struct attempt_said unreachable = {.result = ATTEMPT_TEMPFAIL,
						.reason = REASON_DELIVERY_UNREACHABLE};
static const struct attempt_said silent = {
    .result = ATTEMPT_TEMPFAIL, .unknown = true, .reason = REASON_DELIVERY_NO_ANSWER};

/* One row a case: what came, of which lead, at which second, how long it took; and when the circuit is open after it. */
static void it_opens_within_a_minute_and_not_for_one_lead_alone(_unused_ void **state)
{
	static const struct {
		const char *name;
		struct {
			const struct attempt_said *said;
			int lead, at_s, took_s;
		} heard[8];
		int opens_at_s; /* -1: it does not */
	} rows[] = {
	    {"two leads, the usual schedule",
	     {{&error, 0, 0, 0}, {&error, 0, 0, 0}, {&error, 0, 5, 0}, {&error, 1, 20, 0}},
	     20},
	    {"one lead that they choke on",
	     {{&error, 0, 0, 0}, {&error, 0, 5, 0}, {&error, 0, 35, 0}, {&error, 0, 155, 0}},
	     -1},
	    {"one lead that can't be sent",
	     {{&unreachable, 0, 0, 0}, {&unreachable, 0, 5, 0}, {&unreachable, 0, 35, 0}},
	     35},
	    {"time-outs of 30 s", {{&silent, 0, 30, 30}, {&silent, 1, 60, 30}}, 60},
	    {"a moment of many errors is no outage",
	     {{&error, 0, 0, 0},
	      {&error, 1, 1, 0},
	      {&error, 2, 2, 0},
	      {&ok, 0, 3, 0},
	      {&error, 1, 20, 0}},
	     -1},
	    {"a refusal is an answer",
	     {{&error, 0, 0, 0}, {&error, 1, 1, 0}, {&no, 2, 2, 0}, {&error, 1, 20, 0}},
	     -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct breaker b = {0};
		int opened_s = -1;

		for (size_t n = 0; n < ARRAY_LEN(rows[i].heard) && rows[i].heard[n].said; n++) {
			int64_t now_ms = 1000000 + rows[i].heard[n].at_s * MS_PER_S;
			struct breaker_news news =
			    breaker_heard(&b, rows[i].heard[n].said, &leads[rows[i].heard[n].lead],
					  rows[i].heard[n].took_s * MS_PER_S, now_ms);

			if (news.opened)
				opened_s = rows[i].heard[n].at_s;
			assert_true(news.opened == (news.hold && b.open));
		}
		if (opened_s != rows[i].opens_at_s)
			fail_msg("%s: opened at %d s", rows[i].name, opened_s);
	}
}

static void break_it(struct breaker *b, int64_t now_ms)
{
	for (int i = 0; i < BREAKER_FAILURES; i++) {
		assert_true(breaker_allows(b, now_ms));
		assert_int_equal(breaker_heard(b, &error, &leads[i % 2], 10, now_ms).opened,
				 i == BREAKER_FAILURES - 1);
	}
}

static void while_it_is_open_one_probe_a_second_is_sent(_unused_ void **state)
{
	struct breaker b = {0};

	break_it(&b, 5000);
	assert_false(breaker_allows(&b, 5000));
	assert_false(breaker_allows(&b, 5000 + BREAKER_PROBE_MS - 1));
	assert_int_equal(b.held_back, 2);
	assert_true(breaker_allows(&b, 5000 + BREAKER_PROBE_MS));
	assert_false(breaker_allows(&b, 5000 + BREAKER_PROBE_MS)); /* one probe */
	assert_false(breaker_heard(&b, &error, &leads[0], 10, 6000).opened);
	assert_false(breaker_allows(&b, 5000 + 2 * BREAKER_PROBE_MS - 1));
	assert_true(breaker_allows(&b, 5000 + 2 * BREAKER_PROBE_MS));
	assert_true(breaker_heard(&b, &no, &leads[0], 10, 9000).closed); /* it speaks */
	assert_true(breaker_allows(&b, 9000));
	assert_true(breaker_allows(&b, 9000));
}

static void the_hold_is_renewed_by_probes_and_ends_with_the_circuit(_unused_ void **state)
{
	struct breaker b = {0};
	int holds = 0;
	int64_t now_ms;

	break_it(&b, 5000);
	assert_int_equal(b.held_until_ms, 5000 + BREAKER_HOLD_MS);
	for (now_ms = 6000; now_ms < 5000 + 10 * MS_PER_MIN; now_ms += BREAKER_PROBE_MS) {
		assert_true(breaker_allows(&b, now_ms));
		holds += breaker_heard(&b, &error, &leads[0], 10, now_ms).hold;
		assert_true(b.held_until_ms > now_ms); /* never a gap */
	}
	/* one event every 40 s, not one a probe */
	assert_int_equal(holds, 14);
	assert_true(breaker_heard(&b, &ok, &leads[0], 10, now_ms).hold);
	assert_int_equal(b.held_until_ms, 0);
	assert_false(breaker_heard(&b, &ok, &leads[0], 10, now_ms).hold);
}

static void an_hour_costs_what_the_last_one_brought(_unused_ void **state)
{
	const int64_t start_ms = 1767225600000;
	struct meter m = {0};
	struct meter_hour h;

	assert_int_equal(meter_read(&m, start_ms).leads, 0);
	for (int64_t minute = 0; minute < 120; minute++) {
		meter_add(&m, "RUB", 45000, start_ms + minute * MS_PER_MIN);
		if (minute % 2)
			meter_add(&m, "KZT", 1000, start_ms + minute * MS_PER_MIN + 1);
		meter_add(&m, minute ? "USD" : "KZT", 1,
			  start_ms + minute * MS_PER_MIN + 2); /* has no slot */
	}
	h = meter_read(&m, start_ms + 119 * MS_PER_MIN + 5);
	assert_int_equal(h.leads, 60 + 30 + 60);
	assert_string_equal(h.currency[0], "RUB");
	assert_int_equal(h.minor[0], 60 * 45000);
	assert_int_equal(h.minor[1], 30 * 1000);
	assert_int_equal(meter_read(&m, start_ms + 200 * MS_PER_MIN).leads, 0);

	/* ten minutes are scaled to an hour */
	m = (struct meter){0};
	for (int minute = 0; minute < 10; minute++)
		meter_add(&m, "RUB", 100, start_ms + minute * MS_PER_MIN);
	assert_int_equal(meter_read(&m, start_ms + 10 * MS_PER_MIN).minor[0], 6000);
}

static void a_rate_is_kept_over_any_second(_unused_ void **state)
{
	struct rate r = {0};
	int64_t now_us = 1000000;
	int sent = 0;

	for (int step = 0; step < 10000; step++, now_us += 1000) {
		if (rate_wait_us(&r, 50, now_us) > 0)
			continue;
		rate_take(&r, 50, now_us);
		sent++;
	}
	/* ten seconds at 50/s, and what 100 ms of credit allow */
	assert_in_range(sent, 500, 506);
	assert_int_equal(rate_wait_us(&r, 0, now_us), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_opens_within_a_minute_and_not_for_one_lead_alone),
	    cmocka_unit_test(while_it_is_open_one_probe_a_second_is_sent),
	    cmocka_unit_test(the_hold_is_renewed_by_probes_and_ends_with_the_circuit),
	    cmocka_unit_test(an_hour_costs_what_the_last_one_brought),
	    cmocka_unit_test(a_rate_is_kept_over_any_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
