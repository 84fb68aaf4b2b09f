/* worker_world: see worker_world.h. */
#include "worker_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

static char dir[] = "/tmp/punnet-worker-XXXXXX";
static int files;

static void on_ack(void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	assert_int_equal(result, RESULT_OK);
	((struct world *)ctx)->acked++;
}

void open_worker(struct world *w)
{
	struct worker_settings settings = {.instance_id = NULL,
					   .batch_size = 64,
					   .hold_ms = 14 * MS_PER_DAY,
					   .return_window_ms = 7 * MS_PER_DAY,
					   .ack_watchdog_ms = 30 * MS_PER_S};
	struct error e = {0};

	w->store = store_open(w->url, 50, &e);
	if (w->store)
		w->worker = worker_open(w->bus, w->directory, w->store, &settings, &e);
	if (!w->worker)
		fail_msg("%s", e.text);
}

void close_worker(struct world *w)
{
	worker_close(w->worker);
	store_close(w->store);
	w->worker = NULL;
	w->store = NULL;
}

void world_begin_with(struct world *w, bool lines_topic)
{
	static const struct bus_topic_spec topics[] = {
	    {.name = "leads.outcomes", .partitions = 1, .retention_ms = -1},
	    {.name = "market", .partitions = 4, .retention_ms = -1, .append_time = true},
	    {.name = "directory", .partitions = 1, .retention_ms = -1, .compact = true},
	    {.name = "dead.letters", .partitions = 1, .retention_ms = -1},
	    {.name = "status.events", .partitions = STATUS_PARTITIONS, .retention_ms = -1},
	    {.name = "webmasters.verdicts", .partitions = 1, .retention_ms = -1, .compact = true},
	};
	struct bus_producer_options options = {
	    .on_ack = on_ack, .ctx = w, .max_in_flight = OUTCOMES_MAX};
	struct error e = {0};
	size_t created;

	*w = (struct world){0};
	w->bus = bus_open("memory:", "test", &e);
	assert_non_null(w->bus);
	assert_int_equal(
	    bus_topics_apply(w->bus, topics, ARRAY_LEN(topics) - !lines_topic, 1000, &created, &e),
	    RESULT_OK);
	w->producer = bus_producer_open(w->bus, &options, &e);
	w->directory = directory_open(w->bus, 1000, &e);
	assert_non_null(w->producer);
	assert_non_null(w->directory);
	snprintf(w->url, sizeof(w->url), "sqlite:%s/%d.db", dir, files++);
	open_worker(w);
}

void world_begin(struct world *w)
{
	world_begin_with(w, true);
}

void world_end(struct world *w)
{
	close_worker(w);
	directory_close(w->directory);
	bus_producer_close(w->producer);
	bus_close(w->bus);
}

void publish(struct world *w, const struct outcomes *o)
{
	for (size_t i = 0; i < o->count; i++)
		assert_int_equal(bus_produce(w->producer, "leads.outcomes", 0, slice_cstr("lead"),
					     "punnet.v1.Outcome", o->records[i].value, i),
				 RESULT_OK);
	assert_int_equal(bus_producer_flush(w->producer, 1000), RESULT_OK);
	assert_int_equal(w->acked, o->count);
}

enum result one_turn(struct world *w)
{
	struct error e = {0};
	bool busy;
	enum result r = worker_turn(w->worker, &busy, &e);

	if (r == RESULT_FATAL)
		fail_msg("%s", e.text);
	return r;
}

int64_t settled_upto(struct world *w)
{
	struct store_cursor cursor;

	assert_int_equal(store_cursor_read(w->store, "leads.outcomes", 0, &cursor, NULL),
			 RESULT_OK);
	return cursor.next;
}

void run_until_quiet(struct world *w, size_t count)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		one_turn(w);
		if (settled_upto(w) == (int64_t)count && worker_drained(w->worker))
			return;
	}
	fail_msg("not quiet after %d turns", TURNS_MAX);
}

int worlds_begin(_unused_ void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

int worlds_end(_unused_ void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}
