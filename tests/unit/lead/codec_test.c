/* The codec refuses what protobuf-c would let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/rng.h"
#include "lead/codec_parts.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/market.pb-c.h"

static bool reads_as(const ProtobufCMessageDescriptor *type, struct slice bytes)
{
	_cleanup_(arena_free) struct arena a = {0};

	return codec_unpack(&a, type, bytes) != NULL;
}

#define READS(type, literal) reads_as(&punnet__v1__##type##__descriptor, SLICE(literal))

static void text_must_be_utf8_without_nul(void **state)
{
	(void)state;
	assert_true(READS(money, "\x12\x03RUB"));
	assert_true(READS(money, "\x12\x02\xD1\x91"));
	assert_true(READS(money, "\x12\x00"));
	assert_false(READS(money, "\x12\x03R\xFF"
				  "B"));
	assert_false(READS(money, "\x12\x03R\0B"));
	assert_false(READS(money, "\x12\x01\0"));
	assert_false(READS(money, "\x12\x02\xED\xA0"));
}

static void text_is_checked_however_deep_it_stands(void **state)
{
	(void)state;
	/* RawLead.lead.fields.text */
	assert_true(READS(raw_lead, "\x1A\x06\x92\x01\x03\x12\x01x"));
	assert_false(READS(raw_lead, "\x1A\x06\x92\x01\x03\x12\x01\xFF"));
	/* RawLead.submission.pasted_fields, repeated: the second of two */
	assert_true(READS(raw_lead, "\x22\x06\x42\x01x\x42\x01y"));
	assert_false(READS(raw_lead, "\x22\x06\x42\x01x\x42\x01\0"));
	/* JudgedLead.facts.text, one of a oneof */
	assert_false(READS(judged_lead, "\x32\x03\x22\x01\x80"));
}

static void text_that_a_later_value_replaces_is_checked_too(void **state)
{
	(void)state;
	assert_true(READS(money, "\x12\x01x\x12\x01y"));
	assert_false(READS(money, "\x12\x01\0\x12\x01y"));
}

static void bytes_may_hold_anything(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	Punnet__V1__RawLead *lead =
	    codec_unpack(&a, &punnet__v1__raw_lead__descriptor, SLICE("\x0A\x03\xFF\0\x80"));

	(void)state;
	assert_non_null(lead);
	assert_true(slice_equal(codec_bytes(lead->lead_id), SLICE("\xFF\0\x80")));
}

static void broken_framing_is_refused(void **state)
{
	(void)state;
	assert_false(READS(money, "\x12"));                         /* no length */
	assert_false(READS(money, "\x12\x05RUB"));                  /* longer than what is there */
	assert_false(READS(money, "\x12\xFF\xFF\xFF\xFF\xFF\x01")); /* a length of six bytes */
	assert_false(READS(money, "\x12\xFF\xFF\xFF\xFF\x7F"));     /* 34 gigabytes */
	assert_false(READS(money, "\x08\x80"));                     /* number without an end */
	assert_false(
	    READS(money, "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")); /* of eleven bytes */
	assert_false(READS(money, "\x0B\x0C"));                                /* groups */
	assert_false(READS(money, "\x80\x80\x80\x80\x80\x01")); /* a tag of six bytes */
	assert_false(READS(money, "\x11"
				  "1234567"));              /* seven of eight bytes */
	assert_false(READS(money, "\x05\x01\x02\x03\x04")); /* field number 0 */
	assert_false(READS(money, "\x10\x01"));             /* text as a number */
	assert_false(READS(raw_lead, "\x1A\x02\x0A\x05"));  /* inside a message */
}

static void fields_of_tomorrow_are_kept(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	_cleanup_(buf_free) struct buf packed = {0};
	struct slice bytes = SLICE("\x08\x02\x12\x03RUB\xFA\x07\x01z\xF8\x07\x05");
	Punnet__V1__Money *money = codec_unpack(&a, &punnet__v1__money__descriptor, bytes);

	(void)state;
	assert_non_null(money);
	codec_pack(&money->base, &packed);
	assert_true(slice_equal(buf_slice(&packed), bytes));
}

