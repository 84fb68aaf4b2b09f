/* Faults that other ledgers have published, each as a case of its own, on both databases: the same key twice in one batch, a key that
 * comes back with another body, a time-out followed by the repeat, amounts in flight that nobody counted, a hold that was rejected and
 * committed later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "ledgers.h"
#include "look.h"
#include "outcomes.h"
#include "payout/store/runs.h"
#include "postgres.h"
#include "relay.h"
#include "runtime/fault.h"

#define TIMEOUT_MS 2000
#define SHORT_MS   100
#define NOW_MS     (OUTCOMES_T0 + 100 * MS_PER_DAY)
#define PRICE      45000
#define PAYOUT     30000

static struct error error;
static struct outcomes o;
static char url[200];

static int begin(void **state)
{
	snprintf(url, sizeof(url), "%s", ledgers_fresh_url());
	*state = ledgers_open(url);
	return 0;
}

static int end(void **state)
{
	store_close(*state);
	outcomes_free(&o);
	return 0;
}

static void deliver(uint32_t lead, uint32_t round, int64_t payout_minor)
{
	outcomes_add_delivery(&o, lead, EVENT_DELIVERED, round, "bank-a", PRICE, payout_minor);
}

static struct batch_report settle_new(struct store *s, size_t size)
{
	int64_t next = number(s, "SELECT COALESCE(MAX(next), 0) FROM offsets");
	struct batch_report sum;

	if (outcomes_settle(&o, s, (size_t)MAX_OF(next, (int64_t)0), size, &sum, &error) !=
	    RESULT_OK)
		fail_msg("%s", error.text);
	return sum;
}

static void take_int(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	*(int64_t *)ctx = c[0].integer;
}

static int64_t balance(struct store *s, const char *account)
{
	static const char sql[] = "SELECT balance FROM balances WHERE account = $1";
	struct db_value name = db_text(account);
	int64_t ret = -1;

	assert_int_equal(db_add(store_db(s), sql, &name, 1, take_int, &ret, &error), RESULT_OK);
	assert_int_equal(db_flush(store_db(s), &error), RESULT_OK);
	return ret;
}

static struct operation op_of(enum operation_kind kind, const char *reference, int64_t minor)
{
	return (struct operation){.kind = kind,
				  .party = "bank-a",
				  .reference = reference,
				  .amount = {minor, "RUB"},
				  .into = {minor, ""},
				  .at_ms = NOW_MS,
				  .market_partition = 1,
				  .who = "ann",
				  .why = "a test"};
}

static enum result operate(struct store *s, enum operation_kind kind, const char *reference,
			   int64_t minor, bool *ret_repeat)
{
	struct operation op = op_of(kind, reference, minor);

	return store_operate(s, &op, ret_repeat, &error);
}

static void must_operate(struct store *s, enum operation_kind kind, const char *reference,
			 int64_t minor)
{
	bool repeat;

	if (operate(s, kind, reference, minor, &repeat) != RESULT_OK)
		fail_msg("%s", error.text);
	assert_false(repeat);
}

/* --- the same key twice in one batch --- */

static void the_same_delivery_twice_in_one_batch_is_one_credit(void **state)
{
	struct store *s = *state;

	for (int i = 0; i < 3; i++)
		deliver(1, 0, PAYOUT);
	outcomes_add_verdict(&o, 1, EVENT_APPROVED, "bank-a", "v1");
	outcomes_add_verdict(&o, 1, EVENT_APPROVED, "bank-a", "v1");
	settle_new(s, 10);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM transfers"), 2);
	assert_int_equal(balance(s, "webmasters:w1:payable"), -PAYOUT);
	assert_int_equal(balance(s, "webmasters:w1:hold"), 0);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM ignored WHERE reason = 'repeat'"), 3);
	check_books(s);
}

static void the_same_deposit_twice_in_one_transaction_is_one(void **state)
{
	struct operation op = op_of(OPERATION_DEPOSIT, "bank 77", 100000);
	struct store *s = *state;
	struct operating doing;
	bool first, second;
	enum result r;

	assert_int_equal(operations_begin(&doing, s, &error), RESULT_OK);
	r = operations_add(&doing, &op, &first, &error);
	if (r == RESULT_OK)
		r = operations_add(&doing, &op, &second, &error);
	assert_int_equal(operations_end(&doing, r, &error), RESULT_OK);
	assert_true(!first && second);
	assert_int_equal(balance(s, "advertisers:bank-a:funds"), -100000);
}

