/* worker_state: what a worker holds, shared by worker.c (what a turn does) and worker_open.c (start and end). */
#ifndef PUNNET_WORKER_STATE_H
#define PUNNET_WORKER_STATE_H

#include "batch.h"
#include "partitions.h"
#include "runtime/service.h"

#define WORKER_MAGIC 0x46575752u
#define TOPIC_RAW    "leads.raw"
#define TOPIC_JUDGED "leads.judged"

struct bus_consumer;
struct bus_producer;
struct directory;

/* See restore.h. */
#define RESTORE_PARTITIONS_MAX 1024
struct restore {
	bool ready; /* nothing is missing */
	bool again; /* look before anything else */
	bool missing[RESTORE_PARTITIONS_MAX];
	uint32_t partitions;
	int64_t looked_at_ms;
	struct {
		int64_t end,
		    at_ms; /* where leads.judged ended, as was told then; at_ms 0: not asked */
	} told[RESTORE_PARTITIONS_MAX];
	/* the partition at hand */
	struct bus_reader *reader;
	int32_t at;
	int64_t until, began_ms;
	bool sure;                   /* `until` is no older end */
	uint64_t put_back, next_raw; /* verdicts; the offset in leads.raw after the highest one */
	/* the batch that was read ahead: while the kv takes one in, the next is unpacked */
	struct desk_lead *next; /* NULL: none */
	size_t next_count;
	enum result read_result;
	struct error read_error;
	struct arena arenas[2];
	unsigned turn; /* which of them is the next batch's */
};

struct worker {
	uint32_t magic;
	struct service *service;
	struct ruleset rules;
	struct bus *bus;
	struct bus_consumer *consumer;
	struct bus_producer *producer;
	struct directory *directory;
	struct keyring *keyring;
	struct kv *kv;
	struct suppressions *suppressions;
	struct verdict_follower *verdicts;
	struct lists_holder *lists;
	struct mx *mx; /* NULL: nobody is asked about mail domains */
	struct desk *desk;
	struct partitions partitions;
	struct flights flights;
	struct batch batch;
	struct restore restore;
	bool rules_from_file;   /* the configuration names one: the directory's are not followed */
	uint64_t rules_version; /* of the directory, when it was last asked for rules */
	size_t batch_leads, max_in_flight;
	size_t letters; /* dead letters that are not acknowledged */
	int64_t commit_every_ms, watchdog_ms, committed_at_ms;
	bool kv_away;
};

static inline struct worker *worker_of(void *ctx)
{
	struct worker *w = ctx;

	assert(w->magic == WORKER_MAGIC);
	return w;
}

/* What the servers call, from inside the turn. */
int64_t worker_on_assign(void *ctx, const struct bus_assignment *a, enum result *ret_result);
void worker_on_revoke(void *ctx, const char *topic, int32_t partition, bool lost);
void worker_on_ack(void *ctx, uint64_t token, enum result result, int32_t partition,
		   int64_t offset);

/* Takes the directory's rule set over, if it has another one. Between two batches only: what is judged in parts is judged by
 * one rule set. One that can't be read is said, and the one in force stays. */
void worker_follow_rules(struct worker *w);
/* The same with lists. */
void worker_follow_lists(struct worker *w);

enum turn worker_turn(struct service *s);
/* Commits what is finished of a partition, blocking. */
void worker_commit_last(struct worker *w, int32_t number, struct partition *p);
void worker_release_batch(struct worker *w);
/* Whoever asked the kv says how it answered: RESULT_AWAY is what the metric, the log and /healthz tell. e: why. */
void worker_note_kv(struct worker *w, enum result answer, const struct error *e);

#endif
