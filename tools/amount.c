/* amount: see amount.h. */
#include "amount.h"

#define DECIMALS_MOST 12

/* Digits with at most one point; *ret_decimals how many stand after it. */
static bool read_digits(const char *text, int64_t *ret, int *ret_decimals)
{
	bool point = false, any = false;

	*ret = 0;
	*ret_decimals = 0;
	for (; *text; text++) {
		if (*text == '.' && !point && any) {
			point = true;
			continue;
		}
		if (*text < '0' || *text > '9' || *ret_decimals == DECIMALS_MOST ||
		    __builtin_mul_overflow(*ret, 10, ret) ||
		    __builtin_add_overflow(*ret, *text - '0', ret))
			return false;
		any = true;
		*ret_decimals += point;
	}
	return any && (!point || *ret_decimals > 0);
}

bool amount_read(const char *text, const char *currency, struct money *ret)
{
	struct money m = {0};
	int decimals;

	if (!money_currency_known(slice_cstr(currency)) ||
	    !read_digits(text, &m.amount_minor, &decimals) || decimals > money_exponent(currency))
		return false;
	for (; decimals < money_exponent(currency); decimals++)
		if (__builtin_mul_overflow(m.amount_minor, 10, &m.amount_minor))
			return false;
	memcpy(m.currency, currency, 3);
	*ret = m;
	return true;
}

bool rate_read(const char *text, int64_t *ret_num, int64_t *ret_den)
{
	const char *slash = strchr(text, '/');
	int decimals;

	if (slash) {
		struct slice left = slice_of(text, (size_t)(slash - text));

		return slice_to_int64(left, ret_num) &&
		       slice_to_int64(slice_cstr(slash + 1), ret_den) && *ret_num > 0 &&
		       *ret_den > 0;
	}
	if (!read_digits(text, ret_num, &decimals))
		return false;
	for (*ret_den = 1; decimals > 0; decimals--)
		*ret_den *= 10;
	return *ret_num > 0;
}
