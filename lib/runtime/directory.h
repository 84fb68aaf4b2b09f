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

/* Was the directory read to its end within the last max_age_ms? When that was longer ago than DIRECTORY_RENEW_MS, asks the
 * broker where the end is and reads up to it: blocking, at most DIRECTORY_ASK_MS, and not again at once when it got no
 * answer. By the monotonic clock: a process that was stopped finds itself too old. */
#define DIRECTORY_RENEW_MS 1000
#define DIRECTORY_ASK_MS   300
_must_use_ bool directory_current(struct directory *d, int64_t max_age_ms);

const Punnet__V1__DirectoryEntry *directory_get(const struct directory *d, const char *kind,
						struct slice id); /* "webmaster", "w17" */
/* Whose key is this? kind is "webmaster", "advertiser" or "operator"; NULL when nobody's, or revoked. The key is hashed
 * once and looked up: no scan. ret_id is the id without its kind. */
const Punnet__V1__DirectoryEntry *directory_by_key(const struct directory *d, const char *kind,
						   struct slice bearer_key, struct slice *ret_id);
/* In order of arrival; false past the end. */
bool directory_at(const struct directory *d, size_t i,
		  const Punnet__V1__DirectoryEntry **ret_entry);
size_t directory_count(const struct directory *d, const char *kind);
uint64_t
directory_version(const struct directory *d); /* grows with every change: caches compare it */

#endif
