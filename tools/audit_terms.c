/* audit_terms: what a sale must be by its order, its lead and the rate card. See audit_tables.h. */
#include "audit_tables.h"

#define SHARE_BP_DEFAULT 7000 /* of a vertical whose rate was never published */
#define DAYS_TO_MONDAY   3    /* the first day of all was a Thursday */
#define FIRST_YEAR       1970

/* --- the order's clock --- */

/* What it shows more than UTC. */
static int64_t clock_ahead_ms(const struct audit *a, const struct a_terms *t, int64_t now_ms)
{
	int64_t minutes = t->utc_offset_minutes;

	for (uint32_t i = 0; i < t->shift_count; i++) {
		const struct audit_shift *s = &a->shifts.items[t->first_shift + i];

		if (i == 0 || s->from_ms <= now_ms)
			minutes = s->offset_minutes;
	}
	return minutes * MS_PER_MIN;
}

static int64_t days_before(int64_t year)
{
	int64_t y = year - 1;

	return 365 * (year - FIRST_YEAR) + (y / 4 - y / 100 + y / 400) -
	       (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static int64_t month_begin(int64_t day)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t year = FIRST_YEAR + day / 366, begin;
	int month = 0;
	bool leap;

	while (days_before(year + 1) <= day)
		year++;
	leap = days_before(year + 1) - days_before(year) == 366;
	begin = days_before(year);
	while (begin + lengths[month] + (month == 1 && leap) <= day) {
		begin += lengths[month] + (month == 1 && leap);
		month++;
	}
	return begin;
}

/* An hour is named by the minute at which it began, the others by their first date: a day may have 23 hours, or 25. */
uint32_t audit_window_name(const struct audit *a, const struct a_terms *t, enum audit_window kind,
			   int64_t now_ms)
{
	int64_t local = MAX_OF(now_ms + clock_ahead_ms(a, t, now_ms), 0), day = local / MS_PER_DAY;

	switch (kind) {
	case AUDIT_HOUR:
		return (uint32_t)((now_ms - local % MS_PER_HOUR) / MS_PER_MIN);
	case AUDIT_WEEK:
		return (uint32_t)(day - (day + DAYS_TO_MONDAY) % 7 + DAYS_TO_MONDAY);
	case AUDIT_MONTH:
		return (uint32_t)month_begin(day);
	default:
		return (uint32_t)day;
	}
}

static bool is_open(const struct audit *a, const struct a_terms *t, int64_t now_ms)
{
	int64_t minute =
	    (now_ms + clock_ahead_ms(a, t, now_ms)) / MS_PER_MIN + DAYS_TO_MONDAY * 1440;

	minute %= 7 * 1440;
	for (uint32_t i = 0; i < t->span_count; i++) {
		const struct a_span *s = &a->spans.items[t->first_span + i];

		if (minute >= s->from && minute < s->until)
			return true;
	}
	return t->span_count == 0;
}

/* --- the price --- */

/* The first bid of an order counts. NULL: the lead came with bids, and this order has none. */
static const struct a_bid *bid_of(const struct audit *a, const struct a_lead *l, uint32_t order)
{
	for (uint32_t i = 0; i < l->bid_count; i++) {
		const struct a_bid *b = &a->bids.items[l->first_bid + i];

		if (b->order == order)
			return b;
	}
	return NULL;
}

static bool price_fits(const struct audit *a, const struct a_decision *d, const struct a_terms *t)
{
	const struct a_lead *l = &a->leads.items[d->lead];
	const struct a_bid *bid;

	if (strcmp(d->currency, t->currency) != 0 || d->price_minor <= 0)
		return false;
	if (l->bid_count == 0)
		return d->price_minor >= t->price_least_minor &&
		       d->price_minor <= t->price_most_minor;
	bid = bid_of(a, l, d->order);
	return bid && bid->amount_minor == d->price_minor;
}

/* --- the payout --- */

/* His class, or his tier. */
static uint32_t class_of(const struct audit *a, uint32_t first, uint32_t count, uint32_t webmaster)
{
	uint32_t found = NONE;

	for (uint32_t i = 0; i < count; i++)
		if (a->classes.items[first + i].webmaster == webmaster)
			found = a->classes.items[first + i].name;
	return found;
}

/* Of the lines that hold the one that names most of the sale: webmaster before order before tier before class; of two alike the first. NULL: none does. */
static const struct a_line *line_of(const struct audit *a, const struct a_card *c,
				    const struct a_decision *d, uint32_t webmaster, int64_t now_ms)
{
	uint32_t class = class_of(a, c->first_class, c->class_count, webmaster);
	uint32_t tier = class_of(a, c->first_tier, c->tier_count, webmaster);
	const struct a_line *best = NULL;
	int best_rank = 0;

	for (uint32_t i = 0; i < c->line_count; i++) {
		const struct a_line *l = &a->lines.items[c->first_line + i];
		int rank = (l->webmaster != NONE ? 8 : 0) + (l->order != NONE ? 4 : 0) +
			   (l->tier != NONE ? 2 : 0) + (l->source_class != NONE ? 1 : 0);

		if (now_ms < l->from_ms || (l->until_ms != 0 && now_ms >= l->until_ms) ||
		    (l->webmaster != NONE && l->webmaster != webmaster) ||
		    (l->order != NONE && l->order != d->order) ||
		    (l->source_class != NONE && l->source_class != class) ||
		    (l->tier != NONE && l->tier != tier))
			continue;
		if (rank > best_rank) {
			best = l;
			best_rank = rank;
		}
	}
	return best;
}

static int64_t of_price(const struct a_decision *d, int64_t fixed_minor, uint32_t share_bp)
{
	return fixed_minor > 0 ? fixed_minor : money_share_bp(d->price_minor, share_bp);
}

/* Who sent the lead is not always known here; then the record's own word is taken for which line it was. */
static bool payout_fits(const struct audit *a, const struct a_decision *d, const struct a_terms *t,
			int64_t now_ms)
{
	const struct a_lead *l = &a->leads.items[d->lead];
	uint32_t card = a->verticals.items[t->vertical].card;
	const struct a_card *c = card == NONE ? NULL : &a->cards.items[card];
	const struct a_line *line;
	int64_t due, floor;

	if (!c)
		return d->payout_minor == of_price(d, 0, SHARE_BP_DEFAULT);
	if (c->has_lines && (l->webmaster == NONE || c->line_count == 0)) {
		due = of_price(d, d->basis_fixed_minor, d->basis_share_bp);
	} else {
		line = line_of(a, c, d, l->webmaster, now_ms);
		due = line ? of_price(d, line->fixed_minor, line->share_bp)
			   : of_price(d, 0, c->share_bp);
	}
	floor = MAX_OF(c->floor_minor, money_share_bp(d->price_minor, c->floor_bp));
	return d->payout_minor == due && d->payout_minor <= d->price_minor - floor;
}

/* --- who, and when --- */

static bool country_fits(const struct audit *a, const struct a_lead *l, const struct a_terms *t)
{
	for (uint32_t i = 0; i < t->country_count; i++)
		if (a->countries.items[t->first_country + i] == l->country)
			return true;
	return t->country_count == 0 || l->country == 0;
}

static const char *parties_fault(const struct audit *a, const struct a_decision *d,
				 const struct a_terms *t)
{
	const struct a_lead *l = &a->leads.items[d->lead];

	if (d->party != NONE && t->party != NONE && d->party != t->party)
		return "not the order's advertiser";
	if (l->vertical != UNKNOWN && l->vertical != t->vertical)
		return "the order is of another vertical";
	if (d->webmaster != NONE && l->webmaster != NONE && d->webmaster != l->webmaster)
		return "another webmaster's lead";
	if (!country_fits(a, l, t))
		return "the order does not buy in this country";
	return NULL;
}

static bool offered_before(const struct audit *a, const struct a_decision *d)
{
	for (uint32_t i = a->leads.items[d->lead].first; i != NONE;
	     i = a->decisions.items[i].next) {
		const struct a_decision *other = &a->decisions.items[i];

		if (other->order == d->order && other->round < d->round)
			return true;
	}
	return false;
}

const char *audit_terms_fault(const struct audit *a, const struct a_decision *d,
			      const struct a_terms *t, int64_t now_ms)
{
	const char *parties;

	if (t->removed || t->paused || (t->from_ms && now_ms < t->from_ms) ||
	    (t->until_ms && now_ms >= t->until_ms) || !is_open(a, t, now_ms))
		return "the order was not open";
	parties = parties_fault(a, d, t);
	if (parties)
		return parties;
	if (!price_fits(a, d, t))
		return "not the order's price";
	if (!payout_fits(a, d, t, now_ms))
		return "not the vertical's payout";
	if (offered_before(a, d))
		return "the order was offered it before";
	return NULL;
}

/* --- beside whom --- */

static bool is_enemy(const struct audit *a, const struct a_terms *t, uint32_t party)
{
	for (uint32_t i = 0; i < t->enemy_count; i++)
		if (a->enemies.items[t->first_enemy + i] == party)
			return true;
	return false;
}

static const char *beside_fault(const struct audit *a, const struct a_terms *mine,
				const struct a_terms *theirs, uint32_t holders)
{
	if (mine->share_limit == 0 || theirs->share_limit == 0)
		return NULL;
	if (mine->share_limit == 1 || theirs->share_limit == 1)
		return "an exclusive lead that another order has";
	if (mine->party == NONE || theirs->party == NONE)
		return NULL;
	if (mine->party == theirs->party)
		return "the advertiser has it by another order";
	if (is_enemy(a, mine, theirs->party) || is_enemy(a, theirs, mine->party))
		return "beside an advertiser that is ruled out";
	if (holders >= mine->share_limit || holders >= theirs->share_limit)
		return "shared with more than all accept";
	return NULL;
}

const char *audit_sharing_fault(const struct audit *a, const struct a_decision *d,
				const struct a_terms *t)
{
	const struct a_lead *l = &a->leads.items[d->lead];
	const char *fault = NULL;
	uint32_t holders = 0;

	if (t->share_limit && d->exclusive != (t->share_limit == 1))
		return d->exclusive ? "sold alone, and the order shares"
				    : "sold as shared, and the order does not share";
	for (uint32_t i = l->first; i != NONE; i = a->decisions.items[i].next)
		holders += a->decisions.items[i].held && &a->decisions.items[i] != d;
	for (uint32_t i = l->first; i != NONE && !fault; i = a->decisions.items[i].next) {
		const struct a_decision *other = &a->decisions.items[i];
		uint32_t terms = other->order == NONE ? NONE : a->orders.items[other->order].terms;

		if (other != d && other->held && terms != NONE)
			fault = beside_fault(a, t, &a->terms.items[terms], holders);
	}
	return fault;
}
