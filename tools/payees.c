/* payees: see payees.h. */
#include "payees.h"

#include <stdio.h>

#include "amount.h"
#include "payout/reports/reports.h"
#include "table_file.h"

enum column { AFF_ID, METHOD, NAME, IBAN, BIC, COUNTRY, CURRENCY, THRESHOLD, EVERY_DAYS, COLUMNS };

static const struct table_column columns[COLUMNS] = {
    [AFF_ID] = {{"aff_id", "webmaster"}, true},
    [METHOD] = {{"method"}, true},
    [NAME] = {{"name"}, true},
    [IBAN] = {{"iban"}, false},
    [BIC] = {{"bic"}, false},
    [COUNTRY] = {{"country"}, false},
    [CURRENCY] = {{"currency"}, true},
    [THRESHOLD] = {{"threshold"}, false},
    [EVERY_DAYS] = {{"every_days"}, false},
};

struct reading {
	struct payees *payees;
	const char *path;
	bool bad;
};

static void fault(struct reading *r, size_t number, const char *what)
{
	fprintf(stderr, "%s: row %zu: %s\n", r->path, number, what);
	r->bad = true;
}

/* IBANs are printed in groups of four. */
static const char *without_blanks(struct arena *a, struct slice s)
{
	char *text = arena_cstr(a, s);
	size_t len = 0;

	for (size_t i = 0; text[i]; i++)
		if (text[i] != ' ')
			text[len++] = text[i];
	text[len] = '\0';
	return text;
}

static const char *check(const struct payee *p, const struct slice *cells)
{
	bool sepa = strcmp(p->method, "sepa") == 0;

	if (!p->aff_id[0] || !p->method[0])
		return "aff_id and method are required";
	if (!p->currency[0])
		return "the currency is not one of ISO 4217";
	if (cells[THRESHOLD].len > 0 && p->threshold_minor < 0)
		return "the threshold is not an amount, like 1500.00";
	if (p->every_days < 0)
		return "every_days is not a number from 0 to 366";
	if (sepa && !iban_valid(slice_cstr(p->iban)))
		return "the IBAN is not one";
	if (sepa && p->bic[0] && !bic_valid(slice_cstr(p->bic)))
		return "the BIC is not one";
	if (sepa && !payee_name_valid(slice_cstr(p->name)))
		return "the name is missing, or longer than 140 characters";
	return NULL;
}

static void on_row(void *ctx, const struct slice *cells, size_t number)
{
	struct reading *r = ctx;
	struct arena *a = &r->payees->arena;
	struct payee *p = arena_calloc(a, 1, sizeof(*p));
	struct money threshold = {0};
	const char *wrong;

	p->aff_id = arena_cstr(a, cells[AFF_ID]);
	p->method = arena_cstr(a, cells[METHOD]);
	p->name = arena_cstr(a, cells[NAME]);
	p->iban = without_blanks(a, cells[IBAN]);
	p->bic = arena_cstr(a, cells[BIC]);
	p->country = arena_cstr(a, cells[COUNTRY]);
	if (money_currency_known(cells[CURRENCY]))
		memcpy(p->currency, cells[CURRENCY].data, 3);
	if (cells[THRESHOLD].len > 0 &&
	    !amount_read(arena_cstr(a, cells[THRESHOLD]), p->currency, &threshold))
		threshold.amount_minor = -1;
	p->threshold_minor = threshold.amount_minor;
	if (cells[EVERY_DAYS].len > 0 &&
	    (!slice_to_int64(cells[EVERY_DAYS], &p->every_days) || p->every_days > 366))
		p->every_days = -1;
	wrong = check(p, cells);
	if (!wrong && map_get(&r->payees->by_id, slice_cstr(p->aff_id)))
		wrong = "this webmaster stands in the file twice";
	if (wrong)
		fault(r, number, wrong);
	else
		map_put(&r->payees->by_id, slice_cstr(p->aff_id), p);
}

bool payees_read(struct payees *p, const char *path)
{
	struct reading r = {.payees = p, .path = path};
	struct table_file t = {
	    .path = path, .columns = columns, .count = COLUMNS, .on_row = on_row, .ctx = &r};
	struct error error = {0};

	*p = (struct payees){0};
	if (table_file_read(&t, &error) != RESULT_OK) {
		fprintf(stderr, "%s\n", error.text);
		return false;
	}
	return !r.bad;
}

void payees_free(struct payees *p)
{
	map_free(&p->by_id);
	arena_free(&p->arena);
}

const struct payee *payees_find(void *ctx, const char *aff_id)
{
	return map_get(&((struct payees *)ctx)->by_id, slice_cstr(aff_id));
}
