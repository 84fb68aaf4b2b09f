/* router_drive: plays webmasters and payout against a running router on a real broker, and then checks what it did.
 *
 *   router_drive kafka://HOST:PORT LEADS
 *
 * Puts LEADS judged leads on leads.judged (every tenth twice, as a slow predecessor would), settles what comes out of
 * leads.routed, and goes on until every lead has found its end. Then the market's log is folded once more from its
 * beginning, and leads.routed and leads.unsold must hold, after their watermarks, exactly those decisions, byte for byte.
 * The router may be killed as often as anybody likes meanwhile. Exit status 0 when all of it holds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "lead/watermark.h"
#include "play.h"
#include "proto/directory.pb-c.h"
#include "proto/leads_judged.pb-c.h"
#include "runtime/bus.h"
#include "runtime/clock.h"

#define JUDGED_PARTITIONS 3
#define MARKET_PARTITIONS 2
#define OUT_PARTITIONS    4
#define BATCH             200
#define LEADS_A_TURN      20
#define PATIENCE_MS       60000

static const char *const verticals[MARKET_PARTITIONS] = {"credit_card", "osago"};

struct drive {
	struct bus *bus;
	struct bus_producer *producer;
	struct arena arena;
	struct bus_reader *routed[OUT_PARTITIONS], *unsold[OUT_PARTITIONS];
	struct watermark routed_seen[OUT_PARTITIONS], unsold_seen[OUT_PARTITIONS];
	struct map ended; /* lead id -> anything: delivered, unresolved or unsold */
	uint64_t outbox[MARKET_PARTITIONS], raw[JUDGED_PARTITIONS];
	size_t leads, sent;
	int64_t moved_ms;
};

_Noreturn static void fail(const char *what)
{
	fprintf(stderr, "router_drive: %s\n", what);
	exit(1);
}

static void on_ack(void *ctx, uint64_t token, enum result result, int32_t partition, int64_t offset)
{
	(void)ctx;
	(void)token;
	(void)partition;
	(void)offset;
	if (result != RESULT_OK)
		fail("a record was not acknowledged");
}

static void put(struct drive *d, const char *topic, int32_t partition, const char *key,
		const ProtobufCMessage *message)
{
	_cleanup_(buf_free) struct buf bytes = {0};
	struct error error;

	codec_pack(message, &bytes);
	while (bus_produce(d->producer, topic, partition, slice_cstr(key),
			   codec_type(message->descriptor), buf_slice(&bytes), 0) == RESULT_AGAIN)
		(void)!bus_producer_poll(d->producer, &error);
}

static void topics_make(struct drive *d)
{
	static const struct bus_topic_spec specs[] = {
	    {.name = "leads.judged", .partitions = JUDGED_PARTITIONS, .retention_ms = -1},
	    {.name = "market",
	     .partitions = MARKET_PARTITIONS,
	     .retention_ms = -1,
	     .append_time = true},
	    {.name = "leads.routed", .partitions = OUT_PARTITIONS, .retention_ms = -1},
	    {.name = "leads.unsold", .partitions = OUT_PARTITIONS, .retention_ms = -1},
	    {.name = "market.snapshots", .partitions = MARKET_PARTITIONS, .compact = true},
	    {.name = "orders.progress", .partitions = 1, .compact = true},
	    {.name = "directory", .partitions = 1, .compact = true},
	    {.name = "dead.letters", .partitions = 1, .retention_ms = -1},
	};
	struct error error = {0};
	size_t created;

	if (bus_topics_apply(d->bus, specs, ARRAY_LEN(specs), 30000, &created, &error) != RESULT_OK)
		fail(error.text);
}

static void verticals_make(struct drive *d)
{
	for (uint32_t i = 0; i < MARKET_PARTITIONS; i++) {
		Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
		Punnet__V1__Vertical v = PUNNET__V1__VERTICAL__INIT;
		char id[64];

		snprintf(id, sizeof(id), "vertical/%s", verticals[i]);
		v.name = (char *)verticals[i];
		v.market_partition = i;
		v.currency = (char *)"RUB";
		entry.id = id;
		entry.revision = 1;
		entry.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL;
		entry.vertical = &v;
		put(d, "directory", 0, id, &entry.base);
	}
}

