/* punnet judge: the production filters over leads in a file, in the leads' own time, with no servers. What the collector
 * reads and builds, and what a worker gathers and judges, is done by their own code, with a kv in memory and keys of this
 * run only: so verdicts are those that a network with nothing in its memory would give. Suppressions stand in a network's
 * directory, and are not known here.
 *
 * Leads are judged in batches, as a worker does; the desk gives each the verdict that it would have got alone. */
#include <stdio.h>
#include <stdlib.h>

#include "base/timefmt.h"
#include "collector/core/raw_lead.h"
#include "filter-worker/shell/desk.h"
#include "filter-worker/shell/lists_open.h"
#include "filter-worker/shell/rules_file.h"
#include "lead/reasons.h"
#include "runtime/kv.h"
#include "tool.h"

#define LINE_MAX_BYTES (64 * 1024) /* as at the front door */
#define KV_TIMEOUT_MS  1000        /* a kv in memory waits for nobody */
#define BATCH_LEADS    64          /* few enough that a batch stays in the processor's cache */
/* In a batch the kv's clock is already at the last lead while the first is judged. The kv keeps claims for this long after
 * their window, so within it nothing is missed. */
#define BATCH_SPAN_MS CLAIM_SLACK_MS

/* Keys of no network: nothing that is made with them is kept. */
static const uint8_t fingerprint_key[FINGERPRINT_KEY_LEN] = {1};

/* What the file adds to the front door's members. */
struct extra {
	char aff_id[65];
	int64_t received_at_ms;
	bool has_aff_id, has_received_at;
};

/* One line: a lead, or why it is none. */
struct entry {
	uint64_t line;
	const char *why;       /* NULL: a lead */
	struct faults *faults; /* NULL: none, or the text could not be read at all */
	struct raw_lead_message message;
	struct desk_lead lead;
};

struct judge {
	struct tool *tool;
	const char *country; /* of leads that say none */
	struct ruleset rules;
	struct lists_holder *lists;
	struct kv *kv;
	struct desk *desk;
	struct arena reading; /* of the line at hand */
	struct arena arena;   /* of the batch */
	struct draft draft;
	struct raw_lead_scratch scratch;
	struct entry batch[BATCH_LEADS];
	size_t count;
	struct buf out;
	int64_t last_ms, first_ms; /* of the leads taken in so far; of the batch's leads */
	uint64_t line, unreadable;
};

/* --- reading --- */

/* aff_id and received_at: without them the lead is as the webmaster sent it. With them each would be a payload of its own. */
static bool own_member(void *ctx, const struct json *m)
{
	struct extra *extra = ctx;

	if (slice_is(m->key, "aff_id")) {
		extra->has_aff_id = m->type == JSON_STRING && !m->holds_nul && m->text.len > 0 &&
				    m->text.len < sizeof(extra->aff_id);
		if (extra->has_aff_id)
			memcpy(extra->aff_id, m->text.data, m->text.len);
		extra->aff_id[extra->has_aff_id ? m->text.len : 0] = '\0';
		return true;
	}
	if (!slice_is(m->key, "received_at"))
		return false;
	extra->has_received_at = true;
	if (m->type == JSON_NUMBER && m->is_integer)
		extra->received_at_ms = m->integer;
	else
		extra->has_received_at =
		    m->type == JSON_STRING && time_parse_rfc3339(m->text, &extra->received_at_ms);
	return true;
}

static const char *extra_fault(const struct judge *j, const struct extra *extra)
{
	if (!extra->has_aff_id)
		return "aff_id: expected a text of 1 to 64 bytes";
	if (!extra->has_received_at)
		return "received_at: expected an RFC 3339 time, or Unix milliseconds";
	if (extra->received_at_ms < DRAFT_TIME_LEAST_MS)
		return "received_at: expected a time after 2000, in milliseconds";
	if (extra->received_at_ms < j->last_ms)
		return "received_at: expected not before the line before it";
	return NULL;
}

/* As the front door does it, but for the vertical's own fields: what they must be is a network's to say. NULL: the draft
 * is a lead; else why it is none. */
static const char *read_draft(struct judge *j, struct slice line, struct extra *ret_extra,
			      struct faults *ret_faults)
{
	Punnet__V1__Vertical any = PUNNET__V1__VERTICAL__INIT;
	struct draft_context context = {.vertical = &any, .default_country = j->country};
	const char *why = NULL;

