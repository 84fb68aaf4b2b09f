/* channels: the table of ways to hand a lead over, and what they share. */
#include "channel.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>

#include "lead/fingerprint.h"

static const struct channel *const channels[] = {
    &channel_webhook,
};

/* What an unclear answer leads to. One word so far; another would stand here. */
static bool on_unknown_known(const struct json *root)
{
	const struct json *value = json_member(root, "on_unknown");

	return !value || (value->type == JSON_STRING && slice_is(value->text, "retry_same"));
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
	if (!on_unknown_known(root))
		return error_set(ret_error, RESULT_BAD, "on_unknown: expected \"retry_same\"");
	for (size_t i = 0; i < ARRAY_LEN(channels); i++) {
		const struct json *settings = json_member(root, channels[i]->name);

		if (!settings)
			continue;
		*ret_channel = channels[i];
		return channels[i]->read(settings, default_timeout_ms, ret, ret_error);
	}
	return error_set(ret_error, RESULT_BAD, "delivery settings name no channel");
}

void message_wipe(struct message *m)
{
	/* What was written; all of it when writing broke off. */
	if (m->body.data)
		sodium_memzero(m->body.data, m->body.failed ? m->body.cap : m->body.len);
	buf_free(&m->body);
	sodium_memzero(m->headers, m->header_count * sizeof(m->headers[0]));
	m->header_count = 0;
}

void message_header(struct message *m, const char *fmt, ...)
{
	va_list args;

	assert(m->header_count < MESSAGE_HEADERS_MAX);
	va_start(args, fmt);
	vsnprintf(m->headers[m->header_count++], MESSAGE_HEADER_BYTES, fmt, args);
	va_end(args);
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
