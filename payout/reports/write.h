/* write: what all reports write with: texts from outside made harmless for the place where they go. */
#ifndef PUNNET_PAYOUT_WRITE_H
#define PUNNET_PAYOUT_WRITE_H

#include <stdio.h>

#include "base/slice.h"

/* Between quotes; a cell that begins like a formula is defused, for a spreadsheet would run it. */
void write_csv_text(FILE *out, struct slice s);
/* Escaped for HTML and XML, in an attribute or outside; bytes that are no UTF-8 become question marks. */
void write_markup_text(FILE *out, struct slice s);
void write_json_text(FILE *out, const char *name, struct slice s); /* "name":"s" */

#define MONEY_TEXT_MAX 48
const char *write_money(int64_t amount_minor, struct slice currency, char ret[MONEY_TEXT_MAX]);
/* "647.00", as XML wants it. */
const char *write_decimal(int64_t amount_minor, const char *currency, char ret[MONEY_TEXT_MAX]);

#endif
