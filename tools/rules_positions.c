/* rules_positions: where in the log a rule set was taken over. A verdict names its rule set and its raw record, so the
 * answer is read off leads.judged: each partition holds one run of verdicts for every time that the rule set was in force
 * there. Offsets between two runs are another rule set's. */
#include <stdio.h>

#include "base/timefmt.h"
#include "proto/leads_judged.pb-c.h"
#include "rules.h"
#include "runtime/clock.h"
#include "scan.h"

#define SHOW_EVERY 4096 /* records between two looks at the clock */
#define SHOW_MS    500

struct run {
	uint64_t from, to; /* offsets in leads.raw */
	int64_t verdicts, first_ms, last_ms;
	uint32_t partition;
};

struct positions {
	struct tool *tool;
	const char *hash;
	struct run run; /* under way when it has verdicts */
	size_t runs;
	uint64_t read;
	int64_t shown_ms;
};

static void end_run(struct positions *p)
{
	char first[TIME_TEXT_LEN + 1], last[TIME_TEXT_LEN + 1];
	struct run run = p->run;

	p->run = (struct run){0};
	if (run.verdicts == 0)
		return;
	p->runs++;
	time_text(run.first_ms, first);
	time_text(run.last_ms, last);
	if (p->tool->json)
		printf("{\"partition\":%u,\"from\":%llu,\"to\":%llu,\"verdicts\":%lld,"
		       "\"first_judged_at\":\"%s\",\"last_judged_at\":\"%s\"}\n",
		       run.partition, (unsigned long long)run.from, (unsigned long long)run.to,
		       (long long)run.verdicts, first, last);
	else
		printf("leads.raw/%-3u %12llu to %-12llu %10lld verdicts  %s to %s\n",
		       run.partition, (unsigned long long)run.from, (unsigned long long)run.to,
		       (long long)run.verdicts, first, last);
}

static void show_progress(struct positions *p)
{
	int64_t now;

	if (!p->tool->terminal || ++p->read % SHOW_EVERY != 0)
		return;
	now = clock_now_ms();
	if (now - p->shown_ms < SHOW_MS)
		return;
	p->shown_ms = now;
	fprintf(stderr, "\rleads.judged: %llu verdicts read\033[K", (unsigned long long)p->read);
}

static void take(void *ctx, _unused_ enum scan_topic topic, const struct bus_record *record,
		 const void *message)
{
	struct positions *p = ctx;
	const Punnet__V1__JudgedLead *m = message;

	show_progress(p);
	if (!m || !m->source)
		return;
	if (strcmp(m->ruleset, p->hash) != 0 ||
	    (p->run.verdicts > 0 && p->run.partition != m->source->partition))
		end_run(p);
	if (strcmp(m->ruleset, p->hash) != 0)
		return;
	if (p->run.verdicts == 0)
		p->run = (struct run){.partition = m->source->partition,
				      .from = m->source->offset,
				      .first_ms = record->timestamp_ms};
	p->run.verdicts++;
	p->run.to = MAX_OF(p->run.to, m->source->offset);
	p->run.last_ms = record->timestamp_ms;
}

static enum result read_judged(struct positions *p, struct scan *scan, int64_t since_ms,
			       struct error *ret_error)
{
	enum result r;

	for (int t = 0; t < SCAN_TOPICS; t++)
		if (t != SCAN_JUDGED)
			scan_skip(scan, (enum scan_topic)t);
	r = scan_from(scan, SCAN_JUDGED, since_ms, ret_error);
	if (r == RESULT_OK)
		r = scan_measure(scan, ret_error);
	if (r == RESULT_OK)
		r = scan_read(scan, take, p, ret_error);
	if (r == RESULT_OK)
		end_run(p);
	if (p->shown_ms > 0)
		fputs("\r\033[K", stderr);
	return r;
}

int rules_positions(struct tool *t, const char *hash, int64_t since_ms)
{
	struct positions p = {.tool = t, .hash = hash};
	struct error error = {0};
	struct scan *scan = scan_open(t->bus, &error);
	enum result r = scan ? read_judged(&p, scan, since_ms, &error) : RESULT_AWAY;

	scan_close(scan);
	if (r != RESULT_OK)
		return tool_fail("rules", r, &error);
	if (p.runs == 0)
		fprintf(stderr, "punnet rules: %s has judged nothing yet\n", hash);
	return TOOL_DONE;
}
