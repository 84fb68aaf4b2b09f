/* punnet scorecard: how advertisers treat leads, and what a webmaster's sub ids are worth. Reads the ledger only. */
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "ledger_tool.h"
#include "reconcile_core.h"
#include "scorecard_apply.h"
#include "table_file.h"

enum column { SUB, CLICKS, COST, COLUMNS };

struct costs {
	struct arena arena;
	struct map by_sub;
	size_t faults;
	const char *path;
};

/* Costs are in the currency that the sub id earns; to its minor units they come by the point of two decimals. */
static void on_row(void *ctx, const struct slice *cells, size_t number)
{
	struct costs *c = ctx;
	struct sub_costs *costs = arena_calloc(&c->arena, 1, sizeof(*costs));
	int64_t cost_e4 = 0;

	if (!slice_to_int64(cells[CLICKS], &costs->clicks) || costs->clicks < 0 ||
	    (cells[COST].len > 0 && !reconcile_amount(cells[COST], &cost_e4))) {
		fprintf(stderr, "%s: row %zu: expected a number of clicks and a cost\n", c->path,
			number);
		c->faults++;
		return;
	}
	costs->cost_minor = cost_e4 / 100;
	map_put(&c->by_sub, cells[SUB], costs);
}

static const struct sub_costs *find_costs(void *ctx, struct slice sub)
{
	return map_get(&((struct costs *)ctx)->by_sub, sub);
}

static bool read_costs(struct costs *c, const char *path)
{
	static const struct table_column columns[COLUMNS] = {
	    [SUB] = {{"sub", "sub1", "sub_id"}, true},
	    [CLICKS] = {{"clicks"}, true},
	    [COST] = {{"cost", "costs", "spent"}, false}};
	struct table_file file = {
	    .path = path, .columns = columns, .count = COLUMNS, .on_row = on_row, .ctx = c};
	struct error error = {0};

	c->path = path;
	if (table_file_read(&file, &error) == RESULT_OK)
		return c->faults == 0;
	fprintf(stderr, "%s\n", error.text);
	return false;
}

static int advertisers(struct tool *t, int argc, char **argv)
{
	enum report_format format = ledger_format(t, &argc, argv);
	struct report_period period;
	int status = ledger_period("scorecard", &argc, argv, &period);
	struct error error = {0};
	struct store *ledger;
	enum result r;

	if (status != TOOL_DONE)
		return status;
	if (argc != 2)
		return tool_usage("scorecard", "advertisers takes no more");
	ledger = ledger_open(t, "scorecard");
	if (!ledger)
		return TOOL_AWAY;
	r = report_scorecard_advertisers(ledger, &period, format, stdout, &error);
	store_close(ledger);
	return ledger_done("scorecard", r, &error);
}

static int webmaster(struct tool *t, int argc, char **argv)
{
	const char *by = tool_option(&argc, argv, "--by"),
		   *clicks = tool_option(&argc, argv, "--clicks");
	enum report_format format = ledger_format(t, &argc, argv);
	struct report_period period;
	int status = ledger_period("scorecard", &argc, argv, &period);
	struct costs costs = {0};
	struct error error = {0};
	struct store *ledger;
	unsigned sub = 1;
	enum result r;

	if (status != TOOL_DONE)
		return status;
	if (argc != 3)
		return tool_usage("scorecard", "expected webmaster ID");
	if (by && (strncmp(by, "sub", 3) != 0 || by[3] < '1' || by[3] > '5' || by[4]))
		return tool_usage("scorecard", "--by %s: expected sub1 to sub5", by);
	if (by)
		sub = (unsigned)(by[3] - '0');
	if (clicks && !read_costs(&costs, clicks))
		status = TOOL_FOUND;
	ledger = status == TOOL_DONE ? ledger_open(t, "scorecard") : NULL;
	r = ledger ? report_scorecard_webmaster(ledger, argv[2], sub, &period,
						clicks ? find_costs : NULL, &costs, format, stdout,
						&error)
		   : RESULT_AWAY;
	store_close(ledger);
	map_free(&costs.by_sub);
	arena_free(&costs.arena);
	if (status != TOOL_DONE)
		return status;
	return ledger ? ledger_done("scorecard", r, &error) : TOOL_AWAY;
}

static int apply(struct tool *t, int argc, char **argv)
{
	const char *lifted = tool_option(&argc, argv, "--lift");
	bool dry = tool_flag(&argc, argv, "--dry-run");

	if (argc != 2)
		return tool_usage("scorecard", "apply takes --dry-run, or --lift ADVERTISER");
	return scorecard_apply(t, lifted, dry);
}

int command_scorecard(struct tool *t, int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "advertisers") == 0)
		return advertisers(t, argc, argv);
	if (argc > 1 && strcmp(argv[1], "webmaster") == 0)
		return webmaster(t, argc, argv);
	if (argc > 1 && strcmp(argv[1], "apply") == 0)
		return apply(t, argc, argv);
	return tool_usage("scorecard", "expected advertisers, webmaster ID, or apply");
}
