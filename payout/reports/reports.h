/* reports: what the ledger says about money, for the operator's tool. Each report is one file: SQL
 * over the store's reading side, and a writer. Reports never write to the ledger, and read no
 * clock: periods are arguments.
 *
 * Amounts are shown from the party's side: what a webmaster has to get and what an advertiser has
 * to pay are positive. The books report alone keeps the ledger's own signs (debits positive).
 * Results as in store/db.h. */
#ifndef PUNNET_PAYOUT_REPORTS_H
#define PUNNET_PAYOUT_REPORTS_H

#include <stdio.h>

#include "base/result.h"
#include "base/slice.h"

struct store;

/* JSON: one object a line. HTML: the statement alone; others write it as text. */
enum report_format { REPORT_TEXT, REPORT_CSV, REPORT_JSON, REPORT_HTML };

struct report_period {
	int64_t from_ms, to_ms; /* from included, to excluded */
};

/* 1 where the debit side is shown as positive (what is owed to the network, what it received or bore), -1 for the others: what
 * the network has to pay, what was paid in, what it earns. */
int64_t report_side(struct slice account);

/* Every movement on a party's accounts in the period, with the balances before and after. party is
 * "w17", "webmaster/w17" or "advertiser/bank-a"; a bare id that both kinds have is RESULT_BAD, as
 * is one that has no account. */
_must_use_ enum result report_statement(struct store *s, const char *party,
					const struct report_period *period,
					enum report_format format, FILE *out,
					struct error *ret_error);

/* One transaction per transfer, in the journal format of hledger, in the order of time. */
_must_use_ enum result report_books(struct store *s, const struct report_period *period, FILE *out,
				    struct error *ret_error);

/* The balance of every account, then how many leads stand in which state, with their price and
 * payout. */
_must_use_ enum result report_totals(struct store *s, enum report_format format, FILE *out,
				     struct error *ret_error);

/* What advertisers have paid in, owe, and may still spend without credit. */
_must_use_ enum result report_funds(struct store *s, enum report_format format, FILE *out,
				    struct error *ret_error);

/* Every run of payments, and the lines of one. */
_must_use_ enum result report_runs(struct store *s, enum report_format format, FILE *out,
				   struct error *ret_error);
_must_use_ enum result report_run(struct store *s, int64_t run, enum report_format format,
				  FILE *out, struct error *ret_error);

/* Whose account a run is paid from. */
struct debtor {
	const char *name, *iban, *bic; /* bic: may be "" */
	const char *date;              /* "2026-12-01": when; "": the day of the confirmation */
};
/* A confirmed run for the bank: ISO 20022 pain.001.001.09. What was written before an error is of no use. */
_must_use_ enum result report_pain001(struct store *s, int64_t run, const struct debtor *debtor,
				      FILE *out, struct error *ret_error);
bool iban_valid(struct slice iban); /* capitals and digits, no blanks */
bool bic_valid(struct slice bic);
bool payee_name_valid(struct slice name);

/* Every advertiser with leads that were delivered in the period: calls, returns, whose fault they were. */
_must_use_ enum result report_scorecard_advertisers(struct store *s,
						    const struct report_period *period,
						    enum report_format format, FILE *out,
						    struct error *ret_error);

/* The same, to be acted on by rule. */
struct standing {
	const char *advertiser;
	int64_t leads, called, own_cause;
	int64_t call_ms; /* the middle first call; -1: nobody said */
};
typedef void (*standing_fn)(void *ctx, const struct standing *s);
_must_use_ enum result report_standings(struct store *s, const struct report_period *period,
					standing_fn fn, void *ctx, struct error *ret_error);
struct standing_rule {
	int64_t slow_minutes, own_cause_percent; /* 0 = not looked at */
	int64_t least_leads; /* of fewer leads, or calls, nothing is concluded */
};
enum standing_finding { STANDING_FINE, STANDING_TOO_FEW, STANDING_SLOW, STANDING_EMPTY };
enum standing_finding standing_judge(const struct standing *s, const struct standing_rule *rule);

/* A webmaster's leads by sub id (1 to 5). costs may be NULL, and say NULL for a sub id that it does not know. */
struct sub_costs {
	int64_t clicks, cost_minor;
};
typedef const struct sub_costs *(*costs_fn)(void *ctx, struct slice sub);
_must_use_ enum result report_scorecard_webmaster(struct store *s, const char *aff_id, unsigned sub,
						  const struct report_period *period,
						  costs_fn costs, void *ctx,
						  enum report_format format, FILE *out,
						  struct error *ret_error);

/* Of whole days (UTC): who had how many leads of a vertical approved, in the order of verticals and webmasters. */
typedef void (*approved_fn)(void *ctx, const char *vertical, const char *aff_id, int64_t leads);
_must_use_ enum result report_approved(struct store *s, const struct report_period *period,
				       approved_fn fn, void *ctx, struct error *ret_error);

/* All that an advertiser said in the period, and what became of each. */
_must_use_ enum result report_verdicts(struct store *s, const char *advertiser_id,
				       const struct report_period *period,
				       enum report_format format, FILE *out,
				       struct error *ret_error);

#endif
