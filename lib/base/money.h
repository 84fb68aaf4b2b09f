/* money: integer minor units after ISO 4217. No floating point, checked arithmetic, rounding stated once:
 * a share of an amount is rounded toward zero (half a kopeck is never invented). */
#ifndef PUNNET_MONEY_H
#define PUNNET_MONEY_H

#include "slice.h"

#define MONEY_RATE_MAX 10000000000000LL /* of a rate's two numbers */

struct money {
	int64_t amount_minor;
	char currency[4]; /* three letters and NUL */
};

bool money_currency_known(struct slice code);
int money_exponent(const char *currency); /* 2 for RUB, 0 for JPY, 3 for KWD; -1 unknown */
/* amount * bp / 10000 without overflow for any amount; bp 0..10000. */
int64_t money_share_bp(int64_t amount_minor, uint32_t bp);
/* From one currency into another at num/den units for a unit, rounded toward zero; false on overflow, or when num or den is
 * not above 0, or a currency unknown. */
_must_use_ bool money_convert(int64_t amount_minor, const char *from, const char *into, int64_t num,
			      int64_t den, int64_t *ret_minor);
_must_use_ bool money_add(int64_t a, int64_t b, int64_t *ret_sum); /* false on overflow */
/* "450.00 RUB"; ret has room for at least 32 bytes. */
void money_text(int64_t amount_minor, const char *currency, char *ret, size_t ret_len);

#endif
