/* internal: what the files of delivery's shell share. */
#ifndef PUNNET_DELIVERY_INTERNAL_H
#define PUNNET_DELIVERY_INTERNAL_H

#include "credentials.h"
#include "delivery.h"
#include "delivery/channels/channel.h"
#include "delivery/core/breaker.h"
#include "delivery/core/due.h"
#include "delivery/core/excerpt.h"
#include "delivery/core/meter.h"
#include "delivery/core/prefix.h"
#include "delivery/core/rate.h"
#include "delivery/core/resume.h"
#include "delivery/core/sample.h"
#include "runtime/opener.h"
#include "runtime/progress.h"
#include "sender.h"
#include "signers.h"
#include "ways.h"

#define DELIVERY_PARTITIONS_MAX 1024
#define DELIVERY_TAKE_MAX       500 /* records in one turn */
#define DELIVERY_IN_BUS_SPARE                                                                      \
	4000 /* above the open tasks: dead letters, holds, take-overs, takings */
#define DELIVERY_COMMIT_EVERY_MS   200
#define DELIVERY_COMMIT_TIMEOUT_MS 5000
#define DELIVERY_BUS_TIMEOUT_MS    10000
#define DELIVERY_SURE_TRY_MS       1000
#define DELIVERY_UNSURE_PAUSE_MS   100
#define DELIVERY_DRAIN_MS          5000  /* webhooks under way may end by themselves */
#define DELIVERY_DUE_LOOK_MS       60000 /* the wall clock is looked at least so often */
#define TASK_MAGIC                 0x5441534bu
/* Tokens of records: a task's is its address; of those that belong to no task: */
#define CIRCUIT_TOKEN           1
#define TAKE_OVER_TOKEN(number) ((uint64_t)(number) << 2 | 2)
#define IS_TAKE_OVER(token)     (((token)&3) == 2)
#define TAKING_TOKEN(number)    ((uint64_t)(number) << 2 | 3)
#define IS_TAKING(token)        (((token)&3) == 3)
#define IS_TASK(token)          (((token)&3) == 0)

#define TOPIC_ROUTED   "leads.routed"
#define TOPIC_ATTEMPTS "leads.attempts"
#define TOPIC_OUTCOMES "leads.outcomes"
#define TOPIC_DEAD     "dead.letters"
#define DELIVERY_GROUP "delivery"

/* Fields of RoutedLead that are read without unpacking it. */
#define ROUTED_LEAD_ASSIGNMENT_FIELD    3
#define ASSIGNMENT_PRICE_FIELD          6
#define MONEY_CURRENCY_FIELD            2
#define ROUTED_LEAD_CONTACT_FIELD       5
#define ROUTED_LEAD_DELIVERY_JSON_FIELD 7
#define ROUTED_LEAD_RETRY_FIELD         20

enum task_state {
	TASK_UNNOTED,   /* the Taking that covers it is not stored yet */
	TASK_WAITING,   /* for its due time, in the heap */
	TASK_READY,     /* in its advertiser's queue */
	TASK_SENDING,   /* a webhook is under way */
	TASK_RECORDING, /* the attempt is on its way to leads.attempts */
	TASK_SETTLING,  /* the outcome is on its way to leads.outcomes */
	TASK_BURYING, /* no lead at all: a record that could not be read, on its way to dead.letters */
};

/* By queue_prev and queue_next: a task is in one of them at most. */
struct task_list {
	struct task *first, *last;
};

struct partition {
	int32_t number;
	struct progress *progress;
	struct watermark watermark; /* of all that was taken */
	struct prefix prefix;
	struct resume resume;
	int64_t
	    was_there_until; /* records below this offset may have been sent by who was there before */
	int64_t told_until;   /* where leads.routed ended, as a broker told it: see take_over.c */
	int64_t noted_until;  /* records below it are covered by a Taking that is stored */
	int64_t noting_until; /* by the one that is on its way; 0: none is */
	struct task_list unnoted;
	int64_t taken_over_at_ms;
	int64_t attempts_from; /* for records that were there */
	int64_t
	    attempts_end; /* as far as is known; once learnt, the next offset, if nobody else writes */
	int64_t owner_before; /* whose attempts count at attempts_from: see resume.h */
	int64_t take_over;    /* 1 + the offset of ours; 0: not stored yet */
	bool learnt;          /* what stands before it was read */
	int64_t committed;
	bool was_clean;   /* the predecessor left nothing under way */
	bool note_stale;  /* the commit still says so; it must not before anything is sent */
	bool interrupted; /* webhooks were cut off */
	struct task *tasks;
};