static void order_make(struct drive *d, int32_t partition, int n)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__OrderChanged changed = PUNNET__V1__ORDER_CHANGED__INIT;
	Punnet__V1__OrderTerms terms = PUNNET__V1__ORDER_TERMS__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	char id[32];

	snprintf(id, sizeof(id), "%s-%d", verticals[partition], n);
	price.amount_minor = 40000 + 1000 * (n % 4);
	price.currency = (char *)"RUB";
	terms.order_id = id;
	terms.advertiser_id = (char *)"bank";
	terms.vertical = (char *)verticals[partition];
	terms.price = &price;
	terms.quantity = d->leads / 10;
	changed.terms = &terms;
	changed.revision = 1;
	source.topic = (char *)"operator";
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ORDER;
	event.order = &changed;
	put(d, "market", partition, verticals[partition], &event.base);
}

/* --- the front: judged leads --- */

static void lead_send(struct drive *d, size_t n)
{
	Punnet__V1__JudgedLead judged = PUNNET__V1__JUDGED_LEAD__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__SealedContact contact = PUNNET__V1__SEALED_CONTACT__INIT;
	struct lead_id id = play_lead_id(n);
	int32_t p = (int32_t)(n % JUDGED_PARTITIONS);

	source.topic = (char *)"leads.raw";
	source.partition = (uint32_t)p;
	source.offset = d->raw[p]++;
	lead.vertical = (char *)verticals[n / 7 % MARKET_PARTITIONS];
	lead.aff_id = (char *)"w17";
	lead.country = (char *)"RU";
	contact.box = (ProtobufCBinaryData){.len = 6, .data = (uint8_t *)"sealed"};
	judged.lead_id = codec_lead_id(&id);
	judged.source = &source;
	judged.verdict = PUNNET__V1__VERDICT__ACCEPTED;
	judged.lead = &lead;
	judged.contact = &contact;
	put(d, "leads.judged", p, "", &judged.base);
	if (n % 10 == 3)
		put(d, "leads.judged", p, "", &judged.base);
}

static void junk_send(struct drive *d)
{
	(void)!bus_produce(d->producer, "leads.judged", 0, SLICE("k"), "punnet.v1.JudgedLead",
			   SLICE("\xff\xff junk"), 0);
	(void)!bus_produce(d->producer, "market", 0, SLICE("k"), "punnet.v1.MarketEvent",
			   SLICE("\xff\xff junk"), 0);
}

/* --- the back: payout's settlements --- */

static bool fresh(struct watermark *seen, const Punnet__V1__Provenance *s)
{
	struct provenance p = {
	    .topic = "market", .partition = s->partition, .offset = s->offset, .step = s->step};

	return watermark_advance(seen, &p);
}

static void end_lead(struct drive *d, struct slice id)
{
	map_put(&d->ended, id, d);
}

static void settle(struct drive *d, const Punnet__V1__RoutedLead *r)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadSettled settled = PUNNET__V1__LEAD_SETTLED__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	uint64_t dice = hash_fnv1a(r->assignment->round + 1, codec_bytes(r->lead_id)) % 20;

	settled.settlement = dice < 12   ? PUNNET__V1__SETTLEMENT__DELIVERED
			     : dice < 17 ? PUNNET__V1__SETTLEMENT__REFUSED
			     : dice < 19 ? PUNNET__V1__SETTLEMENT__UNDELIVERABLE
					 : PUNNET__V1__SETTLEMENT__UNRESOLVED;
	settled.round = r->assignment->round;
	settled.order_id = r->assignment->order_id;
	source.topic = (char *)"payout.outbox";
	source.partition = r->source->partition;
	source.offset = d->outbox[r->source->partition]++;
	event.lead_id = r->lead_id;
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_SETTLED;
	event.settled = &settled;
	put(d, "market", (int32_t)r->source->partition, r->lead->vertical, &event.base);
	if (settled.settlement == PUNNET__V1__SETTLEMENT__DELIVERED ||
	    settled.settlement == PUNNET__V1__SETTLEMENT__UNRESOLVED)
		end_lead(d, codec_bytes(r->lead_id));
}

static void serve_routed(struct drive *d, const struct bus_record *record)
{
	const Punnet__V1__RoutedLead *r =
	    codec_unpack(&d->arena, &punnet__v1__routed_lead__descriptor, record->value);

	if (!r)
		fail("leads.routed holds something else");
	if (!fresh(&d->routed_seen[record->partition], r->source))
		return;
	d->moved_ms = clock_monotonic_ms();
	settle(d, r);
}

