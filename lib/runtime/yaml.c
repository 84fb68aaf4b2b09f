/* yaml: see yaml.h. One pass over libyaml's events; the tree is built by recursion, at most YAML_DEPTH_MAX deep. */
#include "yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <yaml.h>

#include "base/map.h"
#include "base/timefmt.h"

struct builder {
	yaml_parser_t parser;
	struct arena *arena;
	struct yaml_faults *faults;
	uint32_t nodes;
};

static struct yaml *build(struct builder *b, yaml_event_t *event, int depth);

void yaml_fault(struct yaml_faults *f, int line, const char *fmt, ...)
{
	char text[ERROR_TEXT_LEN];
	va_list args;

	f->count++;
	if (f->count > YAML_FAULTS_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (line > 0)
		buf_printf(&f->text, "%s:%d: %s\n", f->file, line, text);
	else
		buf_printf(&f->text, "%s: %s\n", f->file, text);
}

void yaml_faults_free(struct yaml_faults *f)
{
	buf_free(&f->text);
	f->count = 0;
}

static bool next_event(struct builder *b, yaml_event_t *ret)
{
	if (yaml_parser_parse(&b->parser, ret))
		return true;
	yaml_fault(b->faults, (int)b->parser.problem_mark.line + 1, "not YAML: %s",
		   b->parser.problem ? b->parser.problem : "unknown problem");
	return false;
}

static struct yaml *new_node(struct builder *b, enum yaml_type type, const yaml_event_t *event)
{
	struct yaml *node = arena_calloc(b->arena, 1, sizeof(*node));

	node->type = type;
	node->line = (int)event->start_mark.line + 1;
	return node;
}

static struct yaml *build_scalar(struct builder *b, yaml_event_t *event)
{
	struct yaml *node = new_node(b, YAML_SCALAR, event);

	node->text =
	    arena_dup(b->arena, slice_of(event->data.scalar.value, event->data.scalar.length));
	node->quoted = event->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
		       event->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	return node;
}

static struct yaml *build_list(struct builder *b, const yaml_event_t *start, int depth)
{
	struct yaml *list = new_node(b, YAML_LIST, start), **tail = &list->child;

	for (;;) {
		yaml_event_t event;
		struct yaml *item;
		bool end;

		if (!next_event(b, &event))
			return NULL;
		end = event.type == YAML_SEQUENCE_END_EVENT;
		item = end ? NULL : build(b, &event, depth + 1);
		yaml_event_delete(&event);
		if (end)
			return list;
		if (!item)
			return NULL;
		*tail = item;
		tail = &item->next;
		list->count++;
	}
}

/* One key and its value; *ret_end when the map is over. */
static struct yaml *build_member(struct builder *b, struct map *keys, int depth, bool *ret_end)
{
	yaml_event_t event;
	struct yaml *value = NULL;
	struct slice key;
	int line;

	if (!next_event(b, &event))
		return NULL;
	*ret_end = event.type == YAML_MAPPING_END_EVENT;
	line = (int)event.start_mark.line + 1;
	if (!*ret_end && event.type != YAML_SCALAR_EVENT)
		yaml_fault(b->faults, line, "expected a plain key");
	if (event.type != YAML_SCALAR_EVENT) {
		yaml_event_delete(&event);
		return NULL;
	}
	key = arena_dup(b->arena, slice_of(event.data.scalar.value, event.data.scalar.length));
	yaml_event_delete(&event);
	if (!next_event(b, &event))
		return NULL;
	value = build(b, &event, depth + 1);
	yaml_event_delete(&event);
	if (!value)
		return NULL;
	value->key = key;
	if (map_put(keys, key, value))
		yaml_fault(b->faults, line, "the key \"" SLICE_FMT "\" stands here twice",
			   SLICE_ARG(key));
	return value;
}

static struct yaml *build_map(struct builder *b, const yaml_event_t *start, int depth)
{
	struct yaml *map = new_node(b, YAML_MAP, start), **tail = &map->child;
	struct map keys = {0};
	bool end = false;

	for (;;) {
		struct yaml *member = build_member(b, &keys, depth, &end);

		if (!member)
			break;
		*tail = member;
		tail = &member->next;
		map->count++;
	}
	map_free(&keys);
	return end ? map : NULL;
}

static struct yaml *build(struct builder *b, yaml_event_t *event, int depth)
{
	int line = (int)event->start_mark.line + 1;

	if (depth > YAML_DEPTH_MAX || ++b->nodes > YAML_NODES_MAX) {
		yaml_fault(b->faults, line,
			   "too deep or too large: at most %d levels and %d values", YAML_DEPTH_MAX,
			   YAML_NODES_MAX);
		return NULL;
	}
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return build_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return build_list(b, event, depth);
	case YAML_MAPPING_START_EVENT:
		return build_map(b, event, depth);
	default:
		yaml_fault(b->faults, line,
			   "expected a value (anchors and aliases are not read here)");
		return NULL;
	}
}

