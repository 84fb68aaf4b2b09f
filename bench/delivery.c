/* delivery: all of delivery in one process, on a bus in memory: what a webhook costs with kept connections, and what others notice of
 * advertisers that misbehave. The advertisers' side is bench-sink.
 *
 *   bench-delivery --port P --hostile-port Q [--webhooks N] [--seconds S] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "delivery/shell/delivery.h"
#include "lead/codec.h"
#include "lead/contact_prints.h"
#include "proto/directory.pb-c.h"
#include "proto/leads_attempts.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "runtime/clock.h"
#include "runtime/log.h"

#define LEADS_MAX        1000000
#define LEAD_PHONE       "+79161234567"
#define LEAD_EMAIL       "lead.1234567@example.ru"
#define KEY_DAY          20000
#define RATE             500     /* leads a second of the advertiser that is measured */
#define HOSTILE_EVERY_NS 2500000 /* of all that misbehave: 50 a second of each */
#define ROUNDS           5
#define READ_MAX         500
#define PATIENCE_NS      (60 * 1000000000LL)
#define PRODUCER_ROOM    100000

static const char *const hostile[] = {"never", "endless", "reset", "half",
				      "never", "endless", "reset", "half"};

struct world {
	uv_loop_t loop;
	struct bus *bus;
	struct bus_producer *producer;
	struct directory *directory;
	struct keyring *keyring;
	struct delivery *delivery;
	struct bus_reader *attempts;
	struct arena arena;
	int port, hostile_port;
	uint32_t routed;
	int64_t sent_ns[LEADS_MAX]; /* when a lead was routed; 0: it is not measured */
	double *waits;              /* of leads that were handed over, in microseconds */
	size_t wait_count, done;
	char keys_dir[64];
};

static void on_ack(_unused_ void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	if (result != RESULT_OK)
		bench_die("a record was not acknowledged");
}

static void put(struct world *w, const char *topic, struct slice key, const ProtobufCMessage *m)
{
	_cleanup_(buf_free) struct buf bytes = {0};

	codec_pack(m, &bytes);
	if (bus_produce(w->producer, topic, 0, key, codec_type(m->descriptor), buf_slice(&bytes),
			1) != RESULT_OK)
		bench_die("%s: a record was not taken", topic);
}

static void put_advertiser(struct world *w, const char *id)
{
	Punnet__V1__DirectoryEntry e = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Advertiser a = PUNNET__V1__ADVERTISER__INIT;
	char key[64];

	snprintf(key, sizeof(key), "advertiser/%s", id);
	e.id = key;
	e.revision = 1;
	e.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER;
	e.advertiser = &a;
	put(w, "directory", slice_cstr(key), &e.base);
}

/* --- leads --- */

static struct lead_id lead_number(uint32_t n)
{
	uint8_t random[10] = {0};

	memcpy(random + 4, &n, sizeof(n));
	return lead_id_make(1767225600000, random);
}

static uint32_t number_of(const Punnet__V1__DeliveryAttempt *a)
{
	uint32_t n;

	memcpy(&n, a->lead_id.data + 10, sizeof(n));
	return n;
}

static void seal_contact(struct world *w, const struct lead_id *id, struct buf *box,
			 uint8_t nonce[SEAL_NONCE_LEN])
{
	_cleanup_(buf_free) struct buf plain = {0};
	Punnet__V1__Contact c = PUNNET__V1__CONTACT__INIT;

	c.phone = (char *)LEAD_PHONE;
	c.email = (char *)LEAD_EMAIL;
	c.first_name = (char *)"Maria";
	c.last_name = (char *)"Sokolova";
	codec_pack(&c.base, &plain);
	clock_random(nonce, SEAL_NONCE_LEN);
	seal(keyring_day_key(w->keyring, KEY_DAY, true), nonce, id, buf_slice(&plain), box);
}

