/* punnet judge: the production filters over leads in a file, in the leads' own time, with no servers. What the collector
 * reads, builds and seals, and what a worker gathers and judges, is done by their own code, with a kv in memory and keys of
 * this run only: so verdicts are those that a network with nothing in its memory would give. Suppressions stand in a
 * network's directory, and are not known here. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/timefmt.h"
#include "collector/core/raw_lead.h"
#include "filter-worker/shell/desk.h"
#include "filter-worker/shell/rules_file.h"
#include "lead/reasons.h"
#include "runtime/kv.h"
#include "tool.h"

#define LINE_MAX_BYTES (64 * 1024) /* as at the front door */
#define KV_TIMEOUT_MS  1000        /* a kv in memory waits for nobody */

/* Keys of no network: nothing that is made with them is kept. */
static const uint8_t fingerprint_key[FINGERPRINT_KEY_LEN] = {1};
static const uint8_t day_key[SEAL_KEY_LEN] = {2};

struct judge {
	struct tool *tool;
	const char *country; /* of leads that say none */
	struct ruleset rules;
	struct kv *kv;
	struct desk *desk;
	struct arena arena; /* of the line at hand */
	struct draft draft;
	struct raw_lead_scratch scratch;
	struct buf lead, packed, plain, out;
	int64_t last_ms;
	uint64_t line, judged, unreadable;
};

/* What the file adds to the front door's members. */
struct extra {
	char aff_id[65];
	int64_t received_at_ms;
};

/* --- reading --- */

static void write_value(struct buf *out, const struct json *v)
{
	static const char *const words[] = {
	    [JSON_NULL] = "null", [JSON_FALSE] = "false", [JSON_TRUE] = "true"};

	if (v->type == JSON_STRING)
		json_write_string(out, v->text);
	else if (v->type <= JSON_TRUE)
		buf_append_cstr(out, words[v->type]);
	else
		buf_append_slice(out, v->text);
}

/* The lead as the webmaster sent it: without what the file adds, which would make each a payload of its own. */
static void write_lead(struct buf *out, const struct json *root)
{
	buf_reset(out);
	buf_append_char(out, '{');
	for (const struct json *m = root->child; m; m = m->next) {
		if (slice_is(m->key, "aff_id") || slice_is(m->key, "received_at"))
			continue;
		if (out->len > 1)
			buf_append_char(out, ',');
		json_write_string(out, m->key);
		buf_append_char(out, ':');
		write_value(out, m);
	}
	buf_append_char(out, '}');
	assert(!out->failed);
}

/* The reason why not; NULL: read, and j->lead is the rest of the line. */
static const char *read_extra(struct judge *j, struct slice line, struct extra *ret)
{
	struct json_fault fault;
	const struct json *root = json_parse(&j->arena, line, JSON_LIMITS_DEFAULT, &fault);
	const struct json *aff_id = json_member(root, "aff_id"),
			  *at = json_member(root, "received_at");

	if (!root || root->type != JSON_OBJECT)
		return "expected a JSON object";
	if (!aff_id || aff_id->type != JSON_STRING || aff_id->text.len == 0 ||
	    aff_id->text.len >= sizeof(ret->aff_id))
		return "aff_id: expected a text of 1 to 64 bytes";
	memcpy(ret->aff_id, aff_id->text.data, aff_id->text.len);
	ret->aff_id[aff_id->text.len] = '\0';
	if (at && at->type == JSON_NUMBER && at->is_integer)
		ret->received_at_ms = at->integer;
	else if (!at || at->type != JSON_STRING ||
		 !time_parse_rfc3339(at->text, &ret->received_at_ms))
		return "received_at: expected an RFC 3339 time, or Unix milliseconds";
	if (ret->received_at_ms < DRAFT_TIME_LEAST_MS)
		return "received_at: expected a time after 2000, in milliseconds";
	if (ret->received_at_ms < j->last_ms)
		return "received_at: expected not before the line before it";
	write_lead(&j->lead, root);
	return NULL;
}

/* As the front door does it, but for the vertical's own fields: what they must be is a network's to say. */
static bool read_draft(struct judge *j, const struct extra *extra, struct faults *faults,
		       const char **ret_why)
{
	Punnet__V1__Vertical any = PUNNET__V1__VERTICAL__INIT;
	struct draft_context context = {
	    .vertical = &any, .default_country = j->country, .now_ms = extra->received_at_ms};

	if (!draft_read_json(&j->draft, &j->arena, buf_slice(&j->lead), faults, ret_why))
		return false;
	draft_check(&j->draft, &context, faults);
	return true;
}

static struct lead_id id_of_line(const struct judge *j, int64_t received_at_ms)
{
	uint8_t random[10] = {0};

	memcpy(random, &j->line, sizeof(j->line));
	return lead_id_make(received_at_ms, random);
}

/* The record as it would stand in leads.raw. */
static const Punnet__V1__RawLead *build(struct judge *j, const struct extra *extra)
{
	struct fingerprint person;
	struct raw_lead_origin origin = {
	    .id = id_of_line(j, extra->received_at_ms),
	    .received_at_ms = extra->received_at_ms,
	    .aff_id = extra->aff_id,
	    .default_country = j->country,
	    .fingerprint_key = fingerprint_key,
	    .day_key = day_key,
	};

	buf_reset(&j->packed);
	raw_lead_build(&j->draft, &origin, &j->scratch, &j->packed, &person);
	assert(!j->packed.failed);
	return codec_unpack(&j->arena, &punnet__v1__raw_lead__descriptor, buf_slice(&j->packed));
}