struct yaml *yaml_parse(struct arena *a, struct slice text, struct yaml_faults *faults)
{
	struct builder b = {.arena = a, .faults = faults};
	struct yaml *root = NULL;

	if (!yaml_parser_initialize(&b.parser))
		abort();
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)(text.data ? text.data : ""),
				     text.len);
	for (bool more = true; more;) {
		yaml_event_t event;

		if (!next_event(&b, &event))
			break;
		more = event.type != YAML_STREAM_END_EVENT;
		if (event.type == YAML_SCALAR_EVENT || event.type == YAML_SEQUENCE_START_EVENT ||
		    event.type == YAML_MAPPING_START_EVENT || event.type == YAML_ALIAS_EVENT) {
			if (root)
				yaml_fault(faults, (int)event.start_mark.line + 1,
					   "expected one document");
			root = build(&b, &event, 0);
			more = root != NULL;
		}
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&b.parser);
	if (!root && faults->count == 0)
		yaml_fault(faults, 0, "the file is empty");
	return faults->count ? NULL : root;
}

struct yaml *yaml_load(struct arena *a, const char *path, struct yaml_faults *faults)
{
	FILE *file = fopen(path, "rb");
	struct buf text = {0};
	struct yaml *root;
	size_t n;

	faults->file = path;
	if (!file) {
		yaml_fault(faults, 0, "%s", strerror(errno));
		return NULL;
	}
	do {
		if (!buf_reserve(&text, 65536))
			break;
		n = fread(text.data + text.len, 1, 65536, file);
		text.len += n;
	} while (n > 0);
	fclose(file);
	root = text.failed ? NULL : yaml_parse(a, buf_slice(&text), faults);
	buf_free(&text);
	return root;
}

struct yaml *yaml_get(const struct yaml *map, const char *key)
{
	if (!map || map->type != YAML_MAP)
		return NULL;
	for (struct yaml *m = map->child; m; m = m->next) {
		if (slice_is(m->key, key)) {
			m->seen = true;
			return m;
		}
	}
	return NULL;
}

void yaml_refuse_unknown(const struct yaml *map, const char *what, const char *known,
			 struct yaml_faults *f)
{
	if (!map || map->type != YAML_MAP)
		return;
	for (const struct yaml *m = map->child; m; m = m->next)
		if (!m->seen)
			yaml_fault(f, m->line,
				   "%s: unknown key \"" SLICE_FMT "\": expected one of %s", what,
				   SLICE_ARG(m->key), known);
}

bool yaml_text(const struct yaml *map, const char *key, struct slice *ret, struct yaml_faults *f)
{
	const struct yaml *m = yaml_get(map, key);

	if (!m)
		return true;
	if (m->type != YAML_SCALAR) {
		yaml_fault(f, m->line, "%s: expected text", key);
		return false;
	}
	*ret = m->text;
	return true;
}

bool yaml_int(const struct yaml *map, const char *key, int64_t least, int64_t most, int64_t *ret,
	      struct yaml_faults *f)
{
	const struct yaml *m = yaml_get(map, key);
	int64_t value;

	if (!m)
		return true;
	if (m->type != YAML_SCALAR || !slice_to_int64(m->text, &value) || value < least ||
	    value > most) {
		yaml_fault(f, m->line,
			   "%s: \"" SLICE_FMT "\": expected a whole number from %lld to %lld", key,
			   SLICE_ARG(m->text), (long long)least, (long long)most);
		return false;
	}
	*ret = value;
	return true;
}

bool yaml_bool(const struct yaml *map, const char *key, bool *ret, struct yaml_faults *f)
{
	const struct yaml *m = yaml_get(map, key);

	if (!m)
		return true;
	if (m->type == YAML_SCALAR && (slice_is(m->text, "true") || slice_is(m->text, "false"))) {
		*ret = slice_is(m->text, "true");
		return true;
	}
	yaml_fault(f, m->line, "%s: expected true or false", key);
	return false;
}

bool yaml_time(const struct yaml *map, const char *key, int64_t *ret_ms, struct yaml_faults *f)
{
	const struct yaml *m = yaml_get(map, key);

	if (!m)
		return true;
	if (m->type == YAML_SCALAR && time_parse(m->text, ret_ms))
		return true;
	yaml_fault(f, m->line,
		   "%s: \"" SLICE_FMT "\": expected a time, for example 2026-12-01T00:00:00+03:00",
		   key, SLICE_ARG(m->text));
	return false;
}
