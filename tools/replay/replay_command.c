/* punnet replay: see replay.h and docs/replay.md. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/replay/replay.h"

struct bus *replay_bus(const struct replay *r, struct error *ret_error)
{
	return bus_open_reading(r->url, "punnet-replay", ret_error);
}

static int usage(const char *text)
{
	return tool_usage("replay", "%s", text);
}

/* NULL: the options fit together. */
static const char *fault_of(const struct replay *r, const char *verb, const char *from,
			    const char *to)
{
	static struct replay_bound bound;
	bool verdicts = strcmp(verb, "verdicts") == 0, decisions = strcmp(verb, "decisions") == 0;

	if (!replay_bound_read(from, &bound) || !replay_bound_read(to, &bound))
		return "--from, --to: expected a date, a time, @OFFSET, or PARTITION@OFFSET,…";
	if (r->rules_file && !verdicts)
		return "--rules goes with verdicts";
	if (r->orders_file && !decisions)
		return "--orders goes with decisions";
	if (r->regather && !(verdicts && r->rules_file))
		return "--regather goes with verdicts --rules FILE";
	if (r->memory && !r->regather)
		return "--memory goes with --regather";
	if (r->state_file && (r->rules_file || r->orders_file || !(verdicts || decisions)))
		return "--state goes with verdicts and decisions that are compared, not changed";
	if (r->ledger_file && strcmp(verb, "lives") != 0)
		return "--ledger goes with lives";
	return NULL;
}

static int run(struct replay *r, const char *verb, const char *argument)
{
	if (strcmp(verb, "record") == 0)
		return argument ? replay_record(r, argument) : usage("record: expected a folder");
	if (argument)
		return usage("expected one of verdicts, decisions, lives, record FOLDER");
	if (strcmp(verb, "verdicts") == 0)
		return r->regather ? replay_regather(r) : replay_verdicts(r);
	if (strcmp(verb, "decisions") == 0)
		return r->orders_file ? replay_decisions_what_if(r) : replay_decisions(r);
	if (strcmp(verb, "lives") == 0)
		return replay_lives(r);
	return usage("expected one of verdicts, decisions, lives, record FOLDER");
}

static size_t threads_of(const char *text)
{
	int64_t n = sysconf(_SC_NPROCESSORS_ONLN);

	if (text && (!slice_to_int64(slice_cstr(text), &n) || n < 1))
		return 0;
	return (size_t)MIN_OF(MAX_OF(n, 1), REPLAY_THREADS_MAX);
}

int command_replay(struct tool *t, int argc, char **argv)
{
	static struct replay r; /* its bounds name every partition */
	const char *from = tool_option(&argc, argv, "--from");
	const char *to = tool_option(&argc, argv, "--to");
	const char *source = tool_option(&argc, argv, "--source");
	const char *fault;

	r.tool = t;
	r.url = source ? source : config_text(t->config, "common", "kafka");
	r.rules_file = tool_option(&argc, argv, "--rules");
	r.orders_file = tool_option(&argc, argv, "--orders");
	r.state_file = tool_option(&argc, argv, "--state");
	r.ledger_file = tool_option(&argc, argv, "--ledger");
	r.memory = tool_option(&argc, argv, "--memory");
	r.regather = tool_flag(&argc, argv, "--regather");
	r.threads = threads_of(tool_option(&argc, argv, "--threads"));
	if (argc < 2 || argc > 3)
		return usage("expected one of verdicts, decisions, lives, record FOLDER");
	if (r.threads == 0)
		return usage("--threads: expected a number from 1 on");
	fault = fault_of(&r, argv[1], from, to);
	if (fault)
		return usage(fault);
	(void)!replay_bound_read(from, &r.from);
	(void)!replay_bound_read(to, &r.to);
	return run(&r, argv[1], argv[2]);
}
