/* postbacks: what the files of `punnet postbacks` share. */
#ifndef PUNNET_POSTBACKS_TOOL_H
#define PUNNET_POSTBACKS_TOOL_H

#include "delivery/core/status_filter.h"
#include "tool.h"

/* message: a StatusEvent or a StatusAttempt, as the topic says; it lives until the function returns. false: stop. */
typedef bool (*status_fn)(void *ctx, const struct bus_record *record, const void *message);

/* Every record of the topic that fits, partition by partition, up to its end at the beginning. */
_must_use_ enum result status_read(struct bus *bus, const char *topic,
				   const struct status_filter *filter, status_fn fn, void *ctx,
				   struct error *ret_error);
int postbacks_replay(struct tool *t, const struct status_filter *filter, const char *who);

#endif
