/* The import's conversions, its map, its reader of many encodings, and its position over a kill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "base/timefmt.h"
#include "tools/import_map.h"
#include "tools/import_reader.h"
#include "tools/import_state.h"

static char folder[] = "/tmp/punnet-import-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const void *bytes, size_t len)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static void a_time_is(const char *text, const char *format, int zone, const char *expected)
{
	char iso[TIME_TEXT_LEN + 1];
	int64_t ms;

	if (!expected) {
		assert_false(import_time(slice_cstr(text), slice_cstr(format), zone, &ms));
		return;
	}
	assert_true(import_time(slice_cstr(text), slice_cstr(format), zone, &ms));
	time_text(ms, iso);
	assert_string_equal(iso, expected);
}

static void dates_are_read_as_the_map_says(_unused_ void **state)
{
	a_time_is("05.09.2026 14:07", "dd.mm.yyyy hh:mm", 180, "2026-09-05T11:07:00.000Z");
	a_time_is("5.9.2026 4:07", "dd.mm.yyyy hh:mm", 0, "2026-09-05T04:07:00.000Z");
	a_time_is("09/05/26 14:07:59", "mm/dd/yy hh:mm:ss", -300, "2026-09-05T19:07:59.000Z");
	a_time_is("2026-09-05", "yyyy-mm-dd", 330, "2026-09-04T18:30:00.000Z");
	a_time_is("1788606420", "unix", 180, "2026-09-05T11:07:00.000Z");
	a_time_is("31.02.2026 10:00", "dd.mm.yyyy hh:mm", 0, NULL);
	a_time_is("05.09.2026", "dd.mm.yyyy hh:mm", 0, NULL);
	a_time_is("05.09.2026 14:07 утра", "dd.mm.yyyy hh:mm", 0, NULL);
	a_time_is("вчера", "dd.mm.yyyy hh:mm", 0, NULL);
}

static void a_phone_is(const char *text, const char *expected)
{
	struct buf out = {0};

	import_phone(slice_cstr(text), &out);
	assert_string_equal(buf_cstr(&out), expected);
	buf_free(&out);
}

static void what_spreadsheets_do_to_phones_is_undone(_unused_ void **state)
{
	a_phone_is("8 (916) 123-45-67", "8 (916) 123-45-67");
	a_phone_is("'89161234567", "89161234567");
	a_phone_is("89161234567.0", "89161234567");
	a_phone_is("8,9161234567E+10", "89161234567");
	a_phone_is("8.9161234567e10", "89161234567");
	a_phone_is("8,92E+10", "8,92E+10"); /* digits are lost: left as it is, to be refused */
}

static void a_whole_number_may_have_spaces_and_a_zero_fraction(_unused_ void **state)
{
	int64_t n;

	assert_true(import_number(SLICE("15 000"), &n) && n == 15000);
	assert_true(import_number(SLICE("15\xc2\xa0"
					"000,00"),
				  &n) &&
		    n == 15000);
	assert_true(import_number(SLICE("-7"), &n) && n == -7);
	assert_false(import_number(SLICE("15,5"), &n));
	assert_false(import_number(SLICE("много"), &n));
	assert_false(import_number(SLICE(""), &n));
}

static const char map_text[] =
    "name: try\nwebmaster: w01\nzone: \"+03:00\"\nid: Ключ\ncolumns:\n"
    "  Телефон: phone\n  Сумма: {field: fields.amount, as: number}\n"
    "  Дата: {field: clicked_at, as: time, format: dd.mm.yyyy}\n  Прочее: \"\"\n"
    "constants: {vertical: microloan, is_test: true}\n";

struct loaded {
	struct arena arena;
	struct import_map map;
	struct import_header header;
};

static struct loaded *load(const char *text, const struct slice *cells, size_t count)
{
	struct yaml_faults faults = {.file = "map"};
	struct loaded *l = calloc(1, sizeof(*l));
	struct error error;

	assert_non_null(l);
	write_file("map.yaml", text, strlen(text));
	assert_true(import_map_load(&l->arena, path_of("map.yaml"), &l->map, &faults));
	assert_int_equal(import_header_bind(&l->arena, &l->map, cells, count, &l->header, &error),
			 RESULT_OK);
	yaml_faults_free(&faults);
	return l;
}

static void unload(struct loaded *l)
{
	arena_free(&l->arena);
	free(l);
}

