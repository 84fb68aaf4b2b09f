/* directory: the compacted topic as an in-memory table that follows the log. Reads to the end at start (blocking, with
 * progress in the log), then follows on the loop.
 *
 * Entries are unpacked DirectoryEntry messages, owned by the directory; a pointer is valid until the loop turns. */
#ifndef PUNNET_DIRECTORY_H
#define PUNNET_DIRECTORY_H

#include "bus.h"
#include "proto/directory.pb-c.h"

struct directory;

struct directory *directory_open(struct bus *bus, int timeout_ms, struct error *ret_error);
/* Takes what has arrived; call from turn(), and when directory_fd() is readable. */
_must_use_ enum result directory_poll(struct directory *d, struct error *ret_error);
int directory_fd(struct directory *d);
void directory_close(struct directory *d);

const Punnet__V1__DirectoryEntry *directory_get(const struct directory *d, const char *kind,
						struct slice id); /* "webmaster", "w17" */
/* Whose key is this? kind is "webmaster", "advertiser" or "operator"; NULL when nobody's, or revoked. The key is hashed
 * once and looked up: no scan. ret_id is the id without its kind. */
const Punnet__V1__DirectoryEntry *directory_by_key(const struct directory *d, const char *kind,
						   struct slice bearer_key, struct slice *ret_id);
/* In order of arrival; false past the end. */
bool directory_at(const struct directory *d, size_t i,
		  const Punnet__V1__DirectoryEntry **ret_entry);
uint64_t
directory_version(const struct directory *d); /* grows with every change: caches compare it */

#endif
