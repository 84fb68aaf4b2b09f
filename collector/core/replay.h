/* replay: what a webmaster asks to be told once more of his leads and payments, read, checked and made a record of status.replays. Pure.
 *
 *     {"from":"2026-11-20T00:00:00Z","to":"2026-11-21T00:00:00Z","event":"approved"}
 *     {"lead_id":"0192…"}      {"event_id":"0192….0.approved"}
 *
 * Whose events they are says the key, and nothing in the body. */
#ifndef PUNNET_COLLECTOR_REPLAY_H
#define PUNNET_COLLECTOR_REPLAY_H

#include "base/arena.h"
#include "base/ids.h"
#include "problem.h"
#include "proto/status_events.pb-c.h"

#define REPLAY_EVENT_ID_MAX 256
#define REPLAY_BACK_MS      (30 * MS_PER_DAY) /* status.events holds no more */

struct replay {
	int64_t from_ms, until_ms;
	Punnet__V1__StatusKind kind; /* UNSPECIFIED: any */
	struct slice event_id;       /* empty: any */
	struct lead_id lead_id;
	bool has_lead;
};

/* false: not a JSON object, *ret_why says why. Otherwise every fault is added; it may be used when there is none. */
_must_use_ bool replay_read(struct replay *r, struct arena *a, struct slice body, int64_t now_ms,
			    struct faults *f, const char **ret_why);
/* Appends the packed ReplayRequest. */
void replay_build(const struct replay *r, const char *aff_id, int64_t now_ms, struct arena *a,
		  struct buf *out);

#endif
