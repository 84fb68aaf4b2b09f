/* A configuration file in, what it says or what is wrong with it out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/config_table.h"

static char path[] = "/tmp/punnet-config-XXXXXX";

static int make_file(_unused_ void **state)
{
	strcpy(path, "/tmp/punnet-config-XXXXXX");
	return mkstemp(path) < 0 ? -1 : 0;
}

static int remove_file(_unused_ void **state)
{
	return unlink(path);
}

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void expect_fault(const char *text, const char *expected)
{
	struct error error = {0};
	char line[1024];

	write_file(text);
	assert_null(config_load(path, &error));
	snprintf(line, sizeof(line), "%s%s", path, expected);
	assert_string_equal(error.text, line);
}

static struct config *load(const char *text)
{
	struct error error = {0};
	struct config *c;

	write_file(text);
	c = config_load(path, &error);
	if (!c)
		fail_msg("%s", error.text);
	return c;
}

static void without_a_file_the_defaults_hold(_unused_ void **state)
{
	struct config *c = config_load(NULL, NULL);

	assert_non_null(c);
	assert_int_equal(config_int(c, "common", "ack_watchdog"), 30000);
	assert_string_equal(config_text(c, "common", "log_level"), "info");
	assert_string_equal(config_where(c, "common", "log_level"), "default");
	config_free(c);
}

static void a_section_may_be_written_with_a_dash_or_an_underscore(_unused_ void **state)
{
	struct config *c = load("filter-worker:\n  admin: \"[::1]:7\"\n");

	assert_string_equal(config_text(c, "filter-worker", "admin"), "[::1]:7");
	assert_string_equal(config_text(c, "filter_worker", "admin"), "[::1]:7");
	config_free(c);
	c = load("filter_worker:\n  admin: h:7\n");
	assert_string_equal(config_text(c, "filter-worker", "admin"), "h:7");
	config_free(c);
}

static void an_empty_file_and_an_empty_section_are_fine(_unused_ void **state)
{
	config_free(load(""));
	config_free(load("# nothing yet\n"));
	config_free(load("common:\n# kafka: x\nrouter:\n"));
}

static void a_value_out_of_its_limits_says_line_and_limits(_unused_ void **state)
{
	expect_fault("common:\n\n  ack_watchdog: 5\n",
		     ":3: common.ack_watchdog: \"5\": expected a duration from 1s to 10m, for "
		     "example \"30s\"");
	expect_fault("common:\n  ack_watchdog: 11m\n",
		     ":2: common.ack_watchdog: \"11m\": expected a duration from 1s to 10m, for "
		     "example \"30s\"");
	expect_fault("common:\n  ack_watchdog: [30s]\n",
		     ":2: common.ack_watchdog: expected one value, not a list or a section");
}

static void an_unknown_key_is_refused_with_a_guess(_unused_ void **state)
{
	expect_fault("common:\n  ack_watchdgo: 30s\n",
		     ":2: common.ack_watchdgo: unknown key; did you mean \"ack_watchdog\"?");
	expect_fault("common:\n  something_else_entirely: 1\n",
		     ":2: common.something_else_entirely: unknown key");
}

static void an_unknown_section_is_refused_with_the_known_ones(_unused_ void **state)
{
	struct error error = {0};

	write_file("colector:\n  admin: h:1\n");
	assert_null(config_load(path, &error));
	assert_non_null(
	    strstr(error.text, ":1: colector: unknown section; expected one of common, "));
	assert_non_null(strstr(error.text, "filter-worker"));
	assert_ptr_equal(strstr(strstr(error.text, "delivery") + 1, "delivery"), NULL);
}

static void what_is_given_twice_is_refused(_unused_ void **state)
{
	expect_fault("common:\n  log_level: info\n  log_level: warn\n",
		     ":3: common.log_level: given twice");
	expect_fault("filter-worker:\n  admin: h:1\nfilter_worker:\n  admin: h:2\n",
		     ":3: filter_worker: given twice");
}

static void what_is_not_yaml_says_where(_unused_ void **state)
{
	struct error error = {0};

	write_file("common:\n  kafka: \"open\n");
	assert_null(config_load(path, &error));
	assert_non_null(strstr(error.text, "not YAML"));
	expect_fault("just text\n", ":1: expected sections, for example \"router:\"");
	expect_fault("common: 5\n", ":1: common: expected lines of `key: value` below it");
	expect_fault("common:\n---\nrouter:\n", ": more than one document; expected one");
}

static void a_file_that_is_not_there_is_said(_unused_ void **state)
{
	struct error error = {0};

	assert_null(config_load("/nonexistent/punnet.yaml", &error));
	assert_string_equal(error.text,
			    "/nonexistent/punnet.yaml: can't be read: No such file or directory");
}

static void all_faults_are_told_at_once(_unused_ void **state)
{
	struct buf faults = {0}, text = {0};
	struct error error = {0};
	size_t lines = 1;

	buf_append_cstr(&text, "common:\n");
	for (int i = 0; i < 30; i++)
		buf_printf(&text, "  wrong_%d: 1\n", i);
	write_file(buf_cstr(&text));
	assert_int_equal(config_faults(path, &faults), 30);
	for (const char *c = buf_cstr(&faults); *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 21);
	assert_non_null(strstr(buf_cstr(&faults), "\nand 10 more"));

	/* An error holds as many whole lines as fit. */
	assert_null(config_load(path, &error));
	assert_non_null(strstr(error.text, "common.wrong_0: unknown key\n"));
	assert_non_null(strstr(error.text, "unknown key\n(and more faults)"));
	buf_free(&faults);
	buf_free(&text);
}

