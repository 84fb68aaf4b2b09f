/* punnet lists: text files of domains, words, phones and fingerprints into the one file that filter workers map. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "filter-worker/core/named_lists.h"
#include "filter-worker/shell/lists_open.h"
#include "lists_customers.h"
#include "lists_read.h"
#include "runtime/keyring.h"
#include "tool.h"

#define COMPILED_MAX_BYTES (1U << 30)

/* --- compiling --- */

/* Put in place by rename, so that a worker sees the old file or the new one. */
static bool write_file(const char *folder, const struct buf *content)
{
	_cleanup_(buf_free) struct buf path = {0}, made = {0};
	bool written = false;
	FILE *f;

	buf_printf(&path, "%s/%s", folder, LISTS_NAMED_FILE);
	buf_printf(&made, "%s.%ld", buf_cstr(&path), (long)getpid());
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return false;
	f = fopen(buf_cstr(&made), "we");
	if (!f)
		return false;
	written = fwrite(content->data, 1, content->len, f) == content->len && fflush(f) == 0 &&
		  fsync(fileno(f)) == 0;
	written &= fclose(f) == 0;
	if (written && rename(buf_cstr(&made), buf_cstr(&path)) == 0)
		return true;
	(void)unlink(buf_cstr(&made));
	return false;
}

static int compile(int count, char *const *folders, const char *out)
{
	static const char *const standard[] = {PUNNET_LISTS_SOURCES, PUNNET_LISTS_OWN};
	struct named_lists_builder *b = named_lists_builder_new();
	_cleanup_(buf_free) struct buf content = {.max = COMPILED_MAX_BYTES};
	struct lists_faults faults = {0};
	int status = TOOL_FOUND;

	for (int i = 0; i < count; i++)
		lists_read_folder(folders[i], b, &faults);
	for (size_t i = 0; count == 0 && i < ARRAY_LEN(standard); i++)
		lists_read_folder(standard[i], b, &faults);
	if (faults.count > 0) {
		fprintf(stderr, "%spunnet lists: %zu faults; nothing is written\n",
			buf_cstr(&faults.text), faults.count);
	} else {
		named_lists_write(b, &content);
		if (!content.failed && write_file(out, &content))
			status = TOOL_DONE;
		else
			fprintf(stderr, "punnet lists: %s/%s can't be written\n", out,
				LISTS_NAMED_FILE);
	}
	buf_free(&faults.text);
	named_lists_builder_free(b);
	return status;
}

/* --- showing --- */

static void print_list(const struct tool *t, const struct lists *lists, enum list_name name)
{
	size_t count = named_lists_count(lists, name);

	if (t->json)
		printf("{\"list\":\"%s\",\"entries\":%zu}\n", list_text(name), count);
	else
		printf("%-18s  %8zu  %s\n", list_text(name), count, list_help(name));
}

static int show(const struct tool *t, const char *folder)
{
	struct error error = {0};
	struct lists_holder *h = lists_holder_open(folder, &error);
	const struct lists *lists;

	if (!h)
		return tool_fail("lists", RESULT_BAD, &error);
	lists = lists_holder_get(h);
	for (size_t i = 0; i < LIST_COUNT; i++)
		print_list(t, lists, (enum list_name)i);
	if (t->json)
		printf("{\"version\":\"%s\"}\n", lists->version);
	else
		printf("version %s\n",
		       lists->version[0] ? lists->version : "none: none are loaded");
	lists_holder_close(h);
	return TOOL_DONE;
}

/* --- customers --- */

static int customers(const struct tool *t, struct customers_options *o)
{
	struct error error = {0};
	struct customers_count count;
	struct keyring *keyring =
	    keyring_open(config_text(t->config, "common", "keys_dir"), false, &error);
	enum result r;

	if (!keyring)
		return tool_fail("lists", RESULT_BAD, &error);
	o->key = keyring_fingerprint_key(keyring);
	r = customers_convert(o, &count, &error);
	keyring_free(keyring);
	if (r != RESULT_OK)
		return tool_fail("lists", r, &error);
	printf("%s: %llu rows, %llu phones, %llu e-mails; %llu could not be read\n", o->out,
	       (unsigned long long)count.rows, (unsigned long long)count.phones,
	       (unsigned long long)count.emails, (unsigned long long)count.unreadable);
	return TOOL_DONE;
}

static int command_customers(const struct tool *t, int argc, char **argv, const char *out)
{
	const char *country = tool_option(&argc, argv, "--country");
	const char *phone = tool_option(&argc, argv, "--phone");
	const char *email = tool_option(&argc, argv, "--email");
	const char *delimiter = tool_option(&argc, argv, "--delimiter");
	_cleanup_(buf_free) struct buf path = {0};
	struct named_lists_builder *probe;
	const char *why;

	if (argc != 4 || !out || (delimiter && strlen(delimiter) != 1))
		return tool_usage("lists", "expected customers ADVERTISER FILE.csv --out FOLDER");
	probe = named_lists_builder_new();
	why = named_lists_add(probe, LIST_CUSTOMERS, SLICE("00000000000000000000000000000000"),
			      slice_cstr(argv[2]));
	named_lists_builder_free(probe);
	if (why)
		return tool_usage("lists", "%s: %s", argv[2], why);
	buf_printf(&path, "%s/%s.%s.txt", out, list_text(LIST_CUSTOMERS), argv[2]);
	return customers(t, &(struct customers_options){
				.table = argv[3],
				.out = buf_cstr(&path),
				.phone_column = phone ? phone : "phone",
				.email_column = email ? email : "email",
				.country = slice_cstr(country),
				.delimiter = delimiter ? delimiter[0] : ',',
			    });
}

int command_lists(struct tool *t, int argc, char **argv)
{
	const char *out = tool_option(&argc, argv, "--out");
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "compile") == 0)
		return compile(argc - 2, argv + 2, out ? out : lists_standard_folder());
	if (strcmp(what, "show") == 0 && argc <= 3)
		return show(t,
			    argc == 3 ? argv[2] : config_text(t->config, "filter_worker", "lists"));
	if (strcmp(what, "customers") == 0)
		return command_customers(t, argc, argv, out);
	return tool_usage("lists", "expected compile, show or customers");
}
