/* punnet board: what is bought today, at what price, and how much of it is left, as a webmaster sees it: the price shown
 * is the webmaster's own share, and no advertiser is named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/money.h"
#include "progress_view.h"
#include "proto/market.pb-c.h"
#include "runtime/clock.h"
#include "tool.h"

struct board {
	struct tool *tool;
	struct directory *directory;
	struct progress_view *view;
	struct error error;
};

struct row {
	const char *vertical, *currency;
	const Punnet__V1__OrderTerms *terms;
	int64_t payout_minor;
	bool bounded;
	uint64_t left;
};

/* What an order still takes: the smallest of its total cap, its goal, and today's cap. false = no bound. */
static bool order_left(const Punnet__V1__OrderTerms *t, const Punnet__V1__OrderProgress *p,
		       uint64_t *ret_left)
{
	uint64_t taken = p ? p->reserved + p->delivered : 0, today = p ? p->taken_day : 0,
		 left = UINT64_MAX;

	if (t->caps && t->caps->total)
		left = MIN_OF(left, t->caps->total > taken ? t->caps->total - taken : 0);
	if (t->quantity)
		left = MIN_OF(left, t->quantity > taken ? t->quantity - taken : 0);
	if (t->caps && t->caps->day)
		left = MIN_OF(left, t->caps->day > today ? t->caps->day - today : 0);
	*ret_left = left;
	return left != UINT64_MAX;
}

static void print_row(const struct board *b, const struct row *row)
{
	char price[64], left[32], countries[256] = "";

	for (size_t i = 0; i < row->terms->n_countries; i++) {
		size_t used = strlen(countries);

		snprintf(countries + used, sizeof(countries) - used, "%s%s", i ? "," : "",
			 row->terms->countries[i]);
	}
	if (b->tool->json) {
		printf("{\"vertical\":\"%s\",\"payout_minor\":%lld,\"currency\":\"%s\","
		       "\"countries\":\"%s\",",
		       row->vertical, (long long)row->payout_minor, row->currency, countries);
		if (row->bounded)
			printf("\"left\":%llu}\n", (unsigned long long)row->left);
		else
			printf("\"left\":null}\n");
		return;
	}
	money_text(row->payout_minor, row->currency, price, sizeof(price));
	snprintf(left, sizeof(left), "%llu", (unsigned long long)row->left);
	printf("%-14s %14s  %-16s %s\n", row->vertical, price, countries[0] ? countries : "any",
	       row->bounded ? left : "no limit");
}

static int by_vertical_then_price(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->vertical, y->vertical);

	if (order)
		return order;
	return (y->payout_minor > x->payout_minor) - (y->payout_minor < x->payout_minor);
}

static bool read_row(const struct board *b, const Punnet__V1__DirectoryEntry *e, const char *only,
		     struct row *ret)
{
	const Punnet__V1__OrderTerms *t =
	    e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ORDER ? e->order->terms : NULL;
	const Punnet__V1__DirectoryEntry *vertical;
	int64_t now = clock_now_ms();

	if (!t || e->order->removed || t->paused || (only && strcmp(only, t->vertical) != 0))
		return false;
	if ((t->until_ms && now >= t->until_ms) || (t->from_ms && now < t->from_ms))
		return false;
	vertical = directory_get(b->directory, "vertical", slice_cstr(t->vertical));
	*ret = (struct row){.vertical = t->vertical,
			    .currency = t->price->currency,
			    .terms = t,
			    .payout_minor =
				money_share_bp(t->price->amount_minor,
					       vertical ? vertical->vertical->payout_share_bp : 0)};
	ret->bounded = order_left(t, progress_view_get(b->view, t->order_id), &ret->left);
	return !ret->bounded || ret->left > 0;
}

static int show(const struct board *b, const char *only)
{
	const Punnet__V1__DirectoryEntry *e;
	struct row *rows = NULL;
	size_t count = 0, entries = 0;

	while (directory_at(b->directory, entries, &e))
		entries++;
	rows = calloc(entries + 1, sizeof(*rows));
	if (!rows)
		abort();
	for (size_t i = 0; directory_at(b->directory, i, &e); i++)
		if (read_row(b, e, only, &rows[count]))
			count++;
	qsort(rows, count, sizeof(*rows), by_vertical_then_price);
	if (!b->tool->json)
		printf("%-14s %14s  %-16s %s\n", "vertical", "you earn", "countries", "left today");
	for (size_t i = 0; i < count; i++)
		print_row(b, &rows[i]);
	free(rows);
	return TOOL_DONE;
}

int command_board(struct tool *t, int argc, char **argv)
{
	struct board b = {.tool = t};
	const char *only = tool_option(&argc, argv, "--vertical");
	int status;

	if (argc > 1)
		return tool_usage("board", "unexpected \"%s\"", argv[1]);
	if (!tool_bus(t, "board"))
		return TOOL_AWAY;
	b.directory = directory_open(t->bus, TOOL_TIMEOUT_MS, &b.error);
	b.view = b.directory ? progress_view_open(t->bus, &b.error) : NULL;
	status = b.view ? show(&b, only) : tool_fail("board", RESULT_AWAY, &b.error);
	progress_view_close(b.view);
	directory_close(b.directory);
	return status;
}
