/* codec_quick: what protobuf_c_message_unpack() makes of good bytes, in one pass over one copy of them.
 *
 * Texts and bytes stay where they lie in the copy; a text gets its NUL in the place of the next field's tag, once that was
 * read. Whatever is rare (a field that is not known here, a message that stands there twice, numbers in a list) or bad is
 * left to the slow way, which says what it is: here it costs a little memory of the arena. */
#include "codec_quick.h"

#include <endian.h>

#define ITEMS_FIRST      4
#define VARINT_BYTES_MAX 10
#define SHORT_BYTES_MAX  5
#define SLACK            sizeof(uint64_t) /* behind the copy: a NUL, and the last text is read by words */
#define EACH_BYTE        0x0101010101010101u
#define TOP_BITS         0x8080808080808080u

enum wire { WIRE_VARINT = 0, WIRE_LENGTH = 2 };

struct quick {
	struct arena *arena;
	char *nul; /* where the last text ends */
};

static bool take_long(char **at, const char *end, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < VARINT_BYTES_MAX && *at < end; i++) {
		uint8_t c = (uint8_t) * (*at)++;

		value |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c & 0x80)
			continue;
		*ret = value;
		return i + 1 < VARINT_BYTES_MAX || c <= 1;
	}
	return false;
}

static inline bool take(char **at, const char *end, uint64_t *ret)
{
	if (*at == end || **at & 0x80)
		return take_long(at, end, ret);
	*ret = (uint8_t) * (*at)++;
	return true;
}

/* Tags and lengths of more than 32 bits, or written in more bytes than these need, are bad. */
static inline bool take_short(char **at, const char *end, uint64_t *ret)
{
	return take(at, MIN_OF(end, *at + SHORT_BYTES_MAX), ret) && *ret <= UINT32_MAX;
}

/* ASCII without NUL in all bytes of the word; a zero byte borrows from the one above it. */
static inline bool word_is_plain(uint64_t word)
{
	return !((word | (word - EACH_BYTE)) & TOP_BITS);
}

/* There are SLACK bytes to be read behind the text. */
static inline bool text_is_plain(const char *p, size_t len)
{
	uint64_t word, beyond;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		if (!word_is_plain(word))
			return false;
	}
	memcpy(&word, p, sizeof(word));
	beyond = UINT64_MAX << (8 * len);
	return word_is_plain((le64toh(word) & ~beyond) | (EACH_BYTE & beyond));
}

static bool text_is_good(char *at, size_t len)
{
	return text_is_plain(at, len) ||
	       (!memchr(at, '\0', len) && slice_utf8_valid(slice_of(at, len)));
}

static bool put_number(const ProtobufCFieldDescriptor *f, void *to, uint64_t value)
{
	uint32_t low = (uint32_t)value;

	switch (f->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_ENUM:
		*(uint32_t *)to = low;
		return true;
	case PROTOBUF_C_TYPE_SINT32:
		*(uint32_t *)to = low >> 1 ^ -(low & 1);
		return true;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		*(uint64_t *)to = value;
		return true;
	case PROTOBUF_C_TYPE_SINT64:
		*(uint64_t *)to = value >> 1 ^ -(value & 1);
		return true;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)to = value != 0;
		return true;
	default:
		return false;
	}
}

static bool read_fields(struct quick *q, ProtobufCMessage *m, char *at, const char *end, int depth);

static ProtobufCMessage *message_new(struct quick *q, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *m = arena_alloc(q->arena, type->sizeof_message);

	type->message_init(m);
	return m;
}

static bool read_message(struct quick *q, const ProtobufCFieldDescriptor *f, ProtobufCMessage **to,
			 char *at, size_t len, int depth)
{
	/* Two of them are made one. */
	if (*to || depth == CODEC_NESTING_MAX)
		return false;
	*to = message_new(q, f->descriptor);
	return read_fields(q, *to, at, at + len, depth + 1);
}

static bool read_block(struct quick *q, const ProtobufCFieldDescriptor *f, void *to, char *at,
		       size_t len, int depth)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		*(char **)to = at;
		q->nul = at + len;
		return text_is_good(at, len);
	case PROTOBUF_C_TYPE_BYTES:
		*(ProtobufCBinaryData *)to =
		    (ProtobufCBinaryData){len, len > 0 ? (uint8_t *)at : NULL};
		return true;
	case PROTOBUF_C_TYPE_MESSAGE:
		return read_message(q, f, to, at, len, depth);
	default:
		return false;
	}
}

/* A cleared place behind those that are there; there is room for ITEMS_FIRST of them, then for a power of two. */
static void *item_new(struct quick *q, const ProtobufCFieldDescriptor *f, char *m)
{
	size_t *count = (size_t *)(void *)(m + f->quantifier_offset), is = *count;
	size_t size =
	    f->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : sizeof(void *);
	char **items = (char **)(void *)(m + f->offset), *more;

	if (is == 0 || (is >= ITEMS_FIRST && (is & (is - 1)) == 0)) {
		more = arena_alloc(q->arena, MAX_OF(2 * is, (size_t)ITEMS_FIRST) * size);
		if (is > 0)
			memcpy(more, *items, is * size);
		*items = more;
	}
	(*count)++;
	return memset(*items + is * size, 0, size);
}

/* Where the value goes; NULL where that is no simple matter. */
static void *place_of(struct quick *q, const ProtobufCFieldDescriptor *f, char *m)
{
	uint32_t *which;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return item_new(q, f, m);
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		which = (uint32_t *)(void *)(m + f->quantifier_offset);
		if (*which != 0)
			return NULL;
		*which = f->id;
	} else if (f->label != PROTOBUF_C_LABEL_NONE) {
		return NULL; /* our schema has none */
	}
	return m + f->offset;
}

static bool read_number(struct quick *q, const ProtobufCFieldDescriptor *f, char *m, char **at,
			const char *end)
{
	uint64_t value;
	void *to;

	if (f->label == PROTOBUF_C_LABEL_REPEATED || !take(at, end, &value))
		return false;
	to = place_of(q, f, m);
	return to && put_number(f, to, value);
}

static bool read_fields(struct quick *q, ProtobufCMessage *m, char *at, const char *end, int depth)
{
	while (at < end) {
		const ProtobufCFieldDescriptor *f;
		uint64_t tag, len;
		void *to;

		if (!take_short(&at, end, &tag))
			return false;
		*q->nul = '\0';
		f = codec_field_of(m->descriptor, tag >> 3);
		if (!f)
			return false;
		if ((tag & 7) == WIRE_VARINT) {
			if (!read_number(q, f, (char *)m, &at, end))
				return false;
			continue;
		}
		if ((tag & 7) != WIRE_LENGTH || !take_short(&at, end, &len) ||
		    len > (uint64_t)(end - at))
			return false;
		to = place_of(q, f, (char *)m);
		if (!to || !read_block(q, f, to, at, (size_t)len, depth))
			return false;
		at += len;
	}
	return true;
}

void *codec_unpack_quick(struct arena *a, const ProtobufCMessageDescriptor *type,
			 struct slice bytes)
{
	char *copy = arena_alloc(a, bytes.len + SLACK);
	struct quick q = {.arena = a, .nul = copy + bytes.len};
	ProtobufCMessage *m;

	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	memset(copy + bytes.len, 0, SLACK);
	m = message_new(&q, type);
	if (!read_fields(&q, m, copy, copy + bytes.len, 0))
		return NULL;
	*q.nul = '\0';
	return m;
}
