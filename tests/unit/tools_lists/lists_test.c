/* Lists from text files, and an advertiser's table of customers: whatever it spells, it meets the lead's fingerprint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter-worker/core/named_lists.h"
#include "lead/contact.h"
#include "tools/lists_customers.h"
#include "tools/lists_read.h"

static const uint8_t key[FINGERPRINT_KEY_LEN] = {7};

struct folder {
	char path[64];
	char *files[4];
	size_t count;
};

static struct folder folder_make(void)
{
	struct folder f = {.path = "/tmp/punnet-lists-XXXXXX"};

	assert_non_null(mkdtemp(f.path));
	return f;
}

static const char *put(struct folder *f, const char *name, const char *content)
{
	char *path;
	FILE *file;

	assert_true(asprintf(&path, "%s/%s", f->path, name) > 0);
	f->files[f->count++] = path;
	if (!content)
		return path;
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

static void folder_remove(const struct folder *f)
{
	for (size_t i = 0; i < f->count; i++) {
		(void)unlink(f->files[i]);
		free(f->files[i]);
	}
	assert_int_equal(rmdir(f->path), 0);
}

static void files_are_read_by_their_names(void **state)
{
	struct named_lists_builder *b = named_lists_builder_new();
	struct folder f = folder_make();
	struct lists_faults faults = {0};

	(void)state;
	put(&f, "free_domains.txt", "# a remark\nmail.ru\n\n  bk.ru # ours\n!gone.ru\n");
	put(&f, "free_domains.own.txt", "gone.ru\nlist.ru\n");
	put(&f, "README.md", "not a list\n");
	lists_read_folder(f.path, b, &faults);
	assert_int_equal(faults.count, 0);
	assert_int_equal(named_lists_built(b, LIST_FREE_DOMAINS), 3);
	named_lists_builder_free(b);
	folder_remove(&f);
}

static void a_fault_is_said_with_file_and_line(void **state)
{
	struct named_lists_builder *b = named_lists_builder_new();
	struct folder f = folder_make();
	struct lists_faults faults = {0};

	(void)state;
	put(&f, "free_domains.txt", "mail.ru\nnot a domain\n");
	put(&f, "freedomains.txt", "mail.ru\n");
	put(&f, "customers.txt", "00112233445566778899aabbccddeeff\n");
	lists_read_folder(f.path, b, &faults);
	assert_int_equal(faults.count, 3);
	assert_non_null(strstr(buf_cstr(&faults.text), "free_domains.txt:2: expected a domain"));
	assert_non_null(strstr(buf_cstr(&faults.text), "freedomains.txt: there is no such list"));
	assert_non_null(strstr(buf_cstr(&faults.text), "customers.txt:1: expected an owner"));
	buf_free(&faults.text);
	named_lists_builder_free(b);
	folder_remove(&f);
}

/* As the front door makes it of a lead. */
static struct slice owner_of(const struct lists *lists, enum fingerprint_domain domain,
			     const char *typed, const char *country)
{
	char normal[EMAIL_TEXT_MAX + 1];
	struct fingerprint print;

	if (domain == FINGERPRINT_PHONE)
		(void)phone_normalise(slice_cstr(typed), slice_cstr(country), normal);
	else
		(void)email_normalise(slice_cstr(typed), normal);
	print = fingerprint_of(key, domain, slice_cstr(normal));
	return named_lists_owner(lists, LIST_CUSTOMERS, print.bytes);
}

static void customers_in_any_spelling_meet_their_leads(void **state)
{
	struct named_lists_builder *b = named_lists_builder_new();
	struct folder f = folder_make();
	struct lists_faults faults = {0};
	struct error error = {0};
	struct customers_count count;
	struct customers_options o = {.phone_column = "Phone",
				      .email_column = "email",
				      .country = SLICE("RU"),
				      .delimiter = ';',
				      .key = key};
	_cleanup_(buf_free) struct buf bytes = {0};
	struct lists lists = {0};
	struct stat s;

	(void)state;
	o.table = put(&f, "table.csv",
		      "name;phone;email\nA;8 (916) 123-45-67;\nB;'89161234568;Anna@Mail.RU\n"
		      "C;;иван@почта.рф\nD;none;no address\n");
	o.out = put(&f, "customers.bank-a.txt", NULL);
	if (customers_convert(&o, &count, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	assert_int_equal(count.rows, 4);
	assert_int_equal(count.phones, 2);
	assert_int_equal(count.emails, 2);
	assert_int_equal(count.unreadable, 2);
	assert_int_equal(stat(o.out, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);

	lists_read_folder(f.path, b, &faults);
	assert_int_equal(faults.count, 0);
	named_lists_write(b, &bytes);
	lists.named = named_lists_open(buf_slice(&bytes), NULL);
	assert_non_null(lists.named);
	assert_true(
	    slice_is(owner_of(&lists, FINGERPRINT_PHONE, "+7 916 123 45 67", ""), "bank-a"));
	assert_true(slice_is(owner_of(&lists, FINGERPRINT_PHONE, "9161234568", "RU"), "bank-a"));
	assert_true(slice_is(owner_of(&lists, FINGERPRINT_EMAIL, "anna@mail.ru", ""), "bank-a"));
	assert_true(slice_is(owner_of(&lists, FINGERPRINT_EMAIL, "иван@xn--80a1acny.xn--p1ai", ""),
			     "bank-a"));
	assert_int_equal(owner_of(&lists, FINGERPRINT_PHONE, "+79161234569", "").len, 0);
	named_lists_free((struct named_lists *)lists.named);
	named_lists_builder_free(b);
	folder_remove(&f);
}

static void a_table_without_the_columns_leaves_nothing_behind(void **state)
{
	struct folder f = folder_make();
	struct error error = {0};
	struct customers_count count;
	struct customers_options o = {
	    .phone_column = "phone", .email_column = "email", .delimiter = ',', .key = key};

	(void)state;
	o.table = put(&f, "table.csv", "name,tel\nA,+79161234567\n");
	o.out = put(&f, "customers.bank-a.txt", NULL);
	assert_int_equal(customers_convert(&o, &count, &error), RESULT_BAD);
	assert_non_null(strstr(error.text, "neither a column phone nor a column email"));
	assert_int_not_equal(access(o.out, F_OK), 0);
	folder_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files_are_read_by_their_names),
	    cmocka_unit_test(a_fault_is_said_with_file_and_line),
	    cmocka_unit_test(customers_in_any_spelling_meet_their_leads),
	    cmocka_unit_test(a_table_without_the_columns_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
