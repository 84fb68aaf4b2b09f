/* replay_regather: leads.raw judged anew by other rules, with facts that depend on other leads gathered anew: in a memory of its
 * own that knows nothing from before the span. Contacts are opened with the network's keys, in memory only, as a worker does.
 *
 * Leads are taken by their time over all partitions, in batches as `punnet judge` does. Beside each stands the verdict that was
 * recorded, judged again from its own facts. What differs from a worker: the DNS is not asked, lists and suppressions and the sums of
 * advertisers' verdicts are those of now, and what happened before the span is not known; the report counts whom that touches. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "filter-worker/core/record_view.h"
#include "filter-worker/shell/desk.h"
#include "filter-worker/shell/lists_open.h"
#include "filter-worker/shell/rules_file.h"
#include "filter-worker/shell/verdict_follower.h"
#include "runtime/keyring.h"
#include "runtime/kv.h"
#include "tools/replay/replay_verdicts.h"

#define RAW         "leads.raw"
#define JUDGED      "leads.judged"
#define BATCH_LEADS 64
#define BATCH_SPAN_MS                                                                              \
	CLAIM_SLACK_MS /* the kv's clock is at the batch's last lead while the first is judged */
#define KV_TIMEOUT_MS 5000
#define KV_TRIES      100
#define KV_PAUSE_MS   100
#define VERDICTS_MS   5000
#define BEFORE_MS     (10 * MS_PER_MIN)

struct side { /* of one partition */
	struct replay_reading *raw, *judged;
	const struct bus_record *head;
};

struct entry {
	struct desk_lead lead;
	struct slice verdict; /* the recorded one; empty: there is none yet */
};

struct regather {
	struct replay *replay;
	struct bus *bus;
	struct ruleset rules;
	struct rulebook book;
	struct keyring *keyring;
	struct directory *directory;
	struct suppressions *suppressions;
	struct verdict_follower *verdicts;
	struct lists_holder *lists;
	struct kv *kv;
	struct desk *desk;
	int32_t partitions;
	struct side sides[REPLAY_PARTITIONS_MAX];
	struct arena arena; /* of the batch */
	struct buf scratch;
	struct entry batch[BATCH_LEADS];
	size_t count;
	struct tally tally;
	int64_t first_ms, begin_ms; /* of the batch; of the span */
	int64_t horizon_ms;         /* how far the rules look back */
	uint64_t leads, near, sealed, unreadable, unjudged;
	uint64_t outside; /* the recorded reasons name a lead from before the span */
	struct tally_sample outside_samples[REPLAY_SAMPLES];
};

/* --- comparing --- */

static void note_outside(struct regather *g, const struct judged_view *view,
			 const struct judgement *before)
{
	for (size_t i = 0; i < before->reason_count; i++) {
		const struct finding *f = &before->reasons[i].finding;
		struct tally_sample *s;

		if (!f->about_a_lead || lead_id_time_ms(&f->about) >= g->begin_ms)
			continue;
		if (g->outside < REPLAY_SAMPLES) {
			s = &g->outside_samples[g->outside];
			lead_id_text(&view->lead_id, s->lead);
			snprintf(s->text, sizeof(s->text), "%s", reason_code(f->reason));
		}
		g->outside++;
		return;
	}
}

static void compare(struct regather *g, const struct entry *e)
{
	const struct ruleset *rules;
	struct judged_view view;
	struct judgement before;

	buf_reset(&g->scratch);
	if (e->verdict.len == 0 || !judged_view_read(e->verdict, &view, &g->scratch)) {
		g->unjudged++;
		return;
	}
	rules = rulebook_find(&g->book, view.ruleset);
	if (!rules) {
		g->unjudged++;
		return;
	}
	judge_lead(rules, &view.facts, &g->arena, &before);
	note_outside(g, &view, &before);
	tally_lead(&g->tally, &view.lead_id, view.aff_id, &before, &e->lead.judgement);
}

/* A Redis may be away for a moment; it is safe to ask again. */
static enum result judge_some(struct regather *g, struct desk_lead **leads, size_t count,
			      size_t *ret_judged, struct error *ret_error)
{
	enum result r = RESULT_AWAY;

	for (int tries = 0; tries < KV_TRIES && r == RESULT_AWAY; tries++) {
		if (tries > 0)
			(void)usleep(KV_PAUSE_MS * 1000);
		*ret_judged = 0;
		r = desk_judge(g->desk, leads, count, &g->arena, ret_judged, ret_error);
	}
	return r;
}

