/* replay: what is recorded, computed once more by the production cores, and compared bit for bit. Shared by the files here.
 *
 *     verdicts   leads.judged: facts + rule set → verdict        filter-worker/core
 *     decisions  market → leads.routed, leads.unsold             router/core
 *     lives      leads.outcomes → the ledger's lives and transfers   payout/core
 *
 * Nothing here can write to a topic: the bus is one of bus_open_reading(), each thread's its own, and a lint holds that these
 * objects name no function that produces, joins a group, or commits (tests/lint/reads_only.py). The network's ledger is opened
 * for reading; what `lives` settles goes into a database of its own.
 * Memory is bounded: by a batch a partition, by the state of the market, and by the limits below. */
#ifndef PUNNET_REPLAY_H
#define PUNNET_REPLAY_H

#include "base/arena.h"
#include "base/ids.h"
#include "lead/codec.h"
#include "tools/tool.h"

#define REPLAY_PARTITIONS_MAX 256
#define REPLAY_THREADS_MAX    64
#define REPLAY_BATCH          256
#define REPLAY_WAIT_MS        200
#define REPLAY_PATIENCE       75 /* waits in a row without a record below the end: the broker is away */
#define REPLAY_ASK_MS         10000
#define REPLAY_TEXT_MAX       256
#define REPLAY_SAMPLES        20 /* of what would have changed */
#define REPLAY_SAVE_MS        2000

/* --- where from, where to (replay_range.c) --- */

/* "2026-12-01", an RFC 3339 time or Unix ms; "@1200": this offset of every partition; "3@1200,5@80": these partitions only. */
struct replay_bound {
	enum { REPLAY_OPEN, REPLAY_TIME, REPLAY_OFFSET, REPLAY_PLACES } kind;
	int64_t time_ms, offset;
	int64_t places[REPLAY_PARTITIONS_MAX]; /* by partition; -1: not named */
};
struct replay_span {
	int64_t from, to; /* offsets; `to` is not in it */
};
_must_use_ bool replay_bound_read(const char *text, struct replay_bound *ret);
/* Of one partition; empty (from == to) where it is not asked for. */
_must_use_ enum result replay_span_of(struct bus *bus, const char *topic, int32_t partition,
				      const struct replay_bound *from,
				      const struct replay_bound *to, struct replay_span *ret,
				      struct error *ret_error);

/* --- a difference (replay_difference.c) --- */

struct replay_difference {
	bool found;
	int64_t time_ms; /* of the record */
	char where[REPLAY_TEXT_MAX], lead[LEAD_ID_TEXT_LEN + 1], field[REPLAY_TEXT_MAX];
	char recorded[REPLAY_TEXT_MAX], recomputed[REPLAY_TEXT_MAX];
};
/* The first field in which two messages of one type differ; false: they say the same. */
bool replay_messages_differ(const ProtobufCMessage *recorded, const ProtobufCMessage *recomputed,
			    struct replay_difference *ret);
/* A difference that is not in a field. */
void replay_differ(struct replay_difference *d, const char *field, const char *recorded,
		   const char *recomputed);
void replay_where(struct replay_difference *d, const char *topic, int32_t partition, int64_t offset,
		  const struct lead_id *id, int64_t time_ms);
void replay_print_difference(const struct tool *t, const struct replay_difference *d);

/* --- the run --- */

struct replay {
	struct tool *tool;
	const char *url; /* what is read */
	struct replay_bound from, to;
	const char *rules_file, *orders_file, *state_file, *ledger_file;
	const char *memory; /* of what is gathered anew: "memory:", or a Redis */
	bool regather;
	size_t threads;
	struct error error;
};

struct bus *replay_bus(const struct replay *r, struct error *ret_error);

int replay_verdicts(struct replay *r);
int replay_regather(struct replay *r);
int replay_decisions(struct replay *r);
int replay_decisions_what_if(struct replay *r);
int replay_lives(struct replay *r);
int replay_record(struct replay *r, const char *folder);

/* --- threads (replay_crew.c) --- */

struct replay_crew {
	const struct replay *replay;
	const char *what; /* "verdicts", for the progress */
	size_t jobs;
	/* Does one job, in a thread of the crew. count: add to it what was done since the last call. */
	enum result (*run)(void *ctx, size_t job, _Atomic int64_t *count, struct error *ret_error);
	void *ctx;
	int64_t total; /* of what is counted, about; 0: not known */
};
/* Returns when all jobs are done, or when one failed and the others came to their ends. */
_must_use_ enum result replay_crew_run(const struct replay_crew *c, struct error *ret_error);

/* --- reading one partition (replay_reading.c) --- */

struct replay_reading {
	struct bus *bus;
	const char *topic;
	int32_t partition;
	struct replay_span span;
	struct bus_reader *reader;
	struct bus_record records[REPLAY_BATCH];
	size_t at, count;
	int64_t next; /* offset of the next record to come */
};
/* Reads span of a partition from `from` on. */
_must_use_ enum result reading_open(struct replay_reading *r, struct bus *bus, const char *topic,
				    int32_t partition, struct replay_span span,
				    struct error *ret_error);
void reading_close(struct replay_reading *r);
/* The next record, or NULL at the end of the span. It lives until the call after this one, with what was given before it in
 * one batch. */
_must_use_ enum result reading_next(struct replay_reading *r, const struct bus_record **ret,
				    struct error *ret_error);
/* The same, and it stays the next one. */
_must_use_ enum result reading_peek(struct replay_reading *r, const struct bus_record **ret,
				    struct error *ret_error);

#endif
