/* replay_lives_rows: a table's rows as text, column by column: what two ledgers are compared by. */
#ifndef PUNNET_REPLAY_LIVES_ROWS_H
#define PUNNET_REPLAY_LIVES_ROWS_H

#include "base/arena.h"
#include "payout/store/db.h"

#define LIVES_COLUMNS_MAX 32

struct lives_row {
	const struct slice *columns; /* each is followed by a '\0' */
};

struct lives_rows {
	struct arena arena;
	struct lives_row *all;
	size_t count, cap, columns;
};

/* The names and currencies of a ledger's accounts, by their numbers, which are the ledger's own. */
struct lives_account {
	struct slice name, currency; /* name.data NULL: there is no such account */
};
struct lives_accounts {
	struct arena arena;
	struct lives_account *all;
	size_t count;
};
_must_use_ enum result lives_accounts_read(struct db *d, struct lives_accounts *ret,
					   struct error *ret_error);
void lives_accounts_free(struct lives_accounts *a);

void lives_rows_reset(struct lives_rows *r, size_t columns);
void lives_rows_free(struct lives_rows *r);
/* The columns as the statement gives them. */
_must_use_ enum result lives_rows_read(struct lives_rows *r, struct db *d, const char *sql,
				       const struct db_value *params, size_t count,
				       struct error *ret_error);
/* The entries of the transfers of these leads: lead_id, round, event, line, at_ms, order_id, account, currency, amount. */
_must_use_ enum result lives_rows_read_entries(struct lives_rows *r, struct db *d,
					       const struct lives_accounts *accounts,
					       const struct db_value span[2],
					       struct error *ret_error);
/* By the first `keys` columns, as text: two databases may sort text differently. */
void lives_rows_sort(struct lives_rows *r, size_t keys);
int lives_rows_compare(const struct lives_row *a, const struct lives_row *b, size_t keys);

#endif
