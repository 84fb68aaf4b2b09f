/* webhook: POST of a JSON document, signed after Standard Webhooks.
 *
 * settings  {"url", "timeout_ms", "success"}; see core/endpoint.h
 * headers   Idempotency-Key and webhook-id are "<lead id>.<round>", the same at every repeat
 * answer    core/classify.h
 * trap      absent values are left out, not sent as "": an advertiser must not store an empty phone */
#include "base/timefmt.h"
#include "channel.h"
#include "signature.h"

static void comma(struct buf *b)
{
	if (b->len > 0 && b->data[b->len - 1] != '{')
		buf_append_char(b, ',');
}

static void member(struct buf *b, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	comma(b);
	json_write_member(b, name, slice_cstr(value));
}

static void member_int(struct buf *b, const char *name, int64_t value)
{
	comma(b);
	json_write_member_int(b, name, value);
}

static void open_object(struct buf *b, const char *name)
{
	comma(b);
	buf_printf(b, "\"%s\":{", name);
}

static void write_price(struct buf *b, const Punnet__V1__Money *price)
{
	if (!price)
		return;
	open_object(b, "price");
	member_int(b, "amount_minor", price->amount_minor);
	member(b, "currency", price->currency);
	buf_append_char(b, '}');
}

static void write_contact(struct buf *b, const Punnet__V1__Contact *c)
{
	open_object(b, "contact");
	member(b, "phone", c->phone);
	member(b, "email", c->email);
	member(b, "name", c->name);
	member(b, "first_name", c->first_name);
	member(b, "last_name", c->last_name);
	member(b, "middle_name", c->middle_name);
	buf_append_char(b, '}');
}

/* A number in JSON's own grammar goes out as a number, JSON text as it came; what isn't is sent as a string. */
static void write_as_came(struct buf *b, const char *text)
{
	struct arena scratch = {0};
	struct json_fault fault;

	if (json_parse(&scratch, slice_cstr(text), JSON_LIMITS_DEFAULT, &fault))
		buf_append_cstr(b, text);
	else
		json_write_string(b, slice_cstr(text));
	arena_free(&scratch);
}

static void write_field(struct buf *b, const Punnet__V1__Field *f)
{
	comma(b);
	json_write_string(b, slice_cstr(f->name));
	buf_append_char(b, ':');
	switch (f->value_case) {
	case PUNNET__V1__FIELD__VALUE_TEXT:
		json_write_string(b, slice_cstr(f->text));
		return;
	case PUNNET__V1__FIELD__VALUE_INTEGER:
		buf_append_int(b, f->integer);
		return;
	case PUNNET__V1__FIELD__VALUE_FLAG:
		buf_append_cstr(b, f->flag ? "true" : "false");
		return;
	case PUNNET__V1__FIELD__VALUE_DECIMAL:
		write_as_came(b, f->decimal);
		return;
	case PUNNET__V1__FIELD__VALUE_JSON:
		write_as_came(b, f->json);
		return;
	default:
		buf_append_cstr(b, "null");
	}
}

static void write_lead(struct buf *b, const Punnet__V1__Lead *lead)
{
	char at[TIME_TEXT_LEN + 1];

	member(b, "country", lead->country);
	member(b, "region", lead->region);
	member(b, "city", lead->city);
	member(b, "postal_code", lead->postal_code);
	open_object(b, "fields");
	for (size_t i = 0; i < lead->n_fields; i++)
		write_field(b, lead->fields[i]);
	buf_append_char(b, '}');
	time_text(lead->received_at_ms, at);
	member(b, "received_at", at);
}

static void write_body(struct buf *b, const struct handover *h)
{
	const Punnet__V1__Assignment *a = h->routed->assignment;
	char id[LEAD_ID_TEXT_LEN + 1];

	lead_id_text(&h->lead_id, id);
	buf_append_char(b, '{');
	member(b, "lead_id", id);
	member(b, "order_id", a->order_id);
	member_int(b, "round", a->round);
	member(b, "vertical", a->vertical);
	write_price(b, a->price);
	write_contact(b, h->contact);
	if (h->routed->lead)
		write_lead(b, h->routed->lead);
	member(b, "source", h->source);
	comma(b);
	buf_printf(b, "\"is_test\":%s}", a->is_test ? "true" : "false");
}

static bool compose(const struct handover *h, _unused_ const struct endpoint *e, struct message *m)
{
	char key[DELIVERY_KEY_TEXT_MAX], signature[SIGNATURE_TEXT_MAX];
	int64_t now_s = h->now_ms / MS_PER_S;

	/* The whole room at once: a buffer that grows would leave the contact behind in freed memory. */
	m->body.max = MESSAGE_BODY_MAX;
	if (!buf_reserve(&m->body,
			 2 * protobuf_c_message_get_packed_size(&h->routed->base) + 16 * 1024))
		return false;
	write_body(&m->body, h);
	if (m->body.failed)
		return false;

	delivery_key_text(&h->lead_id, h->routed->assignment->round, key);
	message_header(m, "Content-Type: application/json");
	message_header(m, "Idempotency-Key: %s", key);
	message_header(m, "webhook-id: %s", key);
	message_header(m, "webhook-timestamp: %lld", (long long)now_s);
	if (!h->signer->signs)
		return true;
	webhook_sign(h->signer, slice_cstr(key), now_s, buf_slice(&m->body), signature);
	message_header(m, "webhook-signature: %s", signature);
	return true;
}

const struct channel channel_webhook = {
    .name = "webhook",
    .read = endpoint_read_webhook,
    .compose = compose,
    .judge = classify,
};
