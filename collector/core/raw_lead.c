/* raw_lead: see raw_lead.h. */
#include "raw_lead.h"

#include <arpa/inet.h>
#include <sodium.h>

#include "lead/codec.h"
#include "proto/leads_raw.pb-c.h"

void raw_lead_scratch_free(struct raw_lead_scratch *s)
{
	sodium_memzero(s->plain.data ? s->plain.data : "", s->plain.data ? s->plain.cap : 0);
	buf_free(&s->plain);
	buf_free(&s->box);
	buf_free(&s->canonical);
}

static char *text(const struct draft *d, struct arena *a, enum lead_field field)
{
	const struct draft_value *v = &d->v[field];

	return v->given ? arena_cstr(a, v->text) : (char *)protobuf_c_empty_string;
}

/* One address has one spelling: 2001:DB8:0::1 and 2001:db8::1 are the same. IPv4 has one already: inet_pton() takes no
 * leading zeros. */
static char *address(const struct draft *d, struct arena *a, enum lead_field field)
{
	char *ret = text(d, a, field), *canonical;
	uint8_t bytes[16];

	if (!strchr(ret, ':') || inet_pton(AF_INET6, ret, bytes) != 1)
		return ret;
	canonical = arena_alloc(a, INET6_ADDRSTRLEN);
	return (char *)(uintptr_t)inet_ntop(AF_INET6, bytes, canonical, INET6_ADDRSTRLEN);
}

static int64_t time_or_zero(const struct draft *d, enum lead_field field)
{
	return d->v[field].given ? d->v[field].number : 0;
}

/* --- the lead --- */

static void fill_field(const struct draft_field *field, struct arena *a, Punnet__V1__Field *ret)
{
	punnet__v1__field__init(ret);
	ret->name = arena_cstr(a, field->name);
	switch (field->type) {
	case DRAFT_TEXT:
		ret->value_case = PUNNET__V1__FIELD__VALUE_TEXT;
		ret->text = arena_cstr(a, field->text);
		break;
	case DRAFT_INTEGER:
		ret->value_case = PUNNET__V1__FIELD__VALUE_INTEGER;
		ret->integer = field->integer;
		break;
	case DRAFT_FLAG:
		ret->value_case = PUNNET__V1__FIELD__VALUE_FLAG;
		ret->flag = field->integer != 0;
		break;
	case DRAFT_DECIMAL:
		ret->value_case = PUNNET__V1__FIELD__VALUE_DECIMAL;
		ret->decimal = arena_cstr(a, field->text);
		break;
	case DRAFT_JSON:
		ret->value_case = PUNNET__V1__FIELD__VALUE_JSON;
		ret->json = arena_cstr(a, field->text);
		break;
	}
}

static void fill_lead(const struct draft *d, const struct raw_lead_origin *origin, struct arena *a,
		      Punnet__V1__Lead *ret)
{
	punnet__v1__lead__init(ret);
	ret->vertical = text(d, a, LEAD_FIELD_VERTICAL);
	ret->aff_id = (char *)(uintptr_t)origin->aff_id;
	ret->sub1 = text(d, a, LEAD_FIELD_SUB1);
	ret->sub2 = text(d, a, LEAD_FIELD_SUB2);
	ret->sub3 = text(d, a, LEAD_FIELD_SUB3);
	ret->sub4 = text(d, a, LEAD_FIELD_SUB4);
	ret->sub5 = text(d, a, LEAD_FIELD_SUB5);
	ret->click_id = text(d, a, LEAD_FIELD_CLICK_ID);
	ret->country = (char *)(uintptr_t)(d->country[0] ? d->country : origin->default_country);
	ret->region = text(d, a, LEAD_FIELD_REGION);
	ret->city = text(d, a, LEAD_FIELD_CITY);
	ret->postal_code = text(d, a, LEAD_FIELD_POSTAL_CODE);
	ret->language = text(d, a, LEAD_FIELD_LANGUAGE);
	ret->os = text(d, a, LEAD_FIELD_OS);
	ret->erid = text(d, a, LEAD_FIELD_ERID);
	ret->is_test = d->v[LEAD_FIELD_IS_TEST].given && d->v[LEAD_FIELD_IS_TEST].number != 0;
	ret->received_at_ms = origin->received_at_ms;
	if (d->field_count == 0)
		return;
	ret->fields = arena_alloc(a, d->field_count * sizeof(*ret->fields));
	for (size_t i = 0; i < d->field_count; i++) {
		ret->fields[i] = arena_alloc(a, sizeof(**ret->fields));
		fill_field(&d->fields[i], a, ret->fields[i]);
	}
	ret->n_fields = d->field_count;
}