static void nothing_is_a_message_too(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	_cleanup_(buf_free) struct buf packed = {0};
	Punnet__V1__Money *money =
	    codec_unpack(&a, &punnet__v1__money__descriptor, (struct slice){0});

	(void)state;
	assert_non_null(money);
	assert_string_equal(money->currency, "");
	codec_pack(&money->base, &packed);
	assert_false(packed.failed);
	assert_int_equal(packed.len, 0);
}

static void a_message_that_does_not_fit_the_buffer_says_so(void **state)
{
	_cleanup_(buf_free) struct buf packed = {.max = 4};
	Punnet__V1__Money money = PUNNET__V1__MONEY__INIT;

	(void)state;
	money.currency = (char *)"RUB";
	codec_pack(&money.base, &packed);
	assert_true(packed.failed);
	assert_int_equal(packed.len, 0);
}

static void provenance_is_filled_whole(void **state)
{
	const struct provenance p = {"leads.raw", 3, UINT64_MAX, 2};
	Punnet__V1__Provenance filled;

	(void)state;
	memset(&filled, 0xAA, sizeof(filled));
	provenance_fill(&p, &filled);
	assert_string_equal(filled.topic, "leads.raw");
	assert_int_equal(filled.partition, 3);
	assert_true(filled.offset == UINT64_MAX);
	assert_int_equal(filled.step, 2);
	assert_string_equal(codec_type(filled.base.descriptor), "punnet.v1.Provenance");
	assert_int_equal(filled.base.n_unknown_fields, 0);
}

static void a_field_is_found_without_unpacking_the_rest(void **state)
{
	struct slice found = {0};

	(void)state;
	/* 1: "a", 2: varint 300, 3: "b", 1: "cc" */
	const struct slice bytes = SLICE("\x0A\x01"
					 "a\x10\xAC\x02\x1A\x01"
					 "b\x0A\x02"
					 "cc");

	assert_true(codec_find(bytes, 1, &found));
	assert_true(slice_is(found, "cc")); /* the last one, as unpacking takes it */
	assert_true(codec_find(bytes, 3, &found));
	assert_true(slice_is(found, "b"));
	assert_false(codec_find(bytes, 2, &found)); /* a number */
	assert_false(codec_find(bytes, 4, &found));
	assert_false(codec_find((struct slice){0}, 1, &found));
	assert_false(codec_find(SLICE("\x0A\x05"
				      "ab"),
				1, &found)); /* cut short */
	assert_false(codec_find(SLICE("\x0B"), 1, &found));
}

/* --- packing --- */

#define MESSAGES   20000
#define NESTED_MAX 4

static uint64_t number_like(struct rng *r)
{
	/* Of every length, and negative. */
	uint64_t n = rng_next(r) >> (rng_next(r) % 64);

	return rng_next(r) % 3 == 0 ? 0 : rng_next(r) % 4 == 0 ? -n : n;
}

static void *drawn(struct rng *r, struct arena *a, const ProtobufCMessageDescriptor *type,
		   int depth);

static void draw_value(struct rng *r, struct arena *a, const ProtobufCFieldDescriptor *f, char *at,
		       int depth)
{
	size_t len = rng_next(r) % 4 == 0 ? 0 : rng_next(r) % 200;
	char *text = arena_calloc(a, len + 1, 1);

	memset(text, 'x', len);
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		*(char **)at =
		    rng_next(r) % 8 == 0 && f->label != PROTOBUF_C_LABEL_REPEATED ? NULL : text;
		return;
	case PROTOBUF_C_TYPE_BYTES:
		*(ProtobufCBinaryData *)at = (ProtobufCBinaryData){len, (uint8_t *)text};
		return;
	case PROTOBUF_C_TYPE_MESSAGE:
		/* Where it is one of several it is there; not deeper than it must be. */
		*(void **)at =
		    f->label == PROTOBUF_C_LABEL_REPEATED || (depth < NESTED_MAX && rng_next(r) % 3)
			? drawn(r, a, f->descriptor, depth + 1)
			: NULL;
		return;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)at = (protobuf_c_boolean)(rng_next(r) & 1);
		return;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_SINT64:
		*(uint64_t *)at = number_like(r);
		return;
	default:
		*(uint32_t *)at = (uint32_t)number_like(r);
	}
}

