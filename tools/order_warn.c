/* order_warn: orders that are well-formed and will not get what they want. They are published all the same: a directory may
 * change, and a budget may be raised. */
#include <stdio.h>
#include <string.h>

#include "order_more.h"
#include "order_read.h"

#define warn(t, ...)                                                                               \
	do {                                                                                       \
		fprintf(stderr, "warning: order %s: ", (t)->order_id);                             \
		fprintf(stderr, __VA_ARGS__);                                                      \
		fputc('\n', stderr);                                                               \
	} while (0)

static void warn_money(const order_terms *t)
{
	int64_t least = order_price_least(t);
	int64_t total = t->budget ? t->budget->total_minor : 0;
	int64_t day = t->budget ? t->budget->day_minor : 0;

	if ((total > 0 && total < least) || (day > 0 && day < least))
		warn(t, "it can never fill: its budget does not pay for one lead at %lld",
		     (long long)least);
	else if (total > 0 && t->quantity > 0 && (__int128)least * (int64_t)t->quantity > total)
		warn(t, "quantity %llu can't be reached: the budget pays for %lld at %lld",
		     (unsigned long long)t->quantity, (long long)(total / least), (long long)least);
	if (t->caps->total && t->quantity > t->caps->total)
		warn(t, "quantity %llu can't be reached: caps.total is %llu",
		     (unsigned long long)t->quantity, (unsigned long long)t->caps->total);
}

static bool is_known(const struct directory *d, const char *name, const char *value,
		     const Punnet__V1__Vertical *v)
{
	if (strcmp(name, "webmaster") == 0)
		return directory_get(d, "webmaster", slice_cstr(value)) != NULL;
	for (size_t i = 0; v && v->card && i < v->card->n_sources; i++) {
		if (strcmp(v->card->sources[i]->source_class, value) == 0)
			return true;
	}
	return false;
}

/* A list of sources of which there is none lets nobody through. */
static void warn_sources(const struct directory *d, const order_terms *t)
{
	const Punnet__V1__DirectoryEntry *e = directory_get(d, "vertical", slice_cstr(t->vertical));

	for (size_t i = 0; i < t->n_where; i++) {
		const Punnet__V1__Criterion *c = t->where[i];
		bool any = false;

		if (c->kind != PUNNET__V1__CRITERION_KIND__CRITERION_IN || c->unknown_fits ||
		    (strcmp(c->name, "webmaster") != 0 && strcmp(c->name, "source_class") != 0))
			continue;
		for (size_t k = 0; k < c->n_values; k++)
			any |= is_known(d, c->name, c->values[k], e ? e->vertical : NULL);
		if (!any)
			warn(t, "it can never fill: the directory has no %s \"%s\"%s", c->name,
			     c->values[0], c->n_values > 1 ? ", nor any other of the list" : "");
	}
}

/* The schema's bounds leave nothing between the order's. */
static void warn_bounds(const struct directory *d, const order_terms *t)
{
	const Punnet__V1__DirectoryEntry *e = directory_get(d, "vertical", slice_cstr(t->vertical));

	for (size_t i = 0; e && i < t->n_where; i++) {
		const Punnet__V1__Criterion *c = t->where[i];

		for (size_t k = 0; k < e->vertical->n_fields; k++) {
			const Punnet__V1__VerticalField *f = e->vertical->fields[k];

			if (strcmp(f->name, c->name) != 0 || f->min == f->max)
				continue;
			if ((c->has_min && c->min_millionths / 1000000 > f->max) ||
			    (c->has_max && c->max_millionths / 1000000 < f->min))
				warn(t,
				     "it can never fill: %s is from %lld to %lld in this vertical",
				     f->name, (long long)f->min, (long long)f->max);
		}
	}
}

void order_warn(const struct directory *d, const order_terms *t, _unused_ struct arena *a)
{
	warn_money(t);
	if (!d)
		return;
	warn_sources(d, t);
	warn_bounds(d, t);
}
