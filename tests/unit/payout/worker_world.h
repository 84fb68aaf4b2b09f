/* worker_world: a worker of payout between a bus in memory and a ledger in SQLite. */
#ifndef PUNNET_TEST_WORKER_WORLD_H
#define PUNNET_TEST_WORKER_WORLD_H

#include "outcomes.h"
#include "payout/shell/worker.h"

#define TURNS_MAX         100000
#define STATUS_PARTITIONS 3

struct world {
	struct bus *bus;
	struct bus_producer *producer;
	struct directory *directory;
	struct store *store;
	struct worker *worker;
	char url[100];
	size_t acked;
};

/* Of the whole group of tests. */
int worlds_begin(void **state);
int worlds_end(void **state);

void world_begin(struct world *w);
/* lines_topic false: there is no webmasters.verdicts. */
void world_begin_with(struct world *w, bool lines_topic);
void world_end(struct world *w);
void open_worker(struct world *w);
void close_worker(struct world *w);
void publish(struct world *w, const struct outcomes *o);
enum result one_turn(struct world *w);
int64_t settled_upto(struct world *w);
/* Turns until everything is settled, published and forgotten. */
void run_until_quiet(struct world *w, size_t count);

#endif
