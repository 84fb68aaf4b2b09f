/* door: who may hand what in: routes, keys, signatures, rates, and the pages whose scripts may ask.
 *
 * Every request is either answered here with its problem, or becomes an intake. The order of the questions: is there such
 * a place, who is it, may they, is it written in a form we read, is it signed, is it too much. */
#include "collector.h"

#include <sodium.h>
#include <stdlib.h>

#include "collector/core/lines.h"
#include "collector/core/signature.h"
#include "lead/codec.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/secret.h"

struct route {
	struct slice path;
	enum party_kind party_kind;
	bool batch;     /* NDJSON only */
	bool may_batch; /* JSON or NDJSON */
	bool may_form;
	bool replay;
	size_t body_max;
};

#define ROUTE(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static const struct route routes[] = {
    {ROUTE("/v1/leads"), PARTY_WEBMASTER, .may_form = true, .body_max = COLLECTOR_SINGLE_BYTES},
    {ROUTE("/v1/leads/batch"), PARTY_WEBMASTER, .batch = true, .body_max = COLLECTOR_BATCH_BYTES},
    {ROUTE("/v1/postbacks/replay"), PARTY_WEBMASTER, .replay = true,
     .body_max = COLLECTOR_SINGLE_BYTES},
    {ROUTE("/v1/verdicts"), PARTY_ADVERTISER, .may_batch = true, .body_max = COLLECTOR_BATCH_BYTES},
};

static const struct route *route_of(struct slice path)
{
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (path.len == routes[i].path.len &&
		    slice_same_bytes(path.data, routes[i].path.data, path.len))
			return &routes[i];
	return NULL;
}

size_t door_body_limit(_unused_ void *ctx, _unused_ struct slice method, struct slice path)
{
	const struct route *route = route_of(path);

	return route ? route->body_max
		     : COLLECTOR_SINGLE_BYTES; /* small enough to say 404 rather than 413 */
}

/* --- pages --- */

static void learn_origins(struct collector *c)
{
	const Punnet__V1__DirectoryEntry *entry;
	uint64_t version = directory_version(c->directory);

	if (c->page_origins_known && c->page_origins_version == version)
		return;
	map_free(&c->page_origins);
	c->page_origins = (struct map){0};
	for (size_t i = 0; directory_at(c->directory, i, &entry); i++) {
		if (entry->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER)
			continue;
		for (size_t n = 0; n < entry->webmaster->n_page_origins; n++)
			map_put(&c->page_origins, slice_cstr(entry->webmaster->page_origins[n]), c);
	}
	c->page_origins_version = version;
	c->page_origins_known = true;
}

/* A preflight bears no key: it is enough that some webmaster lists the page. Whose page it is, the request itself shows. */
static void answer_preflight(struct collector *c, struct http_request *r)
{
	struct slice origin = http_header(r, "origin");
	struct http_header_out headers[] = {
	    {"Vary", SLICE("Origin")},
	    {"Allow", SLICE("POST, OPTIONS")},
	    {"Access-Control-Allow-Origin", origin},
	    {"Access-Control-Allow-Methods", SLICE("POST")},
	    {"Access-Control-Allow-Headers",
	     SLICE("Authorization, Content-Type, Idempotency-Key, Webhook-Id, "
		   "Webhook-Timestamp, Webhook-Signature")},
	    {"Access-Control-Max-Age", SLICE("600")},
	};
	bool allowed;

	learn_origins(c);
	allowed = origin.len > 0 && map_get(&c->page_origins, origin);
	http_answer(r, 204, NULL, headers, allowed ? ARRAY_LEN(headers) : 2, SLICE(""));
}

static struct slice page_origin(const struct http_request *r,
				const Punnet__V1__DirectoryEntry *entry)
{
	struct slice origin = http_header(r, "origin");

	if (origin.len == 0 || entry->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER)
		return SLICE("");
	for (size_t i = 0; i < entry->webmaster->n_page_origins; i++)
		if (slice_is(origin, entry->webmaster->page_origins[i]))
			return origin;
	return SLICE("");
}

/* --- who --- */

static struct slice bearer_key(const struct http_request *r)
{
	struct slice value = http_header(r, "authorization");

	if (value.len < 7 || !slice_equal_nocase(slice_of(value.data, 7), SLICE("Bearer ")))
		return SLICE("");
	return slice_trim(slice_of(value.data + 7, value.len - 7));
}

static struct known_party *authenticate(struct collector *c, const struct http_request *r,
					enum party_kind kind)
{
	struct slice key = bearer_key(r);

