/* directory: see directory.h.
 *
 * Every entry owns its memory (an arena of its own). What was replaced or deleted is only freed at the next poll, so
 * that a pointer that was handed out stays good until the loop turns. A record that can't be read is logged, counted
 * and skipped: one bad entry of the operator must not stop the network. */
#include "directory.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/map.h"
#include "clock.h"
#include "lead/codec.h"
#include "log.h"
#include "metrics.h"

#define DIRECTORY_TOPIC        "directory"
#define DIRECTORY_TAKE         256 /* records at once */
#define DIRECTORY_TAKES        64  /* of one poll; what is left comes with the next one */
#define DIRECTORY_ID_MAX       256
#define DIRECTORY_TELL_MS      5000
#define DIRECTORY_KEY_KIND     16 /* bytes of a kind in the index of keys */
#define DIRECTORY_KEY_LEN      (DIRECTORY_KEY_KIND + crypto_generichash_BYTES)
#define DIRECTORY_TAKE_WAIT_MS 500
#define DIRECTORY_ASK_AGAIN_MS 500 /* after a question that got no answer */

static_assert(crypto_generichash_BYTES == 32, "key hashes are BLAKE2b-256");

struct entry {
	struct arena arena;
	Punnet__V1__DirectoryEntry *message;
	struct slice id; /* the whole one, in the arena */
	struct entry *next_doomed;
};

struct kind {
	const char *name;
	Punnet__V1__DirectoryEntry__EntryCase wanted;
};

static const struct kind kinds[] = {
    {"webmaster", PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER},
    {"advertiser", PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER},
    {"operator", PUNNET__V1__DIRECTORY_ENTRY__ENTRY_OPERATOR},
    {"vertical", PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL},
    {"suppression", PUNNET__V1__DIRECTORY_ENTRY__ENTRY_SUPPRESSION},
    {"order", PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ORDER},
    {"rules", PUNNET__V1__DIRECTORY_ENTRY__ENTRY_RULE_SET},
    {"erasure", PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ERASURE},
    {"key", PUNNET__V1__DIRECTORY_ENTRY__ENTRY_KEY_DESTROYED},
};

struct directory {
	struct bus *bus;
	struct bus_reader *reader;
	struct entry **order; /* by arrival */
	size_t count, cap;
	struct map by_id, by_key;
	struct entry *doomed;
	uint64_t version;
	size_t counts[ARRAY_LEN(kinds)];
	int64_t current_at_ms; /* monotonic: all that was stored by then has been read */
	int64_t asked_at_ms;   /* when the broker was last asked for the end */
	bool is_old;           /* as was last said */
};

static const struct kind *kind_of(struct slice id)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t n = strlen(kinds[i].name);

		if (id.len > n + 1 && slice_starts_with(id, kinds[i].name) && id.data[n] == '/')
			return &kinds[i];
	}
	return NULL;
}

static void entry_free(struct entry *e)
{
	struct arena a;

	if (!e)
		return;
	a = e->arena;
	arena_free(&a);
	free(e);
}

/* NULL when the record is not what its key says. */
static struct entry *entry_read(const struct bus_record *r)
{
	const struct kind *kind = kind_of(r->key);
	struct entry *e;

	if (!kind || r->key.len > DIRECTORY_ID_MAX)
		return NULL;
	e = calloc(1, sizeof(*e));
	assert(e);
	e->message = codec_unpack(&e->arena, &punnet__v1__directory_entry__descriptor, r->value);
	if (!e->message || e->message->entry_case != kind->wanted ||
	    !slice_equal(slice_cstr(e->message->id), r->key)) {
		entry_free(e);
		return NULL;
	}
	e->id = slice_cstr(e->message->id);
	return e;
}

/* --- the index of keys --- */

static void key_index(const char *kind, const uint8_t *hash, char ret[DIRECTORY_KEY_LEN])
{
	memset(ret, 0, DIRECTORY_KEY_KIND);
	memcpy(ret, kind, MIN_OF(strlen(kind), (size_t)DIRECTORY_KEY_KIND));
	memcpy(ret + DIRECTORY_KEY_KIND, hash, crypto_generichash_BYTES);
}

static size_t keys_of(const Punnet__V1__DirectoryEntry *m, Punnet__V1__ApiKey ***ret)
{
	switch (m->entry_case) {
	case PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER:
		*ret = m->webmaster->keys;
		return m->webmaster->n_keys;
	case PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER:
		*ret = m->advertiser->keys;
		return m->advertiser->n_keys;
	case PUNNET__V1__DIRECTORY_ENTRY__ENTRY_OPERATOR:
		*ret = m->operator_->keys;
		return m->operator_->n_keys;
	default:
		return 0;
	}
}

