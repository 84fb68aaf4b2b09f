/* Scorecards over a small ledger, as golden text, on both databases: a slow buyer, an empty one, and one who returns what others keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "base/buf.h"
#include "ledgers.h"
#include "look.h"
#include "outcomes.h"
#include "payout/reports/reports.h"

#define EACH 40 /* leads of a buyer */

static struct store *store;
static struct error error;
static char *written;
static size_t written_len;
static const struct report_period always = {0, 4000000000000LL};

/* Lead n of a buyer, delivered, called after so many minutes, and judged. */
static void deal(struct outcomes *o, uint32_t lead, const char *buyer, int64_t call_min,
		 enum life_event verdict, const char *reason)
{
	char id[20];
	int64_t delivered = OUTCOMES_T0 + (int64_t)o->count * MS_PER_S;

	outcomes_add_delivery(o, lead, EVENT_DELIVERED, 0, buyer, 45000, 30000);
	snprintf(id, sizeof(id), "v%u", (unsigned)lead);
	outcomes_add_said(o, lead, verdict, buyer, id, reason,
			  call_min ? delivered + call_min * MS_PER_MIN : 0);
}

static int begin(_unused_ void **state)
{
	static struct outcomes o;
	char url[200];

	o.count = 0;
	snprintf(url, sizeof(url), "%s", ledgers_fresh_url());
	store = store_open(url, 1000, &error);
	assert_non_null(store);
	for (uint32_t i = 0; i < EACH; i++) {
		uint32_t lead = i * 10 + 1;

		deal(&o, lead, "bank-fine", 5, i % 20 ? EVENT_APPROVED : EVENT_RETURNED,
		     "no_intent");
		deal(&o, lead + 1, "bank-slow", 90 + i, EVENT_APPROVED, "");
		deal(&o, lead + 2, "bank-empty", 5, i % 4 ? EVENT_APPROVED : EVENT_RETURNED,
		     "out_of_stock");
		deal(&o, lead + 3, "bank-wary", 5, i % 4 ? EVENT_APPROVED : EVENT_RETURNED,
		     "wrong_number");
		deal(&o, lead + 4, "bank-mute", 0, i < 10 ? EVENT_UNREACHABLE : EVENT_SOLD, "");
	}
	outcomes_add_said(&o, 1, EVENT_SOLD, "bank-fine", "again", "", 0);
	outcomes_add_verdict(&o, 11, EVENT_SOLD, "bank-fine", "once");
	outcomes_add_verdict(&o, 11, EVENT_SOLD, "bank-fine", "twice");
	if (outcomes_settle(&o, store, 0, 100, NULL, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	outcomes_free(&o);
	return 0;
}

static int end(_unused_ void **state)
{
	store_close(store);
	free(written);
	written = NULL;
	return 0;
}

static FILE *start_writing(void)
{
	free(written);
	written = NULL;
	return open_memstream(&written, &written_len);
}

static void a_slow_buyer_and_an_empty_one_are_told_from_a_bad_source(_unused_ void **state)
{
	FILE *out = start_writing();

	/* Every source sells to one buyer in this ledger: let all be one, so that there are others to compare with. */
	query(store, "UPDATE lives SET aff_id = 'w1'", NULL, NULL);
	if (report_scorecard_advertisers(store, &always, REPORT_CSV, out, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	fclose(out);
	assert_string_equal(
	    written, "advertiser,leads,pending,approved,returned,waived,called,call_minutes,"
		     "reached_per_mille,"
		     "returned_per_mille,peers_returned_per_mille,own_cause,finding\n"
		     "\"bank-empty\",40,10,30,0,0,40,5,1000,0,100,10,empty\n"
		     "\"bank-fine\",40,0,38,2,0,40,5,1000,50,90,0,fine\n"
		     "\"bank-mute\",40,40,0,0,0,0,-1,750,0,-1,0,fine\n"
		     "\"bank-slow\",40,0,40,0,0,40,110,1000,0,109,0,slow\n"
		     "\"bank-wary\",40,0,30,10,0,40,5,1000,250,18,0,returns more than others\n");
}

static void keep_finding(void *ctx, const struct standing *s)
{
	static const struct standing_rule rule = {60, 25, 20}, off = {0, 0, 20},
					  many = {60, 25, 41};
	struct buf *out = ctx;

	buf_printf(out, "%s %d\n", s->advertiser, (int)standing_judge(s, &rule));
	assert_int_equal(standing_judge(s, &off), STANDING_FINE);
	assert_int_equal(standing_judge(s, &many), STANDING_TOO_FEW);
}

static void a_rule_finds_the_slow_and_the_empty_and_nobody_else(_unused_ void **state)
{
	_cleanup_(buf_free) struct buf found = {0};
	struct standing edge = {.advertiser = "x",
				.leads = 100,
				.called = 20,
				.own_cause = 25,
				.call_ms = 60 * MS_PER_MIN};
	struct standing_rule rule = {60, 25, 20};

	assert_int_equal(report_standings(store, &always, keep_finding, &found, &error), RESULT_OK);
	assert_string_equal(buf_cstr(&found),
			    "bank-empty 3\nbank-fine 0\nbank-mute 0\nbank-slow 2\nbank-wary 0\n");
	/* at the threshold, and one below it */
	assert_int_equal(standing_judge(&edge, &rule), STANDING_EMPTY);
	edge.own_cause = 24;
	assert_int_equal(standing_judge(&edge, &rule), STANDING_SLOW);
	edge.call_ms--;
	assert_int_equal(standing_judge(&edge, &rule), STANDING_FINE);
	edge.call_ms = 100 * MS_PER_MIN;
	edge.called = 19; /* of too few calls nothing is concluded */
	assert_int_equal(standing_judge(&edge, &rule), STANDING_FINE);
}

static const struct sub_costs *costs_of(_unused_ void *ctx, struct slice sub)
{
	static const struct sub_costs costs = {1000, 500000};

	return slice_is(sub, "") ? &costs : NULL;
}

static void a_sub_id_shows_what_it_is_worth(_unused_ void **state)
{
	FILE *out = start_writing();

	query(store, "UPDATE lives SET sub2 = 'night' WHERE advertiser_id = 'bank-wary'", NULL,
	      NULL);
	query(store, "UPDATE lives SET aff_id = 'w1'", NULL, NULL);
	if (report_scorecard_webmaster(store, "w1", 2, &always, costs_of, NULL, REPORT_CSV, out,
				       &error) != RESULT_OK)
		fail_msg("%s", error.text);
	fclose(out);
	assert_string_equal(
	    written, "sub,leads,approved,returned,pending,earned_minor,pending_minor,currency,"
		     "bought,bought_again,"
		     "clicks,cost_minor,roi_per_mille,reasons\n"
		     "\"\",160,108,2,50,3240000,1500000,RUB,32,1,1000,500000,5480,\"no_intent 2\"\n"
		     "\"night\",40,30,10,0,900000,0,RUB,0,0,0,0,0,\"wrong_number 10\"\n");
	out = start_writing();
	assert_int_equal(report_scorecard_webmaster(store, "w1", 2, &always, costs_of, NULL,
						    REPORT_TEXT, out, &error),
			 RESULT_OK);
	fclose(out);
	assert_non_null(strstr(written, "EPC 32.40 RUB of 1000 clicks, left 27400.00 RUB"));
}

static void every_verdict_says_what_became_of_it(_unused_ void **state)
{
	FILE *out = start_writing();

	if (report_verdicts(store, "bank-empty", &always, REPORT_CSV, out, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	fclose(out);
	assert_non_null(strstr(written, ",returned,\"v3\",\"out_of_stock\",ignored,own_cause\n"));
	assert_non_null(strstr(written, ",approved,\"v13\",\"out_of_stock\",counted,\n"));
}

static int run_suite(const char *name)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(a_slow_buyer_and_an_empty_one_are_told_from_a_bad_source),
	    TEST(a_rule_finds_the_slow_and_the_empty_and_nobody_else),
	    TEST(a_sub_id_shows_what_it_is_worth),
	    TEST(every_verdict_says_what_became_of_it),
	};
#undef TEST

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
	return ledgers_run("scorecards", run_suite);
}
