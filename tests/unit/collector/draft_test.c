/* What a lead may look like, and that all its faults are found at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "collector/core/draft.h"

#define NOW_MS 1795341600000LL /* 2026-11-22T10:00:00Z */

struct bench {
	struct arena arena;
	struct draft draft;
	struct faults faults;
	const char *why;
	char seen[4096]; /* "field:code field:code", in order */
};

static Punnet__V1__VerticalField *schema_field(const char *name, const char *type, bool required,
					       int64_t min, int64_t max)
{
	static Punnet__V1__VerticalField fields[8];
	static size_t used;
	Punnet__V1__VerticalField *f = &fields[used++ % ARRAY_LEN(fields)];

	punnet__v1__vertical_field__init(f);
	f->name = (char *)(uintptr_t)name;
	f->type = (char *)(uintptr_t)type;
	f->required = required;
	f->min = min;
	f->max = max;
	return f;
}

static const Punnet__V1__Vertical *vertical(void)
{
	static Punnet__V1__VerticalField *fields[4];
	static Punnet__V1__Vertical v;

	punnet__v1__vertical__init(&v);
	fields[0] = schema_field("amount", "integer", true, 1000, 5000);
	fields[1] = schema_field("rate", "decimal", false, -1, 10);
	fields[2] = schema_field("plate", "text", false, 2, 4);
	fields[3] = schema_field("owner", "flag", false, 0, 0);
	v.fields = fields;
	v.n_fields = 4;
	return &v;
}

static const char *look(struct bench *b, bool form, bool strict, const char *body)
{
	struct draft_context context = {
	    .vertical = vertical(), .default_country = "RU", .strict = strict, .now_ms = NOW_MS};
	struct slice text = slice_cstr(body);
	bool read;

	arena_reset(&b->arena);
	b->faults.count = 0;
	b->why = NULL;
	read = form ? draft_read_form(&b->draft, &b->arena, text, &b->faults, &b->why)
		    : draft_read_json(&b->draft, &b->arena, text, &b->faults, &b->why);
	if (!read)
		return "unreadable";
	draft_check(&b->draft, &context, &b->faults);
	b->seen[0] = '\0';
	for (size_t i = 0, at = 0; i < b->faults.count && i < FAULTS_MAX; i++) {
		const struct fault *f = &b->faults.list[i];

		at += (size_t)snprintf(b->seen + at, sizeof(b->seen) - at,
				       "%s" SLICE_FMT "%s" SLICE_FMT ":%s", i ? " " : "",
				       SLICE_ARG(f->parent), f->parent.len ? "." : "",
				       SLICE_ARG(f->field), f->code);
	}
	return b->seen;
}

#define json(body)   look(b, false, false, body)
#define strict(body) look(b, false, true, body)
#define form(body)   look(b, true, false, body)

#define GOOD "\"vertical\":\"v\",\"phone\":\"+79161234567\",\"fields\":{\"amount\":2000}"

static int open_bench(void **state)
{
	*state = calloc(1, sizeof(struct bench));
	return *state ? 0 : -1;
}

static int close_bench(void **state)
{
	struct bench *b = *state;

	arena_free(&b->arena);
	free(b);
	return 0;
}

static void a_good_lead_has_no_faults(void **state)
{
	struct bench *b = *state;

	assert_string_equal(
	    json("{" GOOD ",\"email\":\"a@b.ru\",\"country\":\"kz\",\"ip\":\"::1\",\"clicked_at\":"
		 "\"2026-11-22T10:00:00+03:00\","
		 "\"form_started_at\":1795341600000,\"filled_ms\":0,\"honeypot\":\"\",\"pasted_"
		 "fields\":[\"phone\"],"
		 "\"language\":\"ru-RU\",\"os\":\"iOS\",\"is_test\":true,\"sub1\":null,\"consent_"
		 "text_sha256\":"
		 "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF\"}"),
	    "");
	assert_string_equal(b->draft.phone, "+79161234567");
	assert_string_equal(b->draft.country, "KZ");
	assert_int_equal(b->draft.v[LEAD_FIELD_FORM_STARTED_AT].number, 1795341600000LL);
	assert_true(b->draft.v[LEAD_FIELD_HONEYPOT].given);
	assert_false(b->draft.v[LEAD_FIELD_SUB1].given);
	assert_int_equal(b->draft.pasted.count, 1);
}