static void index_keys(struct directory *d, struct entry *e, bool add)
{
	Punnet__V1__ApiKey **keys = NULL;
	size_t n = keys_of(e->message, &keys);
	char name[DIRECTORY_KEY_LEN];

	for (size_t i = 0; i < n; i++) {
		if (keys[i]->revoked || keys[i]->key_hash.len != crypto_generichash_BYTES)
			continue;
		key_index(kind_of(e->id)->name, keys[i]->key_hash.data, name);
		struct slice key = slice_of(name, sizeof(name));

		if (add)
			map_put(&d->by_key, key, e);
		else if (map_get(&d->by_key, key) == e)
			map_remove(&d->by_key, key);
	}
}

/* --- changes --- */

static void doom(struct directory *d, struct entry *e)
{
	e->next_doomed = d->doomed;
	d->doomed = e;
}

static void free_doomed(struct directory *d)
{
	while (d->doomed) {
		struct entry *e = d->doomed;

		d->doomed = e->next_doomed;
		entry_free(e);
	}
}

static size_t place_of(const struct directory *d, const struct entry *e)
{
	size_t i = 0;

	while (d->order[i] != e)
		i++;
	return i;
}

static void forget(struct directory *d, struct slice id)
{
	struct entry *e = map_remove(&d->by_id, id);

	if (!e)
		return;
	size_t i = place_of(d, e);

	memmove(&d->order[i], &d->order[i + 1], (--d->count - i) * sizeof(*d->order));
	index_keys(d, e, false);
	d->counts[kind_of(e->id) - kinds]--;
	doom(d, e);
	d->version++;
}

static void remember(struct directory *d, struct entry *e)
{
	struct entry *old = map_put(&d->by_id, e->id, e);

	if (old) {
		d->order[place_of(d, old)] = e;
		index_keys(d, old, false);
		doom(d, old);
	} else {
		if (d->count == d->cap) {
			d->cap = d->cap ? d->cap * 2 : 64;
			d->order = realloc(d->order, d->cap * sizeof(*d->order));
			assert(d->order);
		}
		d->order[d->count++] = e;
		d->counts[kind_of(e->id) - kinds]++;
	}
	index_keys(d, e, true);
	d->version++;
}

static void apply(struct directory *d, const struct bus_record *r)
{
	struct entry *e;

	if (r->value.len == 0) {
		forget(d, r->key);
		return;
	}
	e = entry_read(r);
	if (e) {
		remember(d, e);
		return;
	}
	metric_add(METRIC_DIRECTORY_SKIPPED, 1);
	log_warn("directory_entry_skipped", LOG_SLICE("key", r->key), LOG_INT("offset", r->offset));
}

static enum result take(struct directory *d, int timeout_ms, size_t *ret_count,
			struct error *ret_error)
{
	struct bus_record records[DIRECTORY_TAKE];
	enum result r;

	*ret_count = 0;
	r = bus_reader_take(d->reader, records, DIRECTORY_TAKE, timeout_ms, ret_count, ret_error);
	if (r == RESULT_AGAIN)
		r = RESULT_OK;
	if (r != RESULT_OK)
		return r;
	for (size_t i = 0; i < *ret_count; i++)
		apply(d, &records[i]);
	metric_set(METRIC_DIRECTORY_ENTRIES, (int64_t)d->count);
	return RESULT_OK;
}

enum result directory_poll(struct directory *d, struct error *ret_error)
{
	free_doomed(d);
	for (size_t i = 0; i < DIRECTORY_TAKES; i++) {
		size_t count;
		enum result r = take(d, 0, &count, ret_error);

		if (r != RESULT_OK || count == 0)
			return r;
	}
	return RESULT_OK;
}

/* --- opening --- */

static enum result read_to(struct directory *d, int64_t high, int64_t deadline_ms,
			   struct error *ret_error)
{
	int64_t begun = clock_monotonic_ms(), told = begun;

	while (bus_reader_position(d->reader) < high) {
		size_t count;
		enum result r = take(d, DIRECTORY_TAKE_WAIT_MS, &count, ret_error);
		int64_t now = clock_monotonic_ms();

		if (r == RESULT_BAD || r == RESULT_FATAL)
			return r;
		free_doomed(d);
		if (now >= deadline_ms)
			return error_set(
			    ret_error, RESULT_AWAY,
			    "directory: read to offset %lld of %lld in the time allowed",
			    (long long)bus_reader_position(d->reader), (long long)high);
		if (now - told >= DIRECTORY_TELL_MS) {
			told = now;
			log_info("directory_reading",
				 LOG_INT("offset", bus_reader_position(d->reader)),
				 LOG_INT("of", high));
		}
	}
	log_info("directory_read", LOG_INT("entries", d->count),
		 LOG_INT("took_ms", clock_monotonic_ms() - begun));
	return RESULT_OK;
}

