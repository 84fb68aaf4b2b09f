/* draft_check: every fault of a lead at once, and what is right made canonical.
 *
 * Contract: pure; "now" is an argument. It judges form only: whether a phone exists, a mailbox is real or a person is
 * honest is for the filters. How it fails: by faults, never by dropping what it does not like. */
#include <arpa/inet.h> /* inet_pton and inet_ntop: text to bytes and back, no network */

#include "draft.h"
#include "page_address.h"

#define TOO_LONG_DETAIL "longer than this member may be"

static bool is_unreserved_tag(struct slice text)
{
	if (text.len < 2)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && !(i > 0 && ((c >= '0' && c <= '9') || c == '-' || c == '_')))
			return false;
	}
	return true;
}

static bool is_hex(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
			return false;
	}
	return true;
}

/* As inet_pton() takes it: four numbers up to 255, no leading zeros. */
static bool is_ipv4(struct slice text)
{
	unsigned value = 0, digits = 0, dots = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';

		if (text.data[i] == '.') {
			if (digits == 0 || ++dots > 3)
				return false;
			value = digits = 0;
			continue;
		}
		value = value * 10 + digit;
		if (digit > 9 || value > 255 || (digits > 0 && value < 10))
			return false;
		digits++;
	}
	return dots == 3 && digits > 0;
}

static bool is_ipv6(struct slice text)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	return inet_pton(AF_INET6, copy, bytes) == 1;
}