static void *drawn(struct rng *r, struct arena *a, const ProtobufCMessageDescriptor *type,
		   int depth)
{
	ProtobufCMessage *m = arena_calloc(a, 1, type->sizeof_message);

	protobuf_c_message_init(type, m);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];
		char *at = (char *)m + f->offset;
		size_t count = depth < NESTED_MAX ? rng_next(r) % 4 : 0;

		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			*(size_t *)((char *)m + f->quantifier_offset) = count;
			*(char **)at = arena_calloc(a, count + 1, sizeof(ProtobufCBinaryData));
			at = *(char **)at;
		} else if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
			if (rng_next(r) & 1)
				continue;
			*(uint32_t *)((char *)m + f->quantifier_offset) = f->id;
			count = 1;
		} else {
			count = 1;
		}
		for (size_t k = 0; k < count; k++) {
			size_t size = f->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData)
				      : f->type == PROTOBUF_C_TYPE_INT64 ||
					      f->type == PROTOBUF_C_TYPE_UINT64 ||
					      f->type == PROTOBUF_C_TYPE_SINT64 ||
					      f->type == PROTOBUF_C_TYPE_STRING ||
					      f->type == PROTOBUF_C_TYPE_MESSAGE
					  ? 8
				      : f->type == PROTOBUF_C_TYPE_BOOL ? sizeof(protobuf_c_boolean)
									: 4;

			draw_value(r, a, f, at + k * size, depth);
		}
	}
	return m;
}

static const ProtobufCMessageDescriptor *const types[] = {
    &punnet__v1__raw_lead__descriptor,     &punnet__v1__judged_lead__descriptor,
    &punnet__v1__market_event__descriptor, &punnet__v1__routed_lead__descriptor,
    &punnet__v1__outcome__descriptor,      &punnet__v1__money__descriptor};

/* Whatever there is room for: none, too little, just enough, and more. */
static void what_is_packed_is_what_protobuf_c_packs(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	struct rng r = rng_seed(7);

	(void)state;
	for (int i = 0; i < MESSAGES; i++) {
		ProtobufCMessage *m = drawn(&r, &a, types[(size_t)i % ARRAY_LEN(types)], 0);
		size_t size = protobuf_c_message_get_packed_size(m);
		uint8_t *expected = arena_calloc(&a, size + 1, 1);
		_cleanup_(buf_free) struct buf b = {0};

		assert_int_equal(protobuf_c_message_pack(m, expected), size);
		buf_append_cstr(&b, "before");
		if (rng_next(&r) % 4)
			assert_true(buf_reserve(&b, rng_next(&r) % (2 * size + 1)));
		codec_pack(m, &b);
		assert_false(b.failed);
		assert_int_equal(b.len, 6 + size);
		assert_memory_equal(b.data, "before", 6);
		assert_memory_equal(b.data + 6, expected, size);
		arena_reset(&a);
	}
}

/* --- unpacking in one pass --- */

static struct slice packed_by_protobuf_c(struct arena *a, const ProtobufCMessage *m)
{
	size_t size = protobuf_c_message_get_packed_size(m);
	uint8_t *bytes = arena_alloc(a, size + 1);

	assert_int_equal(protobuf_c_message_pack(m, bytes), size);
	return slice_of(bytes, size);
}

/* Whether it is read in one pass: then protobuf-c reads the same. */
static bool reads_alike(struct arena *a, const ProtobufCMessageDescriptor *type, struct slice bytes)
{
	const ProtobufCMessage *usual, *any;
	char *copy = malloc(bytes.len + 1); /* of its own size, so that reading on is seen */

	memcpy(copy, bytes.data, bytes.len);
	usual = codec_unpack_usual(a, type, slice_of(copy, bytes.len));
	any = codec_unpack_any(a, type, slice_of(copy, bytes.len));
	free(copy);
	if (!usual)
		return false;
	assert_non_null(any);
	assert_true(slice_equal(packed_by_protobuf_c(a, usual), packed_by_protobuf_c(a, any)));
	return true;
}

