/* http_client_write: a call as the bytes of a request. */
#include "http_client_internal.h"

#include <sodium.h>
#include <stdio.h>

static void write_signature(struct buf *out, const struct http_call *call)
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(sizeof(mac), sodium_base64_VARIANT_ORIGINAL)], at[24];
	crypto_auth_hmacsha256_state state;
	int len = snprintf(at, sizeof(at), ".%lld.", (long long)(clock_now_ms() / MS_PER_S));

	crypto_auth_hmacsha256_init(&state, (const uint8_t *)call->signing_key.data,
				    call->signing_key.len);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)call->id, strlen(call->id));
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)at, (size_t)len);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)call->body.data, call->body.len);
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_bin2base64(text, sizeof(text), mac, sizeof(mac), sodium_base64_VARIANT_ORIGINAL);
	buf_printf(out, "webhook-id: %s\r\nwebhook-timestamp: %.*s\r\nwebhook-signature: v1,%s\r\n",
		   call->id, len - 2, at + 1, text);
}

/* The head is made anew at each try: a signature holds its time. */
void http_client_write_call(struct buf *out, const struct http_client *c,
			    const struct http_call *call)
{
	buf_append_cstr(out, "POST ");
	buf_append_cstr(out, call->path);
	buf_append_cstr(out, " HTTP/1.1\r\nHost: ");
	buf_append_cstr(out, c->host);
	buf_append_cstr(out, "\r\nAuthorization: Bearer ");
	buf_append_cstr(out, call->bearer);
	buf_append_cstr(out, "\r\nContent-Type: ");
	buf_append_cstr(out, call->type);
	buf_append_cstr(out, "\r\nContent-Length: ");
	buf_append_int(out, (int64_t)call->body.len);
	buf_append_cstr(out, "\r\n");
	if (call->keyed) {
		buf_append_cstr(out, "Idempotency-Key: ");
		buf_append_cstr(out, call->id);
		buf_append_cstr(out, "\r\n");
	}
	if (call->signing_key.len > 0)
		write_signature(out, call);
	buf_append_cstr(out, "\r\n");
	buf_append_slice(out, buf_slice(&call->body));
}
