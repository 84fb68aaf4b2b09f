/* bus: ordered, partitioned logs. Two backends with one contract and one shared test suite: Kafka and memory.
 *
 * Everything here is called from one thread, the loop's. Nothing blocks unless its comment says so. A handle that
 * reports RESULT_FATAL is done for: the process says so, ends with exit status 70, and its supervisor starts it again.
 *
 * Guarantees that the callers build on:
 *  - bus_produce: records of one producer to one partition are stored in the order of the calls, without gaps
 *    (idempotent, acks=all, gapless). An acknowledged record is stored on all in-sync replicas.
 *  - bus_take: records of one partition come in offset order; after on_revoke of a partition none of its records come,
 *    and records of it that were taken before must not be committed any more.
 *  - bus_commit never commits what was not asked for: no automatic commits, no automatic offset store. */
#ifndef PUNNET_BUS_H
#define PUNNET_BUS_H

#include "base/result.h"
#include "base/slice.h"

#define BUS_RECORD_MAX_BYTES   (1000 * 1000)
#define BUS_METADATA_MAX_BYTES 4000 /* of a commit; Kafka's default ceiling is 4096 */
#define BUS_SESSION_MS         6000 /* so long a group waits for a member that it does not hear of */

struct bus;
struct bus_producer;
struct bus_consumer;
struct bus_reader;

struct bus_record {
	const char *topic; /* interned for the life of the bus */
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms;          /* create or append time, as the topic says */
	struct slice key, value, type; /* type: the `message` header; empty when absent */
	void *owner;                   /* the backend's */
};

/* --- the connection --- */

/* url: "kafka://host:port,host:port" or "memory:". Memory buses share nothing between bus_open() calls. client_id names
 * the process in broker logs. */
struct bus *bus_open(const char *url, const char *client_id, struct error *ret_error);
/* For whoever must not write. "kafka://…", or "files:FOLDER": recorded topics, see bus_files.h. Such a bus has readers, and
 * nothing else: producers, groups and the making of topics are refused, and on Kafka it has no handle that could produce. */
struct bus *bus_open_reading(const char *url, const char *client_id, struct error *ret_error);
/* The same for whoever looks at a few records here and there: little is fetched ahead. */
struct bus *bus_open_looking(const char *url, const char *client_id, struct error *ret_error);
void bus_close(struct bus *b); /* after all that was opened from it; NULL is fine */

struct bus_topic_spec {
	const char *name;
	int32_t partitions;
	int32_t replication;  /* 0 = the broker's default */
	int64_t retention_ms; /* -1 = for ever */
	bool compact, append_time;
};
/* Blocking, at most timeout_ms. Creates what is missing; *ret_created counts. Existing topics are left alone; one with
 * another number of partitions is RESULT_BAD. */
_must_use_ enum result bus_topics_apply(struct bus *b, const struct bus_topic_spec *specs,
					size_t count, int timeout_ms, size_t *ret_created,
					struct error *ret_error);
/* Blocking (first use of a topic only; then from the cache). A topic that is not there or not led is asked for again for up to 2 s,
 * since it may be new. -1 when it can't be learned. */
int32_t bus_partitions(struct bus *b, const char *topic, int timeout_ms);
/* Blocking. low is the first readable offset, high the next one to be written. */
_must_use_ enum result bus_offsets(struct bus *b, const char *topic, int32_t partition,
				   int timeout_ms, int64_t *ret_low, int64_t *ret_high);
/* Blocking. Can nobody but who leads the topic's partitions today ever lead them? Otherwise a broker that stood still and was deposed
 * may, for a moment after it woke up, tell where they ended before. false when it can't be learned, too. */
bool bus_ends_are_sure(struct bus *b, const char *topic, int timeout_ms);
/* Blocking. First offset whose timestamp is not before time_ms; the high offset when there is none. */
_must_use_ enum result bus_offset_at(struct bus *b, const char *topic, int32_t partition,
				     int64_t time_ms, int timeout_ms, int64_t *ret_offset);

