/* audit_places: what an order, a webmaster's leads in it, and an advertiser's money have room for. See audit_tables.h. */
#include <stdlib.h>

#include "audit_tables.h"

#define HOLD_MAX_MS (10 * MS_PER_MIN) /* a hold lasts no longer, whatever it says */

/* --- tables by numbers --- */

/* The index of what stands under two numbers; made when it is new. */
static uint32_t index_of(struct map *m, uint32_t x, uint32_t y, const char currency[4], size_t next,
			 bool *ret_new)
{
	char key[12] = {0};
	void *known;

	memcpy(key, &x, sizeof(x));
	memcpy(key + 4, &y, sizeof(y));
	if (currency)
		memcpy(key + 8, currency, 4);
	known = map_get(m, slice_of(key, sizeof(key)));
	*ret_new = !known;
	if (known)
		return (uint32_t)(uintptr_t)known - 1;
	map_put(m, slice_of(key, sizeof(key)), (void *)(uintptr_t)(next + 1));
	return (uint32_t)next;
}

static struct a_purse *purse_of(struct audit *a, uint32_t market, uint32_t party,
				const char currency[4])
{
	bool new;
	uint32_t i = index_of(&a->purse_index, market, party, currency, a->purses.count, &new);

	if (new)
		*VECTOR_ADD(a->purses) = (struct a_purse){.limited = false};
	return &a->purses.items[i];
}

static struct a_share *share_of(struct audit *a, uint32_t order, uint32_t webmaster)
{
	bool new;
	uint32_t i = index_of(&a->share_index, order, webmaster, NULL, a->shares.count, &new);

	if (new)
		*VECTOR_ADD(a->shares) = (struct a_share){.taken = 0};
	return &a->shares.items[i];
}

void audit_purse_set(struct audit *a, uint32_t market, const struct a_funds *f)
{
	struct a_purse *p = purse_of(a, market, f->party, f->currency);

	if (f->revision <= p->revision)
		return;
	p->revision = f->revision;
	p->limited = !f->unlimited;
	p->limit_minor = f->limit_minor;
}

/* A moment, kept as seconds so that it fits a pointer of any size; rounded down: who is offered something then is not found. */
void audit_hold_set(struct audit *a, uint32_t market, uint32_t party, int64_t until_ms,
		    int64_t now_ms)
{
	uint32_t key[2] = {market, party};
	int64_t until = MIN_OF(until_ms, now_ms + HOLD_MAX_MS) / 1000;

	if (until * 1000 > now_ms)
		map_put(&a->held, slice_of(key, sizeof(key)), (void *)(uintptr_t)until);
	else
		(void)map_remove(&a->held, slice_of(key, sizeof(key)));
}

static bool is_left_alone(const struct audit *a, uint32_t market, uint32_t party, int64_t now_ms)
{
	uint32_t key[2] = {market, party};

	if (party == NONE || map_count(&a->held) == 0)
		return false;
	return now_ms < (int64_t)(uintptr_t)map_get(&a->held, slice_of(key, sizeof(key))) * 1000;
}

/* --- going over --- */

static const char *over_cap(const struct a_order *o, const struct a_terms *t)
{
	static const char *const words[AUDIT_WINDOWS] = {"the hour's cap", "the day's cap",
							 "the week's cap", "the month's cap"};

	if ((t->cap_total && o->taken > t->cap_total) || (t->quantity && o->taken > t->quantity))
		return "the total";
	for (int k = 0; k < AUDIT_WINDOWS; k++)
		if (t->caps[k] && o->windows[k].taken > t->caps[k])
			return words[k];
	return NULL;
}

static const char *over_share(struct audit *a, struct a_decision *d, const struct a_terms *t)
{
	struct a_share *s;

	d->by_webmaster = d->webmaster != NONE && (t->cap_webmaster_day || t->cap_webmaster_total);
	if (!d->by_webmaster)
		return NULL;
	s = share_of(a, d->order, d->webmaster);
	if (s->day != d->windows[AUDIT_DAY])
		*s = (struct a_share){.day = d->windows[AUDIT_DAY], .taken = s->taken};
	s->taken_day++;
	s->taken++;
	if (t->cap_webmaster_total && s->taken > t->cap_webmaster_total)
		return "the cap of one webmaster's leads";
	if (t->cap_webmaster_day && s->taken_day > t->cap_webmaster_day)
		return "the day's cap of one webmaster's leads";
	return NULL;
}

static const char *over_budget(const struct a_order *o, const struct a_terms *t)
{
	if (t->budget_total_minor && o->spent_minor > t->budget_total_minor)
		return "the budget";
	if (t->budget_day_minor && o->windows[AUDIT_DAY].spent_minor > t->budget_day_minor)
		return "the day's budget";
	return NULL;
}

