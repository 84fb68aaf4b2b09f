/* Money that no lead moves, on both databases: funds, exchange, runs of payments in two steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "lead/codec.h"
#include "ledgers.h"
#include "look.h"
#include "outcomes.h"
#include "payout/store/runs.h"
#include "proto/market.pb-c.h"

#define TIMEOUT_MS 2000
#define NOW_MS     (OUTCOMES_T0 + 100 * MS_PER_DAY)

static struct error error;

static int begin(void **state)
{
	char url[200];

	snprintf(url, sizeof(url), "%s", ledgers_fresh_url());
	*state = store_open(url, TIMEOUT_MS, &error);
	return *state ? 0 : -1;
}

static int end(void **state)
{
	store_close(*state);
	return 0;
}

static struct operation op_of(enum operation_kind kind, const char *party, const char *reference,
			      int64_t minor)
{
	return (struct operation){.kind = kind,
				  .party = party,
				  .reference = reference,
				  .amount = {minor, "RUB"},
				  .into = {operation_moves_funds(kind) ? minor : 0, ""},
				  .at_ms = NOW_MS,
				  .market_partition = 1,
				  .who = "ann",
				  .why = "a test"};
}

static enum result operate(struct store *s, struct operation o, bool *ret_repeat)
{
	error = (struct error){0};
	return store_operate(s, &o, ret_repeat, &error);
}

/* As the market hears of it: the newest row of the outbox. */
static Punnet__V1__FundsChanged *told(struct store *s, struct arena *a)
{
	struct outbox_row rows[50];
	const Punnet__V1__MarketEvent *m;
	size_t count;

	assert_int_equal(store_outbox_read(s, 0, 0, ARRAY_LEN(rows), a, rows, &count, &error),
			 RESULT_OK);
	assert_true(count > 0);
	m = codec_unpack(a, &punnet__v1__market_event__descriptor, rows[count - 1].payload);
	assert_int_equal(m->event_case, PUNNET__V1__MARKET_EVENT__EVENT_FUNDS);
	assert_int_equal(rows[count - 1].partition, 1);
	return m->funds;
}

static void funds_are_booked_once_and_the_market_hears_the_total(void **state)
{
	struct store *s = *state;
	struct arena a = {0};
	bool repeat;

	assert_int_equal(operate(s, op_of(OPERATION_DEPOSIT, "bank-a", "p1", 100000), &repeat),
			 RESULT_OK);
	assert_false(repeat);
	assert_int_equal(told(s, &a)->paid_in_minor, 100000);
	assert_int_equal(operate(s, op_of(OPERATION_DEPOSIT, "bank-a", "p1", 100000), &repeat),
			 RESULT_OK);
	assert_true(repeat);
	assert_int_equal(operate(s, op_of(OPERATION_DEPOSIT, "bank-a", "p1", 100001), &repeat),
			 RESULT_BAD);
	assert_non_null(strstr(error.text, "was used before"));
	assert_int_equal(operate(s, op_of(OPERATION_DEPOSIT, "bank-a", "p2", 5000), &repeat),
			 RESULT_OK);
	assert_int_equal(operate(s, op_of(OPERATION_CREDIT_LIMIT, "bank-a", "c1", 7000), &repeat),
			 RESULT_OK);
	assert_int_equal(told(s, &a)->paid_in_minor, 105000);
	assert_int_equal(told(s, &a)->credit_minor, 7000);
	assert_int_equal(told(s, &a)->revision, NOW_MS + 3); /* grows, though the clock stood */
	assert_int_equal(
	    number(s, "SELECT balance FROM balances WHERE account = 'advertisers:bank-a:funds'"),
	    -105000);
	assert_int_equal(number(s, "SELECT CAST(SUM(balance) AS BIGINT) FROM accounts"), 0);
	arena_free(&a);
}