	if (line.len > LINE_MAX_BYTES)
		return "expected at most 64 KiB";
	if (!draft_read_json_beside(&j->draft, &j->reading, line, own_member, ret_extra, ret_faults,
				    &why))
		return why;
	why = extra_fault(j, ret_extra);
	if (why) {
		ret_faults->count = 0;
		return why;
	}
	context.now_ms = ret_extra->received_at_ms;
	draft_check(&j->draft, &context, ret_faults);
	return ret_faults->count > 0 ? "the front door would not take this lead" : NULL;
}

static struct lead_id id_of_line(const struct judge *j, int64_t received_at_ms)
{
	uint8_t random[10] = {0};

	memcpy(random, &j->line, sizeof(j->line));
	return lead_id_make(received_at_ms, random);
}

/* The record as it would stand in leads.raw, and its contact. */
static void build(struct judge *j, const struct extra *extra, struct entry *ret)
{
	struct raw_lead_origin origin = {
	    .id = id_of_line(j, extra->received_at_ms),
	    .received_at_ms = extra->received_at_ms,
	    .aff_id = extra->aff_id,
	    .default_country = j->country,
	    .fingerprint_key = fingerprint_key,
	};

	raw_lead_message(&j->draft, &origin, &j->scratch, &j->arena, &ret->message);
	ret->lead = (struct desk_lead){
	    .raw = &ret->message.raw, .raw_offset = j->line, .contact = &ret->message.contact};
}

/* --- writing --- */

static void write_reasons(struct buf *out, const char *name, const struct judged_reason *reasons,
			  size_t count)
{
	buf_append_cstr(out, name);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_append_char(out, ',');
		json_write_string(out, slice_cstr(reason_code(reasons[i].finding.reason)));
	}
	buf_append_char(out, ']');
}

static void write_verdict(struct buf *out, const struct judge *j, const struct judgement *v)
{
	static const char *const verdicts[] = {[LEAD_ACCEPTED] = "accepted",
					       [LEAD_REJECTED] = "rejected",
					       [LEAD_QUARANTINED] = "quarantined"};

	buf_append_cstr(out, ",\"verdict\":\"");
	buf_append_cstr(out, verdicts[v->verdict]);
	buf_append_cstr(out, "\",\"score\":");
	buf_append_int(out, v->score);
	write_reasons(out, ",\"reasons\":[", v->reasons, v->reason_count);
	write_reasons(out, ",\"shadow\":[", v->shadow, v->shadow_count);
	buf_append_cstr(out, ",\"ruleset\":\"");
	buf_append_cstr(out, j->rules.hash);
	buf_append_cstr(out, "\"}\n");
}

static void write_unreadable(struct buf *out, const char *why, const struct faults *faults)
{
	buf_append_cstr(out, ",\"error\":");
	json_write_string(out, slice_cstr(why));
	buf_append_cstr(out, ",\"fields\":[");
	for (size_t i = 0; faults && i < MIN_OF(faults->count, (size_t)FAULTS_MAX); i++) {
		const struct fault *f = &faults->list[i];

		buf_append_cstr(out, i > 0 ? ",{" : "{");
		json_write_member(out, "field", f->field);
		buf_append_char(out, ',');
		json_write_member(out, "code", slice_cstr(f->code));
		buf_append_char(out, '}');
	}
	buf_append_cstr(out, "]}\n");
}

static void write_entry(struct judge *j, const struct entry *e)
{
	buf_append_cstr(&j->out, "{\"line\":");
	buf_append_int(&j->out, (int64_t)e->line);
	if (e->why)
		write_unreadable(&j->out, e->why, e->faults);
	else
		write_verdict(&j->out, j, &e->lead.judgement);
}

/* --- judging --- */

/* Judges the leads of the batch from `at` on; returns where the first one without a verdict stands. */
static size_t judge_some(struct judge *j, size_t at)
{
	struct desk_lead *leads[BATCH_LEADS];
	size_t where[BATCH_LEADS], count = 0, judged = 0;
	enum result r;

	for (size_t i = at; i < j->count; i++) {
		if (j->batch[i].why)
			continue;
		where[count] = i;
		leads[count++] = &j->batch[i].lead;
	}
	if (count == 0)
		return j->count;
	r = desk_judge(j->desk, leads, count, &j->arena, &judged, NULL);
	assert(r == RESULT_OK && judged > 0); /* this kv is never away */
	return judged == count ? j->count : where[judged];
}

