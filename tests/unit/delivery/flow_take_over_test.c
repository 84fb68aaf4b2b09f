/* Who was frozen and wakes up after another process has taken its partition over is believed by nobody, itself included, and sends
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "flow_world.h"
#include "runtime/bus_memory.h"
#include "runtime/clock.h"

/* The advertiser says 500 to the first request, which is known to have failed then, and accepts the second one. */
static const struct routed row = {1, "late_500_then_late_200", "bank-a", SEALING_DAY};

static char log_path[] = "/tmp/punnet-take-over-XXXXXX";

struct process {
	uv_loop_t loop;
	struct delivery *delivery;
};

static void start(struct world *w, struct process *p, const char *instance_id)
{
	struct error e = {0};

	w->settings.instance_id = instance_id;
	uv_loop_init(&p->loop);
	p->delivery = delivery_open(&p->loop, w->bus, w->directory, w->keyring, &w->settings, &e);
	assert_non_null(p->delivery);
}

static void end(struct process *p)
{
	delivery_close(p->delivery);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&p->loop), 0);
}

static enum result turn(struct process *p, struct error *e)
{
	bool busy;
	enum result r = delivery_turn(p->delivery, &busy, e);

	uv_run(&p->loop, UV_RUN_NOWAIT);
	return r;
}

static size_t requests_seen(void)
{
	FILE *f = fopen(log_path, "r");
	size_t lines = 0;
	int c;

	assert_non_null(f);
	while ((c = fgetc(f)) != EOF)
		lines += c == '\n';
	(void)fclose(f);
	return lines;
}

/* And the server has its request. */
static void turn_until_it_sends(struct process *p)
{
	size_t before = requests_seen();
	struct error e = {0};

	while (delivery_sending(p->delivery) == 0)
		assert_int_not_equal(turn(p, &e), RESULT_FATAL);
	while (requests_seen() == before)
		uv_run(&p->loop, UV_RUN_NOWAIT);
}

/* Its answer comes, before it hears anything else. */
static void wake(struct process *p)
{
	struct error e = {0};

	while (delivery_sending(p->delivery) > 0)
		uv_run(&p->loop, UV_RUN_NOWAIT);
	assert_int_equal(turn(p, &e), RESULT_FATAL);
	assert_string_equal(e.text, "leads.attempts/1: another process has taken it over");
}

static void turn_until_attempts(struct world *w, struct process *p, size_t count)
{
	struct error e = {0};

	while (read_topic(w, "leads.attempts", NULL, NULL) < count)
		assert_int_not_equal(turn(p, &e), RESULT_FATAL);
	assert_int_not_equal(turn(p, &e), RESULT_FATAL); /* it has heard of it, too */
}

static void turn_until_its_outcome(struct world *w, struct process *p)
{
	int64_t ends_ms = clock_monotonic_ms() + WAIT_LIMIT_MS;
	struct error e = {0};

	while (read_topic(w, "leads.outcomes", NULL, NULL) == 0) {
		assert_int_not_equal(turn(p, &e), RESULT_FATAL);
		assert_true(clock_monotonic_ms() < ends_ms);
	}
}

static void check_delivered(struct world *w)
{
	struct outcomes *o = calloc(1, sizeof(*o));

	read_topic(w, "leads.outcomes", seen_outcome, o);
	assert_int_equal(outcome_of_lead(o, 1)->kind, PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED);
	free(o);
}

/* a sends and freezes; b takes over and sends. */
static void begin(struct world *w, struct process *a, struct process *b)
{
	world_open(w);
	w->settings.retry = (struct retry_plan){0}; /* one attempt, and no other */
	start(w, a, "a");
	route(w, &row, NULL);
	turn_until_it_sends(a);
	bus_memory_expel(w->bus, "delivery", "a");
	start(w, b, "b");
	turn_until_it_sends(b);
}

static void one_that_wakes_up_makes_no_outcome_of_its_attempt(_unused_ void **state)
{
	struct process a, b;
	struct world w;

	begin(&w, &a, &b);
	wake(&a);
	end(&a);
	turn_until_its_outcome(&w, &b);
	check_delivered(&w);
	assert_int_equal(read_topic(&w, "leads.attempts", NULL, NULL), 2);
	end(&b);
	world_close(&w);
}

static void the_next_successor_does_not_believe_it(_unused_ void **state)
{
	struct process a, b, c;
	struct world w;

	begin(&w, &a, &b);
	wake(&a);
	end(&b); /* without its answer, and without a commit */
	end(&a);
	assert_int_equal(read_topic(&w, "leads.outcomes", NULL, NULL), 0);
	bus_memory_session_over(w.bus, "delivery", "b");
	start(&w, &c, "c");
	turn_until_its_outcome(&w, &c);
	check_delivered(&w);
	end(&c);
	world_close(&w);
}

/* It has a lead to be sent again, and its group has given it up meanwhile. */
static void one_that_wakes_up_sends_nothing(_unused_ void **state)
{
	static const struct routed failing = {1, "status/500", "bank-a", SEALING_DAY};
	int64_t frozen_until_ms;
	struct process a;
	struct world w;

	world_open(&w);
	w.settings.session_ms = 600;
	assert_int_equal(retry_plan_parse(SLICE("300ms"), &w.settings.retry, NULL), RESULT_OK);
	start(&w, &a, "a");
	route(&w, &failing, NULL);
	turn_until_it_sends(&a);
	while (delivery_sending(a.delivery) > 0)
		uv_run(&a.loop, UV_RUN_NOWAIT);
	turn_until_attempts(&w, &a, 1);
	bus_memory_expel(w.bus, "delivery", "a");
	frozen_until_ms = clock_monotonic_ms() + w.settings.session_ms;
	while (clock_monotonic_ms() < frozen_until_ms) {
	}
	for (int i = 0; i < 10; i++) /* the due time has passed long ago */
		uv_run(&a.loop, UV_RUN_NOWAIT);
	assert_int_equal(delivery_sending(a.delivery), 0);
	assert_int_equal(read_topic(&w, "leads.attempts", NULL, NULL), 1);
	end(&a);
	world_close(&w);
}

static int start_server(void **state)
{
	int fd = mkstemp(log_path);

	assert_true(fd >= 0);
	(void)close(fd);
	setenv("HOSTILE_LOG", log_path, 1);
	return flow_start_server(state);
}

static int stop_server(void **state)
{
	(void)unlink(log_path);
	return flow_stop_server(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_that_wakes_up_makes_no_outcome_of_its_attempt),
	    cmocka_unit_test(the_next_successor_does_not_believe_it),
	    cmocka_unit_test(one_that_wakes_up_sends_nothing),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
