/* An advertiser's list against our books: cells of every habit, and what is found of each lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "payout/core/life.h"
#include "tools/amount.h"
#include "tools/reconcile_core.h"
#include "tools/reconcile_state.h"
#include "tools/table_file.h"

static struct lead_id id_of(uint8_t n)
{
	struct lead_id id = {{0}};

	id.bytes[0] = 1;
	id.bytes[15] = n;
	return id;
}

static struct fingerprint phone_of(uint8_t n)
{
	struct fingerprint f = {.known = true};

	f.bytes[0] = n;
	return f;
}

static void ours(struct reconcile *r, uint8_t n, enum life_state state, int64_t price)
{
	struct our_lead l = {.id = id_of(n),
			     .state = (uint8_t)state,
			     .price_minor = price,
			     .vat_minor = price / 5,
			     .currency = "RUB",
			     .asked_for = true};

	reconcile_lead(r, &l);
}

static void theirs(struct reconcile *r, uint32_t number, uint8_t n, const char *status,
		   const char *amount)
{
	struct their_row row = {.number = number, .readable = true};

	if (n < 100)
		row.id = id_of(n);
	else
		row.phone = phone_of(n);
	row.said = reconcile_said(slice_cstr(status));
	row.has_amount = amount[0] != '\0';
	if (row.has_amount)
		row.readable = reconcile_amount(slice_cstr(amount), &row.amount_e4);
	reconcile_row(r, &row);
}

struct seen {
	size_t counts[CLASS_COUNT];
	char text[2000];
};

static void see(void *ctx, const struct reconcile_line *line)
{
	struct seen *s = ctx;
	size_t len = strlen(s->text);

	s->counts[line->class]++;
	snprintf(s->text + len, sizeof(s->text) - len, "%d %s: %s\n",
		 line->ours ? line->ours->id.bytes[15] : -(int)line->theirs->number,
		 reconcile_class_name(line->class), line->why);
}

static void each_lead_is_found_once_and_says_why(_unused_ void **state)
{
	struct reconcile r = {0};
	struct seen seen = {0};

	ours(&r, 1, LIFE_APPROVED, 45000);
	ours(&r, 2, LIFE_APPROVED, 45000);
	ours(&r, 3, LIFE_RETURNED, 45000);
	ours(&r, 4, LIFE_DELIVERED, 45000);
	ours(&r, 5, LIFE_REFUSED, 45000);
	ours(&r, 6, LIFE_APPROVED, 45000);
	ours(&r, 7, LIFE_APPROVED, 45000);
	theirs(&r, 1, 7, "approved", "540.00"); /* with the tax */
	theirs(&r, 2, 1, "Approved", "450");
	theirs(&r, 3, 2, "ok", "449,99");
	theirs(&r, 4, 3, "approved", "450");
	theirs(&r, 5, 5, "approved", "450");
	theirs(&r, 6, 6, "approved", "");
	theirs(&r, 7, 6, "approved", "");
	theirs(&r, 8, 9, "approved", "450");
	reconcile_compare(&r, see, &seen);
	assert_string_equal(seen.text,
			    "1 agreed: \n"
			    "2 differs: another amount\n"
			    "3 differs: another status\n"
			    "4 ours only: not in their list\n"
			    "5 theirs only: we did not sell it to them\n"
			    "6 agreed: \n"
			    "6 differs: the same lead stands in their list twice\n"
			    "7 agreed: \n"
			    "-8 theirs only: no lead of this id was ever offered to them\n");
	assert_int_equal(seen.counts[CLASS_AGREED], 3);
	reconcile_free(&r);
}

static void rows_without_a_lead_id_are_found_by_the_phone(_unused_ void **state)
{
	struct fingerprint phone = phone_of(100), other = phone_of(102);
	struct lead_id foreign = id_of(50), ids[] = {id_of(1), id_of(2)};
	struct reconcile r = {0};
	struct seen seen = {0};

	ours(&r, 1, LIFE_APPROVED, 45000);
	ours(&r, 2, LIFE_APPROVED, 30000);
	theirs(&r, 1, 101, "approved", "450"); /* a phone of nobody */
	theirs(&r, 2, 100, "approved", "450");
	theirs(&r, 3, 100, "approved", "300"); /* the same person, twice sold */
	assert_int_equal(reconcile_without_id(&r), 3);
	reconcile_phone(&r, &foreign, &phone); /* somebody else's lead with that phone */
	reconcile_phone(&r, &ids[0], &phone);
	reconcile_phone(&r, &ids[0], &phone); /* judged twice */
	reconcile_phone(&r, &ids[1], &phone);
	reconcile_phone(&r, &ids[1], &other);
	reconcile_compare(&r, see, &seen);
	assert_string_equal(seen.text, "-1 theirs only: no lead of theirs has this phone\n"
				       "1 agreed: \n2 agreed: \n");
	reconcile_free(&r);
}

