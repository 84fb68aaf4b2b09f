/* named_lists_build: see named_lists_build.h. */
#include "named_lists_build.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/timefmt.h"
#include "lead/contact.h"
#include "letters.h"
#include "named_lists_format.h"

#define HASH_HEX_LEN       64
#define KEY_HEX_LEN        (2 * LIST_KEY_LEN)
#define PHONE_DIGITS_LEAST 5
#define PHONE_DIGITS_MAX   15
#define DATE_LEN           10
#define LISTED             "listed" /* the owner of what has none */

/* What an entry is looked up by. */
struct entry_key {
	char bytes[LIST_ENTRY_MAX + 1];
	size_t len;
	uint16_t day; /* PHONE */
};

struct draft {
	struct map entries; /* key → a phone's day, a key's owners, or LISTED */
	struct map removed;
};

struct named_lists_builder {
	struct draft drafts[LIST_COUNT];
	struct arena arena; /* of the values */
};

struct named_lists_builder *named_lists_builder_new(void)
{
	struct named_lists_builder *b = calloc(1, sizeof(*b));

	assert(b);
	return b;
}

void named_lists_builder_free(struct named_lists_builder *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < LIST_COUNT; i++) {
		map_free(&b->drafts[i].entries);
		map_free(&b->drafts[i].removed);
	}
	arena_free(&b->arena);
	free(b);
}

/* --- reading an entry --- */

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static const char *read_domain(struct slice text, struct entry_key *ret)
{
	static const char local[] = "x@";
	char address[EMAIL_TEXT_MAX + 1], normal[EMAIL_TEXT_MAX + 1];
	struct slice typed;

	if (text.len == 0 || text.len > EMAIL_TEXT_MAX - sizeof(local))
		return "expected a domain";
	memcpy(address, local, sizeof(local) - 1);
	memcpy(address + sizeof(local) - 1, text.data, text.len);
	typed = slice_of(address, sizeof(local) - 1 + text.len);
	if (email_normalise(typed, normal) != EMAIL_OK)
		return "expected a domain";
	ret->len = strlen(normal) - (sizeof(local) - 1);
	memcpy(ret->bytes, normal + sizeof(local) - 1, ret->len);
	return NULL;
}

static const char *read_word(struct slice text, struct entry_key *ret)
{
	struct slice rest = text, word;
	unsigned scripts;

	if (!letters_word(&rest, &word, &scripts) || word.len != text.len)
		return "expected one word, of letters only";
	ret->len = letters_folded(word, scripts, ret->bytes);
	return ret->len > 0 ? NULL : "expected letters of one script, Latin or Cyrillic";
}

static const char *read_mailbox(struct slice text, struct entry_key *ret)
{
	if (text.len == 0 || text.len > LIST_ENTRY_MAX)
		return "expected what stands before the @";
	for (size_t i = 0; i < text.len; i++) {
		char c = small(text.data[i]);

		if (c == '@' || c <= ' ')
			return "expected what stands before the @";
		ret->bytes[i] = c;
	}
	ret->len = text.len;
	return NULL;
}

static bool read_day(struct slice text, uint16_t *ret)
{
	char rfc3339[] = "0000-00-00T00:00:00Z";
	int64_t ms, day;

	if (text.len != DATE_LEN)
		return false;
	memcpy(rfc3339, text.data, DATE_LEN);
	if (!time_parse_rfc3339(slice_cstr(rfc3339), &ms))
		return false;
	day = ms / MS_PER_DAY - PHONE_DAY_FIRST;
	if (day < 1 || day > PHONE_DAY_MOST)
		return false;
	*ret = (uint16_t)day;
	return true;
}

static const char *read_phone(struct slice text, struct entry_key *ret)
{
	uint64_t number = 0;
	size_t at = text.len > 0 && text.data[0] == '+' ? 1 : 0, digits = 0;

	for (; at < text.len && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
		if (++digits > PHONE_DIGITS_MAX)
			break;
		number = number * 10 + (uint64_t)(text.data[at] - '0');
	}
	if (digits < PHONE_DIGITS_LEAST || digits > PHONE_DIGITS_MAX || number == 0)
		return "expected a number like +79161234567";
	text = slice_trim(slice_of(text.data + at, text.len - at));
	if (text.len > 0 && !read_day(text, &ret->day))
		return "expected a day like 2024-06-05 after the number";
	memcpy(ret->bytes, &number, sizeof(number));
	ret->len = sizeof(number);
	return NULL;
}

static const char *read_hex(struct slice text, size_t hex_len, struct entry_key *ret)
{
	uint8_t bytes[HASH_HEX_LEN / 2];
	size_t len;

	if (text.len != hex_len ||
	    sodium_hex2bin(bytes, sizeof(bytes), text.data, text.len, NULL, &len, NULL) != 0 ||
	    len != hex_len / 2)
		return hex_len == HASH_HEX_LEN ? "expected 64 hex digits"
					       : "expected 32 hex digits";
	memcpy(ret->bytes, bytes, LIST_KEY_LEN);
	ret->len = LIST_KEY_LEN;
	return NULL;
}