/* Blocking. For each of the partitions 0 to count - 1, in one round trip a broker: the first offset whose timestamp is not before
 * time_ms, and the end. */
_must_use_ enum result bus_offsets_since(struct bus *b, const char *topic, int32_t count,
					 int64_t time_ms, int timeout_ms, int64_t *ret_from,
					 int64_t *ret_end);

/* Blocking. What a group has committed, by partition, into ret_next[partitions]: the next offset to read, -1 = none. */
_must_use_ enum result bus_committed(struct bus *b, const char *group, const char *topic,
				     int32_t partitions, int timeout_ms, int64_t *ret_next,
				     struct error *ret_error);

/* --- writing --- */

/* Called once for each bus_produce() that answered RESULT_OK, from bus_producer_poll(). result is RESULT_OK with the
 * offset; or RESULT_AWAY: not acknowledged within message_timeout_ms (it may still be stored). */
typedef void (*bus_ack_fn)(void *ctx, uint64_t token, enum result result, int32_t partition,
			   int64_t offset);

struct bus_producer_options {
	bus_ack_fn on_ack;
	void *ctx;
	int linger_ms_x10;      /* tenths of a millisecond; 0 = send at once */
	int message_timeout_ms; /* 0 = never gives up (ordered stages; the caller keeps a watchdog) */
	size_t max_in_flight; /* unacknowledged records; past it bus_produce answers RESULT_AGAIN */
};

struct bus_producer *bus_producer_open(struct bus *b, const struct bus_producer_options *o,
				       struct error *ret_error);
/* Copies key and value. type is static text ("punnet.v1.RawLead"). RESULT_AGAIN when max_in_flight is reached: nothing
 * was taken. partition is always explicit; see hash_partition(). */
_must_use_ enum result bus_produce(struct bus_producer *p, const char *topic, int32_t partition,
				   struct slice key, const char *type, struct slice value,
				   uint64_t token);
/* Serves acknowledgements. RESULT_FATAL when the producer can't keep its promises any more. */
_must_use_ enum result bus_producer_poll(struct bus_producer *p, struct error *ret_error);
int bus_producer_fd(
    struct bus_producer *p); /* readable when bus_producer_poll has something to do */
size_t bus_producer_in_flight(const struct bus_producer *p);
/* Milliseconds since the oldest unacknowledged record was produced; 0 when there is none. For the watchdog. */
int64_t bus_producer_oldest_ms(const struct bus_producer *p);
/* Blocking: waits until nothing is in flight, at most timeout_ms; serves acknowledgements. */
_must_use_ enum result bus_producer_flush(struct bus_producer *p, int timeout_ms);
void bus_producer_close(struct bus_producer *p); /* drops what is in flight; NULL is fine */

/* --- reading in a group --- */

struct bus_assignment {
	const char *topic;
	int32_t partition;
	int64_t committed;     /* next offset to read after the commit; -1 = none */
	struct slice metadata; /* of that commit */
};
/* Called when a partition arrives, before any of its records. Returns the offset to start from (0 and up), or -1 for the
 * earliest. May block for a few seconds (reading the end of an output topic). Setting *ret_result to RESULT_FATAL ends
 * the consumer. */
typedef int64_t (*bus_assign_fn)(void *ctx, const struct bus_assignment *a,
				 enum result *ret_result);
/* Called when a partition leaves. lost = the group has already given it away: commit nothing. Otherwise the owner may
 * still commit it, inside this call, with bus_commit_now(). */
typedef void (*bus_revoke_fn)(void *ctx, const char *topic, int32_t partition, bool lost);

struct bus_consumer_options {
	const char *group;
	const char *instance_id; /* static member id, or NULL */
	const char *const *topics;
	size_t topic_count;
	int session_timeout_ms; /* 0 = BUS_SESSION_MS */
	/* How long the broker may wait for 64 KiB of records before it answers a fetch; 0 = not at all. An answer costs broker
	 * and member as much for one record as for hundreds. */
	int gather_ms;
	bus_assign_fn on_assign;
	bus_revoke_fn on_revoke;
	void *ctx;
};

