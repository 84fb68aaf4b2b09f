/* ruleset: which filters run, in which order, and what their answers mean. Data; the shell reads it from YAML.
 *
 * Its hash is the BLAKE2b-128 of a canonical text in which every value stands, those left to their standard too. So
 * comments and layout don't change it, and two rule sets with one hash judge alike. */
#ifndef PUNNET_RULESET_H
#define PUNNET_RULESET_H

#include "base/buf.h"
#include "filter.h"

#define RULES_MAX         64
#define WEIGHT_MAX        1000
#define REJECT_AT_MAX     100000
#define RULESET_HASH_LEN  32 /* hex digits */
#define REJECT_AT_DEFAULT 60

struct ruleset {
	int32_t reject_at; /* a score from which a lead is rejected */
	struct filter_rule rules[RULES_MAX];
	size_t count;
	char hash[RULESET_HASH_LEN + 1]; /* set by ruleset_seal() */
};

struct filter_rule
rule_standard(const struct filter *f); /* with all of the filter's own defaults */
/* Every filter with its defaults, in the order of filters.def; sealed. */
void ruleset_standard(struct ruleset *ret);
/* Adds a rule. false: this filter has one already, or the set is full. */
_must_use_ bool ruleset_add(struct ruleset *rs, const struct filter_rule *rule);
/* The canonical text. */
void ruleset_write(const struct ruleset *rs, struct buf *out);
void ruleset_seal(struct ruleset *rs);
/* The claims that the rules ask for on behalf of a lead. */
void ruleset_plan(const struct ruleset *rs, const struct claim_subject *s, struct claim_plan *ret);

#endif
