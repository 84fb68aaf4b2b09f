/* amount: how an operator types money and rates. Pure. */
#ifndef PUNNET_AMOUNT_H
#define PUNNET_AMOUNT_H

#include "base/money.h"

/* "1500.00" and "RUB": major units with no more decimals than the currency has; not negative. */
bool amount_read(const char *text, const char *currency, struct money *ret);
/* "100/9265" or "0.0108": as two whole numbers. */
bool rate_read(const char *text, int64_t *ret_num, int64_t *ret_den);

#endif
