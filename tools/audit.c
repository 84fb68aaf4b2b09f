/* punnet audit: reads everything, from outside the services, and says whether the promises hold. A round of reading is
 * audit_round.h's. */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audit_round.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "ledger_tool.h"
#include "runtime/clock.h"
#include "tool.h"

#define WATCH_MS   1000
#define TRACES_MAX 5 /* of the first offending records of one audit */

struct auditing {
	struct tool *tool;
	struct audit_round *round;
	struct audit_findings found;
	bool stages, traces;
	struct error error;
};

/* --- saying it --- */

static void print_json(const struct auditing *w, enum audit_invariant i)
{
	const struct audit_line *l = &w->found.lines[i];
	struct buf b = {0};

	buf_printf(&b,
		   "{\"invariant\":\"%s\",\"state\":\"%s\",\"count\":%llu,\"pending\":%llu,"
		   "\"broken\":%llu,\"lost\":%llu,\"twice\":%llu,\"hash\":\"%016llx\",\"first\":",
		   audit_name(i), audit_state(l), (unsigned long long)l->count,
		   (unsigned long long)l->pending, (unsigned long long)l->broken,
		   (unsigned long long)l->lost, (unsigned long long)l->twice,
		   (unsigned long long)l->hash);
	if (l->first[0])
		json_write_string(&b, slice_cstr(l->first));
	else
		buf_append_cstr(&b, "null");
	buf_append_char(&b, '}');
	puts(buf_cstr(&b));
	buf_free(&b);
}

static void print_text(const struct auditing *w, enum audit_invariant i)
{
	const struct audit_line *l = &w->found.lines[i];

	printf("%-8s %-18s %10llu", l->broken ? "BROKEN" : audit_state(l), audit_name(i),
	       (unsigned long long)l->count);
	if (l->pending)
		printf("  %llu pending", (unsigned long long)l->pending);
	if (l->broken)
		printf("  %llu broken: %s\n", (unsigned long long)l->broken, l->first);
	else
		printf("  %s\n", audit_holds(i));
}

static bool print_verdict(const struct auditing *w)
{
	uint64_t lost = 0, twice = 0, broken = 0, pending = 0, books = 0;

	for (size_t i = 0; i < AUDIT_INVARIANTS; i++) {
		lost += w->found.lines[i].lost;
		twice += w->found.lines[i].twice;
		broken += w->found.lines[i].broken;
		pending += w->found.lines[i].pending;
	}
	books = w->found.lines[AUDIT_TRANSFERS].broken + w->found.lines[AUDIT_PAID_ONCE].broken +
		w->found.lines[AUDIT_BALANCES].broken;
	if (w->tool->json)
		return broken == 0;
	printf("audit: %llu lost, %llu twice, books %s", (unsigned long long)lost,
	       (unsigned long long)twice, books ? "DO NOT balance" : "balance");
	if (broken > lost + twice)
		printf(", %llu wrong", (unsigned long long)(broken - lost - twice));
	if (pending)
		printf(", pending %llu", (unsigned long long)pending);
	putchar('\n');
	return broken == 0;
}

/* --- stage by stage --- */

static void stage_json(const struct auditing *w, enum audit_stage s)
{
	const struct audit_stage_line *l = &w->found.stages[s];
	const char *word;
	uint64_t count;

	printf("{\"stage\":\"%s\",\"in\":%llu,\"out\":%llu,\"behind\":%llu,\"behind_ms\":%lld,"
	       "\"dropped\":{",
	       audit_stage_name(s), (unsigned long long)l->in, (unsigned long long)l->out,
	       (unsigned long long)l->behind, (long long)l->behind_ms);
	for (size_t i = 0; audit_dropped(audit_round_tables(w->round), s, i, &word, &count); i++)
		printf("%s\"%s\":%llu", i ? "," : "", word, (unsigned long long)count);
	printf("}}\n");
}

static void stage_text(const struct auditing *w, enum audit_stage s)
{
	const struct audit_stage_line *l = &w->found.stages[s];
	const char *word;
	uint64_t count;

	printf("%-10s in %10llu  out %10llu  dropped %8llu  behind %6llu (%lld.%lld s)\n",
	       audit_stage_name(s), (unsigned long long)l->in, (unsigned long long)l->out,
	       (unsigned long long)l->dropped, (unsigned long long)l->behind,
	       (long long)l->behind_ms / 1000, (long long)l->behind_ms % 1000 / 100);
	for (size_t i = 0; audit_dropped(audit_round_tables(w->round), s, i, &word, &count); i++)
		printf("           %10llu %s\n", (unsigned long long)count, word);
}

static void print_stages(const struct auditing *w)
{
	for (int s = 0; s < AUDIT_STAGES && w->stages; s++) {
		if (w->tool->json)
			stage_json(w, s);
		else
			stage_text(w, s);
	}
}

