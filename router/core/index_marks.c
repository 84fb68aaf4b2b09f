/* index_marks: which buckets an order takes, which of them prove nothing about it, and where a lead's values stand. */
#include <stdlib.h>

#include "index.h"

#define NUMBERS_EXACT                                                                              \
	64 /* below it each whole number has a bucket of its own, with its fractions; … */
#define OCTAVE_EXACT 6 /* … from this power of two on there are four an octave */
#define TEXT_PROBES  4 /* buckets that a text may get */

/* --- buckets --- */

/* Never falls as the number grows. */
static size_t number_bucket(int64_t millionths)
{
	int64_t n = millionths / MILLIONTHS;
	size_t octave, bucket;

	if (millionths < 0)
		return 0;
	if (n < NUMBERS_EXACT)
		return 1 + (size_t)n;
	octave = 63 - (size_t)__builtin_clzll((uint64_t)n);
	bucket = 1 + NUMBERS_EXACT + (octave - OCTAVE_EXACT) * 4 + (size_t)(n >> (octave - 2) & 3);
	return MIN_OF(bucket, INDEX_NUMBERS - 1);
}

static bool is_text(const struct index_text *t, struct slice text, uint32_t key)
{
	return t->key == key && slice_equal(slice_of(t->text, t->len), text);
}

/* Where it stands, or would stand; *ret_own: it is the bucket's own text, and has it for itself. */
static size_t text_find(const struct index_attribute *a, struct slice text, uint32_t key,
			bool *ret_own)
{
	*ret_own = false;
	for (size_t i = 0; i < TEXT_PROBES; i++) {
		size_t at = (key + i) % INDEX_TEXTS;
		const struct index_text *t = &a->texts[at];

		if (!t->text)
			return at;
		if (!is_text(t, text, key))
			continue;
		*ret_own = !t->shared;
		return at;
	}
	return key % INDEX_TEXTS;
}

/* What an order names. A text that finds all its buckets taken goes to the first of them. */
static size_t text_place(struct index_attribute *a, struct slice text, uint32_t key)
{
	bool own;
	size_t at = text_find(a, text, key, &own);
	struct index_text *t = &a->texts[at];

	if (!t->text) {
		*t = (struct index_text){
		    .text = strndup(text.data, text.len), .len = text.len, .key = key};
		if (!t->text)
			abort();
	} else if (!is_text(t, text, key)) {
		t->shared = true;
	}
	return INDEX_NUMBERS + at;
}

/* *ret_own: whoever takes the bucket takes the value, unless he stands in the doubts. */
static size_t value_bucket(const struct index_attribute *a, const struct value *v, bool *ret_own)
{
	*ret_own = true;
	switch (v->kind) {
	case VALUE_NUMBER:
		return number_bucket(v->number);
	case VALUE_TEXT:
		return INDEX_NUMBERS + text_find(a, v->text, v->key, ret_own);
	default:
		return INDEX_UNKNOWN;
	}
}

/* --- an order's bits --- */

/* Where an order's bits go, and whether they are set or cleared. */
struct mark {
	struct match_index *ix;
	struct index_attribute *a;
	uint32_t word;
	uint64_t bit;
	bool on;
};

static void put_bit(const struct mark *m, uint64_t **row)
{
	if (m->on && !*row)
		*row = index_grown(NULL, 0, m->ix->words_cap, sizeof(uint64_t));
	if (m->on)
		(*row)[m->word] |= m->bit;
	else if (*row)
		(*row)[m->word] &= ~m->bit;
}

static void put_takes(const struct mark *m, size_t bucket)
{
	put_bit(m, &m->a->takes[bucket]);
}

static void put_doubt(const struct mark *m, size_t bucket)
{
	put_bit(m, &m->a->doubts[bucket]);
}

/* A number's bucket holds others beside it. */
static void put_in(const struct mark *m, const struct criterion *c)
{
	for (size_t i = 0; i < c->value_count; i++) {
		const struct criterion_value *v = &c->values[i];
		size_t bucket = v->is_number ? number_bucket(criterion_number(c, v))
					     : text_place(m->a, criterion_text(c, v), v->key);

		put_takes(m, bucket);
		if (v->is_number)
			put_doubt(m, bucket);
	}
	if (c->unknown_fits)
		put_takes(m, INDEX_UNKNOWN);
}

