/* codec_unpack: what protobuf-c's unpacking gives, and codec.c's look at texts before it, in one pass: for messages as our own
 * services write them. Whatever is unusual is left to those two: a field that is not known, of another kind than ours have, that stands
 * there twice, or is not good. So nothing is refused here, and nothing is taken that they would refuse. */
#include "codec_parts.h"

#define VARINT_BYTES_MAX 10
#define LENGTH_BYTES_MAX 5
#define TAG_BYTES_MAX    2 /* our numbers are small */

struct ahead {
	const uint8_t *at, *end;
};

static bool read_message(struct arena *a, const ProtobufCMessageDescriptor *type,
			 struct ahead bytes, int depth, void **ret);

static bool take_varint(struct ahead *w, int bytes_max, uint64_t *ret)
{
	uint64_t value = 0;

	if (w->at < w->end && *w->at < 0x80) {
		*ret = *w->at++;
		return true;
	}
	for (int i = 0; i < bytes_max && w->at < w->end; i++) {
		uint8_t c = *w->at++;

		value |= (uint64_t)(c & 0x7F) << (7 * i);
		if (c >= 0x80)
			continue;
		*ret = value;
		return i < VARINT_BYTES_MAX - 1 || c <= 1;
	}
	return false;
}

static bool take_block(struct ahead *w, struct ahead *ret)
{
	uint64_t len;

	if (!take_varint(w, LENGTH_BYTES_MAX, &len) || len > (uint64_t)(w->end - w->at))
		return false;
	*ret = (struct ahead){w->at, w->at + len};
	w->at += len;
	return true;
}

static struct slice slice_of_block(struct ahead block)
{
	return slice_of(block.at, (size_t)(block.end - block.at));
}

/* --- one value --- */

/* 0: not a number that is written as a varint. */
static size_t number_size(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_ENUM:
		return sizeof(uint32_t);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_SINT64:
		return sizeof(uint64_t);
	default:
		return 0;
	}
}

static void put_number(const ProtobufCFieldDescriptor *f, uint64_t value, void *to)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)to = value != 0;
		return;
	case PROTOBUF_C_TYPE_SINT32:
		*(uint32_t *)to = (uint32_t)value >> 1 ^ -((uint32_t)value & 1);
		return;
	case PROTOBUF_C_TYPE_SINT64:
		*(uint64_t *)to = value >> 1 ^ -(value & 1);
		return;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		*(uint64_t *)to = value;
		return;
	default:
		*(uint32_t *)to = (uint32_t)value;
	}
}

static uint8_t *copy(struct arena *a, struct slice bytes, size_t more)
{
	uint8_t *to = arena_alloc(a, bytes.len + more);

	memcpy(to, bytes.data, bytes.len);
	return to;
}

static bool read_text(struct arena *a, struct slice text, void *to)
{
	uint8_t *copied;

	if (!codec_text_is_good(text))
		return false;
	copied = copy(a, text, 1);
	copied[text.len] = '\0';
	*(char **)to = (char *)copied;
	return true;
}

static bool read_value(struct arena *a, const ProtobufCFieldDescriptor *f, unsigned wire,
		       struct ahead *w, int depth, void *to)
{
	ProtobufCBinaryData *bytes = to;
	struct ahead block;
	uint64_t number;

	if (wire == 0) {
		if (number_size(f) == 0 || !take_varint(w, VARINT_BYTES_MAX, &number))
			return false;
		put_number(f, number, to);
		return true;
	}
	if (wire != 2 || !take_block(w, &block))
		return false;
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return read_text(a, slice_of_block(block), to);
	case PROTOBUF_C_TYPE_BYTES:
		bytes->len = (size_t)(block.end - block.at);
		bytes->data = bytes->len > 0 ? copy(a, slice_of_block(block), 0) : NULL;
		return true;
	case PROTOBUF_C_TYPE_MESSAGE:
		return read_message(a, f->descriptor, block, depth + 1, to);
	default:
		return false;
	}
}

/* --- repeated ones --- */

static size_t value_size(const ProtobufCFieldDescriptor *f)
{
	if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE)
		return sizeof(void *);
	return f->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : 0;
}

