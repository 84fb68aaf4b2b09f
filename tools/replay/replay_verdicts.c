/* replay_verdicts: leads.judged, judged again from the facts that stand in each record, by the rule set that it names.
 *
 * A partition is one job. Its records are read in one pass (filter-worker/core/record_view.h), judged, and what the judgement
 * makes of the record is compared byte for byte with what stands there; only where that differs are both unpacked, to
 * name the field. Repeats of a verdict (a worker that was started again) are verdicts of their own, and judged as such. */
#include "tools/replay/replay_verdicts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "filter-worker/core/record.h"
#include "filter-worker/core/record_view.h"
#include "filter-worker/shell/rules_file.h"
#include "tools/replay/replay_state.h"

#define TOPIC     "leads.judged"
#define COUNT_MIN 512 /* records between two words to the progress */

struct part {
	struct replay_span span;
	struct verdict_part_state s;
	struct replay_difference first;
	struct tally *tally; /* NULL: they are only compared */
};

struct verdicts {
	struct replay *replay;
	struct rulebook rules;
	const struct ruleset *other; /* NULL: they are only compared */
	int32_t partitions;
	struct part *parts;
	struct replay_state *state; /* NULL: it is not kept */
};

struct judging { /* one thread's */
	struct verdicts *v;
	struct part *part;
	int32_t partition;
	struct arena arena;
	struct buf recorded, recomputed;
	const struct ruleset *rules; /* that the last record named */
	char rules_name[RULESET_HASH_LEN + 1];
};

const char *verdict_name(uint64_t verdict)
{
	static const char *const names[] = {"none", "accepted", "rejected", "quarantined"};

	return verdict < ARRAY_LEN(names) ? names[verdict] : "?";
}

static uint64_t digest_on(uint64_t digest, const struct judged_view *view, const uint64_t wide[2])
{
	uint64_t id[2];

	memcpy(id, view->lead_id.bytes, sizeof(id));
	digest = hash_mix(digest ^ id[0]) ^ id[1];
	digest = hash_mix(digest ^ view->raw_offset) ^ wide[0];
	return hash_mix(digest) ^ wide[1];
}

static const struct ruleset *rules_of(struct judging *j, struct slice hash)
{
	if (slice_is(hash, j->rules_name))
		return j->rules;
	j->rules = rulebook_find(&j->v->rules, hash);
	snprintf(j->rules_name, sizeof(j->rules_name), SLICE_FMT, SLICE_ARG(hash));
	return j->rules;
}

/* Both as messages, for the field's name. */
static void name_difference(struct judging *j, const struct judged_view *view,
			    const struct bus_record *record)
{
	struct replay_difference d = {.found = false};
	const Punnet__V1__JudgedLead *a, *b;

	a = codec_unpack(&j->arena, &punnet__v1__judged_lead__descriptor, buf_slice(&j->recorded));
	b = codec_unpack(&j->arena, &punnet__v1__judged_lead__descriptor,
			 buf_slice(&j->recomputed));
	if (!a || !b || !replay_messages_differ(&a->base, &b->base, &d))
		replay_differ(&d, "bytes", "written otherwise", "the same fields");
	replay_where(&d, TOPIC, j->partition, record->offset, &view->lead_id, record->timestamp_ms);
	j->part->s.different++;
	if (!j->part->first.found)
		j->part->first = d;
}

static void unreadable(struct judging *j, const struct bus_record *record)
{
	struct replay_difference d = {.found = false};

	replay_differ(&d, "record", "not a verdict that can be read", "a verdict");
	replay_where(&d, TOPIC, j->partition, record->offset, NULL, record->timestamp_ms);
	j->part->s.different++;
	if (!j->part->first.found)
		j->part->first = d;
}

static void judge_record(struct judging *j, const struct bus_record *record)
{
	struct verdict_part_state *s = &j->part->s;
	const struct ruleset *rules;
	struct judged_view view;
	struct judgement judgement, other;
	uint64_t wide[2];

	s->records++;
	buf_reset(&j->recorded);
	buf_reset(&j->recomputed);
	arena_reset(&j->arena);
	if (!judged_view_read(record->value, &view, &j->recorded)) {
		unreadable(j, record);
		return;
	}
	s->repeats += (int64_t)view.raw_offset <= s->last;
	s->last = MAX_OF(s->last, (int64_t)view.raw_offset);
	hash_wide(buf_slice(&j->recorded), wide);
	s->recorded_digest = digest_on(s->recorded_digest, &view, wide);
	rules = rules_of(j, view.ruleset);
	if (!rules) {
		s->unknown++;
		return;
	}
	judge_lead(rules, &view.facts, &j->arena, &judgement);
	judged_record_judgement(rules, view.received_at_ms, &judgement, &j->recomputed);
	if (slice_equal(buf_slice(&j->recorded), buf_slice(&j->recomputed))) {
		s->equal++;
	} else {
		hash_wide(buf_slice(&j->recomputed), wide);
		name_difference(j, &view, record);
	}
	s->recomputed_digest = digest_on(s->recomputed_digest, &view, wide);
	if (!j->part->tally)
		return;
	judge_lead(j->v->other, &view.facts, &j->arena, &other);
	tally_lead(j->part->tally, &view.lead_id, view.aff_id, &judgement, &other);
}

