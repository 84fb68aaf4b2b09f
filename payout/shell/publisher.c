/* publisher: rows out, acknowledgements in. */
#include "payout/shell/publisher.h"

#include <stdlib.h>

#include "base/hash.h"
#include "lead/codec.h"
#include "payout/core/status.h"
#include "proto/dead_letters.pb-c.h"
#include "proto/market.pb-c.h"
#include "proto/status_events.pb-c.h"
#include "runtime/fault.h"
#include "runtime/progress.h"

#define READ_ROWS    256
#define FORGET_EVERY 1000

/* A record in flight: whose it is. A publisher that is gone leaves its slots behind, without an
 * owner. */
struct slot {
	struct publisher *owner;
	uint64_t token;
	bool used;
};

struct publisher_slots {
	int32_t status_partitions;
	struct slot *slots;
	size_t count, next;
};

struct publisher {
	struct publisher_slots *slots;
	struct bus_producer *producer;
	struct store *store;
	struct progress *progress; /* its offsets are the outbox numbers */
	struct arena arena;
	uint32_t partition;
	uint64_t sent, forgotten; /* highest numbers */
	bool more;
};

struct publisher_slots *publisher_slots_new(size_t count, int32_t status_partitions)
{
	struct publisher_slots *s = calloc(1, sizeof(*s));

	assert(s);
	s->slots = calloc(count, sizeof(*s->slots));
	assert(s->slots);
	s->count = count;
	s->status_partitions = status_partitions;
	return s;
}

void publisher_slots_free(struct publisher_slots *s)
{
	if (!s)
		return;
	free(s->slots);
	free(s);
}

/* There are as many slots as the producer has room for, and it is asked for room only after a slot
 * was found. */
static struct slot *slot_find(struct publisher_slots *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct slot *slot = &s->slots[(s->next + i) % s->count];

		if (!slot->used) {
			s->next = (size_t)(slot - s->slots) + 1;
			return slot;
		}
	}
	return NULL;
}

void publisher_on_ack(void *ctx, uint64_t token, enum result result, _unused_ int32_t partition,
		      _unused_ int64_t offset)
{
	struct publisher_slots *s = ctx;
	struct slot *slot = &s->slots[token];

	assert(token < s->count && slot->used);
	assert(result ==
	       RESULT_OK); /* an ordered producer never gives up; see message_timeout_ms */
	if (slot->owner)
		progress_release(slot->owner->progress, slot->token);
	*slot = (struct slot){0};
}

struct publisher *publisher_new(struct publisher_slots *slots, struct bus_producer *producer,
				struct store *store, uint32_t partition)
{
	struct publisher *p = calloc(1, sizeof(*p));

	assert(p);
	*p = (struct publisher){.slots = slots,
				.producer = producer,
				.store = store,
				.partition = partition,
				.progress = progress_new(PUBLISHER_WINDOW, 1),
				.more = true};
	return p;
}

void publisher_free(struct publisher *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->slots->count; i++)
		if (p->slots->slots[i].owner == p)
			p->slots->slots[i].owner = NULL;
	progress_free(p->progress);
	arena_free(&p->arena);
	free(p);
}

void publisher_wake(struct publisher *p)
{
	p->more = true;
}

/* The bus wants texts that live for ever. */
static const struct {
	const char *topic;
	const ProtobufCMessageDescriptor *type;
} kinds[] = {
    {"market", &punnet__v1__market_event__descriptor},
    {"dead.letters", &punnet__v1__dead_letter__descriptor},
    {STATUS_TOPIC, &punnet__v1__status_event__descriptor},
};

static void texts(const struct outbox_row *row, const char **ret_topic, const char **ret_type)
{
	size_t i = 0;

	while (strcmp(row->topic, kinds[i].topic) != 0) {
		i++;
		assert(i < ARRAY_LEN(kinds));
	}
	*ret_topic = kinds[i].topic;
	*ret_type = codec_type(kinds[i].type);
	assert(strcmp(row->type, *ret_type) == 0);
}

