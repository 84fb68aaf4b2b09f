/* kv_redis: claims in Redis. A whole batch is one EVALSHA: the script decides for all leads in their order, so no other
 * worker can come between them.
 *
 * Fails as RESULT_AWAY whenever the answer is not certain: no connection, no answer in time, any error reply (Redis that
 * is loading, out of memory, read-only). The connection is then dropped, so that a late answer never meets another
 * question; asking again is safe, because a lead finds its own claims. Tries to connect again at most every
 * KV_RETRY_MOST_MS, and only when asked. */
#include <hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "kv_internal.h"
#include "log.h"

#define KV_RETRY_LEAST_MS 25
#define KV_RETRY_MOST_MS  250
#define KV_SHA_LEN        40
#define KV_PREFIX_MAX     64
#define CLAIM_ARG_BYTES   9 /* one byte `always`, eight of ttl, big-endian */
#define LEAD_ARG_MAX      (KV_CLAIM_BYTES + 2 + KV_CLAIMS_PER_LEAD * CLAIM_ARG_BYTES)
#define SETTLE_ARG_BYTES  (KV_CLAIM_BYTES + CLAIM_ARG_BYTES)

/* KEYS: all keys of all leads. ARGV: one string a lead: value (owner, time), candidate, how many keys, then for each key
 * `always` and ttl. Answers what the asker can't foresee: for each key that the lead did not newly take, its place (from 1)
 * and its value, or nil where nobody holds it. Most leads take all that they ask for, so most answers are empty.
 *
 * A candidate's claims are taken one by one, and given back if one of them is another's: in a script nobody sees that. It
 * costs one command a claim in place of two. All behind the value is the same for nearly every lead, and read once. */
static const char gather_script[] =
    "local call, sub, keys = redis.call, string.sub, KEYS\n"
    "local shapes, found, answers, at = {}, {}, {}, 0\n"
    "local function read(text)\n"
    "  local shape = {candidate = string.byte(text, 1) == 1, n = string.byte(text, 2)}\n"
    "  shape.always, shape.ttl = {}, {}\n"
    "  for c = 1, shape.n do\n"
    "    local always, ttl = struct.unpack('>BI8', text, 3 + (c - 1) * 9)\n"
    "    shape.always[c], shape.ttl[c] = always == 1, string.format('%.0f', ttl)\n"
    "  end\n"
    "  shapes[text] = shape\n"
    "  return shape\n"
    "end\n"
    "local function answer(key, value)\n"
    "  answers[#answers + 1] = key\n"
    "  answers[#answers + 1] = value\n"
    "end\n"
    "local function take(shape, value)\n"
    "  local ttl, again = shape.ttl, false\n"
    "  for c = 1, shape.n do\n"
    "    local v = call('SET', keys[at + c], value, 'PX', ttl[c], 'NX', 'GET')\n"
    "    found[c] = v\n"
    "    if v then\n"
    "      if sub(v, 1, 24) ~= sub(value, 1, 24) then\n"
    "        for k = 1, c - 1 do if not found[k] then call('DEL', keys[at + k]) end end\n"
    "        return false\n"
    "      end\n"
    "      again = true\n"
    "    end\n"
    "  end\n"
    "  for c = 1, again and shape.n or 0 do if found[c] then answer(at + c, found[c]) end end\n"
    "  return true\n"
    "end\n"
    "local function look(shape, value)\n"
    "  for c = 1, shape.n do\n"
    "    if shape.always[c] then\n"
    "      call('SET', keys[at + c], value, 'PX', shape.ttl[c], 'NX', 'GET')\n"
    "    end\n"
    "  end\n"
    "  for c = 1, shape.n do answer(at + c, call('GET', keys[at + c])) end\n"
    "end\n"
    "for _, lead in ipairs(ARGV) do\n"
    "  local value, text = sub(lead, 1, 32), sub(lead, 33)\n"
    "  local shape = shapes[text] or read(text)\n"
    "  if not (shape.candidate and take(shape, value)) then look(shape, value) end\n"
    "  at = at + shape.n\n"
    "end\n"
    "return answers\n";

