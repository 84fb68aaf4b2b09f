/* ledger: makes an empty ledger. In payout's part, where its store is. */
#include <stdio.h>
#include <stdlib.h>

#include "payout/store/store.h"
#include "tests/sim/stage.h"

void stage_make_ledger(const char *path)
{
	struct error e = {0};
	char url[160];
	struct store *s;

	(void)snprintf(url, sizeof(url), "sqlite:%s", path);
	s = store_open(url, 1000, &e);
	if (!s) {
		(void)fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	store_close(s);
}
