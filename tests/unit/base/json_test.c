/* The JSON reader: what it takes, what it refuses and where, and that hostile input stays cheap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

static struct json *parse(struct arena *a, const char *text)
{
	struct json_fault fault;

	return json_parse(a, slice_cstr(text), JSON_LIMITS_DEFAULT, &fault);
}

static void a_lead_becomes_a_tree(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	struct json *lead = parse(
	    &a,
	    " {\"vertical\" : \"credit_card\", \"age\":42,\n\"income\":-1.5e3,\"is_test\":false,"
	    "\"fields\":{\"a\":[1,true,null,[]]},\"empty\":{}}\t");
	struct json *list;

	(void)state;
	assert_non_null(lead);
	assert_int_equal(lead->type, JSON_OBJECT);
	assert_int_equal(lead->count, 6);
	assert_true(slice_is(json_member(lead, "vertical")->text, "credit_card"));
	assert_true(json_member(lead, "age")->is_integer);
	assert_int_equal(json_member(lead, "age")->integer, 42);
	assert_false(json_member(lead, "income")->is_integer);
	assert_true(slice_is(json_member(lead, "income")->text, "-1.5e3"));
	assert_int_equal(json_member(lead, "is_test")->type, JSON_FALSE);
	assert_true(slice_is(json_member(lead, "fields")->text, "{\"a\":[1,true,null,[]]}"));
	assert_int_equal(json_member(lead, "empty")->count, 0);
	assert_null(json_member(lead, "absent"));
	assert_null(json_member(json_member(lead, "age"), "x"));
	assert_null(json_member(NULL, "x"));

	list = json_member(json_member(lead, "fields"), "a");
	assert_int_equal(list->count, 4);
	assert_int_equal(list->child->integer, 1);
	assert_int_equal(list->child->next->type, JSON_TRUE);
	assert_int_equal(list->child->next->next->type, JSON_NULL);
	assert_int_equal(list->child->next->next->next->type, JSON_ARRAY);
	assert_null(list->child->next->next->next->next);
}

static void text_is_unescaped(void **state)
{
	static const struct {
		const char *typed, *text;
		size_t len;
	} rows[] = {
	    {"\"\"", "", 0},
	    {"\"ёж 🦔\"", "ёж 🦔", 9},
	    {"\"a\\\"b\\\\c\\/\\b\\f\\n\\r\\t\"", "a\"b\\c/\b\f\n\r\t", 11},
	    {"\"\\u0451\\u0436 \\uD83E\\uDd94\"", "ёж 🦔", 9},
	    {"\"\\u20ac\\u0000x\"", "€\0x", 5},
	    {"\"long enough for the words of eight bytes, \\\\ and then some\"",
	     "long enough for the words of eight bytes, \\ and then some", 57},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_(arena_free) struct arena a = {0};
		struct json *text = parse(&a, rows[i].typed);

		assert_non_null(text);
		assert_int_equal(text->type, JSON_STRING);
		assert_true(slice_equal(text->text, slice_of(rows[i].text, rows[i].len)));
	}
}

/* A quote at each distance from the start, with each kind of byte before it: the words of eight have no seams. */
static void text_of_every_length_ends_where_it_ends(void **state)
{
	(void)state;
	for (size_t len = 0; len < 40; len++) {
		for (int fill = 0x20; fill < 0x7F; fill++) {
			_cleanup_(arena_free) struct arena a = {0};
			char typed[64];
			struct json *text;

			if (fill == '"' || fill == '\\')
				continue;
			memset(typed, fill, sizeof(typed));
			typed[0] = typed[len + 1] = '"';
			text = json_parse(&a, slice_of(typed, len + 2), JSON_LIMITS_DEFAULT, NULL);
			assert_non_null(text);
			assert_int_equal(text->text.len, len);
		}
	}
}

