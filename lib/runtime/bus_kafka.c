/* bus_kafka: the connection to Kafka through librdkafka: handles, their log, topics and offsets.
 *
 * Contract: bus.h. Every handle (rd_kafka_t) is served by the loop's thread only: its log, errors, acknowledgements and
 * rebalances come through its queue. Blocking calls end at their time-out with RESULT_AWAY.
 * Fails: a handle that librdkafka calls fatal stays so; see kafka_set_fatal(). */
#include "bus_kafka.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "clock.h"
#include "fault.h"
#include "log.h"

#define ADMIN_ERROR_LEN     KAFKA_TEXT_LEN
#define KAFKA_LEVEL_WARNING 4 /* syslog's levels, as librdkafka uses them */

static const struct kafka_setting common_settings[] = {
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    {"allow.auto.create.topics", "false"},
    {"reconnect.backoff.ms", "50"}, /* a broker that comes back is seen at once */
    {"reconnect.backoff.max.ms", "1000"},
    {"topic.metadata.refresh.interval.ms", "30000"},
    {"topic.metadata.refresh.fast.interval.ms", "100"},
    {"log.queue", "true"}, /* our logger belongs to one thread */
    {"log.connection.close", "false"},
    {NULL, NULL},
};

bool kafka_may_say(struct kafka_voice *v, struct slice kind)
{
	uint64_t hash = hash_fnv1a(0, kind);
	int64_t now_ms = clock_monotonic_ms();
	size_t place = hash % KAFKA_LOG_KINDS;

	if (v->said[place].kind == hash && now_ms - v->said[place].at_ms < KAFKA_LOG_EVERY_MS)
		return false;
	v->said[place].kind = hash;
	v->said[place].at_ms = now_ms;
	return true;
}

void kafka_set_fatal(struct kafka_voice *v, const char *text)
{
	if (v->fatal)
		return;
	v->fatal = true;
	(void)snprintf(v->fatal_text, sizeof(v->fatal_text), "%s", text);
	log_error("kafka_fatal", LOG_STR("handle", v->what), LOG_STR("why", v->fatal_text));
}

enum result kafka_fatal(const struct kafka_voice *v, struct error *ret_error)
{
	return error_set(ret_error, RESULT_FATAL, "kafka: %s: %s", v->what, v->fatal_text);
}

void kafka_error(rd_kafka_t *rk, struct kafka_voice *v, rd_kafka_resp_err_t err, const char *reason)
{
	char text[KAFKA_TEXT_LEN];
	const char *name = rd_kafka_err2name(err);

	if (err == RD_KAFKA_RESP_ERR__FATAL || rd_kafka_fatal_error(rk, NULL, 0)) {
		rd_kafka_resp_err_t why = rd_kafka_fatal_error(rk, text, sizeof(text));
		kafka_set_fatal(v, why ? text : reason);
		return;
	}
	if (kafka_may_say(v, slice_cstr(name)))
		log_warn("kafka_trouble", LOG_STR("handle", v->what), LOG_STR("code", name),
			 LOG_STR("why", reason ? reason : ""));
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	kafka_error(rk, opaque, (rd_kafka_resp_err_t)err, reason);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	struct kafka_voice *v = rd_kafka_opaque(rk);

	/* CONFWARN: that the gapless guarantee is young; we know. */
	if (strcmp(facility, "CONFWARN") == 0 || !kafka_may_say(v, slice_cstr(facility)))
		return;
	log_at(level <= KAFKA_LEVEL_WARNING ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "kafka_says",
	       LOG_STR("handle", v->what), LOG_STR("facility", facility), LOG_STR("text", text));
}

static bool settings_put(rd_kafka_conf_t *conf, const struct kafka_setting *settings,
			 struct error *ret_error)
{
	char text[KAFKA_TEXT_LEN];

	for (; settings->name; settings++) {
		if (!settings->value)
			continue;
		if (rd_kafka_conf_set(conf, settings->name, settings->value, text, sizeof(text)) !=
		    RD_KAFKA_CONF_OK) {
			(void)error_set(ret_error, RESULT_BAD, "kafka: %s=%s: %s", settings->name,
					settings->value, text);
			return false;
		}
	}
	return true;
}

