/* exact_books: what every order took, counted from the published decisions and the log alone, and whether it might.
 *
 * Nothing of the router is used here: windows are worked out by gmtime(), places stand in plain arrays. A sale that passes a
 * limit is a fault, and so is an unsold lead that some order could have had, and one that went past an order that ranks higher by its
 * price, less what a rule takes of it, and its priority; orders that are paced may let a lead go. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/map.h"
#include "exact.h"

enum { HOUR, DAY, WEEK, MONTH, PERIODS };

struct counted {
	int64_t name[PERIODS];
	uint64_t taken[PERIODS];
	int64_t spent_today;
	uint64_t reserved, delivered;
	int64_t money; /* reserved and delivered, less what came back */
	int64_t webmaster_day[EXACT_WEBMASTERS];
	uint64_t webmaster_taken[EXACT_WEBMASTERS], webmaster_total[EXACT_WEBMASTERS];
};

struct holder {
	int order;
	char state; /* 'o'ut, 'k'ept, 'b'ack */
	int64_t price, name[PERIODS];
};

struct lead {
	struct exact_lead self;
	struct holder holders[EXACT_HOLDERS];
	uint32_t count;
};

struct exact_books {
	struct exact_terms terms[EXACT_ORDERS];
	struct counted counted[EXACT_ORDERS];
	bool limited[EXACT_ADVERTISERS];
	int64_t paid_in[EXACT_ADVERTISERS], taken[EXACT_ADVERTISERS];
	struct exact_lowered lowered[EXACT_ADVERTISERS];
	struct map leads;
	int64_t now_ms;
	uint64_t sold, unsold;
};

void exact_die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "exact: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

struct exact_books *books_new(const struct exact_terms *terms)
{
	struct exact_books *b = calloc(1, sizeof(*b));

	if (!b)
		abort();
	memcpy(b->terms, terms, sizeof(b->terms));
	return b;
}

void books_free(struct exact_books *b)
{
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(&b->leads, i, &key, &value); i++)
		free(value);
	map_free(&b->leads);
	free(b);
}

static void names_now(const struct exact_books *b, const struct exact_terms *t,
		      int64_t ret[PERIODS])
{
	time_t local = (time_t)((b->now_ms + t->offset_minutes * 60000LL) / 1000);
	struct tm tm;

	gmtime_r(&local, &tm);
	ret[HOUR] = local / 3600;
	ret[DAY] = local / 86400;
	ret[WEEK] = (local / 86400 - (tm.tm_wday + 6) % 7);
	ret[MONTH] = tm.tm_year * 12 + tm.tm_mon;
}

static uint64_t used(const struct counted *c, int period, const int64_t now[PERIODS])
{
	return c->name[period] == now[period] ? c->taken[period] : 0;
}

/* --- might it? NULL = yes --- */

static const char *over_caps(const struct exact_terms *t, const struct counted *c,
			     const int64_t now[PERIODS])
{
	const uint64_t caps[PERIODS] = {t->cap_hour, t->cap_day, t->cap_week, t->cap_month};
	static const char *const names[PERIODS] = {"an hour", "a day", "a week", "a month"};

	for (int p = 0; p < PERIODS; p++) {
		if (caps[p] > 0 && used(c, p, now) >= caps[p])
			return names[p];
	}
	if (t->cap_total > 0 && c->reserved + c->delivered >= t->cap_total)
		return "the total cap";
	if (t->quantity > 0 && c->reserved + c->delivered >= t->quantity)
		return "the quantity";
	return NULL;
}

static const char *over_webmaster(const struct exact_terms *t, const struct counted *c,
				  const int64_t now[PERIODS], int w)
{
	if (!t->by_webmaster)
		return NULL;
	if (c->webmaster_day[w] == now[DAY] && c->webmaster_taken[w] >= t->cap_webmaster_day)
		return "a webmaster's day";
	if (t->cap_webmaster_total > 0 && c->webmaster_total[w] >= t->cap_webmaster_total)
		return "a webmaster's total";
	return NULL;
}

static const char *over_money(const struct exact_books *b, const struct exact_terms *t,
			      const struct counted *c, const int64_t now[PERIODS])
{
	int64_t today = c->name[DAY] == now[DAY] ? c->spent_today : 0;

	if (t->budget_day > 0 && today + t->price > t->budget_day)
		return "the day's budget";
	if (t->budget_total > 0 && c->money + t->price > t->budget_total)
		return "the budget";
	if (b->limited[t->advertiser] &&
	    b->taken[t->advertiser] + t->price > b->paid_in[t->advertiser])
		return "the funds";
	return NULL;
}