struct directory *directory_open(struct bus *bus, int timeout_ms, struct error *ret_error)
{
	int64_t begun_ms = clock_monotonic_ms(), deadline = begun_ms + timeout_ms, low = 0,
		high = 0;
	struct directory *d;

	if (bus_partitions(bus, DIRECTORY_TOPIC, timeout_ms) < 1 ||
	    bus_offsets(bus, DIRECTORY_TOPIC, 0, timeout_ms, &low, &high) != RESULT_OK) {
		(void)error_set(ret_error, RESULT_AWAY,
				"topic " DIRECTORY_TOPIC
				" can't be read; `punnet topics apply` makes it");
		return NULL;
	}
	d = calloc(1, sizeof(*d));
	assert(d);
	d->bus = bus;
	d->current_at_ms = begun_ms; /* the end was asked for after that, and is read below */
	d->reader = bus_reader_follow(bus, DIRECTORY_TOPIC, 0, low, ret_error);
	if (!d->reader || read_to(d, high, deadline, ret_error) != RESULT_OK) {
		directory_close(d);
		return NULL;
	}
	return d;
}

/* --- how old is what we know? --- */

static bool read_on(struct directory *d, int64_t high, int64_t deadline_ms)
{
	while (bus_reader_position(d->reader) < high) {
		int64_t left_ms = deadline_ms - clock_monotonic_ms();
		size_t count;

		if (left_ms <= 0 || take(d, (int)left_ms, &count, NULL) != RESULT_OK)
			return false;
	}
	return true;
}

/* Replaced entries are not freed here: what was handed out in this turn stays good. */
static void renew(struct directory *d, int64_t now_ms)
{
	int64_t low, high;

	d->asked_at_ms = now_ms;
	if (bus_offsets(d->bus, DIRECTORY_TOPIC, 0, DIRECTORY_ASK_MS, &low, &high) == RESULT_OK &&
	    read_on(d, high, now_ms + DIRECTORY_ASK_MS))
		d->current_at_ms = now_ms;
}

static void note_age(struct directory *d, bool is_old, int64_t age_ms)
{
	if (is_old == d->is_old)
		return;
	d->is_old = is_old;
	if (is_old)
		log_warn("directory_old", LOG_INT("age_ms", age_ms));
	else
		log_info("directory_current");
}

bool directory_current(struct directory *d, int64_t max_age_ms)
{
	int64_t now_ms = clock_monotonic_ms(), age_ms;

	if (now_ms - d->current_at_ms > DIRECTORY_RENEW_MS &&
	    now_ms - d->asked_at_ms > DIRECTORY_ASK_AGAIN_MS)
		renew(d, now_ms);
	age_ms = clock_monotonic_ms() - d->current_at_ms;
	note_age(d, age_ms >= max_age_ms, age_ms);
	return !d->is_old;
}

int directory_fd(struct directory *d)
{
	return bus_reader_fd(d->reader);
}

void directory_close(struct directory *d)
{
	if (!d)
		return;
	bus_reader_close(d->reader);
	free_doomed(d);
	for (size_t i = 0; i < d->count; i++)
		entry_free(d->order[i]);
	free(d->order);
	map_free(&d->by_id);
	map_free(&d->by_key);
	free(d);
}

/* --- looking up --- */

const Punnet__V1__DirectoryEntry *directory_get(const struct directory *d, const char *kind,
						struct slice id)
{
	char whole[DIRECTORY_ID_MAX + 1];
	size_t len = strlen(kind);
	const struct entry *e;

	if (len + 1 + id.len >= sizeof(whole))
		return NULL;
	memcpy(whole, kind, len);
	whole[len] = '/';
	if (id.len)
		memcpy(whole + len + 1, id.data, id.len);
	e = map_get(&d->by_id, slice_of(whole, len + 1 + id.len));
	return e ? e->message : NULL;
}

const Punnet__V1__DirectoryEntry *directory_by_key(const struct directory *d, const char *kind,
						   struct slice bearer_key, struct slice *ret_id)
{
	uint8_t hash[crypto_generichash_BYTES];
	char name[DIRECTORY_KEY_LEN];
	const struct entry *e;
	size_t skip = strlen(kind) + 1;

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)bearer_key.data, bearer_key.len,
			   NULL, 0);
	key_index(kind, hash, name);
	e = map_get(&d->by_key, slice_of(name, sizeof(name)));
	if (!e)
		return NULL;
	if (ret_id)
		*ret_id = slice_of(e->id.data + skip, e->id.len - skip);
	return e->message;
}

bool directory_at(const struct directory *d, size_t i, const Punnet__V1__DirectoryEntry **ret_entry)
{
	if (i >= d->count)
		return false;
	*ret_entry = d->order[i]->message;
	return true;
}

size_t directory_count(const struct directory *d, const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].name, kind) == 0)
			return d->counts[i];
	}
	return 0;
}

uint64_t directory_version(const struct directory *d)
{
	return d->version;
}