	if (key.len == 0)
		return NULL;
	return known_party(&c->known, kind == PARTY_WEBMASTER ? "webmaster" : "advertiser", key);
}

static bool suspended(const Punnet__V1__DirectoryEntry *entry, enum party_kind kind)
{
	return kind == PARTY_WEBMASTER ? entry->webmaster->suspended : entry->advertiser->suspended;
}

static bool signature_demanded(const Punnet__V1__DirectoryEntry *entry, enum party_kind kind)
{
	return kind == PARTY_WEBMASTER ? entry->webmaster->require_signature
				       : entry->advertiser->require_signature;
}

static bool signed_rightly(struct collector *c, const struct http_request *r,
			   const Punnet__V1__DirectoryEntry *entry, enum party_kind kind)
{
	ProtobufCBinaryData sealed = kind == PARTY_WEBMASTER ? entry->webmaster->sealed_secret
							     : entry->advertiser->sealed_secret;
	struct signature signature = {.id = http_header(r, "webhook-id"),
				      .timestamp = http_header(r, "webhook-timestamp"),
				      .signatures = http_header(r, "webhook-signature")};
	uint8_t key[SECRET_PLAIN_MAX];
	struct buf plain = {0};
	size_t key_len = 0;
	bool fits;

	if (!secret_open(keyring_master_key(c->keyring), slice_cstr(entry->id), codec_bytes(sealed),
			 &plain))
		log_error("secret_unreadable", LOG_STR("entry", entry->id));
	else
		key_len = secret_signing_key(buf_slice(&plain), key);
	fits =
	    key_len > 0 && signature_fits(&signature, http_body(r), key, key_len, clock_now_ms());
	sodium_memzero(key, sizeof(key));
	if (plain.data)
		sodium_memzero(plain.data, plain.cap);
	buf_free(&plain);
	return fits;
}

/* --- in what form --- */

static struct slice media_type(const struct http_request *r)
{
	struct slice type = http_header(r, "content-type");
	const char *semicolon = type.len ? memchr(type.data, ';', type.len) : NULL;

	return slice_trim(
	    slice_of(type.data, semicolon ? (size_t)(semicolon - type.data) : type.len));
}

static bool read_form(struct intake *i, const struct route *route)
{
	struct slice type = media_type(i->request);
	bool lines = slice_equal_nocase(type, SLICE("application/x-ndjson")) ||
		     slice_equal_nocase(type, SLICE("application/ndjson"));

	i->batch = lines && (route->batch || route->may_batch);
	if (lines || route->batch)
		return i->batch;
	i->form =
	    route->may_form && slice_equal_nocase(type, SLICE("application/x-www-form-urlencoded"));
	return i->form || slice_equal_nocase(type, SLICE("application/json"));
}

/* --- how much --- */

struct bucket *door_bucket(struct map *buckets, const char *entry_id)
{
	struct slice id = slice_cstr(entry_id);
	struct bucket *b = map_get(buckets, id);

	if (b)
		return b;
	b = calloc(
	    1, sizeof(*b)); /* one for each key holder that ever came: bounded by the directory */
	assert(b);
	map_put(buckets, id, b);
	return b;
}

/* Seconds to wait; 0 = welcome. */
static uint32_t too_fast(struct collector *c, struct known_party *party, enum party_kind kind,
			 uint32_t count)
{
	const Punnet__V1__DirectoryEntry *entry = party->entry;
	uint32_t rate = kind == PARTY_WEBMASTER ? entry->webmaster->rate_per_s : 0;
	uint32_t burst = kind == PARTY_WEBMASTER ? entry->webmaster->burst : 0;

	if (burst == 0)
		burst = rate ? rate : c->default_burst;
	if (rate == 0)
		rate = c->default_rate;
	if (!party->bucket)
		party->bucket = door_bucket(&c->buckets, entry->id);
	return bucket_take(party->bucket, rate, burst, count, collector_now_ms(c));
}

/* --- Idempotency-Key --- */

