/* replay_decisions: what the files about decisions share. */
#ifndef PUNNET_REPLAY_DECISIONS_H
#define PUNNET_REPLAY_DECISIONS_H

#include "tools/replay/replay_fold.h"
#include "tools/replay/replay_state.h"

#define MARKET      "market"
#define ROUTED      "leads.routed"
#define UNSOLD      "leads.unsold"
#define TARGETS_MAX (2 * REPLAY_PARTITIONS_MAX)
#define OWED_MAX    100000 /* of one row: what is older has no record */
#define BEFORE_MS                                                                                  \
	(10 * MS_PER_MIN)       /* the clocks of a broker and of a router may disagree by so much */
#define AFTER_MS     MS_PER_MIN /* behind the end: then markets are folded through to it */
#define UNDER_WAY_MS MS_PER_MIN /* so young a decision may not be written yet */
#define COUNT_MIN    512

/* A decision that waits for its record. */
struct owed {
	struct owed *next;
	uint64_t offset;
	uint32_t step;
	int64_t time_ms; /* of the market record */
	size_t len;
	char bytes[];
};
struct row {
	struct owed *first, *last;
	size_t count;
	/* The newest record that was seen: what is not newer is a repeat. */
	int64_t seen_offset;
	uint32_t seen_step;
};

struct market_part {
	struct fold fold;
	struct row *rows; /* by target */
	struct verdict_part_state s;
	struct replay_difference first;
	int64_t
	    from; /* what stands before it was compared by whom we go on from, or isn't asked for */
	uint64_t under_way;
	size_t owed; /* in all rows */
	int64_t saved_ms;
};

struct target { /* a partition of what was recorded */
	const char *topic;
	struct replay_reading *reading;
	const struct bus_record *head; /* NULL: at its end */
};

struct decisions_run {
	struct replay *replay;
	struct bus
	    *bus; /* of who plans; then the first team's: files need not be looked through twice */
	int32_t partitions, routed, unsold; /* of each topic */
	struct replay_span spans[REPLAY_PARTITIONS_MAX];
	struct market_part *parts;
	size_t threads;
	int64_t began_ms;
	struct replay_state *state;
};

struct team { /* one thread's */
	struct decisions_run *run;
	size_t number;
	struct bus *bus;
	struct target targets[TARGETS_MAX];
	size_t target_count;
	struct buf packed;
	struct arena arena;
	_Atomic int64_t *count;
	int64_t done, told;
	struct error *error;
};

/* --- a record against its decision (replay_rows.c) --- */

/* The part that this team folds; NULL: another's, or none. */
struct market_part *decisions_part(struct team *t, uint32_t partition);
void decisions_tell(struct team *t, int64_t least); /* the progress */
/* Folds up to, not including, `end`; what is decided waits in its row. */
_must_use_ enum result decisions_fold_to(struct team *t, struct market_part *p, int64_t end);
_must_use_ enum result decisions_take(struct team *t, size_t target,
				      const struct bus_record *record);
/* How far it has come, with the market's state: only when no decision waits for its record, which is nearly always. */
void decisions_checkpoint(struct decisions_run *run, struct market_part *p, int64_t every_ms);
/* What is left in the rows has no record: because it is so young, or because it is lost. */
void decisions_settle_rows(struct team *t, struct market_part *p);

/* --- one thread (replay_team.c) --- */

_must_use_ enum result decisions_run_team(void *ctx, size_t job, _Atomic int64_t *count,
					  struct error *ret_error);

#endif
