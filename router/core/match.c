/* match: leaves of the index in the order of their bounds, until nobody that is left can matter. */
#include "match.h"

/* The best so many of a group, in rank order. */
struct ranked {
	struct candidate items[MARKET_CANDIDATES_MAX];
	size_t count, most;
};

struct search {
	struct vertical *v;
	const struct lead_view *lead;
	int64_t now_ms;
	uint32_t touched; /* constraints that the lead can miss */
	struct index_rows rows;
	struct ranked fits, near, far;
};

static bool full_above(const struct ranked *r, struct rank_key bound)
{
	return r->count == r->most &&
	       rank_key_compare(rank_key_of(&r->items[r->count - 1]), bound) < 0;
}

static void keep(struct ranked *r, const struct candidate *c)
{
	size_t at = r->count;

	if (at == r->most) {
		if (at == 0 || candidate_compare(c, &r->items[at - 1]) > 0)
			return;
		at--;
	} else {
		r->count++;
	}
	while (at > 0 && candidate_compare(c, &r->items[at - 1]) < 0) {
		r->items[at] = r->items[at - 1];
		at--;
	}
	r->items[at] = *c;
}

/* In builds for tests all are asked: whom the index proved to fit, and whom the lead can't miss, must fit. */
static struct answer ask_constraints(struct search *s, const struct order *o, uint32_t proved,
				     struct miss *ret_miss)
{
	uint32_t which = o->terms->constraints & s->touched & ~proved;
	struct answer answer = constraints_ask_some(which, o, s->lead, s->now_ms, ret_miss);
#ifdef PUNNET_FAULTS
	struct miss miss = {0};
	struct answer all = constraints_ask(o, s->lead, s->now_ms, &miss);

	assert(all.fit == answer.fit && miss.code == ret_miss->code &&
	       miss.until_ms == ret_miss->until_ms);
#endif
	return answer;
}

static struct candidate ask(struct search *s, struct order *o, uint32_t proved)
{
	struct candidate c = {.order = o, .now_ms = s->now_ms};
	struct answer answer = ask_constraints(s, o, proved, &c.miss);

	c.fits = answer.fit == FIT;
	c.nearness = c.fits ? 0 : answer.nearness;
	c.near = !c.fits && answer.nearness >= NEARNESS_NEAR;
	c.price_minor = price_of(o, s->lead, s->now_ms);
	c.score = rank_score(o, c.price_minor, s->now_ms);
	if (!c.fits && answer.standing)
		index_close(&s->v->index, o, c.near, c.miss.until_ms);
	return c;
}

static bool was_offered(const struct lead_view *lead, const struct order *o)
{
	for (size_t i = 0; i < lead->holding_count; i++) {
		if (lead->holdings[i].order == o->index)
			return true;
	}
	return false;
}

/* Who could have it, were it not for pacing: that is what pacing learns from. */
static void tell_pacer(struct search *s, const struct candidate *c)
{
	if (c->fits || c->miss.code == REASON_ROUTE_PACED)
		pace_fits(&s->v->pacer, c->order, rank_price(c->order, c->price_minor, c->now_ms));
}

/* Which orders were asked hangs on who stands in a leaf with whom, and that on the index's past, which no snapshot knows.
 * Pacing learns of those only whom any index would have asked. */
static void forget_chance_asks(struct search *s)
{
	struct pacer *p = &s->v->pacer;
	size_t count = 0;

	for (size_t i = 0; i < p->bid_count; i++) {
		if (!full_above(&s->fits, rank_bound(p->bids[i].order)))
			p->bids[count++] = p->bids[i];
	}
	p->bid_count = count;
}

static void sort_in(struct search *s, struct order *o, uint32_t proved)
{
	struct candidate c = ask(s, o, proved);

	tell_pacer(s, &c);
	if (c.fits)
		keep(&s->fits, &c);
	else if (c.near)
		keep(&s->near, &c);
}

/* Who had the lead before has a reason of its own, whatever its terms say now. */
static void ask_holders(struct search *s)
{
	for (size_t i = 0; i < s->lead->holding_count; i++) {
		struct order *o = s->lead->orders[s->lead->holdings[i].order];

		if (!o->removed)
			sort_in(s, o, 0);
	}
}

/* Of a sale no more near misses are shown than this; of what is not sold yet, as many as there is room for. */
static bool near_enough(const struct search *s, struct rank_key bound)
{
	size_t most = s->fits.count > 0 ? MATCH_SOLD_MAX : MARKET_CANDIDATES_MAX;

	return s->near.count >= most &&
	       rank_key_compare(rank_key_of(&s->near.items[most - 1]), bound) < 0;
}

/* Orders lie anywhere in memory, their terms elsewhere: waiting for those of a leaf all together is most of its cost. */
static void fetch(struct order *const *orders, size_t count)
{
	for (size_t i = 0; i < count; i++)
		order_fetch(orders[i]);
	for (size_t i = 0; i < count; i++)
		order_fetch_terms(orders[i]);
}

