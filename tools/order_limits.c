/* order_limits: how many leads an order takes, and beside whom. */
#include <string.h>

#include "order_read.h"

static uint64_t read_cap(struct order_reader *r, const struct yaml *caps, const char *key)
{
	const struct yaml *cap = yaml_get(caps, key);
	int64_t value = 0;

	if (cap && slice_is(cap->text, "0"))
		order_fault(r, cap->line, "caps.%s: 0 would take nothing: leave it out for no cap",
			    key);
	else
		yaml_int(caps, key, 1, ORDER_COUNT_MAX, &value, r->faults);
	return (uint64_t)value;
}

/* A cap above the next wider one is a mistake: it can't be met. */
static void check_nesting(struct order_reader *r, int line, const Punnet__V1__Caps *c)
{
	const struct {
		const char *name;
		uint64_t cap;
	} all[] = {{"hour", c->hour},
		   {"day", c->day},
		   {"week", c->week},
		   {"month", c->month},
		   {"total", c->total}};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (size_t k = i + 1; k < ARRAY_LEN(all); k++) {
			if (all[k].cap && all[i].cap > all[k].cap)
				order_fault(r, line, "caps.%s %llu can't be met: caps.%s is %llu",
					    all[i].name, (unsigned long long)all[i].cap,
					    all[k].name, (unsigned long long)all[k].cap);
		}
	}
}

void order_read_caps(struct order_reader *r, const struct yaml *item, order_terms *t)
{
	const struct yaml *caps = yaml_get(item, "caps"), *webmaster;
	Punnet__V1__Caps *c = arena_alloc(r->arena, sizeof(*c));

	punnet__v1__caps__init(c);
	t->caps = c;
	if (!caps)
		return;
	c->hour = read_cap(r, caps, "hour");
	c->day = read_cap(r, caps, "day");
	c->week = read_cap(r, caps, "week");
	c->month = read_cap(r, caps, "month");
	c->total = read_cap(r, caps, "total");
	webmaster = yaml_get(caps, "webmaster");
	if (webmaster) {
		c->webmaster_day = read_cap(r, webmaster, "day");
		c->webmaster_total = read_cap(r, webmaster, "total");
		if (c->webmaster_day == 0 && c->webmaster_total == 0)
			order_fault(r, webmaster->line, "caps.webmaster: expected %s",
				    "{day: 10, total: 100}");
		yaml_refuse_unknown(webmaster, "caps.webmaster", "day, total", r->faults);
	}
	yaml_refuse_unknown(caps, "caps", "hour, day, week, month, total, webmaster", r->faults);
	check_nesting(r, caps->line, c);
}

static void read_shared(struct order_reader *r, const struct yaml *sharing, order_terms *t)
{
	const struct yaml *not_with = yaml_get(sharing, "not_with");
	int64_t limit = 0;

	yaml_int(sharing, "shared", 2, ORDER_SHARED_AT_MOST, &limit, r->faults);
	if (!yaml_get(sharing, "shared"))
		order_fault(r, sharing->line, "sharing: expected exclusive, or %s",
			    "{shared: 3, not_with: [bank-b]}");
	t->sharing = PUNNET__V1__SHARING__SHARED;
	t->share_limit = (uint32_t)limit;
	if (not_with)
		t->not_with =
		    order_texts(r, not_with, "not_with", ORDER_NOT_WITH_AT_MOST, &t->n_not_with);
	for (size_t i = 0; r->directory && i < t->n_not_with; i++) {
		if (!directory_get(r->directory, "advertiser", slice_cstr(t->not_with[i])))
			order_fault(r, not_with->line,
				    "not_with: no advertiser \"%s\" in the directory",
				    t->not_with[i]);
	}
	yaml_refuse_unknown(sharing, "sharing", "shared, not_with", r->faults);
}

void order_read_sharing(struct order_reader *r, const struct yaml *item, order_terms *t)
{
	const struct yaml *sharing = yaml_get(item, "sharing");

	t->sharing = PUNNET__V1__SHARING__EXCLUSIVE;
	t->share_limit = 1;
	if (!sharing)
		return;
	if (sharing->type == YAML_MAP)
		read_shared(r, sharing, t);
	else if (!slice_is(sharing->text, "exclusive"))
		order_fault(r, sharing->line, "sharing: expected exclusive, or %s",
			    "{shared: 3, not_with: [bank-b]}");
}

/* So many periods of a length stand, at least partly, between the order's beginning and its end. */
static uint64_t periods(const struct order_reader *r, const order_terms *t, int64_t length_ms)
{
	int64_t span = t->until_ms - MAX_OF(t->from_ms, r->now_ms);

	return span <= 0 ? 0 : (uint64_t)(span / length_ms) + 2;
}

void order_check_quantity(struct order_reader *r, const struct yaml *item, const order_terms *t)
{
	const struct {
		const char *name;
		uint64_t cap;
		int64_t length_ms;
	} all[] = {{"hour", t->caps->hour, MS_PER_HOUR},
		   {"day", t->caps->day, MS_PER_DAY},
		   {"week", t->caps->week, 7 * MS_PER_DAY},
		   {"month", t->caps->month, 28 * MS_PER_DAY}};

	if (t->quantity == 0)
		return;
	if (t->caps->total && t->caps->total < t->quantity)
		return; /* the lesser one counts; old files say it so */
	for (size_t i = 0; t->until_ms && i < ARRAY_LEN(all); i++) {
		uint64_t most = all[i].cap * periods(r, t, all[i].length_ms);

		if (all[i].cap && most < t->quantity)
			order_fault(
			    r, item->line,
			    "quantity %llu can't be met by then: the caps allow %llu in all "
			    "(%llu a%s %s)",
			    (unsigned long long)t->quantity, (unsigned long long)most,
			    (unsigned long long)all[i].cap, i == 0 ? "n" : "", all[i].name);
	}
}
