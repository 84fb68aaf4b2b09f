/* members: a body that is one JSON object with members of fixed names, as verdicts and requests for replays are. Pure. */
#ifndef PUNNET_COLLECTOR_MEMBERS_H
#define PUNNET_COLLECTOR_MEMBERS_H

#include "base/arena.h"
#include "base/json.h"
#include "problem.h"

/* NULL: not a JSON object, *ret_why says why; it and the object live in the arena. */
_must_use_ struct json *members_read(struct arena *a, struct slice body, const char **ret_why);
/* NULL: not given, which null is the same as. */
const struct json *members_get(const struct json *root, const char *name);
/* A fault for each member that is none of these. */
void members_refuse_others(const struct json *root, const char *const *names, size_t count,
			   struct faults *f);
/* RFC 3339, or Unix milliseconds. false, with a fault: it is neither; *ret_ms stays. */
_must_use_ bool members_time(const struct json *value, const char *name, int64_t *ret_ms,
			     struct faults *f);

#endif
