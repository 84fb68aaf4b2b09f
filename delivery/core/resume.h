/* resume: what a successor learns from leads.attempts when it takes a partition over.
 *
 * It is given the records of the partition's attempts in order, and keeps the last one of every routed record
 * that is not behind the commit. A task that is read again then goes on where that attempt left it. */
#ifndef PUNNET_DELIVERY_RESUME_H
#define PUNNET_DELIVERY_RESUME_H

#include "base/map.h"
#include "lead/codec.h"
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
};

enum resume_learnt {
	RESUME_KEPT,
	RESUME_BEHIND, /* of a record before the commit: of no use */
	RESUME_UNREADABLE,
	RESUME_FULL,
};

void resume_start(struct resume *r, int64_t committed);
void resume_free(struct resume *r);
enum resume_learnt resume_learn(struct resume *r, struct arena *scratch, struct slice attempt_bytes,
				int64_t offset);
/* The last attempt of the routed record at this offset, or NULL. */
const struct resumed *resume_find(const struct resume *r, int64_t routed_offset);

#endif