static void serve_unsold(struct drive *d, const struct bus_record *record)
{
	const Punnet__V1__UnsoldLead *u =
	    codec_unpack(&d->arena, &punnet__v1__unsold_lead__descriptor, record->value);

	if (!u)
		fail("leads.unsold holds something else");
	if (!fresh(&d->unsold_seen[record->partition], u->source))
		return;
	d->moved_ms = clock_monotonic_ms();
	end_lead(d, codec_bytes(u->lead_id));
}

static void serve(struct drive *d, struct bus_reader *reader,
		  void (*record)(struct drive *, const struct bus_record *))
{
	struct bus_record records[BATCH];
	struct error error;
	size_t count = 0;

	if (bus_reader_take(reader, records, BATCH, 1, &count, &error) == RESULT_FATAL)
		fail(error.text);
	for (size_t i = 0; i < count; i++) {
		arena_reset(&d->arena);
		record(d, &records[i]);
	}
}

static void play_on(struct drive *d)
{
	struct error error;

	d->moved_ms = clock_monotonic_ms();
	while (map_count(&d->ended) < d->leads) {
		for (int i = 0; i < LEADS_A_TURN && d->sent < d->leads; i++)
			lead_send(d, d->sent++);
		if (bus_producer_poll(d->producer, &error) == RESULT_FATAL)
			fail(error.text);
		for (int i = 0; i < OUT_PARTITIONS; i++) {
			serve(d, d->routed[i], serve_routed);
			serve(d, d->unsold[i], serve_unsold);
		}
		if (clock_monotonic_ms() - d->moved_ms > PATIENCE_MS) {
			fprintf(stderr, "%zu of %zu leads ended\n", map_count(&d->ended), d->leads);
			fail("nothing moves");
		}
	}
	if (bus_producer_flush(d->producer, 30000) != RESULT_OK)
		fail("not all could be written");
}

/* --- the check --- */

struct count {
	size_t records, repeats, decisions;
	struct map begun; /* leads that had their first decision */
};

/* (partition, offset) of the market record -> the packed decision */
static struct slice cause(char key[32], uint32_t partition, uint64_t offset)
{
	return slice_of(key, (size_t)snprintf(key, 32, "%" PRIu32 "/%" PRIu64, partition, offset));
}

static void decision_free(struct buf *packed)
{
	buf_free(packed);
	free(packed);
}

static void collect(struct drive *d, const char *topic, struct map *found, struct count *count)
{
	for (int32_t p = 0; p < OUT_PARTITIONS; p++) {
		struct watermark seen = {0};
		int64_t low, high;
		struct error error;
		struct bus_reader *reader = bus_reader_open(d->bus, topic, p, 0, &error);

		if (!reader || bus_offsets(d->bus, topic, p, 10000, &low, &high) != RESULT_OK)
			fail("can't read the output");
		while (bus_reader_position(reader) < high) {
			struct bus_record r[BATCH];
			size_t n = 0;

			if (bus_reader_take(reader, r, BATCH, 1000, &n, &error) == RESULT_FATAL)
				fail(error.text);
			for (size_t i = 0; i < n; i++) {
				const Punnet__V1__RoutedLead *m;
				struct buf *copy = calloc(1, sizeof(*copy));
				char key[32];

				/* Both messages have lead id and source in the same places. */
				arena_reset(&d->arena);
				m = codec_unpack(&d->arena,
						 topic[6] == 'r'
						     ? &punnet__v1__routed_lead__descriptor
						     : &punnet__v1__unsold_lead__descriptor,
						 r[i].value);
				count->records++;
				buf_append_slice(copy, r[i].value);
				if (!fresh(&seen, m->source)) {
					count->repeats++;
					decision_free(copy);
					continue;
				}
				if (map_put(found,
					    cause(key, m->source->partition, m->source->offset),
					    copy))
					fail("two decisions from one market record");
			}
		}
		bus_reader_close(reader);
	}
}

