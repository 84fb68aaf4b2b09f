/* webhook: POST of a JSON document or a form, signed after Standard Webhooks.
 *
 * settings  core/endpoint.h; the body is our document, a flat form of it, or the advertiser's template (template.h)
 * headers   Idempotency-Key and webhook-id are "<lead id>.<round>", the same at every repeat
 * answer    core/classify.h
 * trap      absent values are left out, not sent as "": an advertiser must not store an empty phone */
#include <sodium.h>

#include "base/timefmt.h"
#include "formats.h"
#include "signature.h"
#include "template.h"

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
		value_write_as_came(b, slice_cstr(f->decimal));
		return;
	case PUNNET__V1__FIELD__VALUE_JSON:
		value_write_as_came(b, slice_cstr(f->json));
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

/* --- the form --- */

static void form_pair(struct buf *b, struct slice name, const struct value *v)
{
	struct formatted f;

	format_value(v, slice_of(NULL, 0), &f);
	if (!f.absent) {
		if (b->len > 0)
			buf_append_char(b, '&');
		template_percent(b, name);
		buf_append_char(b, '=');
		template_percent(b, buf_slice(&f.text));
	}
	formatted_wipe(&f);
}

/* The same facts as the document has, flat. */
static void write_form(struct buf *b, const struct handover *h)
{
	static const struct {
		const char *name, *value;
	} pairs[] = {
	    {"lead_id", "lead_id"},     {"order_id", "order_id"},
	    {"round", "round"},         {"vertical", "vertical"},
	    {"price_minor", "price"},   {"currency", "currency"},
	    {"phone", "phone"},         {"email", "email"},
	    {"name", "name"},           {"first_name", "first_name"},
	    {"last_name", "last_name"}, {"middle_name", "middle_name"},
	    {"country", "country"},     {"region", "region"},
	    {"city", "city"},           {"postal_code", "postal_code"},
	    {"source", "source"},       {"received_at", "received_at"},
	    {"is_test", "is_test"},
	};
	const Punnet__V1__Lead *lead = h->routed->lead;
	struct value v;

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		value_get(h, slice_cstr(pairs[i].value), &v);
		form_pair(b, slice_cstr(pairs[i].name), &v);
	}
	for (size_t i = 0; lead && i < lead->n_fields; i++) {
		_cleanup_(buf_free) struct buf name = {0};

		buf_append_cstr(&name, "fields.");
		buf_append_cstr(&name, lead->fields[i]->name);
		value_of_field(lead->fields[i], &v);
		form_pair(b, buf_slice(&name), &v);
	}
}

/* --- the headers --- */

static bool secret_usable(struct slice secret)
{
	for (size_t i = 0; i < secret.len; i++)
		if (secret.data[i] < ' ' || secret.data[i] > '~')
			return false;
	return secret.len > 0 && secret.len <= SECRET_MAX_BYTES;
}

static enum compose write_auth(const struct handover *h, const struct endpoint *e,
			       struct message *m)
{
	char base64[sodium_base64_ENCODED_LEN(SECRET_MAX_BYTES, sodium_base64_VARIANT_ORIGINAL)];
	struct slice secret;

	if (e->auth == AUTH_NONE)
		return COMPOSE_DONE;
	secret = handover_secret(h, slice_cstr(e->auth_secret));
	if (!secret_usable(secret) ||
	    (e->auth == AUTH_BASIC && !memchr(secret.data, ':', secret.len)))
		return COMPOSE_NO_SECRET;
	if (e->auth == AUTH_HEADER) {
		message_header(m, e->auth_header, secret);
		return COMPOSE_DONE;
	}
	message_header_open(m, SLICE("Authorization"));
	if (e->auth == AUTH_BEARER) {
		buf_append_cstr(&m->head, "Bearer ");
		buf_append_slice(&m->head, secret);
	} else {
		sodium_bin2base64(base64, sizeof(base64), (const uint8_t *)secret.data, secret.len,
				  sodium_base64_VARIANT_ORIGINAL);
		buf_append_cstr(&m->head, "Basic ");
		buf_append_cstr(&m->head, base64);
		sodium_memzero(base64, sizeof(base64));
	}
	message_header_close(m);
	return COMPOSE_DONE;
}

