/* replay_decisions: the market log folded once more, and every decision compared with its record, byte for byte.
 *
 * What the fold decides stands in leads.routed and leads.unsold, spread over their partitions; of one market partition each of
 * them holds a part, in order. So the records lead: they are read by their own time, of all partitions together; each
 * says which market record it was made from, and that market is folded as far as that. What it decides on the way
 * waits in a row for each partition (struct owed) until its record comes. A record that is not the next of its row has no
 * decision, and a decision that is passed over has no record. So nothing is waited for, and the rows stay short.
 *
 * A thread has some of the market's partitions and reads the records of all; with --threads 1 they are read once. */
#include "tools/replay/replay_decisions.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/clock.h"

static enum result take_state(struct decisions_run *run, int32_t partition, struct error *ret_error)
{
	struct market_part *p = &run->parts[partition];
	_cleanup_(buf_free) struct buf bytes = {.max = MARKET_ENCODED_MAX_BYTES};
	const char *why = "it can't be read";

	if (!run->state ||
	    !replay_state_take(run->state, partition, run->spans[partition], &p->s, &p->first) ||
	    p->s.next <= run->spans[partition].from)
		return RESULT_OK;
	if (replay_state_read_with(run->state, partition, p->s.next, &bytes))
		p->fold.market = market_decode(buf_slice(&bytes), (uint32_t)partition, &why);
	if (!p->fold.market)
		return error_set(ret_error, RESULT_BAD,
				 "%s: the state of market/%d beside it: %s; remove them to begin "
				 "anew",
				 run->replay->state_file, (int)partition, why);
	p->fold.folded = p->s.next - 1;
	p->from = p->s.next;
	return RESULT_OK;
}

static enum result plan(struct decisions_run *run, int64_t *ret_total, struct error *ret_error)
{
	const struct replay *r = run->replay;
	struct bus *bus = run->bus;
	enum result result = RESULT_OK;

	run->partitions = bus_partitions(bus, MARKET, REPLAY_ASK_MS);
	run->routed = bus_partitions(bus, ROUTED, REPLAY_ASK_MS);
	run->unsold = bus_partitions(bus, UNSOLD, REPLAY_ASK_MS);
	if (MIN_OF(MIN_OF(run->partitions, run->routed), run->unsold) <= 0 ||
	    MAX_OF(MAX_OF(run->partitions, run->routed), run->unsold) > REPLAY_PARTITIONS_MAX)
		return error_set(ret_error, RESULT_AWAY,
				 "the market's partitions can't be learned");
	run->parts = calloc((size_t)run->partitions, sizeof(*run->parts));
	assert(run->parts);
	*ret_total = 0;
	for (int32_t i = 0; i < run->partitions && result == RESULT_OK; i++) {
		struct market_part *p = &run->parts[i];
		struct replay_span *span = &run->spans[i];

		result = replay_span_of(bus, MARKET, i, &r->from, &r->to, span, ret_error);
		p->from = span->from;
		p->fold.folded = -1;
		p->s = (struct verdict_part_state){.next = span->from, .last = -1};
		if (result == RESULT_OK)
			result = take_state(run, i, ret_error);
		*ret_total += span->to - p->from;
	}
	return result;
}

static void print_part(const struct decisions_run *run, int32_t i)
{
	const struct verdict_part_state *s = &run->parts[i].s;
	struct replay_span span = run->spans[i];
	bool equal = s->different == 0;

	if (span.from >= span.to)
		return;
	if (run->replay->tool->json)
		printf("{\"kind\":\"partition\",\"topic\":\"" MARKET "\",\"partition\":%d,"
		       "\"from\":%lld,\"to\":%lld,\"records\":%llu,\"equal\":%llu,\"repeats\":%llu,"
		       "\"recorded\":\"%016llx\",\"recomputed\":\"%016llx\"}\n",
		       (int)i, (long long)span.from, (long long)span.to,
		       (unsigned long long)s->records, (unsigned long long)s->equal,
		       (unsigned long long)s->repeats, (unsigned long long)s->recorded_digest,
		       (unsigned long long)s->recomputed_digest);
	else
		printf("%s  " MARKET "/%-9d %10lld to %-10lld %10llu decisions  digest %016llx%s"
		       "%016llx\n",
		       equal ? "equal    " : "DIFFERENT", (int)i, (long long)span.from,
		       (long long)span.to, (unsigned long long)s->records,
		       (unsigned long long)s->recorded_digest, equal ? " = " : " <> ",
		       (unsigned long long)s->recomputed_digest);
}