static const char *against_sharing(const struct exact_books *b, int order, const struct lead *l)
{
	const struct exact_terms *t = &b->terms[order];
	uint32_t holders = 0;

	for (uint32_t i = 0; i < l->count; i++) {
		if (l->holders[i].order == order)
			return "offered before";
		holders += l->holders[i].state != 'b';
	}
	for (uint32_t i = 0; i < l->count; i++) {
		const struct exact_terms *other = &b->terms[l->holders[i].order];

		if (l->holders[i].state == 'b')
			continue;
		if (!t->shared || !other->shared)
			return "exclusive";
		if (t->advertiser == other->advertiser || t->not_with == other->advertiser ||
		    other->not_with == t->advertiser)
			return "beside a competitor";
		if (holders >= t->share_limit || holders >= other->share_limit)
			return "too many shares";
	}
	return NULL;
}

static const char *why_not(const struct exact_books *b, int order, const struct lead *l)
{
	const struct exact_terms *t = &b->terms[order];
	const struct counted *c = &b->counted[order];
	int64_t now[PERIODS];
	const char *why;

	if (!t->known || t->removed || t->paused || b->now_ms < t->from_ms ||
	    (t->until_ms > 0 && b->now_ms >= t->until_ms))
		return "not active";
	if (t->countries > 0 && !(t->countries >> l->self.country & 1))
		return "another country";
	names_now(b, t, now);
	why = against_sharing(b, order, l);
	if (!why)
		why = over_caps(t, c, now);
	if (!why)
		why = over_webmaster(t, c, now, l->self.webmaster);
	return why ? why : over_money(b, t, c, now);
}

/* --- who goes before --- */

static bool is_paced(const struct exact_terms *t)
{
	return t->quantity > 0 && t->until_ms > 0;
}

/* What counts of its price while a rule lowers its advertiser. */
static int64_t counted_price(const struct exact_books *b, const struct exact_terms *t)
{
	const struct exact_lowered *l = &b->lowered[t->advertiser];

	return b->now_ms < l->until_ms ? t->price - t->price * l->bp / 10000 : t->price;
}

static bool goes_before(const struct exact_books *b, int order, int other)
{
	const struct exact_terms *x = &b->terms[order], *y = &b->terms[other];
	int64_t price_x = counted_price(b, x), price_y = counted_price(b, y);

	return price_x != price_y ? price_x > price_y : x->priority > y->priority;
}

/* Pacing only lowers what an order is worth: who is not paced and goes before the winner was passed over. */
static void check_rank(const struct exact_books *b, int winner, const struct lead *l)
{
	for (int i = 0; i < EXACT_ORDERS; i++) {
		if (is_paced(&b->terms[i]) || !goes_before(b, i, winner) || why_not(b, i, l))
			continue;
		exact_die("sold to %s at %lld, and %s goes before it", order_name(winner),
			  (long long)b->now_ms, order_name(i));
	}
}

/* --- taking and giving back --- */

static void take(struct exact_books *b, struct holder *h, const struct lead *l)
{
	struct counted *c = &b->counted[h->order];
	const struct exact_terms *t = &b->terms[h->order];
	int w = l->self.webmaster;

	for (int p = 0; p < PERIODS; p++) {
		if (c->name[p] != h->name[p]) {
			c->name[p] = h->name[p];
			c->taken[p] = 0;
			if (p == DAY)
				c->spent_today = 0;
		}
		c->taken[p]++;
	}
	c->spent_today += h->price;
	c->reserved++;
	c->money += h->price;
	b->taken[t->advertiser] += h->price;
	if (c->webmaster_day[w] != h->name[DAY]) {
		c->webmaster_day[w] = h->name[DAY];
		c->webmaster_taken[w] = 0;
	}
	c->webmaster_taken[w]++;
	c->webmaster_total[w]++;
}

static void give_back(struct exact_books *b, const struct holder *h, const struct lead *l)
{
	struct counted *c = &b->counted[h->order];
	int w = l->self.webmaster;

	for (int p = 0; p < PERIODS; p++) {
		if (c->name[p] == h->name[p])
			c->taken[p]--;
	}
	if (c->name[DAY] == h->name[DAY])
		c->spent_today -= h->price;
	c->reserved--;
	c->money -= h->price;
	b->taken[b->terms[h->order].advertiser] -= h->price;
	if (c->webmaster_day[w] == h->name[DAY])
		c->webmaster_taken[w]--;
	c->webmaster_total[w]--;
}

/* --- the log --- */

void books_time(struct exact_books *b, int64_t append_time_ms)
{
	b->now_ms = MAX_OF(b->now_ms, append_time_ms);
}

