/* kv_layout: see kv_layout.h. */
#include "kv_layout.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/hash.h"

#define KEY_ROOM (KV_PREFIX_MAX + KV_KEY_MAX + 48)

struct text {
	char bytes[KEY_ROOM];
	size_t len;
};

static void add(struct text *t, const void *data, size_t len)
{
	assert(t->len + len <= sizeof(t->bytes));
	memcpy(t->bytes + t->len, data, len);
	t->len += len;
}

_printf_(2, 3) static void add_text(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->bytes + t->len, sizeof(t->bytes) - t->len, fmt, args);
	va_end(args);
	assert(n >= 0 && t->len + (size_t)n < sizeof(t->bytes));
	t->len += (size_t)n;
}

static void begin(struct text *t, const struct kv_layout *l, unsigned shard)
{
	t->len = 0;
	add(t, l->prefix, strlen(l->prefix));
	if (l->shards > 1)
		add_text(t, "{%u}", shard);
}

static struct slice done(const struct text *t, struct arena *a)
{
	return arena_dup(a, slice_of(t->bytes, t->len));
}

static struct slice bucket_key(const struct kv_layout *l, unsigned shard, int64_t generation,
			       uint32_t number, struct arena *a)
{
	uint8_t tail[5] = {(uint8_t)generation, (uint8_t)(number >> 24), (uint8_t)(number >> 16),
			   (uint8_t)(number >> 8), (uint8_t)number};
	struct text t;

	begin(&t, l, shard);
	add(&t, "c", 1);
	add(&t, tail, sizeof(tail));
	return done(&t, a);
}

int64_t kv_ends_ms(int64_t now_ms)
{
	return (now_ms / KV_GENERATION_MS + 2) * KV_GENERATION_MS;
}

int64_t kv_born(int64_t now_ms)
{
	return (now_ms - MS_PER_DAY) / KV_GENERATION_MS;
}

/* --- pages --- */

static const int64_t span_ms[KV_SPANS] = {
    [KV_SPAN_MINUTES] = 30 * MS_PER_MIN,
    [KV_SPAN_DAY] = 25 * MS_PER_HOUR,
    [KV_SPAN_MONTH] = 31 * MS_PER_DAY,
    [KV_SPAN_YEAR] = 401 * MS_PER_DAY,
};

struct kv_cell kv_cell_of(struct slice key, int64_t ttl_ms)
{
	struct kv_cell ret = {.span = KV_SPAN_MINUTES};
	uint64_t digest[2];

	hash_wide(key, digest);
	memcpy(ret.field, digest, KV_PAGE_FIELD_BYTES);
	ret.page = ret.field[0] % KV_PAGES;
	while (ret.span < KV_SPAN_YEAR && ttl_ms > span_ms[ret.span])
		ret.span++;
	assert(ttl_ms <= span_ms[ret.span]);
	return ret;
}

int64_t kv_page_generation(enum kv_span span, int64_t now_ms)
{
	return now_ms / span_ms[span];
}

int64_t kv_page_ends_ms(enum kv_span span, int64_t now_ms)
{
	return (kv_page_generation(span, now_ms) + 3) * span_ms[span];
}

struct slice kv_page_key(const struct kv_layout *l, unsigned shard, enum kv_page_kind kind,
			 enum kv_span span, unsigned page, int64_t generation, struct arena *a)
{
	struct text t;

	begin(&t, l, shard);
	if (kind != KV_PAGE_CLAIMS)
		add(&t, l->ids[shard], strlen(l->ids[shard]));
	add_text(&t, "%c%u.%u.%lld", "ptw"[kind], span, page, (long long)generation);
	return done(&t, a);
}

static bool in_bucket(int64_t ttl_ms)
{
	return ttl_ms >= KV_BUCKET_TTL_LEAST && ttl_ms <= KV_GENERATION_MS;
}

void kv_place_claim(const struct kv_layout *l, unsigned shard, struct slice key, int64_t ttl_ms,
		    int64_t now_ms, struct arena *a, struct kv_place *ret)
{
	int64_t generation = now_ms / KV_GENERATION_MS;
	uint64_t digest[2];

	*ret = (struct kv_place){.bucket = in_bucket(ttl_ms)};
	if (!ret->bucket) {
		ret->cell = kv_cell_of(key, ttl_ms);
		ret->ends_ms = now_ms + ttl_ms;
		return;
	}
	hash_wide(key, digest);
	ret->number = (uint32_t)(digest[1] >> (64 - l->bucket_bits));
	memcpy(ret->field, digest, sizeof(ret->field));
	ret->now = bucket_key(l, shard, generation, ret->number, a);
	if (generation > l->born[shard])
		ret->before = bucket_key(l, shard, generation - 1, ret->number, a);
	ret->ends_ms = kv_ends_ms(now_ms);
}

void kv_place_page(const struct kv_layout *l, unsigned shard, struct kv_place *p, int64_t now_ms,
		   struct arena *a)
{
	int64_t generation = kv_page_generation(p->cell.span, now_ms);

	p->now = kv_page_key(l, shard, KV_PAGE_CLAIMS, p->cell.span, p->cell.page, generation, a);
	p->before =
	    kv_page_key(l, shard, KV_PAGE_CLAIMS, p->cell.span, p->cell.page, generation - 1, a);
}

