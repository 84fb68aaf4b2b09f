/* punnet quarantine: leads that wait in the market for an operator, and the operator's word about them.
 *
 * What waits is read from the market itself: an admitted lead with an end of its wait, and no end that counted since. The
 * facts and reasons stand in leads.judged, at the place that the lead's provenance names. A decision is a record of the
 * market; if two operators decide at once, the first one in the log counts. */
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/money.h"
#include "base/timefmt.h"
#include "lead/reasons.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/market.pb-c.h"
#include "runtime/clock.h"
#include "scan.h"
#include "tool.h"

#define WHY_MAX      500
#define READ_WAIT_MS 10000

struct waiting {
	struct lead_id id;
	const char *vertical, *aff_id;
	int64_t received_at_ms, until_ms;
	int32_t score, market_partition, judged_partition;
	int64_t judged_offset;
	bool accepts;
};

struct quarantine {
	struct tool *tool;
	struct directory *directory;
	struct arena arena;
	struct map leads;     /* id -> struct waiting; NULL: ended */
	struct waiting **all; /* in the order of their ends */
	size_t count;
	const char *who, *why;
	struct error error;
};

/* --- what waits --- */

static void take_admitted(struct quarantine *q, const struct bus_record *r,
			  const Punnet__V1__MarketEvent *m, const struct lead_id *id)
{
	const Punnet__V1__LeadAdmitted *a = m->admitted;
	struct waiting *w;

	if (!a->lead || !m->source || a->quarantined_until_ms == 0 ||
	    map_get(&q->leads, slice_of(id->bytes, sizeof(id->bytes))))
		return;
	w = arena_alloc(&q->arena, sizeof(*w));
	*w = (struct waiting){
	    .id = *id,
	    .vertical = arena_cstr(&q->arena, slice_cstr(a->lead->vertical)),
	    .aff_id = arena_cstr(&q->arena, slice_cstr(a->lead->aff_id)),
	    .received_at_ms = a->lead->received_at_ms,
	    .until_ms = a->quarantined_until_ms,
	    .score = a->score,
	    .market_partition = r->partition,
	    .judged_partition = (int32_t)m->source->partition,
	    .judged_offset = (int64_t)m->source->offset,
	    .accepts = a->quarantine_accepts,
	};
	map_put(&q->leads, slice_of(w->id.bytes, sizeof(w->id.bytes)), w);
}

static void take(void *ctx, _unused_ enum scan_topic topic, const struct bus_record *r,
		 const void *message)
{
	struct quarantine *q = ctx;
	const Punnet__V1__MarketEvent *m = message;
	struct waiting *w;
	struct lead_id id;

	if (!m || !lead_id_from_bytes(m->lead_id.data, m->lead_id.len, &id))
		return;
	if (m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED)
		take_admitted(q, r, m, &id);
	if (m->event_case != PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE)
		return;
	w = map_get(&q->leads, slice_of(id.bytes, sizeof(id.bytes)));
	if (w && !(m->quarantine->expired && r->timestamp_ms < w->until_ms))
		w->until_ms = 0; /* ended */
}

static int by_end(const void *a, const void *b)
{
	const struct waiting *x = *(struct waiting *const *)a, *y = *(struct waiting *const *)b;

	return (x->until_ms > y->until_ms) - (x->until_ms < y->until_ms);
}

static enum result gather(struct quarantine *q)
{
	struct scan *s = scan_open(q->tool->bus, &q->error);
	enum result r;
	struct slice key;
	void *value;

	if (!s)
		return RESULT_AWAY;
	for (int t = 0; t < SCAN_TOPICS; t++) {
		if (t != SCAN_MARKET)
			scan_skip(s, (enum scan_topic)t);
	}
	r = scan_measure(s, &q->error);
	if (r == RESULT_OK)
		r = scan_read(s, take, q, &q->error);
	scan_close(s);
	q->all = arena_calloc(&q->arena, map_count(&q->leads) + 1, sizeof(struct waiting *));
	for (size_t i = 0; map_at(&q->leads, i, &key, &value); i++) {
		if (((struct waiting *)value)->until_ms > 0)
			q->all[q->count++] = value;
	}
	qsort(q->all, q->count, sizeof(struct waiting *), by_end);
	return r;
}

/* --- the list --- */

/* The most that an order of the vertical that is open now pays; NULL: none is. Whether it would take the lead is the
 * market's to say. */
