/* replay: what a verdict and a decision cost that are computed once more. Topics are made of the golden ones, as files, and
 * `punnet replay --threads 1` is run over them: CPU time of the whole process for one verdict, one decision. The floor reads the
 * same records from the same files and unpacks them, and does nothing else.
 *
 * usage: bench-replay --punnet PROGRAM --golden FOLDER --scratch FOLDER [--leads N] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "lead/codec.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "router/core/market.h"
#include "runtime/bus_files.h"
#include "tools/settled_event.h"

#define BATCH      1000
#define SAMPLE_MAX 4096
#define T0         1790000000000LL

struct sample { /* records of the golden topics, by turns */
	struct bus_record records[SAMPLE_MAX];
	size_t count;
};

static struct bus *open_folder(const char *folder)
{
	struct error e = {0};
	char url[4096];
	struct bus *b;

	snprintf(url, sizeof(url), "files:%s", folder);
	b = bus_open_reading(url, "bench", &e);
	if (!b)
		bench_die("%s", e.text);
	return b;
}

static void read_sample(struct bus *b, const char *topic, struct sample *ret)
{
	ret->count = 0;
	for (int32_t p = 0; p < bus_partitions(b, topic, 0); p++) {
		struct error e = {0};
		struct bus_reader *r = bus_reader_open(b, topic, p, -1, &e);
		size_t got;

		if (!r || bus_reader_take(r, ret->records + ret->count, SAMPLE_MAX - ret->count, 0,
					  &got, &e) != RESULT_OK)
			bench_die("%s", e.text);
		ret->count += got;
		bus_reader_close(r); /* what was taken is mapped, and stays */
	}
	if (ret->count == 0)
		bench_die("%s: nothing is recorded", topic);
}

static struct recording *begin(const char *folder, const char *topic, int64_t end)
{
	struct error e = {0};
	struct recording *r = recording_begin(folder, topic, 0, 0, end, &e);

	if (!r)
		bench_die("%s", e.text);
	return r;
}

static void end(struct recording *r)
{
	struct error e = {0};

	if (recording_end(r, &e) != RESULT_OK)
		bench_die("%s", e.text);
}

static void copy_topic(struct bus *b, const char *folder, const char *topic)
{
	static struct sample s;
	struct recording *out;

	read_sample(b, topic, &s);
	out = begin(folder, topic, s.records[s.count - 1].offset + 1);
	for (size_t i = 0; i < s.count; i++)
		recording_put(out, &s.records[i]);
	end(out);
}

static void make_verdicts(struct bus *b, const char *folder, int64_t leads)
{
	static struct sample s;
	struct recording *out = begin(folder, "leads.judged", leads);

	read_sample(b, "leads.judged", &s);
	for (int64_t i = 0; i < leads; i++) {
		struct bus_record record = s.records[(size_t)i % s.count];

		record.offset = i;
		recording_put(out, &record);
	}
	end(out);
}

/* --- a market --- */

struct maker {
	struct market *market;
	struct recording *log, *routed, *unsold;
	struct arena arena;
	struct buf packed;
	int64_t events, sold, others, settled;
};

static void put(struct recording *to, const ProtobufCMessage *m, int64_t offset, int64_t time_ms,
		struct buf *packed)
{
	buf_reset(packed);
	codec_pack(m, packed);
	recording_put(to, &(struct bus_record){.offset = offset,
					       .timestamp_ms = time_ms,
					       .type = slice_cstr(codec_type(m->descriptor)),
					       .value = buf_slice(packed)});
}

static void apply(struct maker *k, const Punnet__V1__MarketEvent *event);

static void settle(struct maker *k, const Punnet__V1__RoutedLead *routed)
{
	struct settled_event delivered;

	apply(k, settled_event(&delivered, routed->lead_id, routed->assignment,
			       PUNNET__V1__SETTLEMENT__DELIVERED, 0, (uint64_t)++k->settled));
}

static void apply(struct maker *k, const Punnet__V1__MarketEvent *event)
{
	int64_t offset = k->events++, time_ms = T0 + offset;
	struct decisions made;

	put(k->log, &event->base, offset, time_ms, &k->packed);
	(void)market_apply(k->market, event, time_ms, (uint64_t)offset, &k->arena, &made);
	for (size_t i = 0; i < made.count; i++) {
		if (made.items[i].unsold) {
			put(k->unsold, &made.items[i].unsold->base, k->others++, time_ms,
			    &k->packed);
			continue;
		}
		put(k->routed, &made.items[i].routed->base, k->sold++, time_ms, &k->packed);
		settle(k, made.items[i].routed);
	}
}

static bool is_demand(const Punnet__V1__MarketEvent *m)
{
	return m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ORDER ||
	       m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_RATE ||
	       m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_FUNDS;
}