struct slice kv_bucket_key(const struct kv_layout *l, unsigned shard, uint32_t number,
			   int64_t now_ms, struct arena *a)
{
	return bucket_key(l, shard, now_ms / KV_GENERATION_MS, number, a);
}

static unsigned shard_of(const struct kv_layout *l, uint64_t digest)
{
	return (unsigned)(hash_mix(digest) & (l->shards - 1));
}

unsigned kv_shard_of_key(const struct kv_layout *l, struct slice key)
{
	return l->shards == 1 ? 0 : shard_of(l, hash_fnv1a(0, key));
}

unsigned kv_shard_of_claim(const struct kv_layout *l, struct slice key, uint32_t group, bool always)
{
	return always || l->shards == 1 ? kv_shard_of_key(l, key) : shard_of(l, group);
}

struct slice kv_state_key(const struct kv_layout *l, unsigned shard, char what, struct arena *a)
{
	struct text t;

	begin(&t, l, shard);
	add_text(&t, "!%c", what);
	return done(&t, a);
}

struct slice kv_count_key(const struct kv_layout *l, unsigned shard, char kind, struct slice key,
			  int64_t number, struct arena *a)
{
	struct text t;

	begin(&t, l, shard);
	add(&t, l->ids[shard], strlen(l->ids[shard]));
	add(&t, &kind, 1);
	if (number != 0)
		add(&t, &number, sizeof(number));
	add(&t, key.data, key.len);
	return done(&t, a);
}

static uint16_t crc16(struct slice s)
{
	uint16_t crc = 0;

	for (size_t i = 0; i < s.len; i++) {
		crc ^= (uint16_t)((uint8_t)s.data[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
	}
	return crc;
}

unsigned kv_slot_of(unsigned shard)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", shard);

	return crc16(slice_of(text, (size_t)n)) % KV_SLOTS;
}

unsigned kv_slot_of_key(struct slice key)
{
	const char *open = memchr(key.data, '{', key.len), *close = NULL;

	if (open)
		close = memchr(open, '}', key.len - (size_t)(open - key.data));
	if (close && close > open + 1)
		key = slice_of(open + 1, (size_t)(close - open - 1));
	return crc16(key) % KV_SLOTS;
}

/* --- bytes --- */

static uint8_t *put(uint8_t *at, uint64_t n, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
		*at++ = (uint8_t)(n >> (8 * i));
	return at;
}

static uint64_t take(const char *at, int bytes)
{
	uint64_t n = 0;

	for (int i = 0; i < bytes; i++)
		n = n << 8 | (uint8_t)at[i];
	return n;
}

#define VISIT_AT_MOST_MS ((INT64_C(1) << 47) - 1)

size_t kv_visit_bytes(bool wide)
{
	return KV_VISIT_HEAD + 4 * (size_t)(wide ? KV_MARKS_MAX : 2);
}

void kv_visit_encode(const struct kv_visit *v, bool wide, uint8_t ret[KV_VISIT_BYTES])
{
	int64_t at_ms = MIN_OF(MAX_OF(v->at_ms, -VISIT_AT_MOST_MS), VISIT_AT_MOST_MS);
	uint8_t *at = put(put(ret, v->record, 6), (uint64_t)at_ms, 6);

	for (size_t i = 0; i < (wide ? KV_MARKS_MAX : 2); i++)
		at = put(at, v->marks[i], 4);
}

bool kv_trail_decode(struct slice value, bool wide, struct kv_visit ret[KV_VISITS_MAX],
		     size_t *ret_count)
{
	size_t bytes = kv_visit_bytes(wide), count = value.len / bytes, skip;

	if (value.len % bytes != 0)
		return false;
	skip = count > KV_VISITS_MAX ? count - KV_VISITS_MAX : 0;
	*ret_count = count - skip;
	for (size_t i = 0; i < *ret_count; i++) {
		const char *at = value.data + (skip + i) * bytes;

		ret[i] = (struct kv_visit){
		    .record = take(at, 6),
		    .at_ms = (int64_t)(take(at + 6, 6) << 16) >> 16,
		};
		for (size_t m = 0; m < (wide ? KV_MARKS_MAX : 2); m++)
			ret[i].marks[m] = (uint32_t)take(at + KV_VISIT_HEAD + 4 * m, 4);
	}
	return true;
}

void kv_hour_decode(struct slice value, struct kv_hour *ret)
{
	char whole[KV_HOUR_BYTES] = {0};

	memcpy(whole, value.data ? value.data : "", MIN_OF(value.len, sizeof(whole)));
	for (size_t i = 0; i < 60; i++) {
		ret->leads[i] = (uint16_t)take(whole + 2 * i, 2);
		ret->rejected[i] = (uint16_t)take(whole + 120 + 2 * i, 2);
	}
}

void kv_day_decode(struct slice value, struct kv_day *ret)
{
	char whole[KV_DAY_BYTES] = {0};

	memcpy(whole, value.data ? value.data : "", MIN_OF(value.len, sizeof(whole)));
	for (size_t i = 0; i < 24; i++) {
		ret->leads[i] = (uint32_t)take(whole + 4 * i, 4);
		ret->rejected[i] = (uint32_t)take(whole + 96 + 4 * i, 4);
	}
	memcpy(ret->subs, whole + KV_DAY_SUBS_BIT / 8, KV_SUBS_BYTES);
}
