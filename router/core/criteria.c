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

uint32_t value_text_key(struct slice text)
{
	uint64_t h = hash_fnv1a(0, text);

	return (uint32_t)(h >> 32 ^ h);
}

uint32_t value_number_key(int64_t millionths)
{
	uint64_t n = (uint64_t)millionths;

	return (uint32_t)(n >> 32 ^ n);
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

static bool wants_list(Punnet__V1__CriterionKind kind)
{
	return kind >= PUNNET__V1__CRITERION_KIND__CRITERION_HAS_ANY;
}

/* The text of a value's field: a tag of one byte, a length, the bytes. Moves on behind it. */
static struct slice take_text(const char **at)
{
	size_t len = 0;
	unsigned shift = 0;
	struct slice text;
	uint8_t byte;

	(*at)++;
	do {
		byte = (uint8_t) * (*at)++;
		len |= (size_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	text = slice_of(*at, len);
	*at += len;
	return text;
}

struct slice criterion_text(const struct criterion *c, const struct criterion_value *value)
{
	const char *at = c->texts + value->at;

	return take_text(&at);
}

int64_t criterion_number(const struct criterion *c, const struct criterion_value *value)
{
	int64_t number = 0;

	if (!number_parse(criterion_text(c, value), &number))
		assert(!"a value that is a number looks like none");
	return number;
}

static int compare_values(const void *a, const void *b)
{
	const struct criterion_value *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->at != y->at ? (x->at > y->at) - (x->at < y->at) : x->is_number - y->is_number;
}

size_t criterion_values_needed(const Punnet__V1__Criterion *terms)
{
	size_t n = terms->n_values;
	int64_t number;

	if (wants_list(terms->kind) || terms->kind == PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN)
		return 0;
	for (size_t i = 0; i < terms->n_values; i++)
		n += number_parse(slice_cstr(terms->values[i]), &number);
	return n;
}

static void make_values(struct criterion *c, struct criterion_value *values)
{
	const char *at = c->texts;

	for (size_t i = 0; i < c->text_count; i++) {
		uint32_t from = (uint32_t)(at - c->texts);
		struct slice text = take_text(&at);
		int64_t number;

		values[c->value_count++] =
		    (struct criterion_value){.key = value_text_key(text), .at = from & INT32_MAX};
		if (number_parse(text, &number))
			values[c->value_count++] =
			    (struct criterion_value){.key = value_number_key(number),
						     .at = from & INT32_MAX,
						     .is_number = 1};
	}
	qsort(values, c->value_count, sizeof(*values), compare_values);
	c->values = values;
}

void criterion_make(struct criterion *c, const Punnet__V1__Criterion *terms, const char *texts,
		    struct criterion_value *values, struct attributes *a)
{
	*c = (struct criterion){.attribute = attribute_of(a, terms->name),
				.kind = (uint8_t)terms->kind,
				.unknown_fits = terms->unknown_fits};
	c->group = (uint8_t)a->items[c->attribute].group;
	if (terms->kind == PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN) {
		c->bounds = (terms->has_min ? BOUND_MIN : 0) | (terms->has_max ? BOUND_MAX : 0);
		c->min = terms->min_millionths;
		c->max = terms->max_millionths;
		return;
	}
	c->texts = texts;
	c->text_count = (uint32_t)terms->n_values;
	if (!wants_list(terms->kind))
		make_values(c, values);
}

/* --- asking --- */

static bool is_value(const struct criterion *c, const struct criterion_value *wanted,
		     const struct value *v)
{
	if ((v->kind == VALUE_NUMBER) != wanted->is_number)
		return false;
	return wanted->is_number ? criterion_number(c, wanted) == v->number
				 : slice_equal(criterion_text(c, wanted), v->text);
}

/* The first value whose key is not below. No branch hangs on a key: which way it goes nobody can foresee. */
static size_t first_of_key(const struct criterion *c, uint32_t key)
{
	size_t low = 0;

	for (size_t left = c->value_count; left > 0;) {
		size_t half = (left + 1) / 2;

		low += c->values[low + half - 1].key < key ? half : 0;
		left -= half;
	}
	return low;
}

static bool holds(const struct criterion *c, const struct value *v)
{
	size_t low = first_of_key(c, v->key);

	for (; low < c->value_count && c->values[low].key == v->key; low++) {
		if (is_value(c, &c->values[low], v))
			return true;
	}
	return false;
}

/* A value that looks like a number is one as well, and either will do. */
static bool list_holds(const struct value *list, struct slice wanted)
{
	int64_t number = 0;
	bool is_number = number_parse(wanted, &number);

	for (size_t i = 0; i < list->item_count; i++) {
		const struct value *item = &list->items[i];

		if (item->kind == VALUE_NUMBER
			? is_number && item->number == number
			: item->kind == VALUE_TEXT && slice_equal(item->text, wanted))
			return true;
	}
	return false;
}

static enum fit ask_list(const struct criterion *c, const struct value *v)
{
	size_t found = 0, wanted = c->text_count;
	const char *at = c->texts;

	for (size_t i = 0; i < wanted; i++)
		found += list_holds(v, take_text(&at));
	switch (c->kind) {
	case PUNNET__V1__CRITERION_KIND__CRITERION_HAS_ANY:
		return found > 0 ? FIT : MISS;
	case PUNNET__V1__CRITERION_KIND__CRITERION_HAS_ALL:
		return found == wanted ? FIT : MISS;
	default:
		return found == 0 ? FIT : MISS;
	}
}

static bool is_below(const struct criterion *c, const struct value *v)
{
	return c->bounds & BOUND_MIN && v->number < c->min;
}

static bool is_above(const struct criterion *c, const struct value *v)
{
	return c->bounds & BOUND_MAX && v->number > c->max;
}

static bool says_it(const struct criterion *c, const struct value *v)
{
	if (c->kind == PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN)
		return v->kind == VALUE_NUMBER;
	if (wants_list(c->kind))
		return v->kind == VALUE_LIST;
	return v->kind == VALUE_TEXT || v->kind == VALUE_NUMBER;
}

enum fit criterion_ask(const struct criterion *c, const struct value *v)
{
	if (!says_it(c, v))
		return c->unknown_fits ? FIT : UNKNOWN;
	if (wants_list(c->kind))
		return ask_list(c, v);
	switch (c->kind) {
	case PUNNET__V1__CRITERION_KIND__CRITERION_IN:
		return holds(c, v) ? FIT : MISS;
	case PUNNET__V1__CRITERION_KIND__CRITERION_NOT_IN:
		return holds(c, v) ? MISS : FIT;
	default:
		return is_below(c, v) || is_above(c, v) ? MISS : FIT;
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

static void say_values(struct buf *out, const struct criterion *c)
{
	const char *at = c->texts;

	for (size_t i = 0; i < c->text_count && i < CRITERIA_SHOWN_MAX; i++) {
		if (i > 0)
			buf_append_cstr(out, ", ");
		buf_append_slice(out, take_text(&at));
	}
	if (c->text_count > CRITERIA_SHOWN_MAX)
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
		bool below = is_below(c, v);

		buf_append_cstr(out, below ? " is below " : " is above ");
		say_number(out, below ? c->min : c->max);
		return;
	}
	buf_append_cstr(out, verbs[c->kind]);
	say_values(out, c);
	buf_append_char(out, ']');
}

const char *criterion_words(const struct criterion *c, const struct attribute *attribute,
			    const struct value *v, struct arena *a)
{
	_cleanup_(buf_free) struct buf text = {0};

	/* It is worded for every miss that is recorded: no format is read for it. */
	(void)buf_reserve(&text, WORDS_LEAST);
	/* A reason that has a name of its own need not say it again. */
	if (c->group != GROUP_COUNTRY) {
		buf_append_slice(&text, slice_cstr(attribute->name));
		buf_append_char(&text, ' ');
	}
	if (says_it(c, v))
		say_miss(&text, c, v);
	else
		buf_append_cstr(&text, "unknown");
	return arena_cstr(a, buf_slice(&text));
}
