/* pace: see pace.h.
 *
 * A step is one lead: the orders that could have it, and who gets it. It is made for the lead at hand, with the order that
 * really got it, and for leads of the sample, with the order that would get them at today's scarcity prices. The first keeps
 * deliveries to their plan, the others find the prices at which that costs least. */
#include "pace.h"

#include <stdlib.h>

#include "base/room.h"
#include "order.h"
#include "pace_forecast.h"

#define WORTH_SHIFT 6 /* a price moves the worth by a 64th of the difference */
#define SHARE_MOVES 7 /* a lead moves a share by a 128th */
#define STEP_FIRST  4 /* a step is a 16th of the worth at first, … */
#define STEP_LAST   6 /* … and a 64th later; towards an order's end it grows again */
#define HURRY_SHIFT                                                                                \
	3 /* an order that needs all that it can have lets an eighth go with each lead */
#define NEED_EVERY     32   /* leads, after which what is needed is worked out anew */
#define JUDGE_EVERY    128  /* the same of the forecast */
#define FITS_LEADS_MIN 512  /* which leads fit is told from the last day's, or so many */
#define SAMPLE_HOURS   6    /* what the sample reaches back, at least */
#define REPLAYS        4    /* leads of the sample with each lead, … */
#define REPLAYS_MORE   13   /* … and so many more at the beginning, … */
#define REPLAYS_FADE   4096 /* … a part of them up to this lead */
#define SETTLE_PASSES  40   /* over the sample, after the past */
#define DOUBT_LEADS    12   /* of the leads forecast, so many and a 64th may not come; */
#define DOUBT_PART     64   /* but not more than twice their square root */
#define KEPT_LEAST     8 /* who is kept with less than an eighth of his leads is not made up for more */
#define WATCH_MS       MS_PER_HOUR /* before anybody is kept waiting, at most, … */
#define WATCH_PART     200         /* … or this part of the order's life */
#define LEAN_GAIN                                                                                  \
	24 /* an even order off its plan by a part of its quantity leans by so many such parts of its worth */
#define MIX_1 0x9e3779b97f4a7c15u
#define MIX_2 0xbf58476d1ce4e5b9u

static void *made(void *p)
{
	if (!p)
		abort();
	return p;
}

static uint64_t taken(const struct order *o)
{
	return o->reserved + o->delivered;
}

void pacer_free(struct pacer *p)
{
	free(p->sample);
	free(p->bids);
}

void pacer_make_sample(struct pacer *p)
{
	p->sample = made(calloc(PACE_SAMPLE_LEADS, sizeof(*p->sample)));
}

void pace_begin(struct order *o, const struct pacer *p, int64_t now_ms)
{
	o->pace = made(malloc(sizeof(*o->pace)));
	*o->pace = (struct pace){.fits_from = p->leads, .kept = PACE_SHARE_ONE, .since_ms = now_ms};
}

/* A plan for what is left. */
static void plan_begin(struct order *o)
{
	o->pace->plan_from = taken(o);
	o->pace->could = 0;
	o->pace->lean = 0;
}

void pace_terms_changed(struct order *o, const struct pacer *p, int64_t now_ms)
{
	if (!o->pace && pace_wanted(o))
		pace_begin(o, p, now_ms);
	if (!o->pace)
		return;
	o->pace->rated_at = 0;
	plan_begin(o);
	if (!pace_wanted(o))
		o->pace->ready = false;
}

static int64_t scarcity(const struct order *o)
{
	return o->pace ? o->pace->scarcity : 0;
}

bool pace_ready(const struct order *o)
{
	return o->pace && o->pace->ready;
}

bool pace_wanted(const struct order *o)
{
	return o->terms->quantity > 0 && o->terms->until_ms > 0 && !o->removed;
}

int64_t pace_score_most(int64_t price_minor)
{
	return price_minor << PACE_MONEY_SHIFT;
}

int64_t pace_score(const struct order *o, int64_t price_minor)
{
	return pace_score_most(price_minor) -
	       (pace_ready(o) ? MAX_OF(scarcity(o) + o->pace->lean, 0) : 0);
}

bool pace_waits(const struct order *o, int64_t price_minor)
{
	return pace_ready(o) && pace_score(o, price_minor) < 0;
}

/* --- what is left, and what will come --- */