static const char *read_entry(enum list_kind kind, struct slice text, struct entry_key *ret)
{
	*ret = (struct entry_key){.len = 0};
	switch (kind) {
	case LIST_DOMAIN:
		return read_domain(text, ret);
	case LIST_WORD:
		return read_word(text, ret);
	case LIST_MAILBOX:
		return read_mailbox(text, ret);
	case LIST_PHONE:
		return read_phone(text, ret);
	case LIST_HASH:
		return read_hex(text, HASH_HEX_LEN, ret);
	case LIST_OWNED:
		return read_hex(text, KEY_HEX_LEN, ret);
	}
	abort();
}

/* --- adding --- */

static bool owner_is_a_name(struct slice owner)
{
	for (size_t i = 0; i < owner.len; i++) {
		char c = owner.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return owner.len > 0 && owner.len <= LIST_OWNER_MAX;
}

static int compare_slices(struct slice a, struct slice b)
{
	int order = memcmp(a.data, b.data, MIN_OF(a.len, b.len));

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Takes the next name off "bank-a,bank-b". */
static bool next_owner(struct slice *owners, struct slice *ret)
{
	const char *comma;

	if (owners->len == 0)
		return false;
	comma = memchr(owners->data, ',', owners->len);
	*ret = slice_of(owners->data, comma ? (size_t)(comma - owners->data) : owners->len);
	*owners = slice_of(owners->data + ret->len + (comma ? 1 : 0),
			   owners->len - ret->len - (comma ? 1 : 0));
	return true;
}

/* The owners with one more, in their order. NULL: too many for one entry. */
static const char *with_owner(struct arena *a, struct slice owners, struct slice more)
{
	char text[LIST_ENTRY_MAX + LIST_OWNER_MAX + 2];
	struct slice own;
	bool done = false;
	size_t len = 0;

	while (next_owner(&owners, &own) || !done) {
		int order = own.len > 0 ? compare_slices(more, own) : -1;

		if (!done && order <= 0) {
			memcpy(text + len, more.data, more.len);
			len += more.len;
			text[len++] = ',';
			done = true;
		}
		if (own.len > 0 && order != 0) {
			memcpy(text + len, own.data, own.len);
			len += own.len;
			text[len++] = ',';
		}
		own.len = 0;
	}
	return len - 1 <= LIST_ENTRY_MAX ? arena_cstr(a, slice_of(text, len - 1)) : NULL;
}

/* Of two days the later one counts; an entry without a day is the operator's own, and does not age. */
static void put_phone(struct named_lists_builder *b, struct map *entries, struct slice key,
		      uint16_t day)
{
	uint16_t *kept = map_get(entries, key);

	if (!kept) {
		kept = arena_alloc(&b->arena, sizeof(*kept));
		*kept = day;
		map_put(entries, key, kept);
	}
	*kept = *kept == 0 || day == 0 ? 0 : MAX_OF(*kept, day);
}

static const char *put_owned(struct named_lists_builder *b, struct map *entries, struct slice key,
			     struct slice owner)
{
	const char *owners = map_get(entries, key);

	if (!owner_is_a_name(owner))
		return "expected an owner: a-z, 0-9, - and _";
	owners = owners ? with_owner(&b->arena, slice_cstr(owners), owner)
			: arena_cstr(&b->arena, owner);
	if (!owners)
		return "has too many owners";
	map_put(entries, key, (void *)owners);
	return NULL;
}

const char *named_lists_add(struct named_lists_builder *b, enum list_name name, struct slice entry,
			    struct slice owner)
{
	struct draft *d = &b->drafts[name];
	enum list_kind kind = list_kind_of(name);
	bool removes = entry.len > 0 && entry.data[0] == '!';
	struct entry_key key;
	const char *why;

	if (removes)
		entry = slice_trim(slice_of(entry.data + 1, entry.len - 1));
	why = read_entry(kind, entry, &key);
	if (why)
		return why;
	if (removes)
		map_put(&d->removed, slice_of(key.bytes, key.len), d);
	else if (kind == LIST_PHONE)
		put_phone(b, &d->entries, slice_of(key.bytes, key.len), key.day);
	else if (kind == LIST_OWNED)
		return put_owned(b, &d->entries, slice_of(key.bytes, key.len), owner);
	else
		map_put(&d->entries, slice_of(key.bytes, key.len), (void *)LISTED);
	return NULL;
}

size_t named_lists_built(const struct named_lists_builder *b, enum list_name name)
{
	const struct draft *d = &b->drafts[name];
	size_t count = 0;
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(&d->entries, i, &key, &value); i++)
		count += map_get(&d->removed, key) == NULL;
	return count;
}

/* --- writing --- */

static void pad(struct buf *out, size_t from)
{
	while ((out->len - from) % LISTS_ALIGN != 0)
		buf_append_char(out, 0);
}

static uint32_t put_text(struct buf *pool, struct slice text)
{
	uint32_t at = (uint32_t)pool->len;

	assert(text.len <= LIST_ENTRY_MAX && pool->len < UINT32_MAX - LIST_ENTRY_MAX);
	buf_append_char(pool, (char)text.len);
	buf_append_slice(pool, text);
	return at;
}

/* Where the text stands in the pool, which has it once. */
static uint32_t put_owner(struct buf *pool, struct map *owners, struct slice text)
{
	uintptr_t place = (uintptr_t)map_get(owners, text);

	if (place == 0) {
		place = (uintptr_t)put_text(pool, text) + 1;
		map_put(owners, text, (void *)place);
	}
	return (uint32_t)place - 1;
}

static void put_word(uint64_t *slots, size_t mask, uint64_t hash, uint64_t word)
{
	size_t at = hash & mask;

	while (slots[at] != 0)
		at = (at + 1) & mask;
	slots[at] = word;
}

static void put_key(struct slot_key *slots, size_t mask, const uint8_t *key, uint32_t owner_at)
{
	size_t at = lists_key_hash(key) & mask;

	while (slots[at].owner != 0)
		at = (at + 1) & mask;
	memcpy(slots[at].key, key, LIST_KEY_LEN);
	slots[at].owner = owner_at + 1;
}

static void fill(const struct draft *d, enum slot_kind kind, void *slots, size_t mask,
		 struct buf *pool)
{
	_cleanup_(map_free) struct map owners = {0};
	struct slice key;
	uint64_t number;
	void *value;

	for (size_t i = 0; map_at(&d->entries, i, &key, &value); i++) {
		if (map_get(&d->removed, key))
			continue;
		switch (kind) {
		case SLOT_TEXT: {
			uint64_t hash = lists_text_hash(key);

			put_word(slots, mask, hash, SLOT_TEXT_OF(hash, put_text(pool, key)));
			break;
		}
		case SLOT_PHONE:
			memcpy(&number, key.data, sizeof(number));
			put_word(slots, mask, lists_phone_hash(number),
				 number << PHONE_DAY_BITS | *(const uint16_t *)value);
			break;
		case SLOT_KEY:
			put_key(slots, mask, (const uint8_t *)key.data,
				put_owner(pool, &owners, slice_cstr(value)));
			break;
		}
	}
}

/* Half of the slots are free; of the large ones a quarter. */
static size_t slots_for(size_t count, enum slot_kind kind)
{
	size_t least = kind == SLOT_KEY ? count + count / 3 : 2 * count, slots = 2;

	while (slots < least || slots <= count)
		slots *= 2;
	return slots;
}

static void write_list(const struct named_lists_builder *b, enum list_name name, size_t from,
		       struct lists_section *ret, struct buf *out)
{
	_cleanup_(buf_free) struct buf pool = {.max = out->max};
	enum slot_kind kind = lists_slot_kind(list_kind_of(name));
	size_t count = named_lists_built(b, name), slots = slots_for(count, kind);
	void *table = calloc(slots, lists_slot_size(kind));

	assert(table && slots <= LISTS_SLOTS_MAX);
	fill(&b->drafts[name], kind, table, slots - 1, &pool);
	pad(out, from);
	*ret = (struct lists_section){.slot_kind = kind, .count = count, .slots = slots};
	memcpy(ret->name, list_text(name), strlen(list_text(name)));
	ret->slots_at = out->len - from;
	buf_append(out, table, slots * lists_slot_size(kind));
	ret->pool_at = out->len - from;
	ret->pool_len = pool.len;
	buf_append_slice(out, buf_slice(&pool));
	out->failed |= pool.failed;
	free(table);
}

void named_lists_write(const struct named_lists_builder *b, struct buf *out)
{
	struct lists_section sections[LIST_COUNT];
	struct lists_header header = {.format = LISTS_FORMAT};
	size_t from = out->len, table_at = from + sizeof(header);

	for (size_t i = 0; i < LIST_COUNT; i++)
		header.sections += named_lists_built(b, (enum list_name)i) > 0;
	buf_append(out, &header, sizeof(header));
	buf_append(out, (const char[sizeof(sections)]){0},
		   header.sections * sizeof(struct lists_section));
	for (size_t i = 0, at = 0; i < LIST_COUNT; i++) {
		if (named_lists_built(b, (enum list_name)i) > 0)
			write_list(b, (enum list_name)i, from, &sections[at++], out);
	}
	if (out->failed)
		return;
	memcpy(out->data + table_at, sections, header.sections * sizeof(struct lists_section));
	memcpy(header.magic, LISTS_MAGIC, LISTS_MAGIC_LEN);
	header.size = out->len - from;
	lists_digest(slice_of(out->data + table_at, out->len - table_at), header.digest);
	memcpy(out->data + from, &header, sizeof(header));
}
