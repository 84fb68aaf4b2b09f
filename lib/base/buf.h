/* buf: a growing byte buffer with a named ceiling.
 *
 * Zero-initialised is empty and valid. Appending past `max` (0 = BUF_MAX_DEFAULT) or out of memory sets `failed`
 * and appends nothing more, so callers check once at the end. buf_free() accepts what was never used. */
#ifndef PUNNET_BUF_H
#define PUNNET_BUF_H

#include "slice.h"

#define BUF_MAX_DEFAULT (64u << 20)

struct buf {
	char *data;
	size_t len, cap, max;
	bool failed;
};

void buf_free(struct buf *b);
void buf_reset(struct buf *b); /* empties, keeps the memory */
void buf_trim(struct buf *b);  /* gives back what is not filled: for what is kept long */
bool buf_reserve(struct buf *b, size_t more); /* room for `more` further bytes; false sets failed */
/* Where there is room, which is mostly, appending is a copy and no call. */
static inline void buf_append(struct buf *b, const void *data, size_t len)
{
	if (len == 0 || ((b->failed || b->cap - b->len < len) && !buf_reserve(b, len)))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static inline void buf_append_slice(struct buf *b, struct slice s)
{
	buf_append(b, s.data, s.len);
}

static inline void buf_append_char(struct buf *b, char c)
{
	buf_append(b, &c, 1);
}

void buf_append_cstr(struct buf *b, const char *s);
void buf_append_int(struct buf *b, int64_t value);
void buf_printf(struct buf *b, const char *fmt, ...) _printf_(2, 3);
const char *buf_cstr(struct buf *b); /* NUL-terminated view, "" when empty or failed */

static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){b->data, b->len};
}

#endif
