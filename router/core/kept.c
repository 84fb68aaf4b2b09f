/* kept: see kept.h. Which fields are words is a table; fields that it doesn't name, and those of a newer version, stay as they are. */
#include "kept.h"

#include "lead/wire.h"
#include "lead/wire_read.h"

#define FIELD(n) (1u << (n))

/* Of a message: its words, and the messages in it that have some. */
struct shape {
	uint32_t words; /* FIELD() of each */
	struct {
		uint32_t field;
		const struct shape *shape;
	} nested[2];
};

static const struct shape named = {.words = FIELD(1)}; /* Field and Fact: the name */
static const struct shape lead = {
    /* vertical, aff_id, country, region, city, language, os */
    .words = FIELD(1) | FIELD(2) | FIELD(9) | FIELD(10) | FIELD(11) | FIELD(13) | FIELD(14),
    .nested = {{18, &named}},
};
static const struct shape admitted_shape = {.nested = {{1, &lead}, {6, &named}}};

/* add: texts become numbers of these words; NULL: numbers become words of `known` again. */
struct turning {
	struct map *add;
	const struct map *known;
	struct buf *out;
};

static bool is_word(const struct shape *s, uint32_t field)
{
	return field < 32 && s->words >> field & 1;
}

static const struct shape *nested_in(const struct shape *s, uint32_t field)
{
	for (size_t i = 0; i < ARRAY_LEN(s->nested) && s->nested[i].shape; i++) {
		if (s->nested[i].field == field)
			return s->nested[i].shape;
	}
	return NULL;
}

/* Words are numbered in the order in which they were met; as a map's value, by one more. */
static bool number_of(struct map *words, struct slice text, uint64_t *ret)
{
	uintptr_t number;

	if (text.len > WORD_BYTES_MAX)
		return false;
	number = (uintptr_t)map_get(words, text);
	if (number == 0) {
		if (map_count(words) == WORDS_MAX)
			return false;
		number = map_count(words) + 1;
		map_put(words, text, (void *)number);
	}
	*ret = number - 1;
	return true;
}

static struct slice word_of(const struct map *words, uint64_t number)
{
	struct slice word;
	void *value;

	if (!map_at(words, number, &word, &value))
		assert(!"a word that the market gave a number");
	return word;
}

static bool turn_word(const struct turning *t, const struct wire_field *f)
{
	uint64_t number;

	if (t->add) {
		if (f->kind != WIRE_READ_BYTES || !number_of(t->add, f->bytes, &number))
			return false;
		wire_uint_set(t->out, f->number, number);
		return true;
	}
	if (f->kind != WIRE_READ_VARINT)
		return false;
	wire_text_set(t->out, f->number, word_of(t->known, f->value));
	return true;
}

static void turn(const struct turning *t, const struct shape *s, struct slice bytes)
{
	struct wire_walk w = wire_walk_of(bytes);
	const char *from = w.at;
	struct wire_field f = {0};

	for (; wire_take_field(&w, &f); from = w.at) {
		const struct shape *inner = nested_in(s, f.number);

		if (inner && f.kind == WIRE_READ_BYTES) {
			size_t at = wire_begin(t->out, f.number);

			turn(t, inner, f.bytes);
			wire_end(t->out, at);
		} else if (!is_word(s, f.number) || !turn_word(t, &f)) {
			buf_append(t->out, from, (size_t)(w.at - from));
		}
	}
	assert(wire_walked_all(&w));
}

void kept_squeeze(struct map *words, struct slice admitted, struct buf *out)
{
	turn(&(struct turning){.add = words, .out = out}, &admitted_shape, admitted);
}

void kept_whole(const struct map *words, struct slice kept, struct buf *out)
{
	turn(&(struct turning){.known = words, .out = out}, &admitted_shape, kept);
}
