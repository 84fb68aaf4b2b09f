/* Sums of verdicts in the ledger, on both databases: what is due to be told, and what a ledger of before begins with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

#include "ledgers.h"
#include "look.h"
#include "outcomes.h"

#define TIMEOUT_MS 2000
#define LEADS      300
#define LINES_MAX  20
#define TODAY      (OUTCOMES_T0 / MS_PER_DAY)
#define NOON       (TODAY * MS_PER_DAY + MS_PER_DAY / 2)

struct world {
	struct store *store;
	struct outcomes outcomes;
	struct arena arena;
	struct verdict_line lines[LINES_MAX];
	size_t count;
	char url[200];
};

static void open_store(struct world *w)
{
	struct error error = {0};

	w->store = store_open(w->url, TIMEOUT_MS, &error);
	if (!w->store)
		fail_msg("%s", error.text);
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	snprintf(w->url, sizeof(w->url), "%s", ledgers_fresh_url());
	open_store(w);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	store_close(w->store);
	outcomes_free(&w->outcomes);
	arena_free(&w->arena);
	free(w);
	return 0;
}

static void settle_from(struct world *w, size_t from)
{
	struct error error = {0};

	if (outcomes_settle(&w->outcomes, w->store, from, 50, NULL, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	check_books(w->store);
}

static size_t due(struct world *w, int64_t since_day, int64_t told_before_ms)
{
	assert_int_equal(store_lines_due(w->store, since_day, told_before_ms, LINES_MAX, &w->arena,
					 w->lines, &w->count, NULL),
			 RESULT_OK);
	return w->count;
}

static void told(struct world *w, int64_t at_ms)
{
	assert_int_equal(store_lines_told(w->store, w->lines, w->count, at_ms, NULL), RESULT_OK);
}

static void sold_and_judged(struct world *w, uint32_t lead, enum life_event verdict)
{
	outcomes_add_delivery(&w->outcomes, lead, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	outcomes_add_verdict(&w->outcomes, lead, verdict, "bank-a", "v");
}

/* --- the suite --- */

static void a_line_holds_what_the_lives_came_to(void **state)
{
	struct world *w = *state;
	int64_t approved = 0, returned = 0;

	outcomes_mixture(&w->outcomes, 21, LEADS);
	settle_from(w, 0);
	assert_int_equal(due(w, TODAY - 89, 0), 5); /* w0 to w4 */
	for (size_t i = 0; i < w->count; i++) {
		assert_string_equal(w->lines[i].vertical, "credit_card");
		assert_int_equal(w->lines[i].aff_id[1], '0' + (char)i);
		approved += w->lines[i].approved;
		returned += w->lines[i].returned;
	}
	assert_int_equal(approved, number(w->store, "SELECT COUNT(*) FROM lives WHERE state = 2"));
	assert_int_equal(returned, number(w->store, "SELECT COUNT(*) FROM lives WHERE state = 3"));
}

static void a_line_is_due_when_it_changed_and_once_a_day(void **state)
{
	struct world *w = *state;

	for (uint32_t lead = 1; lead <= 3; lead++)
		sold_and_judged(w, lead, EVENT_APPROVED);
	settle_from(w, 0);
	assert_int_equal(due(w, TODAY - 89, 0), 3);
	assert_int_equal(due(w, TODAY - 89, 0), 3); /* nobody said that they were told */
	told(w, NOON);
	assert_int_equal(due(w, TODAY - 89, TODAY * MS_PER_DAY), 0);

	sold_and_judged(w, 6, EVENT_RETURNED); /* w1 */
	settle_from(w, 6);
	assert_int_equal(due(w, TODAY - 89, TODAY * MS_PER_DAY), 1);
	assert_string_equal(w->lines[0].aff_id, "w1");
	assert_int_equal(w->lines[0].approved, 1);
	assert_int_equal(w->lines[0].returned, 1);
	assert_int_equal(w->lines[0].verdicts, 2);
	assert_int_equal(due(w, TODAY - 88, (TODAY + 1) * MS_PER_DAY), 3); /* the next day */
}

/* What changes while a line is under way makes it due again. */
static void a_verdict_that_comes_between_is_told_too(void **state)
{
	struct world *w = *state;

	sold_and_judged(w, 1, EVENT_APPROVED);
	settle_from(w, 0);
	assert_int_equal(due(w, TODAY - 89, 0), 1);
	sold_and_judged(w, 6, EVENT_APPROVED);
	settle_from(w, 2);
	told(w, NOON);
	assert_int_equal(due(w, TODAY - 89, 0), 1);
	assert_int_equal(w->lines[0].approved, 2);
	told(w, NOON);
	assert_int_equal(due(w, TODAY - 89, 0), 0);
}

static void old_days_leave_the_sums(void **state)
{
	struct world *w = *state;

	sold_and_judged(w, 1, EVENT_RETURNED);
	settle_from(w, 0);
	assert_int_equal(due(w, TODAY, 0), 1);
	assert_int_equal(w->lines[0].returned, 1);
	assert_int_equal(due(w, TODAY + 1, 0), 1);
	assert_int_equal(w->lines[0].returned, 0);
	assert_int_equal(w->lines[0].verdicts, 1);
}

/* An approved lead is final, whatever is said of it later; what changes nothing is not counted. */
static void only_the_verdict_that_counts_is_counted(void **state)
{
	struct world *w = *state;

	sold_and_judged(w, 1, EVENT_APPROVED);
	outcomes_add_verdict(&w->outcomes, 1, EVENT_APPROVED, "bank-a", "v");
	outcomes_add_verdict(&w->outcomes, 1, EVENT_RETURNED, "bank-a", "v2");
	outcomes_add_verdict(&w->outcomes, 1, EVENT_SOLD, "bank-a", "v3");
	outcomes_add_verdict(&w->outcomes, 1, EVENT_RETURNED, "bank-b", "v4");
	outcomes_add_verdict(&w->outcomes, 6, EVENT_APPROVED, "bank-a", "v5"); /* waits */
	settle_from(w, 0);
	settle_from(w, 0);
	assert_int_equal(due(w, TODAY - 89, 0), 1);
	assert_int_equal(w->lines[0].approved, 1);
	assert_int_equal(w->lines[0].returned, 0);

	outcomes_add_delivery(&w->outcomes, 6, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	settle_from(w, w->outcomes.count - 1);
	assert_int_equal(due(w, TODAY - 89, 0), 1);
	assert_int_equal(w->lines[0].approved, 2);
}

static int run_suite(const char *name)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(a_line_holds_what_the_lives_came_to),
	    TEST(a_line_is_due_when_it_changed_and_once_a_day),
	    TEST(a_verdict_that_comes_between_is_told_too),
	    TEST(old_days_leave_the_sums),
	    TEST(only_the_verdict_that_counts_is_counted),
	};
#undef TEST

	return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
	return ledgers_run("lines", run_suite);
}