static char **fill_list(const struct draft_list *list, struct arena *a, size_t *ret_count)
{
	char **items = list->count ? arena_alloc(a, list->count * sizeof(*items)) : NULL;

	for (size_t i = 0; i < list->count; i++)
		items[i] = arena_cstr(a, list->items[i]);
	*ret_count = list->count;
	return items;
}

static void fill_submission(const struct draft *d, struct arena *a, Punnet__V1__Submission *ret)
{
	const struct draft_value *filled = &d->v[LEAD_FIELD_FILLED_MS],
				 *honeypot = &d->v[LEAD_FIELD_HONEYPOT];
	const struct draft_value *consent = &d->v[LEAD_FIELD_CONSENT_TEXT_SHA256];

	punnet__v1__submission__init(ret);
	ret->user_agent = text(d, a, LEAD_FIELD_USER_AGENT);
	ret->referrer = text(d, a, LEAD_FIELD_REFERRER);
	ret->landing_url = text(d, a, LEAD_FIELD_LANDING_URL);
	ret->clicked_at_ms = time_or_zero(d, LEAD_FIELD_CLICKED_AT);
	ret->form_started_at_ms = time_or_zero(d, LEAD_FIELD_FORM_STARTED_AT);
	if (filled->given) {
		ret->filled_case = PUNNET__V1__SUBMISSION__FILLED_FILLED_MS;
		ret->filled_ms = (uint32_t)filled->number;
	}
	if (honeypot->given) {
		ret->honeypot_case = PUNNET__V1__SUBMISSION__HONEYPOT_HONEYPOT_FILLED;
		ret->honeypot_filled = honeypot->text.len > 0;
	}
	ret->pasted_fields = fill_list(&d->pasted, a, &ret->n_pasted_fields);
	ret->focused_fields = fill_list(&d->focused, a, &ret->n_focused_fields);
	ret->device_id = text(d, a, LEAD_FIELD_DEVICE_ID);
	ret->consented_at_ms = time_or_zero(d, LEAD_FIELD_CONSENTED_AT);
	if (consent->given) {
		ret->consent_text_sha256.data = arena_alloc(a, consent->text.len / 2);
		sodium_hex2bin(ret->consent_text_sha256.data, consent->text.len / 2,
			       consent->text.data, consent->text.len, NULL,
			       &ret->consent_text_sha256.len, NULL);
	}
}

/* --- the contact --- */

static void seal_contact(const struct draft *d, const struct raw_lead_origin *origin,
			 struct arena *a, struct raw_lead_scratch *scratch, char *ip,
			 Punnet__V1__SealedContact *ret)
{
	Punnet__V1__Contact contact;

	punnet__v1__contact__init(&contact);
	contact.phone = (char *)(uintptr_t)d->phone;
	contact.email = (char *)(uintptr_t)d->email;
	contact.name = text(d, a, LEAD_FIELD_NAME);
	contact.first_name = text(d, a, LEAD_FIELD_FIRST_NAME);
	contact.last_name = text(d, a, LEAD_FIELD_LAST_NAME);
	contact.middle_name = text(d, a, LEAD_FIELD_MIDDLE_NAME);
	contact.ip = ip;
	contact.consent_ip = address(d, a, LEAD_FIELD_CONSENT_IP);
	contact.phone_typed = text(d, a, LEAD_FIELD_PHONE);

	buf_reset(&scratch->plain);
	buf_reset(&scratch->box);
	codec_pack(&contact.base, &scratch->plain);
	seal(origin->day_key, origin->nonce, &origin->id, buf_slice(&scratch->plain),
	     &scratch->box);

	punnet__v1__sealed_contact__init(ret);
	ret->key_day = origin->key_day;
	ret->nonce = (ProtobufCBinaryData){SEAL_NONCE_LEN, (uint8_t *)(uintptr_t)origin->nonce};
	ret->box = (ProtobufCBinaryData){scratch->box.len, (uint8_t *)scratch->box.data};
}

