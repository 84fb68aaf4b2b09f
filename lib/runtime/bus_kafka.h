/* bus_kafka: what the files of the Kafka backend share. Private to lib/runtime. */
#ifndef PUNNET_BUS_KAFKA_H
#define PUNNET_BUS_KAFKA_H

#include <librdkafka/rdkafka.h>

#include "bus_backend.h"

#define KAFKA_TEXT_LEN     256  /* librdkafka's own error texts */
#define KAFKA_LOG_EVERY_MS 5000 /* the same complaint is logged at most this often */
#define KAFKA_LOG_KINDS    16   /* complaints told apart */
#define KAFKA_SERVE_MS     50   /* longest wait inside a bounded blocking call */
#define KAFKA_NEW_TOPIC_MS 2000 /* until then a new topic is known to every broker, and led */

/* A setting of librdkafka. */
struct kafka_setting {
	const char *name, *value;
};

/* What one rd_kafka_t may complain about without flooding the log; its opaque begins with this. */
struct kafka_voice {
	const char *what; /* "producer", "consumer", … */
	bool fatal;
	char fatal_text[KAFKA_TEXT_LEN];
	struct {
		uint64_t kind;
		int64_t at_ms;
	} said[KAFKA_LOG_KINDS];
};

struct kafka_reading; /* a handle that readers share; see bus_kafka_reader.c */

/* The end of a list of settings. A broker whose host is gone says nothing: as shipped, a request to it is waited for 60 s, a
 * connection 30 s. */
#define KAFKA_PATIENCE                                                                             \
	{"socket.timeout.ms", "6000"}, {"socket.connection.setup.timeout.ms", "3000"},             \
	    {"api.version.request.timeout.ms", "3000"},                                            \
	{                                                                                          \
		NULL, NULL                                                                         \
	}

struct kafka_bus {
	struct bus base;
	char *brokers, *client_id;
	bool reads_only, looks;
	rd_kafka_t *admin; /* metadata, offsets, topics; opened at its first use */
	struct kafka_voice admin_voice;
	struct map partitions; /* topic -> its partition count + 1, as a pointer */
	struct kafka_reading *readings;
};

/* A handle with the common settings, then `settings` (ended by a NULL name), its log served by its own queue.
 * configure may set callbacks. NULL with ret_error when librdkafka refuses. */
rd_kafka_t *kafka_handle_open(struct kafka_bus *k, rd_kafka_type_t type,
			      const struct kafka_setting *settings,
			      void (*configure)(rd_kafka_conf_t *conf), struct kafka_voice *voice,
			      struct error *ret_error);
/* Whether a complaint of this kind may be logged now. */
bool kafka_may_say(struct kafka_voice *v, struct slice kind);
/* Remembers that the handle can't go on. The first reason stays. */
void kafka_set_fatal(struct kafka_voice *v, const char *text);
/* Logs a transient error; a fatal one is remembered. */
void kafka_error(rd_kafka_t *rk, struct kafka_voice *v, rd_kafka_resp_err_t err,
		 const char *reason);
enum result kafka_fatal(const struct kafka_voice *v, struct error *ret_error);

/* A message as a record; m is its owner. */
void kafka_record(rd_kafka_message_t *m, const char *topic, struct bus_record *ret);

void kafka_readings_close(struct kafka_bus *k);
/* Blocking. Before a question that goes to a partition's leader. */
void kafka_leaders_learn(struct kafka_bus *k, int timeout_ms);

/* Blocking. What is known of one topic, the caller's to destroy; NULL when it can't be learned. */
const rd_kafka_metadata_t *kafka_topic_metadata(struct kafka_bus *k, const char *topic,
						int timeout_ms);
/* Blocking. A leader that was just elected may still refuse, and a topic that was just made be unknown. false: the deadline is over. */
bool kafka_ask_again(struct kafka_bus *k, int64_t deadline_ms);
bool kafka_ends_are_sure(struct bus *b, const char *topic, int timeout_ms);

rd_kafka_NewTopic_t *kafka_new_topic(const struct bus_topic_spec *s, struct error *ret_error);

/* The operations of bus_ops that live in the other files. */
enum result kafka_offsets(struct bus *b, const char *topic, int32_t partition, int timeout_ms,
			  int64_t *ret_low, int64_t *ret_high);
enum result kafka_offset_at(struct bus *b, const char *topic, int32_t partition, int64_t time_ms,
			    int timeout_ms, int64_t *ret_offset);
enum result kafka_offsets_since(struct bus *b, const char *topic, int32_t count, int64_t time_ms,
				int timeout_ms, int64_t *ret_from, int64_t *ret_end);
enum result kafka_committed(struct bus *b, const char *group, const char *topic, int32_t partitions,
			    int timeout_ms, int64_t *ret_next, struct error *ret_error);
struct bus_producer *kafka_producer_open(struct bus *b, const struct bus_producer_options *o,
					 struct error *ret_error);
enum result kafka_produce(struct bus_producer *p, const char *topic, int32_t partition,
			  struct slice key, const char *type, struct slice value, uint64_t token);
enum result kafka_producer_poll(struct bus_producer *p, struct error *ret_error);
int kafka_producer_fd(struct bus_producer *p);
size_t kafka_producer_in_flight(const struct bus_producer *p);
int64_t kafka_producer_oldest_ms(const struct bus_producer *p);
enum result kafka_producer_flush(struct bus_producer *p, int timeout_ms);
void kafka_producer_close(struct bus_producer *p);

struct bus_consumer *kafka_consumer_open(struct bus *b, const struct bus_consumer_options *o,
					 struct error *ret_error);
enum result kafka_take(struct bus_consumer *c, struct bus_record *ret, size_t max,
		       size_t *ret_count, struct error *ret_error);
void kafka_release(struct bus_consumer *c, struct bus_record *records, size_t count);
void kafka_commit(struct bus_consumer *c, const char *topic, int32_t partition, int64_t next,
		  struct slice metadata);
enum result kafka_commit_now(struct bus_consumer *c, const char *topic, int32_t partition,
			     int64_t next, struct slice metadata, int timeout_ms);
int64_t kafka_held_since_ms(const struct bus_consumer *c);
int kafka_consumer_fd(struct bus_consumer *c);
void kafka_consumer_close(struct bus_consumer *c);

struct bus_reader *kafka_reader_open(struct bus *b, const char *topic, int32_t partition,
				     int64_t from, bool follows, struct error *ret_error);
enum result kafka_reader_take(struct bus_reader *r, struct bus_record *ret, size_t max,
			      int timeout_ms, size_t *ret_count, struct error *ret_error);
int64_t kafka_reader_position(const struct bus_reader *r);
int kafka_reader_fd(struct bus_reader *r);
void kafka_reader_close(struct bus_reader *r);

extern const struct bus_ops kafka_ops;
extern const struct bus_ops kafka_reading_ops; /* what can't write has no more than this */

#endif
