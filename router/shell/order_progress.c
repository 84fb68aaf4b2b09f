/* order_progress: how far the orders have come, for boards and reports: at most once a second, only what changed. No
 * decision depends on it, so no source record waits for it. A removed order that holds nothing leaves a tombstone. */
#include "decide.h"
#include "proto/orders_progress.pb-c.h"
#include "router/core/holds.h"
#include "router/core/pace_forecast.h"
#include "runtime/clock.h"

/* Who sends alerts remembers since_ms, and sends one for each. */
static void fill_pace(const struct market *m, const struct order *o, Punnet__V1__Pace *ret)
{
	int64_t now_ms = market_log_time_ms(m);
	struct pace_forecast f = pace_forecast(market_pacer(m, o), o, now_ms);
	enum pace_state state = pace_state_of(o, &f);

	punnet__v1__pace__init(ret);
	ret->state = (Punnet__V1__PaceState)state;
	ret->since_ms = state == o->pace->state ? o->pace->since_ms : now_ms;
	ret->planned = f.planned;
	ret->expected = f.expected;
	ret->low = f.low;
	ret->high = f.high;
	ret->supply = f.supply;
	ret->scarcity_minor = pace_ready(o) ? o->pace->scarcity >> PACE_MONEY_SHIFT : 0;
}

static bool fill_lowered(const struct order *o, int64_t now_ms, Punnet__V1__RankLowered *ret)
{
	if (!hold_lowers(o->hold, now_ms))
		return false;
	punnet__v1__rank_lowered__init(ret);
	ret->since_ms = o->hold->lower_since_ms;
	ret->until_ms = o->hold->lower_until_ms;
	ret->lower_bp = o->hold->lower_bp;
	ret->reason_code = (char *)o->hold->lower_reason;
	return true;
}

static void tell(struct part *p, const struct order *o, struct arena *a)
{
	const struct decide *d = p->state;
	const Punnet__V1__OrderTerms *t = terms_published(o->terms, a);
	Punnet__V1__Pace pace;
	Punnet__V1__RankLowered lowered;
	Punnet__V1__OrderProgress m = PUNNET__V1__ORDER_PROGRESS__INIT;
	int64_t now_ms = market_log_time_ms(d->market);
	struct slice key = slice_cstr(t->order_id);
	int32_t to = router_partition(p->stage->router, "orders.progress", key);

	if (o->removed && o->reserved == 0) {
		part_send(p, "orders.progress", to, key, NULL, NULL, 0);
		return;
	}
	m.order_id = t->order_id;
	m.advertiser_id = t->advertiser_id;
	m.vertical = t->vertical;
	m.revision = o->revision;
	m.price = t->price;
	m.quantity = t->quantity;
	m.reserved = o->reserved;
	m.delivered = o->delivered;
	m.returned = o->returned;
	m.taken_hour = order_taken(o, WINDOW_HOUR, now_ms);
	m.taken_day = order_taken(o, WINDOW_DAY, now_ms);
	m.cap_hour = order_cap(o, WINDOW_HOUR);
	m.cap_day = order_cap(o, WINDOW_DAY);
	m.cap_total = t->caps ? t->caps->total : 0;
	m.paused = t->paused || o->removed;
	m.until_ms = t->until_ms;
	m.log_time_ms = now_ms;
	m.market_offset = (uint64_t)d->folded;
	m.market_partition = (uint32_t)p->partition;
	m.spent_minor = o->spent_minor;
	m.n_countries = t->n_countries;
	m.countries = t->countries;
	if (pace_wanted(o)) {
		fill_pace(d->market, o, &pace);
		m.pace = &pace;
	}
	if (fill_lowered(o, now_ms, &lowered))
		m.lowered = &lowered;
	part_send(p, "orders.progress", to, key, &m.base, NULL, 0);
}

void order_progress_turn(struct part *p)
{
	struct decide *d = p->state;
	int64_t now_ms = clock_monotonic_ms();
	struct arena words = {0};
	struct order *o;

	/* On the way up from a snapshot the counters are old news. */
	if (now_ms - d->progress_ms < ROUTER_PROGRESS_MS || d->folded + 1 < d->emit_from)
		return;
	d->progress_ms = now_ms;
	for (size_t i = 0; (o = market_order_at(d->market, i)) && router_has_room(p->stage->router);
	     i++) {
		if (!o->changed)
			continue;
		o->changed = false;
		tell(p, o, &words);
		arena_reset(&words);
	}
	arena_free(&words);
}
