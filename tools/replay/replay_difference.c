/* replay_difference: the first field in which two messages of one type differ, by their descriptors. What a message holds
 * beside its known fields is not looked at. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "tools/replay/replay.h"

/* The value of one element as text. */
static void write_value(const ProtobufCFieldDescriptor *f, const void *at, struct buf *out)
{
	const ProtobufCBinaryData *bytes = at;
	const char *text;

	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		text = *(const char *const *)at;
		buf_printf(out, "\"%s\"", text ? text : "");
		return;
	case PROTOBUF_C_TYPE_BYTES:
		for (size_t i = 0; i < bytes->len && out->len < REPLAY_TEXT_MAX; i++)
			buf_printf(out, "%02x", bytes->data[i]);
		return;
	case PROTOBUF_C_TYPE_MESSAGE:
		buf_append_cstr(out, *(const void *const *)at ? "given" : "not given");
		return;
	case PROTOBUF_C_TYPE_BOOL:
		buf_append_cstr(out, *(const protobuf_c_boolean *)at ? "true" : "false");
		return;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		buf_printf(out, "%" PRIu64, *(const uint64_t *)at);
		return;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		buf_printf(out, "%" PRId64, *(const int64_t *)at);
		return;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		buf_printf(out, "%" PRIu32, *(const uint32_t *)at);
		return;
	default: /* enums, too */
		buf_printf(out, "%" PRId32, *(const int32_t *)at);
	}
}

static size_t size_of(const ProtobufCFieldDescriptor *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return sizeof(uint64_t);
	default:
		return sizeof(uint32_t);
	}
}