/* --- interrupted --- */

#define LIST 6

/* Their list: phones alone, 100 to 105, of our leads 1 to 6; the first `found` of them were found. */
static void a_list(struct reconcile *r, int found)
{
	*r = (struct reconcile){0};
	for (uint8_t n = 0; n < LIST; n++) {
		ours(r, (uint8_t)(n + 1), LIFE_APPROVED, 45000);
		theirs(r, n, (uint8_t)(100 + n), "approved", "450");
	}
	(void)reconcile_without_id(r);
	for (uint8_t n = 0; n < found; n++) {
		struct fingerprint phone = phone_of((uint8_t)(100 + n));
		struct lead_id id = id_of((uint8_t)(n + 1));

		reconcile_phone(r, &id, &phone);
	}
}

static size_t count_found(const struct reconcile *r)
{
	size_t found = 0;

	for (size_t i = 0; i < r->row_count; i++)
		found += r->rows[i].id.bytes[0] != 0;
	return found;
}

static void what_was_found_before_an_interruption_is_found_after_it(_unused_ void **state)
{
	char out[] = "/tmp/punnet-reconcile-XXXXXX";
	struct reconcile r, again;
	struct error error;
	uint64_t name;

	assert_true(close(mkstemp(out)) == 0);
	a_list(&r, 4);
	name = reconcile_state_name(&r, "bank-a");
	assert_int_equal(reconcile_state_save(&r, name, 86400000, out, &error), RESULT_OK);
	a_list(&again, 0);
	assert_int_equal(reconcile_state_name(&again, "bank-a"), name); /* found or not */
	assert_int_equal(reconcile_state_load(&again, name, out), 86400000);
	assert_int_equal(count_found(&again), 4);
	for (size_t i = 0; i < LIST; i++)
		assert_true(lead_id_equal(&again.rows[i].id, &r.rows[i].id));
	reconcile_state_done(out);
	reconcile_free(&again);
	a_list(&again, 0);
	assert_int_equal(reconcile_state_load(&again, name, out), 0);
	unlink(out);
	reconcile_free(&r);
	reconcile_free(&again);
}

static void a_state_of_another_list_or_a_cut_one_is_not_used(_unused_ void **state)
{
	char out[] = "/tmp/punnet-reconcile-XXXXXX", path[64];
	struct reconcile r, other;
	struct error error;
	uint64_t name;
	long size;
	FILE *f;

	assert_true(close(mkstemp(out)) == 0);
	snprintf(path, sizeof(path), "%s.state", out);
	a_list(&r, 3);
	name = reconcile_state_name(&r, "bank-a");
	assert_int_equal(reconcile_state_save(&r, name, 86400000, out, &error), RESULT_OK);
	a_list(&other, 0);
	assert_int_equal(reconcile_state_load(&other, reconcile_state_name(&other, "bank-b"), out),
			 0);
	other.rows[2].phone.bytes[0]++;
	assert_int_equal(reconcile_state_load(&other, reconcile_state_name(&other, "bank-a"), out),
			 0);
	other.rows[2].phone.bytes[0]--;
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	fclose(f);
	for (long cut = size - 1; cut >= 0; cut--) {
		assert_int_equal(truncate(path, cut), 0);
		assert_int_equal(reconcile_state_load(&other, name, out), 0);
		assert_int_equal(count_found(&other), 0);
	}
	reconcile_state_done(out);
	unlink(out);
	reconcile_free(&r);
	reconcile_free(&other);
}

static void amounts_are_read_as_people_write_them(_unused_ void **state)
{
	static const struct {
		const char *cell;
		int64_t e4;
	} rows[] = {{"450", 4500000},
		    {"450.00", 4500000},
		    {"450,00", 4500000},
		    {"1 450,50", 14505000},
		    {"1\xc2\xa0"
		     "450,50",
		     14505000},
		    {"1,450", 14500000},
		    {"1,450.50", 14505000},
		    {"1.450,50", 14505000},
		    {"0.0108", 108},
		    {"1'450.5", 14505000},
		    {"", -1},
		    {"-450", -1},
		    {"450 RUB", -1},
		    {"1.23456", -1},
		    {"99999999999999999999", -1}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t e4 = -1;
		bool ok = reconcile_amount(slice_cstr(rows[i].cell), &e4);

		print_message("  \"%s\"\n", rows[i].cell);
		assert_int_equal(ok ? e4 : -1, rows[i].e4);
	}
}