static void all_faults_are_found_at_once(void **state)
{
	struct bench *b = *state;

	assert_string_equal(
	    json("{\"phone\":12,\"country\":\"XX\",\"ip\":\"1.2.3\",\"filled_ms\":\"5\",\"is_"
		 "test\":1,"
		 "\"language\":\"-\",\"sub1\":\"a\\u0000b\",\"clicked_at\":5,\"fields\":{"
		 "\"amount\":1}}"),
	    "phone:type filled_ms:type is_test:type country:unknown_country ip:invalid sub1:nul "
	    "clicked_at:out_of_range language:invalid vertical:required "
	    "fields.amount:out_of_range");
}

static void an_address_is_what_the_library_takes_for_one(void **state)
{
	static const char *const typed[] = {
	    "1.2.3.4",   "255.255.255.255", "0.0.0.0",        "256.1.1.1",        "1.2.3",
	    "1.2.3.4.5", "01.2.3.4",        "1.2.3.00",       "1..3.4",           ".1.2.3",
	    "1.2.3.",    "1.2.3.4 ",        "1.2.3.1000",     "1.2.3.-4",         "1.2.3.4x",
	    "::1",       "2001:DB8::1",     "::ffff:1.2.3.4", "2001:db8:::1",     "1:2:3:4:5:6:7:8",
	    "1:2:3:4:5", "10.20.30.40",     "1.2.3.+4",       "4294967297.1.1.1",
	};
	struct bench *b = *state;
	uint8_t bytes[16];

	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		bool taken = inet_pton(AF_INET, typed[i], bytes) == 1 ||
			     inet_pton(AF_INET6, typed[i], bytes) == 1;
		char body[256];

		snprintf(body, sizeof(body), "{" GOOD ",\"ip\":\"%s\"}", typed[i]);
		assert_string_equal(json(body), taken ? "" : "ip:invalid");
	}
}

static void members_are_found_in_any_order_and_a_nul_in_any_lead(void **state)
{
	struct bench *b = *state;

	assert_string_equal(json("{" GOOD ",\"sub1\":\"a\\u0000\",\"os\":\"iOS\"}"), "sub1:nul");
	assert_string_equal(json("{\"os\":\"iOS\",\"sub1\":\"a\"," GOOD "}"), "");
	assert_true(slice_is(draft_text(&b->draft, LEAD_FIELD_OS), "iOS"));
	assert_true(slice_is(draft_text(&b->draft, LEAD_FIELD_SUB1), "a"));
	assert_string_equal(json("{" GOOD
				 ",\"os\":\"a\",\"sub1\":\"iOS\",\"x\\u0000\":1,\"y\":\"\\u0000\","
				 "\"pasted_fields\":[\"\\u0000\"]}"),
			    "x:bad_name pasted_fields:nul y:nul");
	assert_string_equal(form("vertical=v&phone=79161234567&amount=2000&sub1=a%00"), "sub1:nul");
	assert_string_equal(json("{" GOOD ",\"sub1\":\"a\",\"os\":\"iOS\"}"), "");
	assert_true(slice_is(draft_text(&b->draft, LEAD_FIELD_SUB1), "a"));
}

static void phone_or_email_is_required(void **state)
{
	struct bench *b = *state;

	assert_string_equal(json("{\"vertical\":\"v\",\"fields\":{\"amount\":2000}}"),
			    "phone:required");
	assert_string_equal(
	    json("{\"vertical\":\"v\",\"phone\":\"\",\"fields\":{\"amount\":2000}}"),
	    "phone:required");
	assert_string_equal(
	    json("{\"vertical\":\"v\",\"email\":\"a@b.ru\",\"fields\":{\"amount\":2000}}"), "");
	assert_string_equal(
	    json("{\"vertical\":\"v\",\"phone\":\"call me\",\"fields\":{\"amount\":2000}}"),
	    "phone:invalid");
}

