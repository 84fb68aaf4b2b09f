/* snapshot_child: a market encoded by a child process, so that decisions go on meanwhile.
 *
 * fork() gives the child the state as it is at that offset; the kernel copies what either side changes afterwards, page by page.
 * What the market writes once and then only reads stands in shared memory and is held meanwhile. The child writes the bytes and
 * their hash into memory that both share, and ends. Decisions stand still for the fork alone, which copies the page tables of
 * what changes: a millisecond for some 40 megabytes. */
#ifndef PUNNET_ROUTER_SNAPSHOT_CHILD_H
#define PUNNET_ROUTER_SNAPSHOT_CHILD_H

#include <sys/types.h>

#include "base/result.h"
#include "router/core/market.h"

#define SNAPSHOT_HASH_LEN 32

/* BLAKE2b-256 of a state's bytes. */
void snapshot_hash(struct slice bytes, uint8_t ret[SNAPSHOT_HASH_LEN]);

struct snapshot_child {
	pid_t pid;           /* 0: none, or it has ended */
	void *shared;        /* NULL: none */
	struct market *held; /* while it works */
};

/* false: there is no child; errno says why. The market stays until snapshot_child_end(). */
_must_use_ bool snapshot_child_start(struct snapshot_child *c, struct market *m);
/* RESULT_AGAIN while it works; RESULT_BAD when it came to no good end, or the state is too large. What *ret_bytes points at lives
 * until snapshot_child_end(). */
_must_use_ enum result snapshot_child_poll(struct snapshot_child *c, struct slice *ret_bytes,
					   uint8_t ret_hash[SNAPSHOT_HASH_LEN]);
/* Ends a child that still works, and gives the memory back. Zero-initialised is fine. */
void snapshot_child_end(struct snapshot_child *c);

#endif
