/* Key files: made once, read back, refused when broken, gone for ever when destroyed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/keyring.h"

#define DAY    20779 /* 2026-11-22 */
#define MAKERS 8

static char dir[64];

static int make_dir(_unused_ void **state)
{
	strcpy(dir, "/tmp/punnet-keys-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(_unused_ void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command);
}

static const char *in_dir(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static struct keyring *open_ring(bool make)
{
	struct error error = {0};
	struct keyring *k = keyring_open(dir, make, &error);

	if (!k)
		fail_msg("%s", error.text);
	return k;
}

static void write_text(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static mode_t mode_of(const char *name)
{
	struct stat s;

	assert_int_equal(stat(in_dir(name), &s), 0);
	return s.st_mode & 0777;
}

static void keys_are_made_once_and_read_back(_unused_ void **state)
{
	struct keyring *a = open_ring(true), *b;
	const uint8_t *day = keyring_day_key(a, DAY, true);

	assert_non_null(day);
	b = open_ring(false);
	assert_memory_equal(keyring_master_key(a), keyring_master_key(b), 32);
	assert_memory_equal(keyring_fingerprint_key(a), keyring_fingerprint_key(b), 32);
	assert_memory_equal(day, keyring_day_key(b, DAY, false), 32);
	assert_memory_not_equal(keyring_master_key(a), keyring_fingerprint_key(a), 32);
	assert_memory_not_equal(day, keyring_day_key(a, DAY + 1, true), 32);
	keyring_free(a);
	keyring_free(b);
}

static void nobody_else_may_read_the_keys(_unused_ void **state)
{
	struct keyring *k = open_ring(true);

	assert_non_null(keyring_day_key(k, DAY, true));
	assert_int_equal(mode_of("master.key"), 0600);
	assert_int_equal(mode_of("fingerprint.key"), 0600);
	assert_int_equal(mode_of("seal"), 0700);
	assert_int_equal(mode_of("seal/2026-11-22.key"), 0600);
	keyring_free(k);
}

static void a_missing_key_is_not_made_unasked(_unused_ void **state)
{
	struct error error = {0};
	struct keyring *k;

	assert_null(keyring_open(dir, false, &error));
	assert_non_null(strstr(error.text, "master.key: no such key"));
	k = open_ring(true);
	assert_null(keyring_day_key(k, DAY, false));
	assert_int_equal(access(in_dir("seal/2026-11-22.key"), F_OK), -1);
	keyring_free(k);
}

static void a_broken_key_file_is_refused(_unused_ void **state)
{
	static const char *const broken[] = {
	    "", "abc\n", "zz00000000000000000000000000000000000000000000000000000000000000\n",
	    "0000000000000000000000000000000000000000000000000000000000000000ff\n"};

	keyring_free(open_ring(true));
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		struct error error = {0};

		write_text("master.key", broken[i]);
		assert_null(keyring_open(dir, true, &error));
		assert_non_null(strstr(error.text, "expected a readable file of 64 hex digits"));
	}
}

/* All start at the same moment (the end of the pipe closes), and all must come to the same key. */
static void processes_that_make_the_same_day_agree(_unused_ void **state)
{
	uint8_t keys[MAKERS][32];
	char command[160];
	int gate[2], answers[2];

	keyring_free(open_ring(true));
	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(answers), 0);
	for (int i = 0; i < MAKERS; i++) {
		if (fork() == 0) {
			struct keyring *k = keyring_open(dir, false, NULL);
			const uint8_t *key;
			char c;

			close(gate[1]);
			if (read(gate[0], &c, 1) != 0)
				_exit(1);
			key = keyring_day_key(k, DAY, true);
			_exit(key && write(answers[1], key, 32) == 32 ? 0 : 1);
		}
	}
	close(gate[1]);
	for (int i = 0; i < MAKERS; i++) {
		int status;

		wait(&status);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < MAKERS; i++) {
		assert_int_equal(read(answers[0], keys[i], 32), 32);
		assert_memory_equal(keys[i], keys[0], 32);
	}
	close(gate[0]);
	close(answers[0]);
	close(answers[1]);
	/* Nothing is left over of those that lost. */
	snprintf(command, sizeof(command), "test \"$(ls '%s/seal')\" = 2026-11-22.key", dir);
	assert_int_equal(system(command), 0);
}

static void a_destroyed_day_never_comes_back(_unused_ void **state)
{
	struct keyring *k = open_ring(true), *other;

	assert_non_null(keyring_day_key(k, DAY, true));
	assert_int_equal(keyring_destroy_day(k, DAY, NULL), RESULT_OK);
	assert_null(keyring_day_key(k, DAY, false));
	assert_null(keyring_day_key(k, DAY, true));
	assert_int_equal(access(in_dir("seal/2026-11-22.key"), F_OK), -1);
	other = open_ring(false);
	assert_null(keyring_day_key(other, DAY, true));
	assert_non_null(keyring_day_key(other, DAY + 1, true));
	assert_int_equal(keyring_destroy_day(other, DAY, NULL), RESULT_OK);
	keyring_free(k);
	keyring_free(other);
}

static void more_days_than_the_cache_holds_are_all_right(_unused_ void **state)
{
	struct keyring *k = open_ring(true);
	uint8_t first[32];

	memcpy(first, keyring_day_key(k, DAY, true), 32);
	for (uint32_t day = DAY + 1; day < DAY + 80; day++)
		assert_non_null(keyring_day_key(k, day, true));
	assert_memory_equal(keyring_day_key(k, DAY, false), first, 32);
	keyring_free(k);
}

/* Whoever holds the file open, or another name of it, reads nothing of the key any more. */
static void a_destroyed_key_is_overwritten_where_it_lies(_unused_ void **state)
{
	struct keyring *k = open_ring(true);
	char was[65] = "", is[65] = "";
	FILE *f;

	assert_non_null(keyring_day_key(k, DAY, true));
	f = fopen(in_dir("seal/2026-11-22.key"), "r");
	assert_non_null(f);
	assert_int_equal(fread(was, 1, 64, f), 64);
	assert_int_equal(keyring_destroy_day(k, DAY, NULL), RESULT_OK);
	rewind(f);
	assert_int_equal(fread(is, 1, 64, f), 64);
	assert_int_equal(strspn(is, "0"), 64);
	assert_string_not_equal(was, is);
	fclose(f);
	keyring_free(k);
}

static void all_days_are_told_with_those_that_are_destroyed(_unused_ void **state)
{
	struct keyring *k = open_ring(true);
	struct keyring_day *days;
	size_t count;

	for (uint32_t day = DAY + 2; day >= DAY; day--)
		assert_non_null(keyring_day_key(k, day, true));
	assert_int_equal(keyring_destroy_day(k, DAY + 1, NULL), RESULT_OK);
	/* a destruction that a crash cut off between the marker and the file */
	write_text("seal/2026-11-22.destroyed", "");
	write_text("seal/2026-11-2.key", "");
	write_text("seal/2026-13-45.key", "");
	assert_int_equal(keyring_days(k, &days, &count, NULL), RESULT_OK);
	assert_int_equal(count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(days[i].day, DAY + i);
		assert_int_equal(days[i].destroyed, i < 2);
	}
	free(days);
	keyring_free(k);
}

static void a_date_is_read_as_it_is_written(_unused_ void **state)
{
	char text[KEYRING_DATE_LEN + 1];
	uint32_t day = 7;

	keyring_date(DAY, text);
	assert_string_equal(text, "2026-11-22");
	assert_true(keyring_date_read(slice_cstr(text), &day));
	assert_int_equal(day, DAY);
	assert_false(keyring_date_read(SLICE("2026-11-31"), &day));
	assert_false(keyring_date_read(SLICE("2026-11-2"), &day));
	assert_false(keyring_date_read(SLICE("2026-11-22T"), &day));
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_DIR(keys_are_made_once_and_read_back),
	    IN_DIR(nobody_else_may_read_the_keys),
	    IN_DIR(a_missing_key_is_not_made_unasked),
	    IN_DIR(a_broken_key_file_is_refused),
	    IN_DIR(processes_that_make_the_same_day_agree),
	    IN_DIR(a_destroyed_day_never_comes_back),
	    IN_DIR(a_destroyed_key_is_overwritten_where_it_lies),
	    IN_DIR(all_days_are_told_with_those_that_are_destroyed),
	    cmocka_unit_test(a_date_is_read_as_it_is_written),
	    IN_DIR(more_days_than_the_cache_holds_are_all_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