static enum result judge_batch(struct regather *g, struct error *ret_error)
{
	struct desk_lead *leads[BATCH_LEADS];

	for (size_t i = 0; i < g->count; i++)
		leads[i] = &g->batch[i].lead;
	for (size_t at = 0; at < g->count;) {
		size_t judged;
		enum result r = judge_some(g, leads + at, g->count - at, &judged, ret_error);

		if (r != RESULT_OK)
			return r;
		assert(judged > 0);
		/* What the desk says is valid until it is asked again. */
		for (size_t end = at + judged; at < end; at++)
			compare(g, &g->batch[at]);
	}
	g->count = 0;
	arena_reset(&g->arena);
	return RESULT_OK;
}

/* --- reading --- */

/* The first verdict about this raw record; what is not newer than the one before is a repeat. */
static enum result find_verdict(struct regather *g, struct side *side, int64_t raw_offset,
				struct slice *ret, struct error *ret_error)
{
	const struct bus_record *record = NULL;
	struct judged_view view;
	enum result r;

	*ret = (struct slice){NULL, 0};
	while ((r = reading_peek(side->judged, &record, ret_error)) == RESULT_OK && record) {
		buf_reset(&g->scratch);
		if (judged_view_read(record->value, &view, &g->scratch)) {
			if ((int64_t)view.raw_offset > raw_offset)
				break;
			if ((int64_t)view.raw_offset == raw_offset)
				*ret = arena_dup(&g->arena, record->value);
		}
		r = reading_next(side->judged, &record, ret_error);
		if (r != RESULT_OK || ret->len > 0)
			break;
	}
	return r;
}

static bool opens(struct regather *g, const Punnet__V1__RawLead *raw)
{
	return !raw->contact || keyring_day_key(g->keyring, raw->contact->key_day, false);
}

static enum result take(struct regather *g, struct side *side, const struct bus_record *record,
			struct error *ret_error)
{
	enum result r = RESULT_OK;
	Punnet__V1__RawLead *raw;
	struct entry *e;

	if (g->count == BATCH_LEADS ||
	    (g->count > 0 && record->timestamp_ms - g->first_ms >= BATCH_SPAN_MS))
		r = judge_batch(g, ret_error);
	if (r != RESULT_OK)
		return r;
	raw = codec_unpack(&g->arena, &punnet__v1__raw_lead__descriptor,
			   arena_dup(&g->arena, record->value));
	if (!raw || raw_lead_fault(raw)) {
		g->unreadable++;
		return RESULT_OK;
	}
	if (g->count == 0)
		g->first_ms = record->timestamp_ms;
	g->leads++;
	g->near += raw->lead->received_at_ms < g->begin_ms + g->horizon_ms;
	g->sealed += !opens(g, raw);
	e = &g->batch[g->count++];
	*e = (struct entry){.lead = {.raw = raw,
				     .partition = (uint32_t)record->partition,
				     .raw_offset = (uint64_t)record->offset}};
	return find_verdict(g, side, record->offset, &e->verdict, ret_error);
}

static struct side *earliest(struct regather *g)
{
	struct side *best = NULL;

	for (int32_t p = 0; p < g->partitions; p++) {
		struct side *s = &g->sides[p];

		if (s->head && (!best || s->head->timestamp_ms < best->head->timestamp_ms))
			best = s;
	}
	return best;
}

/* By the leads' ids, as the reasons name them. */
static int64_t begin_of(const struct regather *g)
{
	int64_t begin_ms = INT64_MAX;

	for (int32_t p = 0; p < g->partitions; p++) {
		const struct bus_record *head = g->sides[p].head;
		struct slice bytes;
		struct lead_id id;

		if (head && codec_find(head->value, 1, &bytes) &&
		    lead_id_from_bytes(bytes.data, bytes.len, &id))
			begin_ms = MIN_OF(begin_ms, lead_id_time_ms(&id));
	}
	return begin_ms == INT64_MAX ? 0 : begin_ms;
}

static enum result judge_all(struct regather *g, struct error *ret_error)
{
	enum result r = RESULT_OK;
	struct side *s;

