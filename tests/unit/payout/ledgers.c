/* ledgers: see ledgers.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ledgers.h"
#include "postgres.h"

#define TIMEOUT_MS 2000

static bool use_postgres;
static char dir[] = "/tmp/punnet-ledgers-XXXXXX";
static int files;

const char *ledgers_fresh_url(void)
{
	static char url[100];

	if (use_postgres)
		return postgres_fresh_url();
	snprintf(url, sizeof(url), "sqlite:%s/%d.db", dir, files++);
	return url;
}

bool ledgers_are_postgres(void)
{
	return use_postgres;
}

struct store *ledgers_open(const char *url)
{
	struct error error = {0};
	struct store *s = store_open(url, TIMEOUT_MS, &error);

	if (!s)
		fail_msg("%s", error.text);
	return s;
}

int ledgers_run(const char *what, int (*run_suite)(const char *name))
{
	char text[100];
	int failed;

	assert(mkdtemp(dir));
	snprintf(text, sizeof(text), "%s in SQLite", what);
	failed = run_suite(text);
	use_postgres = postgres_start();
	if (use_postgres) {
		snprintf(text, sizeof(text), "%s in PostgreSQL", what);
		failed += run_suite(text);
		postgres_stop();
	}
	snprintf(text, sizeof(text), "rm -rf %s", dir);
	return system(text) != 0 || failed != 0;
}
