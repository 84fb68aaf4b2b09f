/* opener: the one way to a sealed contact. Every program that opens one asks here, so that an erased person's is opened by none.
 *
 * Erasures are entries of the directory, by keyed fingerprint. The box names the fingerprints outside, and what is erased is
 * told without opening it. A box of an earlier version does not: it is opened, recognised, and wiped.
 *
 * Whoever opens asks opener_sure() first: it says whether the directory was read to its end lately. Behind it an erasure
 * holds, ERASURE_IN_FORCE_MS after it was stored, against a process that was stopped and goes on, or that lost the brokers. */
#ifndef PUNNET_OPENER_H
#define PUNNET_OPENER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/ids.h"
#include "directory.h"
#include "keyring.h"
#include "proto/common.pb-c.h"

#define ERASURE_IN_FORCE_MS 5000
#define ERASURES_MAX                                                                               \
	100000 /* entries at a time; `punnet erase` refuses more, `punnet keys rotate` clears old ones */

/* Both borrowed. No directory: nobody is erased (leads of no log). No keyring: every contact stays sealed. */
struct opener {
	struct directory *directory;
	struct keyring *keyring;
	struct buf plain; /* wiped after use */
};

enum opened {
	OPENED,
	OPEN_ERASED, /* the person had the data erased */
	OPEN_SEALED, /* the day's key is destroyed, or it is not the box that was sealed: it stays so */
};

/* By its fingerprints; an empty one is nobody's. */
struct person {
	struct slice phone, email, mailbox;
};

/* May anything be opened? May block for DIRECTORY_ASK_MS, about once a second at most. false: the directory's end can't be
 * learned, so an erasure may be there that is not known; ask again later. */
_must_use_ bool opener_sure(const struct opener *o);
/* When the person had the data erased, the last time; 0: never. */
int64_t opener_erased_at_ms(const struct opener *o, const struct person *p);
/* *ret_contact is in the arena. Nothing of it is left elsewhere. */
_must_use_ enum opened opener_open(struct opener *o, const struct lead_id *lead_id,
				   const Punnet__V1__SealedContact *sealed, struct arena *a,
				   Punnet__V1__Contact **ret_contact);
void opener_free(struct opener *o);

#endif