	g->begin_ms = begin_of(g);
	while (r == RESULT_OK && (s = earliest(g))) {
		r = take(g, s, s->head, ret_error);
		if (r == RESULT_OK)
			r = reading_next(s->raw, &s->head, ret_error);
		if (r == RESULT_OK)
			r = reading_peek(s->raw, &s->head, ret_error);
		if (g->replay->tool->terminal && g->leads % 10000 == 0)
			fprintf(stderr, "\rleads: %llu\033[K", (unsigned long long)g->leads);
	}
	if (r == RESULT_OK && g->count > 0)
		r = judge_batch(g, ret_error);
	return r;
}

/* --- opening --- */

static enum result open_side(struct regather *g, int32_t p, struct error *ret_error)
{
	struct side *s = &g->sides[p];
	const struct replay_bound open = {.kind = REPLAY_OPEN};
	struct replay_bound judged_from = open;
	struct replay_span span;
	enum result r;

	s->raw = calloc(1, sizeof(*s->raw));
	s->judged = calloc(1, sizeof(*s->judged));
	assert(s->raw && s->judged);
	r = replay_span_of(g->bus, RAW, p, &g->replay->from, &g->replay->to, &span, ret_error);
	if (r == RESULT_OK)
		r = reading_open(s->raw, g->bus, RAW, p, span, ret_error);
	if (r == RESULT_OK)
		r = reading_peek(s->raw, &s->head, ret_error);
	if (r != RESULT_OK || !s->head)
		return r;
	if (span.from > 0)
		judged_from = (struct replay_bound){
		    .kind = REPLAY_TIME, .time_ms = MAX_OF(s->head->timestamp_ms - BEFORE_MS, 0)};
	r = replay_span_of(g->bus, JUDGED, p, &judged_from, &open, &span, ret_error);
	return r == RESULT_OK ? reading_open(s->judged, g->bus, JUDGED, p, span, ret_error) : r;
}

static enum result open_topics(struct regather *g, struct error *ret_error)
{
	enum result r = RESULT_OK;

	g->partitions = bus_partitions(g->bus, RAW, REPLAY_ASK_MS);
	if (g->partitions <= 0 || g->partitions > REPLAY_PARTITIONS_MAX)
		return error_set(ret_error, RESULT_AWAY, RAW ": its partitions can't be learned");
	for (int32_t p = 0; p < g->partitions && r == RESULT_OK; p++)
		r = open_side(g, p, ret_error);
	return r;
}

static void find_horizon(struct regather *g)
{
	const struct rule_list *l = &g->rules.network;

	for (size_t i = 0; i < l->count; i++) {
		const struct filter *f = l->rules[i].filter;

		for (size_t k = 0; !f->local && k < FILTER_PARAMS_MAX && f->params[k].name; k++)
			if (f->params[k].type == PARAM_DURATION)
				g->horizon_ms = MAX_OF(g->horizon_ms, l->rules[i].params[k]);
	}
}

static enum result open_desk(struct regather *g, struct error *ret_error)
{
	const struct config *c = g->replay->tool->config;

	g->keyring = keyring_open(config_text(c, "common", "keys_dir"), false, ret_error);
	if (!g->keyring)
		return RESULT_BAD;
	g->lists = lists_holder_open(config_text(c, "filter_worker", "lists"), ret_error);
	if (!g->lists)
		return RESULT_BAD;
	g->directory = directory_open(g->bus, TOOL_TIMEOUT_MS, ret_error);
	if (!g->directory)
		return RESULT_AWAY;
	g->suppressions = suppressions_new();
	suppressions_follow(g->suppressions, g->directory);
	g->verdicts = verdict_follower_open(g->bus, VERDICTS_MS);
	g->kv = kv_open_replay(g->replay->memory ? g->replay->memory : "memory:", KV_TIMEOUT_MS,
			       ret_error);
	if (!g->kv)
		return RESULT_BAD;
	g->desk = desk_open(
	    &(struct desk_options){.rules = &g->rules,
				   .kv = g->kv,
				   .keyring = g->keyring,
				   .local = {.suppressions = g->suppressions,
					     .verdicts = verdict_follower_book(g->verdicts),
					     .lists = lists_holder_get(g->lists),
					     .digest_key = keyring_fingerprint_key(g->keyring)}});
	return RESULT_OK;
}

static void close_all(struct regather *g)
{
	for (int32_t p = 0; p < g->partitions; p++) {
		if (g->sides[p].raw)
			reading_close(g->sides[p].raw);
		if (g->sides[p].judged)
			reading_close(g->sides[p].judged);
		free(g->sides[p].raw);
		free(g->sides[p].judged);
	}
	desk_close(g->desk);
	kv_close(g->kv);
	verdict_follower_close(g->verdicts);
	suppressions_free(g->suppressions);
	directory_close(g->directory);
	lists_holder_close(g->lists);
	keyring_free(g->keyring);
	rulebook_close(&g->book);
	bus_close(g->bus);
	tally_free(&g->tally);
	arena_free(&g->arena);
	buf_free(&g->scratch);
}

