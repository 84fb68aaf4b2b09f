/* wire: a nested message gets one byte for its length, which is enough for most; a longer one is moved once. */
#include "wire.h"

static size_t varint_len(uint64_t value)
{
	size_t len = 1;

	for (; value >= 0x80; value >>= 7)
		len++;
	return len;
}

void wire_end_long(struct buf *out, size_t begin)
{
	size_t len = out->len - begin, extra = varint_len(len) - 1;

	if (!wire_room(out, extra))
		return;
	assert(begin > 0 && begin <= out->len);
	if (extra) {
		memmove(out->data + begin + extra, out->data + begin, len);
		out->len += extra;
	}
	(void)wire_put_varint(out->data + begin - 1, len);
}