struct advertiser {
	char *id;
	struct kept_signer signer;
	struct task_list ready; /* in the order in which they became so */
	size_t in_flight;
	struct breaker breaker;
	struct rate rate;
	struct meter meter;
	struct meter_hour hour; /* before the circuit opened */
	bool hold_unsaid;
	struct advertiser *hold_next; /* of those whose hold the market has not heard of yet */
};

/* What is kept of an answer. */
struct answer_kept {
	char excerpt[EXCERPT_MAX_BYTES + 1];
	struct answer_sample sample;
	bool has_price;
	int64_t price_minor;
};

struct task {
	uint32_t magic;
	enum task_state state;
	struct partition *partition; /* NULL: revoked; only its acknowledgement is waited for */
	struct task *prev, *next;    /* of the partition */
	struct task *queue_prev, *queue_next;
	struct task *stuck_next;
	struct due due;
	bool in_bus, stuck;

	struct lead_id lead_id;
	int64_t offset, timestamp_ms;
	uint64_t token;
	struct advertiser *advertiser;
	struct transfer *transfer;

	struct task_past past;
	struct task_step step; /* the last attempt, when state is RECORDING or SETTLING */
	int64_t started_at_ms, started_monotonic_ms, took_ms;
	int64_t attempt_offset;
	bool retry;        /* an operator asked for it */
	int64_t digest_ms; /* its order gathers leads for so long; 0: it does not */
	struct task *head; /* whom it goes out with */
	struct task *members, *member_next;
	bool asks;                /* the attempt asks whether an earlier one arrived */
	const char *channel;      /* static; "" before the settings were read */
	struct answer_kept *kept; /* of the last attempt's answer; NULL: nothing */

	size_t value_len, key_len, type_len;
	char value[]; /* the RoutedLead as it came; behind it the record's key and type */
};

struct delivery {
	struct delivery_settings settings;
	uv_loop_t *loop;
	struct bus *bus;
	struct directory *directory;
	struct keyring *keyring;
	struct opener opener;
	struct bus_consumer *consumer;
	struct bus_producer *producer;
	struct sender *sender;
	int32_t outcome_partitions;
	struct partition *partitions[DELIVERY_PARTITIONS_MAX];

	struct credentials credentials;
	struct ways ways;
	struct map advertisers; /* id -> struct advertiser */
	size_t advertiser_turn;
	struct advertiser *holds_unsaid;
	size_t circuits_open;
	int32_t market_partitions;
	uv_timer_t rate_timer; /* somebody may send again */
	int handles;           /* of ours that the loop still has */
	struct due_heap waiting;
	uv_timer_t due_timer;

	struct task *orphans;                  /* revoked, not yet acknowledged */
	struct task *stuck_first, *stuck_last; /* the bus was full */
	size_t open_tasks, sending, in_bus;
	uint32_t take_overs_in_bus[DELIVERY_PARTITIONS_MAX];
	uint32_t takings_in_bus[DELIVERY_PARTITIONS_MAX];
	int64_t committed_at_ms, drain_ends_ms;
	bool draining, failed;
	bool notes_stale; /* of some partition: nothing may be sent */
	struct error error;
	struct arena handover_arena, record_arena;
	struct buf pack;
};

/* The first failure stands; the next turn reports it. */
void delivery_fail(struct delivery *d, const char *fmt, ...) _printf_(2, 3);

/* --- tasks (tasks.c) --- */
struct task *task_new(struct delivery *d, struct partition *p, const struct bus_record *record);
void task_transfer_over(struct delivery *d, struct task *t);
/* Who was to go out with it goes out again. */
void task_members_ready(struct task *head);
void delivery_on_answer(void *ctx, void *owner, struct transport_answer *answer);
void task_wait(struct delivery *d, struct task *t, int64_t due_ms);
/* Takes kept over; NULL: no answer. */
void task_attempt_ended(struct delivery *d, struct task *t, const struct attempt_said *said,
			struct answer_kept *kept);