static void judge(struct audit *a, enum audit_invariant i, const struct a_decision *d,
		  const char *fault)
{
	const struct lead_id *id = &a->leads.items[d->lead].id;

	if (!fault)
		audit_count(&a->line[i], id);
	else
		audit_found(a->line, i, FOUND_WRONG,
			    "leads.routed/%u@%lld: lead %s round %u: goes over %s (market/%u@%lld)",
			    d->partition, (long long)d->offset, audit_text(id), d->round, fault,
			    d->market_partition, (long long)d->market_offset);
}

static void count(struct audit *a, struct a_decision *d, const struct a_terms *t, int64_t now_ms)
{
	struct a_order *o = &a->orders.items[d->order];

	o->taken++;
	o->spent_minor += d->price_minor;
	for (int k = 0; k < AUDIT_WINDOWS; k++) {
		d->windows[k] = audit_window_name(a, t, k, now_ms);
		if (o->windows[k].name != d->windows[k])
			o->windows[k] = (struct a_window){.name = d->windows[k]};
		o->windows[k].taken++;
		o->windows[k].spent_minor += d->price_minor;
	}
}

static void pay(struct audit *a, const struct a_decision *d, const struct a_terms *t)
{
	struct a_purse *p;

	if (t->party == NONE)
		return;
	p = purse_of(a, d->market_partition, t->party, t->currency);
	p->taken_minor += d->price_minor;
	judge(a, AUDIT_FUNDS, d,
	      p->limited && p->taken_minor > p->limit_minor ? "what its advertiser may spend"
							    : NULL);
}

static void check(struct audit *a, enum audit_invariant i, const struct a_decision *d,
		  const char *fault)
{
	const struct lead_id *id = &a->leads.items[d->lead].id;

	if (!fault)
		audit_count(&a->line[i], id);
	else
		audit_found(a->line, i, FOUND_WRONG, "leads.routed/%u@%lld: lead %s round %u: %s",
			    d->partition, (long long)d->offset, audit_text(id), d->round, fault);
}

void audit_place_take(struct audit *a, struct a_decision *d, int64_t now_ms)
{
	const struct a_order *o = &a->orders.items[d->order];
	const struct a_terms *t = o->terms == NONE ? NULL : &a->terms.items[o->terms];
	const char *over, *share;

	if (!t) {
		if (a->markets[d->market_partition].whole)
			check(a, AUDIT_TERMS, d, "the market knows no such order");
		return;
	}
	check(a, AUDIT_TERMS, d, audit_terms_fault(a, d, t, now_ms));
	check(a, AUDIT_SHARING, d, audit_sharing_fault(a, d, t));
	check(a, AUDIT_HOLDS, d,
	      is_left_alone(a, d->market_partition, t->party, now_ms) ? "its advertiser was held"
								      : NULL);
	if (d->is_test)
		return;
	count(a, d, t, now_ms);
	share = over_share(a, d, t);
	over = over_cap(o, t);
	judge(a, AUDIT_CAPS, d, over ? over : share);
	judge(a, AUDIT_BUDGETS, d, over_budget(o, t));
	pay(a, d, t);
}

void audit_place_give_back(struct audit *a, const struct a_decision *d)
{
	struct a_order *o = &a->orders.items[d->order];
	const struct a_terms *t = o->terms == NONE ? NULL : &a->terms.items[o->terms];
	struct a_share *s;

	if (d->is_test || !t)
		return;
	o->taken--;
	o->spent_minor -= d->price_minor;
	for (int k = 0; k < AUDIT_WINDOWS; k++) {
		if (o->windows[k].name != d->windows[k] || o->windows[k].taken == 0)
			continue;
		o->windows[k].taken--;
		o->windows[k].spent_minor -= d->price_minor;
	}
	if (t->party != NONE)
		purse_of(a, d->market_partition, t->party, t->currency)->taken_minor -=
		    d->price_minor;
	if (!d->by_webmaster)
		return;
	s = share_of(a, d->order, d->webmaster);
	s->taken -= s->taken > 0;
	s->taken_day -= s->day == d->windows[AUDIT_DAY] && s->taken_day > 0;
}

/* The lead's place stays taken; its money is free again. d NULL: the lead is older than what was read. */
void audit_place_return(struct audit *a, uint32_t market, const struct a_decision *d,
			uint32_t order, int64_t price_minor)
{
	struct a_order *o = &a->orders.items[order];
	const struct a_terms *t = o->terms == NONE ? NULL : &a->terms.items[o->terms];

	if (d && price_minor != 0 && price_minor != d->price_minor)
		check(a, AUDIT_FEEDBACK, d, "another sum came back than it was sold for");
	if (!t)
		return;
	o->spent_minor -= price_minor;
	if (t->party != NONE)
		purse_of(a, market, t->party, t->currency)->taken_minor -= price_minor;
}
