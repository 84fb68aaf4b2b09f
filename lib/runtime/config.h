/* config: punnet.yaml checked against config.def. An unknown key, a wrong type or a value out of its limits is an error
 * with file, line and what was expected. */
#ifndef PUNNET_CONFIG_H
#define PUNNET_CONFIG_H

#include "base/slice.h"
#include "base/result.h"

struct config;

/* path may be NULL: defaults and environment only. */
struct config *config_load(const char *path, struct error *ret_error);
void config_free(struct config *c);
/* Asserts on a (section, key, type) that config.def does not have: a bug, not bad input. */
const char *config_text(const struct config *c, const char *section, const char *key);
int64_t config_int(const struct config *c, const char *section, const char *key); /* INT, DURATION (ms), SIZE (bytes) */
bool config_bool(const struct config *c, const char *section, const char *key);

#endif
