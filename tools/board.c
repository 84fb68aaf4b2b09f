/* punnet board: what is bought today, where, at what price, and how much of it is left, as a webmaster sees it: the price shown
 * is the webmaster's own share, and no advertiser is named. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/money.h"
#include "board_rows.h"
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

/* What an order still takes: the smallest of its total cap, its goal, and today's cap. UINT64_MAX = no bound. */
static uint64_t order_left(const Punnet__V1__OrderTerms *t, const Punnet__V1__OrderProgress *p)
{
	uint64_t taken = p ? p->reserved + p->delivered : 0, today = p ? p->taken_day : 0,
		 left = UINT64_MAX;

	if (t->caps && t->caps->total)
		left = MIN_OF(left, t->caps->total > taken ? t->caps->total - taken : 0);
	if (t->quantity)
		left = MIN_OF(left, t->quantity > taken ? t->quantity - taken : 0);
	if (t->caps && t->caps->day)
		left = MIN_OF(left, t->caps->day > today ? t->caps->day - today : 0);
	return left;
}

static void print_json(const struct board_row *row)
{
	_cleanup_(buf_free) struct buf out = {0};

	buf_append_char(&out, '{');
	json_write_member(&out, "vertical", slice_cstr(row->vertical));
	buf_append_char(&out, ',');
	json_write_member(&out, "countries", slice_cstr(row->countries));
	buf_append_char(&out, ',');
	json_write_member(&out, "region", slice_cstr(row->region));
	buf_append_char(&out, ',');
	json_write_member(&out, "currency", slice_cstr(row->currency));
	buf_printf(&out, ",\"payout_minor\":%" PRId64 ",\"orders\":%" PRIu64 ",\"left\":",
		   row->payout_minor, row->orders);
	if (row->unbounded)
		buf_append_cstr(&out, "null}");
	else
		buf_printf(&out, "%" PRIu64 "}", row->left);
	puts(buf_cstr(&out));
}

static void print_row(const struct board_row *row)
{
	char price[64], left[32];

	money_text(row->payout_minor, row->currency, price, sizeof(price));
	snprintf(left, sizeof(left), "%" PRIu64, row->left);
	printf("%-14s %14s  %-12s %-24s %6" PRIu64 "  %s\n", row->vertical, price,
	       row->countries[0] ? row->countries : "any", row->region[0] ? row->region : "any",
	       row->orders, row->unbounded ? "no limit" : left);
}

static void add_order(const struct board *b, const Punnet__V1__DirectoryEntry *e, const char *only,
		      struct board_rows *rows)
{
	const Punnet__V1__OrderTerms *t =
	    e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ORDER ? e->order->terms : NULL;
	const Punnet__V1__DirectoryEntry *vertical;
	int64_t now = clock_now_ms();
	uint64_t left;

	if (!t || e->order->removed || t->paused || (only && strcmp(only, t->vertical) != 0) ||
	    (t->until_ms && now >= t->until_ms) || (t->from_ms && now < t->from_ms))
		return;
	left = order_left(t, progress_view_get(b->view, t->order_id));
	if (left == 0)
		return;
	vertical = directory_get(b->directory, "vertical", slice_cstr(t->vertical));
	board_add(rows, t,
		  money_share_bp(t->price->amount_minor,
				 vertical ? vertical->vertical->payout_share_bp : 0),
		  left);
}

static int show(const struct board *b, const char *only)
{
	const Punnet__V1__DirectoryEntry *e;
	struct board_rows rows = {0};

	for (size_t i = 0; directory_at(b->directory, i, &e); i++)
		add_order(b, e, only, &rows);
	board_sort(&rows);
	if (!b->tool->json)
		printf("%-14s %14s  %-12s %-24s %6s  %s\n", "vertical", "you earn up to",
		       "countries", "region", "orders", "left today");
	for (size_t i = 0; i < rows.count; i++) {
		if (b->tool->json)
			print_json(&rows.items[i]);
		else
			print_row(&rows.items[i]);
	}
	if (rows.dropped > 0)
		fprintf(stderr, "punnet board: %" PRIu64 " more are not shown\n", rows.dropped);
	board_free(&rows);
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
