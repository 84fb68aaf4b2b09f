/* pace_forecast: see pace_forecast.h.
 *
 * An order that needs less than it can reach is paced to land on its quantity. What it can reach is what fits it, of the leads
 * to come, times the share that it would win if it wanted all. How far that may be off is the leads' own luck, which is the
 * root of their number, how well that share is known, and what nobody foresees: an eighth. */
#include "pace_forecast.h"

#include "order.h"

#define UNFORESEEN_PART 8   /* of the leads to come: one standard deviation */
#define RANGE_PERCENT   128 /* of a standard deviation: four out of five lie within */
#define FAST_PART       10  /* ahead of its plan by a tenth of its quantity, … */
#define CALM_PART       20  /* … and no longer below a twentieth */
#define TOLD_PART       64  /* of the quantity: a smaller change of the forecast is not told */

uint64_t pace_root(uint64_t n)
{
	uint64_t root, next;

	if (n == 0)
		return 0;
	/* From a power of two that is not below it, it comes down. */
	next = 1ULL << ((64 - (unsigned)__builtin_clzll(n) + 1) / 2);
	do {
		root = next;
		next = (root + n / root) / 2;
	} while (next < root);
	return root;
}

/* Its quantity, in proportion to the leads that should have come. */
static uint64_t planned(const struct pacer *p, const struct order *o, int64_t now_ms)
{
	int64_t begin_ms = MAX_OF(o->terms->from_ms, o->begin_ms);
	uint64_t so_far = pace_clock_expect(&p->clock, begin_ms, now_ms);
	uint64_t in_all = pace_clock_expect(&p->clock, begin_ms, o->terms->until_ms);

	if (in_all == 0)
		return 0;
	return (uint64_t)((unsigned __int128)o->terms->quantity * MIN_OF(so_far, in_all) / in_all);
}

/* Half of the range about `reach` leads out of `supply`, of which the share is known from some 256 leads of the sample. */
static uint64_t range_of(uint64_t supply, uint64_t reach, uint64_t share)
{
	uint64_t unforeseen = reach / UNFORESEEN_PART, known;

	share = MIN_OF(MAX_OF(share, PACE_SHARE_ONE / 128), PACE_SHARE_ONE * 127ull / 128);
	known = pace_root(share * (PACE_SHARE_ONE - share)) / 16;
	known = (uint64_t)((unsigned __int128)supply * known >> PACE_SHARE_SHIFT);
	return pace_root(reach + unforeseen * unforeseen + known * known) * RANGE_PERCENT / 100;
}

struct pace_forecast pace_forecast(const struct pacer *p, const struct order *o, int64_t now_ms)
{
	struct pace_forecast f = {0};
	uint64_t taken = o->reserved + o->delivered, left = pace_left(o), reach, off;

	if (!pace_wanted(o))
		return f;
	f.supply = pace_supply(p, o, now_ms);
	reach = (uint64_t)((unsigned __int128)f.supply * o->pace->reach >> PACE_SHARE_SHIFT);
	off = range_of(f.supply, reach, o->pace->reach);
	f.planned = planned(p, o, now_ms);
	f.expected = taken + MIN_OF(left, reach);
	f.low = taken + MIN_OF(left, reach - MIN_OF(off, reach));
	f.high = taken + MIN_OF(left, reach + off);
	return f;
}

enum pace_state pace_state_of(const struct order *o, const struct pace_forecast *f)
{
	uint64_t quantity = o->terms->quantity, taken = o->reserved + o->delivered;
	uint64_t ahead = taken > f->planned ? taken - f->planned : 0;

	if (!pace_wanted(o))
		return PACE_NONE;
	if (taken >= quantity)
		return PACE_FILLED;
	if (!o->pace->ready)
		return PACE_LEARNS;
	/* What was said is said until it clearly holds no longer. */
	if (f->high < quantity || (o->pace->state == PACE_SHORT && f->expected < quantity))
		return PACE_SHORT;
	if (ahead > quantity / FAST_PART ||
	    (o->pace->state == PACE_FAST && ahead > quantity / CALM_PART))
		return PACE_FAST;
	return PACE_ON_PLAN;
}

void pace_judge(const struct pacer *p, struct order *o, int64_t now_ms)
{
	struct pace_forecast f = pace_forecast(p, o, now_ms);
	enum pace_state state = pace_state_of(o, &f);
	uint64_t moved =
	    f.expected > o->pace->told ? f.expected - o->pace->told : o->pace->told - f.expected;

	if (state != o->pace->state) {
		o->pace->state = (uint8_t)state;
		o->pace->since_ms = now_ms;
		o->changed = true;
	}
	if (moved > o->terms->quantity / TOLD_PART) {
		o->pace->told = f.expected;
		o->changed = true;
	}
}

const char *pace_state_name(enum pace_state state)
{
	static const char *const names[PACE_STATES] = {
	    [PACE_NONE] = "none",   [PACE_LEARNS] = "learns", [PACE_ON_PLAN] = "on_plan",
	    [PACE_SHORT] = "short", [PACE_FAST] = "fast",     [PACE_FILLED] = "filled",
	};

	return names[state];
}
