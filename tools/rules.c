/* punnet rules: the rule sets that the directory holds. Each stands there under its hash for ever, so that a verdict's rules
 * can be read; "rules/current" is a copy of the one in force, and what workers follow. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/timefmt.h"
#include "filter-worker/core/ruleset_change.h"
#include "filter-worker/shell/rules_file.h"
#include "rules.h"
#include "runtime/clock.h"

#define TEXT_MAX_BYTES (256 * 1024)
#define WHY_MAX        500
#define CLOCKS_MS      (10 * MS_PER_MIN) /* how far the clocks of operator and brokers may disagree */

struct rules {
	struct tool *tool;
	struct directory *directory;
	const char *who, *why;
	bool dry_run, all;
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

/* Names of the directory: a hash, or what is in force. Anything else needs no server. */
static bool is_published_name(const char *name)
{
	return strcmp(name, "current") == 0 ||
	       (strlen(name) == RULESET_HASH_LEN &&
		strspn(name, "0123456789abcdef") == RULESET_HASH_LEN);
}

/* By its name in the directory, "standard", or a file. */
static bool read_named(const struct rules *r, const char *name, struct ruleset *ret)
{
	const Punnet__V1__RuleSet *stored = is_published_name(name) ? published(r, name) : NULL;
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

static int diff(struct rules *r, const char *a, const char *b)
{
	static struct ruleset x, y;

	if (!read_named(r, a, &x) || !read_named(r, b, &y))
		return TOOL_FOUND;
	if (!rules_print_difference(&x, &y))
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

static void say_unknown_vertical(const struct rules *r, const char *name)
{
	if (name[0] && !directory_get(r->directory, "vertical", slice_cstr(name)))
		fprintf(stderr,
			"punnet rules: vertical %s is not in the directory: no lead has it\n",
			name);
}

static void say_unknown_verticals(const struct rules *r, const struct ruleset *rs)
{
	for (size_t i = 0; i < rs->scope_count; i++)
		say_unknown_vertical(r, rs->scopes[i].vertical);
	for (size_t i = 0; i < rs->class_count; i++) {
		for (size_t k = 0; k < rs->classes[i].count; k++)
			say_unknown_vertical(r, rs->classes[i].verticals[k]);
	}
}

/* Shows the difference first. */
static int publish_text(struct rules *r, const struct ruleset *now, const struct ruleset *next,
			struct buf *text)
{
	enum result result;

	if (!rules_print_difference(now, next)) {
		printf("%s is in force already\n", next->hash);
		return TOOL_DONE;
	}
	say_unknown_verticals(r, next);
	if (r->dry_run)
		return TOOL_DONE;
	result = put_both(r, next, text);
	if (result != RESULT_OK)
		return tool_fail("rules", result, &r->error);
	printf("%s is published\n", next->hash);
	return TOOL_DONE;
}

static int publish(struct rules *r, const char *path)
{
	static struct ruleset next, now;
	_cleanup_(buf_free) struct buf text = {0};

	if (!read_file(path, &text) || !read_text(path, buf_slice(&text), &next) ||
	    !read_named(r, "current", &now))
		return TOOL_FOUND;
	if (memchr(text.data, '\0', text.len)) {
		fprintf(stderr, "punnet rules: %s: expected a text without NUL\n", path);
		return TOOL_FOUND;
	}
	return publish_text(r, &now, &next, &text);
}

/* A rule set that was made here is published as it is read again: what can't stand in a file is refused like a file. */
static int publish_changed(struct rules *r, const struct ruleset *now, struct ruleset *next)
{
	static struct ruleset read_again;
	_cleanup_(buf_free) struct buf text = {0};

	ruleset_seal(next);
	rules_file_write(next, &text);
	if (!read_text("the changed rule set", buf_slice(&text), &read_again))
		return TOOL_FOUND;
	assert(strcmp(read_again.hash, next->hash) == 0);
	return publish_text(r, now, next, &text);
}

static int cant_be_made(enum change change)
{
	if (change == CHANGE_OTHER_CLASS) {
		fputs("punnet rules: a class means other verticals than in the rule set in force\n",
		      stderr);
		return TOOL_FOUND;
	}
	fprintf(stderr,
		"punnet rules: there is no room: at most %d rules in a list and %d scopes\n",
		RULES_MAX, SCOPES_MAX);
	return TOOL_FOUND;
}

/* Limits have no shadow: they are the sum's, and not a rule's. */
static void say_what_is_not_tried(const struct ruleset *now, const struct ruleset *tried)
{
	if (now->network.reject_at != tried->network.reject_at ||
	    now->network.quarantine_at != tried->network.quarantine_at)
		fputs("punnet rules: reject_at and quarantine_at differ from those in force, and "
		      "stay out of "
		      "it: only rules can be tried in shadow\n",
		      stderr);
}

static int shadow(struct rules *r, const char *path)
{
	static struct ruleset tried, now, next;
	_cleanup_(buf_free) struct buf text = {0};
	enum change change;

	if (!read_file(path, &text) || !read_text(path, buf_slice(&text), &tried) ||
	    !read_named(r, "current", &now))
		return TOOL_FOUND;
	next = now;
	say_what_is_not_tried(&now, &tried);
	change = ruleset_shadow(&next, &tried);
	switch (change) {
	case CHANGE_OTHER_CLASS:
	case CHANGE_NO_ROOM:
		return cant_be_made(change);
	case CHANGE_NONE:
		printf("every rule of %s is in force or in shadow already\n", path);
		return TOOL_DONE;
	case CHANGE_MADE:
		break;
	}
	return publish_changed(r, &now, &next);
}

static int promote_one(struct ruleset *next, const char *name)
{
	const struct filter *f = name ? filter_from_name(slice_cstr(name)) : NULL;
	enum change change;

	if (name && !f) {
		fprintf(stderr, "punnet rules: there is no filter \"%s\"\n", name);
		return TOOL_FOUND;
	}
	change = ruleset_promote(next, f);
	switch (change) {
	case CHANGE_OTHER_CLASS:
	case CHANGE_NO_ROOM:
		return cant_be_made(change);
	case CHANGE_NONE:
		fprintf(stderr, "punnet rules: %s%s\n", name ? name : "nothing is in shadow",
			name ? " is not in shadow" : "");
		return TOOL_FOUND;
	case CHANGE_MADE:
		break;
	}
	return TOOL_DONE;
}

static int promote(struct rules *r, char **names, int count)
{
	static struct ruleset now, next;
	int status = TOOL_DONE;

	if (!read_named(r, "current", &now))
		return TOOL_FOUND;
	next = now;
	if (count == 0)
		status = promote_one(&next, NULL);
	for (int i = 0; i < count && status == TOOL_DONE; i++)
		status = promote_one(&next, names[i]);
	return status == TOOL_DONE ? publish_changed(r, &now, &next) : status;
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

/* From its publishing on; what was never published, and all of it with --all, from the log's beginning. */
static int positions(const struct rules *r, const char *name)
{
	const Punnet__V1__RuleSet *s = published(r, name);
	static struct ruleset standard;
	int64_t since_ms = s && !r->all ? s->published_at_ms - CLOCKS_MS : 0;

	if (!s && strcmp(name, "standard") != 0 && strcmp(name, "current") != 0) {
		fprintf(stderr, "punnet rules: no rule set \"%s\" was published\n", name);
		return TOOL_FOUND;
	}
	if (!s)
		ruleset_standard(&standard);
	return rules_positions(r->tool, s ? s->hash : standard.hash, MAX_OF(since_ms, 0));
}

static const struct {
	const char *name;
	int argc_least, argc_most; /* the verb itself counts */
	bool publishes;
} verbs[] = {
    {"check", 2, 2, false},   {"publish", 2, 2, true},    {"shadow", 2, 2, true},
    {"promote", 1, 64, true}, {"list", 1, 1, false},      {"show", 1, 2, false},
    {"diff", 3, 3, false},    {"positions", 1, 2, false}, {"reference", 1, 1, false},
};

static const char *usage_fault(const struct rules *r, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	size_t i = 0;

	while (i < ARRAY_LEN(verbs) && strcmp(verb, verbs[i].name) != 0)
		i++;
	if (i == ARRAY_LEN(verbs) || argc - 1 < verbs[i].argc_least ||
	    argc - 1 > verbs[i].argc_most)
		return "expected check FILE, publish FILE, shadow FILE, promote [FILTER…], list, "
		       "show [HASH], positions [HASH], diff A B or reference";
	if (!verbs[i].publishes)
		return NULL;
	if (!r->dry_run && (!r->why || !r->why[0] || strlen(r->why) > WHY_MAX))
		return "expected --why TEXT, of at most 500 bytes: it stands in the directory";
	return r->who && r->who[0] ? NULL : "expected --who NAME: it stands in the directory";
}

static int run_verb(struct rules *r, int argc, char **argv)
{
	if (strcmp(argv[1], "publish") == 0)
		return publish(r, argv[2]);
	if (strcmp(argv[1], "shadow") == 0)
		return shadow(r, argv[2]);
	if (strcmp(argv[1], "promote") == 0)
		return promote(r, argv + 2, argc - 2);
	if (strcmp(argv[1], "list") == 0)
		return list(r);
	if (strcmp(argv[1], "show") == 0)
		return show(r, argc == 3 ? argv[2] : "current");
	if (strcmp(argv[1], "positions") == 0)
		return positions(r, argc == 3 ? argv[2] : "current");
	return diff(r, argv[2], argv[3]);
}

int command_rules(struct tool *t, int argc, char **argv)
{
	struct rules r = {.tool = t,
			  .who = tool_option(&argc, argv, "--who"),
			  .why = tool_option(&argc, argv, "--why"),
			  .dry_run = tool_flag(&argc, argv, "--dry-run"),
			  .all = tool_flag(&argc, argv, "--all")};
	const char *fault;
	int status;

	if (!r.who)
		r.who = getenv("USER");
	fault = usage_fault(&r, argc, argv);
	if (fault)
		return tool_usage("rules", "%s", fault);
	if (strcmp(argv[1], "check") == 0)
		return check(argv[2]); /* needs no server */
	if (strcmp(argv[1], "reference") == 0)
		return rules_reference(); /* nor does this */
	if (strcmp(argv[1], "diff") == 0 && !is_published_name(argv[2]) &&
	    !is_published_name(argv[3]))
		return diff(&r, argv[2], argv[3]);
	if (!tool_bus(t, "rules"))
		return TOOL_AWAY;
	r.directory = directory_open(t->bus, TOOL_TIMEOUT_MS, &r.error);
	status = r.directory ? run_verb(&r, argc, argv) : tool_fail("rules", RESULT_AWAY, &r.error);
	directory_close(r.directory);
	return status;
}
