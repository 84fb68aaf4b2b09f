/* channels: the table of ways to hand a lead over, and what they share. */
#include "channel.h"

#include <sodium.h>
#include <stdio.h>

#include "lead/fingerprint.h"
#include "template.h"

static const struct channel *const channels[] = {
    &channel_webhook,
    &channel_email,
};

/* A member that is neither a channel nor known here; NULL when there is none. */
static const struct json *stranger(const struct json *root)
{
	for (const struct json *m = root->child; m; m = m->next) {
		bool known = slice_is(m->key, "on_unknown");

		for (size_t i = 0; i < ARRAY_LEN(channels); i++)
			known |= slice_is(m->key, channels[i]->name);
		if (!known)
			return m;
	}
	return NULL;
}

static const struct channel *channel_named(const struct json *root, const struct json **ret)
{
	for (size_t i = 0; i < ARRAY_LEN(channels); i++) {
		*ret = json_member(root, channels[i]->name);
		if (*ret)
			return channels[i];
	}
	return NULL;
}

static enum result read_on_unknown(const struct json *value, const struct channel *channel,
				   int64_t default_timeout_ms, struct endpoint *ret,
				   struct error *ret_error)
{
	struct status_query query;
	enum result r;

	if (!value || (value->type == JSON_STRING && slice_is(value->text, "retry_same")))
		return RESULT_OK;
	if (value->type != JSON_OBJECT || !channel->ask)
		return error_set(ret_error, RESULT_BAD, "on_unknown: expected \"retry_same\"%s",
				 channel->ask ? ", or a query" : "");
	r = endpoint_read_query(value, default_timeout_ms, &query, ret_error);
	if (r != RESULT_OK)
		return r;
	if (!template_text_check(slice_cstr(query.url), "on_unknown.query.url", ret_error))
		return RESULT_BAD;
	if ((ret->auth != AUTH_NONE || *ret->certificate) && !endpoint_url_is_https(query.url))
		return error_set(ret_error, RESULT_BAD,
				 "on_unknown.query.url: expected https, for a secret goes with it");
	ret->query = value;
	return RESULT_OK;
}

static enum result read_root(const struct json *root, int64_t default_timeout_ms,
			     const struct channel **ret_channel, struct endpoint *ret,
			     struct error *ret_error)
{
	const struct json *settings, *other = stranger(root);
	enum result r;

	*ret_channel = channel_named(root, &settings);
	if (!*ret_channel)
		return error_set(ret_error, RESULT_BAD, "delivery settings name no channel");
	if (other)
		return error_set(ret_error, RESULT_BAD, SLICE_FMT ": unknown",
				 SLICE_ARG(other->key));
	r = (*ret_channel)->read(settings, default_timeout_ms, ret, ret_error);
	if (r != RESULT_OK)
		return r;
	return read_on_unknown(json_member(root, "on_unknown"), *ret_channel, default_timeout_ms,
			       ret, ret_error);
}

enum result channel_read(struct slice delivery_json, int64_t default_timeout_ms,
			 struct arena *scratch, const struct channel **ret_channel,
			 struct endpoint *ret, struct error *ret_error)
{
	struct json_fault fault = {0};
	const struct json *root;

	if (delivery_json.len > ENDPOINT_JSON_MAX_BYTES)
		return error_set(ret_error, RESULT_BAD, "delivery settings of more than %d bytes",
				 ENDPOINT_JSON_MAX_BYTES);
	root = json_parse(scratch, delivery_json, JSON_LIMITS_DEFAULT, &fault);
	if (!root)
		return error_set(ret_error, RESULT_BAD, "delivery settings: %s at byte %zu",
				 fault.what, fault.offset);
	return read_root(root, default_timeout_ms, ret_channel, ret, ret_error);
}

/* What was written; all of it when writing broke off. */
static void wipe(struct buf *b)
{
	if (b->data)
		sodium_memzero(b->data, b->failed ? b->cap : b->len);
	buf_reset(b);
}

void message_clear(struct message *m)
{
	wipe(&m->body);
	wipe(&m->head);
	m->header_count = 0;
}

void message_wipe(struct message *m)
{
	message_clear(m);
	buf_free(&m->body);
	buf_free(&m->head);
}

size_t handover_room(const struct handover *h)
{
	return 3 * protobuf_c_message_get_packed_size(&h->routed->base) +
	       3 * protobuf_c_message_get_packed_size(&h->contact->base) + 16 * 1024;
}

bool message_begin(struct message *m, const struct handover *h)
{
	m->head.max = MESSAGE_HEAD_MAX;
	m->body.max = MESSAGE_BODY_MAX;
	return buf_reserve(&m->head, MESSAGE_HEAD_MAX) &&
	       buf_reserve(&m->body, MIN_OF(handover_room(h), (size_t)MESSAGE_BODY_MAX));
}

void message_header_open(struct message *m, struct slice name)
{
	assert(m->header_count < MESSAGE_HEADERS_MAX);
	m->header_at[m->header_count] = m->head.len;
	buf_append_slice(&m->head, name);
	buf_append(&m->head, ": ", 2);
}

void message_header_close(struct message *m)
{
	buf_append_char(&m->head, 0);
	m->header_count += !m->head.failed;
}

void message_header(struct message *m, const char *name, struct slice value)
{
	message_header_open(m, slice_cstr(name));
	buf_append_slice(&m->head, value);
	message_header_close(m);
}

const char *message_header_text(const struct message *m, size_t i)
{
	assert(i < m->header_count);
	return m->head.data + m->header_at[i];
}

struct slice handover_secret(const struct handover *h, struct slice name)
{
	return h->secret ? h->secret(h->secret_ctx, name) : slice_of(NULL, 0);
}

void delivery_key_text(const struct lead_id *lead_id, uint32_t round,
		       char ret[DELIVERY_KEY_TEXT_MAX])
{
	lead_id_text(lead_id, ret);
	snprintf(ret + LEAD_ID_TEXT_LEN, DELIVERY_KEY_TEXT_MAX - LEAD_ID_TEXT_LEN, ".%u", round);
}

void source_pseudonym(const uint8_t key[32], struct slice aff_id, struct slice advertiser_id,
		      char ret[SOURCE_TEXT_LEN + 1])
{
	static const char domain[] = "punnet delivery source";
	crypto_generichash_state state;
	uint8_t hash[crypto_generichash_BYTES_MIN];

	/* the zero bytes keep ("ab","c") and ("a","bc") apart */
	crypto_generichash_init(&state, key, FINGERPRINT_KEY_LEN, sizeof(hash));
	crypto_generichash_update(&state, (const uint8_t *)domain, sizeof(domain));
	crypto_generichash_update(&state, (const uint8_t *)aff_id.data, aff_id.len);
	crypto_generichash_update(&state, (const uint8_t *)"", 1);
	crypto_generichash_update(&state, (const uint8_t *)advertiser_id.data, advertiser_id.len);
	crypto_generichash_final(&state, hash, sizeof(hash));
	sodium_bin2hex(ret, SOURCE_TEXT_LEN + 1, hash, SOURCE_TEXT_LEN / 2);
}
