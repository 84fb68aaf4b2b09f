/* repeat: see repeat.h. */
#include "repeat.h"

#include <stddef.h>

#include "base/buf.h"
#include "words.h"

#define TIMES "times, every "

bool repeat_read(struct slice line, struct repeat *ret)
{
	const char *times = memmem(line.data, line.len, TIMES, strlen(TIMES));
	const char *begin = times, *end = line.data + line.len;
	struct slice count, span;

	while (begin && begin > line.data && *begin != '(')
		begin--;
	if (!begin || *begin != '(')
		return false;
	count = slice_trim(slice_of(begin + 1, (size_t)(times - begin - 1)));
	times += strlen(TIMES);
	end = memchr(times, ')', (size_t)(end - times));
	if (!end)
		return false;
	span = slice_of(times, (size_t)(end - times));
	ret->remark = slice_of(begin, (size_t)(end + 1 - begin));
	return slice_to_int64(count, &ret->times) && script_span(span, &ret->every_ms);
}

static void append_numbered(struct buf *out, struct slice text, int64_t number)
{
	const char *at;

	while ((at = memmem(text.data, text.len, "{n}", 3))) {
		size_t before = (size_t)(at - text.data);

		buf_append_slice(out, slice_of(text.data, before));
		buf_printf(out, "%04lld", (long long)number);
		text = slice_of(at + 3, text.len - before - 3);
	}
	buf_append_slice(out, text);
}

struct slice repeat_line(const struct repeat *r, struct slice line, int64_t number, struct arena *a)
{
	_cleanup_(buf_free) struct buf out = {0};
	const char *after = r->remark.data + r->remark.len;

	append_numbered(&out, slice_of(line.data, (size_t)(r->remark.data - line.data)), number);
	append_numbered(&out, slice_of(after, (size_t)(line.data + line.len - after)), number);
	return arena_dup(a, buf_slice(&out));
}
