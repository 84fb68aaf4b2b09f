/* Messages that Google's own protobuf packed (golden/make.py): each field arrives in its place with its value, and
 * packing gives the same bytes again. What these files hold can be read for ever: fields are only added, and one that was
 * added since stands unset in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "lead/codec.h"
#include "proto/audit_findings.pb-c.h"
#include "proto/dead_letters.pb-c.h"
#include "proto/dead_letters_acts.pb-c.h"
#include "proto/directory.pb-c.h"
#include "proto/leads_attempts.pb-c.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/leads_unsold.pb-c.h"
#include "proto/market.pb-c.h"
#include "proto/market_snapshots.pb-c.h"
#include "proto/orders_progress.pb-c.h"
#include "proto/status_attempts.pb-c.h"
#include "proto/status_events.pb-c.h"
#include "proto/status_replays.pb-c.h"
#include "proto/webmasters_verdicts.pb-c.h"

#define FOLDER         "tests/unit/lead/golden/"
#define FILE_MAX_BYTES 65536

struct golden {
	const char *file;
	const ProtobufCMessageDescriptor *type;
	size_t values; /* how many scalar values the file holds */
};

static const struct golden golden[] = {
    {"raw_lead", &punnet__v1__raw_lead__descriptor, 52},
    {"judged_lead", &punnet__v1__judged_lead__descriptor, 63},
    {"market_event_admitted", &punnet__v1__market_event__descriptor, 30},
    {"market_event_order", &punnet__v1__market_event__descriptor, 26},
    {"market_event_rate", &punnet__v1__market_event__descriptor, 7},
    {"market_event_settled", &punnet__v1__market_event__descriptor, 9},
    {"routed_lead", &punnet__v1__routed_lead__descriptor, 68},
    {"unsold_lead", &punnet__v1__unsold_lead__descriptor, 42},
    {"delivery_attempt", &punnet__v1__delivery_attempt__descriptor, 47},
    {"take_over", &punnet__v1__take_over__descriptor, 2},
    {"outcome", &punnet__v1__outcome__descriptor, 36},
    {"directory_webmaster", &punnet__v1__directory_entry__descriptor, 16},
    {"directory_advertiser", &punnet__v1__directory_entry__descriptor, 13},
    {"directory_operator", &punnet__v1__directory_entry__descriptor, 7},
    {"directory_vertical", &punnet__v1__directory_entry__descriptor, 16},
    {"directory_suppression", &punnet__v1__directory_entry__descriptor, 5},
    {"directory_order", &punnet__v1__directory_entry__descriptor, 23},
    {"directory_erasure", &punnet__v1__directory_entry__descriptor, 5},
    {"directory_key", &punnet__v1__directory_entry__descriptor, 4},
    {"dead_letter", &punnet__v1__dead_letter__descriptor, 13},
    {"dead_letter_act", &punnet__v1__dead_letter_act__descriptor, 13},
    {"snapshot_chunk", &punnet__v1__snapshot_chunk__descriptor, 7},
    {"order_progress", &punnet__v1__order_progress__descriptor, 23},
    {"webmaster_verdicts", &punnet__v1__webmaster_verdicts__descriptor, 6},
    {"status_event", &punnet__v1__status_event__descriptor, 23},
    {"status_attempt", &punnet__v1__status_attempt__descriptor, 18},
    {"replay_request", &punnet__v1__replay_request__descriptor, 7},
    {"audit_finding", &punnet__v1__audit_finding__descriptor, 4},
    {"market_event_lowered", &punnet__v1__market_event__descriptor, 11},
    {"order_progress_lowered", &punnet__v1__order_progress__descriptor, 35},
    {"taking", &punnet__v1__taking__descriptor, 3},
    {"take_over_noting", &punnet__v1__take_over__descriptor, 3},
};

static struct slice read_golden(struct arena *a, const char *name)
{
	char *bytes = arena_alloc(a, FILE_MAX_BYTES);
	FILE *f = fopen(arena_printf(a, FOLDER "%s.bin", name), "rb");
	size_t len;

	assert_non_null(f);
	len = fread(bytes, 1, FILE_MAX_BYTES, f);
	assert_in_range(len, 1, FILE_MAX_BYTES - 1);
	fclose(f);
	return slice_of(bytes, len);
}

static uint32_t crc32_of(const char *text)
{
	uint32_t crc = UINT32_MAX;

	for (; *text; text++) {
		crc ^= (unsigned char)*text;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
	}
	return ~crc;
}

static bool is_signed(ProtobufCType type)
{
	return type == PROTOBUF_C_TYPE_INT32 || type == PROTOBUF_C_TYPE_SINT32 ||
	       type == PROTOBUF_C_TYPE_INT64 || type == PROTOBUF_C_TYPE_SINT64;
}

static bool is_wide(ProtobufCType type)
{
	return type == PROTOBUF_C_TYPE_INT64 || type == PROTOBUF_C_TYPE_SINT64 ||
	       type == PROTOBUF_C_TYPE_UINT64;
}

/* What make.py gives a number on this path. */
static int64_t number_of(ProtobufCType type, const char *path)
{
	int64_t value = crc32_of(path);

	if (is_wide(type))
		value = value << 20 | 0xABCDE;
	else if (is_signed(type))
		value &= INT32_MAX;
	return is_signed(type) && (value & 1) ? -value : value;
}

