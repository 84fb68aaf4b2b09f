/* HTTP bytes through the server's parsing layer, whole and torn: however the bytes are cut, the requests are the same. */
#include <stdlib.h>

#include "base/hash.h"
#include "runtime/http_internal.h"

#define BODY_MAX   4096
#define HEADER_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct http_request *current;
	uint64_t digest;
	size_t complete;
};

static struct http_request *begin(void *ctx)
{
	struct run *run = ctx;

	http_request_free(run->current);
	run->current = calloc(1, sizeof(*run->current));
	assert(run->current);
	run->current->magic = HTTP_REQUEST_MAGIC;
	return run->current;
}

static size_t body_limit(_unused_ void *ctx, const struct http_request *r)
{
	assert(http_path(r).len <= HEADER_MAX && http_query(r).len <= HEADER_MAX &&
	       http_method(r).len > 0);
	return BODY_MAX;
}

static bool charge(_unused_ void *ctx, struct http_request *r)
{
	assert(r->data.cap <= 8 * (BODY_MAX + HEADER_MAX));
	return true;
}

static bool complete(void *ctx, struct http_request *r)
{
	struct run *run = ctx;

	assert(http_body(r).len <= BODY_MAX);
	run->digest = hash_fnv1a(run->digest + 1, http_path(r));
	run->digest = hash_fnv1a(run->digest, http_body(r));
	run->digest = hash_fnv1a(run->digest, http_header(r, "content-type"));
	run->complete++;
	return true;
}

static const struct http_parse_hooks hooks = {
    .begin = begin, .body_limit = body_limit, .charge = charge, .complete = complete};

static struct run feed(const uint8_t *data, size_t size, size_t piece)
{
	struct run run = {0};
	struct http_parse parse;
	size_t at = 0;

	http_parse_init(&parse, &hooks, &run, HEADER_MAX);
	while (at < size) {
		size_t len = MIN_OF(piece, size - at), used = 0;
		int status = 0;
		enum http_parsed parsed =
		    http_parse_feed(&parse, slice_of(data + at, len), &used, &status);

		assert(used <= len);
		if (parsed == HTTP_PARSED_FAULT) {
			assert(status == 400 || status == 413 || status == 431 || status == 503);
			break;
		}
		assert(parsed == HTTP_PARSED_ALL);
		at += len;
	}
	http_request_free(run.current);
	return run;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run whole, torn;

	if (size == 0)
		return 0;
	whole = feed(data, size, size);
	torn = feed(data, size, 1 + data[0] % 7);
	assert(whole.complete == torn.complete && whole.digest == torn.digest);
	return 0;
}