static bool read_packed(struct arena *a, const ProtobufCFieldDescriptor *f, struct ahead *w,
			size_t *ret_count, void **ret)
{
	size_t size = number_size(f), count = 0;
	struct ahead block;
	uint64_t number;

	if (size == 0 || !take_block(w, &block))
		return false;
	for (const uint8_t *at = block.at; at < block.end; at++)
		count += *at < 0x80;
	*ret = arena_alloc(a, count * size);
	for (size_t i = 0; i < count; i++) {
		if (!take_varint(&block, VARINT_BYTES_MAX, &number))
			return false;
		put_number(f, number, (char *)*ret + i * size);
	}
	*ret_count = count;
	return count > 0 && block.at == block.end;
}

/* Those that stand one behind the other, the first one's tag has been read. */
static size_t count_row(struct ahead w, uint64_t tag)
{
	size_t count = 0;
	struct ahead block;
	uint64_t next;

	do {
		if (!take_block(&w, &block))
			return 0;
		count++;
	} while (w.at < w.end && take_varint(&w, TAG_BYTES_MAX, &next) && next == tag);
	return count;
}

static bool read_repeated(struct arena *a, const ProtobufCFieldDescriptor *f, uint64_t tag,
			  struct ahead *w, int depth, char *m)
{
	size_t *count = (size_t *)(m + f->quantifier_offset), size = value_size(f), row;
	void **items = (void **)(m + f->offset);

	if (*count > 0 || (tag & 7) != 2)
		return false; /* more of them come later, or they are numbers that stand alone */
	if (size == 0)
		return read_packed(a, f, w, count, items);
	row = count_row(*w, tag);
	if (row == 0)
		return false;
	*items = arena_alloc(a, row * size);
	for (size_t i = 0; i < row; i++) {
		char *to = (char *)*items + i * size;

		if (i > 0 && !take_varint(w, TAG_BYTES_MAX, &tag))
			return false;
		memset(to, 0, size);
		if (!read_value(a, f, 2, w, depth, to))
			return false;
	}
	*count = row;
	return true;
}

/* --- a message --- */

/* Fields mostly come in the order of their numbers: after `*at` first. */
static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *type,
						uint64_t number, unsigned *at)
{
	for (unsigned i = *at; i < type->n_fields && type->fields[i].id <= number; i++) {
		if (type->fields[i].id != number)
			continue;
		*at = i;
		return &type->fields[i];
	}
	return NULL;
}

static bool read_field(struct arena *a, const ProtobufCFieldDescriptor *f, uint64_t tag,
		       struct ahead *w, int depth, char *m)
{
	void *to = m + f->offset;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return read_repeated(a, f, tag, w, depth, m);
	if (f->label != PROTOBUF_C_LABEL_NONE)
		return false;
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		uint32_t *which = (uint32_t *)(m + f->quantifier_offset);

		if (*which != 0)
			return false;
		*which = f->id;
	} else if (f->type == PROTOBUF_C_TYPE_MESSAGE && *(void **)to) {
		return false;
	}
	return read_value(a, f, tag & 7, w, depth, to);
}

static bool read_message(struct arena *a, const ProtobufCMessageDescriptor *type,
			 struct ahead bytes, int depth, void **ret)
{
	ProtobufCMessage *m;
	unsigned at = 0;
	uint64_t tag;

	if (depth > CODEC_NESTING_MAX || !type->message_init)
		return false;
	m = arena_alloc(a, type->sizeof_message);
	type->message_init(m);
	while (bytes.at < bytes.end) {
		const ProtobufCFieldDescriptor *f;

		if (!take_varint(&bytes, TAG_BYTES_MAX, &tag))
			return false;
		f = field_of(type, tag >> 3, &at);
		if (!f || !read_field(a, f, tag, &bytes, depth, (char *)m))
			return false;
	}
	*ret = m;
	return true;
}

void *codec_unpack_usual(struct arena *a, const ProtobufCMessageDescriptor *type,
			 struct slice bytes)
{
	const uint8_t *at = (const uint8_t *)bytes.data;
	struct ahead all = {at, bytes.len > 0 ? at + bytes.len : at};
	void *ret = NULL;

	return read_message(a, type, all, 0, &ret) ? ret : NULL;
}