/* --- the report --- */

static void print_window(const struct regather *g)
{
	char begin[TIME_TEXT_LEN + 1];

	time_text(g->begin_ms, begin);
	if (g->replay->tool->json) {
		printf("{\"kind\":\"regathered\",\"leads\":%llu,\"begin\":\"%s\",\"looks_back_ms\":"
		       "%lld,"
		       "\"nearer\":%llu,\"outside\":%llu,\"sealed\":%llu,\"unreadable\":%llu,"
		       "\"unjudged\":%llu}\n",
		       (unsigned long long)g->leads, begin, (long long)g->horizon_ms,
		       (unsigned long long)g->near, (unsigned long long)g->outside,
		       (unsigned long long)g->sealed, (unsigned long long)g->unreadable,
		       (unsigned long long)g->unjudged);
	} else {
		printf("%llu leads judged anew with a memory that begins at %s\n",
		       (unsigned long long)g->leads, begin);
		printf(
		    "the rules look back for up to %lld min: %llu of the leads are nearer to the "
		    "beginning\n",
		    (long long)(g->horizon_ms / MS_PER_MIN), (unsigned long long)g->near);
		printf(
		    "%llu were rejected or scored then for a lead from before it, which is outside "
		    "of the window\n",
		    (unsigned long long)g->outside);
		printf(
		    "%llu contacts can't be opened any more, %llu records can't be read, %llu have "
		    "no verdict to compare with\n",
		    (unsigned long long)g->sealed, (unsigned long long)g->unreadable,
		    (unsigned long long)g->unjudged);
	}
	for (size_t i = 0; i < MIN_OF(g->outside, (uint64_t)REPLAY_SAMPLES); i++)
		printf(g->replay->tool->json
			   ? "{\"kind\":\"outside\",\"lead_id\":\"%s\",\"reason\":\"%s\"}\n"
			   : "  outside: %s  %s\n",
		       g->outside_samples[i].lead, g->outside_samples[i].text);
}

/* The memory is the replay's own, and goes with it. */
static enum result forget(struct regather *g, struct error *ret_error)
{
	const char *prefix = kv_prefix(g->kv);
	uint64_t removed;
	enum result r = kv_forget(g->kv, &removed, ret_error);

	if (r != RESULT_OK)
		return error_set(ret_error, r, "the keys under %s are left behind", prefix);
	if (g->replay->tool->json)
		printf("{\"kind\":\"memory\",\"prefix\":\"%s\",\"removed\":%llu}\n", prefix,
		       (unsigned long long)removed);
	else if (*prefix)
		printf("\nits memory was %llu keys under %s, which are removed\n",
		       (unsigned long long)removed, prefix);
	return RESULT_OK;
}

int replay_regather(struct replay *r)
{
	struct yaml_faults faults = {.file = r->rules_file};
	struct regather *g = calloc(1, sizeof(*g));
	enum result result = RESULT_BAD;

	assert(g);
	g->replay = r;
	if (rules_file_load(r->rules_file, &g->rules, &faults) != RESULT_OK)
		(void)error_set(&r->error, RESULT_BAD, "%s", buf_cstr(&faults.text));
	else
		result = rulebook_open(r, &g->book, &r->error);
	yaml_faults_free(&faults);
	find_horizon(g);
	if (result == RESULT_OK)
		g->bus = replay_bus(r, &r->error);
	if (result == RESULT_OK)
		result = g->bus ? open_desk(g, &r->error) : RESULT_AWAY;
	if (result == RESULT_OK)
		result = open_topics(g, &r->error);
	if (result == RESULT_OK)
		result = judge_all(g, &r->error);
	if (result == RESULT_OK) {
		print_window(g);
		result = tally_report(r, &g->tally, g->rules.hash, &r->error);
	}
	if (g->kv) {
		struct error left = {0};
		enum result forgot = forget(g, &left);

		if (result == RESULT_OK && forgot != RESULT_OK) {
			r->error = left;
			result = forgot;
		}
	}
	close_all(g);
	free(g);
	return result == RESULT_OK ? TOOL_DONE : tool_fail("replay", result, &r->error);
}