/* Elsewhere amounts in flight were not counted against the balance. */
static void nobody_withdraws_what_leads_have_cost(void **state)
{
	static struct outcomes o;
	struct store *s = *state;
	bool repeat;

	outcomes_add_delivery(&o, 1, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	assert_int_equal(outcomes_settle(&o, s, 0, 10, NULL, &error), RESULT_OK);
	assert_int_equal(operate(s, op_of(OPERATION_DEPOSIT, "bank-a", "p1", 100000), &repeat),
			 RESULT_OK);
	assert_int_equal(operate(s, op_of(OPERATION_WITHDRAW, "bank-a", "w1", 55001), &repeat),
			 RESULT_BAD);
	assert_non_null(strstr(error.text, "550.00 RUB"));
	assert_int_equal(operate(s, op_of(OPERATION_COVER, "bank-a", "m1", 45001), &repeat),
			 RESULT_BAD);
	assert_int_equal(operate(s, op_of(OPERATION_COVER, "bank-a", "m1", 45000), &repeat),
			 RESULT_OK);
	assert_int_equal(operate(s, op_of(OPERATION_WITHDRAW, "bank-a", "w1", 55001), &repeat),
			 RESULT_BAD);
	assert_int_equal(operate(s, op_of(OPERATION_WITHDRAW, "bank-a", "w1", 55000), &repeat),
			 RESULT_OK);
	assert_int_equal(
	    number(s, "SELECT balance FROM balances WHERE account = 'advertisers:bank-a:funds'"),
	    0);
	outcomes_free(&o);
}

static void an_operation_that_makes_no_sense_is_refused(void **state)
{
	struct store *s = *state;
	bool repeat;

	assert_int_equal(operate(s, op_of(OPERATION_DEPOSIT, "bank:a", "p1", 1), &repeat),
			 RESULT_BAD);
	assert_int_equal(operate(s, op_of(OPERATION_DEPOSIT, "bank-a", "", 1), &repeat),
			 RESULT_BAD);
	assert_int_equal(operate(s, op_of(OPERATION_DEPOSIT, "bank-a", "p;1", 1), &repeat),
			 RESULT_BAD);
	assert_int_equal(operate(s, op_of(OPERATION_DEPOSIT, "bank-a", "p1", 0), &repeat),
			 RESULT_BAD);
	assert_int_equal(operate(s, op_of(OPERATION_PAY, "w1", "p1", 1), &repeat), RESULT_BAD);
	assert_int_equal(operate(s, op_of(OPERATION_EXCHANGE_INTO, "w1", "p1", 1), &repeat),
			 RESULT_BAD);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM operations"), 0);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM transfers"), 0);
}

/* --- runs --- */

struct desk {
	struct payee payees[5];
	size_t count, left_out;
	const char *why;
};

static const struct payee *payee_of(void *ctx, const char *aff_id)
{
	struct desk *d = ctx;

	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->payees[i].aff_id, aff_id) == 0)
			return &d->payees[i];
	return NULL;
}

static void leave_out(void *ctx, _unused_ const char *aff_id, _unused_ const struct money *amount,
		      const char *why)
{
	struct desk *d = ctx;

	d->left_out++;
	d->why = why;
}

static struct desk desk_of(size_t count)
{
	static const char *const ids[] = {"w0", "w1", "w2", "w3", "w4"};
	struct desk d = {.count = count};

	for (size_t i = 0; i < count; i++)
		d.payees[i] = (struct payee){.aff_id = ids[i],
					     .method = "sepa",
					     .name = "Nina",
					     .iban = "DE89370400440532013000",
					     .bic = "",
					     .country = "DE",
					     .currency = "RUB"};
	return d;
}

