/* What is due by itself, between a bus in memory and a ledger in SQLite, under clocks that jump. Two clocks: the broker's, by
 * which the log counts, and payout's own, which only says when to look. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "lead/codec.h"
#include "look.h"
#include "outcomes.h"
#include "payout/shell/worker.h"
#include "runtime/bus_memory.h"

#define DAY_MS    MS_PER_DAY
#define WINDOW_MS (7 * DAY_MS)
#define LEADS     30
#define TURNS     400

static char dir[] = "/tmp/punnet-due-XXXXXX";
static int files;
static int64_t broker_ms, wall_ms;

struct world {
	struct bus *bus;
	struct bus_producer *producer;
	struct directory *directory;
	struct store *store;
	struct worker *worker;
	struct outcomes outcomes;
};

static int64_t read_broker(_unused_ void *ctx)
{
	return broker_ms;
}

static int64_t read_wall(void)
{
	return wall_ms;
}

static void on_ack(_unused_ void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	assert_int_equal(result, RESULT_OK);
}

static int begin(void **state)
{
	static const struct bus_topic_spec topics[] = {
	    {.name = "leads.outcomes", .partitions = 1, .retention_ms = -1, .append_time = true},
	    {.name = "market", .partitions = 4, .retention_ms = -1, .append_time = true},
	    {.name = "directory", .partitions = 1, .retention_ms = -1, .compact = true},
	    {.name = "dead.letters", .partitions = 1, .retention_ms = -1},
	    {.name = "status.events", .partitions = 3, .retention_ms = -1},
	};
	struct bus_producer_options options = {.on_ack = on_ack, .max_in_flight = OUTCOMES_MAX};
	struct worker_settings settings = {.batch_size = 64,
					   .hold_ms = 14 * DAY_MS,
					   .return_window_ms = WINDOW_MS,
					   .ack_watchdog_ms = 30 * MS_PER_S,
					   .lines_every_ms = MS_PER_DAY,
					   .due_every_ms = 1,
					   .wall_ms = read_wall};
	struct world *w = calloc(1, sizeof(*w));
	char url[100];
	size_t created;

	broker_ms = wall_ms = OUTCOMES_T0;
	w->bus = bus_open("memory:", "test", NULL);
	bus_memory_set_clock(w->bus, read_broker, NULL);
	assert_int_equal(bus_topics_apply(w->bus, topics, ARRAY_LEN(topics), 1000, &created, NULL),
			 RESULT_OK);
	w->producer = bus_producer_open(w->bus, &options, NULL);
	w->directory = directory_open(w->bus, 1000, NULL);
	snprintf(url, sizeof(url), "sqlite:%s/%d.db", dir, files++);
	w->store = store_open(url, 50, NULL);
	w->worker = worker_open(w->bus, w->directory, w->store, &settings, NULL);
	assert_non_null(w->worker);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	worker_close(w->worker);
	store_close(w->store);
	directory_close(w->directory);
	bus_producer_close(w->producer);
	bus_close(w->bus);
	outcomes_free(&w->outcomes);
	free(w);
	return 0;
}

static void publish(struct world *w, size_t from)
{
	for (size_t i = from; i < w->outcomes.count; i++)
		assert_int_equal(bus_produce(w->producer, "leads.outcomes", 0, slice_cstr("lead"),
					     "punnet.v1.Outcome", w->outcomes.records[i].value, i),
				 RESULT_OK);
	assert_int_equal(bus_producer_flush(w->producer, 1000), RESULT_OK);
}

static void turn(struct world *w)
{
	for (int i = 0; i < TURNS; i++) {
		struct error e = {0};
		bool busy;

		if (worker_turn(w->worker, &busy, &e) != RESULT_OK)
			fail_msg("%s", e.text);
		if (i % 20 == 0)
			usleep(
			    1100); /* the pause between two looks, which is the monotonic clock's */
	}
}

static int64_t in_state(struct world *w, int state)
{
	static const char *const sql[] = {
	    [LIFE_DELIVERED] = "SELECT COUNT(*) FROM lives WHERE state = 1",
	    [LIFE_APPROVED] = "SELECT COUNT(*) FROM lives WHERE state = 2",
	    [LIFE_RETURNED] = "SELECT COUNT(*) FROM lives WHERE state = 3"};

	return number(w->store, sql[state]);
}