void books_order(struct exact_books *b, int order, const struct exact_terms *now)
{
	/* The removal of what is not known says nothing. */
	if (now->removed && !b->terms[order].known)
		return;
	if (now->removed)
		b->terms[order].removed = true;
	else
		b->terms[order] = *now;
}

void books_funds(struct exact_books *b, int advertiser, int64_t paid_in)
{
	b->limited[advertiser] = true;
	b->paid_in[advertiser] = paid_in;
}

void books_lowered(struct exact_books *b, const struct exact_lowered *l)
{
	b->lowered[l->advertiser] = *l;
}

static struct lead *lead_of(const struct exact_books *b, const struct lead_id *id)
{
	return map_get(&b->leads, slice_of(id->bytes, sizeof(id->bytes)));
}

static void forget(struct exact_books *b, const struct lead_id *id)
{
	free(map_remove(&b->leads, slice_of(id->bytes, sizeof(id->bytes))));
}

void books_lead(struct exact_books *b, const struct exact_lead *l)
{
	struct lead *fresh = calloc(1, sizeof(*fresh));

	if (!fresh)
		abort();
	fresh->self = *l;
	if (map_put(&b->leads, slice_of(l->id.bytes, sizeof(l->id.bytes)), fresh))
		exact_die("a lead came twice into the books");
}

void books_settled(struct exact_books *b, const struct lead_id *id, uint32_t round, int order,
		   Punnet__V1__Settlement what, int64_t price)
{
	struct lead *l = lead_of(b, id);
	struct holder *h = l && round < l->count ? &l->holders[round] : NULL;
	bool out = false;

	if (what == PUNNET__V1__SETTLEMENT__RETURNED) {
		b->counted[order].money -= price;
		b->taken[b->terms[order].advertiser] -= price;
		return;
	}
	if (!h || h->state != 'o')
		exact_die("a settlement of what nobody has");
	if (what == PUNNET__V1__SETTLEMENT__REFUSED ||
	    what == PUNNET__V1__SETTLEMENT__UNDELIVERABLE) {
		h->state = 'b';
		if (!l->self.test)
			give_back(b, h, l);
		return;
	}
	h->state = 'k';
	if (what == PUNNET__V1__SETTLEMENT__DELIVERED && !l->self.test) {
		b->counted[order].reserved--;
		b->counted[order].delivered++;
	}
	for (uint32_t i = 0; i < l->count; i++)
		out |= l->holders[i].state == 'o';
	if (!out)
		forget(b, id);
}

/* --- the decisions --- */

static int order_by_name(const char *name)
{
	int order = atoi(name + 1);

	if (order < 0 || order >= EXACT_ORDERS || strcmp(order_name(order), name) != 0)
		exact_die("a sale to nobody: %s", name);
	return order;
}

void books_routed(struct exact_books *b, const Punnet__V1__RoutedLead *r)
{
	const Punnet__V1__Assignment *a = r->assignment;
	int order = order_by_name(a->order_id);
	struct lead_id id;
	struct lead *l;
	struct holder *h;
	const char *why;

	if (!lead_id_from_bytes(r->lead_id.data, r->lead_id.len, &id) || !(l = lead_of(b, &id)))
		exact_die("a sale of a lead that is not there");
	if (l->count == EXACT_HOLDERS || a->round != l->count)
		exact_die("round %u of a lead with %u offers", a->round, l->count);
	why = why_not(b, order, l);
	if (why)
		exact_die("sold to %s at %lld: %s", a->order_id, (long long)b->now_ms, why);
	if (a->price->amount_minor != b->terms[order].price)
		exact_die("sold to %s at a price of its own", a->order_id);
	check_rank(b, order, l);
	h = &l->holders[l->count++];
	*h = (struct holder){.order = order, .state = 'o', .price = a->price->amount_minor};
	names_now(b, &b->terms[order], h->name);
	if (!l->self.test)
		take(b, h, l);
	b->sold++;
}

void books_unsold(struct exact_books *b, const struct lead_id *id)
{
	const struct lead *l = lead_of(b, id);

	if (!l)
		exact_die("unsold is a lead that is not there");
	for (int i = 0; i < EXACT_ORDERS; i++) {
		if (!is_paced(&b->terms[i]) && !why_not(b, i, l))
			exact_die("unsold at %lld, and %s would have had it", (long long)b->now_ms,
				  order_name(i));
	}
	b->unsold++;
	forget(b, id);
}

uint64_t books_sold(const struct exact_books *b)
{
	return b->sold;
}

uint64_t books_unsold_count(const struct exact_books *b)
{
	return b->unsold;
}