static void compare(const struct decision *made, struct map *found, uint32_t partition,
		    uint64_t offset, struct count *count)
{
	_cleanup_(buf_free) struct buf bytes = {0};
	struct buf *stored;
	char key[32];

	codec_pack(made->routed ? &made->routed->base : &made->unsold->base, &bytes);
	if (made->unsold ? made->unsold->decision->round == 0
			 : made->routed->assignment->round == 0) {
		struct slice id =
		    codec_bytes(made->unsold ? made->unsold->lead_id : made->routed->lead_id);

		if (map_put(&count->begun, id, count))
			fail("a lead was admitted and decided twice");
	}
	stored = map_remove(found, cause(key, partition, offset));
	if (!stored)
		fail("a decision is missing downstream");
	if (!slice_equal(buf_slice(stored), buf_slice(&bytes)))
		fail("a decision differs from the one that the log gives");
	decision_free(stored);
	count->decisions++;
}

static void refold(struct drive *d, int32_t partition, struct map *found, struct count *count)
{
	struct market *m = market_new((uint32_t)partition);
	struct error error;
	struct bus_reader *reader = bus_reader_open(d->bus, "market", partition, 0, &error);
	int64_t low, high;

	if (!reader || bus_offsets(d->bus, "market", partition, 10000, &low, &high) != RESULT_OK)
		fail("can't read the market");
	while (bus_reader_position(reader) < high) {
		struct bus_record r[BATCH];
		size_t n = 0;

		if (bus_reader_take(reader, r, BATCH, 1000, &n, &error) == RESULT_FATAL)
			fail(error.text);
		for (size_t i = 0; i < n; i++) {
			struct decisions decisions;

			arena_reset(&d->arena);
			(void)market_apply(
			    m,
			    codec_unpack(&d->arena, &punnet__v1__market_event__descriptor,
					 r[i].value),
			    r[i].timestamp_ms, (uint64_t)r[i].offset, &d->arena, &decisions);
			for (size_t k = 0; k < decisions.count; k++)
				compare(&decisions.items[k], found, (uint32_t)partition,
					(uint64_t)r[i].offset, count);
		}
	}
	if (market_open_leads(m) > 0)
		fail("leads are still open");
	bus_reader_close(reader);
	market_free(m);
}

static void check(struct drive *d)
{
	struct map found = {0};
	struct count count = {0};

	collect(d, "leads.routed", &found, &count);
	collect(d, "leads.unsold", &found, &count);
	for (int32_t p = 0; p < MARKET_PARTITIONS; p++)
		refold(d, p, &found, &count);
	if (map_count(&found) > 0)
		fail("there are decisions downstream that the log does not give");
	printf("%zu leads, %zu decisions, all there once and bit for bit; %zu repeats fell away\n",
	       d->leads, count.decisions, count.repeats);
	if (map_count(&count.begun) != d->leads)
		fail("leads are missing");
	map_free(&found);
	map_free(&count.begun);
}

int main(int argc, char **argv)
{
	struct drive d = {.leads = argc > 2 ? strtoul(argv[2], NULL, 10) : 0};
	struct error error = {0};

	if (argc != 3 || d.leads == 0)
		fail("usage: router_drive kafka://HOST:PORT LEADS");
	d.bus = bus_open(argv[1], "router-drive", &error);
	if (!d.bus)
		fail(error.text);
	topics_make(&d);
	d.producer = bus_producer_open(
	    d.bus, &(struct bus_producer_options){.on_ack = on_ack, .max_in_flight = 10000},
	    &error);
	if (!d.producer)
		fail(error.text);
	verticals_make(&d);
	for (int32_t p = 0; p < MARKET_PARTITIONS; p++) {
		for (int n = 0; n < 8; n++)
			order_make(&d, p, n);
	}
	junk_send(&d);
	for (int32_t p = 0; p < OUT_PARTITIONS; p++) {
		d.routed[p] = bus_reader_open(d.bus, "leads.routed", p, 0, &error);
		d.unsold[p] = bus_reader_open(d.bus, "leads.unsold", p, 0, &error);
	}
	play_on(&d);
	check(&d);
	for (int32_t p = 0; p < OUT_PARTITIONS; p++) {
		bus_reader_close(d.routed[p]);
		bus_reader_close(d.unsold[p]);
	}
	bus_producer_close(d.producer);
	bus_close(d.bus);
	map_free(&d.ended);
	arena_free(&d.arena);
	return 0;
}
