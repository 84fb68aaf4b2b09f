/* filter-scenario FILE…: judges the leads of each scenario with the production filters over a kv in memory, and compares
 * with what stands after the arrows. Wrong lines are said as file:line; exit status 1 then.
 *
 * Each scenario is judged four times, and must come out the same: one lead at a time; all leads as one batch; each lead
 * twice in a row, as after a crash; and from the recorded facts alone. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "runtime/kv.h"
#include "script.h"
#include "words.h"

struct run {
	struct script *script;
	const char *how;
	struct kv *kv;
	struct desk *desk;
	struct arena arena; /* facts borrow from it */
};

static const struct script_lead *lead_with_id(const struct script *s, const struct lead_id *id)
{
	for (size_t i = 0; i < s->count; i++) {
		if (memcmp(s->leads[i].raw->lead_id.data, id->bytes, sizeof(id->bytes)) == 0)
			return &s->leads[i];
	}
	return NULL;
}

/* "phone_duplicate(A)" */
static void write_reason(const struct script *s, const struct judged_reason *r, struct buf *out)
{
	buf_append_cstr(out, reason_code(r->finding.reason));
	if (r->finding.about_a_lead) {
		const struct script_lead *about = lead_with_id(s, &r->finding.about);

		buf_printf(out, "(" SLICE_FMT ")", SLICE_ARG(about ? about->name : SLICE("?")));
	}
}

static void write_verdict(const struct script *s, const struct judgement *j, struct buf *out)
{
	static const char *const verdicts[] = {[LEAD_ACCEPTED] = "accepted",
					       [LEAD_REJECTED] = "rejected",
					       [LEAD_QUARANTINED] = "quarantined"};

	buf_append_cstr(out, verdicts[j->verdict]);
	for (size_t i = 0; i < j->reason_count; i++) {
		buf_append_char(out, ' ');
		write_reason(s, &j->reasons[i], out);
	}
	for (size_t i = 0; i < j->shadow_count; i++) {
		buf_append_cstr(out, " shadow:");
		write_reason(s, &j->shadow[i], out);
	}
}

static const char *answer_of(const struct judgement *j, const struct filter *f)
{
	static const char *const names[] = {
	    [ANSWER_PASS] = "pass", [ANSWER_HIT] = "hit", [ANSWER_UNKNOWN] = "unknown"};

	for (size_t i = 0; i < j->list->count; i++) {
		if (j->list->rules[i].filter == f && !j->list->rules[i].shadow)
			return names[j->answers[i]];
	}
	return "not asked";
}

/* What the line expects, word by word; the words of the verdict are gathered and compared as a whole. */
static void compare(struct run *r, const struct script_lead *lead, const struct judgement *j)
{
	_cleanup_(buf_free) struct buf wanted = {0}, got = {0};
	struct slice rest = lead->expected, word, value;
	int64_t score;

	while (script_word(&rest, &word)) {
		const struct filter *f = filter_from_name(word);

		/* phone_duplicate is a filter and a reason: an answer follows the one, nothing of the kind the other. */
		struct slice after = rest;

		if (f && script_word(&after, &value) &&
		    (slice_is(value, "pass") || slice_is(value, "hit") ||
		     slice_is(value, "unknown"))) {
			rest = after;
			if (!slice_is(value, answer_of(j, f)))
				script_fault(r->script, lead->line,
					     "%s: expected %s " SLICE_FMT ", got %s", r->how,
					     f->name, SLICE_ARG(value), answer_of(j, f));
		} else if (slice_starts_with(word, "score=") &&
			   slice_to_int64(slice_of(word.data + 6, word.len - 6), &score)) {
			if (score != j->score)
				script_fault(r->script, lead->line,
					     "%s: expected score %lld, got %d", r->how,
					     (long long)score, j->score);
		} else {
			buf_printf(&wanted, "%s" SLICE_FMT, wanted.len ? " " : "", SLICE_ARG(word));
		}
	}
	write_verdict(r->script, j, &got);
	if (lead->expected.len == 0 ||
	    (wanted.len > 0 && !slice_equal(buf_slice(&wanted), buf_slice(&got))))
		script_fault(r->script, lead->line, "%s: expected %s, got %s", r->how,
			     buf_cstr(&wanted), buf_cstr(&got));
}

