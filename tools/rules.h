/* rules: parts of `punnet rules` that have a file of their own. */
#ifndef PUNNET_RULES_H
#define PUNNET_RULES_H

#include "tool.h"

/* Which raw leads the rule set judged: a line for each run of verdicts in leads.judged, from this time on. An exit status. */
int rules_positions(struct tool *t, const char *hash, int64_t since_ms);

#endif
