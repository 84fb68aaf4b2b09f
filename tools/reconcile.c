/* punnet reconcile: an advertiser's own list of sales against our books. Reads the ledger; where rows have no lead id, the phones'
 * fingerprints of leads.judged, never a phone. Writes FILE.reconciled.csv beside the list, whole or not at all. Interrupted, the same
 * command goes on: what takes long, the reading of leads.judged, is kept day by day; see reconcile_phones.h. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "import_map.h"
#include "lead/contact.h"
#include "ledger_tool.h"
#include "payout/core/life.h"
#include "payout/reports/write.h"
#include "payout/store/db.h"
#include "reconcile_core.h"
#include "reconcile_phones.h"
#include "runtime/keyring.h"
#include "table_file.h"

#define PATH_MAX_LEN 1000

enum column { LEAD_ID, PHONE, AMOUNT, AMOUNT_MINOR, CURRENCY, STATUS, COLUMNS };

static const char leads_sql[] = "SELECT lead_id, price, vat, delivered_at, currency, state FROM "
				"lives WHERE advertiser_id = $1 AND "
				"is_test = 0 ORDER BY lead_id, round";

struct total {
	char currency[4];
	int64_t count, ours_minor;
};

struct reconciling {
	struct tool *tool;
	const char *advertiser, *country, *currency;
	struct report_period period;
	struct reconcile r;
	const uint8_t *key;
	FILE *out;
	size_t counts[CLASS_COUNT];
	struct total totals[CLASS_COUNT][8];
};

/* --- their rows --- */

static bool read_amount(const struct reconciling *c, const struct slice *cells,
			struct their_row *row)
{
	int64_t scale = 1, minor;

	if (cells[AMOUNT].len > 0) {
		row->has_amount = true;
		return reconcile_amount(cells[AMOUNT], &row->amount_e4);
	}
	if (cells[AMOUNT_MINOR].len == 0)
		return true;
	row->has_amount = true;
	if (!slice_to_int64(cells[AMOUNT_MINOR], &minor) || minor < 0 || minor > INT64_MAX / 10000)
		return false;
	for (int e = money_exponent(row->currency[0] ? row->currency : c->currency); e < 4; e++)
		scale *= 10;
	row->amount_e4 = minor * scale;
	return true;
}

static void read_phone(const struct reconciling *c, struct slice cell, struct their_row *row)
{
	_cleanup_(buf_free) struct buf typed = {0};
	char normal[PHONE_TEXT_MAX];

	if (cell.len == 0 || !c->key)
		return;
	import_phone(cell, &typed);
	if (phone_normalise(buf_slice(&typed), slice_cstr(c->country), normal) != PHONE_NOT_DIGITS)
		row->phone = fingerprint_of(c->key, FINGERPRINT_PHONE, slice_cstr(normal));
}

static void on_row(void *ctx, const struct slice *cells, size_t number)
{
	struct reconciling *c = ctx;
	struct their_row row = {.number = (uint32_t)number, .readable = true};

	if (!lead_id_parse(cells[LEAD_ID], &row.id))
		row.id = (struct lead_id){0};
	if (cells[LEAD_ID].len == 0)
		read_phone(c, cells[PHONE], &row);
	row.said = reconcile_said(cells[STATUS]);
	if (cells[CURRENCY].len > 0) {
		row.readable = cells[CURRENCY].len == 3 && money_currency_known(cells[CURRENCY]);
		if (row.readable)
			memcpy(row.currency, cells[CURRENCY].data, 3);
	}
	row.readable = read_amount(c, cells, &row) && row.readable;
	if (c->r.row_count < RECONCILE_ROWS_MAX)
		reconcile_row(&c->r, &row);
}

/* --- our leads --- */

static void take_lead(void *ctx, const struct db_value *v, _unused_ size_t count)
{
	struct reconciling *c = ctx;
	struct our_lead l = {.price_minor = v[1].integer,
			     .vat_minor = v[2].integer,
			     .delivered_at_ms = v[3].integer,
			     .state = (uint8_t)v[5].integer};
	struct our_lead *last = c->r.lead_count ? &c->r.leads[c->r.lead_count - 1] : NULL;

	if (!lead_id_from_bytes(v[0].bytes.data, v[0].bytes.len, &l.id))
		return;
	memcpy(l.currency, v[4].bytes.data, MIN_OF(v[4].bytes.len, (size_t)3));
	l.asked_for = l.delivered_at_ms >= c->period.from_ms && l.delivered_at_ms < c->period.to_ms;
	/* Offered in several rounds: the one that was sold counts, else the last. */
	if (last && lead_id_equal(&last->id, &l.id)) {
		if (!life_is_sold((enum life_state)last->state))
			*last = l;
		return;
	}
	reconcile_lead(&c->r, &l);
}

