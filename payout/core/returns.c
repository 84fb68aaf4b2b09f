/* returns: the table of reasons, and the share. */
#include "payout/core/returns.h"

#define BP_ONE 10000

static const struct {
	const char *code;
	enum return_fault fault;
	const char *text;
} table[] = {
#define RETURN(name, code_, fault_, text_) {code_, FAULT_##fault_, text_},
#include "returns.def"
#undef RETURN
};

enum return_fault return_fault_of(const char *reason_code)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i].code, reason_code) == 0)
			return table[i].fault;
	return FAULT_UNSAID;
}

const char *return_reason_code(enum return_reason r)
{
	assert((size_t)r < ARRAY_LEN(table));
	return table[r].code;
}

const char *return_reason_text(enum return_reason r)
{
	assert((size_t)r < ARRAY_LEN(table));
	return table[r].text;
}

enum return_fault return_reason_fault(enum return_reason r)
{
	assert((size_t)r < ARRAY_LEN(table));
	return table[r].fault;
}

bool return_share_fits(const struct return_share *s, uint32_t max_bp)
{
	int64_t of = MAX_OF(s->delivered + s->delivered_now, (int64_t)RETURNS_SHARE_OF_LEAST);

	return (s->returned + s->returned_now + 1) * BP_ONE <= of * (int64_t)max_bp;
}

/* Days since 1970 to a month of the Gregorian calendar: years begin in March, so that the odd day ends one. */
int64_t month_of(int64_t at_ms)
{
	int64_t days = at_ms / MS_PER_DAY + 719468; /* since 0000-03-01 */
	int64_t era = days / 146097, day = days % 146097;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t of_year = day - (365 * year + year / 4 - year / 100);
	int64_t from_march = (5 * of_year + 2) / 153;

	return (era * 400 + year - 1970) * 12 + from_march + 2;
}
