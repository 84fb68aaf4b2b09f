/* config: see config.h. The file is read as YAML with its line numbers, checked whole, then the environment is laid
 * over it and checked in the same way. All faults are found, not only the first one. */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "config_table.h"

#define CONFIG_FILE_MAX_BYTES (1 << 20)
#define CONFIG_FAULTS_MAX     20
#define CONFIG_SHOWN_MAX      120 /* bytes of a wrong value that a fault repeats */

struct reading {
	struct config *config;
	const char *path;
	struct buf faults; /* lines */
	size_t fault_count;
};

_printf_(3, 4) static void fault(struct reading *r, const char *where, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	if (++r->fault_count > CONFIG_FAULTS_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	buf_printf(&r->faults, "%s%s: %s", r->faults.len ? "\n" : "", where, text);
}

static void set_value(struct reading *r, size_t i, struct slice text, const char *where)
{
	const struct config_key *k = &config_keys[i];
	struct config_value *v = &r->config->values[i];
	_cleanup_(buf_free) struct buf expected = {0};
	char section[64];
	int64_t integer;

	if (!config_parse(k, text, &integer)) {
		config_write_expected(k, &expected);
		config_section_name(k, section, sizeof(section));
		fault(r, where, "%s.%s: \"%.*s\": expected %s", section, k->key,
		      (int)MIN_OF(text.len, (size_t)CONFIG_SHOWN_MAX), text.len ? text.data : "",
		      buf_cstr(&expected));
		return;
	}
	free(v->text);
	free(v->where);
	v->text = strndup(text.len ? text.data : "", text.len);
	v->where = strdup(where);
	v->integer = integer;
	assert(v->text && v->where);
}

/* How many letters differ; only good enough to guess a slip of the finger. */
static size_t distance(const char *a, struct slice b)
{
	size_t row[64], n = strlen(a);

	if (b.len >= ARRAY_LEN(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t above = row[j], best = diagonal + (a[i - 1] != b.data[j - 1]);

			best = MIN_OF(best, above + 1);
			row[j] = MIN_OF(best, row[j - 1] + 1);
			diagonal = above;
		}
	}
	return row[b.len];
}

static void unknown_key(struct reading *r, const char *where, struct slice section,
			struct slice key)
{
	const char *near = NULL;
	size_t least = 4;

	for (size_t i = 0; i < config_key_count; i++) {
		size_t d = distance(config_keys[i].key, key);

		if (config_same_section(section, config_keys[i].section) && d < least) {
			least = d;
			near = config_keys[i].key;
		}
	}
	fault(r, where, SLICE_FMT "." SLICE_FMT ": unknown key%s%s%s", SLICE_ARG(section),
	      SLICE_ARG(key), near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void unknown_section(struct reading *r, const char *where, struct slice section)
{
	_cleanup_(buf_free) struct buf known = {0};
	char name[64];

	for (size_t i = 0; i < config_key_count; i++) {
		if (!config_first_of_section(i))
			continue;
		config_section_name(&config_keys[i], name, sizeof(name));
		buf_printf(&known, "%s%s", known.len ? ", " : "", name);
	}
	fault(r, where, SLICE_FMT ": unknown section; expected one of %s", SLICE_ARG(section),
	      buf_cstr(&known));
}

static bool section_known(struct slice section)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (config_same_section(section, config_keys[i].section))
			return true;
	}
	return false;
}

static struct slice scalar(const yaml_node_t *n)
{
	if (n->type != YAML_SCALAR_NODE)
		return (struct slice){0};
	return slice_of(n->data.scalar.value, n->data.scalar.length);
}

static void where_of(const struct reading *r, const yaml_node_t *n, char *ret, size_t len)
{
	snprintf(ret, len, "%s:%zu", r->path, n->start_mark.line + 1);
}

/* true when an earlier pair of the mapping has the same key. */
static bool is_repeat(yaml_document_t *d, const yaml_node_t *mapping, const yaml_node_pair_t *pair,
		      bool section)
{
	struct slice key = scalar(yaml_document_get_node(d, pair->key));
	char name[128];

	snprintf(name, sizeof(name), SLICE_FMT, SLICE_ARG(key));
	for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < pair; p++) {
		struct slice earlier = scalar(yaml_document_get_node(d, p->key));

		if (section ? config_same_section(earlier, name) : slice_equal(earlier, key))
			return true;
	}
	return false;
}