static void check_country(struct draft *d, const struct field_spec *spec, struct slice text,
			  struct faults *f)
{
	for (size_t i = 0; i < 2 && text.len == 2; i++) {
		char c = text.data[i];

		d->country[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	d->country[text.len == 2 ? 2 : 0] = '\0';
	if (text.len == 2 && country_known(slice_cstr(d->country)))
		return;
	d->country[0] = '\0';
	fault_add(f, spec->name, "unknown_country", "expected two letters after ISO 3166-1");
}

static void check_text(struct draft *d, const struct field_spec *spec, struct faults *f)
{
	struct slice text = d->v[spec - lead_fields].text;

	if (draft_has_nul(d, text)) {
		fault_add(f, spec->name, "nul", "a text holds no NUL");
		return;
	}
	if (text.len > spec->max && spec->kind != FIELD_KIND_COUNTRY) {
		fault_add(f, spec->name, "too_long", TOO_LONG_DETAIL);
		return;
	}
	switch (spec->kind) {
	case FIELD_KIND_COUNTRY:
		check_country(d, spec, text, f);
		return;
	case FIELD_KIND_IP:
		if (!is_ipv4(text) && !is_ipv6(text))
			fault_add(f, spec->name, "invalid", "expected an IPv4 or IPv6 address");
		return;
	case FIELD_KIND_HEX:
		if (text.len != spec->max || !is_hex(text))
			fault_add(f, spec->name, "invalid", "expected 64 hex digits");
		return;
	case FIELD_KIND_LANGUAGE:
		if (!is_unreserved_tag(text))
			fault_add(f, spec->name, "invalid",
				  "expected a language tag, for example ru-RU");
		return;
	default:
		return;
	}
}

static void check_list(const struct draft *d, const struct draft_list *list,
		       const struct field_spec *spec, struct faults *f)
{
	for (size_t i = 0; i < list->count; i++) {
		if (draft_has_nul(d, list->items[i])) {
			fault_add(f, spec->name, "nul", "a text holds no NUL");
			return;
		}
		if (list->items[i].len > spec->max) {
			fault_add(f, spec->name, "too_long", "an entry has at most 64 bytes");
			return;
		}
	}
}

static void check_known(struct draft *d, int64_t now_ms, struct faults *f)
{
	for (size_t i = 0; i < LEAD_FIELD_COUNT; i++) {
		const struct field_spec *spec = &lead_fields[i];
		const struct draft_value *v = &d->v[i];

		if (!v->given)
			continue;
		switch (spec->kind) {
		case FIELD_KIND_TIME:
			if (v->number < DRAFT_TIME_LEAST_MS || v->number > now_ms + MS_PER_DAY)
				fault_add(f, spec->name, "out_of_range",
					  "expected a time from 2000 until tomorrow");
			break;
		case FIELD_KIND_UINT:
			if (v->number < 0 || v->number > (int64_t)spec->max)
				fault_add(f, spec->name, "out_of_range",
					  "expected an integer from 0 to 4294967295");
			break;
		case FIELD_KIND_FLAG:
		case FIELD_KIND_LIST:
		case FIELD_KIND_OBJECT:
			break;
		default:
			check_text(d, spec, f);
		}
	}
	check_list(d, &d->pasted, &lead_fields[LEAD_FIELD_PASTED_FIELDS], f);
	check_list(d, &d->focused, &lead_fields[LEAD_FIELD_FOCUSED_FIELDS], f);
}

/* --- the contact --- */

static void check_contact(struct draft *d, const char *default_country, struct faults *f)
{
	const struct draft_value *phone = &d->v[LEAD_FIELD_PHONE], *email = &d->v[LEAD_FIELD_EMAIL];
	struct slice country = slice_cstr(d->country[0] ? d->country : default_country);

	if (!phone->given && !email->given) {
		if (!phone->wrong && !email->wrong)
			fault_add(f, SLICE("phone"), "required", "phone or email is required");
		return;
	}
	if (phone->given && phone->text.len <= lead_fields[LEAD_FIELD_PHONE].max) {
		d->phone_form = phone_normalise(phone->text, country, d->phone);
		if (d->phone_form == PHONE_NOT_DIGITS)
			fault_add(f, SLICE("phone"), "invalid",
				  "expected 5 to 15 digits, with the usual separators");
	}
	if (email->given) {
		/* An address that is not well formed is taken in: the filters reject it, with their reason. */
		(void)email_normalise(email->text, d->email);
		if (d->email[0] == '\0')
			fault_add(f, SLICE("email"), "invalid", "expected an address");
	}
}

/* --- the vertical's own fields --- */

/* A decimal's whole part, and whether anything but zeros follows it; false: not a plain decimal. */
static bool decimal_parts(struct slice text, int64_t *ret_whole, bool *ret_more)
{
	const char *point = memchr(text.data ? text.data : "", '.', text.len);
	size_t whole = point ? (size_t)(point - text.data) : text.len;

	*ret_more = false;
	for (size_t i = whole + 1; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		*ret_more = *ret_more || text.data[i] != '0';
	}
	return whole > 0 && !(point && whole + 1 == text.len) &&
	       slice_to_int64(slice_of(text.data, whole), ret_whole);
}

static bool in_range(const Punnet__V1__VerticalField *schema, int64_t value)
{
	if (schema->min == 0 && schema->max == 0)
		return true;
	return value >= schema->min && value <= schema->max;
}

static void range_fault(struct slice name, struct faults *f)
{
	fault_add_in(f, "fields", name, "out_of_range",
		     "outside the limits that the vertical sets");
}

static void check_integer(const struct draft *d, struct draft_field *field,
			  const Punnet__V1__VerticalField *schema, struct faults *f)
{
	if (d->form && field->type == DRAFT_TEXT && slice_to_int64(field->text, &field->integer))
		field->type = DRAFT_INTEGER;
	if (field->type != DRAFT_INTEGER)
		fault_add_in(f, "fields", field->name, "type", "expected an integer");
	else if (!in_range(schema, field->integer))
		range_fault(field->name, f);
}

static void check_decimal(const struct draft *d, struct draft_field *field,
			  const Punnet__V1__VerticalField *schema, struct faults *f)
{
	int64_t whole;
	bool more, negative;

	if (d->form && field->type == DRAFT_TEXT)
		field->type = DRAFT_DECIMAL;
	if (field->type == DRAFT_INTEGER) {
		if (!in_range(schema, field->integer))
			range_fault(field->name, f);
		return;
	}
	if (field->type != DRAFT_DECIMAL || !decimal_parts(field->text, &whole, &more)) {
		fault_add_in(f, "fields", field->name, "type",
			     "expected a decimal number without an exponent");
		return;
	}
	/* What follows the point moves a value away from zero: beyond a limit that the whole part just meets. */
	negative = field->text.data[0] == '-';
	if (!in_range(schema, whole) ||
	    (more && !in_range(schema, negative ? whole - 1 : whole + 1) &&
	     (negative ? whole == schema->min : whole == schema->max)))
		range_fault(field->name, f);
}

static void check_flag(const struct draft *d, struct draft_field *field, struct faults *f)
{
	if (d->form && field->type == DRAFT_TEXT) {
		bool yes = slice_is(field->text, "true") || slice_is(field->text, "1") ||
			   slice_is(field->text, "on");
		bool no = slice_is(field->text, "false") || slice_is(field->text, "0") ||
			  slice_is(field->text, "off");

		if (yes || no) {
			field->type = DRAFT_FLAG;
			field->integer = yes;
		}
	}
	if (field->type != DRAFT_FLAG)
		fault_add_in(f, "fields", field->name, "type", "expected true or false");
}

static void check_against(const struct draft *d, struct draft_field *field,
			  const Punnet__V1__VerticalField *schema, struct faults *f)
{
	if (strcmp(schema->type, "integer") == 0) {
		check_integer(d, field, schema, f);
	} else if (strcmp(schema->type, "decimal") == 0) {
		check_decimal(d, field, schema, f);
	} else if (strcmp(schema->type, "flag") == 0) {
		check_flag(d, field, f);
	} else if (field->type != DRAFT_TEXT) {
		fault_add_in(f, "fields", field->name, "type", "expected a text");
	} else if (!in_range(schema, (int64_t)field->text.len)) {
		range_fault(field->name, f);
	}
}

static const Punnet__V1__VerticalField *schema_of(const Punnet__V1__Vertical *vertical,
						  struct slice name)
{
	for (size_t i = 0; vertical && i < vertical->n_fields; i++)
		if (slice_is(name, vertical->fields[i]->name))
			return vertical->fields[i];
	return NULL;
}

static struct draft_field *field_named(struct draft *d, const char *name)
{
	for (size_t i = 0; i < d->field_count; i++)
		if (slice_is(d->fields[i].name, name))
			return &d->fields[i];
	return NULL;
}

static void check_fields(struct draft *d, const struct draft_context *context, struct faults *f)
{
	const Punnet__V1__Vertical *vertical = context->vertical;

	for (size_t i = 0; i < d->field_count; i++) {
		struct draft_field *field = &d->fields[i];
		const Punnet__V1__VerticalField *schema = schema_of(vertical, field->name);
		const char *parent = field->top ? NULL : "fields";

		if (draft_has_nul(d, field->text))
			fault_add_in(f, parent, field->name, "nul", "a text holds no NUL");
		else if (field->text.len > DRAFT_FIELD_VALUE_MAX)
			fault_add_in(f, parent, field->name, "too_long", TOO_LONG_DETAIL);
		else if (schema && (!field->top || d->form || !context->strict))
			check_against(d, field, schema,
				      f); /* a form has nowhere else to put them */
		else if (context->strict && (field->top || vertical))
			fault_add_in(f, parent, field->name, "unknown", "there is no such member");
	}
	for (size_t i = 0; vertical && i < vertical->n_fields; i++)
		if (vertical->fields[i]->required && !field_named(d, vertical->fields[i]->name))
			fault_add_in(f, "fields", slice_cstr(vertical->fields[i]->name), "required",
				     "the vertical asks for this member");
}

void draft_check(struct draft *d, const struct draft_context *context, struct faults *f)
{
	const struct draft_value *vertical = &d->v[LEAD_FIELD_VERTICAL];

	check_known(d, context->now_ms, f);
	if (!vertical->given && !vertical->wrong)
		fault_add(f, SLICE("vertical"), "required", "vertical is required");
	else if (vertical->given && !context->vertical)
		fault_add(f, SLICE("vertical"), "unknown_vertical", "there is no such vertical");
	check_contact(d, context->default_country, f);
	check_fields(d, context, f);
	page_addresses_clean(d);
}
