/* bench-fill: whole lives of leads straight into the topics, as the services write them: small but real records, sealed contacts
 * of random bytes. For what must be quick among very many: trace.
 *
 *   bench-fill --kafka HOST:PORT --leads N [--per-second R] [--ids K]
 *
 * Leads come in at R a second (500) of the log's time, which begins now and runs ahead of the clock: a topic is found by its times, and
 * these must not go back. Topics whose times the broker gives keep ours, for which their configuration is changed: such a stack
 * is for measuring, and is wiped then. Each lead is received, judged, admitted,
 * sold, handed over and settled: seven records. Prints K ids from all over the time, a line each. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hash.h"
#include "bench.h"
#include "lead/codec.h"
#include "proto/leads_attempts.pb-c.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/market.pb-c.h"

#define PATIENCE_MS 30000
#define CONTACT_LEN 120
#define VERTICALS   4
#define BEGIN_MS    1000 /* behind what stands there already */

enum topic { RAW, JUDGED, MARKET, ROUTED, ATTEMPTS, OUTCOMES, TOPICS };

static const char *const names[TOPICS] = {"leads.raw",    "leads.judged",   "market",
					  "leads.routed", "leads.attempts", "leads.outcomes"};
static const char *const verticals[VERTICALS] = {"microloan", "credit_card", "osago", "courses"};

struct fill {
	rd_kafka_t *kafka;
	rd_kafka_topic_t *topics[TOPICS];
	int32_t partitions[TOPICS];
	int64_t offsets[TOPICS][256]; /* so many were sent */
	struct buf packed;
	uint64_t failed;
};

static void on_delivery(_unused_ rd_kafka_t *k, const rd_kafka_message_t *m, void *opaque)
{
	((struct fill *)opaque)->failed += m->err != 0;
}

static void set(rd_kafka_conf_t *c, const char *name, const char *value)
{
	char why[256];

	if (rd_kafka_conf_set(c, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		bench_die("%s", why);
}

static void connect_to(struct fill *f, const char *kafka)
{
	rd_kafka_conf_t *c = rd_kafka_conf_new();
	char why[256];

	set(c, "bootstrap.servers", kafka);
	set(c, "enable.idempotence", "true");
	set(c, "compression.type", "lz4");
	set(c, "linger.ms", "50");
	set(c, "batch.size", "1000000");
	set(c, "queue.buffering.max.messages", "500000");
	set(c, "delivery.report.only.error", "true");
	rd_kafka_conf_set_opaque(c, f);
	rd_kafka_conf_set_dr_msg_cb(c, on_delivery);
	f->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, c, why, sizeof(why));
	if (!f->kafka)
		bench_die("%s", why);
}

static void find_topics(struct fill *f)
{
	for (int t = 0; t < TOPICS; t++) {
		const struct rd_kafka_metadata *m;

		f->topics[t] = rd_kafka_topic_new(f->kafka, names[t], NULL);
		if (rd_kafka_metadata(f->kafka, 0, f->topics[t], &m, PATIENCE_MS) != 0 ||
		    m->topic_cnt != 1 || m->topics[0].partition_cnt < 1 ||
		    m->topics[0].partition_cnt > 256)
			bench_die("topic %s can't be found", names[t]);
		f->partitions[t] = m->topics[0].partition_cnt;
		rd_kafka_metadata_destroy(m);
		for (int32_t p = 0; p < f->partitions[t]; p++) {
			int64_t low;

			if (rd_kafka_query_watermark_offsets(f->kafka, names[t], p, &low,
							     &f->offsets[t][p], PATIENCE_MS) != 0)
				bench_die("%s: its offsets can't be learned", names[t]);
		}
	}
}

/* The records bear the time of the life that they tell, and none is too old to be kept. */
static void keep_our_times(struct fill *f)
{
	rd_kafka_ConfigResource_t *of[TOPICS];
	rd_kafka_queue_t *q = rd_kafka_queue_new(f->kafka);
	rd_kafka_event_t *answer;

	for (int t = 0; t < TOPICS; t++) {
		of[t] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, names[t]);
		(void)rd_kafka_ConfigResource_set_config(of[t], "message.timestamp.type",
							 "CreateTime");
		(void)rd_kafka_ConfigResource_set_config(of[t], "retention.ms", "-1");
		(void)rd_kafka_ConfigResource_set_config(of[t], "message.timestamp.after.max.ms",
							 "9223372036854775807");
	}
	rd_kafka_AlterConfigs(f->kafka, of, TOPICS, NULL, q);
	answer = rd_kafka_queue_poll(q, PATIENCE_MS);
	if (!answer || rd_kafka_event_error(answer))
		bench_die("the topics' configuration can't be changed");
	rd_kafka_event_destroy(answer);
	rd_kafka_ConfigResource_destroy_array(of, TOPICS);
	rd_kafka_queue_destroy(q);
}

/* --- a life --- */

