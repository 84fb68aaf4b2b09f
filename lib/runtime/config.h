/* config: punnet.yaml checked against config.def. An unknown key, a key given twice, a wrong type or a value out of its
 * limits is an error with file, line (or the environment variable) and what was expected:
 *
 *     punnet.yaml:41: router.snapshot_every: "5": expected a duration from 1s to 1h, for example "30s"
 *
 * In the name of a section '-' and '_' are the same letter: config.def says filter_worker, the file says filter-worker,
 * a look-up may say either. */
#ifndef PUNNET_CONFIG_H
#define PUNNET_CONFIG_H

#include "base/buf.h"
#include "base/result.h"

struct config;

/* path may be NULL: defaults and environment only. NULL on a fault; the error holds as many of the faults as fit, one a
 * line. */
struct config *config_load(const char *path, struct error *ret_error);
/* The same check, all faults (20 at most) as lines; returns how many there are. */
size_t config_faults(const char *path, struct buf *out);
void config_free(struct config *c);
/* Asserts on a (section, key, type) that config.def does not have: a bug, not bad input. */
const char *config_text(const struct config *c, const char *section, const char *key);
int64_t config_int(const struct config *c, const char *section,
		   const char *key); /* INT, DURATION (ms), SIZE (bytes) */
bool config_bool(const struct config *c, const char *section, const char *key);
/* Where the value comes from: "punnet.yaml:41", "PUNNET_ROUTER_ADMIN" or "default". */
const char *config_where(const struct config *c, const char *section, const char *key);

void config_write_reference(struct buf *out); /* docs/configuration.md */
void config_dump(const struct config *c,
		 struct buf *out); /* the values in force as YAML; passwords in URLs hidden */

#endif
