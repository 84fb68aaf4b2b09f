/* mx_notes: what mx tells other workers, in the filters' memory. */
#ifndef PUNNET_MX_NOTES_H
#define PUNNET_MX_NOTES_H

#include "mx.h"
#include "runtime/kv.h"

struct mx_notes mx_notes_in(struct kv *kv); /* borrows it */

#endif
