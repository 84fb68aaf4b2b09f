/* statement: what the statement's queries hand to its writers. */
#ifndef PUNNET_PAYOUT_STATEMENT_H
#define PUNNET_PAYOUT_STATEMENT_H

#include "base/ids.h"
#include "base/timefmt.h"
#include "payout/reports/reports.h"

/* One movement on one account of the party, from the party's side. */
struct statement_line {
	int64_t at_ms, amount_minor;
	const char *event;
	struct lead_id id;
	bool of_lead; /* else of an operation */
	int64_t round, payable_ms;
	struct slice order; /* or the operation's reference */
	struct slice account, currency, sub1;
};

struct statement_balance {
	const char *what; /* "opening", "closing" */
	int64_t at_ms, amount_minor;
	struct slice account, currency;
};

void statement_begin(FILE *out, enum report_format format, const char *party,
		     const struct report_period *period);
void statement_write_balance(FILE *out, enum report_format format,
			     const struct statement_balance *b);
void statement_write_line(FILE *out, enum report_format format, const struct statement_line *l);
void statement_end(FILE *out, enum report_format format);

#endif
