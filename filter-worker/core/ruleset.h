/* ruleset: which filters run, in which order, and what their answers mean. Data; the shell reads it from YAML.
 *
 * Its hash is the BLAKE2b-128 of a canonical text in which every value stands, those left to their standard too. So
 * comments and layout don't change it, and two rule sets with one hash judge alike.
 *
 * A rule may be in shadow: it is asked like any other, and what it says stands beside the verdict, without effect. */
#ifndef PUNNET_RULESET_H
#define PUNNET_RULESET_H

#include "base/buf.h"
#include "filter.h"

#define RULES_MAX              96 /* of one list, those in shadow among them */
#define CLASSES_MAX            16
#define CLASS_VERTICALS_MAX    32
#define SCOPES_MAX             16
#define SCOPE_NAME_MAX         64
#define WEIGHT_MAX             1000
#define REJECT_AT_MAX          100000
#define RULESET_HASH_LEN       32 /* hex digits */
#define REJECT_AT_DEFAULT      60
#define QUARANTINE_FOR_MS      (24 * MS_PER_HOUR)
#define QUARANTINE_FOR_MOST_MS (30 * MS_PER_DAY)

/* What applies to a lead: rules in their order, and what their sum means. */
struct rule_list {
	int32_t reject_at;     /* a score from which a lead is rejected */
	int32_t quarantine_at; /* a lower score from which it waits for an operator; 0: none does */
	struct filter_rule rules[RULES_MAX];
	size_t count;
};

/* An order class: verticals whose orders want the same of a lead (firms, loans). A vertical is in one class at most. */
struct order_class {
	char name[SCOPE_NAME_MAX + 1];
	char verticals[CLASS_VERTICALS_MAX][SCOPE_NAME_MAX + 1]; /* sorted */
	size_t count;
};

/* A list for some leads only. Empty: any. A class stands alone. */
struct rule_scope {
	char order_class[SCOPE_NAME_MAX + 1];
	char vertical[SCOPE_NAME_MAX + 1], webmaster[SCOPE_NAME_MAX + 1];
	struct rule_list list;
};

struct ruleset {
	struct rule_list network;
	struct order_class classes[CLASSES_MAX]; /* sorted */
	size_t class_count;
	struct rule_scope scopes[SCOPES_MAX];
	size_t scope_count;
	int64_t quarantine_for_ms; /* how long an operator has */
	bool
	    quarantine_accepts; /* what happens then: the lead is let through, or (the standard) rejected */
	char hash[RULESET_HASH_LEN + 1]; /* set by ruleset_seal() */
};

struct filter_rule
rule_standard(const struct filter *f); /* with all of the filter's own defaults */
/* Every filter with its defaults, in the order of filters.def; sealed. */
void ruleset_standard(struct ruleset *ret);
/* Adds a rule. false: this filter has one already (one in force and one in shadow may stand side by side), or the list is
 * full. */
_must_use_ bool rule_list_add(struct rule_list *l, const struct filter_rule *rule);
/* Adds a class. false: there is one of this name already, another has one of its verticals, or there is no room. */
_must_use_ bool ruleset_add_class(struct ruleset *rs, const struct order_class *c);
const struct order_class *ruleset_class(const struct ruleset *rs,
					const char *name); /* NULL: none */
/* Adds a vertical at its place. false: it is there already, or there is no room. */
_must_use_ bool order_class_add(struct order_class *c, struct slice vertical);
bool order_class_has(const struct order_class *c, struct slice vertical);
/* The list for a lead: of the scope that fits it best (vertical and webmaster, then the webmaster's, then the vertical's,
 * then its class's), else the network's. One list applies and no other: scopes do not add up. */
const struct rule_list *ruleset_list(const struct ruleset *rs, struct slice vertical,
				     struct slice webmaster);
/* "vertical=osago webmaster=w17"; empty for the network's. */
void ruleset_scope_text(const struct ruleset *rs, const struct rule_list *l, struct buf *out);
/* The canonical text. */
void ruleset_write(const struct ruleset *rs, struct buf *out);
void ruleset_seal(struct ruleset *rs);
/* The claims that the rules ask for on behalf of a lead. A rule in shadow asks only for what no rule in force asks for. */
void rule_list_plan(const struct rule_list *l, const struct claim_subject *s,
		    struct claim_plan *ret);
/* Writes which two rules of one list take claims in different scopes; nothing where none do. A Redis Cluster can't take such
 * claims together. */
void ruleset_write_mixed_scopes(const struct ruleset *rs, struct buf *out);

#endif
