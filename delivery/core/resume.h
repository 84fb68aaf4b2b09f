/* resume: what a successor learns from leads.attempts when it takes a partition over.
 *
 * It is given the records of the partition's attempts in order, and keeps the last one of every routed record
 * that is not behind the commit. A task that is read again then goes on where that attempt left it.
 *
 * Each owner of the partition writes a TakeOver before it sends anything, and its attempts name that record. So the order of
 * the log says whose attempts count: those of the owner whose TakeOver stands before them. One who was frozen and woke after
 * the next had taken over may still write what its last request came to; it knows nothing of the request that its successor
 * has made since, and is not believed.
 *
 * Each owner stores a Taking before it sends what the Taking covers. So the highest place among the Takings that count says
 * what may have been sent, and whatever lies above it was not. Versions before wrote none; whether an owner is of such a one
 * its TakeOver says, or its first Taking. */
#ifndef PUNNET_DELIVERY_RESUME_H
#define PUNNET_DELIVERY_RESUME_H

#include "base/map.h"
#include "lead/codec.h"
#include "prefix.h"
#include "task.h"

#define RESUME_MAX (1u << 20) /* as many as a prefix can span */

struct resumed {
	struct task_step step; /* the last attempt */
	int64_t started_at_ms;
	int64_t record_offset; /* in leads.attempts */
};

struct resume {
	struct map by_delivery; /* key: the offset of the routed record */
	int64_t committed;
	int64_t
	    take_over; /* the owner at the place that was read last: 1 + the offset of its TakeOver; 0: none wrote one */
	int64_t
	    sent_until; /* a routed record below it may have been sent; all others only by such as note nothing */
	bool owner_notes;         /* the owner at that place stores Takings */
	bool unnoted;             /* an owner before it may have sent without one */
	size_t unreadable, stale; /* so many were met */
};

enum resume_learnt {
	RESUME_KEPT,
	RESUME_BEHIND,    /* of a record before the commit: of no use */
	RESUME_TAKE_OVER, /* another owner from here on */
	RESUME_TAKING,
	RESUME_STALE, /* of one who did not own the partition any more */
	RESUME_UNREADABLE,
	RESUME_FULL,
};

/* take_over: the owner at the place where the reading begins, or RESUME_ANYBODY. */
void resume_start(struct resume *r, int64_t committed, int64_t take_over);
void resume_free(struct resume *r);
/* By the record's header. Neither is of a delivery. */
bool resume_is_take_over(struct slice type);
bool resume_is_taking(struct slice type);
/* The record of the owner at the place where the reading begins; it stands before that place. */
void resume_learn_owner(struct resume *r, struct arena *scratch, struct slice type,
			struct slice bytes);
/* type: the record's header; "" where it has none. */
enum resume_learnt resume_learn(struct resume *r, struct arena *scratch, struct slice type,
				struct slice bytes, int64_t offset);
/* All that was read: nothing at or above sent_until was sent. */
bool resume_is_noted(const struct resume *r);
/* The last attempt of the routed record at this offset, or NULL. */
const struct resumed *resume_find(const struct resume *r, int64_t routed_offset);
/* When the next attempt is due. One that was made in the future is from a process whose clock was ahead: its next one is due now, not
 * hours later. */
int64_t resume_due_ms(const struct resumed *last, int64_t now_ms);

#endif
