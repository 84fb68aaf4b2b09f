/* board_rows: today's demand, a row for each vertical, list of countries and region. Pure.
 *
 * An order that names several regions stands in the row of each, with all that it still takes: what several rows have left is not
 * to be added up. One that names none, or only those it doesn't want, stands in the row of any region. */
#ifndef PUNNET_BOARD_ROWS_H
#define PUNNET_BOARD_ROWS_H

#include "base/buf.h"
#include "proto/market.pb-c.h"

#define BOARD_ROWS_MAX 100000 /* what comes after them is not shown */

struct board_row {
	const char *vertical, *currency;
	char *countries;      /* "RU,KZ"; "" = any. Owned */
	const char *region;   /* "" = any */
	int64_t payout_minor; /* the best one's */
	uint64_t orders;
	uint64_t left; /* of those with a bound */
	bool unbounded;
};

struct board_rows {
	struct board_row *items;
	size_t count, cap;
	uint64_t dropped; /* past BOARD_ROWS_MAX */
};

/* An order that buys now, what a lead of it pays at least, and what it still takes (UINT64_MAX: no bound). The terms must outlive
 * the rows. */
void board_add(struct board_rows *rows, const Punnet__V1__OrderTerms *t, int64_t payout_minor,
	       uint64_t left);
/* By vertical, and within one the best price first. */
void board_sort(struct board_rows *rows);
void board_free(struct board_rows *rows);

#endif
