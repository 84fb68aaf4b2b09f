/* raw_lead_message: the record as a message, without the way over bytes and seals. It says what raw_lead_build() writes; the
 * unit test holds the two together, byte by byte. */
#include <sodium.h>

#include "raw_lead_parts.h"

/* proto3's empty text is this one, and not NULL. */
static char *text_of(struct arena *a, struct slice text)
{
	return text.len ? arena_cstr(a, text) : (char *)protobuf_c_empty_string;
}

static char *text(struct arena *a, const struct draft *d, enum lead_field from)
{
	return text_of(a, d->v[from].given ? d->v[from].text : SLICE(""));
}

static int64_t moment(const struct draft *d, enum lead_field from)
{
	return d->v[from].given ? d->v[from].number : 0;
}

/* --- the lead --- */

/* Members of a oneof are copies, the empty ones too: the library takes its own empty text for one that was not set. */
static Punnet__V1__Field *make_member(const struct draft_field *field, struct arena *a)
{
	Punnet__V1__Field *m = arena_alloc(a, sizeof(*m));

	punnet__v1__field__init(m);
	m->name = text_of(a, field->name);
	switch (field->type) {
	case DRAFT_TEXT:
		m->value_case = PUNNET__V1__FIELD__VALUE_TEXT;
		m->text = arena_cstr(a, field->text);
		break;
	case DRAFT_INTEGER:
		m->value_case = PUNNET__V1__FIELD__VALUE_INTEGER;
		m->integer = field->integer;
		break;
	case DRAFT_FLAG:
		m->value_case = PUNNET__V1__FIELD__VALUE_FLAG;
		m->flag = field->integer != 0;
		break;
	case DRAFT_DECIMAL:
		m->value_case = PUNNET__V1__FIELD__VALUE_DECIMAL;
		m->decimal = arena_cstr(a, field->text);
		break;
	case DRAFT_JSON:
		m->value_case = PUNNET__V1__FIELD__VALUE_JSON;
		m->json = arena_cstr(a, field->text);
		break;
	}
	return m;
}

static void add_members(const struct draft *d, struct arena *a, Punnet__V1__RawLead *raw)
{
	Punnet__V1__Lead *lead = raw->lead;

	if (d->field_count == 0)
		return;
	lead->fields = arena_alloc(a, d->field_count * sizeof(*lead->fields));
	raw->ignored_fields = arena_alloc(a, d->field_count * sizeof(*raw->ignored_fields));
	for (size_t i = 0; i < d->field_count; i++) {
		lead->fields[lead->n_fields++] = make_member(&d->fields[i], a);
		if (d->fields[i].top)
			raw->ignored_fields[raw->n_ignored_fields++] =
			    text_of(a, d->fields[i].name);
	}
}

static Punnet__V1__Lead *make_lead(const struct draft *d, const struct raw_lead_origin *origin,
				   struct arena *a)
{
	const char *country = d->country[0] ? d->country : origin->default_country;
	Punnet__V1__Lead *lead = arena_alloc(a, sizeof(*lead));

	punnet__v1__lead__init(lead);
	lead->vertical = text(a, d, LEAD_FIELD_VERTICAL);
	lead->aff_id = text_of(a, slice_cstr(origin->aff_id));
	lead->sub1 = text(a, d, LEAD_FIELD_SUB1);
	lead->sub2 = text(a, d, LEAD_FIELD_SUB2);
	lead->sub3 = text(a, d, LEAD_FIELD_SUB3);
	lead->sub4 = text(a, d, LEAD_FIELD_SUB4);
	lead->sub5 = text(a, d, LEAD_FIELD_SUB5);
	lead->click_id = text(a, d, LEAD_FIELD_CLICK_ID);
	lead->country = text_of(a, slice_cstr(country));
	lead->region = text(a, d, LEAD_FIELD_REGION);
	lead->city = text(a, d, LEAD_FIELD_CITY);
	lead->postal_code = text(a, d, LEAD_FIELD_POSTAL_CODE);
	lead->language = text(a, d, LEAD_FIELD_LANGUAGE);
	lead->os = text(a, d, LEAD_FIELD_OS);
	lead->erid = text(a, d, LEAD_FIELD_ERID);
	lead->is_test = moment(d, LEAD_FIELD_IS_TEST) != 0;
	lead->received_at_ms = origin->received_at_ms;
	return lead;
}

/* --- how it was filled in --- */

static char **make_list(const struct draft_list *list, struct arena *a)
{
	char **items = NULL;

	if (list->count > 0)
		items = arena_alloc(a, list->count * sizeof(*items));
	for (size_t i = 0; i < list->count; i++)
		items[i] = text_of(a, list->items[i]);
	return items;
}

static ProtobufCBinaryData make_hash(const struct draft_value *hex, struct arena *a)
{
	ProtobufCBinaryData hash = {0};

	if (!hex->given)
		return hash;
	hash.data = arena_alloc(a, CONSENT_HASH_LEN);
	sodium_hex2bin(hash.data, CONSENT_HASH_LEN, hex->text.data, hex->text.len, NULL, &hash.len,
		       NULL);
	return hash;
}

