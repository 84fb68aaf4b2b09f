/* draft_read: a body, JSON or form, into a draft.
 *
 * Contract: types are checked here, contents in draft_check. In JSON a value of another type than the member's is a
 * fault; a form has texts only, which are converted. How it fails: what is not JSON, or not a form, is refused whole. */
#include <stdlib.h>

#include "base/timefmt.h"
#include "draft.h"

const struct field_spec lead_fields[LEAD_FIELD_COUNT] = {
#define FIELD(name, text, kind, max, help)                                                         \
	[LEAD_FIELD_##name] = {{text, sizeof(text) - 1}, FIELD_KIND_##kind, max, help},
#include "fields.def"
#undef FIELD
};

#define UTF8_WHY "the text is not UTF-8"

struct slice draft_text(const struct draft *d, enum lead_field field)
{
	return d->v[field].text;
}

static bool is_named(const struct field_spec *spec, struct slice name)
{
	return spec->name.len == name.len && slice_same_bytes(spec->name.data, name.data, name.len);
}

static _rare_ const struct field_spec *spec_search(uint8_t *guess, struct slice name)
{
	for (uint8_t i = 0; i < LEAD_FIELD_COUNT; i++) {
		if (is_named(&lead_fields[i], name)) {
			*guess = i;
			return &lead_fields[i];
		}
	}
	return NULL;
}

/* The field of that name, which is the place-th of the text. */
static const struct field_spec *spec_find(struct draft_guesses *guesses, size_t place,
					  struct slice name)
{
	uint8_t *guess = &guesses->field[place % DRAFT_GUESSES];
	const struct field_spec *spec = &lead_fields[*guess];

	return is_named(spec, name) ? spec : spec_search(guess, name);
}

static void draft_start(struct draft *d, bool form)
{
	/* The lists and fields are counted, so clearing what is behind the counts would be waste. */
	memset(d->v, 0, sizeof(d->v));
	d->form = d->may_hold_nul = form;
	d->pasted.count = d->focused.count = d->field_count = 0;
	d->phone_form = PHONE_NOT_DIGITS;
	d->phone[0] = d->email[0] = d->country[0] = '\0';
}

static struct draft_list *list_of(struct draft *d, const struct field_spec *spec)
{
	return spec == &lead_fields[LEAD_FIELD_PASTED_FIELDS] ? &d->pasted : &d->focused;
}

static void list_add(struct draft_list *list, const struct field_spec *spec, struct slice item,
		     struct faults *f)
{
	if (item.len == 0)
		return;
	if (list->count == DRAFT_LIST_MAX) {
		fault_add(f, spec->name, "too_many", "a list has at most 64 entries");
		return;
	}
	list->items[list->count++] = item;
}

/* --- `fields` --- */

static struct draft_field *field_add(struct draft *d, struct slice name, bool top, struct faults *f)
{
	const char *parent = top ? NULL : "fields";

	if (name.len == 0 || name.len > DRAFT_FIELD_NAME_MAX || draft_has_nul(d, name)) {
		fault_add_in(f, parent, name, "bad_name",
			     "a member's name has 1 to 64 bytes, none of them NUL");
		return NULL;
	}
	if (d->field_count == DRAFT_FIELDS_MAX) {
		fault_add_in(f, parent, name, "too_many",
			     "a lead has at most 64 members beyond the known ones");
		return NULL;
	}
	for (size_t i = 0; i < d->field_count; i++)
		if (slice_equal(d->fields[i].name, name)) {
			fault_add_in(f, parent, name, "duplicate", "this member is given twice");
			return NULL;
		}
	d->fields[d->field_count] = (struct draft_field){.name = name, .top = top};
	return &d->fields[d->field_count++];
}

static void field_from_json(struct draft *d, const struct json *value, bool top, struct faults *f)
{
	struct draft_field *field;

	if (value->type == JSON_NULL)
		return;
	field = field_add(d, value->key, top, f);
	if (!field)
		return;
	field->text = value->text;
	switch (value->type) {
	case JSON_STRING:
		field->type = DRAFT_TEXT;
		break;
	case JSON_NUMBER:
		field->type = value->is_integer ? DRAFT_INTEGER : DRAFT_DECIMAL;
		field->integer = value->integer;
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		field->type = DRAFT_FLAG;
		field->integer = value->type == JSON_TRUE;
		break;
	default:
		field->type = DRAFT_JSON;
	}
}

/* --- JSON --- */

static void list_from_json(struct draft *d, const struct field_spec *spec, const struct json *value,
			   struct faults *f)
{
	struct draft_list *list = list_of(d, spec);

	if (value->type != JSON_ARRAY) {
		fault_add(f, spec->name, "type", "expected an array of texts");
		return;
	}
	for (const struct json *item = value->child; item; item = item->next) {
		if (item->type != JSON_STRING) {
			fault_add(f, spec->name, "type", "expected an array of texts");
			return;
		}
		list_add(list, spec, item->text, f);
	}
}

static void time_from_text(struct draft_value *v, const struct field_spec *spec, struct slice text,
			   struct faults *f)
{
	if (text.len == 0)
		return;
	v->given = time_parse(text, &v->number);
	if (!v->given)
		fault_add(f, spec->name, "invalid",
			  "expected a time after RFC 3339, or Unix milliseconds");
}

static void value_from_json(struct draft *d, const struct field_spec *spec,
			    const struct json *value, struct faults *f)
{
	struct draft_value *v = &d->v[spec - lead_fields];

	if (value->type == JSON_NULL)
		return;
	switch (spec->kind) {
	case FIELD_KIND_LIST:
		list_from_json(d, spec, value, f);
		return;
	case FIELD_KIND_OBJECT:
		if (value->type != JSON_OBJECT) {
			fault_add(f, spec->name, "type", "expected an object");
			return;
		}
		for (const struct json *m = value->child; m; m = m->next)
			field_from_json(d, m, false, f);
		return;
	case FIELD_KIND_UINT:
		v->given = value->type == JSON_NUMBER && value->is_integer;
		v->number = value->integer;
		if (!v->given)
			fault_add(f, spec->name, "type", "expected an integer");
		return;
	case FIELD_KIND_FLAG:
		v->given = value->type == JSON_TRUE || value->type == JSON_FALSE;
		v->number = value->type == JSON_TRUE;
		if (!v->given)
			fault_add(f, spec->name, "type", "expected true or false");
		return;
	case FIELD_KIND_TIME:
		if (value->type == JSON_NUMBER && value->is_integer) {
			v->given = true;
			v->number = value->integer;
			return;
		}
		if (value->type == JSON_STRING)
			time_from_text(v, spec, value->text, f);
		else
			fault_add(f, spec->name, "type",
				  "expected a time after RFC 3339, or Unix milliseconds");
		return;
	default:
		if (value->type != JSON_STRING) {
			v->wrong = true;
			fault_add(f, spec->name, "type", "expected a text");
			return;
		}
		v->text = value->text;
		v->given = v->text.len > 0 || spec->kind == FIELD_KIND_HONEYPOT;
	}
}

struct json_reading {
	struct draft *draft;
	struct faults *faults;
	draft_own_fn own; /* or NULL */
	void *ctx;
	size_t place;
};

static void member_from_json(void *ctx, const struct json *m)
{
	struct json_reading *reading = ctx;
	const struct field_spec *spec;

	if (reading->own && reading->own(reading->ctx, m))
		return;
	spec = spec_find(&reading->draft->guesses, reading->place++, m->key);
	reading->draft->may_hold_nul |= m->holds_nul;
	if (spec)
		value_from_json(reading->draft, spec, m, reading->faults);
	else
		field_from_json(reading->draft, m, true, reading->faults);
}

bool draft_read_json(struct draft *d, struct arena *a, struct slice body, struct faults *f,
		     const char **ret_why)
{
	return draft_read_json_beside(d, a, body, NULL, NULL, f, ret_why);
}

bool draft_read_json_beside(struct draft *d, struct arena *a, struct slice body, draft_own_fn own,
			    void *ctx, struct faults *f, const char **ret_why)
{
	struct json_reading reading = {.draft = d, .faults = f, .own = own, .ctx = ctx};
	struct json_fault fault = {0};

	draft_start(d, false);
	switch (json_visit(a, body, JSON_LIMITS_DEFAULT, member_from_json, &reading, &fault)) {
	case JSON_VISITED:
		return true;
	case JSON_NO_OBJECT:
		*ret_why = "expected a JSON object";
		return false;
	default:
		*ret_why = arena_printf(a, "not JSON, at byte %zu: %s", fault.offset,
					fault.what ? fault.what : "");
		return false;
	}
}

/* --- forms --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Percent and plus decoding. false: a '%' that two hex digits do not follow. */
static bool form_decode(struct arena *a, struct slice in, struct slice *ret)
{
	char *out;
	size_t len = 0;

	if (!memchr(in.data ? in.data : "", '%', in.len) &&
	    !memchr(in.data ? in.data : "", '+', in.len)) {
		*ret = in;
		return true;
	}
	out = arena_alloc(a, in.len);
	for (size_t i = 0; i < in.len; i++) {
		if (in.data[i] == '+') {
			out[len++] = ' ';
		} else if (in.data[i] != '%') {
			out[len++] = in.data[i];
		} else {
			int high = i + 2 < in.len ? hex_digit(in.data[i + 1]) : -1;
			int low = i + 2 < in.len ? hex_digit(in.data[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			out[len++] = (char)(high << 4 | low);
			i += 2;
		}
	}
	*ret = slice_of(out, len);
	return true;
}

static void list_from_form(struct draft *d, const struct field_spec *spec, struct slice value,
			   struct faults *f)
{
	while (value.len > 0) {
		const char *comma = memchr(value.data, ',', value.len);
		size_t len = comma ? (size_t)(comma - value.data) : value.len;

		list_add(list_of(d, spec), spec, slice_trim(slice_of(value.data, len)), f);
		value.data += len + (comma ? 1 : 0);
		value.len -= len + (comma ? 1 : 0);
	}
}

static bool flag_from_text(struct slice text, int64_t *ret)
{
	*ret = slice_is(text, "true") || slice_is(text, "1") || slice_is(text, "on");
	return *ret || slice_is(text, "false") || slice_is(text, "0") || slice_is(text, "off");
}

static void value_from_form(struct draft *d, const struct field_spec *spec, struct slice value,
			    struct faults *f)
{
	struct draft_value *v = &d->v[spec - lead_fields];

	if (spec->kind == FIELD_KIND_LIST) {
		list_from_form(d, spec, value, f);
		return;
	}
	if (v->given) {
		fault_add(f, spec->name, "duplicate", "this member is given twice");
		return;
	}
	if (value.len == 0 && spec->kind != FIELD_KIND_HONEYPOT)
		return;
	switch (spec->kind) {
	case FIELD_KIND_OBJECT:
		fault_add(f, spec->name, "type", "a form gives these as fields[name]=value");
		return;
	case FIELD_KIND_UINT:
		v->given = slice_to_int64(value, &v->number);
		if (!v->given)
			fault_add(f, spec->name, "type", "expected an integer");
		return;
	case FIELD_KIND_FLAG:
		v->given = flag_from_text(value, &v->number);
		if (!v->given)
			fault_add(f, spec->name, "type", "expected true or false");
		return;
	case FIELD_KIND_TIME:
		time_from_text(v, spec, value, f);
		return;
	default:
		v->text = value;
		v->given = true;
	}
}

static void pair_from_form(struct draft *d, struct slice name, struct slice value, size_t place,
			   struct faults *f)
{
	const struct field_spec *spec = spec_find(&d->guesses, place, name);
	struct draft_field *field;
	bool top = true;

	if (spec) {
		value_from_form(d, spec, value, f);
		return;
	}
	if (slice_starts_with(name, "fields[") && name.data[name.len - 1] == ']') {
		name = slice_of(name.data + 7, name.len - 8);
		top = false;
	}
	if (value.len == 0)
		return;
	field = field_add(d, name, top, f);
	if (field)
		field->text = value;
}

bool draft_read_form(struct draft *d, struct arena *a, struct slice body, struct faults *f,
		     const char **ret_why)
{
	size_t pairs = 0;

	draft_start(d, true);
	while (body.len > 0) {
		const char *end = memchr(body.data, '&', body.len);
		struct slice pair = slice_of(body.data, end ? (size_t)(end - body.data) : body.len),
			     name, value;
		const char *equals = memchr(pair.data, '=', pair.len);
		size_t name_len = equals ? (size_t)(equals - pair.data) : pair.len;

		body.data += pair.len + (end ? 1 : 0);
		body.len -= pair.len + (end ? 1 : 0);
		if (pair.len == 0)
			continue;
		if (++pairs > DRAFT_FORM_PAIRS_MAX) {
			*ret_why = "a form has at most 256 members";
			return false;
		}
		if (!form_decode(a, slice_of(pair.data, name_len), &name) ||
		    !form_decode(a,
				 equals ? slice_of(equals + 1, pair.len - name_len - 1) : SLICE(""),
				 &value)) {
			*ret_why = "a '%' must be followed by two hex digits";
			return false;
		}
		if (!slice_utf8_valid(name) || !slice_utf8_valid(value)) {
			*ret_why = UTF8_WHY;
			return false;
		}
		pair_from_form(d, name, value, pairs, f);
	}
	return true;
}