static void a_doubtful_email_is_left_to_the_filters(void **state)
{
	struct bench *b = *state;

	assert_string_equal(
	    json("{\"vertical\":\"v\",\"email\":\"no at sign\",\"fields\":{\"amount\":2000}}"), "");
}

static void the_phone_takes_the_country_of_the_lead_then_the_webmasters(void **state)
{
	struct bench *b = *state;

	json("{\"vertical\":\"v\",\"phone\":\"8 (916) 123 45 67\",\"fields\":{\"amount\":2000}}");
	assert_string_equal(b->draft.phone, "+79161234567");
	json("{\"vertical\":\"v\",\"phone\":\"030 "
	     "901820\",\"country\":\"DE\",\"fields\":{\"amount\":2000}}");
	assert_string_equal(b->draft.phone, "+4930901820");
}

static void limits_are_exact(void **state)
{
	struct bench *b = *state;
	char body[1024], sub[257];

	memset(sub, 'x', sizeof(sub));
	snprintf(body, sizeof(body), "{" GOOD ",\"sub1\":\"%.255s\"}", sub);
	assert_string_equal(json(body), "");
	snprintf(body, sizeof(body), "{" GOOD ",\"sub1\":\"%.256s\"}", sub);
	assert_string_equal(json(body), "sub1:too_long");
	assert_string_equal(json("{" GOOD ",\"filled_ms\":4294967295}"), "");
	assert_string_equal(json("{" GOOD ",\"filled_ms\":4294967296}"), "filled_ms:out_of_range");
	assert_string_equal(json("{" GOOD ",\"filled_ms\":-1}"), "filled_ms:out_of_range");
	assert_string_equal(json("{" GOOD ",\"clicked_at\":1795428000000}"), "");
	assert_string_equal(json("{" GOOD ",\"clicked_at\":1795428000001}"),
			    "clicked_at:out_of_range");
	assert_string_equal(json("{" GOOD ",\"clicked_at\":\"yesterday\"}"), "clicked_at:invalid");
}

static void unknown_members_are_refused_by_name_or_kept(void **state)
{
	struct bench *b = *state;

	assert_string_equal(strict("{" GOOD ",\"shoe_size\":44}"), "shoe_size:unknown");
	assert_string_equal(strict("{\"vertical\":\"v\",\"phone\":\"+79161234567\",\"fields\":{"
				   "\"amount\":2000,\"x\":1}}"),
			    "fields.x:unknown");
	assert_string_equal(json("{" GOOD ",\"shoe_size\":44}"), "");
	assert_int_equal(b->draft.field_count, 2);
	assert_true(slice_is(b->draft.fields[1].name, "shoe_size"));
	assert_true(b->draft.fields[1].top);
	assert_int_equal(b->draft.fields[1].integer, 44);
}

static void a_member_given_twice_is_a_fault(void **state)
{
	struct bench *b = *state;

	assert_string_equal(json("{" GOOD ",\"phone\":\"1\"}"), "unreadable");
	assert_non_null(b->why);
	assert_string_equal(form("vertical=v&phone=%2B79161234567&phone=1&amount=2000"),
			    "phone:duplicate");
	assert_string_equal(json("{" GOOD ",\"amount\":3000}"), "amount:duplicate");
}

static void the_schema_of_the_vertical_is_kept(void **state)
{
	struct bench *b = *state;
#define WITH(fields) json("{\"vertical\":\"v\",\"phone\":\"+79161234567\",\"fields\":{" fields "}}")

	assert_string_equal(WITH(""), "fields.amount:required");
	assert_string_equal(WITH("\"amount\":999"), "fields.amount:out_of_range");
	assert_string_equal(WITH("\"amount\":1000"), "");
	assert_string_equal(WITH("\"amount\":5001"), "fields.amount:out_of_range");
	assert_string_equal(WITH("\"amount\":\"2000\""), "fields.amount:type");
	assert_string_equal(WITH("\"amount\":2000,\"rate\":10.0"), "");
	assert_string_equal(WITH("\"amount\":2000,\"rate\":10.01"), "fields.rate:out_of_range");
	assert_string_equal(WITH("\"amount\":2000,\"rate\":-0.5"), "");
	assert_string_equal(WITH("\"amount\":2000,\"rate\":-1.5"), "fields.rate:out_of_range");
	assert_string_equal(WITH("\"amount\":2000,\"rate\":1e3"), "fields.rate:type");
	assert_string_equal(WITH("\"amount\":2000,\"plate\":\"x\""), "fields.plate:out_of_range");
	assert_string_equal(WITH("\"amount\":2000,\"plate\":77"), "fields.plate:type");
	assert_string_equal(WITH("\"amount\":2000,\"owner\":\"true\""), "fields.owner:type");
	assert_string_equal(WITH("\"amount\":2000,\"owner\":false,\"plate\":null"), "");
#undef WITH
}

