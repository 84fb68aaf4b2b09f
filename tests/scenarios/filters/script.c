/* script: see script.h. */
#include "script.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/timefmt.h"
#include "filter-worker/shell/agents_open.h"
#include "filter-worker/shell/rules_file.h"
#include "lead/contact.h"
#include "lead/fingerprint.h"
#include "repeat.h"
#include "words.h"

static const uint8_t scenario_key[FINGERPRINT_KEY_LEN] = "a key for scenarios only, 32 by";

void script_fault(struct script *s, int line, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", s->file, line);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	s->faults++;
}

static ProtobufCBinaryData fingerprint(struct script *s, enum fingerprint_domain domain,
				       struct slice value)
{
	struct fingerprint f = fingerprint_of(scenario_key, domain, value);
	struct slice kept = arena_dup(&s->arena, slice_of(f.bytes, f.known ? FINGERPRINT_LEN : 0));

	return (ProtobufCBinaryData){.len = kept.len, .data = (uint8_t *)kept.data};
}

static struct slice normal_phone(struct script *s, struct slice typed, struct slice country)
{
	char text[PHONE_TEXT_MAX];

	if (typed.len == 0 || phone_normalise(typed, country, text) == PHONE_NOT_DIGITS)
		return typed;
	return slice_cstr(arena_cstr(&s->arena, slice_cstr(text)));
}

static struct slice normal_email(struct script *s, struct slice typed)
{
	char text[EMAIL_TEXT_MAX + 1];

	if (typed.len == 0)
		return typed;
	(void)email_normalise(typed, text);
	return slice_cstr(arena_cstr(&s->arena, slice_cstr(text)));
}

static struct slice mailbox_of(struct script *s, struct slice email)
{
	char text[EMAIL_TEXT_MAX + 1];

	if (!email_canonical(email, text))
		return (struct slice){0};
	return slice_cstr(arena_cstr(&s->arena, slice_cstr(text)));
}

static void fill_prints(struct script *s, struct script_lead *lead, const struct script_words *w,
			struct slice payload)
{
	Punnet__V1__Fingerprints *f = arena_alloc(&s->arena, sizeof(*f));
	struct slice phone = normal_phone(s, buf_slice(&w->phone), slice_cstr(w->lead->country));
	struct slice email = normal_email(s, slice_cstr(w->contact->email));

	punnet__v1__fingerprints__init(f);
	f->phone = fingerprint(s, FINGERPRINT_PHONE, phone);
	f->email = fingerprint(s, FINGERPRINT_EMAIL, email);
	f->mailbox = fingerprint(s, FINGERPRINT_MAILBOX, mailbox_of(s, email));
	f->payload = fingerprint(s, FINGERPRINT_PAYLOAD, payload);
	f->idempotency = fingerprint(s, FINGERPRINT_IDEMPOTENCY, w->key);
	f->device = fingerprint(s, FINGERPRINT_DEVICE, slice_cstr(w->submission->device_id));
	f->ip = fingerprint(s, FINGERPRINT_IP, slice_cstr(w->contact->ip));
	f->person = f->phone.len > 0 ? f->phone : f->email;
	w->contact->phone = arena_cstr(&s->arena, phone);
	lead->raw->fingerprints = f;
	lead->contact = w->destroyed ? NULL : w->contact;
}

static void give_id(struct script *s, struct script_lead *lead, int64_t at_ms)
{
	struct lead_id id;
	uint8_t random[10] = {0};

	random[9] = (uint8_t)s->count;
	random[8] = (uint8_t)(s->count >> 8);
	id = lead_id_make(at_ms, random);

	struct slice kept = arena_dup(&s->arena, slice_of(id.bytes, sizeof(id.bytes)));

	lead->raw->lead_id = (ProtobufCBinaryData){.len = kept.len, .data = (uint8_t *)kept.data};
}

static void make_lead(struct script *s, struct script_lead *lead, const struct script_words *w,
		      struct slice vertical, struct slice payload)
{
	const struct script_lead *first = map_get(&s->names, lead->name);

