/* criteria: made from terms, and asked. */
#include "criteria.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"

#define FRACTION_DIGITS 6
#define WORDS_LEAST     256

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

bool number_parse(struct slice text, int64_t *ret_millionths)
{
	bool negative = text.len > 0 && text.data[0] == '-';
	size_t i = negative, whole = 0, fraction = 0;
	int64_t n = 0;

	for (; i < text.len && digit(text.data[i]) && whole <= NUMBER_DIGITS_MAX; i++, whole++)
		n = n * 10 + (text.data[i] - '0');
	if (whole == 0 || whole > NUMBER_DIGITS_MAX)
		return false;
	if (i < text.len && text.data[i] == '.') {
		for (i++; i < text.len && digit(text.data[i]); i++, fraction++) {
			/* What is finer than a millionth is cut off, as it is from a price. */
			if (fraction < FRACTION_DIGITS)
				n = n * 10 + (text.data[i] - '0');
		}
		if (fraction == 0)
			return false;
	}
	if (i != text.len)
		return false;
	for (; fraction < FRACTION_DIGITS; fraction++)
		n *= 10;
	*ret_millionths = negative ? -n : n;
	return true;
}

uint64_t value_text_key(struct slice text)
{
	return hash_fnv1a(0, text);
}

/* --- making --- */

const char *criterion_fault(const Punnet__V1__Criterion *terms)
{
	if (!terms->name[0])
		return "a criterion without a name";
	switch (terms->kind) {
	case PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN:
		if (!terms->has_min && !terms->has_max)
			return "a criterion without a bound";
		if (terms->has_min && terms->has_max &&
		    terms->min_millionths > terms->max_millionths)
			return "a criterion whose least is above its most";
		return NULL;
	case PUNNET__V1__CRITERION_KIND__CRITERION_IN:
	case PUNNET__V1__CRITERION_KIND__CRITERION_NOT_IN:
	case PUNNET__V1__CRITERION_KIND__CRITERION_HAS_ANY:
	case PUNNET__V1__CRITERION_KIND__CRITERION_HAS_ALL:
	case PUNNET__V1__CRITERION_KIND__CRITERION_HAS_NONE:
		if (terms->n_values == 0 || terms->n_values > CRITERIA_VALUES_MAX)
			return "a criterion without values, or with too many";
		return NULL;
	default:
		return "a criterion of a kind that is not known";
	}
}

static int compare_values(const void *a, const void *b)
{
	const struct criterion_value *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->text != NULL) - (y->text != NULL);
}

/* Every value as a text; where it looks like a number, as that too. */
static void make_values(struct criterion *c, const Punnet__V1__Criterion *terms)
{
	c->values = calloc(2 * terms->n_values, sizeof(*c->values));
	if (!c->values)
		abort();
	for (size_t i = 0; i < terms->n_values; i++) {
		struct slice text = slice_cstr(terms->values[i]);
		int64_t number;

		c->values[c->value_count++] =
		    (struct criterion_value){.key = value_text_key(text), .text = terms->values[i]};
		if (number_parse(text, &number))
			c->values[c->value_count++] =
			    (struct criterion_value){.key = (uint64_t)number};
	}
	qsort(c->values, c->value_count, sizeof(*c->values), compare_values);
}

void criterion_make(struct criterion *c, const Punnet__V1__Criterion *terms, struct attributes *a)
{
	*c = (struct criterion){.attribute = attribute_of(a, terms->name),
				.kind = terms->kind,
				.unknown_fits = terms->unknown_fits,
				.has_min = terms->has_min,
				.has_max = terms->has_max,
				.min = terms->min_millionths,
				.max = terms->max_millionths,
				.terms = terms};
	c->group = a->items[c->attribute].group;
	if (terms->n_values > 0)
		make_values(c, terms);
}

void criterion_free(struct criterion *c)
{
	free(c->values);
	c->values = NULL;
}

/* --- asking --- */

/* Whether they are the same; the text's end is not looked for first. */
static bool is_text(struct slice s, const char *text)
{
	return strncmp(text, s.data, s.len) == 0 && text[s.len] == '\0';
}