struct total {
	struct verdict_part_state s;
	uint64_t under_way, snapshots_equal, snapshots_different;
};

static void print_total(const struct decisions_run *run, const struct total *sum)
{
	if (run->replay->tool->json)
		printf("{\"kind\":\"total\",\"what\":\"decisions\",\"records\":%llu,\"equal\":%llu,"
		       "\"different\":%llu,\"missing\":%llu,\"under_way\":%llu,\"repeats\":%llu,"
		       "\"snapshots_equal\":%llu,\"snapshots_different\":%llu}\n",
		       (unsigned long long)sum->s.records, (unsigned long long)sum->s.equal,
		       (unsigned long long)sum->s.different, (unsigned long long)sum->s.unknown,
		       (unsigned long long)sum->under_way, (unsigned long long)sum->s.repeats,
		       (unsigned long long)sum->snapshots_equal,
		       (unsigned long long)sum->snapshots_different);
	else
		printf("%llu decisions recomputed: %llu equal, %llu different, %llu of these not "
		       "recorded at all; %llu under way, %llu repeats fell away; %llu snapshots of "
		       "the router have our state's hash, %llu another\n",
		       (unsigned long long)sum->s.records, (unsigned long long)sum->s.equal,
		       (unsigned long long)sum->s.different, (unsigned long long)sum->s.unknown,
		       (unsigned long long)sum->under_way, (unsigned long long)sum->s.repeats,
		       (unsigned long long)sum->snapshots_equal,
		       (unsigned long long)sum->snapshots_different);
}

/* An exit status. */
static int report(const struct decisions_run *run)
{
	const struct tool *tool = run->replay->tool;
	struct total sum = {.under_way = 0};

	for (int32_t i = 0; i < run->partitions; i++) {
		const struct market_part *p = &run->parts[i];

		print_part(run, i);
		if (p->first.found)
			replay_print_difference(tool, &p->first);
		if (p->fold.snapshots_different > 0)
			replay_print_difference(tool, &p->fold.snapshot_first);
		sum.s.records += p->s.records;
		sum.s.equal += p->s.equal;
		sum.s.different += p->s.different;
		sum.s.unknown += p->s.unknown;
		sum.s.repeats += p->s.repeats;
		sum.under_way += p->under_way;
		sum.snapshots_equal += p->fold.snapshots_equal;
		sum.snapshots_different += p->fold.snapshots_different;
	}
	print_total(run, &sum);
	return sum.s.different + sum.snapshots_different == 0 ? TOOL_DONE : TOOL_FOUND;
}

static int run_all(struct decisions_run *run)
{
	struct replay *r = run->replay;
	struct replay_crew crew = {
	    .replay = r, .what = "decisions", .run = decisions_run_team, .ctx = run};
	enum result result = plan(run, &crew.total, &r->error);

	run->threads = MIN_OF(r->threads, (size_t)MAX_OF(run->partitions, 1));
	crew.jobs = run->threads;
	if (result == RESULT_OK)
		result = replay_crew_run(&crew, &r->error);
	return result == RESULT_OK ? report(run) : tool_fail("replay", result, &r->error);
}

int replay_decisions(struct replay *r)
{
	struct decisions_run *run = calloc(1, sizeof(*run));
	int status;

	assert(run);
	run->replay = r;
	run->bus = replay_bus(r, &r->error);
	run->began_ms = clock_now_ms();
	if (run->bus && r->state_file)
		run->state = replay_state_open(r->state_file, "decisions", r->url, &r->error);
	if (!run->bus || (r->state_file && !run->state))
		status = tool_fail("replay", run->bus ? RESULT_BAD : RESULT_AWAY, &r->error);
	else
		status = run_all(run);
	replay_state_close(run->state);
	bus_close(run->bus);
	for (int32_t i = 0; run->parts && i < run->partitions; i++)
		market_free(run->parts[i].fold.market);
	free(run->parts);
	free(run);
	return status;
}
