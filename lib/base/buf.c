/* buf: grows by doubling up to its ceiling; one byte more than the capacity is always there for the final NUL. */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST_BYTES 256

void buf_free(struct buf *b)
{
	if (!b)
		return;
	free(b->data);
	*b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

void buf_trim(struct buf *b)
{
	char *data = b->len > 0 && b->len < b->cap ? realloc(b->data, b->len) : NULL;

	if (!data)
		return;
	b->data = data;
	b->cap = b->len;
}

bool buf_reserve(struct buf *b, size_t more)
{
	size_t max = b->max ? b->max : BUF_MAX_DEFAULT;
	size_t need, cap;
	char *data;

	if (b->failed)
		return false;
	if (b->data && more <= b->cap - b->len)
		return true;
	if (b->len > max || more > max - b->len) {
		b->failed = true;
		return false;
	}
	need = b->len + more;
	cap = MAX_OF(b->cap, (size_t)BUF_FIRST_BYTES);
	while (cap < need)
		cap *= 2;
	if (cap > max)
		cap = max;
	data = realloc(b->data, cap + 1);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void buf_append_cstr(struct buf *b, const char *s)
{
	buf_append_slice(b, slice_cstr(s));
}

void buf_append_int(struct buf *b, int64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (value < 0)
		digits[--at] = '-';
	buf_append(b, digits + at, sizeof(digits) - at);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	assert(len >= 0);
	if (!buf_reserve(b, (size_t)len))
		return;

	va_start(args, fmt);
	vsnprintf(b->data + b->len, (size_t)len + 1, fmt, args);
	va_end(args);
	b->len += (size_t)len;
}

const char *buf_cstr(struct buf *b)
{
	if (b->failed || b->len == 0)
		return "";
	b->data[b->len] = '\0';
	return b->data;
}