static Punnet__V1__Submission *make_submission(const struct draft *d, struct arena *a)
{
	const struct draft_value *filled = &d->v[LEAD_FIELD_FILLED_MS],
				 *honeypot = &d->v[LEAD_FIELD_HONEYPOT];
	Punnet__V1__Submission *s = arena_alloc(a, sizeof(*s));

	punnet__v1__submission__init(s);
	s->user_agent = text(a, d, LEAD_FIELD_USER_AGENT);
	s->referrer = text(a, d, LEAD_FIELD_REFERRER);
	s->landing_url = text(a, d, LEAD_FIELD_LANDING_URL);
	s->clicked_at_ms = moment(d, LEAD_FIELD_CLICKED_AT);
	s->form_started_at_ms = moment(d, LEAD_FIELD_FORM_STARTED_AT);
	if (filled->given) {
		s->filled_case = PUNNET__V1__SUBMISSION__FILLED_FILLED_MS;
		s->filled_ms = (uint32_t)filled->number;
	}
	if (honeypot->given) {
		s->honeypot_case = PUNNET__V1__SUBMISSION__HONEYPOT_HONEYPOT_FILLED;
		s->honeypot_filled = honeypot->text.len > 0;
	}
	s->pasted_fields = make_list(&d->pasted, a);
	s->n_pasted_fields = d->pasted.count;
	s->focused_fields = make_list(&d->focused, a);
	s->n_focused_fields = d->focused.count;
	s->device_id = text(a, d, LEAD_FIELD_DEVICE_ID);
	s->consent_text_sha256 = make_hash(&d->v[LEAD_FIELD_CONSENT_TEXT_SHA256], a);
	s->consented_at_ms = moment(d, LEAD_FIELD_CONSENTED_AT);
	return s;
}

/* --- the contact, and the fingerprints --- */

static void make_contact(const struct draft *d, struct slice ip, struct arena *a,
			 Punnet__V1__Contact *ret)
{
	char room[INET6_ADDRSTRLEN];

	punnet__v1__contact__init(ret);
	ret->phone = text_of(a, slice_cstr(d->phone));
	ret->email = text_of(a, slice_cstr(d->email));
	ret->name = text(a, d, LEAD_FIELD_NAME);
	ret->first_name = text(a, d, LEAD_FIELD_FIRST_NAME);
	ret->last_name = text(a, d, LEAD_FIELD_LAST_NAME);
	ret->middle_name = text(a, d, LEAD_FIELD_MIDDLE_NAME);
	ret->ip = text_of(a, ip);
	ret->consent_ip = text_of(a, raw_lead_address(d, LEAD_FIELD_CONSENT_IP, room));
	ret->phone_typed = text(a, d, LEAD_FIELD_PHONE);
}

static ProtobufCBinaryData make_bytes(struct arena *a, const void *bytes, size_t len)
{
	return (ProtobufCBinaryData){.len = len,
				     .data = (uint8_t *)arena_dup(a, slice_of(bytes, len)).data};
}

static ProtobufCBinaryData print(struct arena *a, const struct fingerprint *f)
{
	return f->known ? make_bytes(a, f->bytes, FINGERPRINT_LEN) : (ProtobufCBinaryData){0};
}

static Punnet__V1__Fingerprints *make_fingerprints(const struct raw_lead_prints *p, struct arena *a)
{
	Punnet__V1__Fingerprints *f = arena_alloc(a, sizeof(*f));

	punnet__v1__fingerprints__init(f);
	f->person = print(a, &p->person);
	f->phone = print(a, &p->contact.phone);
	f->email = print(a, &p->contact.email);
	f->payload = print(a, &p->payload);
	f->device = print(a, &p->device);
	f->idempotency = print(a, &p->idempotency);
	f->ip = print(a, &p->ip);
	f->mailbox = print(a, &p->contact.mailbox);
	return f;
}

void raw_lead_message(const struct draft *d, const struct raw_lead_origin *origin,
		      struct raw_lead_scratch *scratch, struct arena *a,
		      struct raw_lead_message *ret)
{
	char room[INET6_ADDRSTRLEN];
	struct slice ip = raw_lead_address(d, LEAD_FIELD_IP, room);
	Punnet__V1__Provenance *source = arena_alloc(a, sizeof(*source));
	struct raw_lead_prints prints;

	raw_lead_prints(d, origin, ip, &scratch->canonical, &prints);
	punnet__v1__provenance__init(source);
	source->topic = (char *)"http";
	punnet__v1__raw_lead__init(&ret->raw);
	ret->raw.lead_id = make_bytes(a, origin->id.bytes, sizeof(origin->id.bytes));
	ret->raw.source = source;
	ret->raw.lead = make_lead(d, origin, a);
	ret->raw.submission = make_submission(d, a);
	ret->raw.fingerprints = make_fingerprints(&prints, a);
	add_members(d, a, &ret->raw);
	make_contact(d, ip, a, &ret->contact);
}
