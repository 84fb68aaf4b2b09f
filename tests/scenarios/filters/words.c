/* words: see words.h. */
#include "words.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/timefmt.h"

#define CONSENT_HASH_LEN 32

/* Words that are a member of one of the lead's messages, with the value as it stands. */
enum home { IN_LEAD, IN_SUBMISSION, IN_CONTACT };
static const struct {
	const char *word;
	enum home home;
	size_t at;
} texts[] = {
    {"country", IN_LEAD, offsetof(Punnet__V1__Lead, country)},
    {"from", IN_LEAD, offsetof(Punnet__V1__Lead, aff_id)},
    {"os", IN_LEAD, offsetof(Punnet__V1__Lead, os)},
    {"language", IN_LEAD, offsetof(Punnet__V1__Lead, language)},
    {"sub1", IN_LEAD, offsetof(Punnet__V1__Lead, sub1)},
    {"city", IN_LEAD, offsetof(Punnet__V1__Lead, city)},
    {"postal", IN_LEAD, offsetof(Punnet__V1__Lead, postal_code)},
    {"ua", IN_SUBMISSION, offsetof(Punnet__V1__Submission, user_agent)},
    {"device", IN_SUBMISSION, offsetof(Punnet__V1__Submission, device_id)},
    {"email", IN_CONTACT, offsetof(Punnet__V1__Contact, email)},
    {"ip", IN_CONTACT, offsetof(Punnet__V1__Contact, ip)},
    {"name", IN_CONTACT, offsetof(Punnet__V1__Contact, name)},
    {"first", IN_CONTACT, offsetof(Punnet__V1__Contact, first_name)},
    {"middle", IN_CONTACT, offsetof(Punnet__V1__Contact, middle_name)},
    {"last", IN_CONTACT, offsetof(Punnet__V1__Contact, last_name)},
};

static void *home_of(const struct script_words *w, enum home home)
{
	switch (home) {
	case IN_LEAD:
		return w->lead;
	case IN_SUBMISSION:
		return w->submission;
	case IN_CONTACT:
		return w->contact;
	}
	abort();
}

bool script_word(struct slice *text, struct slice *ret)
{
	struct slice s = slice_trim(*text);
	bool remark = s.len > 1 && s.data[0] == '(' && s.data[1] >= 'a' && s.data[1] <= 'z';
	bool quoted = false;
	size_t len = 0;

	if (s.len == 0)
		return false;
	while (len < s.len && (remark   ? s.data[len] != ')'
			       : quoted ? true
					: s.data[len] != ' ' && s.data[len] != '\t')) {
		if (!remark && s.data[len] == '"')
			quoted = !quoted;
		len++;
	}
	if (remark && len < s.len)
		len++;
	*ret = slice_of(s.data, len);
	*text = slice_of(s.data + len, s.len - len);
	return true;
}

static bool value_of(struct slice word, const char *name, struct slice *ret)
{
	size_t len = strlen(name);

	if (!slice_starts_with(word, name) || word.len <= len || word.data[len] != '=')
		return false;
	*ret = slice_of(word.data + len + 1, word.len - len - 1);
	if (ret->len >= 2 && ret->data[0] == '"' && ret->data[ret->len - 1] == '"')
		*ret = slice_of(ret->data + 1, ret->len - 2);
	return true;
}

static bool is_phone_part(struct slice word)
{
	for (size_t i = 0; i < word.len; i++) {
		if (!strchr("0123456789+()-.", word.data[i]))
			return false;
	}
	return true;
}

bool script_span(struct slice text, int64_t *ret_ms)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = {{'s', MS_PER_S}, {'m', MS_PER_MIN}, {'h', MS_PER_HOUR}, {'d', MS_PER_DAY}};
	const char *dot = memchr(text.data, '.', text.len);
	struct slice whole = text, tenths = {0};
	int64_t count, fraction = 0;

	if (text.len < 2)
		return false;
	whole.len = dot ? (size_t)(dot - text.data) : text.len - 1;
	if (dot)
		tenths = slice_of(dot + 1, text.len - whole.len - 2);
	if (!slice_to_int64(whole, &count) ||
	    (dot && (tenths.len != 1 || !slice_to_int64(tenths, &fraction))))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (text.data[text.len - 1] == units[i].unit) {
			*ret_ms = count * units[i].ms + fraction * units[i].ms / 10;
			return true;
		}
	}
	return false;
}

static bool read_before(const struct script_words *w, struct slice text, int64_t *ret_ms)
{
	int64_t span_ms;

	if (!script_span(text, &span_ms))
		return false;
	*ret_ms = w->at_ms - span_ms;
	return true;
}

static bool read_list(struct script_words *w, struct slice text, char ***ret, size_t *ret_count)
{
	*ret = arena_calloc(w->arena, SCRIPT_LIST_MAX, sizeof(**ret));
	*ret_count = 0;
	while (text.len > 0 && *ret_count < SCRIPT_LIST_MAX) {
		const char *comma = memchr(text.data, ',', text.len);
		size_t len = comma ? (size_t)(comma - text.data) : text.len;

		(*ret)[(*ret_count)++] = arena_cstr(w->arena, slice_of(text.data, len));
		text = slice_of(text.data + len, text.len - len);
		if (comma)
			text = slice_of(text.data + 1, text.len - 1);
	}
	return text.len == 0;
}