static bool read_key(struct intake *i, const struct route *route)
{
	struct slice body = http_body(i->request);
	crypto_generichash_state state;
	uint8_t hash[16];

	i->key = http_header(i->request, "idempotency-key");
	if (i->key.len == 0)
		return true;
	if (i->key.len > COLLECTOR_KEY_MAX)
		return false;
	/* The name of the record: whose key, and which; its length is bounded whatever the client sends. */
	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	crypto_generichash_update(&state, (const uint8_t *)&i->party_kind, sizeof(i->party_kind));
	crypto_generichash_update(&state, (const uint8_t *)i->party, sizeof(i->party));
	crypto_generichash_update(&state, (const uint8_t *)i->key.data, i->key.len);
	crypto_generichash_final(&state, hash, sizeof(hash));
	i->idem_key[0] = 'i';
	sodium_bin2hex(i->idem_key + 1, sizeof(i->idem_key) - 1, hash, sizeof(hash));

	crypto_generichash_init(&state, NULL, 0, sizeof(i->body_hash));
	crypto_generichash_update(&state, (const uint8_t *)route->path.data, route->path.len);
	crypto_generichash_update(&state, (const uint8_t *)&i->batch, sizeof(i->batch));
	crypto_generichash_update(&state, (const uint8_t *)body.data, body.len);
	crypto_generichash_final(&state, i->body_hash, sizeof(i->body_hash));
	return true;
}

/* --- the questions in their order --- */

static void refuse(struct intake *i, enum problem p, const char *detail, uint32_t retry_after_s)
{
	answer_problem(
	    i->request, p, detail,
	    &(struct answer_extra){.page_origin = i->page_origin, .retry_after_s = retry_after_s});
	intake_free(i);
}

static void admit(struct intake *i, const struct route *route, struct known_party *party)
{
	const Punnet__V1__DirectoryEntry *entry = party->entry;
	struct http_request *r = i->request;
	struct collector *c = i->c;
	uint32_t wait_s;

	if (!read_form(i, route)) {
		refuse(i, PROBLEM_UNSUPPORTED_TYPE, NULL, 0);
		return;
	}
	if (!i->batch && http_body(r).len > COLLECTOR_SINGLE_BYTES) {
		refuse(i, PROBLEM_TOO_LARGE, NULL, 0);
		return;
	}
	if (signature_demanded(entry, route->party_kind) &&
	    !signed_rightly(c, r, entry, route->party_kind)) {
		refuse(i, PROBLEM_BAD_SIGNATURE, NULL, 0);
		return;
	}
	i->rest = http_body(r);
	i->line_count = i->batch ? lines_count(i->rest, COLLECTOR_BATCH_LINES) : 1;
	if (i->line_count == 0) {
		refuse(i, PROBLEM_MALFORMED_BODY, "there is no line", 0);
		return;
	}
	if (i->line_count > COLLECTOR_BATCH_LINES) {
		refuse(i, PROBLEM_TOO_MANY_LINES, NULL, 0);
		return;
	}
	if (!read_key(i, route)) {
		refuse(i, PROBLEM_INVALID_KEY, NULL, 0);
		return;
	}
	wait_s = route->replay ? replay_too_soon(c, entry->id)
			       : too_fast(c, party, route->party_kind, i->line_count);
	if (wait_s > 0) {
		refuse(i, PROBLEM_RATE_LIMITED, NULL, wait_s);
		return;
	}
	intake_begin(i);
}

void door_request(void *ctx, struct http_request *r)
{
	struct collector *c = ctx;
	const struct route *route = route_of(http_path(r));
	struct known_party *party;
	struct intake *i;

	metric_add(METRIC_COLLECTOR_REQUESTS, 1);
	if (!route) {
		answer_problem(r, PROBLEM_NOT_FOUND, NULL, NULL);
		return;
	}
	if (slice_is(http_method(r), "OPTIONS")) {
		answer_preflight(c, r);
		return;
	}
	if (!slice_is(http_method(r), "POST")) {
		answer_problem(r, PROBLEM_METHOD_NOT_ALLOWED, NULL,
			       &(struct answer_extra){.allow = "POST, OPTIONS"});
		return;
	}
	party = authenticate(c, r, route->party_kind);
	if (!party || party->id.len > COLLECTOR_PARTY_MAX) {
		answer_problem(r, PROBLEM_UNAUTHORIZED, NULL, NULL);
		return;
	}

	i = intake_new(c, r);
	i->party_kind = route->party_kind;
	i->replay = route->replay;
	memcpy(i->party, party->id.data, party->id.len);
	i->party[party->id.len] = '\0';
	i->entry = party->entry;
	i->entry_version = directory_version(c->directory);
	i->page_origin = page_origin(r, party->entry);
	if (suspended(party->entry, route->party_kind))
		refuse(i, PROBLEM_SUSPENDED, NULL, 0);
	else
		admit(i, route, party);
}

static void free_buckets(struct map *buckets)
{
	struct slice key;
	void *bucket;

	for (size_t i = 0; map_at(buckets, i, &key, &bucket); i++)
		free(bucket);
	map_free(buckets);
}

void door_free(struct collector *c)
{
	free_buckets(&c->buckets);
	free_buckets(&c->replay_buckets);
	map_free(&c->page_origins);
}
