/* named_lists: see named_lists.h. */
#include "named_lists.h"

#include <sodium.h>
#include <stdlib.h>

#include "named_lists_format.h"

struct table {
	const void *slots;
	size_t mask, count;
	struct slice pool;
};

struct named_lists {
	struct table tables[LIST_COUNT];
	uint8_t digest[NAMED_LISTS_DIGEST_LEN];
};

static const struct {
	const char *text, *help;
	enum list_kind kind;
} names[LIST_COUNT] = {
#define LIST(name, text, kind, help) [LIST_##name] = {text, help, LIST_##kind},
#include "named_lists.def"
#undef LIST
};

const char *list_text(enum list_name name)
{
	assert((unsigned)name < LIST_COUNT);
	return names[name].text;
}

const char *list_help(enum list_name name)
{
	assert((unsigned)name < LIST_COUNT);
	return names[name].help;
}

enum list_kind list_kind_of(enum list_name name)
{
	assert((unsigned)name < LIST_COUNT);
	return names[name].kind;
}

bool list_from_text(struct slice text, enum list_name *ret)
{
	for (size_t i = 0; i < LIST_COUNT; i++) {
		if (slice_is(text, names[i].text)) {
			*ret = (enum list_name)i;
			return true;
		}
	}
	return false;
}

/* --- opening --- */

void lists_digest(struct slice content, uint8_t ret[NAMED_LISTS_DIGEST_LEN])
{
	crypto_generichash(ret, NAMED_LISTS_DIGEST_LEN, (const unsigned char *)content.data,
			   content.len, NULL, 0);
}

/* Does a text stand at this place of the pool? */
static bool has_text(struct slice pool, uint64_t at)
{
	return at < pool.len && (uint8_t)pool.data[at] < pool.len - at;
}

static bool pool_is_sound(struct slice pool)
{
	size_t at = 0;

	while (at < pool.len && has_text(pool, at))
		at += 1 + (uint8_t)pool.data[at];
	return at == pool.len;
}

/* Every slot that is used points to a text, and as many are used as the section says. */
static bool slots_are_sound(const struct table *t, enum slot_kind kind)
{
	const uint64_t *words = t->slots;
	const struct slot_key *keys = t->slots;
	size_t used = 0;

	for (size_t i = 0; i <= t->mask; i++) {
		bool text = kind == SLOT_TEXT, key = kind == SLOT_KEY;

		if (key ? keys[i].owner == 0 : words[i] == 0)
			continue;
		used++;
		if ((text &&
		     ((uint32_t)words[i] == 0 || !has_text(t->pool, SLOT_TEXT_AT(words[i])))) ||
		    (key && !has_text(t->pool, keys[i].owner - 1)))
			return false;
	}
	return used == t->count;
}

static bool lies_within(uint64_t at, uint64_t len, uint64_t size)
{
	return at <= size && len <= size - at;
}

static bool read_section(struct slice data, const struct lists_section *s, struct table *ret)
{
	enum slot_kind kind = (enum slot_kind)s->slot_kind;

	if (s->slots == 0 || s->slots > LISTS_SLOTS_MAX || (s->slots & (s->slots - 1)) != 0 ||
	    s->count >= s->slots || s->slots_at % LISTS_ALIGN != 0 ||
	    !lies_within(s->slots_at, s->slots * lists_slot_size(kind), data.len) ||
	    !lies_within(s->pool_at, s->pool_len, data.len) || s->pool_len >= UINT32_MAX)
		return false;
	*ret = (struct table){.slots = data.data + s->slots_at,
			      .mask = s->slots - 1,
			      .count = s->count,
			      .pool = slice_of(data.data + s->pool_at, s->pool_len)};
	return pool_is_sound(ret->pool) && slots_are_sound(ret, kind);
}

/* NULL: sound. A list that this version does not know is left out. */
static const char *read_sections(struct slice data, uint32_t count, struct named_lists *ret)
{
	const struct lists_section *sections =
	    (const void *)(data.data + sizeof(struct lists_header));

	if (count > LISTS_SECTIONS_MAX ||
	    data.len - sizeof(struct lists_header) < count * sizeof(*sections))
		return "the table of lists is cut off";
	for (uint32_t i = 0; i < count; i++) {
		struct slice text =
		    slice_of(sections[i].name, strnlen(sections[i].name, sizeof(sections[i].name)));
		enum list_name name;

		if (!list_from_text(text, &name))
			continue;
		if (sections[i].slot_kind != (uint32_t)lists_slot_kind(names[name].kind) ||
		    ret->tables[name].count > 0)
			return "a list is of another kind, or stands twice";
		if (!read_section(data, &sections[i], &ret->tables[name]))
			return "a list is damaged";
	}
	return NULL;
}