static void put(struct fill *f, enum topic t, int32_t partition, const struct lead_id *id,
		const ProtobufCMessage *m, int64_t time_ms)
{
	rd_kafka_resp_err_t e;
	const char *type = codec_type(m->descriptor);

	buf_reset(&f->packed);
	codec_pack(m, &f->packed);
	do {
		e = rd_kafka_producev(
		    f->kafka, RD_KAFKA_V_RKT(f->topics[t]), RD_KAFKA_V_PARTITION(partition),
		    RD_KAFKA_V_KEY(id->bytes, sizeof(id->bytes)),
		    RD_KAFKA_V_VALUE(f->packed.data, f->packed.len), RD_KAFKA_V_TIMESTAMP(time_ms),
		    RD_KAFKA_V_HEADER("message", type, -1),
		    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
		(void)rd_kafka_poll(f->kafka, e == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 50 : 0);
	} while (e == RD_KAFKA_RESP_ERR__QUEUE_FULL);
	if (e != RD_KAFKA_RESP_ERR_NO_ERROR)
		bench_die("%s: %s", names[t], rd_kafka_err2str(e));
	f->offsets[t][partition]++;
}

/* The record that was sent last to a partition. */
static void from(const struct fill *f, enum topic t, int32_t partition, Punnet__V1__Provenance *ret)
{
	punnet__v1__provenance__init(ret);
	ret->topic = (char *)names[t];
	ret->partition = (uint32_t)partition;
	ret->offset = (uint64_t)f->offsets[t][partition] - 1;
}

struct life {
	struct lead_id id;
	ProtobufCBinaryData id_bytes;
	Punnet__V1__Lead lead;
	Punnet__V1__SealedContact contact;
	Punnet__V1__Money price, payout;
	Punnet__V1__Assignment assignment;
	char aff_id[16], order_id[32];
	uint8_t nonce[24], box[CONTACT_LEN];
	int64_t at_ms;
};

static struct lead_id id_of(int64_t n, int64_t at_ms)
{
	uint8_t random[10];
	uint64_t a = hash_mix((uint64_t)n + 1), b = hash_mix(a);

	memcpy(random, &a, 8);
	memcpy(random + 8, &b, 2);
	return lead_id_make(at_ms, random);
}

static void random_bytes(uint8_t *to, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = i % 8 ? seed >> 8 : hash_mix(seed + i + 1);
		to[i] = (uint8_t)seed;
	}
}

static void life_draw(struct life *l, int64_t n, int64_t at_ms)
{
	const char *vertical = verticals[n % VERTICALS];

	l->at_ms = at_ms;
	l->id = id_of(n, at_ms);
	l->id_bytes = codec_lead_id(&l->id);
	snprintf(l->aff_id, sizeof(l->aff_id), "w%d", (int)(hash_mix((uint64_t)n) % 500));
	snprintf(l->order_id, sizeof(l->order_id), "%s-%d", vertical, (int)(n / VERTICALS % 25));
	random_bytes(l->nonce, sizeof(l->nonce), (uint64_t)n);
	random_bytes(l->box, sizeof(l->box), ~(uint64_t)n);
	punnet__v1__lead__init(&l->lead);
	l->lead.vertical = (char *)vertical;
	l->lead.aff_id = l->aff_id;
	l->lead.country = "RU";
	l->lead.received_at_ms = at_ms;
	punnet__v1__sealed_contact__init(&l->contact);
	l->contact.key_day = (uint32_t)(at_ms / MS_PER_DAY);
	l->contact.nonce = (ProtobufCBinaryData){sizeof(l->nonce), l->nonce};
	l->contact.box = (ProtobufCBinaryData){sizeof(l->box), l->box};
	punnet__v1__money__init(&l->price);
	punnet__v1__money__init(&l->payout);
	l->price.amount_minor = 45000 + (n % 90) * 100;
	l->payout.amount_minor = l->price.amount_minor * 7 / 10;
	l->price.currency = l->payout.currency = "RUB";
	punnet__v1__assignment__init(&l->assignment);
	l->assignment.order_id = l->order_id;
	l->assignment.advertiser_id = (char *)vertical;
	l->assignment.aff_id = l->aff_id;
	l->assignment.vertical = (char *)vertical;
	l->assignment.price = &l->price;
	l->assignment.payout = &l->payout;
	l->assignment.exclusive = true;
}

static void intake(struct fill *f, struct life *l, int32_t market)
{
	int32_t p = hash_partition(slice_of(l->id.bytes, 16), f->partitions[RAW]);
	Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;
	Punnet__V1__JudgedLead judged = PUNNET__V1__JUDGED_LEAD__INIT;
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadAdmitted admitted = PUNNET__V1__LEAD_ADMITTED__INIT;
	Punnet__V1__Provenance source;

	raw.lead_id = judged.lead_id = event.lead_id = l->id_bytes;
	raw.lead = judged.lead = admitted.lead = &l->lead;
	raw.contact = judged.contact = admitted.contact = &l->contact;
	put(f, RAW, p, &l->id, &raw.base, l->at_ms + 3);
	from(f, RAW, p, &source);
	judged.source = &source;
	judged.verdict = PUNNET__V1__VERDICT__ACCEPTED;
	judged.ruleset = "0000000000000000";
	put(f, JUDGED, p, &l->id, &judged.base, l->at_ms + 15);
	from(f, JUDGED, p, &source);
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED;
	event.admitted = &admitted;
	put(f, MARKET, market, &l->id, &event.base, l->at_ms + 30);
}

