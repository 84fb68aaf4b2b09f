/* What webmasters see of today's demand, and advertisers of an order's last day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/board_rows.h"
#include "tools/order_day.h"

#define NOW_MS 1796083200000LL /* 2026-12-01T00:00:00Z */

static void add(struct board_rows *rows, Punnet__V1__Criterion *region, int64_t payout,
		uint64_t left)
{
	static Punnet__V1__OrderTerms all[16];
	static Punnet__V1__Criterion *wheres[16][1];
	static Punnet__V1__Money price = PUNNET__V1__MONEY__INIT;
	static char *countries[] = {(char *)"RU", (char *)"KZ"};
	static size_t n;
	Punnet__V1__OrderTerms *t = &all[n];

	punnet__v1__order_terms__init(t);
	price.currency = (char *)"RUB";
	t->price = &price;
	t->vertical = (char *)"cards";
	t->countries = countries;
	t->n_countries = 2;
	wheres[n][0] = region;
	t->where = wheres[n++];
	t->n_where = region ? 1 : 0;
	board_add(rows, t, payout, left);
}

static void demand_stands_in_a_row_a_region(_unused_ void **state)
{
	char *values[] = {(char *)"Tver", (char *)"Tula"};
	Punnet__V1__Criterion both = PUNNET__V1__CRITERION__INIT, tula = both, not_tula = both;
	struct board_rows rows = {0};

	both.name = tula.name = not_tula.name = (char *)"region";
	both.values = values;
	both.n_values = 2;
	tula.values = not_tula.values = &values[1];
	tula.n_values = not_tula.n_values = 1;
	not_tula.kind = PUNNET__V1__CRITERION_KIND__CRITERION_NOT_IN;
	add(&rows, &both, 100, 7);
	add(&rows, &tula, 300, 5);
	add(&rows, NULL, 200, UINT64_MAX);
	add(&rows, &not_tula, 250, 9);
	board_sort(&rows);
	assert_int_equal(rows.count, 3);
	assert_string_equal(rows.items[0].region, "Tula");
	assert_string_equal(rows.items[0].countries, "RU,KZ");
	assert_int_equal(rows.items[0].payout_minor, 300);
	assert_int_equal(rows.items[0].left, 12);
	assert_int_equal(rows.items[0].orders, 2);
	assert_false(rows.items[0].unbounded);
	assert_string_equal(rows.items[1].region, "");
	assert_int_equal(rows.items[1].payout_minor, 250);
	assert_true(rows.items[1].unbounded);
	assert_int_equal(rows.items[1].orders, 2);
	assert_string_equal(rows.items[2].region, "Tver");
	assert_int_equal(rows.items[2].left, 7);
	board_free(&rows);
}

static void decided(struct order_day *d, int64_t ago_ms, const char *winner, const char *code)
{
	Punnet__V1__DecisionRecord record = PUNNET__V1__DECISION_RECORD__INIT;
	Punnet__V1__Candidate other = PUNNET__V1__CANDIDATE__INIT, mine = other;
	Punnet__V1__Candidate *candidates[] = {&other, &mine};
	struct lead_id id = {{1}};

	other.order_id = (char *)"other";
	other.code = (char *)"route_won";
	mine.order_id = (char *)"o";
	mine.code = (char *)code;
	mine.detail = (char *)"300 of 300";
	record.log_time_ms = d->now_ms - ago_ms;
	record.candidates = candidates;
	record.n_candidates = 2;
	order_day_add(d, &record, winner, &id);
}

static void an_orders_last_day_is_told(_unused_ void **state)
{
	struct order_day d = {.order_id = "o", .now_ms = NOW_MS};
	_cleanup_(buf_free) struct buf words = {0}, json = {0};

	for (int i = 0; i < 7; i++)
		decided(&d, MS_PER_MIN, "o", "route_won");
	decided(&d, 23 * MS_PER_HOUR + MS_PER_MIN, "o", "route_won");
	decided(&d, 25 * MS_PER_HOUR, "o", "route_won"); /* another day's */
	decided(&d, 2 * MS_PER_HOUR, NULL, "cap_day");
	decided(&d, 3 * MS_PER_HOUR, "other", "outbid");
	decided(&d, MS_PER_HOUR, NULL, "cap_day");
	assert_int_equal(order_day_got(&d), 8);
	order_day_words(&d, &words);
	assert_string_equal(
	    buf_cstr(&words),
	    "  last day ▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 8 leads, an hour a bar up to now\n"
	    "  did not get 2 cap_day, 1 outbid (as far as a decision's record names it)\n"
	    "    2026-11-30T23:00:00.000Z  lead 01000000-0000-0000-0000-000000000000  cap_day: 300 "
	    "of 300\n"
	    "    2026-11-30T22:00:00.000Z  lead 01000000-0000-0000-0000-000000000000  cap_day: 300 "
	    "of 300\n"
	    "    2026-11-30T21:00:00.000Z  lead 01000000-0000-0000-0000-000000000000  outbid: 300 "
	    "of 300\n");
	order_day_json(&d, &json);
	assert_string_equal(buf_cstr(&json),
			    ",\"last_day\":[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,7],"
			    "\"missed\":{\"cap_day\":2,\"outbid\":1}");
}

static void only_the_newest_misses_are_shown(_unused_ void **state)
{
	struct order_day d = {.order_id = "o", .now_ms = NOW_MS};

	for (int i = 0; i < 20; i++)
		decided(&d, (i * 7 % 20) * MS_PER_MIN, NULL, "outbid");
	assert_int_equal(d.last_count, ORDER_DAY_LAST);
	for (int i = 0; i < ORDER_DAY_LAST; i++)
		assert_int_equal(d.last[i].at_ms, NOW_MS - i * MS_PER_MIN);
	assert_int_equal(d.reasons[0].leads, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(demand_stands_in_a_row_a_region),
	    cmocka_unit_test(an_orders_last_day_is_told),
	    cmocka_unit_test(only_the_newest_misses_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