static void write_own_header(const struct json *own, struct message *m)
{
	message_header_open(m, own->key);
	buf_append_slice(&m->head, own->text);
	message_header_close(m);
}

static enum compose write_headers(const struct handover *h, const struct endpoint *e, bool has_body,
				  struct message *m)
{
	char key[DELIVERY_KEY_TEXT_MAX], signature[SIGNATURE_TEXT_MAX];
	int64_t now_s = h->now_ms / MS_PER_S;

	delivery_key_text(&h->lead_id, h->routed->assignment->round, key);
	if (has_body)
		message_header(m, "Content-Type",
			       e->form == BODY_FORM ? SLICE("application/x-www-form-urlencoded")
						    : SLICE("application/json"));
	message_header(m, "Idempotency-Key", slice_cstr(key));
	message_header(m, "webhook-id", slice_cstr(key));
	message_header_open(m, SLICE("webhook-timestamp"));
	buf_append_int(&m->head, now_s);
	message_header_close(m);
	if (h->signer->signs) {
		webhook_sign(h->signer, slice_cstr(key), now_s, buf_slice(&m->body), signature);
		message_header(m, "webhook-signature", slice_cstr(signature));
	}
	for (const struct json *own = e->headers ? e->headers->child : NULL; own; own = own->next)
		write_own_header(own, m);
	return write_auth(h, e, m);
}

/* --- the channel --- */

static enum compose compose(const struct handover *h, const struct endpoint *e, struct message *m)
{
	enum compose c = COMPOSE_DONE;

	if (!message_begin(m, h))
		return COMPOSE_TOO_LARGE;
	if (e->template_root)
		c = template_write(&m->body, e->template_root, e->form, h);
	else if (e->form == BODY_FORM)
		write_form(&m->body, h);
	else
		write_body(&m->body, h);
	if (c != COMPOSE_DONE)
		return c;
	c = m->body.failed ? COMPOSE_TOO_LARGE : write_headers(h, e, true, m);
	return c == COMPOSE_DONE && m->head.failed ? COMPOSE_TOO_LARGE : c;
}

static enum compose ask(const struct handover *h, const struct endpoint *e,
			const struct status_query *query, struct message *m,
			char ret_url[ENDPOINT_URL_MAX])
{
	_cleanup_(buf_free) struct buf url = {.max = ENDPOINT_URL_MAX};
	enum compose c;

	if (!message_begin(m, h) || !buf_reserve(&url, ENDPOINT_URL_MAX))
		return COMPOSE_TOO_LARGE;
	c = template_write_text(&url, slice_cstr(query->url), template_percent, h);
	if (c == COMPOSE_DONE && url.len < ENDPOINT_URL_MAX) {
		memcpy(ret_url, url.data, url.len);
		ret_url[url.len] = 0;
		c = write_headers(h, e, false, m);
	} else if (c == COMPOSE_DONE) {
		c = COMPOSE_TOO_LARGE;
	}
	sodium_memzero(url.data, url.cap);
	return c == COMPOSE_DONE && m->head.failed ? COMPOSE_TOO_LARGE : c;
}

static enum result read_settings(const struct json *settings, int64_t default_timeout_ms,
				 struct endpoint *ret, struct error *ret_error)
{
	enum result r = endpoint_read_webhook(settings, default_timeout_ms, ret, ret_error);

	if (r != RESULT_OK || !ret->template_root)
		return r;
	return template_check(ret->template_root, ret->form, "webhook.template", ret_error)
		   ? RESULT_OK
		   : RESULT_BAD;
}

const struct channel channel_webhook = {
    .name = "webhook",
    .read = read_settings,
    .compose = compose,
    .ask = ask,
    .judge = classify,
};
