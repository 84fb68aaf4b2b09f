/* config_table: config.def as a table, and what its types mean. Private to config*.c. */
#ifndef PUNNET_CONFIG_TABLE_H
#define PUNNET_CONFIG_TABLE_H

#include "base/buf.h"
#include "config.h"

enum config_type { TEXT, INT, DURATION, SIZE, BOOL, FILE_PATH };

struct config_key {
	const char *section, *key; /* the section with '_' */
	enum config_type type;
	const char *fallback;
	int64_t least, most; /* both 0: no limits; TEXT: most bytes */
	const char *help;
};

struct config_value {
	char *text;
	int64_t integer;
	char *where; /* "punnet.yaml:41", "PUNNET_ROUTER_ADMIN" or "default" */
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

struct config {
	struct config_value *values; /* one for each of config_keys */
};

bool config_same_section(struct slice a, const char *b); /* '-' and '_' are the same letter */
/* The environment's name of a key: PUNNET_FILTER_WORKER_ADMIN. */
void config_env_name(const struct config_key *k, char *ret, size_t len);
/* The section as it is written in YAML: filter-worker. */
void config_section_name(const struct config_key *k, char *ret, size_t len);
/* Is this the first row of its section? The rows of a section need not stand together. */
bool config_first_of_section(size_t i);
/* false when the text is no such value, or out of its limits. */
bool config_parse(const struct config_key *k, struct slice text, int64_t *ret);
void config_write_expected(const struct config_key *k,
			   struct buf *out); /* `a duration from 1s to 1h, …` */
void config_write_limits(const struct config_key *k, struct buf *out); /* `1s to 1h`, or nothing */
const char *config_type_name(enum config_type type);

#endif
