/* contact, phones: typed digits are fitted to the numbering plans by length alone. Whether a number is in use, or what
 * kind of line it is, is a filter's question.
 *
 * Read as international: what begins with "+" or "00". Read in its country, in this order: with the trunk prefix taken
 * off, with the calling code in front but no "+" (where the rest has a mobile number's length and the whole has not),
 * as it stands, with the calling code after all. */
#include "contact.h"

#define PHONE_DIGITS_MIN 5
#define PHONE_DIGITS_MAX 15 /* E.164 */
#define DIGITS_ROOM      19 /* and an exit code or a trunk prefix before them */
#define CODE_DIGITS_MAX  3
#define TRUNKS_MAX       4

struct phone_plan {
	uint16_t code;
	uint16_t lengths, mobile_lengths; /* bit n: a national number can have n digits */
	char trunks[TRUNKS_MAX][4];
};

struct phone_region {
	char country[3];
	uint16_t code;
	char trunks[TRUNKS_MAX][4];
};

#include "lead/phone_table.h"

/* What people and address books put between digits, beyond ASCII; each a UTF-8 sequence. */
static const char *const separators[] = {
    "\xC2\xA0",                                     /* no-break space */
    "\xC2\xAD",                                     /* soft hyphen */
    "\xE2\x80\x87", "\xE2\x80\x89", "\xE2\x80\xAF", /* figure, thin, narrow no-break space */
    "\xE2\x80\x90", "\xE2\x80\x91", "\xE2\x80\x92", /* hyphens, figure dash */
    "\xE2\x80\x93", "\xE2\x80\x94", "\xE2\x80\x95", /* en dash, em dash, bar */
    "\xE2\x88\x92",                                 /* minus */
    "\xE2\x80\x8B", "\xE2\x80\x8E", "\xE2\x80\x8F", /* zero width space, direction marks */
    "\xE2\x80\xAA", "\xE2\x80\xAC", "\xE2\x80\xAD", /* direction embedding, as address books add */
    "\xE2\x81\xA0", "\xEF\xBB\xBF",                 /* word joiner, byte order mark */
    "\xE3\x80\x80", "\xEF\xBC\x88", "\xEF\xBC\x89", /* full-width space, parentheses */
    "\xEF\xBC\x8D", "\xEF\xBC\x8E", "\xEF\xBC\x8F", /* full-width hyphen, stop, slash */
};

struct typed_number {
	char digits[DIGITS_ROOM];
	size_t count;
	bool plus;
};

static bool is_separator(char c)
{
	return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/' || c == '\t';
}

/* Bytes of the separator that s begins with; 0 if it begins with something else. */
static size_t separator_length(struct slice s)
{
	if (is_separator(s.data[0]))
		return 1;
	if ((unsigned char)s.data[0] < 0x80)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(separators); i++) {
		if (slice_starts_with(s, separators[i]))
			return strlen(separators[i]);
	}
	return 0;
}

/* The character that s begins with, full width made plain: a digit, '+', or '\0' for all else. */
static char take_character(struct slice *s)
{
	char c = s->data[0];
	size_t len = 1;

	if (s->len >= 3 && memcmp(s->data, "\xEF\xBC", 2) == 0) { /* U+FF00 + n is 0x20 + n */
		c = (char)((unsigned char)s->data[2] - 0x80 + 0x20);
		len = 3;
	}
	s->data += len;
	s->len -= len;
	return (c >= '0' && c <= '9') || c == '+' ? c : '\0';
}

static bool read_typed(struct slice typed, struct typed_number *ret)
{
	*ret = (struct typed_number){0};
	while (typed.len) {
		char c = typed.data[0];
		size_t skip;

		if (c >= '0' && c <= '9') { /* most are */
			if (ret->count == DIGITS_ROOM)
				return false;
			ret->digits[ret->count++] = c;
			typed.data++;
			typed.len--;
			continue;
		}
		skip = separator_length(typed);
		if (skip) {
			typed.data += skip;
			typed.len -= skip;
			continue;
		}
		c = take_character(&typed);
		if (c == '+' && !ret->plus && ret->count == 0) {
			ret->plus = true;
			continue;
		}
		if (c < '0' || c > '9' || ret->count == DIGITS_ROOM)
			return false;
		ret->digits[ret->count++] = c;
	}
	return ret->count >= PHONE_DIGITS_MIN;
}

static bool has_length(uint16_t lengths, struct slice national)
{
	return national.len <= PHONE_DIGITS_MAX && (lengths >> national.len & 1);
}

static struct slice drop(struct slice s, size_t n)
{
	return slice_of(s.data + n, s.len - n);
}

/* National number without its trunk prefix; false where none stands, or what is left has no fitting length. */
static bool without_trunk(const struct phone_plan *plan, const char trunks[TRUNKS_MAX][4],
			  struct slice digits, struct slice *ret)
{
	for (int i = 0; i < TRUNKS_MAX && trunks[i][0]; i++) {
		if (!slice_starts_with(digits, trunks[i]))
			continue;
		*ret = drop(digits, strlen(trunks[i]));
		if (has_length(plan->lengths, *ret))
			return true;
	}
	return false;
}

