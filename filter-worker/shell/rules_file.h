/* rules_file: a rule set from YAML. What is unknown, mistyped or out of its limits is a fault with file and line.
 *
 *     reject_at: 60
 *     filters:
 *       - resubmission                                  # with its defaults
 *       - phone_duplicate: {scope: vertical, window: 90d}
 *       - honeypot: {weight: 40, on_unknown: pass, enabled: false}
 *       - fill_time: {shadow: true, reject_below: 3s}    # said beside the verdict, without effect
 *     quarantine_at: 45                                 # optional: from this score on an operator looks, for so long
 *     quarantine_for: 24h
 *     quarantine_then: reject                           # or accept
 *     classes: {firms: [accounting, leasing]}           # verticals whose orders want the same of a lead
 *     scopes:                                           # for some leads other rules than the network's
 *       - vertical: osago                               # and, or: webmaster; or a class alone
 *         reject_at: 70
 *         filters: [phone_duplicate: {action: score, weight: 30}]
 *
 * A scope begins with the network's rules; its own take their places, by filter. */
#ifndef PUNNET_RULES_FILE_H
#define PUNNET_RULES_FILE_H

#include "filter-worker/core/ruleset.h"
#include "runtime/yaml.h"

/* Sealed. RESULT_BAD with the faults, one a line; ret is untouched then. */
_must_use_ enum result rules_file_load(const char *path, struct ruleset *ret,
				       struct yaml_faults *faults);
/* The same from text; faults->file names it. */
_must_use_ enum result rules_file_read(struct slice text, struct ruleset *ret,
				       struct yaml_faults *faults);
/* The whole language: every key of the file, of a scope and of a rule, beside which a rule has its filter's parameters; and
 * every word that is a value. What stands in no table is refused, whatever else the reader asks for. NULL ends. */
extern const char *const rules_file_keys[];
extern const char *const rules_scope_keys[];
extern const char *const rules_rule_keys[];
extern const char *const rules_words[];

/* As such a file, every value spelt out: what is read from it has the same hash. */
void rules_file_write(const struct ruleset *rs, struct buf *out);
void rules_write_duration(int64_t ms, struct buf *out); /* "90d", "1500ms" */
void rules_write_value(const struct filter_param *p, int64_t value, struct buf *out);

#endif