static size_t check_message(struct arena *a, const ProtobufCMessage *message, const char *path);

static void check_bytes(const ProtobufCBinaryData *bytes, const char *path)
{
	uint32_t crc = crc32_of(path);

	assert_int_equal(bytes->len, 16);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(bytes->data[i], crc >> (8 * (i % 4)) & 0xFF);
}

/* A field that came into the schema after the file was made. */
static bool is_unset(ProtobufCType type, const void *member)
{
	static const char zeros[8];

	switch (type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return *(ProtobufCMessage *const *)member == NULL;
	case PROTOBUF_C_TYPE_STRING:
		return **(char *const *)member == '\0';
	case PROTOBUF_C_TYPE_BYTES:
		return ((const ProtobufCBinaryData *)member)->len == 0;
	default:
		return memcmp(member, zeros, is_wide(type) ? 8 : 4) == 0;
	}
}

/* How many scalar values stood at `member`; fails where one is not its path's. */
static size_t check_value(struct arena *a, ProtobufCType type, const void *member, const char *path)
{
	if (is_unset(type, member))
		return 0;
	switch (type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return check_message(a, *(ProtobufCMessage *const *)member, path);
	case PROTOBUF_C_TYPE_STRING:
		assert_string_equal(*(char *const *)member, arena_printf(a, "%s ёж 🦔", path));
		break;
	case PROTOBUF_C_TYPE_BYTES:
		check_bytes(member, path);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		assert_true(*(const protobuf_c_boolean *)member);
		break;
	case PROTOBUF_C_TYPE_ENUM:
		assert_int_not_equal(*(const int *)member, 0);
		break;
	case PROTOBUF_C_TYPE_UINT32:
		assert_int_equal(*(const uint32_t *)member, number_of(type, path));
		break;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
		assert_int_equal(*(const int32_t *)member, number_of(type, path));
		break;
	default:
		assert_true(is_wide(type));
		assert_int_equal(*(const int64_t *)member, number_of(type, path));
	}
	return 1;
}

static size_t size_of(ProtobufCType type)
{
	assert_true(type == PROTOBUF_C_TYPE_STRING || type == PROTOBUF_C_TYPE_MESSAGE);
	return sizeof(void *);
}

static size_t check_field(struct arena *a, const ProtobufCMessage *message,
			  const ProtobufCFieldDescriptor *field, const char *path)
{
	const char *base = (const char *)message;
	const char *member = base + field->offset;
	const char *name = arena_printf(a, "%s.%s", path, field->name);
	size_t count, values = 0;

	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
	    *(const uint32_t *)(base + field->quantifier_offset) != field->id)
		return 0;
	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		return check_value(a, field->type, member, name);

	count = *(const size_t *)(base + field->quantifier_offset);
	for (size_t i = 0; i < count; i++) {
		const char *item = *(char *const *)member + i * size_of(field->type);

		values += check_value(a, field->type, item, arena_printf(a, "%s[%zu]", name, i));
	}
	return values;
}

static size_t check_message(struct arena *a, const ProtobufCMessage *message, const char *path)
{
	size_t values = 0;

	for (unsigned i = 0; i < message->descriptor->n_fields; i++)
		values += check_field(a, message, &message->descriptor->fields[i], path);
	assert_int_equal(message->n_unknown_fields, 0);
	return values;
}

static void every_field_arrives_in_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
		_cleanup_(arena_free) struct arena a = {0};
		ProtobufCMessage *message =
		    codec_unpack(&a, golden[i].type, read_golden(&a, golden[i].file));

		assert_non_null(message);
		assert_int_equal(check_message(&a, message, golden[i].type->short_name),
				 golden[i].values);
	}
}

static void packing_gives_the_same_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
		_cleanup_(arena_free) struct arena a = {0};
		_cleanup_(buf_free) struct buf packed = {0};
		struct slice bytes = read_golden(&a, golden[i].file);
		ProtobufCMessage *message = codec_unpack(&a, golden[i].type, bytes);

		assert_non_null(message);
		buf_append_cstr(&packed, "before");
		codec_pack(message, &packed);
		assert_false(packed.failed);
		assert_int_equal(packed.len, bytes.len + 6);
		assert_memory_equal(packed.data + 6, bytes.data, bytes.len);
	}
}

static void no_shorter_prefix_reads_as_more_than_it_is(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	struct slice bytes = read_golden(&a, "raw_lead");
	size_t readable = 0;

	(void)state;
	for (size_t len = 0; len < bytes.len; len++) {
		_cleanup_(arena_free) struct arena scratch = {0};
		char *copy = malloc(len + 1); /* of its own size, so that reading on is seen */

		memcpy(copy, bytes.data, len);
		readable += codec_unpack(&scratch, &punnet__v1__raw_lead__descriptor,
					 slice_of(copy, len)) != NULL;
		free(copy);
	}
	/* Only where a top-level field ends: nothing, then 7 fields, one of them in two pieces, less the whole. */
	assert_int_equal(readable, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_field_arrives_in_its_place),
	    cmocka_unit_test(packing_gives_the_same_bytes),
	    cmocka_unit_test(no_shorter_prefix_reads_as_more_than_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
