/* keys_file: what `punnet directory apply` wrote down: keys (role,id,key) and, in secrets.csv beside them, signing secrets
 * (role,id,secret); and where the front door is. */
#ifndef PUNNET_KEYS_FILE_H
#define PUNNET_KEYS_FILE_H

#include "base/arena.h"
#include "tool.h"

/* The given path, PUNNET_KEYS_FILE, or the local stack's. In the arena. */
const char *keys_file_path(struct arena *a, const char *given);
/* The given URL, PUNNET_COLLECTOR_URL, or collector.listen of the configuration. In the arena. */
const char *keys_front_door(struct arena *a, const struct tool *t, const char *given);

struct keys_file; /* lives in the arena */
struct keys_file *keys_file_load(struct arena *a, const char *path, struct error *ret_error);
const char *keys_file_key(const struct keys_file *k, const char *role, struct slice id); /* NULL */
/* The bytes to sign with; empty when there is no usable secret. */
struct slice keys_file_signing_key(const struct keys_file *k, const char *role, struct slice id);

#endif