struct bus_consumer *bus_consumer_open(struct bus *b, const struct bus_consumer_options *o,
				       struct error *ret_error);
/* Takes at most max records into ret, without blocking; *ret_count may be 0. Serves assignments and revocations.
 * max = 0 only serves the group (back-pressure: call it at least every second while not taking). The records are valid
 * until bus_release(). */
_must_use_ enum result bus_take(struct bus_consumer *c, struct bus_record *ret, size_t max,
				size_t *ret_count, struct error *ret_error);
void bus_release(struct bus_consumer *c, struct bus_record *records, size_t count);
/* Asynchronous, and sent with others by the next bus_take(), or before a partition leaves. next = offset of the next record
 * to process; metadata at most BUS_METADATA_MAX_BYTES. A commit for a partition that is not owned any more is dropped
 * silently; inside on_revoke only bus_commit_now() commits. */
void bus_commit(struct bus_consumer *c, const char *topic, int32_t partition, int64_t next,
		struct slice metadata);
/* The same, blocking. RESULT_OK: the group has taken it from this member. */
_must_use_ enum result bus_commit_now(struct bus_consumer *c, const char *topic, int32_t partition,
				      int64_t next, struct slice metadata, int timeout_ms);
/* When, by the monotonic clock, the last commit was asked for that the group has taken from this member, waited for or not; 0: none
 * was. For the session time from then on its partitions are given to nobody else. */
int64_t bus_held_since_ms(const struct bus_consumer *c);
int bus_consumer_fd(struct bus_consumer *c);
void bus_consumer_close(
    struct bus_consumer *c); /* blocking, at most 3 s: leaves a dynamic group; NULL is fine */

/* --- reading alone: no group, no commits --- */

/* Blocking at the first use of a topic (its partitions). from: -1 = the earliest. NULL when there is no such partition. */
struct bus_reader *bus_reader_open(struct bus *b, const char *topic, int32_t partition,
				   int64_t from, struct error *ret_error);
/* For a reader that stays at the end of a partition for long: a record that comes is read at once, and while none comes the broker is
 * asked ten times a second and not fifty. Another such reader begins so much later. */
struct bus_reader *bus_reader_follow(struct bus *b, const char *topic, int32_t partition,
				     int64_t from, struct error *ret_error);
/* Blocking up to timeout_ms (0 = not at all) for the first record; then takes what is there, at most max.
 * The records are valid until the next call. */
_must_use_ enum result bus_reader_take(struct bus_reader *r, struct bus_record *ret, size_t max,
				       int timeout_ms, size_t *ret_count, struct error *ret_error);
int64_t bus_reader_position(const struct bus_reader *r); /* offset of the next record to come */
int bus_reader_fd(struct bus_reader *r);
void bus_reader_close(struct bus_reader *r);
/* Blocking: every record of a partition from `from` to before `end`, in order. What fn answers ends it, unless that is RESULT_OK; it
 * says why in ret_error. RESULT_AWAY when nothing comes for timeout_ms; RESULT_FATAL when there is no such partition. */
typedef enum result (*bus_each_fn)(void *ctx, const struct bus_record *record,
				   struct error *ret_error);
_must_use_ enum result bus_read_span(struct bus *b, const char *topic, int32_t partition,
				     int64_t from, int64_t end, int timeout_ms, bus_each_fn fn,
				     void *ctx, struct error *ret_error);
/* Blocking: the last record of a partition into ret (valid until bus_reader_close(*ret_reader)); RESULT_AGAIN when the
 * partition is empty. */
_must_use_ enum result bus_last(struct bus *b, const char *topic, int32_t partition, int timeout_ms,
				struct bus_reader **ret_reader, struct bus_record *ret,
				struct error *ret_error);

#endif