static void read_pair(struct reading *r, struct slice section, const yaml_node_t *key,
		      const yaml_node_t *value, bool repeated)
{
	struct slice name = scalar(key);
	char where[4200];

	where_of(r, key, where, sizeof(where));
	if (repeated) {
		fault(r, where, SLICE_FMT "." SLICE_FMT ": given twice", SLICE_ARG(section),
		      SLICE_ARG(name));
		return;
	}
	for (size_t i = 0; i < config_key_count; i++) {
		if (!config_same_section(section, config_keys[i].section) ||
		    !slice_is(name, config_keys[i].key))
			continue;
		where_of(r, value, where, sizeof(where));
		if (value->type == YAML_SCALAR_NODE)
			set_value(r, i, scalar(value), where);
		else
			fault(r, where,
			      SLICE_FMT ".%s: expected one value, not a list or a section",
			      SLICE_ARG(section), config_keys[i].key);
		return;
	}
	unknown_key(r, where, section, name);
}

static void read_section(struct reading *r, yaml_document_t *d, const yaml_node_t *key,
			 const yaml_node_t *body, bool repeated)
{
	struct slice section = scalar(key);
	char where[4200];

	where_of(r, key, where, sizeof(where));
	if (!section_known(section)) {
		unknown_section(r, where, section);
		return;
	}
	if (repeated) {
		fault(r, where, SLICE_FMT ": given twice", SLICE_ARG(section));
		return;
	}
	if (body->type == YAML_SCALAR_NODE && body->data.scalar.length == 0)
		return; /* a section with all its keys commented out */
	if (body->type != YAML_MAPPING_NODE) {
		fault(r, where, SLICE_FMT ": expected lines of `key: value` below it",
		      SLICE_ARG(section));
		return;
	}
	for (const yaml_node_pair_t *p = body->data.mapping.pairs.start;
	     p < body->data.mapping.pairs.top; p++)
		read_pair(r, section, yaml_document_get_node(d, p->key),
			  yaml_document_get_node(d, p->value), is_repeat(d, body, p, false));
}

static void read_document(struct reading *r, yaml_document_t *d)
{
	const yaml_node_t *root = yaml_document_get_root_node(d);
	char where[4200];

	if (!root || (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0))
		return; /* an empty file: all defaults */
	if (root->type != YAML_MAPPING_NODE) {
		where_of(r, root, where, sizeof(where));
		fault(r, where, "expected sections, for example \"router:\"");
		return;
	}
	for (const yaml_node_pair_t *p = root->data.mapping.pairs.start;
	     p < root->data.mapping.pairs.top; p++)
		read_section(r, d, yaml_document_get_node(d, p->key),
			     yaml_document_get_node(d, p->value), is_repeat(d, root, p, true));
}

static void read_yaml(struct reading *r, struct slice text)
{
	yaml_parser_t parser;
	char where[4200];

	for (int documents = 0;; documents++) {
		yaml_document_t d;
		bool end;

		if (documents == 0) {
			int ok = yaml_parser_initialize(&parser);

			assert(ok);
			yaml_parser_set_input_string(&parser, (const unsigned char *)text.data,
						     text.len);
		}
		if (!yaml_parser_load(&parser, &d)) {
			snprintf(where, sizeof(where), "%s:%zu", r->path,
				 parser.problem_mark.line + 1);
			fault(r, where, "not YAML: %s",
			      parser.problem ? parser.problem : "out of memory");
			break;
		}
		end = !yaml_document_get_root_node(&d);
		if (documents == 0)
			read_document(r, &d);
		else if (!end)
			fault(r, r->path, "more than one document; expected one");
		yaml_document_delete(&d);
		if (end || documents > 0)
			break;
	}
	yaml_parser_delete(&parser);
}

