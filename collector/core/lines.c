/* lines: see lines.h. */
#include "lines.h"

bool lines_next(struct slice *rest, struct slice *ret_line)
{
	const char *end;
	size_t len;

	if (rest->len == 0)
		return false;
	end = memchr(rest->data, '\n', rest->len);
	len = end ? (size_t)(end - rest->data) : rest->len;
	*ret_line = slice_of(rest->data, len);
	if (ret_line->len > 0 && ret_line->data[ret_line->len - 1] == '\r')
		ret_line->len--;
	*rest = slice_of(rest->data + len + (end ? 1 : 0), rest->len - len - (end ? 1 : 0));
	return true;
}

uint32_t lines_count(struct slice text, uint32_t most)
{
	struct slice line;
	uint32_t count = 0;

	while (count <= most && lines_next(&text, &line))
		count++;
	return count;
}