static const uint8_t digest_key[FINGERPRINT_KEY_LEN] = {1};

static struct run run_open(struct script *s, const char *how)
{
	struct run r = {.script = s, .how = how, .kv = kv_open("memory:", "", 1000, NULL)};

	assert(r.kv);
	r.desk = desk_open(&(struct desk_options){.rules = &s->rules,
						  .kv = r.kv,
						  .local = {.suppressions = s->suppressions,
							    .verdicts = s->verdicts,
							    .lists = &s->lists,
							    .mx = s->mx,
							    .digest_key = digest_key}});
	return r;
}

static void run_close(struct run *r)
{
	desk_close(r->desk);
	kv_close(r->kv);
	arena_free(&r->arena);
}

/* Judges leads[from…from+count) as one batch, however often the desk cuts it. */
static void judge_batch(struct run *r, size_t from, size_t count, bool check)
{
	struct desk_lead *desk[SCRIPT_LEADS_MAX];
	struct script_lead *leads = r->script->leads + from;
	size_t judged;

	for (size_t i = 0; i < count; i++) {
		leads[i].desk = (struct desk_lead){.raw = leads[i].raw,
						   .raw_offset = leads[i].raw_offset,
						   .contact = leads[i].contact};
		desk[i] = &leads[i].desk;
	}
	for (size_t done = 0; done < count; done += judged) {
		enum result result =
		    desk_judge(r->desk, desk + done, count - done, &r->arena, &judged, NULL);

		assert(result == RESULT_OK && judged > 0 && judged <= count - done);
		for (size_t i = done; check && i < done + judged; i++)
			compare(r, &leads[i], &leads[i].desk.judgement);
	}
}

/* The record is packed, read back, and judged again from what stands in it. */
static void judge_from_record(struct run *r, const struct script_lead *lead)
{
	_cleanup_(arena_free) struct arena arena = {0};
	_cleanup_(buf_free) struct buf raw = {0}, packed = {0};
	struct provenance source = {.topic = "leads.raw", .partition = 1, .offset = 7};
	const Punnet__V1__JudgedLead *record;
	struct facts facts;
	struct judgement again;

	codec_pack(&lead->raw->base, &raw);
	judged_record_write(lead->raw, buf_slice(&raw), &source, &r->script->rules,
			    &lead->desk.facts, &lead->desk.judgement, "", &packed);
	record = codec_unpack(&arena, &punnet__v1__judged_lead__descriptor, buf_slice(&packed));
	assert(record);
	facts_from_record(record, &facts);
	judge_lead(&r->script->rules, &facts, &arena, &again);
	compare(r, lead, &again);
}

static void run_all(struct script *s)
{
	struct run r = run_open(s, "one by one");

	for (size_t i = 0; i < s->count; i++)
		judge_batch(&r, i, 1, true);
	run_close(&r);

	r = run_open(s, "in one batch");
	if (s->count > 0)
		judge_batch(&r, 0, s->count, true);
	run_close(&r);

	r = run_open(s, "read twice");
	for (size_t i = 0; i < s->count; i++) {
		judge_batch(&r, i, 1, false);
		judge_batch(&r, i, 1, true);
		r.how = "from the record";
		judge_from_record(&r, &s->leads[i]);
		r.how = "read twice";
	}
	run_close(&r);
}

int main(int argc, char **argv)
{
	int faults = 0;

	for (int i = 1; i < argc; i++) {
		struct script *s = calloc(1, sizeof(*s));

		assert(s);
		if (script_load(s, argv[i]))
			run_all(s);
		if (s->faults == 0)
			printf("%s: %zu leads\n", argv[i], s->count);
		faults += s->faults;
		script_free(s);
		free(s);
	}
	return faults > 0 ? 1 : 0;
}