static void route(struct world *w, const char *advertiser, const char *path, bool measured)
{
	Punnet__V1__RoutedLead m = PUNNET__V1__ROUTED_LEAD__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__Assignment a = PUNNET__V1__ASSIGNMENT__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__SealedContact sealed = PUNNET__V1__SEALED_CONTACT__INIT;
	_cleanup_(buf_free) struct buf box = {0};
	struct lead_id id = lead_number(w->routed);
	uint8_t nonce[SEAL_NONCE_LEN];
	struct contact_prints prints;
	char settings[256];

	seal_contact(w, &id, &box, nonce);
	sealed.key_day = KEY_DAY;
	sealed.nonce = (ProtobufCBinaryData){SEAL_NONCE_LEN, nonce};
	sealed.box = (ProtobufCBinaryData){box.len, (uint8_t *)box.data};
	contact_prints_of(keyring_fingerprint_key(w->keyring), SLICE(LEAD_PHONE), SLICE(LEAD_EMAIL),
			  &prints);
	sealed.phone = (ProtobufCBinaryData){FINGERPRINT_LEN, prints.phone.bytes};
	sealed.email = (ProtobufCBinaryData){FINGERPRINT_LEN, prints.email.bytes};
	snprintf(settings, sizeof(settings),
		 "{\"webhook\":{\"url\":\"http://127.0.0.1:%d/%s\",\"timeout_ms\":1000}}",
		 strcmp(advertiser, "good") == 0 ? w->port : w->hostile_port, path);
	source.topic = (char *)"market";
	source.offset = w->routed;
	price.amount_minor = 45000;
	price.currency = (char *)"RUB";
	a.order_id = (char *)"bench-credit_card";
	a.advertiser_id = (char *)advertiser;
	a.aff_id = (char *)"w17";
	a.vertical = (char *)"credit_card";
	a.price = &price;
	lead.country = (char *)"RU";
	lead.city = (char *)"Nizhny Novgorod";
	lead.received_at_ms = 1767225600000;
	m.lead_id = codec_lead_id(&id);
	m.source = &source;
	m.assignment = &a;
	m.lead = &lead;
	m.contact = &sealed;
	m.delivery_json = settings;
	w->sent_ns[w->routed++ % LEADS_MAX] = measured ? bench_now_ns() : 0;
	put(w, "leads.routed", SLICE("bench"), &m.base);
}

/* --- the world --- */

static void world_open(struct world *w, int port)
{
	static const struct bus_topic_spec topics[] = {
	    {.name = "leads.routed", .partitions = 1, .retention_ms = -1},
	    {.name = "leads.attempts", .partitions = 1, .retention_ms = -1},
	    {.name = "leads.outcomes", .partitions = 1, .retention_ms = -1},
	    {.name = "dead.letters", .partitions = 1, .retention_ms = -1},
	    {.name = "market", .partitions = 1, .retention_ms = -1},
	    {.name = "directory", .partitions = 1, .retention_ms = -1, .compact = true},
	};
	struct bus_producer_options producer = {.on_ack = on_ack, .max_in_flight = PRODUCER_ROOM};
	struct error e = {0};
	size_t created;

	snprintf(w->keys_dir, sizeof(w->keys_dir), "/tmp/punnet-bench-delivery-XXXXXX");
	w->port = port;
	w->waits = calloc(LEADS_MAX, sizeof(*w->waits));
	if (!w->waits || !mkdtemp(w->keys_dir))
		bench_die("no room");
	uv_loop_init(&w->loop);
	w->bus = bus_open("memory:", "bench", &e);
	if (!w->bus ||
	    bus_topics_apply(w->bus, topics, ARRAY_LEN(topics), 5000, &created, &e) != RESULT_OK)
		bench_die("%s", e.text);
	w->producer = bus_producer_open(w->bus, &producer, &e);
	w->keyring = keyring_open(w->keys_dir, true, &e);
	if (!w->producer || !w->keyring)
		bench_die("%s", e.text);
	put_advertiser(w, "good");
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		char id[16];

		snprintf(id, sizeof(id), "hostile-%zu", i);
		put_advertiser(w, id);
	}
	if (bus_producer_flush(w->producer, 5000) != RESULT_OK)
		bench_die("the directory was not stored");
	w->directory = directory_open(w->bus, 5000, &e);
	if (!w->directory)
		bench_die("%s", e.text);
}