/* KEYS[i] belongs to ARGV[i]: value, take, ttl. */
static const char settle_script[] =
    "for i, op in ipairs(ARGV) do\n"
    "  local value, owner = string.sub(op, 1, 32), string.sub(op, 1, 24)\n"
    "  local take, ttl = struct.unpack('>BI8', op, 33)\n"
    "  local now = redis.call('GET', KEYS[i])\n"
    "  if take == 1 and not now then\n"
    "    redis.call('SET', KEYS[i], value, 'PX', string.format('%.0f', ttl))\n"
    "  elseif take == 0 and now and string.sub(now, 1, 24) == owner then\n"
    "    redis.call('DEL', KEYS[i])\n"
    "  end\n"
    "end\n"
    "return #ARGV\n";

struct script {
	const char *text;
	char sha[KV_SHA_LEN + 1];
};

struct kv_redis {
	struct kv kv;
	struct kv_url url;
	char prefix[KV_PREFIX_MAX];
	int timeout_ms;
	redisContext *connection; /* NULL when there is none */
	struct script gather, settle;
	int64_t next_try_ms, retry_ms;
	struct error last;  /* why there is no connection */
	struct arena arena; /* of one call */
	const char **argv;
	size_t *lengths;
	size_t argc, cap;
};

static struct kv_redis *redis_of(struct kv *k)
{
	return (struct kv_redis *)k;
}

/* --- the connection --- */

