/* watermark: for each (source topic, source partition) the highest (offset, step) that was seen: repeats fall away.
 * Pure data; lives in a commit's metadata as text "leads.judged/3=1042.0,…" or in a stage's own snapshot. */
#ifndef PUNNET_WATERMARK_H
#define PUNNET_WATERMARK_H

#include "base/buf.h"
#include "codec.h"

#define WATERMARK_SOURCES_MAX 64

struct watermark {
	struct {
		char topic[32];
		uint32_t partition;
		uint64_t offset;
		uint32_t step;
	} seen[WATERMARK_SOURCES_MAX];
	size_t count;
};

/* true and remembers it, when p is newer than all that was seen from its source; false for a repeat. */
_must_use_ bool watermark_advance(struct watermark *w, const struct provenance *p);
bool watermark_is_new(const struct watermark *w, const struct provenance *p);
void watermark_write(const struct watermark *w, struct buf *out);
_must_use_ bool watermark_read(struct slice text, struct watermark *ret);

#endif