/* Out of its partition and of memory; the progress is not told. */
void task_free(struct delivery *d, struct task *t);
void delivery_dispatch(struct delivery *d);

/* --- handing over (handover.c) --- */
/* What goes out, and where to. Holds the contact in the open: message_wipe(). */
struct outgoing {
	const struct way *way;
	int64_t timeout_ms;
	struct message message;
	char query_url[ENDPOINT_URL_MAX];       /* where a status query goes */
	char certificate[CREDENTIALS_PATH_MAX]; /* "" = none is shown */
};
/* false: nothing can be sent; ret_said says why. */
bool handover_make(struct delivery *d, struct task *t, struct outgoing *ret,
		   struct attempt_said *ret_said);
/* Reads the text of the answer. *ret_kept: NULL when nothing of the answer may be kept; the caller frees it. */
struct attempt_said handover_judge(struct delivery *d, struct task *t,
				   struct transport_answer *answer, struct answer_kept **ret_kept);

/* --- records (records.c) --- */
void record_attempt(struct delivery *d, struct task *t);
void record_outcome(struct delivery *d, struct task *t);
void record_dead(struct delivery *d, struct task *t);
void records_retry_stuck(struct delivery *d);
void records_unstick(struct delivery *d, struct task *t);
void delivery_on_ack(void *ctx, uint64_t token, enum result result, int32_t partition,
		     int64_t offset);

/* --- circuits (circuits.c) --- */
void circuit_heard(struct delivery *d, struct task *t, const struct attempt_said *said);
/* Tells the market what it has not heard yet. */
void circuits_tell(struct delivery *d);
void circuit_delivered(struct delivery *d, struct task *t);

/* --- partitions (partitions.c) --- */
int64_t delivery_on_assign(void *ctx, const struct bus_assignment *a, enum result *ret_result);
void delivery_on_revoke(void *ctx, const char *topic, int32_t partition, bool lost);
/* Overwrites commits that call their partition clean. false: not possible now; nothing may be sent. */
bool partitions_refresh_notes(struct delivery *d);
/* The group holds this process for the owner of its partitions, as far as it can be known. Commits, blocking, where the last proof
 * is too old. false: nothing may be sent. */
bool partitions_sure(struct delivery *d);
/* Each has its take-over stored, and room. */
bool partitions_can_take(const struct delivery *d);
void partitions_commit(struct delivery *d, int64_t now_ms);
bool partitions_commit_last(struct delivery *d);
void partitions_free(struct delivery *d);

/* --- whose a partition is (take_over.c) --- */
void take_over_say(struct delivery *d, struct partition *p);
void take_over_acked(struct delivery *d, int32_t number, int64_t offset);
/* Before the first record of a partition; may block. false: it failed. */
bool take_over_finish(struct delivery *d, struct partition *p);
/* An attempt of ours is stored at `offset`: does it count? May block where somebody else has written. */
bool take_over_holds(struct delivery *d, struct partition *p, int64_t offset);

/* --- what is about to be sent (takings.c) --- */
/* Nothing of it may be sent before a Taking covers it: then it is ready. */
void taking_wait(struct task *t);
void taking_forget(struct task *t);
/* At most one a partition: of all that was taken and is not noted. */
void takings_say(struct delivery *d);
void taking_acked(struct delivery *d, int32_t number, int64_t offset);

/* --- queues (queues.c) --- */
void task_list_add(struct task_list *l, struct task *t);
void task_list_remove(struct task_list *l, struct task *t);
struct advertiser *queue_of(struct delivery *d, struct slice advertiser_id);
void queue_push(struct task *t);
void queue_remove(struct task *t);
/* Taken off its queue; NULL when nobody may send. *ret_wait_us: until somebody may who has only sent too fast; -1: nobody. */
struct task *queue_next(struct delivery *d, int64_t *ret_wait_us);
/* One attempt to this advertiser goes out. */
void queue_count_sent(struct delivery *d, struct advertiser *a);
void queues_free(struct delivery *d);

#endif
