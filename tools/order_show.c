/* order_show: an order's terms as a person reads them, a line a kind. What an order does not set is not shown. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/timefmt.h"
#include "order_more.h"

#define VALUES_SHOWN 12

typedef Punnet__V1__OrderTerms terms;

static const char *const kinds[] = {"", "not ", "", "any of ", "all of ", "none of "};
static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static void print_millionths(int64_t n)
{
	printf("%" PRId64, n / 1000000);
	if (n % 1000000)
		printf(".%06" PRId64, n % 1000000 < 0 ? -(n % 1000000) : n % 1000000);
}

static void print_values(char *const *values, size_t count)
{
	for (size_t i = 0; i < count && i < VALUES_SHOWN; i++)
		printf("%s%s", i ? ", " : "", values[i]);
	if (count > VALUES_SHOWN)
		printf(", and %zu more", count - VALUES_SHOWN);
}

static void print_criterion(const Punnet__V1__Criterion *c)
{
	printf("%s ", c->name);
	if (c->kind == PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN) {
		printf("from ");
		c->has_min ? print_millionths(c->min_millionths) : (void)printf("any");
		printf(" to ");
		c->has_max ? print_millionths(c->max_millionths) : (void)printf("any");
	} else {
		printf("%s", (size_t)c->kind < ARRAY_LEN(kinds) ? kinds[c->kind] : "? ");
		print_values(c->values, c->n_values);
	}
	printf(c->unknown_fits ? ", or not said" : "");
}

static void print_spans(Punnet__V1__WeekSpan *const *spans, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t from = spans[i]->from_minute, until = spans[i]->until_minute;
		uint32_t minutes = until - from / 1440 * 1440;

		printf("%s%s %02u:%02u-%02u:%02u", i ? ", " : "", days[from / 1440 % 7],
		       from % 1440 / 60, from % 60, minutes / 60, minutes % 60);
	}
}

static void print_cap(const char *name, uint64_t cap)
{
	if (cap > 0)
		printf("  at most %" PRIu64 " %s\n", cap, name);
}

static void print_limits(const terms *t)
{
	const Punnet__V1__Caps *c = t->caps;

	print_cap("an hour", c ? c->hour : 0);
	print_cap("a day", c ? c->day : 0);
	print_cap("a week", c ? c->week : 0);
	print_cap("a month", c ? c->month : 0);
	print_cap("in all", c ? c->total : 0);
	print_cap("a day from one webmaster", c ? c->webmaster_day : 0);
	print_cap("in all from one webmaster", c ? c->webmaster_total : 0);
	if (t->budget && t->budget->day_minor)
		printf("  at most %" PRId64 " minor units a day\n", t->budget->day_minor);
	if (t->budget && t->budget->total_minor)
		printf("  at most %" PRId64 " minor units in all\n", t->budget->total_minor);
}

static void print_price(const terms *t)
{
	if (t->floor_minor)
		printf("  price never below %" PRId64 "\n", t->floor_minor);
	for (size_t i = 0; i < t->n_modifiers; i++) {
		const Punnet__V1__PriceModifier *m = t->modifiers[i];

		printf("  price %+d/10000 when ", m->plus_bp);
		for (size_t k = 0; k < m->n_where; k++) {
			printf(k ? ", " : "");
			print_criterion(m->where[k]);
		}
		print_spans(m->hours, m->n_hours);
		putchar('\n');
	}
}

static void print_time(const char *what, int64_t at_ms)
{
	char text[TIME_TEXT_LEN + 1];

	if (at_ms == 0)
		return;
	time_text(at_ms, text);
	printf("  %s %s\n", what, text);
}

static void print_sharing(const terms *t)
{
	if (t->sharing != PUNNET__V1__SHARING__SHARED) {
		printf("  exclusive\n");
		return;
	}
	printf("  shared by at most %u", t->share_limit);
	if (t->n_not_with > 0) {
		printf(", never with ");
		print_values(t->not_with, t->n_not_with);
	}
	putchar('\n');
}

void order_show_terms(const Punnet__V1__OrderTerms *t)
{
	print_time("from", t->from_ms);
	print_time("until", t->until_ms);
	print_limits(t);
	print_price(t);
	print_sharing(t);
	if (t->weight)
		printf("  weight %u\n", t->weight);
	if (t->n_countries > 0) {
		printf("  where country ");
		print_values(t->countries, t->n_countries);
		putchar('\n');
	}
	for (size_t i = 0; i < t->n_where; i++) {
		printf("  where ");
		print_criterion(t->where[i]);
		putchar('\n');
	}
	if (t->n_open > 0) {
		printf("  open ");
		print_spans(t->open, t->n_open);
		putchar('\n');
	}
	if (t->clock)
		printf("  by the clock of %s\n", t->clock->zone);
	else
		printf("  by a clock %d minutes ahead of UTC\n", t->utc_offset_minutes);
	if (t->even)
		printf("  evenly, as leads come\n");
	if (t->takes_own_customers)
		printf("  its own customers are welcome\n");
}
