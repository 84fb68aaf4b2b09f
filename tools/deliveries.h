/* deliveries: what the verbs of `punnet deliveries` share. */
#ifndef PUNNET_DELIVERIES_H
#define PUNNET_DELIVERIES_H

#include "deliveries_pick.h"
#include "tool.h"

/* All attempts since then, through the pick; sorted at the end. */
_must_use_ enum result deliveries_read(struct bus *bus, int64_t since_ms, struct pick *p,
				       struct error *e);
/* The verb `retry`. */
int deliveries_retry(struct tool *t, const struct lead_id *lead_id, const char *who,
		     const char *why);
/* The verb `circuits`: exit status 1 when one is open. */
int deliveries_circuits(struct tool *t, int64_t since_ms);

#endif