static void the_environment_overrides_and_is_checked_too(_unused_ void **state)
{
	struct error error = {0};
	struct config *c;

	setenv("PUNNET_COMMON_ACK_WATCHDOG", "2m", 1);
	setenv("PUNNET_FILTER_WORKER_ADMIN", "h:9", 1);
	c = load("common:\n  ack_watchdog: 45s\n");
	assert_int_equal(config_int(c, "common", "ack_watchdog"), 120000);
	assert_string_equal(config_where(c, "common", "ack_watchdog"),
			    "PUNNET_COMMON_ACK_WATCHDOG");
	assert_string_equal(config_text(c, "filter-worker", "admin"), "h:9");
	config_free(c);

	setenv("PUNNET_COMMON_ACK_WATCHDOG", "often", 1);
	assert_null(config_load(path, &error));
	assert_string_equal(
	    error.text,
	    "PUNNET_COMMON_ACK_WATCHDOG: common.ack_watchdog: \"often\": expected a duration "
	    "from 1s to 10m, for example \"30s\"");
	unsetenv("PUNNET_COMMON_ACK_WATCHDOG");
	unsetenv("PUNNET_FILTER_WORKER_ADMIN");
}

static void every_type_takes_its_own_values_only(_unused_ void **state)
{
	static const struct {
		enum config_type type;
		int64_t least, most;
		const char *text;
		bool ok;
		int64_t value;
	} rows[] = {
	    {INT, 1, 10, "1", true, 1},
	    {INT, 1, 10, "10", true, 10},
	    {INT, 1, 10, "0", false, 0},
	    {INT, 1, 10, "11", false, 0},
	    {INT, 0, 0, "-7", true, -7},
	    {INT, 1, 10, "1.5", false, 0},
	    {INT, 1, 10, "", false, 0},
	    {SIZE, 0, 0, "64KiB", true, 65536},
	    {SIZE, 0, 0, "8MiB", true, 8 << 20},
	    {SIZE, 0, 0, "2GiB", true, 2LL << 30},
	    {SIZE, 0, 0, "123", true, 123},
	    {SIZE, 0, 0, "64kb", false, 0},
	    {SIZE, 0, 0, "KiB", false, 0},
	    {SIZE, 0, 0, "-1", false, 0},
	    {SIZE, 0, 0, "9223372036854775807GiB", false, 0},
	    {DURATION, 0, 0, "250ms", true, 250},
	    {DURATION, 0, 0, "90d", true, 90LL * 86400000},
	    {DURATION, 0, 0, "90", false, 0},
	    {BOOL, 0, 0, "true", true, 1},
	    {BOOL, 0, 0, "false", true, 0},
	    {BOOL, 0, 0, "yes", false, 0},
	    {TEXT, 3, 5, "abc", true, 3},
	    {TEXT, 3, 5, "ab", false, 0},
	    {TEXT, 3, 5, "abcdef", false, 0},
	    {FILE_PATH, 0, 0, "", true, 0},
	    {FILE_PATH, 0, 0, "/", true, 0},
	    {FILE_PATH, 0, 0, "/nonexistent", false, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct config_key key = {"s",          "k", rows[i].type, "", rows[i].least,
					 rows[i].most, ""};
		int64_t value;

		if (config_parse(&key, slice_cstr(rows[i].text), &value) != rows[i].ok)
			fail_msg("row %zu: %s", i, rows[i].text);
		if (rows[i].ok)
			assert_int_equal(value, rows[i].value);
	}
}

static void the_reference_names_every_key(_unused_ void **state)
{
	struct buf out = {0};

	config_write_reference(&out);
	for (size_t i = 0; i < config_key_count; i++) {
		char env[128];

		config_env_name(&config_keys[i], env, sizeof(env));
		assert_non_null(strstr(buf_cstr(&out), env));
		assert_non_null(strstr(buf_cstr(&out), config_keys[i].help));
	}
	buf_free(&out);
}

static void a_dump_hides_passwords_and_is_a_configuration_again(_unused_ void **state)
{
	struct config *c = load("common:\n  db: postgres://books:very-secret@h:5432/ledger\n");
	struct buf out = {0};

	config_dump(c, &out);
	assert_null(strstr(buf_cstr(&out), "very-secret"));
	assert_non_null(strstr(buf_cstr(&out), "  db: \"postgres://books:***@h:5432/ledger\"  # "));
	config_free(c);
	c = load(buf_cstr(&out));
	assert_int_equal(config_int(c, "common", "ack_watchdog"), 30000);
	config_free(c);
	buf_free(&out);
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, make_file, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_FILE(without_a_file_the_defaults_hold),
	    WITH_FILE(a_section_may_be_written_with_a_dash_or_an_underscore),
	    WITH_FILE(an_empty_file_and_an_empty_section_are_fine),
	    WITH_FILE(a_value_out_of_its_limits_says_line_and_limits),
	    WITH_FILE(an_unknown_key_is_refused_with_a_guess),
	    WITH_FILE(an_unknown_section_is_refused_with_the_known_ones),
	    WITH_FILE(what_is_given_twice_is_refused),
	    WITH_FILE(what_is_not_yaml_says_where),
	    WITH_FILE(a_file_that_is_not_there_is_said),
	    WITH_FILE(all_faults_are_told_at_once),
	    WITH_FILE(the_environment_overrides_and_is_checked_too),
	    WITH_FILE(every_type_takes_its_own_values_only),
	    WITH_FILE(the_reference_names_every_key),
	    WITH_FILE(a_dump_hides_passwords_and_is_a_configuration_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