static void sale(struct fill *f, struct life *l, int32_t market)
{
	int32_t p = hash_partition(slice_cstr(l->order_id), f->partitions[ROUTED]);
	int32_t o = hash_partition(slice_of(l->id.bytes, 16), f->partitions[OUTCOMES]);
	Punnet__V1__RoutedLead routed = PUNNET__V1__ROUTED_LEAD__INIT;
	Punnet__V1__DecisionRecord decision = PUNNET__V1__DECISION_RECORD__INIT;
	Punnet__V1__Candidate won = PUNNET__V1__CANDIDATE__INIT, *candidates = &won;
	Punnet__V1__DeliveryAttempt attempt = PUNNET__V1__DELIVERY_ATTEMPT__INIT;
	Punnet__V1__Outcome outcome = PUNNET__V1__OUTCOME__INIT;
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadSettled settled = PUNNET__V1__LEAD_SETTLED__INIT;
	Punnet__V1__Provenance source;

	routed.lead_id = attempt.lead_id = outcome.lead_id = event.lead_id = l->id_bytes;
	routed.source = attempt.source = outcome.source = event.source = &source;
	routed.assignment = attempt.assignment = outcome.assignment = &l->assignment;
	from(f, MARKET, market, &source);
	won.order_id = l->order_id;
	won.code = "won";
	won.price = &l->price;
	decision.candidates = &candidates;
	decision.n_candidates = 1;
	decision.log_time_ms = l->at_ms + 30;
	routed.decision = &decision;
	routed.lead = &l->lead;
	routed.contact = &l->contact;
	routed.delivery_json = "{\"webhook\":{\"url\":\"https://buyer.example/leads\"}}";
	put(f, ROUTED, p, &l->id, &routed.base, l->at_ms + 45);
	from(f, ROUTED, p, &source);
	attempt.attempt = 1;
	attempt.result = PUNNET__V1__ATTEMPT_RESULT__OK;
	attempt.http_status = 200;
	attempt.took_ms = 12;
	attempt.final = true;
	attempt.channel = "webhook";
	put(f, ATTEMPTS, p, &l->id, &attempt.base, l->at_ms + 70);
	from(f, ATTEMPTS, p, &source);
	outcome.kind = PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED;
	outcome.attempts = 1;
	outcome.at_ms = l->at_ms + 70;
	put(f, OUTCOMES, o, &l->id, &outcome.base, l->at_ms + 75);
	from(f, OUTCOMES, o, &source);
	settled.settlement = PUNNET__V1__SETTLEMENT__DELIVERED;
	settled.order_id = l->order_id;
	settled.price_minor = l->price.amount_minor;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_SETTLED;
	event.settled = &settled;
	put(f, MARKET, market, &l->id, &event.base, l->at_ms + 100);
}

int main(int argc, char **argv)
{
	int64_t leads = bench_option_int(argc, argv, "leads", 1000000);
	int64_t rate = bench_option_int(argc, argv, "per-second", 500);
	int64_t ids = bench_option_int(argc, argv, "ids", 0);
	int64_t began_ms = (int64_t)time(NULL) * 1000 + BEGIN_MS;
	struct fill f = {.failed = 0};
	struct life life;

	connect_to(&f, bench_option(argc, argv, "kafka", "127.0.0.1:9092"));
	find_topics(&f);
	keep_our_times(&f);
	for (int64_t n = 0; n < leads; n++) {
		int32_t market = (int32_t)(n % VERTICALS % f.partitions[MARKET]);

		life_draw(&life, n, began_ms + n * 1000 / rate);
		intake(&f, &life, market);
		sale(&f, &life, market);
	}
	if (rd_kafka_flush(f.kafka, 10 * PATIENCE_MS) != 0 || f.failed > 0)
		bench_die("%" PRIu64 " records were not stored", f.failed);
	for (int64_t i = 0; i < ids; i++) {
		int64_t n = leads * (2 * i + 1) / (2 * ids);
		struct lead_id id = id_of(n, began_ms + n * 1000 / rate);
		char text[LEAD_ID_TEXT_LEN + 1];

		lead_id_text(&id, text);
		puts(text);
	}
	for (int t = 0; t < TOPICS; t++)
		rd_kafka_topic_destroy(f.topics[t]);
	rd_kafka_destroy(f.kafka);
	buf_free(&f.packed);
	return 0;
}
