/* tool: what the operator's commands share: options, servers, output. One command = one file, one line in the table of
 * punnet.c. Exit status: 0 done, 1 found something wrong, 2 usage, 3 could not reach a server. */
#ifndef PUNNET_TOOL_H
#define PUNNET_TOOL_H

#include "lead/codec.h"
#include "runtime/bus.h"
#include "runtime/config.h"
#include "runtime/directory.h"

#define TOOL_TIMEOUT_MS 10000
#define TOOL_STORE_TIMEOUT_MS                                                                      \
	60000 /* for an acknowledgement: a broker that has just started is slow */

enum tool_exit { TOOL_DONE = 0, TOOL_FOUND = 1, TOOL_USAGE = 2, TOOL_AWAY = 3 };

struct tool {
	struct config *config;
	bool json;     /* --json: lines of JSON instead of text */
	bool terminal; /* standard error is a terminal: progress may be shown */
	struct bus *bus;
	struct bus_producer *producer;
	size_t unacknowledged, failed;
};

struct command {
	const char *name, *summary;
	const char *help; /* what `punnet NAME --help` prints after the summary */
	int (*run)(struct tool *t, int argc, char **argv); /* argv[0] is the command's name */
};

int command_topics(struct tool *t, int argc, char **argv);
int command_directory(struct tool *t, int argc, char **argv);
int command_order(struct tool *t, int argc, char **argv);
int command_deliveries(struct tool *t, int argc, char **argv);
int command_postbacks(struct tool *t, int argc, char **argv);
int command_board(struct tool *t, int argc, char **argv);
int command_rules(struct tool *t, int argc, char **argv);
int command_lists(struct tool *t, int argc, char **argv);
int command_simulate(struct tool *t, int argc, char **argv);
int command_judge(struct tool *t, int argc, char **argv);
int command_quarantine(struct tool *t, int argc, char **argv);
int command_erase(struct tool *t, int argc, char **argv);
int command_keys(struct tool *t, int argc, char **argv);
int command_privacy(struct tool *t, int argc, char **argv);
int command_config(struct tool *t, int argc, char **argv);
int command_traffic(struct tool *t, int argc, char **argv);
int command_import(struct tool *t, int argc, char **argv);
int command_trace(struct tool *t, int argc, char **argv);
int command_replay(struct tool *t, int argc, char **argv);
int command_audit(struct tool *t, int argc, char **argv);
int command_dead_letters(struct tool *t, int argc, char **argv);
int command_summary(struct tool *t, int argc, char **argv);
int command_statement(struct tool *t, int argc, char **argv);
int command_books(struct tool *t, int argc, char **argv);
int command_funds(struct tool *t, int argc, char **argv);
int command_payouts(struct tool *t, int argc, char **argv);
int command_reconcile(struct tool *t, int argc, char **argv);
int command_scorecard(struct tool *t, int argc, char **argv);
int command_tiers(struct tool *t, int argc, char **argv);
int command_verdicts(struct tool *t, int argc, char **argv);

/* Prints "punnet COMMAND: text" and the hint to --help; TOOL_USAGE. */
int tool_usage(const char *command, const char *fmt, ...) _printf_(2, 3);
/* Prints the error; TOOL_AWAY for RESULT_AWAY, else TOOL_FOUND. */
int tool_fail(const char *command, enum result r, const struct error *e);

/* Opens the bus once; NULL after having printed why. */
struct bus *tool_bus(struct tool *t, const char *command);
/* Produces and waits at the end in tool_flush(). */
_must_use_ enum result tool_produce(struct tool *t, const char *topic, int32_t partition,
				    struct slice key, const ProtobufCMessage *message,
				    struct error *ret_error);
/* A tombstone for a compacted topic. */
_must_use_ enum result tool_forget(struct tool *t, const char *topic, int32_t partition,
				   struct slice key, struct error *ret_error);
_must_use_ enum result tool_flush(struct tool *t, struct error *ret_error);
void tool_close(struct tool *t);

/* Takes "--name VALUE" or "--name=VALUE" out of argv; NULL when absent. */
const char *tool_option(int *argc, char **argv, const char *name);
/* Takes "--name" out of argv. */
bool tool_flag(int *argc, char **argv, const char *name);

#endif