static const char *read_header(struct slice data, struct lists_header *ret)
{
	uint8_t digest[NAMED_LISTS_DIGEST_LEN];

	if (data.len < sizeof(*ret))
		return "too short to be a file of lists";
	memcpy(ret, data.data, sizeof(*ret));
	if (memcmp(ret->magic, LISTS_MAGIC, LISTS_MAGIC_LEN) != 0)
		return "no file of lists";
	if (ret->format != LISTS_FORMAT)
		return "of another version: compile the lists again";
	if (ret->size != data.len)
		return "cut off, or longer than it says";
	lists_digest(slice_of(data.data + sizeof(*ret), data.len - sizeof(*ret)), digest);
	if (memcmp(ret->digest, digest, sizeof(digest)) != 0)
		return "damaged: its digest is another one";
	return NULL;
}

struct named_lists *named_lists_open(struct slice data, struct error *ret_error)
{
	struct named_lists *l = calloc(1, sizeof(*l));
	struct lists_header header;
	const char *fault;

	assert(l && (uintptr_t)data.data % LISTS_ALIGN == 0);
	fault = read_header(data, &header);
	if (!fault)
		fault = read_sections(data, header.sections, l);
	if (fault) {
		(void)error_set(ret_error, RESULT_BAD, "%s", fault);
		free(l);
		return NULL;
	}
	memcpy(l->digest, header.digest, sizeof(l->digest));
	return l;
}

void named_lists_free(struct named_lists *l)
{
	free(l);
}

const uint8_t *named_lists_digest(const struct named_lists *l)
{
	return l->digest;
}

/* --- looking --- */

size_t named_lists_count(const struct lists *lists, enum list_name name)
{
	return lists && lists->named ? lists->named->tables[name].count : 0;
}

/* NULL: the list is empty. */
static const struct table *table_of(const struct lists *lists, enum list_name name,
				    enum slot_kind kind)
{
	assert(lists_slot_kind(names[name].kind) == kind);
	return named_lists_count(lists, name) > 0 ? &lists->named->tables[name] : NULL;
}

static struct slice text_at(struct slice pool, size_t at)
{
	return slice_of(pool.data + at + 1, (uint8_t)pool.data[at]);
}

static bool has(const struct table *t, struct slice entry)
{
	uint64_t hash = lists_text_hash(entry);
	const uint64_t *slots = t->slots;

	for (size_t i = hash & t->mask; slots[i] != 0; i = (i + 1) & t->mask) {
		if (SLOT_TEXT_FITS(slots[i], hash) &&
		    slice_equal(text_at(t->pool, SLOT_TEXT_AT(slots[i])), entry))
			return true;
	}
	return false;
}

bool named_lists_has(const struct lists *lists, enum list_name name, struct slice entry)
{
	const struct table *t = table_of(lists, name, SLOT_TEXT);

	return t && has(t, entry);
}

bool named_lists_has_domain(const struct lists *lists, enum list_name name, struct slice domain)
{
	const struct table *t = table_of(lists, name, SLOT_TEXT);
	const char *dot;

	while (t && (dot = memchr(domain.data, '.', domain.len))) {
		if (has(t, domain))
			return true;
		domain.len -= (size_t)(dot + 1 - domain.data);
		domain.data = dot + 1;
	}
	return false; /* a top-level domain alone is on no list */
}

bool named_lists_next(const struct lists *lists, enum list_name name, size_t *at, struct slice *ret)
{
	const struct table *t = table_of(lists, name, SLOT_TEXT);

	if (!t || *at >= t->pool.len)
		return false;
	*ret = text_at(t->pool, *at);
	*at += 1 + ret->len;
	return true;
}

bool named_lists_phone(const struct lists *lists, enum list_name name, uint64_t number,
		       int64_t *ret_seen_ms)
{
	const struct table *t = table_of(lists, name, SLOT_PHONE);
	const uint64_t *slots = t ? t->slots : NULL;
	size_t i = lists_phone_hash(number);

	for (; t && slots[i & t->mask] != 0; i++) {
		uint64_t slot = slots[i & t->mask];
		int64_t day = (int64_t)(slot & PHONE_DAY_MOST);

		if (slot >> PHONE_DAY_BITS != number)
			continue;
		*ret_seen_ms = day == 0 ? 0 : (PHONE_DAY_FIRST + day) * MS_PER_DAY;
		return true;
	}
	return false;
}

struct slice named_lists_owner(const struct lists *lists, enum list_name name,
			       const uint8_t key[LIST_KEY_LEN])
{
	const struct table *t = table_of(lists, name, SLOT_KEY);
	const struct slot_key *slots = t ? t->slots : NULL;
	size_t i = lists_key_hash(key);

	for (; t && slots[i & t->mask].owner != 0; i++) {
		const struct slot_key *slot = &slots[i & t->mask];

		if (memcmp(slot->key, key, LIST_KEY_LEN) == 0)
			return text_at(t->pool, slot->owner - 1);
	}
	return (struct slice){0};
}
