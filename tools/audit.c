/* punnet audit: reads everything, from outside the services, and says whether the promises hold.
 *
 * A round: the groups' commits; the ledger's moment; the ends of the topics, the flow's last first; the records; the
 * ledger. In this order what is below a commit has its consequence among what is read, so that "lost" is never a guess. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audit_read.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "payout/store/db.h"
#include "runtime/clock.h"
#include "tool.h"

#define DB_TIMEOUT_MS 10000
#define WATCH_MS      1000

struct auditing {
	struct tool *tool;
	struct scan *scan;
	struct db *ledger;
	struct audit *audit;
	int64_t mark; /* of the ledger as it was last read */
	bool read;
	struct audit_line lines[AUDIT_INVARIANTS];
	struct error error;
};

static enum result read_commits(struct auditing *w)
{
	const struct {
		enum audit_topic topic;
		enum scan_topic scan;
		const char *group;
	} stages[] = {
	    {AUDIT_RAW, SCAN_RAW, config_text(w->tool->config, "filter_worker", "group")},
	    {AUDIT_JUDGED, SCAN_JUDGED, "router-admit"},
	    {AUDIT_MARKET, SCAN_MARKET, "router-decide"},
	    {AUDIT_ROUTED, SCAN_ROUTED, "delivery"},
	};

	for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
		int32_t count = scan_partitions(w->scan, stages[i].scan);
		int64_t next[AUDIT_PARTITIONS_MAX];
		enum result r =
		    bus_committed(w->tool->bus, stages[i].group, audit_topic_name(stages[i].topic),
				  count, TOOL_TIMEOUT_MS, next, &w->error);

		if (r != RESULT_OK)
			return r;
		for (int32_t p = 0; p < count; p++)
			audit_committed(w->audit, stages[i].topic, (uint32_t)p, next[p]);
	}
	return RESULT_OK;
}

static enum result read_all(struct auditing *w)
{
	int64_t mark;
	enum result r = read_commits(w);

	if (r == RESULT_OK)
		r = audit_ledger_open(w->ledger, w->audit, &mark, &w->error);
	if (r == RESULT_OK)
		r = scan_measure(w->scan, &w->error);
	if (r == RESULT_OK)
		r = scan_read(w->scan, audit_take, w->audit, &w->error);
	if (r == RESULT_OK && (!w->read || mark != w->mark)) {
		r = audit_ledger_read(w->ledger, w->audit, &w->error);
		w->mark = mark;
		w->read = true;
	}
	audit_ledger_close(w->ledger);
	if (r == RESULT_OK)
		audit_report(w->audit, w->lines);
	return r;
}

/* --- saying it --- */

static const char *state_of(const struct audit_line *l)
{
	return l->broken ? "BROKEN" : l->pending ? "pending" : "fine";
}

static void print_json(const struct auditing *w, enum audit_invariant i)
{
	const struct audit_line *l = &w->lines[i];
	struct buf b = {0};

	buf_printf(&b,
		   "{\"invariant\":\"%s\",\"state\":\"%s\",\"count\":%llu,\"pending\":%llu,"
		   "\"broken\":%llu,\"lost\":%llu,\"twice\":%llu,\"hash\":\"%016llx\",\"first\":",
		   audit_name(i), l->broken ? "broken" : state_of(l), (unsigned long long)l->count,
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
	const struct audit_line *l = &w->lines[i];

	printf("%-8s %-18s %10llu", state_of(l), audit_name(i), (unsigned long long)l->count);
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
		lost += w->lines[i].lost;
		twice += w->lines[i].twice;
		broken += w->lines[i].broken;
		pending += w->lines[i].pending;
	}
	books = w->lines[AUDIT_TRANSFERS].broken + w->lines[AUDIT_PAID_ONCE].broken +
		w->lines[AUDIT_BALANCES].broken;
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

static int print_all(const struct auditing *w)
{
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++) {
		if (w->tool->json)
			print_json(w, (enum audit_invariant)i);
		else
			print_text(w, (enum audit_invariant)i);
	}
	return print_verdict(w) ? TOOL_DONE : TOOL_FOUND;
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
			const char *state = state_of(&w->lines[i]);

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
		r = read_all(w);
	}
	if (r != RESULT_OK)
		return tool_fail("audit", r, &w->error);
	status = print_verdict(w) ? TOOL_DONE : TOOL_FOUND;
	return status;
}

int command_audit(struct tool *t, int argc, char **argv)
{
	struct auditing w = {.tool = t};
	bool watching = tool_flag(&argc, argv, "--watch");
	enum result r = RESULT_AWAY;
	int status;

	if (argc > 1)
		return tool_usage("audit", "unexpected \"%s\"", argv[1]);
	if (!tool_bus(t, "audit"))
		return TOOL_AWAY;
	w.audit = audit_new();
	w.scan = scan_open(t->bus, &w.error);
	if (w.scan)
		w.ledger = db_open(config_text(t->config, "common", "db"), DB_TIMEOUT_MS, &w.error);
	if (w.ledger)
		r = read_all(&w);
	if (r != RESULT_OK)
		status = tool_fail("audit", r, &w.error);
	else
		status = watching ? watch(&w) : print_all(&w);
	if (w.ledger)
		db_close(w.ledger);
	scan_close(w.scan);
	audit_free(w.audit);
	return status;
}