static const Punnet__V1__Money *at_stake(const struct quarantine *q, const char *vertical)
{
	const Punnet__V1__Money *best = NULL;
	const Punnet__V1__DirectoryEntry *e;

	for (size_t i = 0; directory_at(q->directory, i, &e); i++) {
		const Punnet__V1__OrderTerms *t =
		    e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ORDER && !e->order->removed
			? e->order->terms
			: NULL;

		if (t && !t->paused && strcmp(t->vertical, vertical) == 0 &&
		    (!best || t->price->amount_minor > best->amount_minor))
			best = t->price;
	}
	return best;
}

static const char *span(struct quarantine *q, int64_t ms)
{
	int64_t minutes = MAX_OF(ms, 0) / MS_PER_MIN;

	if (minutes < 120)
		return arena_printf(&q->arena, "%lld min", (long long)minutes);
	return arena_printf(&q->arena, "%lld h", (long long)(minutes / 60));
}

static void print_row(struct quarantine *q, const struct waiting *w, int64_t now_ms)
{
	const Punnet__V1__Money *price = at_stake(q, w->vertical);
	char id[LEAD_ID_TEXT_LEN + 1], money[64] = "no open order";

	lead_id_text(&w->id, id);
	if (q->tool->json) {
		printf("{\"lead_id\":\"%s\",\"vertical\":\"%s\",\"webmaster\":\"%s\",\"score\":%d,"
		       "\"received_at_ms\":%lld,\"until_ms\":%lld,\"then\":\"%s\","
		       "\"price_minor\":%lld,\"currency\":\"%s\"}\n",
		       id, w->vertical, w->aff_id, w->score, (long long)w->received_at_ms,
		       (long long)w->until_ms, w->accepts ? "accept" : "reject",
		       price ? (long long)price->amount_minor : 0LL, price ? price->currency : "");
		return;
	}
	if (price)
		money_text(price->amount_minor, price->currency, money, sizeof(money));
	printf("%s  %-14s %-8s score %-4d waits %-8s %s in %-8s %14s\n", id, w->vertical, w->aff_id,
	       w->score, span(q, now_ms - w->received_at_ms), w->accepts ? "accept" : "reject",
	       span(q, w->until_ms - now_ms), money);
}

static int list(struct quarantine *q)
{
	int64_t now_ms = clock_now_ms();

	for (size_t i = 0; i < q->count; i++)
		print_row(q, q->all[i], now_ms);
	if (!q->tool->json)
		printf("%zu wait\n", q->count);
	return TOOL_DONE;
}

/* --- one lead --- */

static struct waiting *waiting_named(struct quarantine *q, const char *text)
{
	struct waiting *w = NULL;
	struct lead_id id;

	if (lead_id_parse(slice_cstr(text), &id))
		w = map_get(&q->leads, slice_of(id.bytes, sizeof(id.bytes)));
	if (w && w->until_ms > 0)
		return w;
	fprintf(stderr, "punnet quarantine: %s %s\n", text,
		w ? "waits no longer; `punnet trace` tells what became of it" : "does not wait");
	return NULL;
}

static const Punnet__V1__JudgedLead *verdict_of(struct quarantine *q, const struct waiting *w)
{
	struct bus_reader *reader = bus_reader_open(
	    q->tool->bus, "leads.judged", w->judged_partition, w->judged_offset, &q->error);
	const Punnet__V1__JudgedLead *m = NULL;
	struct bus_record record;
	size_t count = 0;

	if (reader &&
	    bus_reader_take(reader, &record, 1, READ_WAIT_MS, &count, &q->error) == RESULT_OK &&
	    count == 1 && record.offset == w->judged_offset)
		m = codec_unpack(&q->arena, &punnet__v1__judged_lead__descriptor, record.value);
	if (reader)
		bus_reader_close(reader);
	return m;
}

static void print_reason(const Punnet__V1__Reason *r)
{
	printf("  %-22s %+4d ", r->code, r->weight);
	for (size_t i = 0; i < r->n_params; i++)
		printf(" %s=%s", r->params[i]->name, r->params[i]->value);
	printf("\n");
}

static void print_fact(const Punnet__V1__Fact *f)
{
	if (f->value_case == PUNNET__V1__FACT__VALUE_NUMBER)
		printf("  %s = %lld\n", f->name, (long long)f->number);
	else if (f->value_case == PUNNET__V1__FACT__VALUE_TEXT)
		printf("  %s = %s\n", f->name, f->text);
	else if (f->value_case == PUNNET__V1__FACT__VALUE_CLAIM)
		printf("  %s: %s\n", f->name, f->claim->owner_lead_id.len ? "held" : "free");
}

