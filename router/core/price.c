/* price: see price.h. */
#include "price.h"

#include "base/money.h"

static const struct bid *bid_of(const struct order *o, const struct lead_view *lead)
{
	for (size_t i = 0; i < lead->bid_count; i++) {
		if (lead->bids[i].order == o->index)
			return &lead->bids[i];
	}
	return NULL;
}

bool price_is_bid(const struct order *o, const struct lead_view *lead)
{
	return bid_of(o, lead) != NULL;
}

static bool modifier_holds(const struct modifier *m, const struct order *o,
			   const struct lead_view *lead, int64_t now_ms)
{
	int64_t until_ms;

	for (size_t i = 0; i < m->where_count; i++) {
		const struct criterion *c = &m->where[i];

		if (criterion_ask(c, &lead->values[c->attribute]) != FIT)
			return false;
	}
	return clock_inside(&o->terms->clock, m->hours, now_ms, &until_ms);
}

/* By a share that may be above the whole, or below nothing. */
static int64_t changed_by_bp(int64_t price_minor, int64_t bp)
{
	return price_minor + (int64_t)((__int128)price_minor * bp / 10000);
}

int64_t price_of(const struct order *o, const struct lead_view *lead, int64_t now_ms)
{
	const struct terms *t = o->terms;
	int64_t price = t->price_minor, bp = 0;

	if (lead->has_bids) {
		const struct bid *bid = bid_of(o, lead);

		return bid ? bid->amount_minor : 0;
	}
	if (t->modifier_count == 0)
		return MAX_OF(price, t->floor_minor);
	for (size_t i = 0; i < t->modifier_count; i++) {
		if (modifier_holds(&t->modifiers[i], o, lead, now_ms))
			bp += t->modifiers[i].plus_bp;
	}
	price = MAX_OF(changed_by_bp(price, bp), t->floor_minor);
	return MIN_OF(price, ORDER_PRICE_MAX_MINOR);
}

/* --- the rate card --- */

const char *card_fault(const Punnet__V1__RateChanged *card)
{
	if (!card->vertical[0] || card->payout_share_bp > SHARE_BP_MAX)
		return "no vertical, or a share above the whole";
	if (card->n_rates > RATES_MAX || card->margin_floor_minor < 0 ||
	    card->margin_floor_bp > SHARE_BP_MAX || card->buyer_wait_ms < 0 ||
	    card->n_tier_holders > TIERED_MAX)
		return "a rate card out of its limits";
	for (size_t i = 0; i < card->n_rates; i++) {
		const Punnet__V1__PayoutRate *r = card->rates[i];

		if (r->share_bp > SHARE_BP_MAX || r->fixed_minor < 0 || r->from_ms < 0 ||
		    r->until_ms < 0 ||
		    (!r->order_id[0] && !r->aff_id[0] && !r->source_class[0] && !r->tier[0]))
			return "a rate that names nothing, or is out of its limits";
	}
	return NULL;
}

/* How much of a sale a line names: a webmaster before an order, an order before what a webmaster is reckoned among. */
static int rate_rank(const Punnet__V1__PayoutRate *r)
{
	return (r->aff_id[0] ? 8 : 0) + (r->order_id[0] ? 4 : 0) + (r->tier[0] ? 2 : 0) +
	       (r->source_class[0] ? 1 : 0);
}

static void add_order_rate(struct lead_view *lead, uint32_t order, const Punnet__V1__PayoutRate *r)
{
	size_t at = lead->order_rate_count++;

	/* The earlier one of two equal ones stays before the later. */
	while (at > 0 && rate_rank(lead->order_rates[at - 1].rate) < rate_rank(r)) {
		lead->order_rates[at] = lead->order_rates[at - 1];
		at--;
	}
	lead->order_rates[at] = (struct order_rate){.order = order, .rate = r};
}

bool rate_holds(const Punnet__V1__PayoutRate *r, int64_t now_ms)
{
	return r->from_ms <= now_ms && (r->until_ms == 0 || now_ms < r->until_ms);
}

void rates_choose(struct lead_view *lead, int64_t now_ms, struct slice source_class,
		  order_index_fn order_index, const void *ctx, struct arena *a)
{
	const Punnet__V1__RateChanged *card = lead->card;

	if (!card || card->n_rates == 0)
		return;
	lead->order_rates = arena_alloc(a, card->n_rates * sizeof(*lead->order_rates));
	for (size_t i = 0; i < card->n_rates; i++) {
		const Punnet__V1__PayoutRate *r = card->rates[i];
		uint32_t order;

		if (!rate_holds(r, now_ms) ||
		    (r->aff_id[0] && strcmp(r->aff_id, lead->lead->aff_id) != 0) ||
		    (r->source_class[0] && !slice_is(source_class, r->source_class)) ||
		    (r->tier[0] && (!lead->tier || strcmp(r->tier, lead->tier->tier) != 0)))
			continue;
		if (!r->order_id[0]) {
			if (!lead->rate || rate_rank(r) > rate_rank(lead->rate))
				lead->rate = r;
			continue;
		}
		order = order_index(ctx, r->order_id);
		if (order != UINT32_MAX)
			add_order_rate(lead, order, r);
	}
}

static const Punnet__V1__PayoutRate *rate_of(const struct order *o, const struct lead_view *lead)
{
	for (size_t i = 0; i < lead->order_rate_count; i++) {
		const Punnet__V1__PayoutRate *r = lead->order_rates[i].rate;

		if (lead->order_rates[i].order != o->index)
			continue;
		return lead->rate && rate_rank(lead->rate) > rate_rank(r) ? lead->rate : r;
	}
	return lead->rate;
}

struct payout payout_of(const struct order *o, const struct lead_view *lead, int64_t price_minor)
{
	struct payout p = {.rate = rate_of(o, lead), .share_bp = lead->payout_share_bp};

	if (p.rate) {
		p.share_bp = p.rate->share_bp;
		p.fixed_minor = p.rate->fixed_minor;
	}
	p.amount_minor =
	    p.fixed_minor > 0 ? p.fixed_minor : money_share_bp(price_minor, p.share_bp);
	if (lead->card)
		p.margin_floor_minor =
		    MAX_OF(lead->card->margin_floor_minor,
			   money_share_bp(price_minor, lead->card->margin_floor_bp));
	return p;
}