	lead->raw_offset = s->count + 1; /* the log's order is the script's */
	if (w->redelivered && first) {
		lead->raw = first->raw;
		lead->contact = first->contact;
		lead->raw_offset = w->stored_twice ? lead->raw_offset : first->raw_offset;
		return;
	}
	if (w->redelivered || first) {
		script_fault(s, s->line, "lead " SLICE_FMT ": %s", SLICE_ARG(lead->name),
			     first ? "the name is taken" : "redelivered, but never delivered");
		return;
	}
	lead->raw = arena_alloc(&s->arena, sizeof(*lead->raw));
	punnet__v1__raw_lead__init(lead->raw);
	give_id(s, lead, w->at_ms);
	w->lead->vertical = arena_cstr(&s->arena, vertical);
	lead->raw->lead = w->lead;
	lead->raw->submission = w->submission;
	fill_prints(s, lead, w, payload);
	map_put(&s->names, lead->name, lead);
}

static bool read_time(struct slice date, struct slice clock, int64_t *ret_ms)
{
	_cleanup_(buf_free) struct buf text = {0};

	buf_printf(&text, SLICE_FMT "T" SLICE_FMT "%sZ", SLICE_ARG(date), SLICE_ARG(clock),
		   clock.len == 5 ? ":00" : "");
	return time_parse_rfc3339(buf_slice(&text), ret_ms);
}

static void read_lead(struct script *s, struct slice date, struct slice rest, int64_t later_ms)
{
	struct script_lead *lead = &s->leads[s->count];
	struct script_words words;
	const char *arrow = memmem(rest.data, rest.len, "->", 2);
	struct slice clock, word, vertical, name, payload;
	int64_t at_ms;

	if (!arrow || s->count == SCRIPT_LEADS_MAX) {
		script_fault(s, s->line, "expected `-> what is expected`, and at most %d leads",
			     SCRIPT_LEADS_MAX);
		return;
	}

	struct slice before = slice_of(rest.data, (size_t)(arrow - rest.data));

	if (!script_word(&before, &clock) || !read_time(date, clock, &at_ms) ||
	    !script_word(&before, &word) || !slice_is(word, "lead") ||
	    !script_word(&before, &name) || !script_word(&before, &vertical)) {
		script_fault(s, s->line, "expected `DATE TIME lead NAME VERTICAL …`");
		return;
	}
	at_ms += later_ms;
	payload = slice_trim(slice_of(vertical.data, (size_t)(arrow - vertical.data)));
	script_words_begin(&words, &s->arena, at_ms);
	while (script_word(&before, &word)) {
		if (!script_words_read(&words, word))
			script_fault(s, s->line, "not understood: " SLICE_FMT, SLICE_ARG(word));
	}
	*lead = (struct script_lead){.line = s->line, .name = name};
	lead->expected =
	    slice_trim(slice_of(arrow + 2, rest.len - (size_t)(arrow + 2 - rest.data)));
	make_lead(s, lead, &words, vertical, payload);
	script_words_end(&words);
	s->count++;
}

static void read_leads(struct script *s, struct slice date, struct slice rest)
{
	struct repeat r;

	if (!repeat_read(rest, &r)) {
		read_lead(s, date, rest, 0);
		return;
	}
	for (int64_t i = 0; i < r.times && s->faults == 0; i++)
		read_lead(s, date, repeat_line(&r, rest, i, &s->arena), i * r.every_ms);
}

/* `rules NAME {…}` becomes one item of the list of a rule file, so that both are read by the same code. */
static void read_rule(struct script *s, struct slice rest)
{
	struct slice name;

	if (!script_word(&rest, &name))
		return;
	rest = slice_trim(rest);
	if (rest.len > 0)
		buf_printf(&s->rules_text, "  - " SLICE_FMT ": " SLICE_FMT "\n", SLICE_ARG(name),
			   SLICE_ARG(rest));
	else
		buf_printf(&s->rules_text, "  - " SLICE_FMT "\n", SLICE_ARG(name));
}

static void read_suppressed(struct script *s, struct slice rest)
{
	struct slice who, list;

	if (!script_word(&rest, &who) || !script_word(&rest, &list)) {
		script_fault(s, s->line, "expected `suppressed PHONE-OR-EMAIL LIST`");
		return;
	}
	bool email = memchr(who.data, '@', who.len);
	enum fingerprint_domain domain = email ? FINGERPRINT_EMAIL : FINGERPRINT_PHONE;
	ProtobufCBinaryData f = fingerprint(
	    s, domain, email ? normal_email(s, who) : normal_phone(s, who, SLICE("RU")));

	if (!s->suppressions)
		s->suppressions = suppressions_new();
	suppressions_put(s->suppressions, domain, slice_of(f.data, f.len), list);
}