/* Events of one webmaster stay in order. */
static int32_t partition_of(const struct publisher *p, const struct outbox_row *row,
			    const char *topic)
{
	if (strcmp(topic, STATUS_TOPIC) == 0)
		return hash_partition(row->key, p->slots->status_partitions);
	return (int32_t)row->partition;
}

/* RESULT_AGAIN: no room now; nothing was taken. */
static enum result send_row(struct publisher *p, const struct outbox_row *row,
			    struct error *ret_error)
{
	struct slot *slot = slot_find(p->slots);
	const char *topic, *type;
	enum result r;

	if (!slot || progress_full(p->progress))
		return RESULT_AGAIN;
	texts(row, &topic, &type);
	r = bus_produce(p->producer, topic, partition_of(p, row, topic), row->key, type,
			row->payload, (uint64_t)(slot - p->slots->slots));
	if (r == RESULT_AGAIN)
		return r;
	if (r != RESULT_OK)
		return error_set(ret_error, RESULT_FATAL,
				 "%s/%u: the outbox row %llu can't be produced", topic,
				 (unsigned)row->partition, (unsigned long long)row->seq);
	slot->used = true;
	slot->owner = p;
	slot->token = progress_open(p->progress, (int64_t)row->seq);
	assert(slot->token != 0);
	progress_hold(p->progress, slot->token);
	p->sent = row->seq;
	return RESULT_OK;
}

/* The negative control: each pair the wrong way round, under the numbers of the right one. */
static void change_places(struct outbox_row *rows, size_t count)
{
	for (size_t i = 0; i + 1 < count; i += 2) {
		struct outbox_row first = rows[i];

		rows[i] = rows[i + 1];
		rows[i + 1] = first;
		rows[i + 1].seq = rows[i].seq;
		rows[i].seq = first.seq;
	}
}

static enum result send_more(struct publisher *p, bool *ret_busy, struct error *ret_error)
{
	struct outbox_row rows[READ_ROWS];
	size_t count;
	enum result r;

	if (!p->more || progress_full(p->progress))
		return RESULT_OK;
	arena_reset(&p->arena);
	r = store_outbox_read(p->store, p->partition, p->sent, READ_ROWS, &p->arena, rows, &count,
			      ret_error);
	if (r != RESULT_OK)
		return r;
	if (fault_on("outbox_disorder"))
		change_places(rows, count);
	for (size_t i = 0; i < count; i++) {
		r = send_row(p, &rows[i], ret_error);
		if (r == RESULT_AGAIN)
			return RESULT_OK; /* the rest is read again when there is room */
		if (r != RESULT_OK)
			return r;
		*ret_busy = true;
	}
	if (count > 0)
		fault_point("payout_outbox_sent");
	p->more = count == READ_ROWS;
	return RESULT_OK;
}

static uint64_t acknowledged(const struct publisher *p)
{
	if (fault_on("feedback_lost"))
		return p->sent;
	return (uint64_t)progress_committable(p->progress) - 1;
}

static enum result forget(struct publisher *p, bool quiet, struct error *ret_error)
{
	uint64_t upto = acknowledged(p);
	enum result r;

	if (upto <= p->forgotten || (!quiet && upto - p->forgotten < FORGET_EVERY))
		return RESULT_OK;
	r = store_outbox_forget(p->store, p->partition, upto, ret_error);
	if (r != RESULT_OK)
		return r;
	fault_point("payout_outbox_forgotten");
	p->forgotten = upto;
	return RESULT_OK;
}

enum result publisher_pump(struct publisher *p, bool quiet, bool *ret_busy, struct error *ret_error)
{
	enum result r = send_more(p, ret_busy, ret_error);

	return r == RESULT_OK ? forget(p, quiet, ret_error) : r;
}

bool publisher_done(const struct publisher *p)
{
	return !p->more && progress_unfinished(p->progress) == 0 && acknowledged(p) <= p->forgotten;
}