/* --- a key that comes back with another body --- */

static void a_delivery_with_another_body_is_put_aside_and_the_rest_goes_on(void **state)
{
	struct store *s = *state;
	struct batch_report sum;

	deliver(1, 0, PAYOUT);
	settle_new(s, 10);
	deliver(2, 0, PAYOUT);
	deliver(1, 0, PAYOUT + 1);
	outcomes_add_delivery(&o, 1, EVENT_DELIVERED, 0, "bank-a", PRICE + 1, PAYOUT);
	outcomes_add_delivery(&o, 1, EVENT_DELIVERED, 0, "bank-b", PRICE, PAYOUT);
	deliver(3, 0, PAYOUT);
	sum = settle_new(s, 10);
	assert_int_equal(sum.contradicted, 3);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM transfers"), 3);
	assert_int_equal(balance(s, "webmasters:w1:hold"), -PAYOUT);
	assert_int_equal(outbox_records(s, "dead.letters"), 3);
	check_books(s);
}

static void a_deposit_with_another_body_is_refused(void **state)
{
	struct store *s = *state;
	struct operation other = op_of(OPERATION_DEPOSIT, "bank 77", 100000);
	bool repeat;

	must_operate(s, OPERATION_DEPOSIT, "bank 77", 100000);
	assert_int_equal(operate(s, OPERATION_DEPOSIT, "bank 77", 100001, &repeat), RESULT_BAD);
	other.market_partition++; /* the same money, to be spent in another market */
	assert_int_equal(store_operate(s, &other, &repeat, &error), RESULT_BAD);
	assert_int_equal(balance(s, "advertisers:bank-a:funds"), -100000);
}

static void a_verdict_id_that_comes_back_with_another_verdict_changes_nothing(void **state)
{
	struct store *s = *state;

	deliver(1, 0, PAYOUT);
	outcomes_add_verdict(&o, 1, EVENT_APPROVED, "bank-a", "v1");
	outcomes_add_verdict(&o, 1, EVENT_RETURNED, "bank-a", "v1");
	settle_new(s, 10);
	assert_int_equal(balance(s, "webmasters:w1:payable"), -PAYOUT);
	assert_int_equal(
	    number(s, "SELECT COUNT(*) FROM ignored WHERE reason = 'verdict_id_reused'"), 1);
}

/* --- a time-out followed by the repeat --- */

static void what_ran_out_of_time_and_is_said_again_is_booked_once(void **state)
{
	struct store *holder = *state, *s = store_open(url, SHORT_MS, &error);
	struct store_cursor cursor;
	bool repeat;

	assert_non_null(s);
	must_operate(s, OPERATION_DEPOSIT, "first", 1000);
	assert_int_equal(store_begin(holder, "leads.outcomes", 0, &cursor, &error), RESULT_OK);
	assert_int_equal(operate(s, OPERATION_DEPOSIT, "bank 77", 100000, &repeat), RESULT_AWAY);
	assert_int_equal(operate(s, OPERATION_DEPOSIT, "bank 77", 100000, &repeat), RESULT_AWAY);
	store_rollback(holder);
	must_operate(s, OPERATION_DEPOSIT, "bank 77", 100000);
	assert_int_equal(operate(s, OPERATION_DEPOSIT, "bank 77", 100000, &repeat), RESULT_OK);
	assert_true(repeat);
	assert_int_equal(balance(s, "advertisers:bank-a:funds"), -101000);
	store_close(s);
}