/* --- the fingerprints --- */

static void canonical_bytes(struct buf *b, uint32_t tag, struct slice value)
{
	uint32_t head[2] = {tag, (uint32_t)value.len};

	buf_append(b, head, sizeof(head));
	buf_append_slice(b, value);
}

static void canonical_int(struct buf *b, uint32_t tag, int64_t value)
{
	canonical_bytes(b, tag, slice_of(&value, sizeof(value)));
}

/* `fields` by name: the order in which a client writes an object's members means nothing. */
static void canonical_fields(const struct draft *d, struct buf *b)
{
	const struct draft_field *sorted[DRAFT_FIELDS_MAX];

	for (size_t i = 0; i < d->field_count; i++) {
		const struct draft_field *field = &d->fields[i];
		size_t at = i;

		for (; at > 0; at--) {
			struct slice left = sorted[at - 1]->name;
			int order =
			    memcmp(left.data, field->name.data, MIN_OF(left.len, field->name.len));

			if (order < 0 || (order == 0 && left.len <= field->name.len))
				break;
			sorted[at] = sorted[at - 1];
		}
		sorted[at] = field;
	}
	for (size_t i = 0; i < d->field_count; i++) {
		const struct draft_field *field = sorted[i];

		canonical_bytes(b, LEAD_FIELD_FIELDS, field->name);
		if (field->type == DRAFT_INTEGER || field->type == DRAFT_FLAG)
			canonical_int(b, field->type, field->integer);
		else
			canonical_bytes(b, field->type, field->text);
	}
}

/* What was sent, in one spelling: known members in the table's order, then the others by name. */
static struct slice canonical(const struct draft *d, const char *aff_id, struct buf *b)
{
	buf_reset(b);
	canonical_bytes(b, UINT32_MAX, slice_cstr(aff_id));
	for (uint32_t i = 0; i < LEAD_FIELD_COUNT; i++) {
		const struct draft_value *v = &d->v[i];

		if (!v->given)
			continue;
		switch (lead_fields[i].kind) {
		case FIELD_KIND_TIME:
		case FIELD_KIND_UINT:
		case FIELD_KIND_FLAG:
			canonical_int(b, i, v->number);
			break;
		default:
			if (i == LEAD_FIELD_PHONE)
				canonical_bytes(b, i, slice_cstr(d->phone));
			else if (i == LEAD_FIELD_EMAIL)
				canonical_bytes(b, i, slice_cstr(d->email));
			else
				canonical_bytes(b, i, v->text);
		}
	}
	for (size_t i = 0; i < d->pasted.count; i++)
		canonical_bytes(b, LEAD_FIELD_PASTED_FIELDS, d->pasted.items[i]);
	for (size_t i = 0; i < d->focused.count; i++)
		canonical_bytes(b, LEAD_FIELD_FOCUSED_FIELDS, d->focused.items[i]);
	canonical_fields(d, b);
	return buf_slice(b);
}

static struct slice idempotency_value(const struct raw_lead_origin *origin, struct buf *b)
{
	if (origin->idempotency_key.len == 0)
		return SLICE("");
	buf_reset(b);
	canonical_bytes(b, 0, slice_cstr(origin->aff_id));
	canonical_bytes(b, origin->line, origin->idempotency_key);
	return buf_slice(b);
}

