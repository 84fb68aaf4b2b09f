/* lines: NDJSON into its lines. A line end at the very end ends the last line; it does not begin another. Pure. */
#ifndef PUNNET_COLLECTOR_LINES_H
#define PUNNET_COLLECTOR_LINES_H

#include "base/slice.h"

/* The next line without its end (LF or CR LF); false when there is none. */
_must_use_ bool lines_next(struct slice *rest, struct slice *ret_line);
/* How many lines there are; stops counting at most + 1. */
uint32_t lines_count(struct slice text, uint32_t most);

#endif
