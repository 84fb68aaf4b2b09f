/* kv: chooses the backend by the URL, and holds the callers to the limits of kv.h. */
#include "kv.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "fault.h"
#include "kv_internal.h"

#define KV_REDIS_PORT 6379

static bool copy_part(struct slice s, char *ret, size_t len)
{
	if (s.len >= len || memchr(s.data, '\0', s.len))
		return false;
	memcpy(ret, s.data, s.len);
	ret[s.len] = '\0';
	return true;
}

/* "host:port", "[::1]:port", "host" */
static bool parse_address(struct slice s, struct kv_seed *ret)
{
	const char *colon = memrchr(s.data, ':', s.len), *bracket = memrchr(s.data, ']', s.len);
	struct slice host = s;
	int64_t port = KV_REDIS_PORT;

	if (colon && (!bracket || colon > bracket)) {
		host.len = (size_t)(colon - s.data);
		if (!slice_to_int64(slice_of(colon + 1, s.len - host.len - 1), &port))
			return false;
	}
	if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
		host = slice_of(host.data + 1, host.len - 2);
	ret->port = (int)port;
	return host.len > 0 && port >= 1 && port <= 65535 &&
	       copy_part(host, ret->host, sizeof(ret->host));
}

/* One address, or several of a cluster, which has no numbered databases. */
static bool parse_seeds(struct slice s, struct kv_url *ret)
{
	while (ret->seed_count < KV_SEEDS_MAX) {
		const char *comma = memchr(s.data, ',', s.len);
		struct slice one = slice_of(s.data, comma ? (size_t)(comma - s.data) : s.len);

		if (!parse_address(one, &ret->seeds[ret->seed_count++]))
			return false;
		ret->cluster = ret->seed_count > 1;
		if (!comma)
			return !ret->cluster || ret->db == 0;
		s = slice_of(comma + 1, s.len - one.len - 1);
	}
	return false;
}

static bool parse_url(struct slice s, struct kv_url *ret)
{
	const char *at, *slash;
	int64_t db = 0;

	if (!slice_starts_with(s, "redis://"))
		return false;
	s = slice_of(s.data + 8, s.len - 8);
	at = memrchr(s.data, '@', s.len);
	if (at) {
		struct slice user = slice_of(s.data, (size_t)(at - s.data));

		if (user.len == 0 || user.data[0] != ':' ||
		    !copy_part(slice_of(user.data + 1, user.len - 1), ret->password,
			       sizeof(ret->password)))
			return false;
		s = slice_of(at + 1, s.len - user.len - 1);
	}
	slash = memchr(s.data, '/', s.len);
	if (slash) {
		struct slice number = slice_of(slash + 1, s.len - (size_t)(slash - s.data) - 1);

		if (number.len > 0 && (!slice_to_int64(number, &db) || db < 0 || db > 65535))
			return false;
		s.len = (size_t)(slash - s.data);
	}
	ret->db = (int)db;
	return parse_seeds(s, ret);
}

enum result kv_url_parse(const char *url, struct kv_url *ret, struct error *ret_error)
{
	*ret = (struct kv_url){0};
	if (parse_url(slice_cstr(url), ret))
		return RESULT_OK;
	/* The text is not shown: it may hold a password. */
	return error_set(
	    ret_error, RESULT_BAD,
	    "redis: expected redis://host:port/db, redis://:password@host:port/db, a cluster's "
	    "redis://host:port,host:port or memory:");
}

static uint8_t *put_u64(uint8_t *at, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		*at++ = (uint8_t)(n >> (56 - 8 * i));
	return at;
}

static uint64_t take_u64(const char *at)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | (uint8_t)at[i];
	return n;
}

void kv_claim_encode(const struct lead_record *owner, int64_t at_ms, uint8_t ret[KV_CLAIM_BYTES])
{
	memcpy(ret, owner->lead_id.bytes, sizeof(owner->lead_id.bytes));
	put_u64(put_u64(ret + sizeof(owner->lead_id.bytes), owner->raw_offset), (uint64_t)at_ms);
}

bool kv_claim_decode(struct slice value, struct lead_record *ret_owner, int64_t *ret_at_ms)
{
	const size_t id_len = sizeof(ret_owner->lead_id.bytes);

	if (value.len != KV_CLAIM_BYTES)
		return false;
	memcpy(ret_owner->lead_id.bytes, value.data, id_len);
	ret_owner->raw_offset = take_u64(value.data + id_len);
	*ret_at_ms = (int64_t)take_u64(value.data + id_len + 8);
	return true;
}

struct kv *kv_open(const char *url, const char *prefix, int timeout_ms, struct error *ret_error)
{
	struct kv_url where;

