/* wire: protobuf messages written in one pass, straight behind what a buffer holds.
 *
 * For records whose content is at hand as slices and numbers: nothing is copied into generated structs first, no size is
 * computed beforehand. The caller writes the fields in the order of their numbers; then the bytes are those that
 * codec_pack() gives for the same message. Pure. A value that proto3 takes for absent (zero, false, empty) is left out;
 * the functions in _set write it all the same, for members of a oneof and elements of a repeated field.
 * How it fails: as struct buf does; check out->failed. Text must be UTF-8 without NUL: nobody looks here. */
#ifndef PUNNET_WIRE_H
#define PUNNET_WIRE_H

#include "base/buf.h"

#define WIRE_VARINT_MAX 10
#define WIRE_HEAD_MAX   (5 + WIRE_VARINT_MAX) /* a tag, and a length or a number */

enum wire_kind { WIRE_KIND_VARINT = 0, WIRE_KIND_LENGTH = 2 };

/* --- inside --- */

static inline bool wire_room(struct buf *b, size_t more)
{
	if (!b->failed && b->cap - b->len >= more)
		return true;
	return buf_reserve(b, more);
}

static inline char *wire_put_varint(char *to, uint64_t value)
{
	while (value >= 0x80) {
		*to++ = (char)(value | 0x80);
		value >>= 7;
	}
	*to++ = (char)value;
	return to;
}

static inline char *wire_put_tag(char *to, uint32_t field, enum wire_kind kind)
{
	return wire_put_varint(to, (uint64_t)field << 3 | kind);
}

/* --- fields --- */

static inline void wire_uint_set(struct buf *out, uint32_t field, uint64_t value)
{
	char *to;

	if (!wire_room(out, WIRE_HEAD_MAX))
		return;
	to = wire_put_tag(out->data + out->len, field, WIRE_KIND_VARINT);
	out->len = (size_t)(wire_put_varint(to, value) - out->data);
}

static inline void wire_uint(struct buf *out, uint32_t field, uint64_t value)
{
	if (value)
		wire_uint_set(out, field, value);
}

/* int32 and int64: a negative number takes ten bytes. */
static inline void wire_int(struct buf *out, uint32_t field, int64_t value)
{
	wire_uint(out, field, (uint64_t)value);
}

/* sint32 and sint64 */
static inline void wire_sint_set(struct buf *out, uint32_t field, int64_t value)
{
	wire_uint_set(out, field, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

static inline void wire_sint(struct buf *out, uint32_t field, int64_t value)
{
	if (value)
		wire_sint_set(out, field, value);
}

static inline void wire_bool_set(struct buf *out, uint32_t field, bool value)
{
	wire_uint_set(out, field, value);
}

static inline void wire_bool(struct buf *out, uint32_t field, bool value)
{
	if (value)
		wire_bool_set(out, field, true);
}

/* The tag and the length of a field whose `len` bytes the caller appends next. */
static inline void wire_head(struct buf *out, uint32_t field, size_t len)
{
	char *to;

	if (!wire_room(out, WIRE_HEAD_MAX + len))
		return;
	to = wire_put_tag(out->data + out->len, field, WIRE_KIND_LENGTH);
	out->len = (size_t)(wire_put_varint(to, len) - out->data);
}

static inline void wire_bytes_set(struct buf *out, uint32_t field, struct slice value)
{
	wire_head(out, field, value.len);
	if (value.len == 0 || out->failed)
		return;
	memcpy(out->data + out->len, value.data, value.len);
	out->len += value.len;
}

static inline void wire_bytes(struct buf *out, uint32_t field, struct slice value)
{
	if (value.len)
		wire_bytes_set(out, field, value);
}

static inline void wire_text_set(struct buf *out, uint32_t field, struct slice value)
{
	wire_bytes_set(out, field, value);
}

static inline void wire_text(struct buf *out, uint32_t field, struct slice value)
{
	wire_bytes(out, field, value);
}

/* --- messages in messages --- */

/* Where the content of a message begins. */
_must_use_ static inline size_t wire_begin(struct buf *out, uint32_t field)
{
	wire_head(out, field, 0);
	return out->len;
}

/* One that is longer than 127 bytes. */
void wire_end_long(struct buf *out, size_t begin);
/* Closes the message; `begin` is what wire_begin() gave, and messages are closed in the reverse order. */
static inline void wire_end(struct buf *out, size_t begin)
{
	size_t len = out->len - begin;

	if (len < 0x80 && !out->failed)
		out->data[begin - 1] = (char)len;
	else
		wire_end_long(out, begin);
}

#endif
