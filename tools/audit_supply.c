/* audit_supply: what the market log says of orders, rate cards, funds and holds, kept for the fold of audit_fold.c. */
#include "audit_tables.h"

static uint32_t name_or_none(struct audit *a, const char *name)
{
	return name && name[0] ? audit_name_of(a, name) : NONE;
}

/* --- orders --- */

static void keep_lists(struct audit *a, const struct audit_terms *t, struct a_terms *ret)
{
	ret->first_shift = (uint32_t)a->shifts.count;
	ret->shift_count = (uint32_t)t->shift_count;
	for (size_t i = 0; i < t->shift_count; i++)
		*VECTOR_ADD(a->shifts) = t->shifts[i];
	ret->first_span = (uint32_t)a->spans.count;
	ret->span_count = (uint32_t)t->open_count;
	for (size_t i = 0; i < t->open_count; i++)
		*VECTOR_ADD(a->spans) =
		    (struct a_span){t->open[i].from_minute, t->open[i].until_minute};
	ret->first_enemy = (uint32_t)a->enemies.count;
	ret->enemy_count = (uint32_t)t->not_with_count;
	for (size_t i = 0; i < t->not_with_count; i++)
		*VECTOR_ADD(a->enemies) = audit_name_of(a, t->not_with[i]);
	ret->first_country = (uint32_t)a->countries.count;
	ret->country_count = (uint32_t)t->country_count;
	for (size_t i = 0; i < t->country_count; i++)
		*VECTOR_ADD(a->countries) = audit_country_of(t->countries[i]);
}

static struct a_terms terms_of(struct audit *a, const struct audit_terms *t)
{
	bool modified = t->price_most_minor > 0;
	int64_t price = t->price.amount_minor;

	return (struct a_terms){.order = audit_order_of(a, t->order_id),
				.vertical = audit_vertical_of(a, t->vertical),
				.party = name_or_none(a, t->advertiser_id),
				.revision = t->revision,
				.quantity = t->quantity,
				.caps = {[AUDIT_HOUR] = t->cap_hour,
					 [AUDIT_DAY] = t->cap_day,
					 [AUDIT_WEEK] = t->cap_week,
					 [AUDIT_MONTH] = t->cap_month},
				.cap_total = t->cap_total,
				.cap_webmaster_day = t->cap_webmaster_day,
				.cap_webmaster_total = t->cap_webmaster_total,
				.budget_day_minor = t->budget_day_minor,
				.budget_total_minor = t->budget_total_minor,
				.share_limit = t->share_limit,
				.price_least_minor = modified ? t->price_least_minor : price,
				.price_most_minor = modified ? t->price_most_minor : price,
				.from_ms = t->from_ms,
				.until_ms = t->until_ms,
				.utc_offset_minutes = t->utc_offset_minutes,
				.paused = t->paused,
				.removed = t->removed};
}

void audit_order(struct audit *a, struct audit_at at, int64_t time_ms, const struct audit_terms *t)
{
	struct a_event *e = audit_event_add(a, at, time_ms, EVENT_ORDER);
	struct a_terms terms = terms_of(a, t);

	memcpy(terms.currency, t->price.currency, sizeof(terms.currency));
	keep_lists(a, t, &terms);
	*VECTOR_ADD(a->terms) = terms;
	e->about = (uint32_t)a->terms.count - 1;
	if (audit_is_dead(a, AUDIT_MARKET, at.partition, at.offset))
		e->kind = EVENT_OTHER;
}

/* --- rate cards --- */