static int64_t propose(struct store *s, struct desk *d, int64_t until_ms)
{
	struct proposal p = {until_ms, NOW_MS, "ann", payee_of, leave_out, d};
	int64_t run = -1;

	d->left_out = 0;
	if (store_run_propose(s, &p, &run, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	return run;
}

/* Ten leads approved at 300 each, two of each webmaster; lead n is delivered n seconds after T0. */
static void sell_ten(struct store *s, struct outcomes *o)
{
	for (uint32_t i = 0; i < 10; i++)
		outcomes_add_delivery(o, i, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	for (uint32_t i = 0; i < 10; i++) {
		static const char *const ids[] = {"v0", "v1", "v2", "v3", "v4",
						  "v5", "v6", "v7", "v8", "v9"};

		outcomes_add_verdict(o, i, EVENT_APPROVED, "bank-a", ids[i]);
	}
	if (outcomes_settle(o, s, 0, 10, NULL, &error) != RESULT_OK)
		fail_msg("%s", error.text);
}

#define PAYABLE_FROM (OUTCOMES_T0 + 14 * MS_PER_DAY)

static void a_run_is_proposed_and_somebody_else_confirms_it(void **state)
{
	static struct outcomes o;
	struct store *s = *state;
	struct desk d = desk_of(5);

	sell_ten(s, &o);
	assert_int_equal(propose(s, &d, PAYABLE_FROM - 1), 0); /* nothing is payable yet */
	assert_int_equal(propose(s, &d, PAYABLE_FROM + MS_PER_DAY), 1);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM run_lines"), 5);
	assert_int_equal(propose(s, &d, PAYABLE_FROM + MS_PER_DAY), 0); /* its leads are taken */
	assert_int_equal(store_run_confirm(s, 1, "ann", false, NOW_MS, &error), RESULT_BAD);
	assert_non_null(strstr(error.text, "somebody else"));
	assert_int_equal(number(s, "SELECT COUNT(*) FROM operations"), 0);
	assert_int_equal(store_run_confirm(s, 1, "bob", false, NOW_MS, &error), RESULT_OK);
	assert_int_equal(store_run_confirm(s, 1, "bob", false, NOW_MS, &error), RESULT_BAD);
	assert_int_equal(store_run_cancel(s, 1, "bob", NOW_MS, &error), RESULT_BAD);
	assert_int_equal(outbox_records(s, "status.events"), 5);
	assert_int_equal(
	    number(s, "SELECT balance FROM balances WHERE account = 'webmasters:w1:payable'"), 0);
	assert_int_equal(
	    number(s, "SELECT balance FROM balances WHERE account = 'webmasters:w1:paid'"), -60000);
	check_books(s);
	outcomes_free(&o);
}

static void a_cancelled_run_gives_its_leads_back(void **state)
{
	static struct outcomes o;
	struct store *s = *state;
	struct desk d = desk_of(5);

	sell_ten(s, &o);
	assert_int_equal(propose(s, &d, PAYABLE_FROM + MS_PER_DAY), 1);
	assert_int_equal(store_run_cancel(s, 1, "ann", NOW_MS, &error), RESULT_OK);
	assert_int_equal(store_run_confirm(s, 1, "bob", false, NOW_MS, &error), RESULT_BAD);
	assert_int_equal(propose(s, &d, PAYABLE_FROM + MS_PER_DAY), 2);
	assert_int_equal(
	    number(s, "SELECT CAST(SUM(leads) AS BIGINT) FROM run_lines WHERE run = 2"), 10);
	outcomes_free(&o);
}

static void who_is_left_out_is_named_and_waits_for_the_next_run(void **state)
{
	static struct outcomes o;
	struct store *s = *state;
	struct desk d = desk_of(3);

	sell_ten(s, &o);
	d.payees[0].threshold_minor = 60001;
	assert_int_equal(propose(s, &d, PAYABLE_FROM + MS_PER_DAY), 1);
	assert_int_equal(d.left_out, 3); /* one below the threshold, two whom nobody knows */
	assert_int_equal(number(s, "SELECT COUNT(*) FROM run_lines"), 2);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM lives WHERE run = 0"), 6);
	assert_int_equal(store_run_confirm(s, 1, "ann", true, NOW_MS, &error), RESULT_OK);
	d = desk_of(5);
	d.payees[1].every_days = 30; /* paid a day before: it is not time yet */
	outcomes_add_delivery(&o, 11, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	outcomes_add_verdict(&o, 11, EVENT_APPROVED, "bank-a", "v11");
	assert_int_equal(outcomes_settle(&o, s, o.count - 2, 10, NULL, &error), RESULT_OK);
	assert_int_equal(propose(s, &d, PAYABLE_FROM + 2 * MS_PER_DAY), 2);
	assert_int_equal(d.left_out, 1);
	assert_non_null(strstr(d.why, "schedule"));
	assert_int_equal(number(s, "SELECT COUNT(*) FROM run_lines WHERE run = 2"), 3);
	outcomes_free(&o);
}

static void payment_in_another_currency_is_at_a_recorded_rate(void **state)
{
	static struct outcomes o;
	struct rate rate = {.from = "RUB", .into = "EUR", .num = 100, .den = 9265, .who = "ann"};
	struct store *s = *state;
	struct desk d = desk_of(5);

	sell_ten(s, &o);
	memcpy(d.payees[1].currency, "EUR", 4);
	assert_int_equal(propose(s, &d, PAYABLE_FROM + MS_PER_DAY), 1);
	assert_int_equal(d.left_out, 1);
	assert_non_null(strstr(d.why, "no rate"));
	assert_int_equal(store_run_cancel(s, 1, "ann", NOW_MS, &error), RESULT_OK);
	assert_int_equal(store_rate_add(s, &rate, &error), RESULT_OK);
	assert_int_equal(store_rate_add(s, &rate, &error), RESULT_OK);
	rate.num++;
	assert_int_equal(store_rate_add(s, &rate, &error), RESULT_BAD);
	assert_int_equal(propose(s, &d, PAYABLE_FROM + MS_PER_DAY), 2);
	assert_int_equal(store_run_confirm(s, 2, "bob", false, NOW_MS, &error), RESULT_OK);
	/* 600.00 RUB * 100 / 9265 = 6.4759… EUR */
	assert_int_equal(
	    number(s, "SELECT balance FROM balances WHERE account = 'webmasters:w1:paid'"), -647);
	assert_int_equal(
	    number(s, "SELECT balance FROM balances WHERE account = 'webmasters:w1:payable' AND "
		      "currency = 'RUB'"),
	    0);
	assert_int_equal(
	    number(s, "SELECT COUNT(*) FROM (SELECT currency FROM accounts GROUP BY currency "
		      "HAVING SUM(balance) <> 0) AS unbalanced"),
	    0);
	outcomes_free(&o);
}

static int run_suite(const char *name)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(funds_are_booked_once_and_the_market_hears_the_total),
	    TEST(nobody_withdraws_what_leads_have_cost),
	    TEST(an_operation_that_makes_no_sense_is_refused),
	    TEST(a_run_is_proposed_and_somebody_else_confirms_it),
	    TEST(a_cancelled_run_gives_its_leads_back),
	    TEST(who_is_left_out_is_named_and_waits_for_the_next_run),
	    TEST(payment_in_another_currency_is_at_a_recorded_rate),
	};
#undef TEST

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
	return ledgers_run("operations", run_suite);
}