static enum result read_ledger(struct reconciling *c, struct store *ledger, struct error *ret_error)
{
	struct db_value param = db_text(c->advertiser);
	enum result r = db_add(store_db(ledger), leads_sql, &param, 1, take_lead, c, ret_error);

	if (r == RESULT_OK)
		r = db_flush(store_db(ledger), ret_error);
	if (r == RESULT_OK && c->r.lead_count == 0)
		return error_set(ret_error, RESULT_BAD, "%s: no lead was ever offered to them",
				 c->advertiser);
	return r;
}

/* --- the result --- */

static void add_total(struct reconciling *c, enum reconcile_class class, const struct our_lead *l)
{
	for (size_t i = 0; l && i < ARRAY_LEN(c->totals[class]); i++) {
		struct total *t = &c->totals[class][i];

		if (t->currency[0] && strcmp(t->currency, l->currency) != 0)
			continue;
		memcpy(t->currency, l->currency, sizeof(t->currency));
		t->count++;
		if (l->state != LIFE_RETURNED && l->state != LIFE_WAIVED)
			t->ours_minor += l->price_minor + l->vat_minor;
		return;
	}
}

static void write_line(void *ctx, const struct reconcile_line *line)
{
	static const char *const said[] = {"", "pending", "approved", "returned", "?"};
	struct reconciling *c = ctx;
	char id[LEAD_ID_TEXT_LEN + 1] = "", at[TIME_TEXT_LEN + 1] = "";
	const struct our_lead *l = line->ours;
	const struct their_row *t = line->theirs;

	c->counts[line->class]++;
	add_total(c, line->class, l);
	if (l || memcmp(t->id.bytes, (uint8_t[16]){0}, 16) != 0)
		lead_id_text(l ? &l->id : &t->id, id);
	if (l && l->delivered_at_ms)
		time_text(l->delivered_at_ms, at);
	fprintf(c->out, "%s,%s,%s,", reconcile_class_name(line->class), line->why, id);
	if (l)
		fprintf(c->out, "%s,%lld,%lld,%s,%s,", life_state_name((enum life_state)l->state),
			(long long)l->price_minor, (long long)l->vat_minor, l->currency, at);
	else
		fputs(",,,,,", c->out);
	if (t && t->has_amount && t->readable)
		fprintf(c->out, "%u,%s,%lld.%04lld,%s\n", t->number, said[t->said],
			(long long)(t->amount_e4 / 10000), (long long)(t->amount_e4 % 10000),
			t->currency);
	else if (t)
		fprintf(c->out, "%u,%s,,%s\n", t->number, said[t->said], t->currency);
	else
		fputs(",,,\n", c->out);
}

static enum result write_result(struct reconciling *c, const char *path, struct error *ret_error)
{
	char part[PATH_MAX_LEN + 8];
	bool written;

	snprintf(part, sizeof(part), "%s.part", path);
	c->out = fopen(part, "w");
	if (!c->out)
		return error_set(ret_error, RESULT_BAD, "%s: can't be written", part);
	fputs("result,why,lead_id,our_state,our_price_minor,our_vat_minor,our_currency,delivered_"
	      "at,their_row,"
	      "their_status,their_amount,their_currency\n",
	      c->out);
	reconcile_compare(&c->r, write_line, c);
	written = fflush(c->out) == 0 && !ferror(c->out) && fsync(fileno(c->out)) == 0;
	written = fclose(c->out) == 0 && written;
	if (written && rename(part, path) == 0)
		return RESULT_OK;
	unlink(part);
	return error_set(ret_error, RESULT_BAD, "%s: can't be written", path);
}

static void print_class(const struct reconciling *c, enum reconcile_class class)
{
	const char *name = reconcile_class_name(class);
	char money[64];

	if (c->tool->json) {
		printf("{\"result\":\"%s\",\"leads\":%zu", name, c->counts[class]);
		for (size_t i = 0;
		     i < ARRAY_LEN(c->totals[class]) && c->totals[class][i].currency[0]; i++)
			printf(",\"ours_minor_%s\":%lld", c->totals[class][i].currency,
			       (long long)c->totals[class][i].ours_minor);
		puts("}");
		return;
	}
	printf("%-12s %10zu", name, c->counts[class]);
	for (size_t i = 0; i < ARRAY_LEN(c->totals[class]) && c->totals[class][i].currency[0];
	     i++) {
		money_text(c->totals[class][i].ours_minor, c->totals[class][i].currency, money,
			   sizeof(money));
		printf("  %20s", money);
	}
	putchar('\n');
}