static const Punnet__V1__Contact *open_contact(struct judge *j, const Punnet__V1__RawLead *raw)
{
	struct lead_id id;
	bool opened = lead_id_from_bytes(raw->lead_id.data, raw->lead_id.len, &id);

	buf_reset(&j->plain);
	opened = opened && seal_open(day_key, raw->contact->nonce.data, &id,
				     codec_bytes(raw->contact->box), &j->plain);
	assert(opened); /* it was sealed a moment ago */
	return codec_unpack(&j->arena, &punnet__v1__contact__descriptor, buf_slice(&j->plain));
}

/* --- writing --- */

static void write_reasons(struct buf *out, const char *name, const struct judged_reason *reasons,
			  size_t count)
{
	buf_printf(out, ",\"%s\":[", name);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_append_char(out, ',');
		json_write_string(out, slice_cstr(reason_code(reasons[i].finding.reason)));
	}
	buf_append_char(out, ']');
}

static void print_verdict(struct judge *j, const struct judgement *v)
{
	static const char *const verdicts[] = {[LEAD_ACCEPTED] = "accepted",
					       [LEAD_REJECTED] = "rejected",
					       [LEAD_QUARANTINED] = "quarantined"};

	buf_reset(&j->out);
	buf_printf(&j->out, "{\"line\":%llu,\"verdict\":\"%s\",\"score\":%d",
		   (unsigned long long)j->line, verdicts[v->verdict], v->score);
	write_reasons(&j->out, "reasons", v->reasons, v->reason_count);
	write_reasons(&j->out, "shadow", v->shadow, v->shadow_count);
	buf_printf(&j->out, ",\"ruleset\":\"%s\"}", j->rules.hash);
	puts(buf_cstr(&j->out));
	j->judged++;
}

static void print_unreadable(struct judge *j, const char *why, const struct faults *faults)
{
	buf_reset(&j->out);
	buf_printf(&j->out, "{\"line\":%llu,\"error\":", (unsigned long long)j->line);
	json_write_string(&j->out, slice_cstr(why));
	buf_append_cstr(&j->out, ",\"fields\":[");
	for (size_t i = 0; faults && i < MIN_OF(faults->count, (size_t)FAULTS_MAX); i++) {
		const struct fault *f = &faults->list[i];

		buf_append_cstr(&j->out, i > 0 ? ",{" : "{");
		json_write_member(&j->out, "field", f->field);
		buf_append_char(&j->out, ',');
		json_write_member(&j->out, "code", slice_cstr(f->code));
		buf_append_char(&j->out, '}');
	}
	buf_append_cstr(&j->out, "]}");
	puts(buf_cstr(&j->out));
	j->unreadable++;
}

/* --- judging --- */

static void judge_line(struct judge *j, struct slice line)
{
	struct faults faults = {.count = 0};
	struct desk_lead lead = {.raw_offset = j->line}, *leads[] = {&lead};
	struct extra extra;
	const char *why = read_extra(j, line, &extra);
	size_t judged;
	enum result r;

	if (why || !read_draft(j, &extra, &faults, &why)) {
		print_unreadable(j, why, NULL);
		return;
	}
	if (faults.count > 0) {
		print_unreadable(j, "the front door would not take this lead", &faults);
		return;
	}
	j->last_ms = extra.received_at_ms;
	lead.raw = build(j, &extra);
	assert(lead.raw);
	lead.contact = open_contact(j, lead.raw);
	r = desk_judge(j->desk, leads, 1, &j->arena, &judged, NULL);
	assert(r == RESULT_OK && judged == 1);
	print_verdict(j, &lead.judgement);
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
		arena_reset(&j->arena);
		if (line.len > LINE_MAX_BYTES)
			print_unreadable(j, "expected at most 64 KiB", NULL);
		else if (line.len > 0)
			judge_line(j, line);
	}
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

int command_judge(struct tool *t, int argc, char **argv)
{
	static struct judge j; /* too large for the stack */
	const char *leads = tool_option(&argc, argv, "--leads");
	const char *rules = tool_option(&argc, argv, "--rules");
	const char *country = tool_option(&argc, argv, "--country");
	int status;

	if (!leads || argc > 1)
		return tool_usage("judge", "expected --leads FILE.ndjson");
	j.tool = t;
	j.country = country ? country : "";
	status = load_rules(&j, rules);
	if (status != TOOL_DONE)
		return status;
	j.kv = kv_open("memory:", "", KV_TIMEOUT_MS, NULL);
	j.desk = desk_open(&(struct desk_options){
	    .rules = &j.rules, .kv = j.kv, .local.digest_key = fingerprint_key});
	status = judge_file(&j, leads);
	desk_close(j.desk);
	kv_close(j.kv);
	raw_lead_scratch_free(&j.scratch);
	arena_free(&j.arena);
	buf_free(&j.lead);
	buf_free(&j.packed);
	buf_free(&j.plain);
	buf_free(&j.out);
	return status;
}
