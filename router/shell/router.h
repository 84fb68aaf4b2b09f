/* router: the two stages on one loop, admit and decide, and what they share: the producer, the directory, the parts.
 *
 * A part is one source partition that this process owns. It lives from on_assign to on_revoke; a revoked part is kept
 * only until the last record that it produced is acknowledged. Everything here runs on the loop's thread. */
#ifndef PUNNET_ROUTER_ROUTER_H
#define PUNNET_ROUTER_ROUTER_H

#include "base/arena.h"
#include "base/map.h"
#include "lead/codec.h"
#include "proto/leads_judged.pb-c.h"
#include "runtime/bus.h"
#include "runtime/directory.h"
#include "runtime/progress.h"
#include "runtime/service.h"

#define ROUTER_BATCH         500   /* records taken at once, per stage */
#define ROUTER_IN_FLIGHT_MAX 20000 /* unacknowledged records of both stages */
#define ROUTER_ROOM          8 /* the most that one turn of a loop produces without asking for room again */
#define ROUTER_OPEN_MAX      50000 /* source records of a part that wait for acknowledgements */
#define ROUTER_PARTS_MAX     256   /* source partitions of a stage in one process */
#define ROUTER_COMMIT_MS     100
#define ROUTER_TOPIC_WAIT_MS 10000 /* for blocking questions to the bus */
#define ROUTER_PROGRESS_MS   1000  /* between two progress records of an order */

struct router;
struct stage;
struct part;

enum step {
	STEP_DONE,
	STEP_WAIT, /* this record can't be done yet; it comes again */
};

/* What makes a stage this stage. */
struct stage_ops {
	const char *group, *topic;
	/* Sets part->state; returns the offset to start from, or -1. May block for some seconds. */
	int64_t (*arrive)(struct part *p, const struct bus_assignment *a);
	void (*leave)(struct part *p); /* frees part->state */
	/* There is room for ROUTER_ROOM records. Opens and releases its own progress entry. */
	enum step (*record)(struct part *p, const struct bus_record *record);
	bool (*full)(const struct part *p);                              /* may be NULL */
	void (*metadata)(struct part *p, int64_t next, struct buf *out); /* may be NULL */
};

struct part {
	struct stage *stage;
	int32_t partition;
	struct progress *progress;
	int64_t next;      /* offset of the next record to process */
	int64_t committed; /* what the group knows; never lowered */
	size_t in_flight;  /* acknowledgements that still point here */
	bool gone;
	void *state; /* the stage's own */
};

struct stage {
	struct router *router;
	const struct stage_ops *ops;
	struct bus_consumer *consumer;
	struct part *parts[ROUTER_PARTS_MAX];
	size_t part_count;
	struct bus_record batch[ROUTER_BATCH];
	bool dropped[ROUTER_BATCH]; /* its part has left since it was taken */
	size_t batch_count, batch_at;
	int64_t committed_at_ms;
};

struct ack;
struct router {
	struct service *service;
	struct bus *bus;
	struct bus_producer *producer;
	struct directory *directory;
	struct stage admit, decide;
	struct ack *free_acks;
	struct arena arena; /* of the record at hand */
	struct buf packed;
	int linger_ms, gather_ms;
	int64_t ack_watchdog_ms, snapshot_every_ms, snapshot_events;
	size_t snapshot_in_place;     /* of orders and leads */
	struct map unknown_verticals; /* waited for once, in vain */
	struct map wanted_facts;      /* names; see admit_facts.c */
	uint64_t wanted_version;      /* of the directory, when they were gathered */
};

/* part.c */
typedef void (*part_ack_fn)(struct part *p, uint64_t what);
bool router_has_room(const struct router *r);
/* Opens the record's entry with a hold of the caller's own. */
uint64_t part_open(struct part *p, int64_t offset);
/* Produces what `entry` then waits for. The caller has asked for room. */
void part_emit(struct part *p, uint64_t entry, const char *topic, int32_t partition,
	       struct slice key, const ProtobufCMessage *message);
/* The same, of bytes that the caller has put into the router's `packed`. */
void part_emit_packed(struct part *p, uint64_t entry, const char *topic, int32_t partition,
		      struct slice key, const char *type);
/* Produces something that no entry waits for; fn may be NULL, and is not called when the part has left. An empty message
 * is a tombstone. */
void part_send(struct part *p, const char *topic, int32_t partition, struct slice key,
	       const ProtobufCMessage *message, part_ack_fn fn, uint64_t what);
void part_dead_letter(struct part *p, uint64_t entry, const struct bus_record *record,
		      const char *reason_code, const char *reason);
int32_t router_partition(struct router *r, const char *topic, struct slice key);
void router_on_ack(void *ctx, uint64_t token, enum result result, int32_t partition,
		   int64_t offset);
void router_acks_free(struct router *r);
struct part *part_new(struct stage *s, int32_t partition);
void part_leave(struct part *p);

/* stage.c */
enum result stage_open(struct stage *s, struct router *r, const struct stage_ops *ops,
		       struct error *ret_error);
enum turn stage_turn(struct stage *s);
void stage_commit(struct stage *s, bool now);
void stage_close(struct stage *s);

/* admit_facts.c: those facts of the judgement that some order asks for; in the arena of the record at hand. */
Punnet__V1__Fact **facts_for_orders(struct router *r, const Punnet__V1__JudgedLead *judged,
				    size_t *ret_count);

/* admit.c, decide.c */
extern const struct stage_ops admit_ops, decide_ops;
void decide_housekeeping(struct stage *s);

#endif