static void what_is_read_in_one_pass_is_what_protobuf_c_reads(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	struct rng r = rng_seed(11);
	size_t whole = 0, damaged = 0;

	(void)state;
	for (int i = 0; i < MESSAGES; i++) {
		const ProtobufCMessageDescriptor *type = types[(size_t)i % ARRAY_LEN(types)];
		struct slice bytes = packed_by_protobuf_c(&a, drawn(&r, &a, type, 0));
		char *at = (char *)(uintptr_t)bytes.data;

		whole += reads_alike(&a, type, bytes);
		for (uint64_t n = rng_below(&r, 3); bytes.len > 0 && n < 3; n++)
			at[rng_below(&r, bytes.len)] = (char)rng_next(&r);
		if (bytes.len > 0 && rng_chance(&r, 2000))
			bytes.len = rng_below(&r, bytes.len);
		damaged += reads_alike(&a, type, bytes);
		arena_reset(&a);
	}
	/* What our services write is read so, and of what is damaged enough for this test to say something. */
	assert_int_equal(whole, MESSAGES);
	assert_true(damaged > MESSAGES / 10 && damaged < MESSAGES);
}

static void what_is_unusual_is_left_to_protobuf_c(void **state)
{
	static const struct slice unusual[] = {
	    SLICE("\x12\x03RUB\x08\x02"),          /* in another order */
	    SLICE("\xFA\x07\x01z"),                /* not known */
	    SLICE("\x12\xFF\xFF\xFF\xFF\xFF\x01"), /* a length of six bytes */
	    SLICE("\x88\x80\x00\x02"),             /* a tag of three */
	    SLICE("\x12\x02R\xFF"),                /* no text */
	    SLICE("\x10\x01"),                     /* text as a number */
	    SLICE("\x08"),                         /* cut short */
	};
	_cleanup_(arena_free) struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(unusual); i++)
		assert_null(codec_unpack_usual(&a, &punnet__v1__money__descriptor, unusual[i]));
	assert_true(reads_alike(&a, &punnet__v1__money__descriptor, SLICE("\x08\x01\x08\x02")));
	assert_true(reads_alike(&a, &punnet__v1__money__descriptor, (struct slice){0}));
}

static void what_was_read_and_is_not_known_is_written_again(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	_cleanup_(buf_free) struct buf b = {0};
	struct slice bytes = SLICE("\x12\x03RUB\xA0\x06\x05\xAA\x06\x02xy");
	ProtobufCMessage *m = codec_unpack(&a, &punnet__v1__money__descriptor, bytes);

	(void)state;
	assert_non_null(m);
	assert_true(buf_reserve(&b, 100));
	codec_pack(m, &b);
	assert_true(slice_equal(buf_slice(&b), bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_field_is_found_without_unpacking_the_rest),
	    cmocka_unit_test(text_must_be_utf8_without_nul),
	    cmocka_unit_test(text_is_checked_however_deep_it_stands),
	    cmocka_unit_test(text_that_a_later_value_replaces_is_checked_too),
	    cmocka_unit_test(bytes_may_hold_anything),
	    cmocka_unit_test(broken_framing_is_refused),
	    cmocka_unit_test(fields_of_tomorrow_are_kept),
	    cmocka_unit_test(nothing_is_a_message_too),
	    cmocka_unit_test(a_message_that_does_not_fit_the_buffer_says_so),
	    cmocka_unit_test(provenance_is_filled_whole),
	    cmocka_unit_test(what_is_packed_is_what_protobuf_c_packs),
	    cmocka_unit_test(what_is_read_in_one_pass_is_what_protobuf_c_reads),
	    cmocka_unit_test(what_is_unusual_is_left_to_protobuf_c),
	    cmocka_unit_test(what_was_read_and_is_not_known_is_written_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