static void ask_leaf(struct search *s, const struct index_leaf *leaf)
{
	const struct match_index *ix = &s->v->index;
	uint64_t met = index_meet(ix, &s->rows, leaf->word) & ~ix->far[leaf->word];
	struct order *orders[INDEX_LEAF];
	struct index_doubts doubts;
	size_t count = 0;

	if (near_enough(s, leaf->bound))
		met &= ~ix->near[leaf->word];
	for (; met; met &= met - 1) {
		struct order *o =
		    ix->slots[leaf->word * INDEX_LEAF + (uint32_t)__builtin_ctzll(met)];

		if (s->lead->holding_count == 0 || !was_offered(s->lead, o))
			orders[count++] = o;
	}
	fetch(orders, count);
	doubts = index_doubts_of(&s->rows, leaf->word);
	for (size_t i = 0; i < count; i++) {
		/* Below all that are shown nobody is shown, whether he fits or not. */
		if (!full_above(&s->fits, rank_bound(orders[i])))
			sort_in(s, orders[i], index_proved(&doubts, orders[i]));
	}
}

static void ask_all(struct search *s)
{
	const struct match_index *ix = &s->v->index;

	index_rows_of(ix, s->lead->values, &s->rows);
	ask_holders(s);
	for (size_t i = 0; i < ix->leaf_count; i++) {
		if (full_above(&s->fits, ix->leaves[i].bound))
			return;
		ask_leaf(s, &ix->leaves[i]);
	}
}

static void ask_bidders(struct search *s, size_t *ret_asked)
{
	for (size_t i = 0; i < s->lead->bid_count; i++) {
		struct order *o = s->lead->orders[s->lead->bids[i].order];
		struct candidate c;

		if (o->removed || !o->indexed)
			continue;
		(*ret_asked)++;
		c = ask(s, o, 0);
		tell_pacer(s, &c);
		keep(c.fits ? &s->fits : c.near ? &s->near : &s->far, &c);
	}
}

static void ask_far(struct search *s, size_t most)
{
	const struct match_index *ix = &s->v->index;

	s->far.most = most;
	for (size_t i = 0; i < ix->leaf_count && !full_above(&s->far, ix->leaves[i].bound); i++) {
		uint32_t word = ix->leaves[i].word;

		for (uint64_t live = ix->live[word]; live; live &= live - 1) {
			struct candidate c = ask(
			    s, ix->slots[word * INDEX_LEAF + (uint32_t)__builtin_ctzll(live)], 0);

			if (!c.fits && !c.near)
				keep(&s->far, &c);
		}
	}
}

static void record(struct match *m, const struct ranked *r, size_t most)
{
	size_t count = MIN_OF(r->count, most);

	memcpy(&m->best[m->count], r->items, count * sizeof(*r->items));
	m->count += count;
}

static size_t near_before(const struct search *s)
{
	size_t n = s->near.count;

	if (s->fits.count < s->fits.most)
		return n;
	while (n > 0 &&
	       candidate_compare(&s->near.items[n - 1], &s->fits.items[s->fits.count - 1]) > 0)
		n--;
	return n;
}

static void summarise(struct match *m, const struct lead_view *lead)
{
	uint32_t nearest = 0;

	m->summary = lead->has_bids ? REASON_ROUTE_NO_BID : REASON_ROUTE_NO_ORDERS;
	for (size_t i = 0; i < m->count; i++) {
		if (m->best[i].nearness <= nearest)
			continue;
		nearest = m->best[i].nearness;
		m->summary = m->best[i].miss.code;
	}
}

void match_run(struct vertical *v, const struct lead_view *lead, int64_t now_ms, struct match *ret)
{
	struct search s;
	size_t most;

	s.v = v;
	s.lead = lead;
	s.now_ms = now_ms;
	s.touched = constraints_touched_by(lead);
	s.fits.count = s.near.count = s.far.count = 0;
	s.fits.most = MATCH_FITS_MAX;
	s.near.most = s.far.most = MARKET_CANDIDATES_MAX;
	index_wake(&v->index, now_ms);
	pace_start(&v->pacer);
	ret->count = ret->asked = 0;
	if (lead->has_bids) {
		ask_bidders(&s, &ret->asked);
	} else {
		ret->asked = v->order_count;
		ask_all(&s);
		forget_chance_asks(&s);
	}
	ret->won = s.fits.count > 0;
	most = ret->won ? MATCH_SOLD_MAX : MARKET_CANDIDATES_MAX;
	record(ret, &s.fits, most);
	record(ret, &s.near, MIN_OF(near_before(&s), most - ret->count));
	if (!lead->has_bids && s.fits.count < s.fits.most && ret->count < most &&
	    ret->count < ret->asked)
		ask_far(&s, most - ret->count);
	if (s.fits.count < s.fits.most)
		record(ret, &s.far, most - ret->count);
	summarise(ret, lead);
}

bool match_fits(const struct order *o, const struct lead_view *lead, int64_t now_ms)
{
	struct miss miss = {0};

	return constraints_ask(o, lead, now_ms, &miss).fit == FIT;
}
