/* raw_lead: the record is written once, front to back, straight from the draft's slices.
 *
 * The numbers of the fields are those of proto/leads_raw.proto and proto/common.proto; the unit test reads every field
 * back with the generated code. Fields stand in the order of their numbers. */
#include "raw_lead_parts.h"

#include <sodium.h>

#include "lead/wire.h"

#define SHA256_LEN 32

enum {
	RAW_LEAD_ID = 1,
	RAW_SOURCE,
	RAW_LEAD,
	RAW_SUBMISSION,
	RAW_CONTACT,
	RAW_FINGERPRINTS,
	RAW_IGNORED_FIELDS
};
enum { SOURCE_TOPIC = 1 };
enum { SEALED_KEY_DAY = 1, SEALED_NONCE, SEALED_BOX, SEALED_PHONE, SEALED_EMAIL, SEALED_MAILBOX };
enum {
	CONTACT_PHONE = 1,
	CONTACT_EMAIL,
	CONTACT_NAME,
	CONTACT_FIRST_NAME,
	CONTACT_LAST_NAME,
	CONTACT_MIDDLE_NAME,
	CONTACT_IP,
	CONTACT_CONSENT_IP,
	CONTACT_PHONE_TYPED,
};
enum {
	LEAD_VERTICAL = 1,
	LEAD_AFF_ID,
	LEAD_SUB1,
	LEAD_SUB2,
	LEAD_SUB3,
	LEAD_SUB4,
	LEAD_SUB5,
	LEAD_CLICK_ID,
	LEAD_COUNTRY,
	LEAD_REGION,
	LEAD_CITY,
	LEAD_POSTAL_CODE,
	LEAD_LANGUAGE,
	LEAD_OS,
	LEAD_ERID,
	LEAD_IS_TEST,
	LEAD_RECEIVED_AT_MS,
	LEAD_FIELDS,
};
enum { MEMBER_NAME = 1, MEMBER_TEXT, MEMBER_INTEGER, MEMBER_FLAG, MEMBER_DECIMAL, MEMBER_JSON };
enum {
	SUBMISSION_USER_AGENT = 1,
	SUBMISSION_REFERRER,
	SUBMISSION_LANDING_URL,
	SUBMISSION_CLICKED_AT_MS,
	SUBMISSION_FORM_STARTED_AT_MS,
	SUBMISSION_FILLED_MS,
	SUBMISSION_HONEYPOT_FILLED,
	SUBMISSION_PASTED_FIELDS,
	SUBMISSION_FOCUSED_FIELDS,
	SUBMISSION_DEVICE_ID,
	SUBMISSION_CONSENT_TEXT_SHA256,
	SUBMISSION_CONSENTED_AT_MS,
};
enum {
	PRINT_PERSON = 1,
	PRINT_PHONE,
	PRINT_EMAIL,
	PRINT_PAYLOAD,
	PRINT_DEVICE,
	PRINT_IDEMPOTENCY,
	PRINT_IP,
	PRINT_MAILBOX,
};

void raw_lead_scratch_free(struct raw_lead_scratch *s)
{
	sodium_memzero(s->plain.data ? s->plain.data : "", s->plain.data ? s->plain.cap : 0);
	buf_free(&s->plain);
	buf_free(&s->canonical);
}

static void text(struct buf *out, uint32_t number, const struct draft *d, enum lead_field from)
{
	if (d->v[from].given)
		wire_text(out, number, d->v[from].text);
}

/* Times: 0 is not given. */
static void moment(struct buf *out, uint32_t number, const struct draft *d, enum lead_field from)
{
	if (d->v[from].given)
		wire_int(out, number, d->v[from].number);
}

/* One address has one spelling: 2001:DB8:0::1 and 2001:db8::1 are the same. IPv4 has one already: inet_pton() takes no
 * leading zeros. */
struct slice raw_lead_address(const struct draft *d, enum lead_field field,
			      char room[INET6_ADDRSTRLEN])
{
	const struct draft_value *v = &d->v[field];
	uint8_t bytes[16];

	if (!v->given)
		return SLICE("");
	if (!memchr(v->text.data, ':', v->text.len) || v->text.len >= INET6_ADDRSTRLEN)
		return v->text;
	memcpy(room, v->text.data, v->text.len);
	room[v->text.len] = '\0';
	if (inet_pton(AF_INET6, room, bytes) != 1)
		return v->text;
	return slice_cstr(inet_ntop(AF_INET6, bytes, room, INET6_ADDRSTRLEN));
}

/* --- the lead --- */

static void write_member(const struct draft_field *field, struct buf *out)
{
	size_t begin = wire_begin(out, LEAD_FIELDS);

	wire_text(out, MEMBER_NAME, field->name);
	switch (field->type) {
	case DRAFT_TEXT:
		wire_text_set(out, MEMBER_TEXT, field->text);
		break;
	case DRAFT_INTEGER:
		wire_sint_set(out, MEMBER_INTEGER, field->integer);
		break;
	case DRAFT_FLAG:
		wire_bool_set(out, MEMBER_FLAG, field->integer != 0);
		break;
	case DRAFT_DECIMAL:
		wire_text_set(out, MEMBER_DECIMAL, field->text);
		break;
	case DRAFT_JSON:
		wire_text_set(out, MEMBER_JSON, field->text);
		break;
	}
	wire_end(out, begin);
}