/* field=NAME:TEXT, one of the vertical's own. */
static bool read_field(struct script_words *w, struct slice text)
{
	const char *colon = memchr(text.data, ':', text.len);
	Punnet__V1__Field *field = arena_alloc(w->arena, sizeof(*field));
	Punnet__V1__Lead *lead = w->lead;

	if (!colon || lead->n_fields == SCRIPT_LIST_MAX)
		return false;
	punnet__v1__field__init(field);
	field->name = arena_cstr(w->arena, slice_of(text.data, (size_t)(colon - text.data)));
	field->value_case = PUNNET__V1__FIELD__VALUE_TEXT;
	field->text =
	    arena_cstr(w->arena, slice_of(colon + 1, text.len - (size_t)(colon + 1 - text.data)));
	if (!lead->fields)
		lead->fields = arena_calloc(w->arena, SCRIPT_LIST_MAX, sizeof(struct field *));
	lead->fields[lead->n_fields++] = field;
	return true;
}

static bool read_remark(struct script_words *w, struct slice word)
{
	if (slice_is(word, "(redelivered)"))
		return w->redelivered = true;
	if (slice_is(word, "(stored twice)"))
		return w->redelivered = w->stored_twice = true;
	if (slice_is(word, "(contact destroyed)"))
		return w->destroyed = true;
	return slice_is(word, "(no phone)");
}

static bool read_flag(struct script_words *w, struct slice word)
{
	Punnet__V1__Submission *s = w->submission;

	if (slice_is(word, "honeypot") || slice_is(word, "honeypot-empty")) {
		s->honeypot_case = PUNNET__V1__SUBMISSION__HONEYPOT_HONEYPOT_FILLED;
		s->honeypot_filled = slice_is(word, "honeypot");
		return true;
	}
	if (!slice_is(word, "consent-text"))
		return false;
	s->consent_text_sha256.data = arena_calloc(w->arena, 1, CONSENT_HASH_LEN);
	s->consent_text_sha256.len = CONSENT_HASH_LEN;
	return true;
}

static bool read_value(struct script_words *w, struct slice word, bool *ret_good)
{
	Punnet__V1__Submission *s = w->submission;
	struct slice value;
	int64_t span_ms = 0;

	if (value_of(word, "key", &w->key))
		*ret_good = true;
	else if (value_of(word, "filled", &value)) {
		*ret_good = script_span(value, &span_ms);
		s->filled_case = PUNNET__V1__SUBMISSION__FILLED_FILLED_MS;
		s->filled_ms = (uint32_t)span_ms;
	} else if (value_of(word, "started", &value))
		*ret_good = read_before(w, value, &s->form_started_at_ms);
	else if (value_of(word, "clicked", &value))
		*ret_good = read_before(w, value, &s->clicked_at_ms);
	else if (value_of(word, "consented", &value))
		*ret_good = read_before(w, value, &s->consented_at_ms);
	else if (value_of(word, "pasted", &value))
		*ret_good = read_list(w, value, &s->pasted_fields, &s->n_pasted_fields);
	else if (value_of(word, "focused", &value))
		*ret_good = read_list(w, value, &s->focused_fields, &s->n_focused_fields);
	else if (value_of(word, "field", &value))
		*ret_good = read_field(w, value);
	else
		return false;
	return true;
}

void script_words_begin(struct script_words *w, struct arena *a, int64_t at_ms)
{
	*w = (struct script_words){.arena = a, .at_ms = at_ms};
	w->lead = arena_alloc(a, sizeof(*w->lead));
	w->submission = arena_alloc(a, sizeof(*w->submission));
	w->contact = arena_alloc(a, sizeof(*w->contact));
	punnet__v1__lead__init(w->lead);
	punnet__v1__submission__init(w->submission);
	punnet__v1__contact__init(w->contact);
	w->lead->country = arena_cstr(a, SLICE("RU"));
	w->lead->aff_id = arena_cstr(a, SLICE("w1"));
	w->lead->received_at_ms = at_ms;
}

bool script_words_read(struct script_words *w, struct slice word)
{
	struct slice value;
	bool good = false;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (!value_of(word, texts[i].word, &value))
			continue;
		*(char **)((char *)home_of(w, texts[i].home) + texts[i].at) =
		    arena_cstr(w->arena, value);
		return true;
	}
	if (read_value(w, word, &good))
		return good;
	if (read_flag(w, word) || read_remark(w, word))
		return true;
	if (!is_phone_part(word))
		return false;
	if (w->phone.len > 0)
		buf_append_char(&w->phone, ' ');
	buf_append_slice(&w->phone, word);
	return true;
}

void script_words_end(struct script_words *w)
{
	buf_free(&w->phone);
}