_printf_(2, 3) static void drop(struct kv_redis *r, const char *fmt, ...)
{
	char why[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	if (r->connection)
		redisFree(r->connection);
	r->connection = NULL;
	r->retry_ms = r->retry_ms ? MIN_OF(r->retry_ms * 2, KV_RETRY_MOST_MS) : KV_RETRY_LEAST_MS;
	r->next_try_ms = clock_monotonic_ms() + r->retry_ms;
	(void)error_set(&r->last, RESULT_AWAY, "redis %s:%d: %s", r->url.host, r->url.port, why);
}

static const char *connection_error(const struct kv_redis *r)
{
	if (r->connection->err == REDIS_ERR_IO)
		return "no answer in time, or the connection broke";
	return r->connection->errstr;
}

/* The reply, or NULL after the connection was dropped. An error reply is a reply. */
static redisReply *ask(struct kv_redis *r, size_t argc, const char **argv, const size_t *lengths)
{
	redisReply *reply = redisCommandArgv(r->connection, (int)argc, argv, lengths);

	if (!reply)
		drop(r, "%s", connection_error(r));
	return reply;
}

static void free_reply(redisReply **reply)
{
	freeReplyObject(*reply);
}

static bool ask_ok(struct kv_redis *r, size_t argc, const char **argv)
{
	_cleanup_(free_reply) redisReply *reply = ask(r, argc, argv, NULL);

	if (!reply)
		return false;
	if (reply->type == REDIS_REPLY_ERROR) {
		drop(r, "%s", reply->str);
		return false;
	}
	return true;
}

static bool load_script(struct kv_redis *r, struct script *s)
{
	const char *argv[] = {"SCRIPT", "LOAD", s->text};
	_cleanup_(free_reply) redisReply *reply = ask(r, ARRAY_LEN(argv), argv, NULL);

	if (!reply)
		return false;
	if (reply->type != REDIS_REPLY_STRING || (size_t)reply->len != KV_SHA_LEN) {
		drop(r, "SCRIPT LOAD: %s",
		     reply->type == REDIS_REPLY_ERROR ? reply->str : "odd answer");
		return false;
	}
	memcpy(s->sha, reply->str, KV_SHA_LEN);
	return true;
}

static bool connect_now(struct kv_redis *r)
{
	struct timeval timeout = {r->timeout_ms / 1000, r->timeout_ms % 1000 * 1000};
	const char *auth[] = {"AUTH", r->url.password};
	char db[16];
	const char *choose[] = {"SELECT", db};

	r->connection = redisConnectWithTimeout(r->url.host, r->url.port, timeout);
	assert(r->connection);
	if (r->connection->err) {
		drop(r, "%s", r->connection->errstr);
		return false;
	}
	if (redisSetTimeout(r->connection, timeout) != REDIS_OK) {
		drop(r, "can't set a time-out");
		return false;
	}
	snprintf(db, sizeof(db), "%d", r->url.db);
	if ((r->url.password[0] && !ask_ok(r, 2, auth)) || !ask_ok(r, 2, choose) ||
	    !load_script(r, &r->gather) || !load_script(r, &r->settle))
		return false;
	log_info("redis_connected", LOG_STR("host", r->url.host), LOG_INT("port", r->url.port));
	return true;
}

static enum result be_connected(struct kv_redis *r, struct error *ret_error)
{
	if (r->connection)
		return RESULT_OK;
	if (clock_monotonic_ms() >= r->next_try_ms && connect_now(r))
		return RESULT_OK;
	return error_set(ret_error, RESULT_AWAY, "%s", r->last.text);
}

/* --- arguments --- */

static void arguments_begin(struct kv_redis *r, const struct script *s, size_t keys)
{
	arena_reset(&r->arena);
	r->argc = 0;
	const char *count = arena_printf(&r->arena, "%zu", keys);
	const struct slice head[] = {SLICE("EVALSHA"), slice_of(s->sha, KV_SHA_LEN),
				     slice_cstr(count)};

	for (size_t i = 0; i < ARRAY_LEN(head); i++) {
		r->argv[r->argc] = head[i].data;
		r->lengths[r->argc++] = head[i].len;
	}
}

static void arguments_reserve(struct kv_redis *r, size_t count)
{
	if (count <= r->cap)
		return;
	r->cap = count;
	r->argv = realloc(r->argv, count * sizeof(*r->argv));
	r->lengths = realloc(r->lengths, count * sizeof(*r->lengths));
	assert(r->argv && r->lengths);
}

static void argue(struct kv_redis *r, const void *data, size_t len)
{
	assert(r->argc < r->cap);
	r->argv[r->argc] = data;
	r->lengths[r->argc++] = len;
}

static void argue_key(struct kv_redis *r, struct slice key)
{
	size_t n = strlen(r->prefix);
	char *whole = arena_alloc(&r->arena, n + key.len);

	memcpy(whole, r->prefix, n);
	memcpy(whole + n, key.data, key.len);
	argue(r, whole, n + key.len);
}

static void encode_ttl(bool flag, int64_t ttl_ms, uint8_t ret[CLAIM_ARG_BYTES])
{
	ret[0] = flag;
	for (int i = 0; i < 8; i++)
		ret[1 + i] = (uint8_t)((uint64_t)ttl_ms >> (56 - 8 * i));
}

static void argue_lead(struct kv_redis *r, const struct kv_lead *lead)
{
	uint8_t *arg = arena_alloc(&r->arena, LEAD_ARG_MAX);
	size_t len = KV_CLAIM_BYTES;

	kv_claim_encode(&lead->self, lead->now_ms, arg);
	arg[len++] = lead->candidate;
	arg[len++] = (uint8_t)lead->claim_count;
	for (size_t c = 0; c < lead->claim_count; c++) {
		encode_ttl(lead->claims[c].always, lead->claims[c].ttl_ms, arg + len);
		len += CLAIM_ARG_BYTES;
	}
	argue(r, arg, len);
}

/* --- asking --- */

/* Runs the script with the arguments at hand; loads it anew when Redis has forgotten it. NULL after a drop. */
static redisReply *run(struct kv_redis *r, struct script *s, struct error *ret_error)
{
	for (int tries = 0; tries < 2; tries++) {
		redisReply *reply = ask(r, r->argc, r->argv, r->lengths);

		if (reply && reply->type != REDIS_REPLY_ERROR) {
			r->retry_ms = 0;
			return reply;
		}
		if (reply && tries == 0 && strncmp(reply->str, "NOSCRIPT", 8) == 0) {
			freeReplyObject(reply);
			if (load_script(r, s))
				continue;
			break;
		}
		if (reply) {
			drop(r, "%s", reply->str);
			freeReplyObject(reply);
		}
		break;
	}
	(void)error_set(ret_error, RESULT_AWAY, "%s", r->last.text);
	return NULL;
}

static bool names(const redisReply *place, size_t key)
{
	return place->type == REDIS_REPLY_INTEGER && place->integer == (long long)key;
}

static bool read_answer(const redisReply *value, struct kv_claim *claim)
{
	claim->held = value->type != REDIS_REPLY_NIL;
	return !claim->held || (value->type == REDIS_REPLY_STRING &&
				kv_claim_decode(slice_of(value->str, value->len), &claim->owner,
						&claim->claimed_at_ms));
}

/* What the answer does not speak of, its lead has newly taken. */
static bool read_answers(struct kv_lead *leads, size_t count, const redisReply *reply)
{
	size_t key = 0, next = 0;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements % 2)
		return false;
	for (size_t i = 0; i < count; i++) {
		for (size_t c = 0; c < leads[i].claim_count; c++) {
			struct kv_claim *claim = &leads[i].claims[c];

			key++;
			if (next < reply->elements && names(reply->element[next], key)) {
				if (!read_answer(reply->element[next + 1], claim))
					return false;
				next += 2;
			} else {
				claim->held = true;
				claim->owner = leads[i].self;
				claim->claimed_at_ms = leads[i].now_ms;
			}
		}
	}
	return next == reply->elements;
}