static void write_lead(const struct draft *d, const struct raw_lead_origin *origin, struct buf *out)
{
	const struct draft_value *is_test = &d->v[LEAD_FIELD_IS_TEST];
	size_t begin = wire_begin(out, RAW_LEAD);

	text(out, LEAD_VERTICAL, d, LEAD_FIELD_VERTICAL);
	wire_text(out, LEAD_AFF_ID, slice_cstr(origin->aff_id));
	text(out, LEAD_SUB1, d, LEAD_FIELD_SUB1);
	text(out, LEAD_SUB2, d, LEAD_FIELD_SUB2);
	text(out, LEAD_SUB3, d, LEAD_FIELD_SUB3);
	text(out, LEAD_SUB4, d, LEAD_FIELD_SUB4);
	text(out, LEAD_SUB5, d, LEAD_FIELD_SUB5);
	text(out, LEAD_CLICK_ID, d, LEAD_FIELD_CLICK_ID);
	wire_text(out, LEAD_COUNTRY,
		  slice_cstr(d->country[0] ? d->country : origin->default_country));
	text(out, LEAD_REGION, d, LEAD_FIELD_REGION);
	text(out, LEAD_CITY, d, LEAD_FIELD_CITY);
	text(out, LEAD_POSTAL_CODE, d, LEAD_FIELD_POSTAL_CODE);
	text(out, LEAD_LANGUAGE, d, LEAD_FIELD_LANGUAGE);
	text(out, LEAD_OS, d, LEAD_FIELD_OS);
	text(out, LEAD_ERID, d, LEAD_FIELD_ERID);
	wire_bool(out, LEAD_IS_TEST, is_test->given && is_test->number != 0);
	wire_int(out, LEAD_RECEIVED_AT_MS, origin->received_at_ms);
	for (size_t i = 0; i < d->field_count; i++)
		write_member(&d->fields[i], out);
	wire_end(out, begin);
}

static void write_list(const struct draft_list *list, uint32_t number, struct buf *out)
{
	for (size_t i = 0; i < list->count; i++)
		wire_text_set(out, number, list->items[i]);
}

static void write_consent_hash(const struct draft_value *hex, struct buf *out)
{
	uint8_t bytes[SHA256_LEN];
	size_t len = 0;

	if (!hex->given)
		return;
	sodium_hex2bin(bytes, sizeof(bytes), hex->text.data, hex->text.len, NULL, &len, NULL);
	wire_bytes(out, SUBMISSION_CONSENT_TEXT_SHA256, slice_of(bytes, len));
}

static void write_submission(const struct draft *d, struct buf *out)
{
	const struct draft_value *filled = &d->v[LEAD_FIELD_FILLED_MS],
				 *honeypot = &d->v[LEAD_FIELD_HONEYPOT];
	size_t begin = wire_begin(out, RAW_SUBMISSION);

	text(out, SUBMISSION_USER_AGENT, d, LEAD_FIELD_USER_AGENT);
	text(out, SUBMISSION_REFERRER, d, LEAD_FIELD_REFERRER);
	text(out, SUBMISSION_LANDING_URL, d, LEAD_FIELD_LANDING_URL);
	moment(out, SUBMISSION_CLICKED_AT_MS, d, LEAD_FIELD_CLICKED_AT);
	moment(out, SUBMISSION_FORM_STARTED_AT_MS, d, LEAD_FIELD_FORM_STARTED_AT);
	if (filled->given)
		wire_uint_set(out, SUBMISSION_FILLED_MS, (uint32_t)filled->number);
	if (honeypot->given)
		wire_bool_set(out, SUBMISSION_HONEYPOT_FILLED, honeypot->text.len > 0);
	write_list(&d->pasted, SUBMISSION_PASTED_FIELDS, out);
	write_list(&d->focused, SUBMISSION_FOCUSED_FIELDS, out);
	text(out, SUBMISSION_DEVICE_ID, d, LEAD_FIELD_DEVICE_ID);
	write_consent_hash(&d->v[LEAD_FIELD_CONSENT_TEXT_SHA256], out);
	moment(out, SUBMISSION_CONSENTED_AT_MS, d, LEAD_FIELD_CONSENTED_AT);
	wire_end(out, begin);
}

/* --- the contact --- */

static void print(struct buf *out, uint32_t number, const struct fingerprint *f)
{
	if (f->known)
		wire_bytes(out, number, slice_of(f->bytes, FINGERPRINT_LEN));
}

static void write_contact(const struct draft *d, const struct raw_lead_origin *origin,
			  const struct raw_lead_prints *prints, struct slice ip, struct buf *plain,
			  struct buf *out)
{
	char room[INET6_ADDRSTRLEN];
	size_t begin;