static void make_market(struct bus *b, const char *folder, int64_t leads)
{
	static struct sample s;
	struct maker k = {.market = market_new(0),
			  .log = begin(folder, "market", 4 * leads + SAMPLE_MAX),
			  .routed = begin(folder, "leads.routed", 4 * leads),
			  .unsold = begin(folder, "leads.unsold", 4 * leads)};
	struct arena kept = {0};
	Punnet__V1__MarketEvent *all[SAMPLE_MAX];
	size_t admitted = 0;

	read_sample(b, "market", &s);
	for (size_t i = 0; i < s.count; i++) {
		Punnet__V1__MarketEvent *m =
		    codec_unpack(&kept, &punnet__v1__market_event__descriptor, s.records[i].value);

		if (is_demand(m))
			apply(&k, m);
		else if (m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED &&
			 m->admitted->quarantined_until_ms == 0)
			all[admitted++] = m;
	}
	for (int64_t i = 0; i < leads; i++) {
		Punnet__V1__MarketEvent m = *all[(size_t)i % admitted];
		Punnet__V1__Provenance source = *m.source;
		uint8_t random[10] = {0};
		struct lead_id id;

		memcpy(random, &i, sizeof(i));
		id = lead_id_make(T0 + i, random);
		source.partition = 0;
		source.offset = (uint64_t)i + 1;
		m.source = &source;
		m.lead_id = codec_lead_id(&id);
		apply(&k, &m);
		arena_reset(&k.arena);
	}
	end(k.log);
	end(k.routed);
	end(k.unsold);
	market_free(k.market);
	arena_free(&k.arena);
	arena_free(&kept);
	buf_free(&k.packed);
}

static void make_empty(const char *folder, const char *topic)
{
	end(begin(folder, topic, 0));
}

/* --- measuring --- */

static double run_punnet(const char *punnet, const char *what, const char *folder)
{
	char source[4096];

	snprintf(source, sizeof(source), "files:%s", folder);
	return bench_run_cpu_ns(
	    (const char *[]){punnet, "replay", what, "--threads", "1", "--source", source, NULL},
	    0);
}

/* Reads all and unpacks it. */
static double floor_of(const char *folder, const char *const *topics,
		       const ProtobufCMessageDescriptor *const *types, size_t count)
{
	int64_t from = bench_own_cpu_ns();
	struct bus *b = open_folder(folder);
	static struct bus_record records[BATCH];
	struct arena a = {0};

	for (size_t i = 0; i < count; i++) {
		struct error e = {0};
		struct bus_reader *r = bus_reader_open(b, topics[i], 0, -1, &e);
		size_t got = 1;

		while (r && got > 0 &&
		       bus_reader_take(r, records, BATCH, 0, &got, &e) == RESULT_OK) {
			for (size_t k = 0; k < got; k++) {
				BENCH_KEEP(codec_unpack(&a, types[i], records[k].value));
				arena_reset(&a);
			}
		}
		bus_reader_close(r);
	}
	arena_free(&a);
	bus_close(b);
	return (double)(bench_own_cpu_ns() - from);
}

static void figures(const char *name, const char *rate, double spent, double floor, int64_t leads)
{
	bench_figure_floor(name, spent / (double)leads / 1000, floor / (double)leads / 1000, "us");
	bench_figure(rate, (double)leads * 1e9 / spent, "/s");
}

int main(int argc, char **argv)
{
	static const char *const verdict_topics[] = {"leads.judged"};
	static const char *const market_topics[] = {"market", "leads.routed"};
	const ProtobufCMessageDescriptor *verdict_types[] = {&punnet__v1__judged_lead__descriptor};
	const ProtobufCMessageDescriptor *market_types[] = {&punnet__v1__market_event__descriptor,
							    &punnet__v1__routed_lead__descriptor};
	const char *punnet = bench_option(argc, argv, "punnet", "punnet");
	const char *folder = bench_option(argc, argv, "scratch", "replay-topics");
	int64_t leads = bench_option_int(argc, argv, "leads", 300000);
	struct bus *b = open_folder(bench_option(argc, argv, "golden", "tests/golden/0.1.0"));
	double spent;

	if (mkdir(folder, 0777) != 0)
		bench_die("%s: expected a folder that is not there yet", folder);
	copy_topic(b, folder, "directory");
	make_empty(folder, "market.snapshots");
	make_verdicts(b, folder, leads);
	make_market(b, folder, leads);
	bus_close(b);
	spent = run_punnet(punnet, "verdicts", folder);
	figures("replay, a verdict", "replay, verdicts on one core", spent,
		floor_of(folder, verdict_topics, verdict_types, ARRAY_LEN(verdict_topics)), leads);
	spent = run_punnet(punnet, "decisions", folder);
	figures("replay, a decision", "replay, decisions on one core", spent,
		floor_of(folder, market_topics, market_types, ARRAY_LEN(market_topics)), leads);
	return 0;
}