uint64_t pace_left(const struct order *o)
{
	uint64_t most = order_cap_total(o);

	return most > taken(o) ? most - taken(o) : 0;
}

/* An order that was not seen yet takes every lead. */
uint64_t pace_supply(const struct pacer *p, const struct order *o, int64_t now_ms)
{
	uint64_t come =
	    pace_clock_expect(&p->clock, MAX_OF(now_ms, o->terms->from_ms), o->terms->until_ms);
	uint64_t seen = p->leads - o->pace->fits_from;

	return (uint64_t)((unsigned __int128)come * (o->pace->fits + 1) / (seen + 1));
}

/* Before enough was watched nobody is kept waiting: what is forecast from minutes is worth nothing. */
static bool watched(const struct pacer *p, const struct order *o, int64_t now_ms)
{
	int64_t life_ms = o->terms->until_ms - MAX_OF(o->terms->from_ms, o->begin_ms);

	return pace_clock_watched_ms(&p->clock, now_ms) >= MIN_OF(WATCH_MS, life_ms / WATCH_PART);
}

/* So much of what is forecast is reckoned with: the fewer leads there are, the more doubtful is each. */
static uint64_t sure(uint64_t supply)
{
	uint64_t doubt = MIN_OF(2 * pace_root(supply), supply / DOUBT_PART + DOUBT_LEADS);

	return supply - MIN_OF(doubt, supply);
}

/* The root of what is to come: a few leads before the end they must still be able to move a price all the way. */
static uint8_t step_shift(uint64_t supply)
{
	uint8_t shift = 1;

	for (; supply > 0; supply >>= 2)
		shift++;
	return shift;
}

/* A lead is kept in the sample with the orders that ranked highest for it; where an order is one of them, it stands for the
 * others too. */
static void set_steps(struct pace *pace)
{
	unsigned shift = STEP_FIRST;
	int64_t kept = MAX_OF(pace->kept, PACE_SHARE_ONE / KEPT_LEAST);
	int64_t kept_need = ((int64_t)pace->need << PACE_SHARE_SHIFT) / kept;

	for (uint64_t n = pace->learned >> 6; n > 0 && shift < STEP_LAST; n >>= 2)
		shift++;
	pace->step = pace->worth >> MIN_OF(shift, pace->step_shift);
	pace->pull = (int64_t)((__int128)pace->step * pace->need >> PACE_SHARE_SHIFT);
	pace->kept_pull = (int64_t)((__int128)pace->step * kept_need >> PACE_SHARE_SHIFT);
}

/* By its plan it has of what it wants the part that has come of the leads which it can have. Who is ahead of it ranks lower, who
 * is behind higher, and not only as far as the prices to come say. */
static void set_lean(struct order *o, uint64_t supply)
{
	struct pace *pace = o->pace;
	uint64_t had = taken(o) - MIN_OF(pace->plan_from, taken(o)), wants = pace_left(o) + had;
	uint64_t by_plan =
	    (uint64_t)((unsigned __int128)wants * pace->could / MAX_OF(pace->could + supply, 1u));
	__int128 lean = (__int128)pace->worth * LEAN_GAIN * ((int64_t)had - (int64_t)by_plan);

	lean /= (int64_t)MAX_OF(wants, 1u);
	pace->lean = (int64_t)MIN_OF(MAX_OF(lean, -pace->worth), pace->worth);
}

static void rate(const struct pacer *p, struct order *o, int64_t now_ms)
{
	uint64_t wants = pace_left(o) << PACE_SHARE_SHIFT;
	uint64_t supply = sure(pace_supply(p, o, now_ms));
	bool judged;

	judged = o->pace->rated_at / JUDGE_EVERY == p->leads / JUDGE_EVERY;
	o->pace->rated_at = p->leads;
	o->pace->step_shift = step_shift(supply);
	o->pace->need = PACE_SHARE_ONE;
	if (supply > 0 && wants / supply < PACE_SHARE_ONE)
		o->pace->need = (uint32_t)(wants / supply);
	o->pace->ready = pace_wanted(o) && watched(p, o, now_ms);
	set_steps(o->pace);
	if (o->terms->even)
		set_lean(o, pace_supply(p, o, now_ms));
	if (!judged)
		pace_judge(p, o, now_ms);
}

/* --- steps --- */