	buf_reset(plain);
	wire_text(plain, CONTACT_PHONE, slice_cstr(d->phone));
	wire_text(plain, CONTACT_EMAIL, slice_cstr(d->email));
	text(plain, CONTACT_NAME, d, LEAD_FIELD_NAME);
	text(plain, CONTACT_FIRST_NAME, d, LEAD_FIELD_FIRST_NAME);
	text(plain, CONTACT_LAST_NAME, d, LEAD_FIELD_LAST_NAME);
	text(plain, CONTACT_MIDDLE_NAME, d, LEAD_FIELD_MIDDLE_NAME);
	wire_text(plain, CONTACT_IP, ip);
	wire_text(plain, CONTACT_CONSENT_IP, raw_lead_address(d, LEAD_FIELD_CONSENT_IP, room));
	text(plain, CONTACT_PHONE_TYPED, d, LEAD_FIELD_PHONE);

	begin = wire_begin(out, RAW_CONTACT);
	wire_uint(out, SEALED_KEY_DAY, origin->key_day);
	wire_bytes(out, SEALED_NONCE, slice_of(origin->nonce, SEAL_NONCE_LEN));
	wire_head(out, SEALED_BOX, plain->len + SEAL_TAG_LEN);
	if (origin->subkey)
		seal_subkeyed(origin->subkey, origin->nonce, &origin->id, buf_slice(plain), out);
	else
		seal(origin->day_key, origin->nonce, &origin->id, buf_slice(plain), out);
	print(out, SEALED_PHONE, &prints->contact.phone);
	print(out, SEALED_EMAIL, &prints->contact.email);
	print(out, SEALED_MAILBOX, &prints->contact.mailbox);
	wire_end(out, begin);
}

/* --- the fingerprints --- */

static inline void canonical_bytes(struct buf *b, uint32_t tag, struct slice value)
{
	uint32_t head[2] = {tag, (uint32_t)value.len};
	char *to;

	if (!wire_room(b, sizeof(head) + value.len))
		return;
	to = b->data + b->len;
	memcpy(to, head, sizeof(head));
	if (value.len)
		memcpy(to + sizeof(head), value.data, value.len);
	b->len += sizeof(head) + value.len;
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

void raw_lead_prints(const struct draft *d, const struct raw_lead_origin *origin, struct slice ip,
		     struct buf *scratch, struct raw_lead_prints *ret)
{
	const uint8_t *key = origin->fingerprint_key;

	contact_prints_of(key, slice_cstr(d->phone), slice_cstr(d->email), &ret->contact);
	ret->person = ret->contact.phone.known ? ret->contact.phone : ret->contact.email;
	ret->device = fingerprint_of(key, FINGERPRINT_DEVICE, draft_text(d, LEAD_FIELD_DEVICE_ID));
	ret->ip = fingerprint_of(key, FINGERPRINT_IP, ip);
	ret->payload =
	    fingerprint_of(key, FINGERPRINT_PAYLOAD, canonical(d, origin->aff_id, scratch));
	ret->idempotency =
	    fingerprint_of(key, FINGERPRINT_IDEMPOTENCY, idempotency_value(origin, scratch));
}

static void write_fingerprints(const struct raw_lead_prints *p, struct buf *out)
{
	size_t begin = wire_begin(out, RAW_FINGERPRINTS);

	print(out, PRINT_PERSON, &p->person);
	print(out, PRINT_PHONE, &p->contact.phone);
	print(out, PRINT_EMAIL, &p->contact.email);
	print(out, PRINT_PAYLOAD, &p->payload);
	print(out, PRINT_DEVICE, &p->device);
	print(out, PRINT_IDEMPOTENCY, &p->idempotency);
	print(out, PRINT_IP, &p->ip);
	print(out, PRINT_MAILBOX, &p->contact.mailbox);
	wire_end(out, begin);
}

void raw_lead_build(const struct draft *d, const struct raw_lead_origin *origin,
		    struct raw_lead_scratch *scratch, struct buf *out,
		    struct fingerprint *ret_person)
{
	char room[INET6_ADDRSTRLEN];
	struct slice ip = raw_lead_address(d, LEAD_FIELD_IP, room);
	struct raw_lead_prints prints;
	size_t begin;

	wire_bytes(out, RAW_LEAD_ID, slice_of(origin->id.bytes, sizeof(origin->id.bytes)));
	begin = wire_begin(out, RAW_SOURCE);
	wire_text(out, SOURCE_TOPIC, SLICE("http"));
	wire_end(out, begin);
	write_lead(d, origin, out);
	write_submission(d, out);
	raw_lead_prints(d, origin, ip, &scratch->canonical, &prints);
	write_contact(d, origin, &prints, ip, &scratch->plain, out);
	write_fingerprints(&prints, out);
	*ret_person = prints.person;
	for (size_t i = 0; i < d->field_count; i++)
		if (d->fields[i].top)
			wire_text_set(out, RAW_IGNORED_FIELDS, d->fields[i].name);
}