static void columns_may_stand_in_any_order(_unused_ void **state)
{
	struct slice header[] = {SLICE("Прочее"), SLICE("Дата"), SLICE("Ключ"), SLICE("Сумма"),
				 SLICE("Телефон")};
	struct slice row[] = {SLICE("x"), SLICE("05.09.2026"), SLICE("7"), SLICE("1 000"),
			      SLICE("89161234567")};
	struct loaded *l = load(map_text, header, ARRAY_LEN(header));
	struct buf body = {0}, reasons = {0};

	assert_int_equal(l->header.id_at, 2);
	assert_true(import_row_build(&l->map, &l->header, row, ARRAY_LEN(row), &body, &reasons));
	assert_string_equal(buf_cstr(&body),
			    "{\"vertical\":\"microloan\",\"is_test\":true,"
			    "\"clicked_at\":\"2026-09-04T21:00:00.000Z\",\"phone\":\"89161234567\","
			    "\"fields\":{\"amount\":1000}}");
	buf_free(&body);
	buf_free(&reasons);
	unload(l);
}

static void all_faults_of_a_row_are_named_at_once(_unused_ void **state)
{
	struct slice header[] = {SLICE("Ключ"), SLICE("Телефон"), SLICE("Сумма"), SLICE("Дата"),
				 SLICE("Прочее")};
	struct slice row[] = {SLICE(""), SLICE("\xff"), SLICE("x"), SLICE("y"), SLICE("")};
	struct loaded *l = load(map_text, header, ARRAY_LEN(header));
	struct buf body = {0}, reasons = {0};

	assert_false(import_row_build(&l->map, &l->header, row, ARRAY_LEN(row), &body, &reasons));
	assert_int_equal(body.len, 0);
	assert_non_null(strstr(buf_cstr(&reasons), "Ключ: the row has no id"));
	assert_non_null(strstr(buf_cstr(&reasons), "Телефон: not readable"));
	assert_non_null(strstr(buf_cstr(&reasons), "Сумма: expected a whole number"));
	assert_non_null(strstr(buf_cstr(&reasons), "Дата: expected a time like dd.mm.yyyy"));
	buf_reset(&reasons);
	assert_false(import_row_build(&l->map, &l->header, row, 3, &body, &reasons));
	assert_string_equal(buf_cstr(&reasons), "row: 3 cells, the header has 5");
	buf_free(&body);
	buf_free(&reasons);
	unload(l);
}

static void an_unknown_column_is_not_dropped_in_silence(_unused_ void **state)
{
	struct slice header[] = {SLICE("Ключ"), SLICE("Телефон"), SLICE("Сумма"),
				 SLICE("Дата"), SLICE("Прочее"),  SLICE("Email")};
	struct loaded *l = load(map_text, header, 5);
	struct error error;

	assert_int_equal(import_header_bind(&l->arena, &l->map, header, 6, &l->header, &error),
			 RESULT_BAD);
	assert_non_null(strstr(error.text, "Email"));
	assert_int_equal(import_header_bind(&l->arena, &l->map, header, 4, &l->header, &error),
			 RESULT_BAD);
	assert_non_null(strstr(error.text, "Прочее"));
	unload(l);
}

/* Rows as "a|b\n". */
static void note_row(void *ctx, const struct slice *cells, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		buf_append_slice(ctx, cells[i]);
		buf_append_char(ctx, i + 1 < count ? '|' : '\n');
	}
}

static void a_file_reads_as(const void *bytes, size_t len, const char *encoding, char delimiter,
			    const char *expected)
{
	struct buf rows = {0};
	struct error error;
	struct import_reader_options o = {.path = path_of("in.csv"),
					  .encoding = slice_cstr(encoding),
					  .delimiter = delimiter,
					  .quote = '"',
					  .on_row = note_row,
					  .ctx = &rows};
	struct import_reader *r;
	enum result result;

	write_file("in.csv", bytes, len);
	r = import_reader_open(&o, &error);
	assert_non_null(r);
	do
		result = import_reader_feed(r, &error);
	while (result == RESULT_OK);
	assert_int_equal(result, RESULT_AGAIN);
	assert_string_equal(buf_cstr(&rows), expected);
	import_reader_close(r);
	buf_free(&rows);
}