/* One lead that the order could have had. */
static void move(struct pace *pace, int64_t pull, bool won)
{
	pace->scarcity += (won ? pace->step : 0) - pull;
	if (pace->need == PACE_SHARE_ONE)
		pace->scarcity -= pace->scarcity >> HURRY_SHIFT;
	pace->scarcity = MAX_OF(pace->scarcity, 0);
	pace->learned++;
	if ((pace->learned & (pace->learned - 1)) == 0)
		set_steps(pace);
}

static void share_moves(uint32_t *share, bool hit)
{
	int64_t target = hit ? PACE_SHARE_ONE : 0, is = *share;

	*share = (uint32_t)(is + ((target - is) >> SHARE_MOVES));
}

/* --- the sample --- */

static bool open_at(const struct order *o, int64_t at_ms)
{
	const struct terms *t = o->terms;

	return !o->removed && (t->quantity == 0 || pace_left(o) > 0) && t->from_ms <= at_ms &&
	       (t->until_ms == 0 || at_ms < t->until_ms);
}

/* Leads are played again at a time to come, in the life of one of those that could have them: who competes then is not who
 * competes now. */
static int64_t time_to_come(const struct pace_lead *lead, uint64_t draw, int64_t now_ms)
{
	const struct order *o = lead->bids[(draw & 0xffff) % lead->count].order;
	int64_t from_ms = MAX_OF(now_ms, o->terms->from_ms);
	uint64_t part = draw >> 16 & UINT32_MAX;

	if (o->terms->until_ms <= from_ms)
		return now_ms;
	return from_ms +
	       (int64_t)((unsigned __int128)(uint64_t)(o->terms->until_ms - from_ms) * part >> 32);
}

/* Who would get it at these scarcity prices; the second best tells who would if he wanted it most. */
static void replay(const struct pace_lead *lead, int64_t at_ms)
{
	int64_t best = 0, second = 0;
	const struct order *winner = NULL;

	for (uint32_t i = 0; i < lead->count; i++) {
		const struct order *o = lead->bids[i].order;
		int64_t score = pace_score_most(lead->bids[i].price_minor) - scarcity(o);

		if (score < 0 || !open_at(o, at_ms))
			continue;
		if (!winner || score > best) {
			second = winner ? best : 0;
			best = score;
			winner = o;
		} else if (score > second) {
			second = score;
		}
	}
	for (uint32_t i = 0; i < lead->count; i++) {
		struct order *o = lead->bids[i].order;
		int64_t most = pace_score_most(lead->bids[i].price_minor);

		if (!pace_wanted(o) || !open_at(o, at_ms))
			continue;
		share_moves(&o->pace->reach, most >= (o == winner ? second : best));
		move(o->pace, o->pace->kept_pull, o == winner);
	}
}

/* A fixed walk that looks like none. */
static uint64_t mixed(uint64_t n)
{
	n = (n + 1) * MIX_1;
	n ^= n >> 29;
	n *= MIX_2;
	return n ^ n >> 32;
}

static void replay_some(struct pacer *p, uint64_t from, uint64_t count, int64_t now_ms)
{
	uint64_t kept = MIN_OF(p->sampled, (uint64_t)PACE_SAMPLE_LEADS);

	for (uint64_t i = 0; kept > 0 && i < count; i++) {
		uint64_t draw = mixed(from + i);
		const struct pace_lead *lead = &p->sample[(draw >> 48) % kept];

		replay(lead, time_to_come(lead, draw, now_ms));
	}
}

/* In the order of their scores; the last one of a full list makes room. */
static void put_bid(struct pace_lead *lead, struct pace_bid bid)
{
	int64_t score = pace_score(bid.order, bid.price_minor);
	uint32_t at = lead->count;

	if (at == PACE_SAMPLE_ORDERS) {
		const struct pace_bid *last = &lead->bids[--at];

		if (score <= pace_score(last->order, last->price_minor))
			return;
	} else {
		lead->count++;
	}
	for (; at > 0; at--) {
		const struct pace_bid *before = &lead->bids[at - 1];

		if (score <= pace_score(before->order, before->price_minor))
			break;
		lead->bids[at] = *before;
	}
	lead->bids[at] = bid;
}

/* In an order that no index has a say in: of equal scores the first one stays. */
static int compare_bids(const void *a, const void *b)
{
	const struct pace_bid *x = a, *y = b;

	return (x->order->index > y->order->index) - (x->order->index < y->order->index);
}

