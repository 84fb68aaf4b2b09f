/* audit_round: one reading of everything after another, for the command and for the service.
 *
 * A round: the groups' commits; the ledger's moment; the ends of the topics, the flow's last first; the records; the
 * ledger. In this order what is below a commit has its consequence among what is read, so that "lost" is never a guess.
 * A round brings what came since the one before; the ledger is read whole when it changed. Blocking.
 *
 * That holds if the ends are the ends. A broker that stood still while others took over answers, when it wakes, what it was asked
 * meanwhile: with its old ends, until it hears that it leads nothing. So an end counts as told once nothing that was read, committed or
 * settled lies beyond it; until then the ends are asked for again, for AUDIT_CAUSES_WAIT_MS, after which the cause is missing.
 * And a commit is due only when it was seen AUDIT_SURE_MS before the ends were asked for, in a round that came to its end. */
#ifndef PUNNET_AUDIT_ROUND_H
#define PUNNET_AUDIT_ROUND_H

#include <stdatomic.h>

#include "audit_core.h"
#include "base/result.h"
#include "letters_read.h"

#define AUDIT_CAUSES_WAIT_MS 5000 /* a broker that wakes hears within a second or two */
#define AUDIT_SURE_MS        3000

struct audit_round; /* opaque */

struct audit_round_settings {
	const char *db, *worker_group;
	int64_t from_ms, to_ms; /* leads that came in then; 0 = no such end */
	const atomic_bool
	    *stop; /* once it is set a round ends soon, with RESULT_AGAIN; NULL = nobody stops it */
	uint64_t key;                    /* of the sums */
	int64_t causes_wait_ms, sure_ms; /* 0 = as above */
};

#define LETTER_SHOWN_MAX 320

struct audit_findings {
	struct audit_line lines[AUDIT_INVARIANTS];
	struct audit_stage_line stages[AUDIT_STAGES];
	size_t letters_open;
	int64_t letters_oldest_ms;     /* when it was put aside; 0 = none is open */
	char letter[LETTER_SHOWN_MAX]; /* the oldest one that is open: its place and its reason */
	uint64_t leads;                /* that are kept in memory */
};

enum audit_topic audit_stage_reads(enum audit_stage stage);
/* What the stage's group has committed of that, by partition, into ret_next[count]. Of AUDIT_SETTLING the ledger says it. */
_must_use_ enum result audit_group_committed(struct bus *bus, const struct audit_round_settings *s,
					     enum audit_stage stage, int32_t count,
					     int64_t *ret_next, struct error *ret_error);

/* Borrows the bus and the settings' texts. NULL: a topic can't be learned. */
struct audit_round *audit_round_open(struct bus *bus, const struct audit_round_settings *s,
				     struct error *ret_error);
_must_use_ enum result audit_round_read(struct audit_round *r, struct audit_findings *ret,
					struct error *ret_error);
const struct audit *audit_round_tables(const struct audit_round *r);
void audit_round_close(struct audit_round *r); /* accepts NULL */

/* "fine", "pending", "broken" */
static inline const char *audit_state(const struct audit_line *l)
{
	return l->broken ? "broken" : l->pending ? "pending" : "fine";
}

#endif