rd_kafka_t *kafka_handle_open(struct kafka_bus *k, rd_kafka_type_t type,
			      const struct kafka_setting *settings,
			      void (*configure)(rd_kafka_conf_t *conf), struct kafka_voice *voice,
			      struct error *ret_error)
{
	const struct kafka_setting whose[] = {
	    {"bootstrap.servers", k->brokers},
	    {"client.id", k->client_id},
	    /* Connected to all brokers, not only to those that are needed: who needs one would ask any
	     * of them first, and where that one is away, another one a second later. */
	    {"enable.sparse.connections", fault_on("sparse_connections") ? "true" : "false"},
	    KAFKA_PATIENCE};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[KAFKA_TEXT_LEN];
	rd_kafka_t *rk;

	rd_kafka_conf_set_opaque(conf, voice);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_log_cb(conf, on_log);
	if (configure)
		configure(conf);
	if (!settings_put(conf, common_settings, ret_error) ||
	    !settings_put(conf, whose, ret_error) || !settings_put(conf, settings, ret_error)) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}

	rk = rd_kafka_new(type, conf, text, sizeof(text));
	if (!rk) {
		rd_kafka_conf_destroy(conf);
		(void)error_set(ret_error, RESULT_BAD, "kafka: %s: %s", voice->what, text);
		return NULL;
	}
	(void)rd_kafka_set_log_queue(rk, NULL); /* to the handle's main queue */
	return rk;
}

void kafka_record(rd_kafka_message_t *m, const char *topic, struct bus_record *ret)
{
	rd_kafka_headers_t *headers;
	rd_kafka_timestamp_type_t kind;
	const void *type = NULL;
	size_t type_len = 0;

	if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    rd_kafka_header_get_last(headers, "message", &type, &type_len) !=
		RD_KAFKA_RESP_ERR_NO_ERROR)
		type_len = 0;

	*ret = (struct bus_record){
	    .topic = topic,
	    .partition = m->partition,
	    .offset = m->offset,
	    .timestamp_ms = rd_kafka_message_timestamp(m, &kind),
	    .key = slice_of(m->key, m->key_len),
	    .value = slice_of(m->payload, m->len),
	    .type = type_len ? slice_of(type, type_len) : (struct slice){NULL, 0},
	    .owner = m,
	};
}

/* --- the connection --- */

static rd_kafka_t *admin(struct kafka_bus *k, struct error *ret_error)
{
	static const struct kafka_setting none[] = {{NULL, NULL}};

	if (!k->admin)
		k->admin =
		    kafka_handle_open(k, k->reads_only ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER,
				      none, NULL, &k->admin_voice, ret_error);
	return k->admin;
}

static struct bus *open_with(const struct bus_ops *ops, const char *brokers, const char *client_id,
			     bool reads_only, bool looks, struct error *ret_error)
{
	struct kafka_bus *k;

	if (!*brokers) {
		(void)error_set(ret_error, RESULT_BAD, "bus: kafka:// needs host:port");
		return NULL;
	}
	k = calloc(1, sizeof(*k));
	assert(k);
	k->base.ops = ops;
	k->reads_only = reads_only;
	k->looks = looks;
	k->brokers = strdup(brokers);
	k->client_id = strdup(client_id ? client_id : "punnet");
	assert(k->brokers && k->client_id);
	k->admin_voice.what = "admin";
	if (!admin(k, ret_error)) {
		bus_close(&k->base);
		return NULL;
	}
	return &k->base;
}

struct bus *bus_kafka_open(const char *brokers, const char *client_id, struct error *ret_error)
{
	return open_with(&kafka_ops, brokers, client_id, false, false, ret_error);
}

struct bus *bus_kafka_open_reading(const char *brokers, const char *client_id, bool looks,
				   struct error *ret_error)
{
	return open_with(&kafka_reading_ops, brokers, client_id, true, looks, ret_error);
}

static void kafka_close(struct bus *b)
{
	struct kafka_bus *k = (struct kafka_bus *)b;

	kafka_readings_close(k);
	if (k->admin)
		rd_kafka_destroy(k->admin);
	map_free(&k->partitions);
	bus_names_free(&k->base);
	free(k->brokers);
	free(k->client_id);
	free(k);
}

/* --- topics --- */

