/* order_money: what an order pays, and what it may spend. A price that could not be paid out of is refused here, with the
 * vertical's own rate card, before anything is published. */
#include <string.h>

#include "base/money.h"
#include "order_read.h"

#define MODIFIER_LEAST_BP (-10000)
#define MODIFIER_MOST_BP  100000

static int64_t by_bp(int64_t price_minor, int64_t bp)
{
	return price_minor + (int64_t)((__int128)price_minor * bp / 10000);
}

static int64_t price_extreme(const order_terms *t, int sign)
{
	int64_t bp = 0;

	for (size_t i = 0; i < t->n_modifiers; i++) {
		if (t->modifiers[i]->plus_bp * sign > 0)
			bp += t->modifiers[i]->plus_bp;
	}
	return MAX_OF(by_bp(t->price->amount_minor, bp), t->floor_minor);
}

int64_t order_price_least(const order_terms *t)
{
	return price_extreme(t, -1);
}

int64_t order_price_most(const order_terms *t)
{
	return price_extreme(t, 1);
}

static void read_modifier(struct order_reader *r, const struct yaml *item, order_terms *t)
{
	Punnet__V1__PriceModifier *m = arena_alloc(r->arena, sizeof(*m));
	int64_t bp = 0;

	punnet__v1__price_modifier__init(m);
	m->where = order_read_where(r, yaml_get(item, "where"), &m->n_where);
	m->hours = order_read_openings(r, yaml_get(item, "hours"), &m->n_hours);
	yaml_int(item, "plus_bp", MODIFIER_LEAST_BP, MODIFIER_MOST_BP, &bp, r->faults);
	m->plus_bp = (int32_t)bp;
	if (bp == 0 || (m->n_where == 0 && m->n_hours == 0))
		order_fault(r, item->line, "price.modifiers: expected for example %s",
			    "{where: {region: [Moscow]}, plus_bp: 1500}");
	yaml_refuse_unknown(item, "price modifier", "where, hours, plus_bp", r->faults);
	t->modifiers[t->n_modifiers++] = m;
}

static void read_modifiers(struct order_reader *r, const struct yaml *price, order_terms *t)
{
	const struct yaml *list = yaml_get(price, "modifiers");

	if (!list)
		return;
	if (list->type != YAML_LIST || list->count > ORDER_MODIFIERS_AT_MOST) {
		order_fault(r, list->line, "price.modifiers: expected a list of at most %d",
			    ORDER_MODIFIERS_AT_MOST);
		return;
	}
	t->modifiers = arena_calloc(r->arena, list->count + 1, sizeof(*t->modifiers));
	for (const struct yaml *m = list->child; m; m = m->next)
		read_modifier(r, m, t);
}

static void check_currency(struct order_reader *r, const struct yaml *price, const order_terms *t)
{
	const char *currency = t->price->currency;

	if (!money_currency_known(slice_cstr(currency)))
		order_fault(r, price->line,
			    "currency: \"%s\": expected an ISO 4217 code, for example RUB",
			    currency);
	else if (r->vertical && strcmp(r->vertical->currency, currency) != 0)
		order_fault(r, price->line, "currency: %s: the vertical %s trades in %s", currency,
			    t->vertical, r->vertical->currency);
}

/* By the card's common rate: what some webmaster gets by a line of his own only costs the order his leads. */
static void check_payout(struct order_reader *r, const struct yaml *price, const order_terms *t)
{
	const Punnet__V1__RateChanged *card = r->vertical ? r->vertical->card : NULL;
	uint32_t share = r->vertical ? r->vertical->payout_share_bp : 0;
	int64_t least = order_price_least(t), payout = money_share_bp(least, share), stays = 0;

	if (!r->vertical || r->faults->count > 0)
		return;
	if (card)
		stays =
		    MAX_OF(card->margin_floor_minor, money_share_bp(least, card->margin_floor_bp));
	if (payout > least - stays)
		order_fault(
		    r, price->line,
		    "price: of %lld, which its modifiers can bring it to, %lld are the payout "
		    "and %lld must stay with the network: raise it, or set a floor",
		    (long long)least, (long long)payout, (long long)stays);
	if (payout == 0 && share > 0)
		order_fault(r, price->line,
			    "price: the webmaster's share of %lld rounds to nothing: raise it, or "
			    "set a floor",
			    (long long)least);
}

static void read_budget(struct order_reader *r, const struct yaml *item, order_terms *t)
{
	const struct yaml *budget = yaml_get(item, "budget");
	Punnet__V1__Budget *b = arena_alloc(r->arena, sizeof(*b));

	if (!budget)
		return;
	punnet__v1__budget__init(b);
	t->budget = b;
	yaml_int(budget, "day_minor", 1, ORDER_PRICE_MAX * 1000, &b->day_minor, r->faults);
	yaml_int(budget, "total_minor", 1, ORDER_PRICE_MAX * 1000, &b->total_minor, r->faults);
	if (b->day_minor == 0 && b->total_minor == 0)
		order_fault(r, budget->line, "budget: expected %s",
			    "{day_minor: 100000, total_minor: 3000000}; 0 would buy nothing");
	if (b->total_minor && b->day_minor > b->total_minor)
		order_fault(r, budget->line,
			    "budget.day_minor %lld can't be spent: total_minor is %lld",
			    (long long)b->day_minor, (long long)b->total_minor);
	yaml_refuse_unknown(budget, "budget", "day_minor, total_minor", r->faults);
}

void order_read_money(struct order_reader *r, const struct yaml *item, order_terms *t)
{
	const struct yaml *price = yaml_get(item, "price");
	Punnet__V1__Money *m = arena_alloc(r->arena, sizeof(*m));

	punnet__v1__money__init(m);
	t->price = m;
	if (!price || price->type != YAML_MAP) {
		order_fault(r, price ? price->line : item->line, "expected price: %s",
			    "{amount_minor: 45000, currency: RUB}");
		return;
	}
	yaml_int(price, "amount_minor", 1, ORDER_PRICE_MAX, &m->amount_minor, r->faults);
	yaml_int(price, "floor_minor", 1, ORDER_PRICE_MAX, &t->floor_minor, r->faults);
	m->currency = order_text(r, price, "currency");
	if (m->amount_minor == 0 && r->faults->count == 0)
		order_fault(r, price->line, "price: expected amount_minor, at least %d", 1);
	read_modifiers(r, price, t);
	yaml_refuse_unknown(price, "price", "amount_minor, currency, floor_minor, modifiers",
			    r->faults);
	check_currency(r, price, t);
	check_payout(r, price, t);
	read_budget(r, item, t);
}
