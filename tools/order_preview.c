/* order_preview: what orders would have got in the last day, had they been there from its beginning.
 *
 * The day's leads are offered again, by the router's own core, to the orders that the directory holds now and to these. A
 * lead that one of these gets counts as delivered; for all others the day's own settlements hold where they fit. What was
 * taken before that day is not counted, so that caps in all and budgets in all begin anew. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/money.h"
#include "order_more.h"
#include "order_replay.h"
#include "runtime/clock.h"
#include "settled_event.h"

#define PREVIEW_MS         MS_PER_DAY
#define PREVIEW_ORDERS_MAX 200         /* of one file; more are published without */
#define PREVIEW_SOURCE     4000000000u /* a partition of payout's outbox that there is not */

struct share {
	uint64_t got;
	int64_t paid_minor;
};

struct preview {
	struct order_replay replay;
	struct map shares; /* struct share by order id */
	uint64_t leads, settled;
};

static void settle(struct preview *p, const struct decision *d)
{
	struct settled_event delivered;
	struct decisions none;

	(void)order_replay_event(
	    &p->replay,
	    settled_event(&delivered, d->routed->lead_id, d->routed->assignment,
			  PUNNET__V1__SETTLEMENT__DELIVERED, PREVIEW_SOURCE, p->settled++),
	    0, &none);
}

static void after(struct order_replay *r, const Punnet__V1__MarketEvent *event,
		  const struct decisions *made)
{
	struct preview *p = r->ctx;

	p->leads += event->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED;
	for (size_t i = 0; i < made->count; i++) {
		const Punnet__V1__Assignment *a =
		    made->items[i].routed ? made->items[i].routed->assignment : NULL;
		struct share *share =
		    a && !a->is_test ? map_get(&p->shares, slice_cstr(a->order_id)) : NULL;

		if (!share)
			continue;
		share->got++;
		share->paid_minor += a->price->amount_minor;
		settle(p, &made->items[i]);
	}
}

static void put_order(struct preview *p, Punnet__V1__OrderTerms *terms, uint64_t revision,
		      int64_t at_ms)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__OrderChanged changed = PUNNET__V1__ORDER_CHANGED__INIT;
	struct decisions none;

	changed.terms = terms;
	changed.revision = revision;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ORDER;
	event.order = &changed;
	(void)order_replay_event(&p->replay, &event, at_ms, &none);
}

/* The demand and the rates of today, as the day before began. */
static void begin(struct preview *p, const struct directory *d, Punnet__V1__OrderTerms **orders,
		  size_t count, int64_t at_ms)
{
	const Punnet__V1__DirectoryEntry *e;
	struct decisions none;

	for (size_t i = 0; directory_at(d, i, &e); i++) {
		Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;

		if (e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ORDER && !e->order->removed)
			put_order(p, e->order->terms, 1, at_ms);
		if (e->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL ||
		    !e->vertical->card)
			continue;
		event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_RATE;
		event.rate = e->vertical->card;
		(void)order_replay_event(&p->replay, &event, at_ms, &none);
	}
	for (size_t i = 0; i < count; i++) {
		Punnet__V1__OrderTerms t = *orders[i];

		t.from_ms = 0;
		put_order(p, &t, UINT64_MAX, at_ms);
	}
}

static void print(const struct preview *p, Punnet__V1__OrderTerms **orders, size_t count, bool json)
{
	for (size_t i = 0; i < count; i++) {
		const Punnet__V1__OrderTerms *t = orders[i];
		const struct share *s = map_get(&p->shares, slice_cstr(t->order_id));
		char money[64];

		if (!s)
			continue;
		money_text(s->paid_minor, t->price->currency, money, sizeof(money));
		if (json)
			printf("{\"order\":\"%s\",\"last_day_leads\":%" PRIu64
			       ",\"would_have_got\":%" PRIu64 ",\"for_minor\":%" PRId64 "}\n",
			       t->order_id, p->leads, s->got, s->paid_minor);
		else
			printf("         %-34s would have got %" PRIu64
			       " of the last day's %" PRIu64 " leads, for %s\n",
			       t->order_id, s->got, p->leads, money);
	}
}

static void preview_partition(struct tool *t, const struct directory *d, uint32_t partition,
			      Punnet__V1__OrderTerms **orders, size_t count)
{
	int64_t from_ms = clock_now_ms() - PREVIEW_MS;
	struct preview p = {.replay = {.partition = partition, .from_ms = from_ms, .after = after}};
	struct share *shares = calloc(count, sizeof(*shares));
	struct error error;

	if (!shares)
		abort();
	for (size_t i = 0; i < count; i++)
		map_put(&p.shares, slice_cstr(orders[i]->order_id), &shares[i]);
	p.replay.ctx = &p;
	p.replay.market = market_new(partition);
	begin(&p, d, orders, count, from_ms);
	if (order_replay(t, &p.replay, &error) == RESULT_OK)
		print(&p, orders, count, t->json);
	else
		fprintf(stderr, "punnet order: the last day can't be read: %s\n", error.text);
	market_free(p.replay.market);
	map_free(&p.shares);
	free(shares);
}

static uint32_t partition_of(const struct directory *d, const char *vertical)
{
	const Punnet__V1__DirectoryEntry *e = directory_get(d, "vertical", slice_cstr(vertical));

	return e && e->vertical ? e->vertical->market_partition : UINT32_MAX;
}

void order_preview(struct tool *t, const struct directory *d, Punnet__V1__OrderTerms **orders,
		   size_t count)
{
	Punnet__V1__OrderTerms **some;

	if (count == 0 || count > PREVIEW_ORDERS_MAX)
		return;
	some = calloc(count, sizeof(*some));
	if (!some)
		abort();
	for (size_t i = 0; i < count; i++) {
		uint32_t partition = partition_of(d, orders[i]->vertical);
		bool seen = partition == UINT32_MAX;
		size_t n = 0;

		for (size_t k = 0; k < i; k++)
			seen |= partition_of(d, orders[k]->vertical) == partition;
		for (size_t k = i; !seen && k < count; k++) {
			if (partition_of(d, orders[k]->vertical) == partition)
				some[n++] = orders[k];
		}
		if (n > 0)
			preview_partition(t, d, partition, some, n);
	}
	free(some);
}
