/* punnet rules: the rule sets that the directory holds. Each stands there under its hash for ever, so that a verdict's rules
 * can be read; "rules/current" is a copy of the one in force, and what workers follow. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/timefmt.h"
#include "filter-worker/shell/rules_file.h"
#include "runtime/clock.h"
#include "tool.h"

#define TEXT_MAX_BYTES (256 * 1024)
#define WHY_MAX        500

struct rules {
	struct tool *tool;
	struct directory *directory;
	const char *who, *why;
	bool dry_run;
	struct error error;
};

/* --- reading --- */

/* false after having said why. */
static bool read_text(const char *name, struct slice text, struct ruleset *ret)
{
	struct yaml_faults faults = {.file = name};
	bool ok = rules_file_read(text, ret, &faults) == RESULT_OK;

	if (!ok)
		fputs(buf_cstr(&faults.text), stderr);
	yaml_faults_free(&faults);
	return ok;
}

static bool read_file(const char *path, struct buf *ret)
{
	FILE *f = fopen(path, "re");
	char chunk[4096];
	size_t got;

	if (!f) {
		fprintf(stderr, "punnet rules: %s can't be opened\n", path);
		return false;
	}
	ret->max = TEXT_MAX_BYTES;
	while ((got = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_append(ret, chunk, got);
	(void)fclose(f);
	if (ret->failed)
		fprintf(stderr, "punnet rules: %s: expected at most %d bytes\n", path,
			TEXT_MAX_BYTES);
	return !ret->failed;
}

static const Punnet__V1__RuleSet *published(const struct rules *r, const char *name)
{
	const Punnet__V1__DirectoryEntry *e =
	    directory_get(r->directory, "rules", slice_cstr(name));

	return e ? e->rule_set : NULL;
}

/* By its name in the directory, "standard", or a file. */
static bool read_named(const struct rules *r, const char *name, struct ruleset *ret)
{
	const Punnet__V1__RuleSet *stored = published(r, name);
	_cleanup_(buf_free) struct buf text = {0};

	if (stored)
		return read_text(name, slice_cstr(stored->text), ret);
	if (strcmp(name, "standard") == 0 || strcmp(name, "current") == 0) {
		ruleset_standard(ret); /* which is in force while nothing was published */
		return true;
	}
	return read_file(name, &text) && read_text(name, buf_slice(&text), ret);
}

/* --- comparing --- */

static bool has_line(struct slice text, struct slice line)
{
	while (text.len > 0) {
		const char *end = memchr(text.data, '\n', text.len);
		size_t len = end ? (size_t)(end - text.data) : text.len;

		if (slice_equal(slice_of(text.data, len), line))
			return true;
		len += end ? 1 : 0;
		text = slice_of(text.data + len, text.len - len);
	}
	return false;
}

/* The lines of a that b does not have. */
static size_t print_missing(struct slice a, struct slice b, char sign)
{
	size_t count = 0;

	while (a.len > 0) {
		const char *end = memchr(a.data, '\n', a.len);
		size_t len = end ? (size_t)(end - a.data) : a.len;
		struct slice line = slice_of(a.data, len);

		if (!has_line(b, line)) {
			printf("%c " SLICE_FMT "\n", sign, SLICE_ARG(line));
			count++;
		}
		len += end ? 1 : 0;
		a = slice_of(a.data + len, a.len - len);
	}
	return count;
}

/* true: they differ. The order of rules is told apart by the hash, and said in words. */
static bool print_difference(const struct ruleset *a, const struct ruleset *b)
{
	_cleanup_(buf_free) struct buf x = {0}, y = {0};
	size_t lines;

	if (strcmp(a->hash, b->hash) == 0)
		return false;
	ruleset_write(a, &x);
	ruleset_write(b, &y);
	lines = print_missing(buf_slice(&x), buf_slice(&y), '-');
	lines += print_missing(buf_slice(&y), buf_slice(&x), '+');
	if (lines == 0)
		puts("the rules stand in another order, or in other scopes");
	return true;
}

static int diff(struct rules *r, const char *a, const char *b)
{
	static struct ruleset x, y;

	if (!read_named(r, a, &x) || !read_named(r, b, &y))
		return TOOL_FOUND;
	if (!print_difference(&x, &y))
		puts("they mean the same");
	return TOOL_DONE;
}

/* --- publishing --- */

static enum result put(struct rules *r, const char *id, const struct ruleset *rs, struct buf *text)
{
	Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__RuleSet set = PUNNET__V1__RULE_SET__INIT;

	set.hash = (char *)rs->hash;
	set.text = (char *)buf_cstr(text);
	set.who = (char *)r->who;
	set.why = (char *)r->why;
	set.published_at_ms = clock_now_ms();
	entry.id = (char *)id;
	entry.revision = (uint64_t)set.published_at_ms;
	entry.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_RULE_SET;
	entry.rule_set = &set;
	return tool_produce(r->tool, "directory", 0, slice_cstr(id), &entry.base, &r->error);
}

/* The lasting one first: what is in force can always be looked up. */
static enum result put_both(struct rules *r, const struct ruleset *rs, struct buf *text)
{
	char id[sizeof("rules/") + RULESET_HASH_LEN];
	enum result result;

	(void)snprintf(id, sizeof(id), "rules/%s", rs->hash);
	result = put(r, id, rs, text);
	if (result == RESULT_OK)
		result = put(r, "rules/current", rs, text);
	return result == RESULT_OK ? tool_flush(r->tool, &r->error) : result;
}

static int publish(struct rules *r, const char *path)
{
	static struct ruleset next, now;
	_cleanup_(buf_free) struct buf text = {0};
	enum result result;

	if (!read_file(path, &text) || !read_text(path, buf_slice(&text), &next) ||
	    !read_named(r, "current", &now))
		return TOOL_FOUND;
	if (memchr(text.data, '\0', text.len)) {
		fprintf(stderr, "punnet rules: %s: expected a text without NUL\n", path);
		return TOOL_FOUND;
	}
	if (!print_difference(&now, &next)) {
		printf("%s is in force already\n", next.hash);
		return TOOL_DONE;
	}
	if (r->dry_run)
		return TOOL_DONE;
	result = put_both(r, &next, &text);
	if (result != RESULT_OK)
		return tool_fail("rules", result, &r->error);
	printf("%s is published\n", next.hash);
	return TOOL_DONE;
}

/* --- looking --- */

static int check(const char *path)
{
	static struct ruleset rs;
	_cleanup_(buf_free) struct buf text = {0};

	if (!read_file(path, &text) || !read_text(path, buf_slice(&text), &rs))
		return TOOL_FOUND;
	printf("%s: %zu rules, %zu scopes, %s\n", path, rs.network.count, rs.scope_count, rs.hash);
	return TOOL_DONE;
}

static void print_row(const struct rules *r, const Punnet__V1__RuleSet *s, bool in_force)
{
	_cleanup_(buf_free) struct buf out = {0};
	char at[TIME_TEXT_LEN + 1];

	time_text(s->published_at_ms, at);
	if (!r->tool->json) {
		printf("%c %s  %s  %s: %s\n", in_force ? '*' : ' ', s->hash, at, s->who, s->why);
		return;
	}
	buf_append_char(&out, '{');
	json_write_member(&out, "hash", slice_cstr(s->hash));
	buf_printf(&out, ",\"in_force\":%s,", in_force ? "true" : "false");
	json_write_member(&out, "published_at", slice_cstr(at));
	buf_append_char(&out, ',');
	json_write_member(&out, "who", slice_cstr(s->who));
	buf_append_char(&out, ',');
	json_write_member(&out, "why", slice_cstr(s->why));
	buf_append_char(&out, '}');
	puts(buf_cstr(&out));
}

static int list(const struct rules *r)
{
	const Punnet__V1__RuleSet *current = published(r, "current");
	const Punnet__V1__DirectoryEntry *e;

	for (size_t i = 0; directory_at(r->directory, i, &e); i++) {
		if (e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_RULE_SET &&
		    strcmp(e->id, "rules/current") != 0)
			print_row(r, e->rule_set,
				  current && strcmp(current->hash, e->rule_set->hash) == 0);
	}
	if (!current && !r->tool->json)
		puts("nothing was published: workers without a file of their own use the standard "
		     "rules");
	return TOOL_DONE;
}

static int show(const struct rules *r, const char *name)
{
	const Punnet__V1__RuleSet *s = published(r, name);

	if (!s) {
		fprintf(stderr, "punnet rules: no rule set \"%s\" was published\n", name);
		return TOOL_FOUND;
	}
	fputs(s->text, stdout);
	return TOOL_DONE;
}

static const char *usage_fault(const struct rules *r, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if ((strcmp(verb, "check") == 0 && argc == 3) || (strcmp(verb, "list") == 0 && argc == 2) ||
	    (strcmp(verb, "show") == 0 && argc <= 3) || (strcmp(verb, "diff") == 0 && argc == 4))
		return NULL;
	if (strcmp(verb, "publish") != 0 || argc != 3)
		return "expected check FILE, publish FILE, list, show [HASH] or diff A B";
	if (!r->dry_run && (!r->why || !r->why[0] || strlen(r->why) > WHY_MAX))
		return "expected --why TEXT, of at most 500 bytes: it stands in the directory";
	return r->who && r->who[0] ? NULL : "expected --who NAME: it stands in the directory";
}

static int run_verb(struct rules *r, int argc, char **argv)
{
	if (strcmp(argv[1], "publish") == 0)
		return publish(r, argv[2]);
	if (strcmp(argv[1], "list") == 0)
		return list(r);
	if (strcmp(argv[1], "show") == 0)
		return show(r, argc == 3 ? argv[2] : "current");
	return diff(r, argv[2], argv[3]);
}

int command_rules(struct tool *t, int argc, char **argv)
{
	struct rules r = {.tool = t,
			  .who = tool_option(&argc, argv, "--who"),
			  .why = tool_option(&argc, argv, "--why"),
			  .dry_run = tool_flag(&argc, argv, "--dry-run")};
	const char *fault;
	int status;

	if (!r.who)
		r.who = getenv("USER");
	fault = usage_fault(&r, argc, argv);
	if (fault)
		return tool_usage("rules", "%s", fault);
	if (strcmp(argv[1], "check") == 0)
		return check(argv[2]); /* needs no server */
	if (!tool_bus(t, "rules"))
		return TOOL_AWAY;
	r.directory = directory_open(t->bus, TOOL_TIMEOUT_MS, &r.error);
	status = r.directory ? run_verb(&r, argc, argv) : tool_fail("rules", RESULT_AWAY, &r.error);
	directory_close(r.directory);
	return status;
}