static void a_control_character_is_found_at_every_place(void **state)
{
	(void)state;
	for (size_t at = 1; at < 40; at++) {
		for (int c = 0; c < 0x20; c++) {
			_cleanup_(arena_free) struct arena a = {0};
			struct json_fault fault = {0};
			char typed[42];

			memset(typed, 'x', sizeof(typed));
			typed[0] = typed[41] = '"';
			typed[at] = (char)c;
			assert_null(
			    json_parse(&a, slice_of(typed, 42), JSON_LIMITS_DEFAULT, &fault));
			assert_int_equal(fault.offset, at);
		}
	}
}

static void faults_are_named_and_placed(void **state)
{
	static const struct {
		const char *typed;
		size_t offset;
		const char *what;
	} rows[] = {
	    {"", 0, "expected a value"},
	    {"  ", 2, "expected a value"},
	    {"\xEF\xBB\xBF{}", 0, "expected a value"},
	    {"tru", 0, "expected a value"},
	    {"{} x", 3, "expected the end"},
	    {"nullx", 4, "expected the end"},
	    {"[1,]", 3, "expected a value"},
	    {"[1 2]", 3, "expected \",\" or \"]\""},
	    {"[1", 2, "expected \",\" or \"]\""},
	    {"[", 1, "expected a value"},
	    {"{", 1, "expected a member's name"},
	    {"{\"a\":1,}", 7, "expected a member's name"},
	    {"{a:1}", 1, "expected a member's name"},
	    {"{\"a\" 1}", 5, "expected \":\""},
	    {"{\"a\":}", 5, "expected a value"},
	    {"{\"a\":1 \"b\":2}", 7, "expected \",\" or \"}\""},
	    {"{\"a\":1]", 6, "expected \",\" or \"}\""},
	    {"\"abc", 4, "text has no end"},
	    {"\"abc\\", 4, "text has no end"},
	    {"\"abc\\\"", 6, "text has no end"},
	    {"\"a\\x\"", 2, "unknown escape"},
	    {"\"\\u12g4\"", 1, "expected four hexadecimal digits"},
	    {"\"\\u123\"", 1, "expected four hexadecimal digits"},
	    {"\"\\ud800\"", 1, "half a surrogate pair"},
	    {"\"\\ud800\\u0041\"", 1, "half a surrogate pair"},
	    {"\"\\udc00\\ud800\"", 1, "half a surrogate pair"},
	    {"\"\\ud800\\ud800\"", 1, "half a surrogate pair"},
	    {"\"ab\xFF\"", 3, "not UTF-8"},
	    {"\"ab\xED\xA0\x80\"", 3, "not UTF-8"},
	    {"{\"\xC3\":1}", 2, "not UTF-8"},
	    {"\"\xD0\\u0041\"", 1, "not UTF-8"},
	    {"01", 1, "a number does not begin with 0"},
	    {"-", 1, "expected a digit"},
	    {"1.", 2, "expected a digit"},
	    {"1e+", 3, "expected a digit"},
	    {".5", 0, "expected a value"},
	    {"+1", 0, "expected a value"},
	    {"NaN", 0, "expected a value"},
	    {"{\"a\":1,\"b\":2,\"a\":3}", 13, "a member's name stands twice"},
	    {"{\"a\":1,\"\\u0061\":3}", 7, "a member's name stands twice"},
	    {"{\"\":1,\"\":3}", 6, "a member's name stands twice"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_(arena_free) struct arena a = {0};
		struct json_fault fault = {0};

		assert_null(json_parse(&a, slice_cstr(rows[i].typed), JSON_LIMITS_DEFAULT, &fault));
		assert_string_equal(fault.what, rows[i].what);
		assert_int_equal(fault.offset, rows[i].offset);
	}
}

static void integers_that_fit_are_integers_and_the_rest_keeps_its_text(void **state)
{
	static const struct {
		const char *typed;
		bool is_integer;
		int64_t integer;
	} rows[] = {
	    {"0", true, 0},
	    {"-0", true, 0},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"9223372036854775808", false, 0},
	    {"1.0", false, 0},
	    {"1e2", false, 0},
	    {"123456789012345678901234567890", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_(arena_free) struct arena a = {0};
		struct json *n = parse(&a, rows[i].typed);

		assert_non_null(n);
		assert_int_equal(n->is_integer, rows[i].is_integer);
		if (n->is_integer)
			assert_int_equal(n->integer, rows[i].integer);
		assert_true(slice_is(n->text, rows[i].typed));
	}
}

static void depth_and_number_of_values_are_limited(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	struct json_limits limits = {.max_depth = 3, .max_nodes = 5};
	struct json_fault fault;

	(void)state;
	assert_non_null(json_parse(&a, SLICE("[[[1]]]"), limits, &fault));
	assert_null(json_parse(&a, SLICE("[[[[]]]]"), limits, &fault));
	assert_string_equal(fault.what, "nested too deeply");
	assert_int_equal(fault.offset, 3);
	assert_non_null(json_parse(&a, SLICE("[[],[],[],[]]"), limits, &fault));
	assert_null(json_parse(&a, SLICE("[1,2,3,4,5]"), limits, &fault));
	assert_string_equal(fault.what, "too many values");
}

static void endless_brackets_do_not_exhaust_the_stack(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	struct json_limits limits = {.max_depth = UINT32_MAX, .max_nodes = UINT32_MAX};
	struct json_fault fault;
	char *typed = malloc(1000000);

	(void)state;
	memset(typed, '[', 1000000);
	assert_null(json_parse(&a, slice_of(typed, 1000000), limits, &fault));
	assert_string_equal(fault.what, "nested too deeply");
	free(typed);
}

static char *many_members(size_t count, size_t twin, size_t *ret_len)
{
	char *text = malloc(count * 32), *at = text;

	*at++ = '{';
	for (size_t i = 0; i < count; i++)
		at += sprintf(at, "%s\"field-%06zu\":0", i ? "," : "",
			      i == count - 1 && twin < count ? twin : i);
	*at++ = '}';
	*ret_len = (size_t)(at - text);
	return text;
}

static void a_twin_is_found_among_any_number_of_members(void **state)
{
	(void)state;
	for (size_t count = 2; count < 100; count++) {
		for (size_t twin = 0; twin < count; twin++) {
			_cleanup_(arena_free) struct arena a = {0};
			struct json_fault fault = {0};
			bool is_twin = twin < count - 1;
			size_t len;
			char *text = many_members(count, twin, &len);
			struct json *object =
			    json_parse(&a, slice_of(text, len), JSON_LIMITS_DEFAULT, &fault);

			assert_int_equal(object == NULL, is_twin);
			if (is_twin)
				assert_string_equal(fault.what, "a member's name stands twice");
			free(text);
		}
	}
}

/* A million members take a moment; compared pairwise they would take the test's whole time limit many times over. */
static void a_million_members_are_checked_without_comparing_all_pairs(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	struct json_limits limits = {.max_depth = 2, .max_nodes = 2000000};
	struct json_fault fault = {0};
	size_t len;
	char *text = many_members(1000000, 3, &len);

	(void)state;
	assert_null(json_parse(&a, slice_of(text, len), limits, &fault));
	assert_string_equal(fault.what, "a member's name stands twice");
	free(text);
}

struct visited {
	const struct json *next; /* of the tree */
	size_t count;
	bool nul;
};

static void compare_with_tree(void *ctx, const struct json *member)
{
	struct visited *v = ctx;

	assert_non_null(v->next);
	assert_int_equal(member->type, v->next->type);
	assert_true(slice_equal(member->key, v->next->key));
	assert_true(slice_equal(member->text, v->next->text));
	assert_int_equal(member->integer, v->next->integer);
	assert_int_equal(member->count, v->next->count);
	v->next = v->next->next;
	v->nul = v->nul || member->holds_nul;
	v->count++;
}

static void members_can_be_had_one_by_one_as_the_tree_has_them(void **state)
{
	static const char text[] =
	    " {\"a\":\"x\\u0451\",\"b\":-5,\"c\":{\"d\":[1,true,{}]},\"\":null,"
	    "\"long enough a name for blocks\":\"\"} ";
	_cleanup_(arena_free) struct arena a = {0};
	struct json_fault fault = {0};
	struct visited v = {.next = parse(&a, text)->child};

	(void)state;
	assert_int_equal(
	    json_visit(&a, slice_cstr(text), JSON_LIMITS_DEFAULT, compare_with_tree, &v, &fault),
	    JSON_VISITED);
	assert_int_equal(v.count, 5);
	assert_null(v.next);
	assert_int_equal(
	    json_visit(&a, SLICE("[{}]"), JSON_LIMITS_DEFAULT, compare_with_tree, &v, &fault),
	    JSON_NO_OBJECT);
	assert_int_equal(
	    json_visit(&a, SLICE("{} "), JSON_LIMITS_DEFAULT, compare_with_tree, &v, &fault),
	    JSON_VISITED);
	assert_int_equal(v.count, 5);
}

static void ignore(void *ctx, const struct json *member)
{
	(void)ctx;
	(void)member;
}

static void a_visit_meets_the_faults_that_a_tree_would(void **state)
{
	static const char *const typed[] = {
	    "",
	    "  ",
	    "{",
	    "{a:1}",
	    "{\"a\" 1}",
	    "{\"a\":}",
	    "{\"a\":1,}",
	    "{\"a\":1 \"b\":2}",
	    "{\"a\":1]",
	    "{} x",
	    "{\"a\":1,\"a\":2}",
	    "{\"a\":{\"b\":[[[]]]}}",
	    "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}",
	    "{\"a\":\"\\x\"}",
	    "{\"a\":\"\xFF\"}",
	    "{\"a\":\"x",
	    "[1,",
	    "tru",
	    "{\"a\":[1,2,3,4,5]}",
	};
	static const struct json_limits limits = {.max_depth = 3, .max_nodes = 5};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(typed); i++) {
		_cleanup_(arena_free) struct arena a = {0};
		struct json_fault of_tree = {0}, of_visit = {0};

		assert_null(json_parse(&a, slice_cstr(typed[i]), limits, &of_tree));
		assert_int_equal(
		    json_visit(&a, slice_cstr(typed[i]), limits, ignore, NULL, &of_visit),
		    JSON_FAULTY);
		assert_int_equal(of_visit.offset, of_tree.offset);
		assert_string_equal(of_visit.what, of_tree.what);
	}
}