static void read_file(struct reading *r)
{
	_cleanup_(buf_free) struct buf text = {.max = CONFIG_FILE_MAX_BYTES};
	char block[4096];
	FILE *f = fopen(r->path, "re");
	size_t n;

	if (!f) {
		fault(r, r->path, "can't be read: %s", strerror(errno));
		return;
	}
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_append(&text, block, n);
	if (ferror(f))
		fault(r, r->path, "can't be read: %s", strerror(errno));
	else if (text.failed)
		fault(r, r->path, "larger than %d bytes", CONFIG_FILE_MAX_BYTES);
	else if (text.len)
		read_yaml(r, buf_slice(&text));
	fclose(f);
}

static void read_environment(struct reading *r)
{
	char name[128];

	for (size_t i = 0; i < config_key_count; i++) {
		config_env_name(&config_keys[i], name, sizeof(name));
		const char *value = getenv(name);

		if (value)
			set_value(r, i, slice_cstr(value), name);
	}
}

static void read_all(struct reading *r, const char *path)
{
	r->path = path;
	r->config = calloc(1, sizeof(*r->config));
	assert(r->config);
	r->config->values = calloc(config_key_count, sizeof(*r->config->values));
	assert(r->config->values);

	for (size_t i = 0; i < config_key_count; i++) {
		/* A path that stands in the table need not exist until somebody opens it. */
		if (config_keys[i].type == FILE_PATH) {
			r->config->values[i] = (struct config_value){
			    .text = strdup(config_keys[i].fallback), .where = strdup("default")};
			continue;
		}
		set_value(r, i, slice_cstr(config_keys[i].fallback), "default");
	}
	if (r->fault_count) {
		fprintf(stderr, "%s\n", buf_cstr(&r->faults));
		assert(!"config.def has a default that it does not allow");
	}
	if (path)
		read_file(r);
	read_environment(r);
}

struct config *config_load(const char *path, struct error *ret_error)
{
	struct reading r = {0};

	read_all(&r, path);
	if (r.fault_count == 0)
		return r.config;

	/* As many whole lines as an error holds; config_faults() has them all. */
	const char *text = buf_cstr(&r.faults);
	size_t shown = strlen(text);

	while (shown >= ERROR_TEXT_LEN - 32) {
		const char *cut = memrchr(text, '\n', shown);

		shown = cut ? (size_t)(cut - text) : ERROR_TEXT_LEN - 33;
	}
	(void)error_set(ret_error, RESULT_BAD, "%.*s%s", (int)shown, text,
			text[shown] ? "\n(and more faults)" : "");
	buf_free(&r.faults);
	config_free(r.config);
	return NULL;
}

size_t config_faults(const char *path, struct buf *out)
{
	struct reading r = {0};

	read_all(&r, path);
	buf_append_slice(out, buf_slice(&r.faults));
	if (r.fault_count > CONFIG_FAULTS_MAX)
		buf_printf(out, "\nand %zu more", r.fault_count - CONFIG_FAULTS_MAX);
	buf_free(&r.faults);
	config_free(r.config);
	return r.fault_count;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < config_key_count; i++) {
		free(c->values[i].text);
		free(c->values[i].where);
	}
	free(c->values);
	free(c);
}

static size_t find(const char *section, const char *key)
{
	for (size_t i = 0; i < config_key_count; i++) {
		if (config_same_section(slice_cstr(section), config_keys[i].section) &&
		    strcmp(config_keys[i].key, key) == 0)
			return i;
	}
	fprintf(stderr, "config.def has no %s.%s\n", section, key);
	assert(!"config.def does not have this key");
	return 0;
}

const char *config_text(const struct config *c, const char *section, const char *key)
{
	size_t i = find(section, key);

	assert(config_keys[i].type == TEXT || config_keys[i].type == FILE_PATH);
	return c->values[i].text;
}

int64_t config_int(const struct config *c, const char *section, const char *key)
{
	size_t i = find(section, key);
	enum config_type type = config_keys[i].type;

	assert(type == INT || type == DURATION || type == SIZE);
	return c->values[i].integer;
}

bool config_bool(const struct config *c, const char *section, const char *key)
{
	size_t i = find(section, key);

	assert(config_keys[i].type == BOOL);
	return c->values[i].integer != 0;
}

const char *config_where(const struct config *c, const char *section, const char *key)
{
	return c->values[find(section, key)].where;
}