	assert(timeout_ms > 0);
	if (kv_url_is_memory(url))
		return kv_memory_open();
	if (kv_url_parse(url, &where, ret_error) != RESULT_OK)
		return NULL;
	return kv_redis_open(&where, prefix, timeout_ms);
}

struct kv *kv_open_replay(const char *url, int timeout_ms, struct error *ret_error)
{
	char prefix[sizeof(KV_REPLAY_PREFIX) + 17];
	uint64_t number;
	struct kv *k;

	randombytes_buf(&number, sizeof(number));
	if (fault_on("replay_prefix_shared"))
		number = 0;
	(void)snprintf(prefix, sizeof(prefix),
		       KV_REPLAY_PREFIX "%016llx:", (unsigned long long)number);
	k = kv_open(url, prefix, timeout_ms, ret_error);
	if (k)
		k->of_replay = true;
	return k;
}

const char *kv_prefix(const struct kv *k)
{
	return k->backend->prefix ? k->backend->prefix(k) : "";
}

enum result kv_forget(struct kv *k, uint64_t *ret_removed, struct error *ret_error)
{
	*ret_removed = 0;
	return k->backend->forget ? k->backend->forget(k, ret_removed, ret_error) : RESULT_OK;
}

void kv_close(struct kv *k)
{
	if (k)
		k->backend->close(k);
}

bool kv_needs_one_group(const struct kv *k)
{
	return k->needs_one_group;
}

static bool is_of_one_group(const struct kv_lead *lead)
{
	const struct kv_claim *first = NULL;

	for (size_t c = 0; c < lead->claim_count; c++) {
		const struct kv_claim *claim = &lead->claims[c];

		if (claim->always)
			continue;
		if (first && claim->group != first->group)
			return false;
		first = claim;
	}
	return true;
}

void kv_meanwhile(struct kv *k, void (*fn)(void *ctx), void *ctx)
{
	assert(!k->meanwhile);
	k->meanwhile = fn;
	k->meanwhile_ctx = ctx;
}

static void begin_lead(struct kv_lead *lead)
{
	assert(lead->claim_count <= KV_CLAIMS_PER_LEAD && lead->trail_count <= KV_TRAILS_PER_LEAD);
	for (size_t c = 0; c < lead->claim_count; c++) {
		struct kv_claim *claim = &lead->claims[c];

		assert(claim->key.len > 0 && claim->key.len <= KV_KEY_MAX && claim->ttl_ms > 0);
		claim->held = false;
		claim->claimed_at_ms = 0;
		memset(&claim->owner, 0, sizeof(claim->owner));
	}
	lead->counted = lead->judged = false;
}

typedef enum result (*ask_fn)(struct kv *k, struct kv_lead *leads, size_t count,
			      struct error *ret_error);

static enum result ask(struct kv *k, ask_fn fn, struct kv_lead *leads, size_t count,
		       struct error *ret_error)
{
	enum result r = RESULT_OK;

	assert(count <= KV_LEADS_PER_GATHER);
	for (size_t i = 0; i < count; i++) {
		begin_lead(&leads[i]);
		if (k->needs_one_group && !is_of_one_group(&leads[i]))
			return error_set(
			    ret_error, RESULT_BAD,
			    "redis: a cluster takes a lead's claims together in one "
			    "scope only: all rules that claim must have the same `scope`");
	}
	if (count > 0)
		r = fn(k, leads, count, ret_error);
	kv_use_time(k);
	return r;
}

enum result kv_gather(struct kv *k, struct kv_lead *leads, size_t count, struct error *ret_error)
{
	return ask(k, k->backend->gather, leads, count, ret_error);
}

enum result kv_put_back(struct kv *k, struct kv_lead *leads, size_t count, struct error *ret_error)
{
	return ask(k, k->backend->put_back, leads, count, ret_error);
}

/* For backends that have no shorter way. */
enum result kv_gather_and_close(struct kv *k, struct kv_lead *leads, size_t count,
				struct error *ret_error)
{
	struct kv_verdict verdicts[KV_LEADS_PER_GATHER];
	enum result r = k->backend->gather(k, leads, count, ret_error);

	if (r != RESULT_OK)
		return r;
	for (size_t i = 0; i < count; i++)
		verdicts[i] = (struct kv_verdict){.partition = leads[i].partition,
						  .raw_offset = leads[i].self.raw_offset,
						  .now_ms = leads[i].now_ms,
						  .source = leads[i].source,
						  .rejected = !leads[i].candidate};
	return k->backend->settle(k, NULL, 0, verdicts, count, ret_error);
}

enum result kv_settle(struct kv *k, const struct kv_settle *ops, size_t count,
		      struct error *ret_error)
{
	return kv_close_batch(k, ops, count, NULL, 0, ret_error);
}

