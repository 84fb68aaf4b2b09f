/* rate_card: see rate_card.h.
 *
 *   payout_share_bp: 6500                        where no line says otherwise
 *   rates:
 *     - {class: gold, share_bp: 7500}            of the webmasters of a class
 *     - {tier: silver, share_bp: 7000}           of those who are in a tier
 *     - {webmaster: w17, order: bank-a-1, fixed_minor: 20000}
 *     - {webmaster: w17, share_bp: 8000, from: 2026-12-01T00:00:00+03:00, until: 2027-01-01T00:00:00+03:00}
 *   margin_floor: {amount_minor: 1000, share_bp: 1000}   what stays with the network at least: the higher one
 *   source_classes: {gold: [w01, w02], new: [w30]}
 *   tiers: {silver: 200, gold: 1000}             leads approved in the last month; `punnet tiers apply` counts them
 *   buyer_wait: 30m                              how long a lead that nobody takes waits for a buyer */
#include "rate_card.h"

#include <string.h>

#include "base/map.h"
#include "base/timefmt.h"
#include "router/core/price.h"

#define BUYER_WAIT_MOST_MS (90 * MS_PER_DAY)
#define TIERS_MAX          16

struct reading {
	struct arena *arena;
	struct yaml_faults *faults;
	Punnet__V1__RateChanged *card;
};

static char *text(struct reading *g, const struct yaml *map, const char *key)
{
	struct slice s = {0};

	yaml_text(map, key, &s, g->faults);
	return arena_cstr(g->arena, s);
}

static bool same_subject(const Punnet__V1__PayoutRate *a, const Punnet__V1__PayoutRate *b)
{
	return strcmp(a->order_id, b->order_id) == 0 && strcmp(a->aff_id, b->aff_id) == 0 &&
	       strcmp(a->source_class, b->source_class) == 0 && strcmp(a->tier, b->tier) == 0;
}

static bool at_one_time(const Punnet__V1__PayoutRate *a, const Punnet__V1__PayoutRate *b)
{
	return (b->until_ms == 0 || a->from_ms < b->until_ms) &&
	       (a->until_ms == 0 || b->from_ms < a->until_ms);
}

static int64_t moment(struct reading *g, const struct yaml *item, const char *key)
{
	const struct yaml *v = yaml_get(item, key);
	int64_t ms = 0;

	if (v && (!time_parse(v->text, &ms) || ms <= 0))
		yaml_fault(g->faults, v->line,
			   "%s: expected a time, for example 2026-12-01T00:00:00+03:00", key);
	return MAX_OF(ms, (int64_t)0);
}

static bool tier_known(const struct reading *g, const char *name)
{
	for (size_t i = 0; i < g->card->n_tiers; i++)
		if (strcmp(g->card->tiers[i]->tier, name) == 0)
			return true;
	return false;
}

static void read_tiers(struct reading *g, const struct yaml *tiers)
{
	if (!tiers)
		return;
	if (tiers->type != YAML_MAP || tiers->count > TIERS_MAX) {
		yaml_fault(g->faults, tiers->line,
			   "tiers: expected at most %d names, each with its leads", TIERS_MAX);
		return;
	}
	g->card->tiers = arena_calloc(g->arena, tiers->count + 1, sizeof(*g->card->tiers));
	for (struct yaml *t = tiers->child; t; t = t->next) {
		Punnet__V1__Tier *tier = arena_alloc(g->arena, sizeof(*tier));
		int64_t leads = 0;

		t->seen = true;
		punnet__v1__tier__init(tier);
		if (!slice_to_int64(t->text, &leads) || leads < 1)
			yaml_fault(g->faults, t->line,
				   "tiers: expected the leads of a month, from 1");
		for (size_t i = 0; i < g->card->n_tiers; i++)
			if (g->card->tiers[i]->least_leads == (uint64_t)leads)
				yaml_fault(g->faults, t->line,
					   "tiers: another tier begins with as many leads");
		tier->tier = arena_cstr(g->arena, t->key);
		tier->least_leads = (uint64_t)leads;
		g->card->tiers[g->card->n_tiers++] = tier;
	}
}