static void sell(struct world *w)
{
	for (uint32_t i = 1; i <= LEADS; i++)
		outcomes_add_delivery(&w->outcomes, i, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	publish(w, 0);
	turn(w);
	assert_int_equal(in_state(w, LIFE_DELIVERED), LEADS);
}

static void leads_that_nobody_judged_are_approved_after_the_window(void **state)
{
	struct world *w = *state;

	sell(w);
	broker_ms = wall_ms = OUTCOMES_T0 + WINDOW_MS; /* the last moment of the first lead */
	turn(w);
	assert_int_equal(in_state(w, LIFE_DELIVERED), LEADS);
	broker_ms = wall_ms = OUTCOMES_T0 + WINDOW_MS + LEADS * MS_PER_S;
	turn(w);
	assert_int_equal(in_state(w, LIFE_APPROVED), LEADS);
	check_books(w->store);
	/* Late is late, whoever has been approved meanwhile. */
	outcomes_add_verdict(&w->outcomes, 1, EVENT_RETURNED, "bank-a", "v1");
	publish(w, w->outcomes.count - 1);
	turn(w);
	assert_int_equal(
	    number(w->store, "SELECT COUNT(*) FROM ignored WHERE reason = 'window_over'"), 1);
}

static void a_clock_that_is_a_day_ahead_approves_nothing(void **state)
{
	struct world *w = *state;

	sell(w);
	wall_ms = OUTCOMES_T0 + WINDOW_MS + DAY_MS;
	broker_ms = wall_ms - DAY_MS; /* right */
	turn(w);
	assert_int_equal(in_state(w, LIFE_DELIVERED), LEADS);
	assert_int_equal(number(w->store, "SELECT COUNT(*) FROM ignored"), 0);
	/* A return at the very end of the window still counts. */
	outcomes_add_verdict(&w->outcomes, 1, EVENT_RETURNED, "bank-a", "v1");
	publish(w, w->outcomes.count - 1);
	turn(w);
	assert_int_equal(in_state(w, LIFE_RETURNED), 1);
	broker_ms += DAY_MS;
	turn(w);
	assert_int_equal(in_state(w, LIFE_APPROVED), LEADS - 1);
	check_books(w->store);
}

static void a_clock_that_is_a_day_behind_only_waits(void **state)
{
	struct world *w = *state;

	sell(w);
	broker_ms = OUTCOMES_T0 + WINDOW_MS + MS_PER_HOUR;
	wall_ms = broker_ms - DAY_MS;
	turn(w);
	assert_int_equal(in_state(w, LIFE_DELIVERED), LEADS);
	wall_ms += DAY_MS;
	turn(w);
	assert_int_equal(in_state(w, LIFE_APPROVED), LEADS);
	/* And back again: what is approved stays so. */
	wall_ms = broker_ms -= 2 * DAY_MS;
	turn(w);
	assert_int_equal(in_state(w, LIFE_APPROVED), LEADS);
	check_books(w->store);
}

static void a_verdict_that_waits_for_nothing_is_answered(void **state)
{
	struct world *w = *state;

	outcomes_add_verdict(&w->outcomes, 7, EVENT_APPROVED, "bank-a", "v1");
	publish(w, 0);
	turn(w);
	assert_int_equal(number(w->store, "SELECT COUNT(*) FROM waiting_verdicts"), 1);
	broker_ms = wall_ms = OUTCOMES_T0 + VERDICT_WAITS_MS + MS_PER_MIN;
	turn(w);
	assert_int_equal(number(w->store, "SELECT COUNT(*) FROM waiting_verdicts"), 0);
	assert_int_equal(
	    number(w->store, "SELECT COUNT(*) FROM ignored WHERE reason = 'unknown_lead'"), 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(leads_that_nobody_judged_are_approved_after_the_window),
	    TEST(a_clock_that_is_a_day_ahead_approves_nothing),
	    TEST(a_clock_that_is_a_day_behind_only_waits),
	    TEST(a_verdict_that_waits_for_nothing_is_answered),
	};
#undef TEST
	char command[100];
	int failed;

	assert(mkdtemp(dir));
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 || failed != 0;
}
