/* replay_rules: see replay_rules.h. */
#include "tools/replay/replay_rules.h"

#include <stdlib.h>

#include "filter-worker/shell/rules_file.h"
#include "runtime/directory.h"

static struct known_rules *add(struct rulebook *b)
{
	struct known_rules *k = calloc(1, sizeof(*k));

	b->all = realloc(b->all, (b->count + 1) * sizeof(*b->all));
	if (!k || !b->all)
		abort();
	b->all[b->count++] = k;
	return k;
}

static void add_named(struct rulebook *b, const char *name)
{
	struct known_rules *k = b->all[b->count - 1];

	memcpy(k->name, name, MIN_OF(strlen(name), sizeof(k->name) - 1));
}

/* One that this version can't read any more stays out: its verdicts are then counted as those of unknown rules. */
static void add_published(struct rulebook *b, const Punnet__V1__RuleSet *set)
{
	struct yaml_faults faults = {.file = set->hash};

	if (b->count == REPLAY_RULESETS_MAX || rulebook_find(b, slice_cstr(set->hash)))
		return;
	if (rules_file_read(slice_cstr(set->text), &add(b)->set, &faults) == RESULT_OK)
		add_named(b, set->hash);
	else
		free(b->all[--b->count]);
	yaml_faults_free(&faults);
}

static enum result add_file(struct rulebook *b, const char *path, struct error *ret_error)
{
	struct yaml_faults faults = {.file = path};
	enum result r = RESULT_OK;

	if (rules_file_load(path, &add(b)->set, &faults) == RESULT_OK)
		add_named(b, b->all[b->count - 1]->set.hash);
	else
		r = error_set(ret_error, RESULT_BAD, "%s", buf_cstr(&faults.text));
	yaml_faults_free(&faults);
	return r;
}

static enum result add_directory(const struct replay *r, struct rulebook *b,
				 struct error *ret_error)
{
	struct bus *bus = replay_bus(r, ret_error);
	struct directory *d = bus ? directory_open(bus, TOOL_TIMEOUT_MS, ret_error) : NULL;
	const Punnet__V1__DirectoryEntry *e;

	for (size_t i = 0; d && directory_at(d, i, &e); i++)
		if (e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_RULE_SET)
			add_published(b, e->rule_set);
	directory_close(d);
	bus_close(bus);
	return d ? RESULT_OK : RESULT_AWAY;
}

enum result rulebook_open(const struct replay *r, struct rulebook *ret, struct error *ret_error)
{
	const char *file = config_text(r->tool->config, "filter_worker", "ruleset");
	enum result result;

	*ret = (struct rulebook){.count = 0};
	ruleset_standard(&add(ret)->set);
	add_named(ret, ret->all[0]->set.hash);
	result = file[0] ? add_file(ret, file, ret_error) : RESULT_OK;
	if (result == RESULT_OK)
		result = add_directory(r, ret, ret_error);
	if (result != RESULT_OK)
		rulebook_close(ret);
	return result;
}

void rulebook_close(struct rulebook *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(b->all[i]);
	free(b->all);
	*b = (struct rulebook){.count = 0};
}

const struct ruleset *rulebook_find(const struct rulebook *b, struct slice hash)
{
	for (size_t i = b->count; i > 0; i--)
		if (slice_is(hash, b->all[i - 1]->name))
			return &b->all[i - 1]->set;
	return NULL;
}