static ProtobufCBinaryData keep(const struct fingerprint *f, struct arena *a)
{
	ProtobufCBinaryData ret = {0};

	if (!f->known)
		return ret;
	ret.len = FINGERPRINT_LEN;
	ret.data = (uint8_t *)(uintptr_t)arena_dup(a, slice_of(f->bytes, FINGERPRINT_LEN)).data;
	return ret;
}

/* Mailboxes are the same whatever case their owner types. */
static struct slice email_folded(const struct draft *d, struct arena *a)
{
	size_t len = strlen(d->email);
	char *folded = arena_alloc(a, len + 1);

	for (size_t i = 0; i < len; i++)
		folded[i] = d->email[i] >= 'A' && d->email[i] <= 'Z' ? (char)(d->email[i] | 0x20)
								     : d->email[i];
	return slice_of(folded, len);
}

static void fill_fingerprints(const struct draft *d, const struct raw_lead_origin *origin,
			      struct arena *a, struct raw_lead_scratch *scratch, const char *ip,
			      Punnet__V1__Fingerprints *ret, struct fingerprint *ret_person)
{
	const uint8_t *key = origin->fingerprint_key;
	struct fingerprint phone = fingerprint_of(key, FINGERPRINT_PHONE, slice_cstr(d->phone));
	struct fingerprint email = fingerprint_of(key, FINGERPRINT_EMAIL, email_folded(d, a));
	struct fingerprint device =
	    fingerprint_of(key, FINGERPRINT_DEVICE, draft_text(d, LEAD_FIELD_DEVICE_ID));
	struct fingerprint address_print = fingerprint_of(key, FINGERPRINT_IP, slice_cstr(ip));
	struct fingerprint payload = fingerprint_of(
	    key, FINGERPRINT_PAYLOAD, canonical(d, origin->aff_id, &scratch->canonical));
	struct fingerprint idempotency = fingerprint_of(
	    key, FINGERPRINT_IDEMPOTENCY, idempotency_value(origin, &scratch->canonical));

	*ret_person = phone.known ? phone : email;
	punnet__v1__fingerprints__init(ret);
	ret->person = keep(ret_person, a);
	ret->phone = keep(&phone, a);
	ret->email = keep(&email, a);
	ret->payload = keep(&payload, a);
	ret->device = keep(&device, a);
	ret->idempotency = keep(&idempotency, a);
	ret->ip = keep(&address_print, a);
}

static char **ignored_names(const struct draft *d, struct arena *a, size_t *ret_count)
{
	char **names = d->field_count ? arena_alloc(a, d->field_count * sizeof(*names)) : NULL;
	size_t count = 0;

	for (size_t i = 0; i < d->field_count; i++)
		if (d->fields[i].top)
			names[count++] = arena_cstr(a, d->fields[i].name);
	*ret_count = count;
	return names;
}

void raw_lead_build(const struct draft *d, const struct raw_lead_origin *origin, struct arena *a,
		    struct raw_lead_scratch *scratch, struct buf *out,
		    struct fingerprint *ret_person)
{
	Punnet__V1__RawLead raw;
	Punnet__V1__Provenance source;
	Punnet__V1__Lead lead;
	Punnet__V1__Submission submission;
	Punnet__V1__SealedContact contact;
	Punnet__V1__Fingerprints fingerprints;
	char *ip = address(d, a, LEAD_FIELD_IP);

	punnet__v1__raw_lead__init(&raw);
	punnet__v1__provenance__init(&source);
	source.topic = (char *)(uintptr_t) "http";
	fill_lead(d, origin, a, &lead);
	fill_submission(d, a, &submission);
	seal_contact(d, origin, a, scratch, ip, &contact);
	fill_fingerprints(d, origin, a, scratch, ip, &fingerprints, ret_person);
	raw.lead_id = codec_lead_id(&origin->id);
	raw.source = &source;
	raw.lead = &lead;
	raw.submission = &submission;
	raw.contact = &contact;
	raw.fingerprints = &fingerprints;
	raw.ignored_fields = ignored_names(d, a, &raw.n_ignored_fields);
	codec_pack(&raw.base, out);
}