static const struct phone_plan *plan_of_code(unsigned code)
{
	return code < ARRAY_LEN(phone_plan_of_code) && phone_plan_of_code[code]
		   ? &phone_plans[phone_plan_of_code[code] - 1]
		   : NULL;
}

/* The plan whose calling code the digits begin with. No code is the beginning of another. */
static const struct phone_plan *plan_of_digits(struct slice digits, size_t *ret_code_len)
{
	unsigned code = 0;

	for (size_t i = 0; i < digits.len && i < CODE_DIGITS_MAX; i++) {
		const struct phone_plan *plan;

		code = code * 10 + (unsigned)(digits.data[i] - '0');
		plan = code ? plan_of_code(code) : NULL;
		if (plan) {
			*ret_code_len = i + 1;
			return plan;
		}
		if (code == 0)
			break;
	}
	return NULL;
}

static const struct phone_region *region_of(struct slice country)
{
	unsigned first, second, index;

	if (country.len != 2)
		return NULL;
	first = (unsigned)(country.data[0] - 'A');
	second = (unsigned)(country.data[1] - 'A');
	if (first >= 26 || second >= 26)
		return NULL;
	index = phone_region_of_letters[first * 26 + second];
	return index ? &phone_regions[index - 1] : NULL;
}

static bool read_international(struct slice digits, const struct phone_plan **ret_plan,
			       struct slice *ret_national)
{
	size_t code_len;
	const struct phone_plan *plan = plan_of_digits(digits, &code_len);
	struct slice national;

	if (!plan)
		return false;
	national = drop(digits, code_len);
	/* "+44 (0)20 ..." */
	if (!has_length(plan->lengths, national) &&
	    !without_trunk(plan, plan->trunks, national, &national))
		return false;
	*ret_plan = plan;
	*ret_national = national;
	return true;
}

static bool read_national(const struct phone_region *region, struct slice digits,
			  const struct phone_plan **ret_plan, struct slice *ret_national)
{
	const struct phone_plan *plan = plan_of_code(region->code);
	const struct phone_plan *leading;
	size_t code_len = 0;
	bool coded;

	assert(plan);
	*ret_plan = plan;
	if (without_trunk(plan, region->trunks, digits, ret_national))
		return true;

	leading = plan_of_digits(digits, &code_len);
	coded = leading == plan && has_length(plan->lengths, drop(digits, code_len));
	if (coded && has_length(plan->mobile_lengths, drop(digits, code_len)) &&
	    !has_length(plan->mobile_lengths, digits)) {
		*ret_national = drop(digits, code_len);
		return true;
	}
	if (has_length(plan->lengths, digits)) {
		*ret_national = digits;
		return true;
	}
	*ret_national = drop(digits, coded ? code_len : 0);
	return coded;
}

static char *put_digits(char *to, struct slice digits)
{
	memcpy(to, digits.data, digits.len);
	to += digits.len;
	*to = '\0';
	return to;
}

static char *put_code(char *to, unsigned code)
{
	if (code >= 100)
		*to++ = (char)('0' + code / 100);
	if (code >= 10)
		*to++ = (char)('0' + code / 10 % 10);
	*to++ = (char)('0' + code % 10);
	return to;
}

static bool fit(const struct typed_number *number, const struct phone_region *region,
		const struct phone_plan **ret_plan, struct slice *ret_national)
{
	struct slice digits = slice_of(number->digits, number->count);
	size_t code_len;

	if (number->plus && read_international(digits, ret_plan, ret_national))
		return true;
	/* "+8 916 ...": there is no country 8, and who types so means the trunk prefix. */
	if (number->plus && plan_of_digits(digits, &code_len))
		return false;
	if (!number->plus && slice_starts_with(digits, "00") &&
	    read_international(drop(digits, 2), ret_plan, ret_national))
		return true;
	return region && read_national(region, digits, ret_plan, ret_national);
}

enum phone_form phone_normalise(struct slice typed, struct slice country, char ret[PHONE_TEXT_MAX])
{
	const struct phone_plan *plan;
	struct typed_number number;
	struct slice national;

	ret[0] = '\0';
	if (!read_typed(typed, &number))
		return PHONE_NOT_DIGITS;
	if (fit(&number, region_of(country), &plan, &national)) {
		char *to = ret;

		*to++ = '+';
		to = put_code(to, plan->code);
		put_digits(to, national);
		if (strlen(ret) <= PHONE_DIGITS_MAX + 1)
			return PHONE_E164;
		ret[0] = '\0';
	}
	if (number.count > PHONE_DIGITS_MAX)
		return PHONE_NOT_DIGITS;
	put_digits(ret, slice_of(number.digits, number.count));
	return PHONE_DIGITS;
}
