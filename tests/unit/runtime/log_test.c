/* Log lines, as they arrive on the other end of standard error. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "runtime/log.h"

static int ends[2], saved;

static int capture(_unused_ void **state)
{
	if (pipe2(ends, O_NONBLOCK) < 0)
		return -1;
	saved = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	log_start("router", LOG_LEVEL_INFO);
	return 0;
}

static int release(_unused_ void **state)
{
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static struct slice said(char *ret, size_t len)
{
	ssize_t n = read(ends[0], ret, len);

	return slice_of(ret, n < 0 ? 0 : (size_t)n);
}

static struct json *parse(struct arena *a, struct slice line)
{
	struct json_fault fault;

	assert_true(line.len > 0 && line.data[line.len - 1] == '\n');
	line.len--;
	assert_null(memchr(line.data, '\n', line.len));
	return json_parse(a, line, JSON_LIMITS_DEFAULT, &fault);
}

static void a_line_is_one_json_object(_unused_ void **state)
{
	struct lead_id id = {{1, 2, 3}};
	struct arena a = {0};
	char raw[16384], text[LEAD_ID_TEXT_LEN + 1];
	struct json *line;

	log_info("sold", LOG_LEAD(&id), LOG_INT("price_minor", -45000), LOG_STR("order", "a\"b\nc"),
		 LOG_SLICE("raw", SLICE("\xff\x00z")));
	line = parse(&a, said(raw, sizeof(raw)));
	assert_non_null(line);
	lead_id_text(&id, text);
	assert_true(slice_is(json_member(line, "service")->text, "router"));
	assert_true(slice_is(json_member(line, "level")->text, "info"));
	assert_true(slice_is(json_member(line, "event")->text, "sold"));
	assert_true(slice_is(json_member(line, "lead_id")->text, text));
	assert_true(slice_is(json_member(line, "order")->text, "a\"b\nc"));
	assert_int_equal(json_member(line, "price_minor")->integer, -45000);
	assert_int_equal(json_member(line, "at")->text.len, 24);
	arena_free(&a);
}

static void what_is_below_the_level_is_not_said(_unused_ void **state)
{
	char raw[16384];

	log_debug("quiet");
	assert_int_equal(said(raw, sizeof(raw)).len, 0);
	log_start("router", LOG_LEVEL_ERROR);
	log_warn("quiet");
	assert_int_equal(said(raw, sizeof(raw)).len, 0);
	log_error("loud");
	assert_int_not_equal(said(raw, sizeof(raw)).len, 0);
}

static void a_line_is_never_longer_than_eight_kib(_unused_ void **state)
{
	static char text[5000], bytes[5000];
	struct arena a = {0};
	char raw[65536];
	struct slice whole;
	struct json *line;

	memset(text, 'x', sizeof(text) - 1);
	memset(bytes, 1, sizeof(bytes)); /* six letters each when escaped */
	log_info("long", LOG_STR("one", text), LOG_SLICE("two", slice_of(bytes, sizeof(bytes))),
		 LOG_INT("three", 3));
	whole = said(raw, sizeof(raw));
	assert_true(whole.len <= 8192);
	line = parse(&a, whole);
	assert_non_null(line);
	assert_int_equal(json_member(line, "one")->text.len, 4096);
	assert_null(json_member(line, "two"));
	assert_int_equal(json_member(line, "three")->integer, 3);
	assert_int_equal(json_member(line, "cut")->type, JSON_TRUE);
	arena_free(&a);
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, capture, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CAPTURED(a_line_is_one_json_object),
	    CAPTURED(what_is_below_the_level_is_not_said),
	    CAPTURED(a_line_is_never_longer_than_eight_kib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