static int show(struct quarantine *q, const char *text)
{
	struct waiting *w = waiting_named(q, text);
	const Punnet__V1__JudgedLead *m = w ? verdict_of(q, w) : NULL;

	if (!w)
		return TOOL_FOUND;
	if (!m)
		return tool_fail("quarantine",
				 error_set(&q->error, RESULT_AWAY,
					   "leads.judged/%d@%lld can't be read",
					   w->judged_partition, (long long)w->judged_offset),
				 &q->error);
	print_row(q, w, clock_now_ms());
	if (q->tool->json)
		return TOOL_DONE;
	printf("rule set %s%s%s\nreasons\n", m->ruleset, m->scope[0] ? ", " : "", m->scope);
	for (size_t i = 0; i < m->n_reasons; i++)
		print_reason(m->reasons[i]);
	printf("facts\n");
	for (size_t i = 0; i < m->n_facts; i++)
		print_fact(m->facts[i]);
	return TOOL_DONE;
}

/* --- deciding --- */

static enum result end_wait(struct quarantine *q, const struct waiting *w, bool release)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__QuarantineEnded ended = PUNNET__V1__QUARANTINE_ENDED__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	source.topic = (char *)"operator";
	ended.release = release;
	ended.who = (char *)q->who;
	ended.why = (char *)q->why;
	event.source = &source;
	event.lead_id = codec_lead_id(&w->id);
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_QUARANTINE;
	event.quarantine = &ended;
	return tool_produce(q->tool, "market", w->market_partition, slice_cstr(w->vertical),
			    &event.base, &q->error);
}

static int decide(struct quarantine *q, int count, char **ids, bool release)
{
	enum result r = RESULT_OK;
	int status = TOOL_DONE, done = 0;

	for (int i = 0; i < count && r == RESULT_OK; i++) {
		struct waiting *w = waiting_named(q, ids[i]);

		if (!w) {
			status = TOOL_FOUND;
			continue;
		}
		r = end_wait(q, w, release);
		w->until_ms = 0;
		done++;
	}
	if (r == RESULT_OK)
		r = tool_flush(q->tool, &q->error);
	if (r != RESULT_OK)
		return tool_fail("quarantine", r, &q->error);
	printf(q->tool->json ? "{\"%s\":%d}\n" : "%s: %d\n", release ? "released" : "rejected",
	       done);
	return status;
}

static int run_verb(struct quarantine *q, int argc, char **argv)
{
	const char *verb = argv[1];
	enum result r = gather(q);

	if (r != RESULT_OK)
		return tool_fail("quarantine", r, &q->error);
	if (strcmp(verb, "list") == 0)
		return list(q);
	if (strcmp(verb, "show") == 0)
		return show(q, argv[2]);
	return decide(q, argc - 2, argv + 2, strcmp(verb, "release") == 0);
}

static const char *usage_fault(const struct quarantine *q, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "list") == 0 && argc == 2)
		return NULL;
	if (strcmp(verb, "show") == 0 && argc == 3)
		return NULL;
	if ((strcmp(verb, "release") != 0 && strcmp(verb, "reject") != 0) || argc < 3)
		return "expected list, show ID, release ID… or reject ID…";
	if (!q->why || !q->why[0] || strlen(q->why) > WHY_MAX)
		return "expected --why TEXT, of at most 500 bytes: it stands in the log";
	if (!q->who || !q->who[0])
		return "expected --who NAME: it stands in the log";
	return NULL;
}

int command_quarantine(struct tool *t, int argc, char **argv)
{
	struct quarantine q = {.tool = t,
			       .who = tool_option(&argc, argv, "--who"),
			       .why = tool_option(&argc, argv, "--why")};
	const char *fault;
	int status;

	if (!q.who)
		q.who = getenv("USER");
	fault = usage_fault(&q, argc, argv);
	if (fault)
		return tool_usage("quarantine", "%s", fault);
	if (!tool_bus(t, "quarantine"))
		return TOOL_AWAY;
	q.directory = directory_open(t->bus, TOOL_TIMEOUT_MS, &q.error);
	status =
	    q.directory ? run_verb(&q, argc, argv) : tool_fail("quarantine", RESULT_AWAY, &q.error);
	directory_close(q.directory);
	map_free(&q.leads);
	arena_free(&q.arena);
	return status;
}
