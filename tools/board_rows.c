/* board_rows: see board_rows.h. */
#include "board_rows.h"

#include <stdlib.h>

#include "base/room.h"

static const Punnet__V1__Criterion *wanted_regions(const Punnet__V1__OrderTerms *t)
{
	for (size_t i = 0; i < t->n_where; i++) {
		if (strcmp(t->where[i]->name, "region") == 0 &&
		    t->where[i]->kind == PUNNET__V1__CRITERION_KIND__CRITERION_IN)
			return t->where[i];
	}
	return NULL;
}

static char *countries_of(const Punnet__V1__OrderTerms *t)
{
	struct buf text = {0};

	for (size_t i = 0; i < t->n_countries; i++) {
		if (i > 0)
			buf_append_char(&text, ',');
		buf_append_slice(&text, slice_cstr(t->countries[i]));
	}
	buf_append_char(&text, '\0');
	if (text.failed)
		abort();
	return text.data;
}

static struct board_row *row_of(struct board_rows *rows, const Punnet__V1__OrderTerms *t,
				const char *countries, const char *region)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct board_row *r = &rows->items[i];

		if (strcmp(r->vertical, t->vertical) == 0 && strcmp(r->region, region) == 0 &&
		    strcmp(r->countries, countries) == 0)
			return r;
	}
	return NULL;
}

static void add_to(struct board_rows *rows, const Punnet__V1__OrderTerms *t, const char *region,
		   int64_t payout_minor, uint64_t left)
{
	char *countries = countries_of(t);
	struct board_row *r = row_of(rows, t, countries, region);

	if (!r && rows->count == BOARD_ROWS_MAX) {
		rows->dropped++;
		free(countries);
		return;
	}
	if (!r) {
		rows->items =
		    room_for_one(rows->items, rows->count, &rows->cap, sizeof(*rows->items));
		r = &rows->items[rows->count++];
		*r = (struct board_row){.vertical = t->vertical,
					.currency = t->price->currency,
					.countries = countries,
					.region = region,
					.payout_minor = payout_minor};
	} else {
		free(countries);
	}
	r->orders++;
	r->payout_minor = MAX_OF(r->payout_minor, payout_minor);
	if (left == UINT64_MAX)
		r->unbounded = true;
	else
		r->left += left;
}

void board_add(struct board_rows *rows, const Punnet__V1__OrderTerms *t, int64_t payout_minor,
	       uint64_t left)
{
	const Punnet__V1__Criterion *regions = wanted_regions(t);

	if (!regions)
		add_to(rows, t, "", payout_minor, left);
	for (size_t i = 0; regions && i < regions->n_values; i++)
		add_to(rows, t, regions->values[i], payout_minor, left);
}

static int compare(const void *a, const void *b)
{
	const struct board_row *x = a, *y = b;
	int order = strcmp(x->vertical, y->vertical);

	if (order == 0)
		order = (y->payout_minor > x->payout_minor) - (y->payout_minor < x->payout_minor);
	if (order == 0)
		order = strcmp(x->countries, y->countries);
	return order ? order : strcmp(x->region, y->region);
}

void board_sort(struct board_rows *rows)
{
	if (rows->count > 0)
		qsort(rows->items, rows->count, sizeof(*rows->items), compare);
}

void board_free(struct board_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		free(rows->items[i].countries);
	free(rows->items);
	*rows = (struct board_rows){0};
}