/* The partitions of a topic in the metadata, 0 when it isn't there or a partition has no leader yet. */
static int32_t partitions_in(const rd_kafka_metadata_t *md, const char *topic)
{
	for (int i = 0; i < md->topic_cnt; i++) {
		const rd_kafka_metadata_topic_t *t = &md->topics[i];

		if (strcmp(t->topic, topic) != 0)
			continue;
		for (int p = 0; p < t->partition_cnt; p++)
			if (t->partitions[p].leader < 0)
				return 0;
		return t->err ? 0 : t->partition_cnt;
	}
	return 0;
}

/* Counts the topics that are missing into a list of what to create; RESULT_BAD when one is there but different. */
static enum result topics_missing(struct kafka_bus *k, const struct bus_topic_spec *specs,
				  size_t count, int timeout_ms, bool *ret_missing,
				  size_t *ret_count, struct error *ret_error)
{
	const rd_kafka_metadata_t *md;
	rd_kafka_resp_err_t err = rd_kafka_metadata(k->admin, 1, NULL, &md, timeout_ms);
	enum result result = RESULT_OK;

	if (err)
		return error_set(ret_error, RESULT_AWAY, "kafka: %s: no metadata: %s", k->brokers,
				 rd_kafka_err2str(err));

	*ret_count = 0;
	for (size_t i = 0; i < count && result == RESULT_OK; i++) {
		int32_t there = partitions_in(md, specs[i].name);

		ret_missing[i] = there == 0;
		*ret_count += there == 0;
		if (there != 0 && there != specs[i].partitions)
			result = error_set(ret_error, RESULT_BAD,
					   "topic %s has %d partitions, %d are declared; "
					   "partitions are never changed in place",
					   specs[i].name, (int)there, (int)specs[i].partitions);
	}
	rd_kafka_metadata_destroy(md);
	return result;
}

/* What the broker answered for each topic. One that another client just made is fine. */
static enum result topics_answer(rd_kafka_event_t *event, size_t *ret_created,
				 struct error *ret_error)
{
	const rd_kafka_CreateTopics_result_t *answer = rd_kafka_event_CreateTopics_result(event);
	const rd_kafka_topic_result_t **results;
	size_t count;

	if (rd_kafka_event_error(event) || !answer)
		return error_set(ret_error, RESULT_AWAY, "kafka: topics were not created: %s",
				 rd_kafka_event_error_string(event));

	results = rd_kafka_CreateTopics_result_topics(answer, &count);
	for (size_t i = 0; i < count; i++) {
		rd_kafka_resp_err_t err = rd_kafka_topic_result_error(results[i]);

		if (!err)
			(*ret_created)++;
		else if (err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
			return error_set(ret_error, RESULT_BAD, "topic %s: %s",
					 rd_kafka_topic_result_name(results[i]),
					 rd_kafka_topic_result_error_string(results[i]));
	}
	return RESULT_OK;
}

static enum result topics_create(struct kafka_bus *k, rd_kafka_NewTopic_t **topics, size_t count,
				 int timeout_ms, size_t *ret_created, struct error *ret_error)
{
	rd_kafka_AdminOptions_t *options =
	    rd_kafka_AdminOptions_new(k->admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(k->admin);
	char text[ADMIN_ERROR_LEN];
	rd_kafka_event_t *event;
	enum result result;

	(void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof(text));
	(void)rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, text, sizeof(text));
	rd_kafka_CreateTopics(k->admin, topics, count, options, queue);
	event = rd_kafka_queue_poll(queue, timeout_ms);
	if (event) {
		result = topics_answer(event, ret_created, ret_error);
		rd_kafka_event_destroy(event);
	} else {
		result = error_set(ret_error, RESULT_AWAY, "kafka: %s did not answer within %d ms",
				   k->brokers, timeout_ms);
	}
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	return result;
}

/* A created topic can be used once each partition has a leader. */
static enum result topics_await(struct kafka_bus *k, const struct bus_topic_spec *specs,
				size_t count, bool *missing, int64_t deadline_ms,
				struct error *ret_error)
{
	for (;;) {
		int64_t left_ms = deadline_ms - clock_monotonic_ms();
		size_t away = count;
		enum result result;

		if (left_ms <= 0)
			return error_set(ret_error, RESULT_AWAY,
					 "kafka: new topics have no leaders yet");
		result = topics_missing(k, specs, count, (int)left_ms, missing, &away, ret_error);
		if (result != RESULT_OK || away == 0)
			return result;
		rd_kafka_poll(k->admin, KAFKA_SERVE_MS);
	}
}

static enum result kafka_topics_apply(struct bus *b, const struct bus_topic_spec *specs,
				      size_t count, int timeout_ms, size_t *ret_created,
				      struct error *ret_error)
{
	struct kafka_bus *k = (struct kafka_bus *)b;
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	rd_kafka_NewTopic_t **topics = calloc(count + 1, sizeof(*topics));
	bool *missing = calloc(count + 1, sizeof(*missing));
	size_t away = 0, made = 0;
	enum result result;