static void a_form_is_converted(void **state)
{
	struct bench *b = *state;

	assert_string_equal(
	    form("vertical=v&phone=8+%28916%29+123-45-67&amount=2000&is_test=1&filled_ms=12&"
		 "honeypot="
		 "&pasted_fields=phone,email&fields%5Bowner%5D=on&name=%D0%98%D0%B2%D0%B0%D0%BD"),
	    "");
	assert_string_equal(b->draft.phone, "+79161234567");
	assert_int_equal(b->draft.v[LEAD_FIELD_IS_TEST].number, 1);
	assert_int_equal(b->draft.v[LEAD_FIELD_FILLED_MS].number, 12);
	assert_true(b->draft.v[LEAD_FIELD_HONEYPOT].given);
	assert_int_equal(b->draft.pasted.count, 2);
	assert_true(slice_is(draft_text(&b->draft, LEAD_FIELD_NAME), "Иван"));
	assert_int_equal(b->draft.fields[0].type, DRAFT_INTEGER);
	assert_int_equal(b->draft.fields[1].type, DRAFT_FLAG);
	assert_string_equal(
	    form("vertical=v&phone=%2B79161234567&amount=many&filled_ms=x&is_test=perhaps"),
	    "filled_ms:type is_test:type fields.amount:type");
}

static void what_is_no_form_is_refused_whole(void **state)
{
	struct bench *b = *state;

	assert_string_equal(form("vertical=%zz"), "unreadable");
	assert_string_equal(form("vertical=%4"), "unreadable");
	assert_string_equal(form("vertical=%ff"), "unreadable");
}

static void what_is_no_object_is_refused_whole(void **state)
{
	struct bench *b = *state;

	assert_string_equal(json(""), "unreadable");
	assert_string_equal(json("[]"), "unreadable");
	assert_string_equal(json("{\"vertical\":\"v\""), "unreadable");
	assert_string_equal(json("{} {}"), "unreadable");
}

static void more_faults_than_the_list_holds_are_counted(void **state)
{
	struct bench *b = *state;
	struct buf body = {0};

	buf_append_cstr(&body, "{" GOOD);
	for (int i = 0; i < 200; i++)
		buf_printf(&body, ",\"u%d\":1", i);
	buf_append_char(&body, '}');
	strict(buf_cstr(&body));
	assert_int_equal(b->faults.count, 200);
	buf_free(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_lead_has_no_faults),
	    cmocka_unit_test(all_faults_are_found_at_once),
	    cmocka_unit_test(an_address_is_what_the_library_takes_for_one),
	    cmocka_unit_test(members_are_found_in_any_order_and_a_nul_in_any_lead),
	    cmocka_unit_test(phone_or_email_is_required),
	    cmocka_unit_test(a_doubtful_email_is_left_to_the_filters),
	    cmocka_unit_test(the_phone_takes_the_country_of_the_lead_then_the_webmasters),
	    cmocka_unit_test(limits_are_exact),
	    cmocka_unit_test(unknown_members_are_refused_by_name_or_kept),
	    cmocka_unit_test(a_member_given_twice_is_a_fault),
	    cmocka_unit_test(the_schema_of_the_vertical_is_kept),
	    cmocka_unit_test(a_form_is_converted),
	    cmocka_unit_test(what_is_no_form_is_refused_whole),
	    cmocka_unit_test(what_is_no_object_is_refused_whole),
	    cmocka_unit_test(more_faults_than_the_list_holds_are_counted),
	};

	return cmocka_run_group_tests(tests, open_bench, close_bench);
}
