/* The one-pass writer against protobuf-c: the same message gives the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lead/codec.h"
#include "lead/wire.h"
#include "proto/leads_raw.pb-c.h"

#define LONGEST 40000

struct both {
	struct buf mine, theirs;
	char long_text[LONGEST + 1];
};

static int open_both(void **state)
{
	struct both *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	memset(b->long_text, 'x', LONGEST);
	*state = b;
	return 0;
}

static int close_both(void **state)
{
	struct both *b = *state;

	buf_free(&b->mine);
	buf_free(&b->theirs);
	free(b);
	return 0;
}

static void assert_same(struct both *b, const ProtobufCMessage *message)
{
	buf_reset(&b->theirs);
	codec_pack(message, &b->theirs);
	assert_false(b->mine.failed);
	assert_int_equal(b->mine.len, b->theirs.len);
	if (b->mine.len)
		assert_memory_equal(b->mine.data, b->theirs.data, b->mine.len);
	buf_reset(&b->mine);
}

static void numbers_of_every_length_are_written_as_protobuf_writes_them(void **state)
{
	static const int64_t numbers[] = {0,     1,         127,          128,       16383,
					  16384, INT32_MAX, 1LL << 35,    INT64_MAX, -1,
					  -64,   -65,       -(1LL << 40), INT64_MIN};
	struct both *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
		Punnet__V1__Money money = PUNNET__V1__MONEY__INIT;
		Punnet__V1__Field field = PUNNET__V1__FIELD__INIT;
		Punnet__V1__Reason reason = PUNNET__V1__REASON__INIT;

		source.offset = (uint64_t)numbers[i];
		wire_uint(&b->mine, 3, (uint64_t)numbers[i]);
		assert_same(b, &source.base);
		money.amount_minor = numbers[i];
		wire_int(&b->mine, 1, numbers[i]);
		assert_same(b, &money.base);
		field.value_case = PUNNET__V1__FIELD__VALUE_INTEGER;
		field.integer = numbers[i];
		wire_sint_set(&b->mine, 3, numbers[i]);
		assert_same(b, &field.base);
		reason.weight = (int32_t)numbers[i];
		wire_sint(&b->mine, 3, (int32_t)numbers[i]);
		assert_same(b, &reason.base);
	}
}

static void what_proto3_takes_for_absent_is_left_out_and_set_members_are_not(void **state)
{
	struct both *b = *state;
	Punnet__V1__Field field = PUNNET__V1__FIELD__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	char empty[1] = "";

	wire_text(&b->mine, 1, SLICE(""));
	wire_bytes(&b->mine, 2, slice_of(NULL, 0));
	wire_uint(&b->mine, 3, 0);
	wire_int(&b->mine, 4, 0);
	wire_sint(&b->mine, 5, 0);
	wire_bool(&b->mine, 6, false);
	assert_int_equal(b->mine.len, 0);

	field.value_case = PUNNET__V1__FIELD__VALUE_TEXT;
	field.text = empty;
	wire_text_set(&b->mine, 2, SLICE(""));
	assert_same(b, &field.base);
	field.value_case = PUNNET__V1__FIELD__VALUE_FLAG;
	field.flag = false;
	wire_bool_set(&b->mine, 4, false);
	assert_same(b, &field.base);
	lead.is_test = true;
	wire_bool(&b->mine, 16, true);
	assert_same(b, &lead.base);
}

/* 127 bytes fit a length of one byte, 128 need two, 16384 three. */
static void messages_in_messages_are_written_at_every_length(void **state)
{
	static const size_t lengths[] = {0,     1,     120,   121,   122,   123,   124,
					 125,   126,   127,   128,   129,   130,   16370,
					 16376, 16377, 16378, 16379, 16380, 16384, LONGEST};
	struct both *b = *state;

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;
		Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
		Punnet__V1__Field field = PUNNET__V1__FIELD__INIT, *fields[] = {&field};
		char name[] = "name", *text = b->long_text + LONGEST - lengths[i];
		size_t outer, inner;

		field.name = name;
		field.value_case = PUNNET__V1__FIELD__VALUE_TEXT;
		field.text = text;
		lead.n_fields = 1;
		lead.fields = fields;
		raw.lead = &lead;
		outer = wire_begin(&b->mine, 3);
		inner = wire_begin(&b->mine, 18);
		wire_text(&b->mine, 1, SLICE("name"));
		wire_text_set(&b->mine, 2, slice_cstr(text));
		wire_end(&b->mine, inner);
		wire_end(&b->mine, outer);
		assert_same(b, &raw.base);
	}
}

static void an_empty_message_is_there_all_the_same(void **state)
{
	struct both *b = *state;
	Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;

	raw.lead = &lead;
	wire_end(&b->mine, wire_begin(&b->mine, 3));
	assert_int_equal(b->mine.len, 2);
	assert_same(b, &raw.base);
}

static void past_the_ceiling_the_buffer_fails_and_holds_no_more_than_it_may(void **state)
{
	struct both *b = *state;

	for (size_t max = 1; max < 400; max++) {
		struct buf small = {.max = max};
		size_t begin = wire_begin(&small, 3);

		wire_text(&small, 1, slice_of(b->long_text, 300));
		wire_head(&small, 2, 100);
		wire_end(&small, begin);
		assert_true(small.len <= max);
		assert_true(small.failed);
		buf_free(&small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_of_every_length_are_written_as_protobuf_writes_them),
	    cmocka_unit_test(what_proto3_takes_for_absent_is_left_out_and_set_members_are_not),
	    cmocka_unit_test(messages_in_messages_are_written_at_every_length),
	    cmocka_unit_test(an_empty_message_is_there_all_the_same),
	    cmocka_unit_test(past_the_ceiling_the_buffer_fails_and_holds_no_more_than_it_may),
	};

	return cmocka_run_group_tests(tests, open_both, close_both);
}