/* The time-out came after the server had committed: what is said again must find itself. */
static void a_deposit_whose_answer_was_lost_is_booked_once(void **state)
{
	char folder[64] = "/tmp/punnet-relay-XXXXXX", relayed[200], command[100];
	struct store *s;
	bool repeat;

	if (!ledgers_are_postgres())
		return; /* a file has no answer that could be lost */
	assert_non_null(mkdtemp(folder));
	relay_start(postgres_folder(), folder);
	snprintf(relayed, sizeof(relayed), "%s", url);
	snprintf(strstr(relayed, "?host="), 100, "?host=%s", folder);
	s = ledgers_open(relayed);
	relay_arm();
	assert_int_equal(operate(s, OPERATION_DEPOSIT, "bank 77", 100000, &repeat), RESULT_AWAY);
	assert_true(relay_has_cut());
	assert_int_equal(operate(s, OPERATION_DEPOSIT, "bank 77", 100000, &repeat), RESULT_OK);
	assert_true(repeat);
	assert_int_equal(balance(*state, "advertisers:bank-a:funds"), -100000);
	store_close(s);
	relay_stop();
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

/* --- amounts in flight that are not counted against the balance --- */

/* 1,000.00 in funds: 600.00 may be taken once, not twice in one transaction. Returns what became of the second. */
static enum result take_twice(struct store *s)
{
	struct operation one = op_of(OPERATION_WITHDRAW, "w1", 60000), two = one;
	struct operating doing;
	enum result r;
	bool repeat;

	two.reference = "w2";
	assert_int_equal(operations_begin(&doing, s, &error), RESULT_OK);
	r = operations_add(&doing, &one, &repeat, &error);
	assert_int_equal(r, RESULT_OK);
	return operations_end(&doing, operations_add(&doing, &two, &repeat, &error), &error);
}

static void what_a_transaction_takes_twice_is_counted_twice(void **state)
{
	struct store *s = *state;

	must_operate(s, OPERATION_DEPOSIT, "p1", 100000);
	assert_int_equal(take_twice(s), RESULT_BAD);
	assert_non_null(strstr(error.text, "only 400.00 RUB may be taken"));
	assert_int_equal(balance(s, "advertisers:bank-a:funds"), -100000);
	must_operate(s, OPERATION_WITHDRAW, "w1", 60000);
}

static void leads_that_are_sold_and_not_paid_are_counted(void **state)
{
	struct store *s = *state;
	bool repeat;

	must_operate(s, OPERATION_DEPOSIT, "p1", PRICE + 100);
	deliver(1, 0, PAYOUT);
	settle_new(s, 10);
	assert_int_equal(operate(s, OPERATION_WITHDRAW, "w1", 101, &repeat), RESULT_BAD);
	must_operate(s, OPERATION_WITHDRAW, "w1", 100);
}

static void child_takes(const char *reference)
{
	struct store *s = store_open(url, TIMEOUT_MS * 5, &error);
	enum result r = RESULT_AWAY;
	bool repeat;

	while (s && r == RESULT_AWAY)
		r = operate(s, OPERATION_WITHDRAW, reference, 60000, &repeat);
	store_close(s);
	_exit(r == RESULT_OK ? 0 : r == RESULT_BAD ? 1 : 2);
}

static void of_two_who_take_the_same_money_at_once_one_gets_it(void **state)
{
	static const char *const references[] = {"w1", "w2"};
	int refused = 0, taken = 0;
	pid_t children[2];

	must_operate(*state, OPERATION_DEPOSIT, "p1", 100000);
	for (size_t i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] == 0)
			child_takes(references[i]);
	}
	for (size_t i = 0; i < 2; i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		taken += WEXITSTATUS(status) == 0;
		refused += WEXITSTATUS(status) == 1;
	}
	assert_true(taken == 1 && refused == 1);
	assert_int_equal(balance(*state, "advertisers:bank-a:funds"), -40000);
}

/* --- a hold that was rejected and committed later --- */

static void an_assignment_that_was_refused_is_never_credited(void **state)
{
	struct store *s = *state;

	outcomes_add_delivery(&o, 1, EVENT_REFUSED, 0, "bank-a", PRICE, PAYOUT);
	settle_new(s, 10);
	deliver(1, 0, PAYOUT);
	outcomes_add_verdict(&o, 1, EVENT_APPROVED, "bank-a", "v1");
	settle_new(s, 10);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM transfers"), 0);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM ignored WHERE reason = 'already_settled'"),
			 1);
}

static void a_hold_that_was_given_back_never_becomes_payable(void **state)
{
	struct store *s = *state;

	deliver(1, 0, PAYOUT);
	outcomes_add_said(&o, 1, EVENT_RETURNED, "bank-a", "v1", "invalid_contact", 0);
	settle_new(s, 10);
	outcomes_add_verdict(&o, 1, EVENT_APPROVED, "bank-a", "v2");
	deliver(1, 0, PAYOUT);
	settle_new(s, 10);
	assert_int_equal(balance(s, "webmasters:w1:hold"), 0);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM accounts WHERE name LIKE '%:payable'"), 0);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM transfers"), 2);
	check_books(s);
}