static void keep(struct pacer *p)
{
	struct pace_lead *lead;
	const struct pace_bid *last;
	int64_t least;

	if (!p->sample)
		pacer_make_sample(p);
	lead = &p->sample[p->sampled++ % PACE_SAMPLE_LEADS];
	lead->count = 0;
	qsort(p->bids, p->bid_count, sizeof(*p->bids), compare_bids);
	for (size_t i = 0; i < p->bid_count; i++)
		put_bid(lead, p->bids[i]);
	last = &lead->bids[lead->count - 1];
	least = p->bid_count > lead->count ? pace_score(last->order, last->price_minor) : INT64_MIN;
	for (size_t i = 0; i < p->bid_count; i++) {
		struct order *o = p->bids[i].order;

		if (o->pace)
			share_moves(&o->pace->kept, pace_score(o, p->bids[i].price_minor) >= least);
	}
}

/* --- the lead at hand --- */

void pace_start(struct pacer *p)
{
	p->bid_count = 0;
}

void pace_fits(struct pacer *p, struct order *o, int64_t price_minor)
{
	p->bids = room_for_one(p->bids, p->bid_count, &p->bid_cap, sizeof(*p->bids));
	p->bids[p->bid_count++] = (struct pace_bid){o, price_minor};
}

static uint64_t leads_in(const struct pacer *p, int64_t hours)
{
	int64_t from_ms = p->clock.hour * MS_PER_HOUR;

	return pace_clock_expect(&p->clock, from_ms, from_ms + hours * MS_PER_HOUR);
}

/* Which share of the vertical's leads fits: older leads fade by halves. */
static void note_fit(const struct pacer *p, struct pace *pace, int64_t price_minor, uint64_t window)
{
	uint64_t seen = p->leads - pace->fits_from;

	if (pace->fits == 0)
		pace->worth = pace_score_most(price_minor);
	pace->worth += (pace_score_most(price_minor) - pace->worth) >> WORTH_SHIFT;
	pace->fits++;
	if (seen <= 2 * window)
		return;
	pace->fits /= 2;
	pace->fits_from += seen / 2;
}

static void learn(struct pacer *p, const struct order *winner, int64_t now_ms, bool past)
{
	uint64_t window;
	size_t paced = 0;

	p->leads++;
	pace_clock_lead(&p->clock, now_ms);
	window = MAX_OF(leads_in(p, 24), (uint64_t)FITS_LEADS_MIN);
	for (size_t i = 0; i < p->bid_count; i++) {
		struct order *o = p->bids[i].order;
		struct pace *pace = o->pace;

		if (!pace_wanted(o))
			continue;
		paced++;
		note_fit(p, pace, p->bids[i].price_minor, window);
		if (pace->rated_at == 0 || p->leads - pace->rated_at >= NEED_EVERY || o == winner)
			rate(p, o, now_ms);
		if (past)
			continue;
		pace->could++;
		move(pace, pace->pull, o == winner);
	}
	if (paced > 0 && p->leads % MAX_OF(leads_in(p, SAMPLE_HOURS) / PACE_SAMPLE_LEADS, 1u) == 0)
		keep(p);
}

void pace_learn(struct pacer *p, const struct order *winner, int64_t now_ms)
{
	uint64_t more;

	learn(p, winner, now_ms, false);
	more = MIN_OF(REPLAYS_FADE / p->leads, (uint64_t)REPLAYS_MORE);
	replay_some(p, p->leads * (REPLAYS + REPLAYS_MORE), REPLAYS + more, now_ms);
}

void pace_learn_past(struct pacer *p, int64_t at_ms)
{
	learn(p, NULL, at_ms, true);
}

void pace_unseen(struct order *o, const struct pacer *p)
{
	if (o->pace && o->pace->fits == 0)
		o->pace->fits_from = p->leads;
}

void pace_settle(struct pacer *p, int64_t now_ms)
{
	uint64_t kept = MIN_OF(p->sampled, (uint64_t)PACE_SAMPLE_LEADS);

	for (uint64_t i = 0; i < kept; i++) {
		for (uint32_t k = 0; k < p->sample[i].count; k++) {
			if (p->sample[i].bids[k].order->pace)
				rate(p, p->sample[i].bids[k].order, now_ms);
		}
	}
	replay_some(p, 0, SETTLE_PASSES * kept, now_ms);
}
