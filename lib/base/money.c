/* money: integers only. The currencies are the active codes of ISO 4217 that have a minor unit, funds codes included;
 * metals, test and accounting codes (XAU, XTS, XDR, ...) are not money that anybody pays leads with. */
#include "money.h"

#include <stdio.h>

#define SHARE_BP_WHOLE   10000
#define MONEY_DIGITS_MAX 24 /* sign, 20 digits, point, NUL */

#define EXPONENT_0 "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF "
/* The search is from the left, and each credit makes it twice: the field's own currencies stand first. */
#define EXPONENT_2                                                                                 \
	"RUB USD EUR KZT UAH AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT "                 \
	"BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP "                 \
	"COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB FJD FKP GBP GEL GHS GIP GMD "                 \
	"GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD LAK LBP "                 \
	"LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN "                 \
	"NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD SAR SBD SCR "                 \
	"SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD "                 \
	"TWD TZS USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG "
#define EXPONENT_3 "BHD IQD JOD KWD LYD OMR TND "
#define EXPONENT_4 "CLF UYW "

#define CODE_STRIDE 4 /* three letters and a space */

static const struct {
	const char *codes;
	int exponent;
} currencies[] = {{EXPONENT_2, 2}, {EXPONENT_0, 0}, {EXPONENT_3, 3}, {EXPONENT_4, 4}};

static int exponent_of(struct slice code)
{
	if (code.len != 3)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(currencies); i++) {
		for (const char *c = currencies[i].codes; *c; c += CODE_STRIDE) {
			if (memcmp(c, code.data, 3) == 0)
				return currencies[i].exponent;
		}
	}
	return -1;
}

bool money_currency_known(struct slice code)
{
	return exponent_of(code) >= 0;
}

int money_exponent(const char *currency)
{
	return exponent_of(slice_cstr(currency));
}

int64_t money_share_bp(int64_t amount_minor, uint32_t bp)
{
	assert(bp <= SHARE_BP_WHOLE);
	/* Of what is paid for leads: a 128-bit division takes ten times as long. */
	if (amount_minor >= 0 && amount_minor < INT64_MAX / SHARE_BP_WHOLE)
		return amount_minor * bp / SHARE_BP_WHOLE;
	return (int64_t)((__int128)amount_minor * bp / SHARE_BP_WHOLE);
}

static int64_t power_of_ten(int exponent)
{
	int64_t p = 1;

	while (exponent-- > 0)
		p *= 10;
	return p;
}

bool money_convert(int64_t amount_minor, const char *from, const char *into, int64_t num,
		   int64_t den, int64_t *ret_minor)
{
	int from_exponent = money_exponent(from), into_exponent = money_exponent(into);
	__int128 over, result;

	if (from_exponent < 0 || into_exponent < 0 || num <= 0 || den <= 0 ||
	    num > MONEY_RATE_MAX || den > MONEY_RATE_MAX)
		return false;
	/* Below 2^63 * 10^13 * 10^4 < 2^120. */
	over = (__int128)amount_minor * num * power_of_ten(into_exponent);
	result = over / ((__int128)den * power_of_ten(from_exponent));
	if (result > INT64_MAX || result < INT64_MIN)
		return false;
	*ret_minor = (int64_t)result;
	return true;
}

bool money_add(int64_t a, int64_t b, int64_t *ret_sum)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return false;
	*ret_sum = sum;
	return true;
}

void money_text(int64_t amount_minor, const char *currency, char *ret, size_t ret_len)
{
	uint64_t left = amount_minor < 0 ? -(uint64_t)amount_minor : (uint64_t)amount_minor;
	int exponent = money_exponent(currency);
	char digits[MONEY_DIGITS_MAX];
	size_t at = sizeof(digits);

	digits[--at] = '\0';
	for (int i = 0; left || i <= exponent || i == 0; i++, left /= 10) {
		if (i == exponent && i > 0)
			digits[--at] = '.';
		digits[--at] = (char)('0' + left % 10);
	}
	if (amount_minor < 0)
		digits[--at] = '-';
	/* Of an unknown currency it isn't known where the point stands, so none is written. */
	snprintf(ret, ret_len, "%s%s %.3s", digits + at, exponent < 0 ? " minor" : "", currency);
}