static void note_nul(void *ctx, const struct json *member)
{
	unsigned *seen = ctx;

	*seen = *seen << 1 | member->holds_nul;
}

static void a_member_says_whether_a_nul_stands_in_it(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	unsigned seen = 0;

	(void)state;
	assert_int_equal(
	    json_visit(&a,
		       SLICE("{\"a\":\"\\u0000\",\"b\":\"0\",\"c\\u0000\":1,\"d\":[{\"e\":"
			     "\"x\\u0000\"}],\"f\":\"\\u0001\"}"),
		       JSON_LIMITS_DEFAULT, note_nul, &seen, NULL),
	    JSON_VISITED);
	assert_int_equal(seen, 0x16); /* a, c, d */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_lead_becomes_a_tree),
	    cmocka_unit_test(text_is_unescaped),
	    cmocka_unit_test(text_of_every_length_ends_where_it_ends),
	    cmocka_unit_test(a_control_character_is_found_at_every_place),
	    cmocka_unit_test(faults_are_named_and_placed),
	    cmocka_unit_test(integers_that_fit_are_integers_and_the_rest_keeps_its_text),
	    cmocka_unit_test(depth_and_number_of_values_are_limited),
	    cmocka_unit_test(endless_brackets_do_not_exhaust_the_stack),
	    cmocka_unit_test(a_twin_is_found_among_any_number_of_members),
	    cmocka_unit_test(members_can_be_had_one_by_one_as_the_tree_has_them),
	    cmocka_unit_test(a_visit_meets_the_faults_that_a_tree_would),
	    cmocka_unit_test(a_member_says_whether_a_nul_stands_in_it),
	    cmocka_unit_test(a_million_members_are_checked_without_comparing_all_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
