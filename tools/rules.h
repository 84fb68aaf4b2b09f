/* rules: parts of `punnet rules` that have a file of their own. */
#ifndef PUNNET_RULES_H
#define PUNNET_RULES_H

#include "filter-worker/core/ruleset.h"
#include "tool.h"

/* Prints what b changes; true: they differ. */
bool rules_print_difference(const struct ruleset *a, const struct ruleset *b);
/* Which raw leads the rule set judged: a line for each run of verdicts in leads.judged, from this time on. An exit status. */
int rules_positions(struct tool *t, const char *hash, int64_t since_ms);
/* Every filter with its parameters, facts and reasons, as Markdown. An exit status. */
int rules_reference(void);

#endif