static void read_rate(struct reading *g, const struct yaml *item)
{
	Punnet__V1__PayoutRate *r = arena_alloc(g->arena, sizeof(*r));
	int64_t share = 0;

	punnet__v1__payout_rate__init(r);
	r->order_id = text(g, item, "order");
	r->aff_id = text(g, item, "webmaster");
	r->source_class = text(g, item, "class");
	r->tier = text(g, item, "tier");
	yaml_int(item, "share_bp", 0, SHARE_BP_MAX, &share, g->faults);
	yaml_int(item, "fixed_minor", 1, ORDER_PRICE_MAX_MINOR, &r->fixed_minor, g->faults);
	r->share_bp = (uint32_t)share;
	r->from_ms = moment(g, item, "from");
	r->until_ms = moment(g, item, "until");
	if (r->until_ms && r->until_ms <= r->from_ms)
		yaml_fault(g->faults, item->line, "rates: until is not after from");
	if (r->tier[0] && !tier_known(g, r->tier))
		yaml_fault(g->faults, item->line, "rates: no tier \"%s\"", r->tier);
	if (!r->order_id[0] && !r->aff_id[0] && !r->source_class[0] && !r->tier[0])
		yaml_fault(
		    g->faults, item->line,
		    "rates: expected an order, a webmaster, a class or a tier: for all there is "
		    "payout_share_bp");
	if (!yaml_get(item, "share_bp") == !yaml_get(item, "fixed_minor"))
		yaml_fault(g->faults, item->line, "rates: expected share_bp or fixed_minor");
	yaml_refuse_unknown(item, "rate",
			    "order, webmaster, class, tier, share_bp, fixed_minor, from, until",
			    g->faults);
	for (size_t i = 0; i < g->card->n_rates; i++) {
		if (same_subject(g->card->rates[i], r) && at_one_time(g->card->rates[i], r))
			yaml_fault(g->faults, item->line,
				   "rates: a line for the same stands there already, and holds "
				   "at the same time");
	}
	g->card->rates[g->card->n_rates++] = r;
}

static void read_rates(struct reading *g, const struct yaml *list)
{
	if (!list)
		return;
	if (list->type != YAML_LIST || list->count > RATES_MAX) {
		yaml_fault(g->faults, list->line, "rates: expected a list of at most %d",
			   RATES_MAX);
		return;
	}
	g->card->rates = arena_calloc(g->arena, list->count + 1, sizeof(*g->card->rates));
	for (const struct yaml *r = list->child; r; r = r->next)
		read_rate(g, r);
}

static void read_margin(struct reading *g, const struct yaml *floor)
{
	int64_t share = 0;

	if (!floor)
		return;
	yaml_int(floor, "amount_minor", 0, ORDER_PRICE_MAX_MINOR, &g->card->margin_floor_minor,
		 g->faults);
	yaml_int(floor, "share_bp", 0, SHARE_BP_MAX, &share, g->faults);
	g->card->margin_floor_bp = (uint32_t)share;
	yaml_refuse_unknown(floor, "margin_floor", "amount_minor, share_bp", g->faults);
}

static void read_class(struct reading *g, struct yaml *list, struct map *seen)
{
	list->seen = true;
	if (list->type != YAML_LIST) {
		yaml_fault(g->faults, list->line, "source_classes: expected a list of webmasters");
		return;
	}
	for (const struct yaml *w = list->child; w; w = w->next) {
		Punnet__V1__SourceClass *c = arena_alloc(g->arena, sizeof(*c));

		punnet__v1__source_class__init(c);
		c->aff_id = arena_cstr(g->arena, w->text);
		c->source_class = arena_cstr(g->arena, list->key);
		if (map_put(seen, w->text, c))
			yaml_fault(g->faults, w->line, "source_classes: %s stands in two classes",
				   c->aff_id);
		g->card->sources[g->card->n_sources++] = c;
	}
}

static void read_classes(struct reading *g, const struct yaml *classes)
{
	struct map seen = {0};
	size_t count = 0;

	if (!classes)
		return;
	for (const struct yaml *c = classes->child; c; c = c->next)
		count += c->count;
	g->card->sources = arena_calloc(g->arena, count + 1, sizeof(*g->card->sources));
	for (struct yaml *c = classes->child; c; c = c->next)
		read_class(g, c, &seen);
	map_free(&seen);
}

static void read_wait(struct reading *g, const struct yaml *wait)
{
	if (wait && (!time_parse_duration(wait->text, &g->card->buyer_wait_ms) ||
		     g->card->buyer_wait_ms > BUYER_WAIT_MOST_MS))
		yaml_fault(g->faults, wait->line,
			   "buyer_wait: expected a duration of at most 90d, for example 30m");
}

Punnet__V1__RateChanged *rate_card_read(struct arena *a, const struct yaml *item,
					const char *vertical, uint32_t share_bp,
					struct yaml_faults *f)
{
	struct reading g = {a, f, arena_alloc(a, sizeof(Punnet__V1__RateChanged))};

	punnet__v1__rate_changed__init(g.card);
	g.card->vertical = arena_cstr(a, slice_cstr(vertical));
	g.card->payout_share_bp = share_bp;
	read_tiers(&g, yaml_get(item, "tiers"));
	read_rates(&g, yaml_get(item, "rates"));
	read_margin(&g, yaml_get(item, "margin_floor"));
	read_classes(&g, yaml_get(item, "source_classes"));
	read_wait(&g, yaml_get(item, "buyer_wait"));
	return g.card;
}