static void delivery_begin(struct world *w)
{
	struct delivery_settings s = {
	    .in_flight_max = 256,
	    .advertiser_in_flight_max = 64,
	    .open_tasks_max = 50000,
	    .connect_timeout_ms = 1000,
	    .answer_timeout_ms = 1000,
	    .ack_watchdog_ms = 30000,
	    .answer_max_bytes = 65536,
	    .allow_private_addresses = true,
	};
	struct error e = {0};

	if (retry_plan_parse(SLICE("0s,5s,30s,2m,10m"), &s.retry, &e) != RESULT_OK)
		bench_die("%s", e.text);
	w->delivery = delivery_open(&w->loop, w->bus, w->directory, w->keyring, &s, &e);
	w->attempts = bus_reader_open(w->bus, "leads.attempts", 0, 0, &e);
	if (!w->delivery || !w->attempts)
		bench_die("%s", e.text);
}

static void world_close(struct world *w)
{
	char command[128];

	delivery_close(w->delivery);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	bus_reader_close(w->attempts);
	directory_close(w->directory);
	bus_producer_close(w->producer);
	bus_close(w->bus);
	keyring_free(w->keyring);
	arena_free(&w->arena);
	free(w->waits);
	snprintf(command, sizeof(command), "rm -r %s", w->keys_dir);
	if (system(command) != 0)
		bench_die("%s can't be removed", w->keys_dir);
	free(w);
}

/* One turn of delivery and of the loop, and a look at what was recorded. */
static void turn(struct world *w)
{
	struct bus_record records[READ_MAX];
	struct error e = {0};
	size_t count = 0;
	bool busy;

	if (delivery_turn(w->delivery, &busy, &e) == RESULT_FATAL ||
	    bus_producer_poll(w->producer, &e) == RESULT_FATAL)
		bench_die("%s", e.text);
	uv_run(&w->loop, UV_RUN_NOWAIT);
	if (bus_reader_take(w->attempts, records, READ_MAX, 0, &count, &e) != RESULT_OK)
		bench_die("%s", e.text);
	for (size_t i = 0; i < count; i++) {
		const Punnet__V1__DeliveryAttempt *a = codec_unpack(
		    &w->arena, &punnet__v1__delivery_attempt__descriptor, records[i].value);
		int64_t *sent_ns;

		if (a->lead_id.len == 0)
			continue; /* a take-over, a taking */
		sent_ns = &w->sent_ns[number_of(a) % LEADS_MAX];
		w->done += a->final;
		if (*sent_ns && a->final && w->wait_count < LEADS_MAX)
			w->waits[w->wait_count++] = (double)(bench_now_ns() - *sent_ns) / 1000;
		arena_reset(&w->arena);
	}
}

/* --- the figures --- */

static void throughput(struct world *w, int64_t webhooks)
{
	int64_t ends_ns = bench_now_ns() + PATIENCE_NS, from_ns = 0, cpu_us = 0;
	size_t warm = (size_t)webhooks / 10;

	for (int64_t i = 0; i < webhooks; i++) {
		struct error e;

		route(w, "good", "bench", false);
		if (i % 1000 == 0 && bus_producer_poll(w->producer, &e) == RESULT_FATAL)
			bench_die("%s", e.text);
	}
	delivery_begin(w);
	while (w->done < (size_t)webhooks) {
		turn(w);
		if (from_ns == 0 && w->done >= warm) {
			from_ns = bench_now_ns();
			cpu_us = bench_own_cpu_us();
			warm = w->done;
		}
		if (bench_now_ns() > ends_ns)
			bench_die("%zu of %" PRId64 " webhooks", w->done, webhooks);
	}
	webhooks -= (int64_t)warm;
	bench_figure("webhooks, CPU", (double)(bench_own_cpu_us() - cpu_us) / (double)webhooks,
		     "us/webhook");
	bench_figure("webhooks, one core",
		     (double)webhooks * 1e9 / (double)(bench_now_ns() - from_ns), "webhooks/s");
}