/* It restricts nobody to a bucket; only near what it does not want it must be asked. */
static void put_not_in(const struct mark *m, const struct criterion *c)
{
	for (size_t i = 0; i < c->value_count; i++) {
		const struct criterion_value *v = &c->values[i];

		put_doubt(m, v->is_number ? number_bucket(criterion_number(c, v))
					  : text_place(m->a, criterion_text(c, v), v->key));
	}
	if (!c->unknown_fits)
		put_doubt(m, INDEX_UNKNOWN);
}

/* The buckets at both ends hold numbers beyond them, too. */
static void put_between(const struct mark *m, const struct criterion *c)
{
	size_t from = c->bounds & BOUND_MIN ? number_bucket(c->min) : 0;
	size_t to = c->bounds & BOUND_MAX ? number_bucket(c->max) : INDEX_NUMBERS - 1;

	for (size_t b = from; b <= to; b++)
		put_takes(m, b);
	if (c->bounds & BOUND_MIN)
		put_doubt(m, from);
	if (c->bounds & BOUND_MAX)
		put_doubt(m, to);
	if (!c->unknown_fits)
		return;
	/* A text says no number. */
	for (size_t b = INDEX_NUMBERS; b < INDEX_BUCKETS; b++)
		put_takes(m, b);
}

static struct index_attribute *indexed(struct match_index *ix, uint32_t attribute,
				       enum criterion_group group)
{
	struct index_attribute *a;

	for (size_t i = 0; i < ix->attribute_count; i++) {
		if (ix->attributes[i].attribute == attribute)
			return &ix->attributes[i];
	}
	if (ix->attribute_count == INDEX_ATTRIBUTES_MAX)
		return NULL;
	ix->attributes = index_grown(ix->attributes, ix->attribute_count, ix->attribute_count + 1,
				     sizeof(*ix->attributes));
	a = &ix->attributes[ix->attribute_count++];
	a->attribute = attribute;
	a->group = group;
	a->restricted = index_grown(NULL, 0, ix->words_cap, sizeof(uint64_t));
	return a;
}

/* Of an order's criteria on one attribute the first that can be looked up is; the others are only asked. */
static bool looked_up(const struct order *o, size_t i)
{
	const struct criterion *c = &o->terms->where[i];

	if (c->kind != PUNNET__V1__CRITERION_KIND__CRITERION_IN &&
	    c->kind != PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN)
		return false;
	for (size_t k = 0; k < i; k++) {
		if (o->terms->where[k].attribute == c->attribute && looked_up(o, k))
			return false;
	}
	return true;
}

/* false: the index does not know this criterion; it is always asked. */
static bool put_criterion(struct mark *m, const struct order *o, size_t i)
{
	const struct criterion *c = &o->terms->where[i];
	bool restricts = looked_up(o, i);

	if (!restricts && c->kind != PUNNET__V1__CRITERION_KIND__CRITERION_NOT_IN)
		return false;
	m->a = indexed(m->ix, c->attribute, c->group);
	if (!m->a)
		return false;
	if (!restricts)
		put_not_in(m, c);
	else if (c->kind == PUNNET__V1__CRITERION_KIND__CRITERION_IN)
		put_in(m, c);
	else
		put_between(m, c);
	if (restricts)
		put_bit(m, &m->a->restricted);
	return true;
}

void index_mark(struct match_index *ix, struct order *o, bool on)
{
	struct mark m = {
	    .ix = ix, .word = o->slot / INDEX_LEAF, .bit = 1ull << o->slot % INDEX_LEAF, .on = on};

	o->indexed_constraints = 0;
	for (size_t i = 0; i < CRITERION_GROUPS; i++)
		o->indexed_constraints |= constraint_of_group(i);
	for (size_t i = 0; i < o->terms->where_count; i++) {
		if (!put_criterion(&m, o, i))
			o->indexed_constraints &= ~constraint_of_group(o->terms->where[i].group);
	}
}

/* --- a lead --- */

void index_rows_of(const struct match_index *ix, const struct value *values, struct index_rows *ret)
{
	ret->count = ix->attribute_count;
	for (size_t i = 0; i < ix->attribute_count; i++) {
		const struct index_attribute *a = &ix->attributes[i];

		bool own;
		size_t bucket = value_bucket(a, &values[a->attribute], &own);

		ret->items[i] = (struct index_row){.restricted = a->restricted,
						   .takes = a->takes[bucket],
						   .doubts = a->doubts[bucket],
						   .group = a->group,
						   .shared = !own};
	}
}