/* verdicts WEBMASTER VERTICAL APPROVED/RETURNED */
static void read_verdicts(struct script *s, struct slice rest)
{
	struct slice webmaster, vertical, sums = {0};
	const char *slash = NULL;
	int64_t approved = -1, returned = -1;

	if (script_word(&rest, &webmaster) && script_word(&rest, &vertical) &&
	    script_word(&rest, &sums))
		slash = memchr(sums.data, '/', sums.len);
	if (!slash ||
	    !slice_to_int64(slice_of(sums.data, (size_t)(slash - sums.data)), &approved) ||
	    !slice_to_int64(slice_of(slash + 1, sums.len - (size_t)(slash + 1 - sums.data)),
			    &returned) ||
	    approved < 0 || returned < 0) {
		script_fault(s, s->line,
			     "expected `verdicts WEBMASTER VERTICAL APPROVED/RETURNED`");
		return;
	}
	if (!s->verdicts)
		s->verdicts = verdict_book_new();
	verdict_book_put(s->verdicts, vertical, webmaster, approved, returned);
}

/* A customer's phone or e-mail becomes the fingerprint that a lead of theirs has. */
static struct slice customer_entry(struct script *s, struct slice who)
{
	bool email = memchr(who.data, '@', who.len);
	enum fingerprint_domain domain = email ? FINGERPRINT_EMAIL : FINGERPRINT_PHONE;
	ProtobufCBinaryData f = fingerprint(
	    s, domain, email ? normal_email(s, who) : normal_phone(s, who, SLICE("RU")));
	char *hex = arena_alloc(&s->arena, 2 * FINGERPRINT_LEN + 1);

	sodium_bin2hex(hex, 2 * FINGERPRINT_LEN + 1, f.data, f.len);
	return slice_cstr(hex);
}

static void read_list(struct script *s, struct slice rest)
{
	enum list_name name;
	struct slice word, entry;
	const char *why;

	if (!script_word(&rest, &word) || !list_from_text(word, &name) ||
	    !script_word(&rest, &entry)) {
		script_fault(s, s->line, "expected `list LIST ENTRY`");
		return;
	}
	rest = slice_trim(rest);
	if (name == LIST_CUSTOMERS)
		entry = customer_entry(s, entry);
	else if (rest.len > 0)
		entry.len = (size_t)(rest.data + rest.len - entry.data);
	if (!s->list_builder)
		s->list_builder = named_lists_builder_new();
	why = named_lists_add(s->list_builder, name, entry, rest);
	if (why)
		script_fault(s, s->line, "%s", why);
}

static void read_lists(struct script *s, struct slice rest)
{
	struct error error = {0};

	if (!slice_is(slice_trim(rest), "compiled"))
		script_fault(s, s->line, "expected `lists compiled`");
	s->compiled_lists = lists_holder_open(lists_standard_folder(), &error);
	if (!s->compiled_lists)
		script_fault(s, s->line, "%s", error.text);
}

static void read_mail_domain(struct script *s, struct slice rest)
{
	struct slice domain, text;
	enum mx_mail mail;

	if (!script_word(&rest, &domain) || !script_word(&rest, &text) ||
	    !mx_mail_from_text(text, &mail)) {
		script_fault(s, s->line,
			     "expected `mail_domain DOMAIN mx|address_only|none|null_mx`");
		return;
	}
	if (!s->mx)
		s->mx = mx_open(&(struct mx_options){.no_dns = true}, NULL);
	assert(s->mx);
	mx_teach(s->mx, domain, mail);
}

static void read_network(struct script *s, struct slice line)
{
	const char *fault = ip_table_add(&s->networks, line);

	if (fault)
		script_fault(s, s->line, "%s", fault);
}

static void open_agents(struct script *s)
{
	struct error error;

	agents_close(s->agents);
	s->agents = agents_open(".cache/data/agent-patterns.tsv", "rules/agents.txt", &error);
	if (!s->agents)
		script_fault(s, s->line, "%s", error.text);
}