static enum result judge_part(struct judging *j, struct bus *bus, _Atomic int64_t *count,
			      struct error *ret_error)
{
	struct replay_reading *reading = calloc(1, sizeof(*reading));
	const struct bus_record *record = NULL;
	struct part *part = j->part;
	struct replay_span left = {MAX_OF(part->span.from, part->s.next), part->span.to};
	int64_t told = 0, done = 0;
	enum result r;

	assert(reading);
	r = reading_open(reading, bus, TOPIC, j->partition, left, ret_error);
	while (r == RESULT_OK) {
		r = reading_next(reading, &record, ret_error);
		if (r != RESULT_OK || !record)
			break;
		judge_record(j, record);
		part->s.next = record->offset + 1;
		if (++done - told >= COUNT_MIN) {
			*count += done - told;
			told = done;
			if (j->v->state)
				replay_state_put(j->v->state, j->partition, &part->s, &part->first,
						 false);
		}
	}
	*count += done - told;
	part->s.next = r == RESULT_OK ? part->span.to : part->s.next;
	if (j->v->state)
		replay_state_put(j->v->state, j->partition, &part->s, &part->first, true);
	reading_close(reading);
	free(reading);
	return r;
}

static enum result run_job(void *ctx, size_t job, _Atomic int64_t *count, struct error *ret_error)
{
	struct verdicts *v = ctx;
	struct judging j = {.v = v, .part = &v->parts[job], .partition = (int32_t)job};
	struct bus *bus;
	enum result r;

	if (j.part->span.from >= j.part->span.to)
		return RESULT_OK;
	bus = replay_bus(v->replay, ret_error);
	if (!bus)
		return RESULT_AWAY;
	r = judge_part(&j, bus, count, ret_error);
	bus_close(bus);
	arena_free(&j.arena);
	buf_free(&j.recorded);
	buf_free(&j.recomputed);
	return r;
}

/* --- before and after --- */

static enum result plan(struct verdicts *v, struct bus *bus, int64_t *ret_total,
			struct error *ret_error)
{
	const struct replay *r = v->replay;

	*ret_total = 0;
	v->partitions = bus_partitions(bus, TOPIC, REPLAY_ASK_MS);
	if (v->partitions <= 0 || v->partitions > REPLAY_PARTITIONS_MAX)
		return error_set(ret_error, RESULT_AWAY, TOPIC ": its partitions can't be learned");
	v->parts = calloc((size_t)v->partitions, sizeof(*v->parts));
	assert(v->parts);
	for (int32_t p = 0; p < v->partitions; p++) {
		struct part *part = &v->parts[p];
		enum result result =
		    replay_span_of(bus, TOPIC, p, &r->from, &r->to, &part->span, ret_error);

		if (result != RESULT_OK)
			return result;
		part->s = (struct verdict_part_state){.next = part->span.from, .last = -1};
		if (v->other) {
			part->tally = calloc(1, sizeof(*part->tally));
			assert(part->tally);
		}
		if (v->state)
			(void)replay_state_take(v->state, p, part->span, &part->s, &part->first);
		*ret_total += part->span.to - MAX_OF(part->span.from, part->s.next);
	}
	return RESULT_OK;
}

