/* yaml: a YAML file (libyaml) as a tree with line numbers, and a place to collect what is wrong with it.
 *
 * Scalars keep their text; the reader of a key decides what it means. Aliases and duplicate keys are faults. Everything
 * lives in the arena. */
#ifndef PUNNET_YAML_H
#define PUNNET_YAML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/result.h"

#define YAML_DEPTH_MAX  32
#define YAML_NODES_MAX  2000000
#define YAML_FAULTS_MAX 20 /* more are counted, not listed */

enum yaml_type { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml {
	enum yaml_type type;
	bool quoted;       /* a scalar in quotes: text, whatever it looks like */
	int line;          /* from 1 */
	struct slice key;  /* when this is a value in a map */
	struct slice text; /* scalars */
	struct yaml *child, *next;
	uint32_t count; /* items of a list or map */
	bool seen;      /* yaml_get() found it: what is never asked for is unknown to the reader */
};

struct yaml_faults {
	const char *file;
	struct buf text; /* one "file:line: what" a line */
	size_t count;
};

/* NULL on a syntax fault, which is then in faults. */
struct yaml *yaml_parse(struct arena *a, struct slice text, struct yaml_faults *faults);
/* The file's text and tree; RESULT_BAD with a fault when it can't be read. */
struct yaml *yaml_load(struct arena *a, const char *path, struct yaml_faults *faults);
void yaml_fault(struct yaml_faults *f, int line, const char *fmt, ...) _printf_(3, 4);
void yaml_faults_free(struct yaml_faults *f);

struct yaml *yaml_get(const struct yaml *map, const char *key); /* NULL when absent, or not a map */
/* A fault for each member of the map that nobody asked for; `known` is the list to show. */
void yaml_refuse_unknown(const struct yaml *map, const char *what, const char *known,
			 struct yaml_faults *f);

/* Typed readers: false with a fault when the member is there but is not what was expected; absent leaves ret. */
bool yaml_text(const struct yaml *map, const char *key, struct slice *ret, struct yaml_faults *f);
bool yaml_int(const struct yaml *map, const char *key, int64_t least, int64_t most, int64_t *ret,
	      struct yaml_faults *f);
bool yaml_bool(const struct yaml *map, const char *key, bool *ret, struct yaml_faults *f);
bool yaml_time(const struct yaml *map, const char *key, int64_t *ret_ms, struct yaml_faults *f);

#endif
