/* decision_write: a decision as the bytes of its record, those that protobuf-c gives for it, in one pass. Pure. */
#ifndef PUNNET_ROUTER_DECISION_WRITE_H
#define PUNNET_ROUTER_DECISION_WRITE_H

#include "market.h"

/* Appends; check out->failed. */
void decision_write(const struct decision *d, struct buf *out);
/* The type of that record. */
const char *decision_type(const struct decision *d);
/* What an open lead keeps of its admission; its bytes are protobuf-c's, too. */
void admitted_write(const Punnet__V1__LeadAdmitted *a, struct buf *out);

#endif
