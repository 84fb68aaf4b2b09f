/* wire_read: a protobuf message read field by field, where it lies. For what needs a few fields of many records: unpacking
 * costs several times as much. Pure; everything borrows from the bytes. */
#ifndef PUNNET_WIRE_READ_H
#define PUNNET_WIRE_READ_H

#include "base/slice.h"

enum wire_read_kind {
	WIRE_READ_VARINT = 0,
	WIRE_READ_FIXED8 = 1,
	WIRE_READ_BYTES = 2,
	WIRE_READ_FIXED4 = 5,
};

struct wire_walk {
	const char *at, *end;
};

struct wire_field {
	uint32_t number, kind;
	uint64_t value;     /* of a varint */
	struct slice bytes; /* of anything else */
};

static inline struct wire_walk wire_walk_of(struct slice bytes)
{
	return (struct wire_walk){bytes.data, bytes.data + bytes.len};
}

static inline bool wire_take_varint(struct wire_walk *w, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && w->at < w->end; shift += 7) {
		uint8_t c = (uint8_t)*w->at++;

		value |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			*ret = value;
			return true;
		}
	}
	return false;
}

static inline bool wire_take_bytes(struct wire_walk *w, uint64_t len, struct slice *ret)
{
	if ((uint64_t)(w->end - w->at) < len)
		return false;
	*ret = slice_of(w->at, (size_t)len);
	w->at += len;
	return true;
}

/* false at the end, and at bytes that are no field: wire_walked_all() tells them apart. */
static inline bool wire_take_field(struct wire_walk *w, struct wire_field *ret)
{
	struct wire_walk at = *w;
	uint64_t tag, len;
	bool ok = at.at != at.end && wire_take_varint(&at, &tag) && tag >> 3 <= UINT32_MAX;

	if (!ok)
		return false;
	ret->number = (uint32_t)(tag >> 3);
	ret->kind = tag & 7;
	if (ret->kind == WIRE_READ_VARINT)
		ok = wire_take_varint(&at, &ret->value);
	else if (ret->kind == WIRE_READ_BYTES)
		ok = wire_take_varint(&at, &len) && wire_take_bytes(&at, len, &ret->bytes);
	else if (ret->kind == WIRE_READ_FIXED8 || ret->kind == WIRE_READ_FIXED4)
		ok = wire_take_bytes(&at, ret->kind == WIRE_READ_FIXED8 ? 8 : 4, &ret->bytes);
	else
		ok = false;
	if (ok)
		*w = at;
	return ok;
}

static inline bool wire_walked_all(const struct wire_walk *w)
{
	return w->at == w->end;
}

/* sint32 and sint64 */
static inline int64_t wire_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

#endif