static uint32_t keep_card(struct audit *a, const struct audit_rate *r)
{
	*VECTOR_ADD(a->cards) = (struct a_card){.share_bp = r->payout_share_bp,
						.has_lines = r->has_lines,
						.waits = r->waits,
						.first_line = (uint32_t)a->lines.count,
						.line_count = (uint32_t)r->line_count,
						.first_class = (uint32_t)a->classes.count,
						.class_count = (uint32_t)r->class_count,
						.tier_count = (uint32_t)r->tier_count,
						.floor_minor = r->margin_floor_minor,
						.floor_bp = r->margin_floor_bp};
	for (size_t i = 0; i < r->line_count; i++) {
		const struct audit_rate_line *l = &r->lines[i];

		*VECTOR_ADD(a->lines) =
		    (struct a_line){.order = l->order_id[0] ? audit_order_of(a, l->order_id) : NONE,
				    .webmaster = name_or_none(a, l->aff_id),
				    .source_class = name_or_none(a, l->source_class),
				    .tier = name_or_none(a, l->tier),
				    .share_bp = l->share_bp,
				    .fixed_minor = l->fixed_minor,
				    .from_ms = l->from_ms,
				    .until_ms = l->until_ms};
	}
	for (size_t i = 0; i < r->class_count; i++)
		*VECTOR_ADD(a->classes) =
		    (struct a_class){name_or_none(a, r->classes[i].aff_id),
				     name_or_none(a, r->classes[i].source_class)};
	a->cards.items[a->cards.count - 1].first_tier = (uint32_t)a->classes.count;
	for (size_t i = 0; i < r->tier_count; i++)
		*VECTOR_ADD(a->classes) = (struct a_class){
		    name_or_none(a, r->tiers[i].aff_id), name_or_none(a, r->tiers[i].source_class)};
	return (uint32_t)a->cards.count - 1;
}

void audit_rate(struct audit *a, struct audit_at at, int64_t time_ms, const struct audit_rate *r)
{
	struct a_event *e = audit_event_add(a, at, time_ms, EVENT_RATE);

	e->about = audit_vertical_of(a, r->vertical);
	e->value = keep_card(a, r);
	if (r->payout_share_bp > 10000 || audit_is_dead(a, AUDIT_MARKET, at.partition, at.offset))
		e->kind = EVENT_OTHER;
}

/* --- money and holds --- */

void audit_funds(struct audit *a, struct audit_at at, int64_t time_ms, const struct audit_funds *f)
{
	struct a_event *e = audit_event_add(a, at, time_ms, EVENT_FUNDS);
	struct a_funds funds = {.party = audit_name_of(a, f->advertiser_id),
				.limit_minor = f->paid_in_minor + f->credit_minor,
				.revision = f->revision,
				.unlimited = f->unlimited};

	strncpy(funds.currency, f->currency, sizeof(funds.currency) - 1);
	*VECTOR_ADD(a->funds) = funds;
	e->about = (uint32_t)a->funds.count - 1;
	if (audit_is_dead(a, AUDIT_MARKET, at.partition, at.offset))
		e->kind = EVENT_OTHER;
}

void audit_held(struct audit *a, struct audit_at at, int64_t time_ms, const char *advertiser_id,
		int64_t until_ms)
{
	struct a_event *e = audit_event_add(a, at, time_ms, EVENT_HELD);

	e->about = audit_name_of(a, advertiser_id);
	e->amount = until_ms;
	if (audit_is_dead(a, AUDIT_MARKET, at.partition, at.offset))
		e->kind = EVENT_OTHER;
}

/* --- what is known of a lead --- */

void audit_described(struct audit *a, const struct lead_id *id, const struct audit_description *d)
{
	struct a_lead *l = audit_lead(a, id);
	uint32_t vertical;

	if (!l || l->vertical != UNKNOWN)
		return;
	vertical = audit_vertical_of(a, d->vertical);
	l->vertical = (uint16_t)MIN_OF(vertical, UNKNOWN);
	l->webmaster = name_or_none(a, d->aff_id);
	l->country = audit_country_of(d->country);
	l->first_bid = (uint32_t)a->bids.count;
	l->bid_count = (uint8_t)MIN_OF(d->bid_count, UINT8_MAX);
	for (size_t i = 0; i < l->bid_count; i++)
		*VECTOR_ADD(a->bids) =
		    (struct a_bid){audit_order_of(a, d->bids[i].order_id), d->bids[i].amount_minor};
}