static bool holds(const struct criterion *c, const struct value *v)
{
	bool number = v->kind == VALUE_NUMBER;
	uint64_t key = v->key;
	size_t low = 0, high = c->value_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (c->values[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < c->value_count && c->values[low].key == key; low++) {
		const char *text = c->values[low].text;

		if (number ? !text : text && is_text(v->text, text))
			return true;
	}
	return false;
}

static bool list_holds(const struct value *list, const struct criterion_value *wanted)
{
	for (size_t i = 0; i < list->item_count; i++) {
		const struct value *item = &list->items[i];

		if (item->kind == VALUE_NUMBER
			? !wanted->text && (uint64_t)item->number == wanted->key
			: item->kind == VALUE_TEXT && wanted->text &&
			      slice_is(item->text, wanted->text))
			return true;
	}
	return false;
}

/* A value that looks like a number stands there twice, and either will do. */
static bool list_holds_text(const struct value *list, const char *text)
{
	struct criterion_value wanted = {.text = text};
	int64_t number;

	if (list_holds(list, &wanted))
		return true;
	if (!number_parse(slice_cstr(text), &number))
		return false;
	wanted = (struct criterion_value){.key = (uint64_t)number};
	return list_holds(list, &wanted);
}

static enum fit ask_list(const struct criterion *c, const struct value *v)
{
	size_t found = 0, wanted = c->terms->n_values;

	for (size_t i = 0; i < wanted; i++)
		found += list_holds_text(v, c->terms->values[i]);
	switch (c->kind) {
	case PUNNET__V1__CRITERION_KIND__CRITERION_HAS_ANY:
		return found > 0 ? FIT : MISS;
	case PUNNET__V1__CRITERION_KIND__CRITERION_HAS_ALL:
		return found == wanted ? FIT : MISS;
	default:
		return found == 0 ? FIT : MISS;
	}
}

static bool wants_list(const struct criterion *c)
{
	return c->kind >= PUNNET__V1__CRITERION_KIND__CRITERION_HAS_ANY;
}

static bool says_it(const struct criterion *c, const struct value *v)
{
	if (c->kind == PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN)
		return v->kind == VALUE_NUMBER;
	if (wants_list(c))
		return v->kind == VALUE_LIST;
	return v->kind == VALUE_TEXT || v->kind == VALUE_NUMBER;
}

enum fit criterion_ask(const struct criterion *c, const struct value *v)
{
	if (!says_it(c, v))
		return c->unknown_fits ? FIT : UNKNOWN;
	if (wants_list(c))
		return ask_list(c, v);
	switch (c->kind) {
	case PUNNET__V1__CRITERION_KIND__CRITERION_IN:
		return holds(c, v) ? FIT : MISS;
	case PUNNET__V1__CRITERION_KIND__CRITERION_NOT_IN:
		return holds(c, v) ? MISS : FIT;
	default:
		return (c->has_min && v->number < c->min) || (c->has_max && v->number > c->max)
			   ? MISS
			   : FIT;
	}
}

/* --- words --- */

static void say_number(struct buf *out, int64_t millionths)
{
	uint64_t n = millionths < 0 ? 0 - (uint64_t)millionths : (uint64_t)millionths;
	uint64_t fraction = n % (uint64_t)MILLIONTHS;
	int digits = FRACTION_DIGITS;

	if (millionths < 0)
		buf_append_char(out, '-');
	buf_append_int(out, (int64_t)(n / (uint64_t)MILLIONTHS));
	if (fraction == 0)
		return;
	for (; fraction % 10 == 0; fraction /= 10)
		digits--;
	buf_printf(out, ".%0*" PRIu64, digits, fraction);
}

static void append_text(struct buf *out, const char *before, const char *text)
{
	buf_append(out, before, strlen(before));
	buf_append(out, text, strlen(text));
}

static void say_values(struct buf *out, const Punnet__V1__Criterion *terms)
{
	for (size_t i = 0; i < terms->n_values && i < CRITERIA_SHOWN_MAX; i++)
		append_text(out, i ? ", " : "", terms->values[i]);
	if (terms->n_values > CRITERIA_SHOWN_MAX)
		buf_append_cstr(out, ", …");
}

static void say_value(struct buf *out, const struct value *v)
{
	if (v->kind == VALUE_NUMBER)
		say_number(out, v->number);
	else
		buf_append_slice(out, v->text);
}

static void say_miss(struct buf *out, const struct criterion *c, const struct value *v)
{
	static const char *const verbs[] = {
	    [PUNNET__V1__CRITERION_KIND__CRITERION_IN] = " is not in [",
	    [PUNNET__V1__CRITERION_KIND__CRITERION_NOT_IN] = " is in [",
	    [PUNNET__V1__CRITERION_KIND__CRITERION_HAS_ANY] = " has none of [",
	    [PUNNET__V1__CRITERION_KIND__CRITERION_HAS_ALL] = " lacks one of [",
	    [PUNNET__V1__CRITERION_KIND__CRITERION_HAS_NONE] = " has one of [",
	};

	say_value(out, v);
	if (c->kind == PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN) {
		bool below = c->has_min && v->number < c->min;

		buf_append_cstr(out, below ? " is below " : " is above ");
		say_number(out, below ? c->min : c->max);
		return;
	}
	buf_append_cstr(out, verbs[c->kind]);
	say_values(out, c->terms);
	buf_append_char(out, ']');
}

const char *criterion_words(const struct criterion *c, const struct value *v, struct arena *a)
{
	_cleanup_(buf_free) struct buf text = {0};

	/* It is worded for every miss that is recorded: no format is read for it. */
	(void)buf_reserve(&text, WORDS_LEAST);
	/* A reason that has a name of its own need not say it again. */
	if (c->group != GROUP_COUNTRY)
		append_text(&text, c->terms->name, " ");
	if (says_it(c, v))
		say_miss(&text, c, v);
	else
		buf_append_cstr(&text, "unknown");
	return arena_cstr(a, buf_slice(&text));
}
