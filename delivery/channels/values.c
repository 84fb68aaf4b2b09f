/* values: see values.h. */
#include "values.h"

#define FIELDS_PREFIX "fields."
#define SECRET_PREFIX "secret."

static void text(struct value *v, const char *s)
{
	v->text = slice_cstr(s);
	v->kind = v->text.len > 0 ? VALUE_TEXT : VALUE_ABSENT;
}

static void integer(struct value *v, enum value_kind kind, int64_t number)
{
	v->kind = kind;
	v->integer = number;
}

/* --- one function a name; all of them are in the table below --- */

static void get_lead_id(const struct handover *h, struct value *v)
{
	lead_id_text(&h->lead_id, v->room);
	text(v, v->room);
}

static void get_key(const struct handover *h, struct value *v)
{
	delivery_key_text(&h->lead_id, h->routed->assignment->round, v->room);
	text(v, v->room);
}

static void get_round(const struct handover *h, struct value *v)
{
	integer(v, VALUE_INTEGER, h->routed->assignment->round);
}

static void get_is_test(const struct handover *h, struct value *v)
{
	integer(v, VALUE_FLAG, h->routed->assignment->is_test);
}

static void get_source(const struct handover *h, struct value *v)
{
	text(v, h->source);
}

static void get_received_at(const struct handover *h, struct value *v)
{
	if (h->routed->lead && h->routed->lead->received_at_ms > 0)
		integer(v, VALUE_TIME, h->routed->lead->received_at_ms);
}

static void get_sent_at(const struct handover *h, struct value *v)
{
	integer(v, VALUE_TIME, h->now_ms);
}

static void get_price(const struct handover *h, struct value *v)
{
	const Punnet__V1__Money *price = h->routed->assignment->price;

	if (!price)
		return;
	integer(v, VALUE_MONEY, price->amount_minor);
	v->text = slice_cstr(price->currency);
}

static void get_currency(const struct handover *h, struct value *v)
{
	if (h->routed->assignment->price)
		text(v, h->routed->assignment->price->currency);
}

#define OF_ASSIGNMENT(name)                                                                        \
	static void get_##name(const struct handover *h, struct value *v)                          \
	{                                                                                          \
		text(v, h->routed->assignment->name);                                              \
	}
#define OF_CONTACT(name)                                                                           \
	static void get_##name(const struct handover *h, struct value *v)                          \
	{                                                                                          \
		text(v, h->contact->name);                                                         \
	}
#define OF_LEAD(name)                                                                              \
	static void get_##name(const struct handover *h, struct value *v)                          \
	{                                                                                          \
		if (h->routed->lead)                                                               \
			text(v, h->routed->lead->name);                                            \
	}

OF_ASSIGNMENT(order_id)
OF_ASSIGNMENT(vertical)
OF_CONTACT(phone)
OF_CONTACT(email)
OF_CONTACT(name)
OF_CONTACT(first_name)
OF_CONTACT(last_name)
OF_CONTACT(middle_name)
OF_LEAD(country)
OF_LEAD(region)
OF_LEAD(city)
OF_LEAD(postal_code)
OF_LEAD(language)
OF_LEAD(erid)

static const struct {
	const char *name;
	void (*get)(const struct handover *h, struct value *v);
} names[] = {
    {"lead_id", get_lead_id},
    {"key", get_key},
    {"order_id", get_order_id},
    {"round", get_round},
    {"vertical", get_vertical},
    {"price", get_price},
    {"currency", get_currency},
    {"phone", get_phone},
    {"email", get_email},
    {"name", get_name},
    {"first_name", get_first_name},
    {"last_name", get_last_name},
    {"middle_name", get_middle_name},
    {"country", get_country},
    {"region", get_region},
    {"city", get_city},
    {"postal_code", get_postal_code},
    {"language", get_language},
    {"erid", get_erid},
    {"source", get_source},
    {"received_at", get_received_at},
    {"sent_at", get_sent_at},
    {"is_test", get_is_test},
};

static bool skip_prefix(struct slice *name, const char *prefix)
{
	size_t len = strlen(prefix);

	if (!slice_starts_with(*name, prefix))
		return false;
	*name = slice_of(name->data + len, name->len - len);
	return true;
}

bool value_name_known(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_is(name, names[i].name))
			return true;
	return (skip_prefix(&name, FIELDS_PREFIX) || skip_prefix(&name, SECRET_PREFIX)) &&
	       settings_name_valid(name) && name.len < ENDPOINT_SECRET_NAME_MAX;
}

void value_of_field(const Punnet__V1__Field *f, struct value *v)
{
	v->kind = VALUE_ABSENT;
	v->text = slice_of(NULL, 0);
	switch (f->value_case) {
	case PUNNET__V1__FIELD__VALUE_TEXT:
		text(v, f->text);
		return;
	case PUNNET__V1__FIELD__VALUE_INTEGER:
		integer(v, VALUE_INTEGER, f->integer);
		return;
	case PUNNET__V1__FIELD__VALUE_FLAG:
		integer(v, VALUE_FLAG, f->flag);
		return;
	case PUNNET__V1__FIELD__VALUE_DECIMAL:
		text(v, f->decimal);
		break;
	case PUNNET__V1__FIELD__VALUE_JSON:
		text(v, f->json);
		break;
	default:
		return;
	}
	if (v->kind == VALUE_TEXT)
		v->kind = VALUE_AS_CAME;
}

static void get_field(const struct handover *h, struct slice name, struct value *v)
{
	const Punnet__V1__Lead *lead = h->routed->lead;

	for (size_t i = 0; lead && i < lead->n_fields; i++)
		if (slice_is(name, lead->fields[i]->name)) {
			value_of_field(lead->fields[i], v);
			return;
		}
}

void value_get(const struct handover *h, struct slice name, struct value *ret)
{
	ret->kind = VALUE_ABSENT;
	ret->text = slice_of(NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!slice_is(name, names[i].name))
			continue;
		names[i].get(h, ret);
		return;
	}
	if (skip_prefix(&name, FIELDS_PREFIX)) {
		get_field(h, name, ret);
		return;
	}
	if (!skip_prefix(&name, SECRET_PREFIX))
		return;
	ret->text = handover_secret(h, name);
	ret->kind = ret->text.len > 0 ? VALUE_TEXT : VALUE_NO_SECRET;
}

void value_write_as_came(struct buf *b, struct slice text)
{
	struct arena scratch = {0};
	struct json_fault fault;

	if (json_parse(&scratch, text, JSON_LIMITS_DEFAULT, &fault))
		buf_append_slice(b, text);
	else
		json_write_string(b, text);
	arena_free(&scratch);
}
