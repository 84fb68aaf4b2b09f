/* scorecard_apply: pauses by rule. */
#ifndef PUNNET_SCORECARD_APPLY_H
#define PUNNET_SCORECARD_APPLY_H

#include "ledger_tool.h"

/* lifted: this advertiser's pause ends now, and nothing is judged; NULL: everybody with a rule is. The exit status. */
int scorecard_apply(struct tool *t, const char *lifted, bool dry);

#endif