static void files_of_every_encoding_give_the_same_rows(_unused_ void **state)
{
	static const char utf8[] = "\xef\xbb\xbf"
				   "Имя;Город\r\n\"Ян; \"\"И\"\"\";Ош";
	static const char cp1251[] =
	    "\xc8\xec\xff;\xc3\xee\xf0\xee\xe4\r\n\"\xdf\xed; \"\"\xc8\"\"\";\xce\xf8\r\n";
	static const char koi8[] =
	    "\xe9\xcd\xd1;\xe7\xcf\xd2\xcf\xc4\n\"\xf1\xce; \"\"\xe9\"\"\";\xef\xdb\n";
	static const char utf16[] = "\xff\xfe\x18\x04;\0\n\0\x2f\x04;\0\n\0";
	static const char expected[] = "Имя|Город\nЯн; \"И\"|Ош\n";

	a_file_reads_as(utf8, sizeof(utf8) - 1, "utf-8", ';', expected);
	a_file_reads_as(cp1251, sizeof(cp1251) - 1, "windows-1251", ';', expected);
	a_file_reads_as(koi8, sizeof(koi8) - 1, "koi8-r", ';', expected);
	a_file_reads_as(utf16, sizeof(utf16) - 1, "utf-16", ';', "И|\nЯ|\n");
	a_file_reads_as("a\xd0;b\n", 5, "utf-8", ';', "a\xd0|b\n");
	a_file_reads_as("a\x98;b\n", 5, "windows-1251", ';', "a\xff|b\n");
}

static void a_character_may_lie_across_two_pieces_of_the_file(_unused_ void **state)
{
	static char bytes[2 * IMPORT_PIECE_BYTES];
	struct buf expected = {0};
	size_t len = 2;

	/* One letter of two bytes, then signs of four: one of them lies across the end of the first piece. */
	memcpy(bytes, "\x04\x18", 2);
	buf_append_cstr(&expected, "И");
	for (; len + 4 <= sizeof(bytes); len += 4) {
		memcpy(bytes + len, "\xd8\x3d\xde\x00", 4);
		buf_append_cstr(&expected, "\xf0\x9f\x98\x80");
	}
	buf_append_char(&expected, '\n');
	a_file_reads_as(bytes, len, "utf-16be", ';', buf_cstr(&expected));
	buf_free(&expected);
}

static void rejects_past_the_position_are_cut_when_it_goes_on(_unused_ void **state)
{
	struct import_state s, again;
	struct error error;
	struct import_files *f = import_files_open(path_of("x.csv"), SLICE("try"), &s, &error);
	char text[64] = "";
	FILE *file;

	assert_non_null(f);
	import_files_reject(f, SLICE("header\n"), &s);
	s.rows = 5, s.digest = 0x1234;
	assert_int_equal(import_files_keep(f, &s, &error), RESULT_OK);
	import_files_reject(f, SLICE("not kept\n"), &s);
	import_files_close(f);

	f = import_files_open(path_of("x.csv"), SLICE("try"), &again, &error);
	assert_non_null(f);
	assert_true(again.rows == 5 && again.digest == 0x1234 && again.rejects_bytes == 7);
	import_files_close(f);
	file = fopen(path_of("x.csv.rejects.csv"), "r");
	assert_non_null(file);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, file), 7);
	fclose(file);
	assert_string_equal(text, "header\n");
	assert_null(import_files_open(path_of("x.csv"), SLICE("other"), &again, &error));
	assert_non_null(strstr(error.text, "belongs to the import"));
}

static int set_up(_unused_ void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(_unused_ void **state)
{
	static const char *const names[] = {"map.yaml", "in.csv", "x.csv.import",
					    "x.csv.rejects.csv"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unlink(path_of(names[i]));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(dates_are_read_as_the_map_says),
	    cmocka_unit_test(what_spreadsheets_do_to_phones_is_undone),
	    cmocka_unit_test(a_whole_number_may_have_spaces_and_a_zero_fraction),
	    cmocka_unit_test(columns_may_stand_in_any_order),
	    cmocka_unit_test(all_faults_of_a_row_are_named_at_once),
	    cmocka_unit_test(an_unknown_column_is_not_dropped_in_silence),
	    cmocka_unit_test(files_of_every_encoding_give_the_same_rows),
	    cmocka_unit_test(a_character_may_lie_across_two_pieces_of_the_file),
	    cmocka_unit_test(rejects_past_the_position_are_cut_when_it_goes_on),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
