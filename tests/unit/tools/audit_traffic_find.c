#include "audit_traffic.h"

/* --- finding records --- */

Punnet__V1__MarketEvent *traffic_event(struct traffic *t, size_t n)
{
	return t->records[SCAN_MARKET][n].message;
}

/* The n-th event of its kind; its place. */
size_t traffic_event_of(struct traffic *t, Punnet__V1__MarketEvent__EventCase kind, size_t n)
{
	for (size_t i = 0; i < t->count[SCAN_MARKET]; i++)
		if (traffic_event(t, i)->event_case == kind && n-- == 0)
			return i;
	assert(!"such an event");
	return 0;
}

Punnet__V1__MarketEvent *traffic_admitted(struct traffic *t, size_t n)
{
	return traffic_event(t, traffic_event_of(t, PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED, n));
}

Punnet__V1__OrderTerms *traffic_order(struct traffic *t, size_t n)
{
	return traffic_event(t, traffic_event_of(t, PUNNET__V1__MARKET_EVENT__EVENT_ORDER, n))
	    ->order->terms;
}

/* The last settlement of that kind. */
size_t traffic_settled(struct traffic *t, int kind)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < t->count[SCAN_MARKET]; i++)
		if (traffic_event(t, i)->event_case == PUNNET__V1__MARKET_EVENT__EVENT_SETTLED &&
		    (int)traffic_event(t, i)->settled->settlement == kind)
			found = i;
	assert(found != SIZE_MAX);
	return found;
}

size_t traffic_routed_in(struct traffic *t, uint32_t round)
{
	for (size_t i = 0; i < t->count[SCAN_ROUTED]; i++)
		if (((Punnet__V1__RoutedLead *)t->records[SCAN_ROUTED][i].message)
			->assignment->round == round)
			return i;
	assert(!"a sale in that round");
	return 0;
}

struct traffic_transfer *traffic_transfer_of(struct traffic *t, int event)
{
	for (size_t i = 0; i < t->transfer_count; i++)
		if (t->transfers[i].event == event)
			return &t->transfers[i];
	assert(!"such a transfer");
	return NULL;
}

void traffic_lose(struct traffic *t, enum scan_topic topic, size_t n)
{
	t->records[topic][n].lost = true;
}

void traffic_swap(struct traffic *t, enum scan_topic topic, size_t x, size_t y)
{
	struct traffic_record kept = t->records[topic][x];

	t->records[topic][x] = t->records[topic][y];
	t->records[topic][y] = kept;
}

/* The money is moved, and the balances go with it: only what was agreed says that it is wrong. */
void traffic_pay_more(struct traffic *t, struct traffic_transfer *m, int from, int to,
		      int64_t minor)
{
	m->amount[from] += minor;
	m->amount[to] -= minor;
	t->balance[m->account[from]] += minor;
	t->balance[m->account[to]] -= minor;
}