static enum result gather(struct kv *k, struct kv_lead *leads, size_t count,
			  struct error *ret_error)
{
	struct kv_redis *r = redis_of(k);
	enum result result = be_connected(r, ret_error);
	size_t keys = 0;

	if (result != RESULT_OK)
		return result;
	for (size_t i = 0; i < count; i++)
		keys += leads[i].claim_count;
	if (keys == 0)
		return RESULT_OK;

	arguments_reserve(r, 3 + keys + count);
	arguments_begin(r, &r->gather, keys);
	for (size_t i = 0; i < count; i++) {
		for (size_t c = 0; c < leads[i].claim_count; c++)
			argue_key(r, leads[i].claims[c].key);
	}
	for (size_t i = 0; i < count; i++)
		argue_lead(r, &leads[i]);

	_cleanup_(free_reply) redisReply *reply = run(r, &r->gather, ret_error);

	if (!reply)
		return RESULT_AWAY;
	if (!read_answers(leads, count, reply))
		return error_set(ret_error, RESULT_BAD,
				 "redis %s:%d: a key under \"%s\" holds what is not a claim",
				 r->url.host, r->url.port, r->prefix);
	return RESULT_OK;
}

static enum result settle(struct kv *k, const struct kv_settle *ops, size_t count,
			  _unused_ const struct kv_verdict *verdicts, _unused_ size_t verdict_count,
			  struct error *ret_error)
{
	struct kv_redis *r = redis_of(k);
	enum result result = be_connected(r, ret_error);

	if (result != RESULT_OK)
		return result;
	arguments_reserve(r, 3 + 2 * count);
	arguments_begin(r, &r->settle, count);
	for (size_t i = 0; i < count; i++)
		argue_key(r, ops[i].key);
	for (size_t i = 0; i < count; i++) {
		uint8_t *arg = arena_alloc(&r->arena, SETTLE_ARG_BYTES);

		kv_claim_encode(&ops[i].self, ops[i].now_ms, arg);
		encode_ttl(ops[i].take, ops[i].ttl_ms, arg + KV_CLAIM_BYTES);
		argue(r, arg, SETTLE_ARG_BYTES);
	}

	_cleanup_(free_reply) redisReply *reply = run(r, &r->settle, ret_error);

	return reply ? RESULT_OK : RESULT_AWAY;
}

static void close_redis(struct kv *k)
{
	struct kv_redis *r = redis_of(k);

	if (r->connection)
		redisFree(r->connection);
	arena_free(&r->arena);
	free(r->argv);
	free(r->lengths);
	free(r);
}

struct kv *kv_redis_open(const struct kv_url *url, const char *prefix, int timeout_ms)
{
	static const struct kv_backend backend = {
	    .gather = gather, .settle = settle, .close = close_redis};
	struct kv_redis *r = calloc(1, sizeof(*r));

	assert(r && strlen(prefix) < sizeof(r->prefix));
	r->kv.backend = &backend;
	r->url = *url;
	snprintf(r->prefix, sizeof(r->prefix), "%s", prefix);
	r->timeout_ms = timeout_ms;
	r->gather.text = gather_script;
	r->settle.text = settle_script;
	(void)error_set(&r->last, RESULT_AWAY, "redis %s:%d: not connected yet", url->host,
			url->port);
	return &r->kv;
}