static const struct payee *payee_of(_unused_ void *ctx, const char *aff_id)
{
	static struct payee nina = {.method = "cash",
				    .name = "Nina",
				    .iban = "",
				    .bic = "",
				    .country = "DE",
				    .currency = "RUB"};

	nina.aff_id = aff_id;
	return &nina;
}

static void nobody_left_out(_unused_ void *ctx, const char *aff_id, const struct money *amount,
			    const char *why)
{
	fail_msg("%s, %lld: %s", aff_id, (long long)amount->amount_minor, why);
}

static void a_run_that_was_cancelled_is_never_paid(void **state)
{
	struct proposal p = {NOW_MS, NOW_MS, "ann", payee_of, nobody_left_out, NULL};
	struct store *s = *state;
	int64_t run, again;

	deliver(1, 0, PAYOUT);
	outcomes_add_verdict(&o, 1, EVENT_APPROVED, "bank-a", "v1");
	settle_new(s, 10);
	assert_int_equal(store_run_propose(s, &p, &run, &error), RESULT_OK);
	assert_int_equal(store_run_cancel(s, run, "bob", NOW_MS, &error), RESULT_OK);
	assert_int_equal(store_run_confirm(s, run, "bob", false, NOW_MS, &error), RESULT_BAD);
	assert_int_equal(balance(s, "webmasters:w1:payable"), -PAYOUT);
	assert_int_equal(store_run_propose(s, &p, &again, &error), RESULT_OK);
	assert_int_equal(store_run_confirm(s, run, "bob", false, NOW_MS, &error), RESULT_BAD);
	assert_int_equal(store_run_confirm(s, again, "bob", false, NOW_MS, &error), RESULT_OK);
	assert_int_equal(balance(s, "webmasters:w1:paid"), -PAYOUT);
	assert_int_equal(number(s, "SELECT COUNT(*) FROM operations"), 1);
}

/* --- the control --- */

/* A ledger that forgets what is in flight gives 1,200.00 of 1,000.00 away, and this program's own case sees it. */
static void without_the_count_of_what_is_in_flight_it_shows(void **state)
{
#ifdef PUNNET_FAULTS
	struct store *s = *state;
	pid_t pid;
	int status;

	must_operate(s, OPERATION_DEPOSIT, "p1", 100000);
	pid = fork();
	if (pid == 0) {
		setenv("PUNNET_FAULT", "in_flight_free", 1);
		execl("/proc/self/exe", "payout_published_faults_test", "child", url, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(balance(s, "advertisers:bank-a:funds"), 20000);
#else
	(void)state; /* a release has no faults */
#endif
}

static int run_suite(const char *name)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(the_same_delivery_twice_in_one_batch_is_one_credit),
	    TEST(the_same_deposit_twice_in_one_transaction_is_one),
	    TEST(a_delivery_with_another_body_is_put_aside_and_the_rest_goes_on),
	    TEST(a_deposit_with_another_body_is_refused),
	    TEST(a_verdict_id_that_comes_back_with_another_verdict_changes_nothing),
	    TEST(what_ran_out_of_time_and_is_said_again_is_booked_once),
	    TEST(a_deposit_whose_answer_was_lost_is_booked_once),
	    TEST(what_a_transaction_takes_twice_is_counted_twice),
	    TEST(leads_that_are_sold_and_not_paid_are_counted),
	    TEST(of_two_who_take_the_same_money_at_once_one_gets_it),
	    TEST(an_assignment_that_was_refused_is_never_credited),
	    TEST(a_hold_that_was_given_back_never_becomes_payable),
	    TEST(a_run_that_was_cancelled_is_never_paid),
	    TEST(without_the_count_of_what_is_in_flight_it_shows),
	};
#undef TEST

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

static int child_main(const char *of)
{
	struct store *s = store_open(of, TIMEOUT_MS, &error);
	enum result r = s ? take_twice(s) : RESULT_AWAY;

	store_close(s);
	return r == RESULT_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return child_main(argv[2]);
	return ledgers_run("published faults", run_suite);
}
