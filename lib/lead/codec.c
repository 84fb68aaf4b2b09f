/* codec: protobuf-c with an arena under it and a check before it, for what codec_unpack.c does not take.
 *
 * protobuf-c takes text as it comes and hands it out as a C string: what isn't UTF-8 would go on to the next topic, and
 * what holds a NUL would be cut by the next packing. Once unpacked, the cut can't be seen any more; so the wire format
 * is walked first, along the descriptor, and every text field is looked at there. */
#include "codec_parts.h"

#define FIELD_ID_MAX     ((1u << 29) - 1)
#define TAG_BYTES_MAX    5
#define LENGTH_BYTES_MAX 5
#define VARINT_BYTES_MAX 10

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

static void *arena_take(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void arena_keep(void *arena, void *pointer)
{
	(void)arena;
	(void)pointer;
}

static bool take_varint(struct slice *s, size_t bytes_max, uint64_t *ret)
{
	uint64_t value = 0;

	/* Most tags and lengths are of one byte. */
	if (s->len > 0 && !((unsigned char)s->data[0] & 0x80)) {
		*ret = (unsigned char)s->data[0];
		s->data++;
		s->len--;
		return true;
	}
	for (size_t i = 0; i < s->len && i < bytes_max; i++) {
		unsigned char c = (unsigned char)s->data[i];

		value |= (uint64_t)(c & 0x7F) << (7 * i);
		if (c & 0x80)
			continue;
		s->data += i + 1;
		s->len -= i + 1;
		*ret = value;
		return true;
	}
	return false;
}

static bool take_bytes(struct slice *s, uint64_t len, struct slice *ret)
{
	if (len > s->len)
		return false;
	*ret = slice_of(s->data, len);
	s->data += len;
	s->len -= len;
	return true;
}

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *type, uint64_t id)
{
	/* Most messages number their fields from 1 without gaps. */
	if (id >= 1 && id <= type->n_fields && type->fields[id - 1].id == id)
		return &type->fields[id - 1];
	return protobuf_c_message_descriptor_get_field(type, (unsigned)id);
}

bool codec_text_is_good(struct slice text)
{
	return (text.len == 0 || !memchr(text.data, '\0', text.len)) && slice_utf8_valid(text);
}

static bool message_is_good(const ProtobufCMessageDescriptor *type, struct slice bytes, int depth);

struct wire_field {
	uint64_t number;
	bool has_value; /* text, bytes or a message */
	struct slice value;
};

/* The next field; false at the end and where the bytes are no fields. */
static bool take_field(struct slice *bytes, struct wire_field *ret)
{
	struct slice skipped;
	uint64_t tag, number;

	if (!take_varint(bytes, TAG_BYTES_MAX, &tag) || tag >> 3 < 1 || tag >> 3 > FIELD_ID_MAX)
		return false;
	*ret = (struct wire_field){.number = tag >> 3};
	switch (tag & 7) {
	case WIRE_VARINT:
		return take_varint(bytes, VARINT_BYTES_MAX, &number);
	case WIRE_FIXED64:
		return take_bytes(bytes, 8, &skipped);
	case WIRE_FIXED32:
		return take_bytes(bytes, 4, &skipped);
	case WIRE_LENGTH:
		ret->has_value = true;
		return take_varint(bytes, LENGTH_BYTES_MAX, &number) &&
		       take_bytes(bytes, number, &ret->value);
	default:
		return false;
	}
}

static bool value_is_good(const ProtobufCFieldDescriptor *field, struct slice value, int depth)
{
	if (!field)
		return true;
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return codec_text_is_good(value);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return message_is_good(field->descriptor, value, depth + 1);
	return true;
}

static bool message_is_good(const ProtobufCMessageDescriptor *type, struct slice bytes, int depth)
{
	if (depth > CODEC_NESTING_MAX)
		return false;
	while (bytes.len) {
		struct wire_field f;

		if (!take_field(&bytes, &f) ||
		    (f.has_value && !value_is_good(field_of(type, f.number), f.value, depth)))
			return false;
	}
	return true;
}

bool codec_find(struct slice bytes, uint32_t field, struct slice *ret)
{
	struct wire_field f;
	bool found = false;

	while (bytes.len) {
		if (!take_field(&bytes, &f))
			return false;
		if (!f.has_value || f.number != field)
			continue;
		*ret = f.value;
		found = true;
	}
	return found;
}

void *codec_unpack_any(struct arena *a, const ProtobufCMessageDescriptor *type, struct slice bytes)
{
	ProtobufCAllocator allocator = {
	    .alloc = arena_take, .free = arena_keep, .allocator_data = a};

	if (!message_is_good(type, bytes, 0))
		return NULL;
	return protobuf_c_message_unpack(type, &allocator, bytes.len, (const uint8_t *)bytes.data);
}

void *codec_unpack(struct arena *a, const ProtobufCMessageDescriptor *type, struct slice bytes)
{
	void *usual = codec_unpack_usual(a, type, bytes);

	return usual ? usual : codec_unpack_any(a, type, bytes);
}

void provenance_fill(const struct provenance *p, Punnet__V1__Provenance *ret)
{
	assert(p->topic);
	punnet__v1__provenance__init(ret);
	ret->topic = (char *)p->topic;
	ret->partition = p->partition;
	ret->offset = p->offset;
	ret->step = p->step;
}