static void judge_batch(struct judge *j)
{
	for (size_t at = 0; at < j->count;) {
		size_t end = judge_some(j, at);

		/* What the desk says is valid until it is asked again. */
		for (; at < end; at++)
			write_entry(j, &j->batch[at]);
	}
	assert(!j->out.failed);
	(void)fwrite(j->out.data, 1, j->out.len, stdout);
	buf_reset(&j->out);
	arena_reset(&j->arena);
	j->count = 0;
}

/* What was said of it lives as long as the batch. */
static void keep_why(struct judge *j, const char *why, const struct faults *faults,
		     struct entry *ret)
{
	ret->why = arena_cstr(&j->arena, slice_cstr(why));
	ret->faults = NULL;
	j->unreadable++;
	if (faults->count == 0)
		return;
	ret->faults = arena_alloc(&j->arena, sizeof(*faults));
	*ret->faults = *faults;
	for (size_t i = 0; i < MIN_OF(faults->count, (size_t)FAULTS_MAX); i++)
		ret->faults->list[i].field = arena_dup(&j->arena, faults->list[i].field);
}

static void take_line(struct judge *j, struct slice line)
{
	struct faults faults = {.count = 0};
	struct extra extra = {.has_aff_id = false};
	const char *why;
	struct entry *e;

	arena_reset(&j->reading);
	why = read_draft(j, line, &extra, &faults);
	if (j->count == BATCH_LEADS ||
	    (!why && j->count > 0 && extra.received_at_ms - j->first_ms >= BATCH_SPAN_MS))
		judge_batch(j);
	if (j->count == 0)
		j->first_ms = why ? INT64_MAX : extra.received_at_ms;
	e = &j->batch[j->count++];
	e->line = j->line;
	if (why) {
		keep_why(j, why, &faults, e);
		return;
	}
	e->why = NULL;
	j->first_ms = MIN_OF(j->first_ms, extra.received_at_ms);
	j->last_ms = extra.received_at_ms;
	build(j, &extra, e);
}

static int judge_file(struct judge *j, const char *path)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	ssize_t got;

	if (!file) {
		fprintf(stderr, "punnet judge: %s can't be opened\n", path);
		return TOOL_FOUND;
	}
	while ((got = getline(&text, &room, file)) >= 0) {
		struct slice line = slice_trim(slice_of(text, (size_t)got));

		j->line++;
		if (line.len > 0)
			take_line(j, line);
	}
	judge_batch(j);
	free(text);
	if (file != stdin)
		(void)fclose(file);
	return j->unreadable > 0 ? TOOL_FOUND : TOOL_DONE;
}

static int load_rules(struct judge *j, const char *path)
{
	struct yaml_faults faults = {.file = path};
	int status = TOOL_DONE;

	if (!path) {
		ruleset_standard(&j->rules);
	} else if (rules_file_load(path, &j->rules, &faults) != RESULT_OK) {
		fputs(buf_cstr(&faults.text), stderr);
		status = TOOL_FOUND;
	}
	yaml_faults_free(&faults);
	return status;
}

static void open_desk(struct judge *j)
{
	/* What filters look things up in; a list that is not given is not known. */
	struct local_sources sources = {.digest_key = fingerprint_key,
					.lists = lists_holder_get(j->lists)};

	j->kv = kv_open("memory:", "", KV_TIMEOUT_MS, NULL);
	j->desk =
	    desk_open(&(struct desk_options){.rules = &j->rules, .kv = j->kv, .local = sources});
}

static void close_desk(struct judge *j)
{
	desk_close(j->desk);
	kv_close(j->kv);
	lists_holder_close(j->lists);
	raw_lead_scratch_free(&j->scratch);
	arena_free(&j->reading);
	arena_free(&j->arena);
	buf_free(&j->out);
}

int command_judge(struct tool *t, int argc, char **argv)
{
	static struct judge j; /* too large for the stack */
	const char *leads = tool_option(&argc, argv, "--leads");
	const char *rules = tool_option(&argc, argv, "--rules");
	const char *country = tool_option(&argc, argv, "--country");
	const char *lists = tool_option(&argc, argv, "--lists");
	struct error error = {0};
	int status;

	if (!leads || argc > 1)
		return tool_usage("judge", "expected --leads FILE.ndjson");
	j.tool = t;
	j.country = country ? country : "";
	status = load_rules(&j, rules);
	if (status != TOOL_DONE)
		return status;
	j.lists = lists_holder_open(lists ? lists : "", &error);
	if (!j.lists)
		return tool_fail("judge", RESULT_BAD, &error);
	open_desk(&j);
	status = judge_file(&j, leads);
	close_desk(&j);
	return status;
}