/* What the script says itself, and the compiled lists where it asks for them. */
static void set_lists(struct script *s)
{
	if (s->compiled_lists)
		s->lists.named = lists_holder_get(s->compiled_lists)->named;
	if (s->list_builder && !s->compiled_lists) {
		named_lists_write(s->list_builder, &s->list_bytes);
		s->own_lists = named_lists_open(buf_slice(&s->list_bytes), NULL);
		assert(s->own_lists);
		s->lists.named = s->own_lists;
	}
	ip_table_sort(&s->networks);
	s->ip.table = &s->networks;
	s->lists.ip = s->networks.count > 0 ? &s->ip : NULL;
	s->lists.agents = s->agents;
}

static void read_line(struct script *s, struct slice line, struct buf *head)
{
	const char *comment = memchr(line.data, '#', line.len);
	struct slice word;

	if (comment)
		line.len = (size_t)(comment - line.data);
	if (!script_word(&line, &word))
		return;
	if (slice_is(word, "rules"))
		read_rule(s, line);
	else if (slice_is(word, "reject_at") || slice_is(word, "quarantine_at") ||
		 slice_is(word, "scopes"))
		buf_printf(head, SLICE_FMT ": " SLICE_FMT "\n", SLICE_ARG(word),
			   SLICE_ARG(slice_trim(line)));
	else if (slice_is(word, "suppressed"))
		read_suppressed(s, line);
	else if (slice_is(word, "verdicts"))
		read_verdicts(s, line);
	else if (slice_is(word, "list"))
		read_list(s, line);
	else if (slice_is(word, "lists"))
		read_lists(s, line);
	else if (slice_is(word, "mail_domain"))
		read_mail_domain(s, line);
	else if (slice_is(word, "network"))
		read_network(s, line);
	else if (slice_is(word, "agents"))
		open_agents(s);
	else
		read_leads(s, word, line);
}

static void read_rules(struct script *s, const struct buf *head)
{
	_cleanup_(buf_free) struct buf text = {0};
	_cleanup_(yaml_faults_free) struct yaml_faults faults = {.file = s->file};

	if (s->rules_text.len == 0 && head->len == 0) {
		ruleset_standard(&s->rules);
		return;
	}
	buf_append_slice(&text, buf_slice(head));
	buf_append_cstr(&text, "filters:\n");
	buf_append_slice(&text, buf_slice(&s->rules_text));
	if (rules_file_read(buf_slice(&text), &s->rules, &faults) != RESULT_OK)
		script_fault(s, 1, "in the rules: %s", buf_cstr(&faults.text));
}

static char *read_file(struct script *s, const char *path, size_t *ret_len)
{
	_cleanup_(buf_free) struct buf text = {0};
	FILE *f = fopen(path, "r");
	char chunk[4096];
	size_t got;

	if (!f)
		return NULL;
	while ((got = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_append(&text, chunk, got);
	fclose(f);
	*ret_len = text.len;
	return arena_cstr(&s->arena, buf_slice(&text));
}

bool script_load(struct script *s, const char *path)
{
	_cleanup_(buf_free) struct buf head = {0};
	size_t len = 0;

	s->file = path;

	char *text = read_file(s, path, &len);
	char *end = text ? text + len : NULL;

	if (!text)
		script_fault(s, 0, "can't be read");
	for (char *at = text; at < end; s->line++) {
		char *next = memchr(at, '\n', (size_t)(end - at));

		next = next ? next : end;
		s->line = s->line ? s->line : 1;
		read_line(s, slice_of(at, (size_t)(next - at)), &head);
		at = next + 1;
	}
	set_lists(s);
	if (s->faults == 0)
		read_rules(s, &head);
	return s->faults == 0;
}

void script_free(struct script *s)
{
	suppressions_free(s->suppressions);
	verdict_book_free(s->verdicts);
	named_lists_free(s->own_lists);
	named_lists_builder_free(s->list_builder);
	lists_holder_close(s->compiled_lists);
	buf_free(&s->list_bytes);
	mx_close(s->mx);
	ip_table_free(&s->networks);
	agents_close(s->agents);
	map_free(&s->names);
	buf_free(&s->rules_text);
	arena_free(&s->arena);
}
