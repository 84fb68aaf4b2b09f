/* bus_backend: what a backend of the bus gives to bus.c. Private to lib/runtime.
 *
 * Every handle begins with the backend's operations; bus.c checks arguments that hold for both backends and passes the
 * call on. Topic names are interned here, once for both. */
#ifndef PUNNET_BUS_BACKEND_H
#define PUNNET_BUS_BACKEND_H

#include "base/map.h"
#include "bus.h"

/* A backend, or a bus that only reads, leaves out what it hasn't got: topics_apply, committed, producer_open and
 * consumer_open may be NULL. */
struct bus_ops {
	void (*close)(struct bus *b);
	enum result (*topics_apply)(struct bus *b, const struct bus_topic_spec *specs, size_t count,
				    int timeout_ms, size_t *ret_created, struct error *ret_error);
	int32_t (*partitions)(struct bus *b, const char *topic, int timeout_ms);
	bool (*ends_are_sure)(struct bus *b, const char *topic,
			      int timeout_ms); /* NULL: they are */
	enum result (*offsets)(struct bus *b, const char *topic, int32_t partition, int timeout_ms,
			       int64_t *ret_low, int64_t *ret_high);
	enum result (*offset_at)(struct bus *b, const char *topic, int32_t partition,
				 int64_t time_ms, int timeout_ms, int64_t *ret_offset);
	/* NULL: one by one */
	enum result (*offsets_since)(struct bus *b, const char *topic, int32_t count,
				     int64_t time_ms, int timeout_ms, int64_t *ret_from,
				     int64_t *ret_end);
	enum result (*committed)(struct bus *b, const char *group, const char *topic,
				 int32_t partitions, int timeout_ms, int64_t *ret_next,
				 struct error *ret_error);

	struct bus_producer *(*producer_open)(struct bus *b, const struct bus_producer_options *o,
					      struct error *ret_error);
	enum result (*produce)(struct bus_producer *p, const char *topic, int32_t partition,
			       struct slice key, const char *type, struct slice value,
			       uint64_t token);
	enum result (*producer_poll)(struct bus_producer *p, struct error *ret_error);
	int (*producer_fd)(struct bus_producer *p);
	size_t (*producer_in_flight)(const struct bus_producer *p);
	int64_t (*producer_oldest_ms)(const struct bus_producer *p);
	enum result (*producer_flush)(struct bus_producer *p, int timeout_ms);
	void (*producer_close)(struct bus_producer *p);

	struct bus_consumer *(*consumer_open)(struct bus *b, const struct bus_consumer_options *o,
					      struct error *ret_error);
	enum result (*take)(struct bus_consumer *c, struct bus_record *ret, size_t max,
			    size_t *ret_count, struct error *ret_error);
	void (*release)(struct bus_consumer *c, struct bus_record *records, size_t count);
	void (*commit)(struct bus_consumer *c, const char *topic, int32_t partition, int64_t next,
		       struct slice metadata);
	enum result (*commit_now)(struct bus_consumer *c, const char *topic, int32_t partition,
				  int64_t next, struct slice metadata, int timeout_ms);
	int64_t (*held_since_ms)(const struct bus_consumer *c);
	int (*consumer_fd)(struct bus_consumer *c);
	void (*consumer_close)(struct bus_consumer *c);

	struct bus_reader *(*reader_open)(struct bus *b, const char *topic, int32_t partition,
					  int64_t from, bool follows, struct error *ret_error);
	enum result (*reader_take)(struct bus_reader *r, struct bus_record *ret, size_t max,
				   int timeout_ms, size_t *ret_count, struct error *ret_error);
	int64_t (*reader_position)(const struct bus_reader *r);
	int (*reader_fd)(struct bus_reader *r);
	void (*reader_close)(struct bus_reader *r);
};

struct bus {
	const struct bus_ops *ops;
	struct map names; /* topic name -> its interned copy */
};
struct bus_producer {
	const struct bus_ops *ops;
};
struct bus_consumer {
	const struct bus_ops *ops;
};
struct bus_reader {
	const struct bus_ops *ops;
};

struct bus *bus_kafka_open(const char *brokers, const char *client_id, struct error *ret_error);
struct bus *bus_kafka_open_reading(const char *brokers, const char *client_id, bool looks,
				   struct error *ret_error);
struct bus *bus_memory_open(void);
struct bus *bus_files_open(const char *folder, struct error *ret_error);

/* The same text gives the same pointer, valid until bus_close(). */
const char *bus_intern(struct bus *b, const char *topic);
void bus_names_free(struct bus *b);

/* An eventfd whose reader only wants to know that there is something; -1 when the process is out of descriptors. */
int bus_event_open(void);
void bus_event_signal(int fd);
void bus_event_drain(int fd);
void bus_event_close(int fd);

#endif
