/* phone_ranges: see phone_ranges.h. The table is an automaton that reads a national number digit by digit: a step is one
 * look into an array, and where the number ends stands the answer. Equal endings of different plans are one. */
#include "phone_ranges.h"

#define CODE_DIGITS_MOST 3

struct phone_range {
	uint16_t next[10]; /* by the next digit */
	uint16_t cell;     /* if the number ends here */
};

struct phone_root {
	uint16_t code;
	char region[4]; /* of all of its numbers, or "" */
	uint16_t first; /* the range of the empty national number */
};

#include "filter_worker/phone_ranges.h"

const char *phone_line_text(enum phone_line line)
{
	static const char *const texts[PHONE_LINE_COUNT] = {
	    [PHONE_LINE_PREMIUM] = "premium",
	    [PHONE_LINE_TOLL_FREE] = "toll_free",
	    [PHONE_LINE_SHARED_COST] = "shared_cost",
	    [PHONE_LINE_VOIP] = "voip",
	    [PHONE_LINE_PERSONAL] = "personal",
	    [PHONE_LINE_PAGER] = "pager",
	    [PHONE_LINE_UAN] = "uan",
	    [PHONE_LINE_VOICEMAIL] = "voicemail",
	    [PHONE_LINE_FIXED] = "fixed_line",
	    [PHONE_LINE_MOBILE] = "mobile",
	    [PHONE_LINE_FIXED_OR_MOBILE] = "fixed_or_mobile",
	};

	assert(line < PHONE_LINE_COUNT);
	return texts[line];
}

const char *phone_standing_text(enum phone_standing standing)
{
	static const char *const texts[] = {
	    [PHONE_IMPOSSIBLE] = "impossible",
	    [PHONE_UNASSIGNED] = "unassigned",
	    [PHONE_VALID] = "valid",
	};

	assert(standing < ARRAY_LEN(texts));
	return texts[standing];
}

static bool is_e164(struct slice s)
{
	if (s.len < 2 || s.len > PHONE_DIGITS_MOST + 1 || s.data[0] != '+' || s.data[1] == '0')
		return false;
	for (size_t i = 1; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
	}
	return true;
}

/* No calling code is the beginning of another. */
static const struct phone_root *root_of(struct slice digits, size_t *ret_code_len)
{
	unsigned code = 0;

	for (size_t i = 0; i < digits.len && i < CODE_DIGITS_MOST; i++) {
		code = code * 10 + (unsigned)(digits.data[i] - '0');
		if (phone_root_of_code[code]) {
			*ret_code_len = i + 1;
			return &phone_roots[phone_root_of_code[code] - 1];
		}
	}
	return NULL;
}

bool phone_ranges_look(struct slice e164, struct phone_number *ret)
{
	const struct phone_root *root;
	const char *region;
	size_t code_len;
	unsigned at, cell;

	if (!is_e164(e164))
		return false;
	root = root_of(slice_of(e164.data + 1, e164.len - 1), &code_len);
	if (!root)
		return false;
	at = root->first;
	for (size_t i = 1 + code_len; i < e164.len; i++)
		at = phone_ranges[at].next[e164.data[i] - '0'];

	cell = phone_ranges[at].cell;
	if (PHONE_CELL_STANDING(cell) == PHONE_NOT_IN_TABLE)
		return false;
	*ret = (struct phone_number){.standing = phone_standing_text(PHONE_CELL_STANDING(cell)),
				     .line = phone_line_text(PHONE_CELL_LINE(cell))};
	if (PHONE_CELL_STANDING(cell) == PHONE_IMPOSSIBLE)
		return true;
	region =
	    PHONE_CELL_REGION(cell) ? phone_regions[PHONE_CELL_REGION(cell) - 1] : root->region;
	memcpy(ret->region, region, sizeof(ret->region));
	return true;
}

bool phone_ranges_national(struct slice e164, struct slice *ret)
{
	size_t code_len;

	if (!is_e164(e164) || !root_of(slice_of(e164.data + 1, e164.len - 1), &code_len))
		return false;
	*ret = slice_of(e164.data + 1 + code_len, e164.len - 1 - code_len);
	return true;
}