/* Open loop: each lead is due at its time, whatever became of those before. The 99th percentile, in microseconds. */
static double p99(struct world *w, const char *path, int64_t seconds, bool with_hostile)
{
	int64_t start_ns = bench_now_ns(), ends_ns = start_ns + seconds * 1000000000LL;
	int64_t good = 0, bad = 0, now_ns;

	w->wait_count = 0;
	while ((now_ns = bench_now_ns()) < ends_ns) {
		for (; good * (1000000000LL / RATE) <= now_ns - start_ns; good++)
			route(w, "good", path, true);
		for (; with_hostile && bad * HOSTILE_EVERY_NS <= now_ns - start_ns; bad++) {
			size_t i = (size_t)bad % ARRAY_LEN(hostile);
			char id[16];

			snprintf(id, sizeof(id), "hostile-%zu", i);
			route(w, id, hostile[i], false);
		}
		turn(w);
	}
	ends_ns = bench_now_ns() + PATIENCE_NS;
	while (w->wait_count < (size_t)good) {
		turn(w);
		if (bench_now_ns() > ends_ns)
			bench_die("a lead of the good advertiser was held up");
	}
	return bench_quantile(w->waits, w->wait_count, 0.99);
}

/* By turns, so that a slow moment of the machine meets both. `beside` has hostile advertisers, and their leads under way. */
static void isolation(struct world *calm, struct world *beside, const char *path, int64_t seconds,
		      double *ret_alone_us, double *ret_beside_us)
{
	double alone_us[ROUNDS], beside_us[ROUNDS];

	(void)p99(calm, path, 1, false);
	(void)p99(beside, path, 1, true);
	for (int i = 0; i < ROUNDS; i++) {
		alone_us[i] = p99(calm, path, seconds, false);
		beside_us[i] = p99(beside, path, seconds, true);
	}
	*ret_alone_us = bench_quantile(alone_us, ROUNDS, 0.5);
	*ret_beside_us = bench_quantile(beside_us, ROUNDS, 0.5);
}

/* An advertiser that answers at once shows what the others cost; one that needs 20 ms, what an advertiser sees of it. */
static void beside_hostile(struct world *calm, struct world *beside, int64_t seconds)
{
	double alone_us, with_us;

	isolation(calm, beside, "bench", seconds, &alone_us, &with_us);
	bench_figure_floor("webhooks, p99 beside 8 hostile advertisers, answered at once",
			   with_us / 1000, alone_us / 1000, "ms");
	isolation(calm, beside, "after", seconds, &alone_us, &with_us);
	bench_figure_floor("webhooks, p99 beside 8 hostile advertisers, answered in 20 ms",
			   with_us / 1000, alone_us / 1000, "ms");
	bench_figure("webhooks, p99 moves by", (with_us / alone_us - 1) * 100, "%");
}

static struct world *world_new(int port, int hostile_port)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		bench_die("no room");
	world_open(w, port);
	w->hostile_port = hostile_port;
	return w;
}

int main(int argc, char **argv)
{
	int port = (int)bench_option_int(argc, argv, "port", 7080);
	int hostile_port = (int)bench_option_int(argc, argv, "hostile-port", 7081);
	struct world *calm, *beside;

	log_start("bench", LOG_LEVEL_ERROR);
	calm = world_new(port, hostile_port);
	beside = world_new(port, hostile_port);
	throughput(calm, bench_option_int(argc, argv, "webhooks", 40000));
	delivery_begin(beside);
	beside_hostile(calm, beside, bench_option_int(argc, argv, "seconds", 3));
	bench_figure("webhooks, resident memory beside them",
		     (double)bench_resident_kib(getpid()) / 1024, "MiB");
	world_close(calm);
	world_close(beside);
	return 0;
}