/* On one line, whatever stands in it. */
static void keep(char to[REPLAY_TEXT_MAX], struct buf *text)
{
	snprintf(to, REPLAY_TEXT_MAX, "%s", buf_cstr(text));
	for (char *c = to; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
}

static bool say(struct replay_difference *d, struct buf *path, struct buf *recorded,
		struct buf *recomputed)
{
	d->found = true;
	keep(d->field, path);
	keep(d->recorded, recorded);
	keep(d->recomputed, recomputed);
	buf_free(recorded);
	buf_free(recomputed);
	return true;
}

static bool messages_differ(const ProtobufCMessage *a, const ProtobufCMessage *b, struct buf *path,
			    struct replay_difference *ret);

static bool texts_equal(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool elements_differ(const ProtobufCFieldDescriptor *f, const void *a, const void *b,
			    struct buf *path, struct replay_difference *ret)
{
	const ProtobufCBinaryData *x = a, *y = b;
	struct buf recorded = {0}, recomputed = {0};
	const ProtobufCMessage *m, *n;

	if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		m = *(const ProtobufCMessage *const *)a;
		n = *(const ProtobufCMessage *const *)b;
		if (m && n)
			return messages_differ(m, n, path, ret);
		if (!m && !n)
			return false;
	} else if (f->type == PROTOBUF_C_TYPE_STRING) {
		if (texts_equal(*(const char *const *)a, *(const char *const *)b))
			return false;
	} else if (f->type == PROTOBUF_C_TYPE_BYTES) {
		if (slice_equal(codec_bytes(*x), codec_bytes(*y)))
			return false;
	} else if (memcmp(a, b, size_of(f)) == 0) {
		return false;
	}
	write_value(f, a, &recorded);
	write_value(f, b, &recomputed);
	return say(ret, path, &recorded, &recomputed);
}

static bool repeated_differ(const ProtobufCFieldDescriptor *f, const char *a, const char *b,
			    struct buf *path, struct replay_difference *ret)
{
	size_t n = *(const size_t *)(a + f->quantifier_offset);
	size_t m = *(const size_t *)(b + f->quantifier_offset);
	const char *x = *(const char *const *)(a + f->offset);
	const char *y = *(const char *const *)(b + f->offset);
	size_t len = path->len;

	for (size_t i = 0; i < MIN_OF(n, m); i++) {
		buf_printf(path, "[%zu]", i);
		if (elements_differ(f, x + i * size_of(f), y + i * size_of(f), path, ret))
			return true;
		path->len = len;
	}
	if (n != m) {
		struct buf recorded = {0}, recomputed = {0};

		buf_printf(&recorded, "%zu of them", n);
		buf_printf(&recomputed, "%zu of them", m);
		return say(ret, path, &recorded, &recomputed);
	}
	return false;
}

/* Of a oneof, or of what may be absent: what is not there has no value. */
static bool is_there(const ProtobufCFieldDescriptor *f, const char *m)
{
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(const uint32_t *)(m + f->quantifier_offset) == f->id;
	return true;
}

static bool field_differs(const ProtobufCFieldDescriptor *f, const char *a, const char *b,
			  struct buf *path, struct replay_difference *ret)
{
	bool x = is_there(f, a), y = is_there(f, b);
	struct buf recorded = {0}, recomputed = {0};

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return repeated_differ(f, a, b, path, ret);
	if (!x && !y)
		return false;
	if (x && y)
		return elements_differ(f, a + f->offset, b + f->offset, path, ret);
	buf_append_cstr(&recorded, x ? "given" : "not given");
	buf_append_cstr(&recomputed, y ? "given" : "not given");
	return say(ret, path, &recorded, &recomputed);
}

static bool messages_differ(const ProtobufCMessage *a, const ProtobufCMessage *b, struct buf *path,
			    struct replay_difference *ret)
{
	size_t len = path->len;

	for (unsigned i = 0; i < a->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &a->descriptor->fields[i];

		buf_printf(path, "%s%s", len ? "." : "", f->name);
		if (field_differs(f, (const char *)a, (const char *)b, path, ret))
			return true;
		path->len = len;
	}
	return false;
}

bool replay_messages_differ(const ProtobufCMessage *recorded, const ProtobufCMessage *recomputed,
			    struct replay_difference *ret)
{
	_cleanup_(buf_free) struct buf path = {0};

	assert(recorded->descriptor == recomputed->descriptor);
	return messages_differ(recorded, recomputed, &path, ret);
}

void replay_differ(struct replay_difference *d, const char *field, const char *recorded,
		   const char *recomputed)
{
	d->found = true;
	snprintf(d->field, sizeof(d->field), "%s", field);
	snprintf(d->recorded, sizeof(d->recorded), "%s", recorded);
	snprintf(d->recomputed, sizeof(d->recomputed), "%s", recomputed);
}

void replay_where(struct replay_difference *d, const char *topic, int32_t partition, int64_t offset,
		  const struct lead_id *id, int64_t time_ms)
{
	snprintf(d->where, sizeof(d->where), "%s/%d@%lld", topic, (int)partition,
		 (long long)offset);
	d->lead[0] = '\0';
	if (id)
		lead_id_text(id, d->lead);
	d->time_ms = time_ms;
}

void replay_print_difference(const struct tool *t, const struct replay_difference *d)
{
	_cleanup_(buf_free) struct buf b = {0};

	if (!t->json) {
		printf("DIFFERENT  %s  lead %s  %s: recorded %s, recomputed %s\n", d->where,
		       d->lead[0] ? d->lead : "-", d->field, d->recorded, d->recomputed);
		return;
	}
	buf_append_cstr(&b, "{\"kind\":\"difference\",");
	json_write_member(&b, "record", slice_cstr(d->where));
	buf_append_char(&b, ',');
	json_write_member(&b, "lead_id", slice_cstr(d->lead));
	buf_append_char(&b, ',');
	json_write_member(&b, "field", slice_cstr(d->field));
	buf_append_char(&b, ',');
	json_write_member(&b, "recorded", slice_cstr(d->recorded));
	buf_append_char(&b, ',');
	json_write_member(&b, "recomputed", slice_cstr(d->recomputed));
	buf_append_char(&b, '}');
	puts(buf_cstr(&b));
}
