/* punnet trace: the whole life of a lead, from the topics and the ledger. */
#include <stdio.h>

#include "runtime/clock.h"
#include "trace.h"

#define DB_TIMEOUT_MS 10000

/* A life that has not come to an end says so. */
static void say_under_way(struct trace *t)
{
	static const char *const ends[] = {"rejected", "quarantined", "unsold", "status"};

	for (size_t i = 0; i < t->count; i++)
		for (size_t k = 0; k < ARRAY_LEN(ends); k++)
			if (strcmp(t->steps[i].what, ends[k]) == 0)
				return;
	trace_add(t, clock_now_ms(), "-", "under way")->text =
	    "what comes next has not been written yet";
}

static int trace_all(struct trace *t, const char *text)
{
	bool known = false;
	enum result r = trace_ledger(t); /* first: it says when to look for what came back */

	if (r == RESULT_OK)
		r = trace_topics(t, &known);
	if (r != RESULT_OK)
		return tool_fail("trace", r, &t->error);
	if (!known && t->count == 0) {
		fprintf(stderr,
			"punnet trace: lead %s was never received: leads.raw has nothing of it "
			"at the time that the id names, %s\n",
			text, trace_time(t, lead_id_time_ms(&t->id)));
		return TOOL_FOUND;
	}
	say_under_way(t);
	trace_print(t);
	return TOOL_DONE;
}

int command_trace(struct tool *tool, int argc, char **argv)
{
	struct trace t = {.tool = tool, .language = LANGUAGE_EN};
	const char *language = tool_option(&argc, argv, "--lang");
	int status;

	if (language && !language_from_code(slice_cstr(language), &t.language))
		return tool_usage("trace", "--lang %s: expected en or ru", language);
	if (argc != 2)
		return tool_usage("trace", "expected one lead id");
	if (!lead_id_parse(slice_cstr(argv[1]), &t.id))
		return tool_usage("trace", "\"%s\" is not a lead id", argv[1]);
	tool->bus = bus_open_looking(config_text(tool->config, "common", "kafka"), "punnet-trace",
				     &t.error);
	if (!tool->bus)
		return tool_fail("trace", RESULT_AWAY, &t.error);
	t.ledger = store_open(config_text(tool->config, "common", "db"), DB_TIMEOUT_MS, &t.error);
	status = t.ledger ? trace_all(&t, argv[1]) : tool_fail("trace", RESULT_AWAY, &t.error);
	store_close(t.ledger);
	arena_free(&t.arena);
	return status;
}