/* --- the lives of those that were found --- */

/* The id that a finding names; false: it names none. */
static bool lead_named(const char *finding, char ret[LEAD_ID_TEXT_LEN + 1])
{
	const char *at = strstr(finding, "lead ");
	struct lead_id id;

	if (!at || strlen(at + 5) < LEAD_ID_TEXT_LEN)
		return false;
	memcpy(ret, at + 5, LEAD_ID_TEXT_LEN);
	ret[LEAD_ID_TEXT_LEN] = '\0';
	return lead_id_parse(slice_cstr(ret), &id);
}

static void print_traces(struct auditing *w)
{
	char id[LEAD_ID_TEXT_LEN + 1], shown[TRACES_MAX][LEAD_ID_TEXT_LEN + 1];
	int count = 0;

	for (size_t i = 0; i < AUDIT_INVARIANTS && w->traces && count < TRACES_MAX; i++) {
		char *argv[] = {"trace", id, NULL};
		bool before = false;

		if (!w->found.lines[i].broken || !lead_named(w->found.lines[i].first, id))
			continue;
		for (int k = 0; k < count; k++)
			before |= strcmp(shown[k], id) == 0;
		if (before)
			continue;
		memcpy(shown[count++], id, sizeof(id));
		printf("\n%s: %s\n", audit_name(i), w->found.lines[i].first);
		(void)command_trace(w->tool, 2, argv);
	}
}

static int print_all(struct auditing *w)
{
	bool fine;

	for (size_t i = 0; i < AUDIT_INVARIANTS; i++) {
		if (w->tool->json)
			print_json(w, (enum audit_invariant)i);
		else
			print_text(w, (enum audit_invariant)i);
	}
	print_stages(w);
	fine = print_verdict(w);
	if (w->found.letters_open && !w->tool->json)
		printf("audit: open dead letters: %zu; see `punnet dead-letters list`. The "
		       "oldest: %s\n",
		       w->found.letters_open, w->found.letter);
	print_traces(w);
	return fine ? TOOL_DONE : TOOL_FOUND;
}

/* --- watching --- */

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static int watch(struct auditing *w)
{
	const struct timespec pause = {.tv_sec = WATCH_MS / 1000};
	const char *shown[AUDIT_INVARIANTS] = {0};
	char now[TIME_TEXT_LEN + 1];
	enum result r = RESULT_OK;
	int status = TOOL_DONE;

	signal(SIGINT, interrupt);
	signal(SIGTERM, interrupt);
	while (!interrupted && r == RESULT_OK) {
		for (size_t i = 0; i < AUDIT_INVARIANTS; i++) {
			const char *state = audit_state(&w->found.lines[i]);

			if (shown[i] == state)
				continue;
			shown[i] = state;
			if (w->tool->json) {
				print_json(w, (enum audit_invariant)i);
				continue;
			}
			time_text(clock_now_ms(), now);
			printf("%s  ", now);
			print_text(w, (enum audit_invariant)i);
		}
		(void)fflush(stdout);
		(void)nanosleep(&pause, NULL);
		r = audit_round_read(w->round, &w->found, &w->error);
	}
	if (r != RESULT_OK)
		return tool_fail("audit", r, &w->error);
	status = print_verdict(w) ? TOOL_DONE : TOOL_FOUND;
	return status;
}

static int run(struct auditing *w, bool watching)
{
	enum result r = audit_round_read(w->round, &w->found, &w->error);

	if (r != RESULT_OK)
		return tool_fail("audit", r, &w->error);
	return watching ? watch(w) : print_all(w);
}

int command_audit(struct tool *t, int argc, char **argv)
{
	struct auditing w = {.tool = t};
	struct audit_round_settings settings = {
	    .db = config_text(t->config, "common", "db"),
	    .worker_group = config_text(t->config, "filter_worker", "group"),
	};
	bool watching = tool_flag(&argc, argv, "--watch");
	struct report_period period;
	int64_t now_ms = clock_now_ms();
	int status = ledger_period("audit", &argc, argv, &period);

	if (status != TOOL_DONE)
		return status;
	w.stages = tool_flag(&argc, argv, "--stages");
	w.traces = tool_flag(&argc, argv, "--trace");
	if (argc > 1)
		return tool_usage("audit", "unexpected \"%s\"", argv[1]);
	settings.from_ms = period.from_ms;
	settings.to_ms = period.to_ms <= now_ms ? period.to_ms : 0;
	randombytes_buf(&settings.key, sizeof(settings.key));
	if (!tool_bus(t, "audit"))
		return TOOL_AWAY;
	w.round = audit_round_open(t->bus, &settings, &w.error);
	status = w.round ? run(&w, watching) : tool_fail("audit", RESULT_AWAY, &w.error);
	audit_round_close(w.round);
	return status;
}