enum result kv_close_batch(struct kv *k, const struct kv_settle *ops, size_t count,
			   const struct kv_verdict *verdicts, size_t verdict_count,
			   struct error *ret_error)
{
	assert(count <= (size_t)KV_LEADS_PER_GATHER * KV_CLAIMS_PER_LEAD);
	assert(verdict_count <= KV_LEADS_PER_GATHER);
	for (size_t i = 0; i < count; i++) {
		assert(ops[i].key.len > 0 && ops[i].key.len <= KV_KEY_MAX);
		assert(!ops[i].take || ops[i].ttl_ms > 0);
	}
	if (count + verdict_count == 0)
		return RESULT_OK;
	return k->backend->settle(k, ops, count, verdicts, verdict_count, ret_error);
}

enum result kv_join(struct kv *k, uint32_t partitions, bool *ret_missing, struct error *ret_error)
{
	memset(ret_missing, 0, partitions * sizeof(*ret_missing));
	return k->backend->join ? k->backend->join(k, partitions, ret_missing, ret_error)
				: RESULT_OK;
}

enum result kv_restored(struct kv *k, uint32_t partition, struct error *ret_error)
{
	return k->backend->restored ? k->backend->restored(k, partition, ret_error) : RESULT_OK;
}

uint64_t kv_record_digest(const struct lead_record *r)
{
	uint64_t h = hash_fnv1a(0, slice_of(r->lead_id.bytes, sizeof(r->lead_id.bytes)));

	h = hash_fnv1a(h, slice_of(&r->raw_offset, sizeof(r->raw_offset)));
	return h & KV_RECORD_MASK;
}

void kv_trail_answer(struct kv_trail *t, const struct kv_visit *all, size_t count,
		     uint64_t own_digest)
{
	size_t from = count > KV_VISITS_MAX ? count - KV_VISITS_MAX : 0;

	t->visits = all + from;
	t->count = count - from;
	for (size_t i = 0; i < t->count; i++) {
		if (t->visits[i].record == own_digest)
			t->count = i;
	}
}

/* Where in a source's sums a lead of another hour of the same source falls; NULL: in none of them. */
static struct kv_hour *hour_in(struct kv_source *s, int64_t hour)
{
	if (s->hour == hour)
		return &s->now;
	return s->hour == hour + 1 ? &s->before : NULL;
}

static struct kv_day *day_in(struct kv_source *s, int64_t hour)
{
	if (s->hour / 24 == hour / 24)
		return &s->today;
	return s->hour / 24 == hour / 24 + 1 ? &s->yesterday : NULL;
}

void kv_source_add_lead(struct kv_source *s, int64_t at_ms, uint32_t sub)
{
	size_t bit = kv_sub_bit(sub);

	for (struct kv_source *o = s->first; o; o = o->next) {
		struct kv_hour *h = hour_in(o, s->hour);
		struct kv_day *d = day_in(o, s->hour);

		if (h)
			h->leads[kv_minute_of(at_ms)]++;
		if (!d)
			continue;
		d->leads[s->hour % 24]++;
		d->subs[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
}

void kv_source_add_reject(struct kv_source *s, int64_t at_ms)
{
	for (struct kv_source *o = s->first; o; o = o->next) {
		struct kv_hour *h = hour_in(o, s->hour);
		struct kv_day *d = day_in(o, s->hour);

		if (h)
			h->rejected[kv_minute_of(at_ms)]++;
		if (d)
			d->rejected[s->hour % 24]++;
	}
}

bool kv_day_has_sub(const struct kv_day *d, uint32_t sub)
{
	size_t bit = kv_sub_bit(sub);

	return d->subs[bit / 8] & 0x80 >> bit % 8;
}

void kv_notes_get(struct kv *k, struct kv_note *notes, size_t count)
{
	assert(count <= KV_NOTES_MAX);
	for (size_t i = 0; i < count; i++) {
		assert(notes[i].key.len > 0 && notes[i].key.len <= KV_KEY_MAX);
		notes[i].value = 0;
	}
	if (count > 0 && k->backend->notes_get)
		k->backend->notes_get(k, notes, count);
}

void kv_notes_put(struct kv *k, const struct kv_note *notes, size_t count)
{
	assert(count <= KV_NOTES_MAX);
	for (size_t i = 0; i < count; i++)
		assert(notes[i].key.len > 0 && notes[i].key.len <= KV_KEY_MAX &&
		       notes[i].value != 0 && notes[i].ttl_ms > 0);
	if (count > 0 && k->backend->notes_put)
		k->backend->notes_put(k, notes, count);
}
