/* ruleset_change: rules go into shadow beside those in force, and from there into force. Pure; the caller seals.
 *
 * A scope's own word stays. Where a scope says something else of a filter than the network does, or takes its rule away,
 * what the network tries or promotes does not reach it. */
#ifndef PUNNET_RULESET_CHANGE_H
#define PUNNET_RULESET_CHANGE_H

#include "ruleset.h"

enum change {
	CHANGE_MADE,
	CHANGE_NONE,
	/* The rule set is half changed, and of no use: */
	CHANGE_OTHER_CLASS, /* a class means other verticals in the two */
	CHANGE_NO_ROOM      /* RULES_MAX, CLASSES_MAX or SCOPES_MAX */
};

/* Every rule of `tried` that differs from the one in force (or has none) is put into shadow, and takes the place of what was
 * in shadow for its filter. What is in force stays, and so does what is in shadow for other filters. Rules that `tried`
 * lacks, and its limits, can't be tried so. */
_must_use_ enum change ruleset_shadow(struct ruleset *rs, const struct ruleset *tried);
/* What is in shadow takes the place of its counterpart in force, or goes into force where it stands. NULL: all filters. */
_must_use_ enum change ruleset_promote(struct ruleset *rs, const struct filter *only);
/* For the same leads as this scope; NULL: none. */
const struct rule_scope *ruleset_scope_like(const struct ruleset *rs, const struct rule_scope *s);

#endif