	assert(topics && missing);
	*ret_created = 0;
	result = topics_missing(k, specs, count, timeout_ms, missing, &away, ret_error);
	for (size_t i = 0; i < count && result == RESULT_OK; i++) {
		if (!missing[i])
			continue;
		topics[made] = kafka_new_topic(&specs[i], ret_error);
		if (topics[made])
			made++;
		else
			result = RESULT_BAD;
	}
	if (result == RESULT_OK && made > 0)
		result = topics_create(k, topics, made, timeout_ms, ret_created, ret_error);
	if (result == RESULT_OK && made > 0)
		result = topics_await(k, specs, count, missing, deadline_ms, ret_error);

	rd_kafka_NewTopic_destroy_array(topics, made);
	free(topics);
	free(missing);
	return result;
}

/* 0 when no answer says that the topic is there and led. */
static int32_t partitions_asked(struct kafka_bus *k, const char *topic, int timeout_ms)
{
	const rd_kafka_metadata_t *md = kafka_topic_metadata(k, topic, timeout_ms);
	int32_t count = md ? partitions_in(md, topic) : 0;

	if (md)
		rd_kafka_metadata_destroy(md);
	return count;
}

static int32_t kafka_partitions(struct bus *b, const char *topic, int timeout_ms)
{
	struct kafka_bus *k = (struct kafka_bus *)b;
	intptr_t cached = (intptr_t)map_get(&k->partitions, slice_cstr(topic));
	int64_t new_until_ms = clock_monotonic_ms() + MIN_OF(timeout_ms, KAFKA_NEW_TOPIC_MS);
	int32_t count;

	if (cached)
		return (int32_t)cached;

	/* One that was just made is not known to every broker yet. */
	do {
		count = partitions_asked(k, topic, timeout_ms);
	} while (count == 0 && kafka_ask_again(k, new_until_ms));
	if (count == 0)
		return -1;
	(void)map_put(&k->partitions, slice_cstr(topic), (void *)(intptr_t)count);
	return count;
}

const struct bus_ops kafka_ops = {
    .close = kafka_close,
    .topics_apply = kafka_topics_apply,
    .partitions = kafka_partitions,
    .ends_are_sure = kafka_ends_are_sure,
    .offsets = kafka_offsets,
    .offset_at = kafka_offset_at,
    .offsets_since = kafka_offsets_since,
    .committed = kafka_committed,
    .producer_open = kafka_producer_open,
    .produce = kafka_produce,
    .producer_poll = kafka_producer_poll,
    .producer_fd = kafka_producer_fd,
    .producer_in_flight = kafka_producer_in_flight,
    .producer_oldest_ms = kafka_producer_oldest_ms,
    .producer_flush = kafka_producer_flush,
    .producer_close = kafka_producer_close,
    .consumer_open = kafka_consumer_open,
    .take = kafka_take,
    .release = kafka_release,
    .commit = kafka_commit,
    .commit_now = kafka_commit_now,
    .held_since_ms = kafka_held_since_ms,
    .consumer_fd = kafka_consumer_fd,
    .consumer_close = kafka_consumer_close,
    .reader_open = kafka_reader_open,
    .reader_take = kafka_reader_take,
    .reader_position = kafka_reader_position,
    .reader_fd = kafka_reader_fd,
    .reader_close = kafka_reader_close,
};

const struct bus_ops kafka_reading_ops = {
    .close = kafka_close,
    .partitions = kafka_partitions,
    .ends_are_sure = kafka_ends_are_sure,
    .offsets = kafka_offsets,
    .offset_at = kafka_offset_at,
    .offsets_since = kafka_offsets_since,
    .reader_open = kafka_reader_open,
    .reader_take = kafka_reader_take,
    .reader_position = kafka_reader_position,
    .reader_fd = kafka_reader_fd,
    .reader_close = kafka_reader_close,
};
