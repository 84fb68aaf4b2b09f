/* receiver: who is told of an event, as the directory has it. Its name stands in StatusEvent.aff_id: a webmaster's id, or
 * "advertiser/bank-a", "operator/op" (no webmaster's id has a slash). */
#ifndef PUNNET_DELIVERY_RECEIVER_H
#define PUNNET_DELIVERY_RECEIVER_H

#include "delivery/core/postback.h"
#include "runtime/directory.h"

/* Borrows the directory's entry. */
struct receiver {
	const char *entry_id;
	Punnet__V1__Postback **postbacks;
	size_t count;
	struct slice sealed_secret;
};

/* false: it is not in the directory. */
_must_use_ bool receiver_of(const struct directory *d, const char *name, struct receiver *ret);
/* NULL: it wants to hear nothing of it. */
const Punnet__V1__Postback *receiver_wants(const struct receiver *r, Punnet__V1__StatusKind kind);
/* The same of alerts of an entry of an advertiser or an operator; NULL for any other entry. */
const Punnet__V1__Postback *receiver_wants_alert(const Punnet__V1__DirectoryEntry *e,
						 Punnet__V1__StatusKind kind);

#endif
