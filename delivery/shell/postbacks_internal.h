/* postbacks_internal: what the files of postbacks share. */
#ifndef PUNNET_DELIVERY_POSTBACKS_INTERNAL_H
#define PUNNET_DELIVERY_POSTBACKS_INTERNAL_H

#include "base/map.h"
#include "delivery/core/breaker.h"
#include "delivery/core/due.h"
#include "delivery/core/postback.h"
#include "delivery/core/prefix.h"
#include "lead/codec.h"
#include "postbacks.h"
#include "runtime/progress.h"
#include "sender.h"
#include "signers.h"

#define STATUS_EVENTS            "status.events"
#define STATUS_ATTEMPTS          "status.attempts"
#define STATUS_DEAD              "dead.letters"
#define POSTBACKS_GROUP          "delivery-postbacks"
#define POSTBACKS_PARTITIONS_MAX 256
#define POSTBACKS_TAKE_MAX       500
#define POSTBACKS_TIMEOUT_MS     10000
#define POSTBACKS_COMMIT_MS      200
#define POSTBACKS_DRAIN_MS       5000
#define POSTBACKS_LOOK_MS        60000 /* the wall clock is looked at least so often */
#define POSTBACK_TASK_MAGIC      0x50425441u

enum pb_state { PB_READY, PB_WAITING, PB_SENDING, PB_RECORDING, PB_BURYING };

/* What status.attempts says of an event that is taken over. */
struct pb_known {
	uint32_t attempts;
	int64_t due_ms;
	bool final;
};

struct pb_partition {
	int32_t number;
	struct progress *progress;
	struct watermark watermark; /* of all that was taken */
	struct prefix prefix;
	struct map known;        /* offset -> struct pb_known, of records that were there */
	int64_t was_there_until; /* at the take-over */
	int64_t attempts_from, attempts_end, committed;
	struct pb_task *first, *last; /* in the order of their offsets */
};

struct pb_host {
	size_t in_flight;
	struct breaker breaker;
};

/* One webmaster's events for one host. */
struct pb_lane {
	char *aff_id;
	struct pb_host *host;
	struct pb_task *first, *last; /* ready */
	size_t open;                  /* ready, waiting, under way */
	struct pb_lane *next_ready;
	bool is_ready; /* among those with something to send */
};

struct pb_task {
	uint32_t magic;
	enum pb_state state;
	struct pb_partition *partition; /* NULL: revoked; only its acknowledgement is waited for */
	struct pb_task *prev, *next;    /* of the partition */
	struct pb_task *queue_prev, *queue_next;
	struct due due; /* its time also says when the next attempt is to be, before it waits */
	bool in_bus;
	int64_t offset, started_at_ms, started_monotonic_ms;
	uint64_t token;
	uint32_t attempt; /* the last one that was made */
	uint32_t http_status;
	enum postback_end end;
	bool final;
	struct pb_lane *lane;
	struct transfer *transfer;
	size_t value_len;
	char value[]; /* the StatusEvent as it came */
};

struct postbacks {
	struct postbacks_settings settings;
	uv_loop_t *loop;
	struct bus *bus;
	struct directory *directory;
	struct keyring *keyring;
	struct bus_consumer *consumer;
	struct bus_producer *producer;
	struct sender *sender;
	struct pb_partition *partitions[POSTBACKS_PARTITIONS_MAX];
	struct map lanes;   /* "webmaster host" -> struct pb_lane */
	struct map hosts;   /* "https://host" -> struct pb_host */
	struct map signers; /* webmaster -> struct kept_signer */
	struct pb_lane *ready_first, *ready_last;
	size_t ready_lanes;
	struct due_heap waiting;
	uv_timer_t due_timer;
	struct pb_task *orphans;
	size_t open, sending, in_bus;
	int64_t committed_at_ms, drain_ends_ms;
	bool draining, failed;
	struct error error;
	struct arena arena;
	struct buf pack;
};

/* Whose events are numbered, so that repeats fall away: payout's, alerts', those that a webmaster asked for again. */
#define PB_SOURCES 5
extern const char *const pb_sources[PB_SOURCES];

void postbacks_fail(struct postbacks *pb, const char *fmt, ...) _printf_(2, 3);

/* --- lanes, hosts, what waits (postbacks_lanes.c) --- */
struct pb_host *pb_host_of(struct postbacks *pb, struct slice host);
struct pb_lane *pb_lane_of(struct postbacks *pb, const char *aff_id, struct slice host);
void pb_ready(struct postbacks *pb, struct pb_task *t);
void pb_unready(struct pb_task *t);
/* Taken off its lane; NULL when nobody may send. */
struct pb_task *pb_next(struct postbacks *pb);
void pb_wait(struct postbacks *pb, struct pb_task *t, int64_t due_ms);
void pb_lanes_free(struct postbacks *pb);

/* --- sending (postbacks_send.c) --- */
/* The receiver's postback for this event; NULL when there is none. */
const Punnet__V1__Postback *pb_wanted(struct postbacks *pb, const Punnet__V1__StatusEvent *e);
void pb_dispatch(struct postbacks *pb);
void pb_on_answer(void *ctx, void *owner, struct transport_answer *answer);
/* The attempt is over without an answer. */
void pb_end(struct postbacks *pb, struct pb_task *t, enum postback_end end);
void pb_cancel(struct postbacks *pb, struct pb_task *t);

/* --- tasks and records (postbacks_records.c) --- */
struct pb_task *pb_task_new(struct postbacks *pb, struct pb_partition *p,
			    const struct bus_record *record);
void pb_task_free(struct postbacks *pb, struct pb_task *t);
/* In pb->arena, which is reset. */
const Punnet__V1__StatusEvent *pb_event(struct postbacks *pb, const struct pb_task *t);
void pb_record_attempt(struct postbacks *pb, struct pb_task *t);
void pb_record_dead(struct postbacks *pb, struct pb_task *t);
void pb_on_ack(void *ctx, uint64_t token, enum result result, int32_t partition, int64_t offset);

/* --- partitions (postbacks_partitions.c) --- */
int64_t pb_on_assign(void *ctx, const struct bus_assignment *a, enum result *ret_result);
void pb_on_revoke(void *ctx, const char *topic, int32_t partition, bool lost);
const struct pb_known *pb_known_of(const struct pb_partition *p, int64_t offset);
void pb_known_free(struct pb_partition *p);
/* The oldest event of a partition that spans too much is given up, so that the others go on. */
void pb_partitions_shorten(struct postbacks *pb);
void pb_partitions_commit(struct postbacks *pb, int64_t now_ms);
bool pb_partitions_commit_last(struct postbacks *pb);
void pb_partitions_free(struct postbacks *pb);

#endif
