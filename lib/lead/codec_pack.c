/* codec_pack: what protobuf_c_message_pack() writes, byte for byte, in one pass: from the last field to the first, so that the
 * length of what is nested is known when it is to be written, and is not counted at each level before. protobuf-c itself
 * does it where a field is of a kind that our messages don't have, or the buffer has no room. */
#include "codec.h"

#define VARINT_BYTES_MAX 10

struct back {
	uint8_t *at, *begin; /* written downward from `at`; not below `begin` */
};

static bool pack_message(struct back *b, const ProtobufCMessage *m);

static bool put(struct back *b, const void *data, size_t len)
{
	if ((size_t)(b->at - b->begin) < len)
		return false;
	b->at -= len;
	if (len > 0)
		memcpy(b->at, data, len);
	return true;
}

static bool put_varint(struct back *b, uint64_t value)
{
	uint8_t bytes[VARINT_BYTES_MAX];
	size_t n = 0;

	if (value < 0x80 && b->at > b->begin) {
		*--b->at = (uint8_t)value;
		return true;
	}
	for (; value >= 0x80; value >>= 7)
		bytes[n++] = (uint8_t)(value | 0x80);
	bytes[n++] = (uint8_t)value;
	return put(b, bytes, n);
}

static bool put_tag(struct back *b, const ProtobufCFieldDescriptor *f, unsigned wire)
{
	return put_varint(b, (uint64_t)f->id << 3 | wire);
}

/* --- numbers --- */

static uint64_t zigzag(int64_t n)
{
	return (uint64_t)n << 1 ^ (uint64_t)(n >> 63);
}

/* false: not a number that is written as a varint. */
static bool number_of(const ProtobufCFieldDescriptor *f, const void *at, uint64_t *ret)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_ENUM:
		*ret = (uint64_t)(int64_t) * (const int32_t *)at;
		return true;
	case PROTOBUF_C_TYPE_UINT32:
		*ret = *(const uint32_t *)at;
		return true;
	case PROTOBUF_C_TYPE_SINT32:
		*ret = zigzag(*(const int32_t *)at);
		return true;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		*ret = *(const uint64_t *)at;
		return true;
	case PROTOBUF_C_TYPE_SINT64:
		*ret = zigzag(*(const int64_t *)at);
		return true;
	case PROTOBUF_C_TYPE_BOOL:
		*ret = *(const protobuf_c_boolean *)at ? 1 : 0;
		return true;
	default:
		return false;
	}
}

static size_t number_size(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_SINT64:
		return sizeof(uint64_t);
	default:
		return sizeof(uint32_t);
	}
}

/* --- fields --- */

static bool put_block(struct back *b, const ProtobufCFieldDescriptor *f, const void *data,
		      size_t len)
{
	return put(b, data, len) && put_varint(b, len) && put_tag(b, f, 2);
}

/* One value with its tag. */
static bool put_value(struct back *b, const ProtobufCFieldDescriptor *f, const void *at)
{
	const uint8_t *end = b->at;
	const ProtobufCBinaryData *bytes = at;
	const ProtobufCMessage *m;
	const char *text;
	uint64_t number;

	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		text = *(const char *const *)at;
		return put_block(b, f, text, text ? strlen(text) : 0);
	case PROTOBUF_C_TYPE_BYTES:
		return put_block(b, f, bytes->data, bytes->len);
	case PROTOBUF_C_TYPE_MESSAGE:
		m = *(const ProtobufCMessage *const *)at;
		return (!m || pack_message(b, m)) && put_varint(b, (uint64_t)(end - b->at)) &&
		       put_tag(b, f, 2);
	default:
		return number_of(f, at, &number) && put_varint(b, number) && put_tag(b, f, 0);
	}
}

static bool put_packed(struct back *b, const ProtobufCFieldDescriptor *f, const char *items,
		       size_t count)
{
	const uint8_t *end = b->at;
	size_t size = number_size(f);
	uint64_t number;

	for (size_t i = count; i-- > 0;)
		if (!number_of(f, items + i * size, &number) || !put_varint(b, number))
			return false;
	return put_varint(b, (uint64_t)(end - b->at)) && put_tag(b, f, 2);
}

static size_t value_size(const ProtobufCFieldDescriptor *f)
{
	if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE)
		return sizeof(void *);
	return f->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : number_size(f);
}

static bool put_repeated(struct back *b, const ProtobufCFieldDescriptor *f, const char *m)
{
	size_t count = *(const size_t *)(m + f->quantifier_offset), size = value_size(f);
	const char *items = *(const char *const *)(m + f->offset);

	if (count == 0)
		return true;
	if (f->flags & PROTOBUF_C_FIELD_FLAG_PACKED)
		return put_packed(b, f, items, count);
	for (size_t i = count; i-- > 0;)
		if (!put_value(b, f, items + i * size))
			return false;
	return true;
}

/* What is as good as absent is not written. */
static bool is_empty(const ProtobufCFieldDescriptor *f, const void *at)
{
	const ProtobufCBinaryData *bytes = at;
	const char *text;
	uint64_t number;

	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		text = *(const char *const *)at;
		return !text || !*text;
	case PROTOBUF_C_TYPE_BYTES:
		return bytes->len == 0;
	case PROTOBUF_C_TYPE_MESSAGE:
		return !*(const void *const *)at;
	default:
		return number_of(f, at, &number) && number == 0;
	}
}

/* Of a oneof it is the case that counts; a text or message that isn't there is not written all the same. */
static bool is_absent(const ProtobufCFieldDescriptor *f, const char *m)
{
	const void *at = m + f->offset;

	if (!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
		return is_empty(f, at);
	if (*(const uint32_t *)(m + f->quantifier_offset) != f->id)
		return true;
	if (f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_MESSAGE)
		return false;
	return !*(const void *const *)at || *(const void *const *)at == f->default_value;
}

static bool put_unknown(struct back *b, const ProtobufCMessage *m)
{
	for (unsigned i = m->n_unknown_fields; i-- > 0;) {
		const ProtobufCMessageUnknownField *u = &m->unknown_fields[i];

		if (!put(b, u->data, u->len) ||
		    !put_varint(b, (uint64_t)u->tag << 3 | u->wire_type))
			return false;
	}
	return true;
}

static bool pack_message(struct back *b, const ProtobufCMessage *m)
{
	if (!put_unknown(b, m))
		return false;
	for (unsigned i = m->descriptor->n_fields; i-- > 0;) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];

		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			if (!put_repeated(b, f, (const char *)m))
				return false;
			continue;
		}
		if (f->label != PROTOBUF_C_LABEL_NONE && !(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
			return false; /* our schema has none */
		if (!is_absent(f, (const char *)m) && !put_value(b, f, (const char *)m + f->offset))
			return false;
	}
	return true;
}

void codec_pack(const ProtobufCMessage *message, struct buf *out)
{
	struct back b = {.begin = (uint8_t *)out->data + out->len,
			 .at = (uint8_t *)out->data + out->cap};
	size_t size;

	if (!out->failed && out->cap > out->len && pack_message(&b, message)) {
		size = (size_t)((uint8_t *)out->data + out->cap - b.at);
		memmove(out->data + out->len, b.at, size);
		out->len += size;
		return;
	}
	size = protobuf_c_message_get_packed_size(message);
	if (size == 0 || !buf_reserve(out, size))
		return;
	out->len += protobuf_c_message_pack(message, (uint8_t *)out->data + out->len);
}
