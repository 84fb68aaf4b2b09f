/* punnet topics: the table of proto/topics.yaml, made real. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "runtime/yaml.h"
#include "tool.h"
#include "topics.h"

#define TOPICS_MAX 32

struct topic_row {
	struct bus_topic_spec spec;
	const char *message;
};

static void read_topic(struct arena *a, struct yaml *item, struct topic_row *ret,
		       struct yaml_faults *f)
{
	struct slice name = {0}, message = {0}, retention = {0}, clean_up = {0}, time = {0},
		     unused = {0};
	int64_t partitions = 1;

	yaml_text(item, "name", &name, f);
	yaml_text(item, "message", &message, f);
	yaml_text(item, "key", &unused, f);
	yaml_text(item, "retention", &retention, f);
	yaml_text(item, "clean_up", &clean_up, f);
	yaml_text(item, "time", &time, f);
	yaml_int(item, "partitions", 1, 10000, &partitions, f);
	yaml_get(item, "producer");
	yaml_get(item, "consumers");
	yaml_refuse_unknown(
	    item, "topic",
	    "name, message, key, partitions, retention, clean_up, time, producer, consumers", f);
	*ret = (struct topic_row){.message = arena_cstr(a, message),
				  .spec = {.name = arena_cstr(a, name),
					   .partitions = (int32_t)partitions,
					   .retention_ms = -1,
					   .compact = slice_is(clean_up, "compact"),
					   .append_time = slice_is(time, "append")}};
	if (!slice_is(retention, "forever") &&
	    !time_parse_duration(retention, &ret->spec.retention_ms))
		yaml_fault(f, item->line,
			   "retention: \"" SLICE_FMT
			   "\": expected a duration, for example 30d, or forever",
			   SLICE_ARG(retention));
	if (name.len == 0)
		yaml_fault(f, item->line, "expected a name");
}

static size_t read_topics(struct arena *a, const char *path, struct topic_row *ret,
			  struct yaml_faults *f)
{
	const struct yaml *list = yaml_get(yaml_load(a, path, f), "topics");
	size_t count = 0;

	if (f->count)
		return 0;
	if (!list || list->type != YAML_LIST) {
		yaml_fault(f, 1, "expected a list `topics`");
		return 0;
	}
	for (struct yaml *item = list->child; item; item = item->next) {
		if (count == TOPICS_MAX) {
			yaml_fault(f, item->line, "expected at most %d topics", TOPICS_MAX);
			break;
		}
		read_topic(a, item, &ret[count++], f);
	}
	return count;
}

int64_t topic_retention_ms(const char *name)
{
	static struct arena arena; /* of a table that is read once and kept */
	static struct topic_row rows[TOPICS_MAX];
	static size_t count;
	struct yaml_faults faults = {0};

	if (count == 0)
		count = read_topics(&arena, PUNNET_TOPICS_FILE, rows, &faults);
	yaml_faults_free(&faults);
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].spec.name, name) == 0)
			return rows[i].spec.retention_ms;
	return -1;
}

static int list_topics(const struct tool *t, const struct topic_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct bus_topic_spec *s = &rows[i].spec;

		if (t->json)
			printf("{\"topic\":\"%s\",\"message\":\"%s\",\"partitions\":%d,\"retention_"
			       "ms\":%lld,\"compact\":%s}\n",
			       s->name, rows[i].message, s->partitions, (long long)s->retention_ms,
			       s->compact ? "true" : "false");
		else
			printf("%-18s %-16s %3d partitions  %-9s %s\n", s->name, rows[i].message,
			       s->partitions, s->compact ? "compacted" : "",
			       s->append_time ? "append time" : "");
	}
	return TOOL_DONE;
}

static int apply_topics(struct tool *t, struct topic_row *rows, size_t count, int32_t replication)
{
	struct bus_topic_spec specs[TOPICS_MAX];
	struct error error = {0};
	size_t created = 0;
	enum result r;

	for (size_t i = 0; i < count; i++) {
		specs[i] = rows[i].spec;
		specs[i].replication = replication;
	}
	if (!tool_bus(t, "topics"))
		return TOOL_AWAY;
	r = bus_topics_apply(t->bus, specs, count, 3 * TOOL_TIMEOUT_MS, &created, &error);
	if (r != RESULT_OK)
		return tool_fail("topics", r, &error);
	if (t->json)
		printf("{\"topics\":%zu,\"created\":%zu}\n", count, created);
	else
		printf("%zu topics, %zu created\n", count, created);
	return TOOL_DONE;
}

int command_topics(struct tool *t, int argc, char **argv)
{
	_cleanup_(arena_free) struct arena arena = {0};
	struct topic_row rows[TOPICS_MAX];
	struct yaml_faults faults = {0};
	const char *replication = tool_option(&argc, argv, "--replication");
	const char *verb = argc > 1 ? argv[1] : "";
	size_t count = read_topics(&arena, argc > 2 ? argv[2] : PUNNET_TOPICS_FILE, rows, &faults);

	if (faults.count) {
		fputs(buf_cstr(&faults.text), stderr);
		yaml_faults_free(&faults);
		return TOOL_FOUND;
	}
	if (strcmp(verb, "list") == 0)
		return list_topics(t, rows, count);
	if (strcmp(verb, "apply") == 0)
		return apply_topics(t, rows, count, replication ? atoi(replication) : 0);
	return tool_usage("topics", "expected `apply` or `list`");
}