static void what_an_operator_types_is_exact_or_refused(_unused_ void **state)
{
	struct money m;
	int64_t num, den;

	assert_true(amount_read("1500.5", "RUB", &m));
	assert_int_equal(m.amount_minor, 150050);
	assert_true(amount_read("1500", "JPY", &m));
	assert_int_equal(m.amount_minor, 1500);
	assert_false(amount_read("1500.5", "JPY", &m));
	assert_false(amount_read("1500.505", "RUB", &m));
	assert_false(amount_read("1,500", "RUB", &m));
	assert_false(amount_read("-1", "RUB", &m));
	assert_false(amount_read("", "RUB", &m));
	assert_false(amount_read("1", "XXQ", &m));
	assert_false(amount_read("99999999999999999999", "RUB", &m));
	assert_true(rate_read("100/9265", &num, &den));
	assert_int_equal(num, 100);
	assert_true(rate_read("0.0108", &num, &den));
	assert_int_equal(num, 108);
	assert_int_equal(den, 10000);
	assert_false(rate_read("0", &num, &den));
	assert_false(rate_read("1/0", &num, &den));
}

/* --- files --- */

struct table {
	char text[500];
};

static void on_row(void *ctx, const struct slice *cells, size_t number)
{
	struct table *t = ctx;
	size_t len = strlen(t->text);

	snprintf(t->text + len, sizeof(t->text) - len, "%zu " SLICE_FMT "|" SLICE_FMT "\n", number,
		 SLICE_ARG(cells[0]), SLICE_ARG(cells[1]));
}

static enum result read_table(const char *bytes, size_t len, const char *encoding,
			      struct table *ret)
{
	static const struct table_column columns[] = {{{"lead_id", "id"}, true},
						      {{"amount"}, false}};
	char path[] = "/tmp/punnet-table-XXXXXX";
	struct table_file f = {.path = path,
			       .encoding = encoding,
			       .columns = columns,
			       .count = 2,
			       .on_row = on_row,
			       .ctx = ret};
	struct error error = {0};
	int fd = mkstemp(path);
	enum result r;

	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	close(fd);
	*ret = (struct table){0};
	r = table_file_read(&f, &error);
	unlink(path);
	return r;
}

static void columns_are_found_whatever_their_order_and_the_files_habits(_unused_ void **state)
{
	static const char commas[] = "amount,Lead_ID\n450,a\n\n\"1,5\",b\n";
	static const char semicolons[] = "\xef\xbb\xbf"
					 "ID;x;amount\r\na; 1 ;450\r\n";
	static const char utf16[] = "\xff\xfe"
				    "i\0d\0\n\0a\0\n\0";
	static const char cp1251[] = "id;amount\n\xef\xf0\xe8;1\n";
	struct table t;

	assert_int_equal(read_table(commas, sizeof(commas) - 1, NULL, &t), RESULT_OK);
	assert_string_equal(t.text, "1 a|450\n2 b|1,5\n");
	assert_int_equal(read_table(semicolons, sizeof(semicolons) - 1, NULL, &t), RESULT_OK);
	assert_string_equal(t.text, "1 a|450\n");
	assert_int_equal(read_table(utf16, sizeof(utf16) - 1, NULL, &t), RESULT_OK);
	assert_string_equal(t.text, "1 a|\n");
	assert_int_equal(read_table(cp1251, sizeof(cp1251) - 1, "cp1251", &t), RESULT_OK);
	assert_string_equal(t.text, "1 при|1\n");
	assert_int_equal(read_table("x;y\n1;2\n", 8, NULL, &t), RESULT_BAD);
	assert_int_equal(read_table("", 0, NULL, &t), RESULT_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_lead_is_found_once_and_says_why),
	    cmocka_unit_test(rows_without_a_lead_id_are_found_by_the_phone),
	    cmocka_unit_test(what_was_found_before_an_interruption_is_found_after_it),
	    cmocka_unit_test(a_state_of_another_list_or_a_cut_one_is_not_used),
	    cmocka_unit_test(amounts_are_read_as_people_write_them),
	    cmocka_unit_test(what_an_operator_types_is_exact_or_refused),
	    cmocka_unit_test(columns_are_found_whatever_their_order_and_the_files_habits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