/* --- the command --- */

/* Where the usual names don't find a column, the operator says its name. */
static struct table_file their_file(struct reconciling *c, int *argc, char **argv)
{
	static struct table_column columns[COLUMNS] = {
	    [LEAD_ID] = {{"lead_id", "lead id", "lead", "uuid", "transaction_id", "id"}, false},
	    [PHONE] = {{"phone", "phone_number", "telephone", "tel", "mobile", "msisdn"}, false},
	    [AMOUNT] = {{"amount", "price", "sum", "cost", "payout", "revenue"}, false},
	    [AMOUNT_MINOR] = {{"amount_minor", "price_minor"}, false},
	    [CURRENCY] = {{"currency", "ccy"}, false},
	    [STATUS] = {{"status", "verdict", "state", "result"}, false}};
	static const char *const options[COLUMNS] = {"--lead-id",      "--phone",    "--amount",
						     "--amount-minor", "--currency", "--status"};
	const char *delimiter = tool_option(argc, argv, "--delimiter");
	struct table_file file = {.encoding = tool_option(argc, argv, "--encoding"),
				  .delimiter = delimiter ? delimiter[0] : 0,
				  .columns = columns,
				  .count = COLUMNS,
				  .on_row = on_row,
				  .ctx = c};

	for (size_t i = 0; i < COLUMNS; i++) {
		const char *name = tool_option(argc, argv, options[i]);

		if (name)
			columns[i] = (struct table_column){{name}, true};
	}
	return file;
}

static int finish(struct reconciling *c, enum result r, const char *out, struct error *e)
{
	bool same = true;

	if (r == RESULT_OK)
		r = write_result(c, out, e);
	if (r == RESULT_OK)
		reconcile_state_done(out);
	for (int k = 0; k < CLASS_COUNT && r == RESULT_OK; k++) {
		print_class(c, (enum reconcile_class)k);
		same = same && (k == CLASS_AGREED || c->counts[k] == 0);
	}
	if (r == RESULT_OK && !c->tool->json)
		printf("%s holds every lead\n", out);
	reconcile_free(&c->r);
	if (r != RESULT_OK)
		return tool_fail("reconcile", r, e);
	return same ? TOOL_DONE : TOOL_FOUND;
}

static enum result find_by_phone(struct reconciling *c, const char *out, struct error *ret_error)
{
	struct bus *bus = tool_bus(c->tool, "reconcile");

	if (!bus)
		return error_set(ret_error, RESULT_AWAY, "Kafka is away");
	return reconcile_phones_find(&c->r, bus, c->advertiser, out, ret_error);
}

static enum result gather(struct reconciling *c, const struct table_file *file, const char *out,
			  struct error *ret_error)
{
	struct keyring *keyring =
	    keyring_open(config_text(c->tool->config, "common", "keys_dir"), false, ret_error);
	struct store *ledger;
	enum result r;

	c->key = keyring ? keyring_fingerprint_key(keyring) : NULL;
	r = table_file_read(file, ret_error);
	c->key = NULL;
	keyring_free(keyring);
	if (r != RESULT_OK)
		return r;
	ledger = ledger_open(c->tool, "reconcile");
	if (!ledger)
		return error_set(ret_error, RESULT_AWAY, "the ledger is away");
	r = read_ledger(c, ledger, ret_error);
	store_close(ledger);
	if (r == RESULT_OK && reconcile_without_id(&c->r) > 0)
		r = find_by_phone(c, out, ret_error);
	return r;
}

int command_reconcile(struct tool *t, int argc, char **argv)
{
	const char *out = tool_option(&argc, argv, "--out");
	const char *country = tool_option(&argc, argv, "--country");
	struct reconciling c = {.tool = t, .country = country ? country : "RU", .currency = "RUB"};
	struct table_file file = their_file(&c, &argc, argv);
	int status = ledger_period("reconcile", &argc, argv, &c.period);
	char path[PATH_MAX_LEN];
	struct error error = {0};

	if (status != TOOL_DONE)
		return status;
	if (argc != 3)
		return tool_usage("reconcile", "expected ADVERTISER FILE.csv");
	c.advertiser = argv[1];
	file.path = argv[2];
	snprintf(path, sizeof(path), "%s.reconciled.csv", file.path);
	out = out ? out : path;
	return finish(&c, gather(&c, &file, out, &error), out, &error);
}
