/* ledgers: a suite of tests on fresh ledgers of both kinds, SQLite first, then PostgreSQL if it is installed. */
#ifndef PUNNET_TEST_LEDGERS_H
#define PUNNET_TEST_LEDGERS_H

#include "payout/store/store.h"

/* A fresh ledger of the kind at hand; the text is valid until the next call. */
const char *ledgers_fresh_url(void);
bool ledgers_are_postgres(void);
/* Opened; what can't be is a failed test. */
struct store *ledgers_open(const char *url);
/* what: names the suites. Returns what main() does. */
int ledgers_run(const char *what, int (*run_suite)(const char *name));

#endif
