/* prefix: what a commit may say about the records before it.
 *
 * Tasks end out of order, so the newest watermark is ahead of the committed offset: repeats are dropped relative to the
 * records before them, and a successor that reads again from the commit must start with the watermark of that place.
 * The prefix keeps, for each record since the committed offset, what it adds to the watermark and from where in
 * leads.attempts a successor must read to learn of its attempts; advancing folds the finished ones in.
 *
 * The metadata is text: "market/0=1042.0,market/1=7.0 a=5512 o=5400 c=1"; o is whose attempts count at the place a
 * (see resume.h); c=1 says that nothing was under way.
 * Limit: PREFIX_SPAN_MAX records between the committed offset and the newest; past it prefix_full() says to stop. */
#ifndef PUNNET_DELIVERY_PREFIX_H
#define PUNNET_DELIVERY_PREFIX_H

#include "lead/watermark.h"

#define PREFIX_SPAN_MAX (1u << 20)
#define PREFIX_TOPIC    "market"

#define RESUME_ANYBODY                                                                             \
	(-1) /* in place of a take-over: whoever wrote the first attempt that is found */

struct prefix_entry;
struct prefix {
	const char *const
	    *topics; /* of the sources; PREFIX_TOPIC, unless who started it says otherwise */
	size_t topic_count;
	struct watermark watermark; /* of all records before the oldest entry */
	struct prefix_entry *ring;
	size_t cap, first, count;
};

struct commit_note {
	struct watermark watermark;
	int64_t attempts_from; /* -1: read leads.attempts from its beginning */
	int64_t take_over;     /* the owner at that place; 0: none, RESUME_ANYBODY: not known */
	bool clean;
};

void prefix_start(struct prefix *p, const struct watermark *watermark);
void prefix_free(struct prefix *p);
bool prefix_full(const struct prefix *p);
/* source is NULL for a record that could not be read: it adds nothing. Offsets rise; attempts_from never falls. */
void prefix_push(struct prefix *p, int64_t offset, const struct provenance *source,
		 int64_t attempts_from);
/* Every record below `committable` is finished. */
void prefix_advance(struct prefix *p, int64_t committable);
/* From where leads.attempts must be read for the records that are left; `otherwise` when none was pushed. */
int64_t prefix_attempts_from(const struct prefix *p, int64_t otherwise);

void commit_note_write(const struct commit_note *note, struct buf *out);
/* false when the text is no such note; empty text is an empty note. */
_must_use_ bool commit_note_read(struct slice text, struct commit_note *ret);

#endif
