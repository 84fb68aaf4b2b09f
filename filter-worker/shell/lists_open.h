/* lists_open: the lists as a process holds them: mapped from their folder, followed, and swapped whole.
 *
 * named.lists has to be there; ip.mmdb and networks.txt (addresses), agent-patterns.tsv and agents.txt (user agents) may. All
 * of them together are one edition with one version. A new file is put in place by rename; it is looked for at most once a second. One that can't be used is refused, and the
 * one before it stays in use. What looks have learned is copied (see filter.h), so the old map goes with the swap: swap
 * between two batches, never within one. */
#ifndef PUNNET_LISTS_OPEN_H
#define PUNNET_LISTS_OPEN_H

#include "base/result.h"
#include "filter-worker/core/lists.h"

#define LISTS_NAMED_FILE "named.lists" /* in the folder; `punnet lists compile` makes it */
#define LISTS_LOOK_MS    1000

struct lists_holder;

/* folder "" : the one that set-up and the build made, where they did; else none are loaded, and what lists say can't be
 * known. A folder that was named has to have them. NULL with an error. */
struct lists_holder *lists_holder_open(const char *folder, struct error *ret_error);
void lists_holder_close(struct lists_holder *h); /* accepts NULL */
/* Valid until the next swap; the struct itself until the holder is closed. Its version is empty while none are loaded. */
const struct lists *lists_holder_get(const struct lists_holder *h);

enum lists_turn {
	LISTS_SAME,
	LISTS_SWAPPED,
	LISTS_REFUSED, /* there is a new file, and it can't be used; said once for each */
};
enum lists_turn lists_holder_follow(struct lists_holder *h, int64_t now_ms,
				    struct error *ret_error);

/* The folder that "" stands for. */
const char *lists_standard_folder(void);

#endif