static void print_part(const struct verdicts *v, int32_t p)
{
	const struct part *part = &v->parts[p];
	const struct verdict_part_state *s = &part->s;
	bool equal = s->equal == s->records;

	if (part->span.from >= part->span.to)
		return;
	if (v->replay->tool->json)
		printf("{\"kind\":\"partition\",\"topic\":\"" TOPIC "\",\"partition\":%d,"
		       "\"from\":%lld,\"to\":%lld,\"records\":%llu,\"equal\":%llu,\"repeats\":%llu,"
		       "\"recorded\":\"%016llx\",\"recomputed\":\"%016llx\"}\n",
		       (int)p, (long long)part->span.from, (long long)part->span.to,
		       (unsigned long long)s->records, (unsigned long long)s->equal,
		       (unsigned long long)s->repeats, (unsigned long long)s->recorded_digest,
		       (unsigned long long)s->recomputed_digest);
	else
		printf("%s  " TOPIC "/%-3d %10lld to %-10lld %10llu verdicts  digest %016llx%s"
		       "%016llx\n",
		       equal ? "equal    " : "DIFFERENT", (int)p, (long long)part->span.from,
		       (long long)part->span.to, (unsigned long long)s->records,
		       (unsigned long long)s->recorded_digest, equal ? " = " : " <> ",
		       (unsigned long long)s->recomputed_digest);
}

static void print_total(const struct verdicts *v, const struct verdict_part_state *sum)
{
	if (v->replay->tool->json)
		printf("{\"kind\":\"total\",\"what\":\"verdicts\",\"records\":%llu,\"equal\":%llu,"
		       "\"different\":%llu,\"unknown_rules\":%llu,\"repeats\":%llu}\n",
		       (unsigned long long)sum->records, (unsigned long long)sum->equal,
		       (unsigned long long)sum->different, (unsigned long long)sum->unknown,
		       (unsigned long long)sum->repeats);
	else
		printf("%llu verdicts recomputed: %llu equal, %llu different, %llu of rule sets "
		       "that neither the directory nor this version has; %llu repeats among them\n",
		       (unsigned long long)sum->records, (unsigned long long)sum->equal,
		       (unsigned long long)sum->different, (unsigned long long)sum->unknown,
		       (unsigned long long)sum->repeats);
}

/* An exit status. */
static int report(struct verdicts *v)
{
	struct verdict_part_state sum = {0};
	struct tally all = {.score_before = 0};
	enum result r = RESULT_OK;

	for (int32_t p = 0; p < v->partitions; p++) {
		const struct verdict_part_state *s = &v->parts[p].s;

		print_part(v, p);
		if (v->parts[p].first.found)
			replay_print_difference(v->replay->tool, &v->parts[p].first);
		sum.records += s->records;
		sum.equal += s->equal;
		sum.different += s->different;
		sum.unknown += s->unknown;
		sum.repeats += s->repeats;
		if (v->parts[p].tally)
			tally_merge(&all, v->parts[p].tally);
	}
	print_total(v, &sum);
	if (v->other)
		r = tally_report(v->replay, &all, v->other->hash, &v->replay->error);
	tally_free(&all);
	if (r != RESULT_OK)
		return tool_fail("replay", r, &v->replay->error);
	return sum.equal == sum.records ? TOOL_DONE : TOOL_FOUND;
}

static int run_all(struct verdicts *v, struct bus *bus)
{
	struct replay *r = v->replay;
	struct replay_crew crew = {.replay = r, .what = "verdicts", .run = run_job, .ctx = v};
	enum result result = plan(v, bus, &crew.total, &r->error);

	crew.jobs = (size_t)MAX_OF(v->partitions, 0);
	if (result == RESULT_OK)
		result = rulebook_open(r, &v->rules, &r->error);
	if (result == RESULT_OK)
		result = replay_crew_run(&crew, &r->error);
	return result == RESULT_OK ? report(v) : tool_fail("replay", result, &r->error);
}

int replay_verdicts(struct replay *r)
{
	static struct ruleset other; /* too large for the stack */
	struct verdicts v = {.replay = r, .other = r->rules_file ? &other : NULL};
	struct yaml_faults faults = {.file = r->rules_file};
	struct bus *bus;
	int status;

	if (v.other && rules_file_load(r->rules_file, &other, &faults) != RESULT_OK) {
		fputs(buf_cstr(&faults.text), stderr);
		yaml_faults_free(&faults);
		return TOOL_FOUND;
	}
	yaml_faults_free(&faults);
	bus = replay_bus(r, &r->error);
	if (!bus)
		return tool_fail("replay", RESULT_AWAY, &r->error);
	if (r->state_file) {
		v.state = replay_state_open(r->state_file, "verdicts", r->url, &r->error);
		if (!v.state) {
			bus_close(bus);
			return tool_fail("replay", RESULT_BAD, &r->error);
		}
	}
	status = run_all(&v, bus);
	replay_state_close(v.state);
	bus_close(bus);
	rulebook_close(&v.rules);
	free(v.parts);
	return status;
}
