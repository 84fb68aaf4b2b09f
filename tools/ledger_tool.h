/* ledger_tool: what the commands about money share. */
#ifndef PUNNET_LEDGER_TOOL_H
#define PUNNET_LEDGER_TOOL_H

#include "payout/reports/reports.h"
#include "payout/store/store.h"
#include "tool.h"

/* NULL after having printed why. */
struct store *ledger_open(struct tool *t, const char *command);
/* A date alone is its first moment, in UTC. */
bool ledger_time(const char *text, int64_t *ret_ms);
/* --from and --to; without them, all until now. TOOL_DONE, or the exit status after having said why not. */
int ledger_period(const char *command, int *argc, char **argv, struct report_period *ret);
/* --csv and --json. */
enum report_format ledger_format(const struct tool *t, int *argc, char **argv);
/* Flushes the output; the exit status. */
int ledger_done(const char *command, enum result r, struct error *e);
/* --who, or whoever is logged in; NULL after having said that it is nobody. */
const char *ledger_who(const char *command, int *argc, char **argv);

#endif
