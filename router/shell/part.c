/* part: what was produced for a source partition, and what its acknowledgements finish.
 *
 * An ack names its part and its entry. A record that the producer gives up ends the process: ordered stages set no
 * message time-out, so that is the producer's own end, and the log has everything. */
#include <stdlib.h>

#include "base/hash.h"
#include "proto/dead_letters.pb-c.h"
#include "router.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define DEAD_ORIGINAL_MAX                                                                          \
	(BUS_RECORD_MAX_BYTES - 16384) /* so that the letter fits into a record itself */
#define DEAD_KEY_MAX 4096

struct ack {
	struct part *part;
	uint64_t entry; /* 0 = none: fn is told */
	part_ack_fn fn;
	uint64_t what;
	struct ack *next_free;
};

bool router_has_room(const struct router *r)
{
	return bus_producer_in_flight(r->producer) + ROUTER_ROOM <= ROUTER_IN_FLIGHT_MAX;
}

static struct ack *ack_take(struct part *p)
{
	struct router *r = p->stage->router;
	struct ack *a = r->free_acks;

	if (a) {
		r->free_acks = a->next_free;
	} else {
		a = malloc(sizeof(*a));
		if (!a)
			abort();
	}
	*a = (struct ack){.part = p};
	p->in_flight++;
	return a;
}

void router_acks_free(struct router *r)
{
	for (struct ack *a = r->free_acks, *next; a; a = next) {
		next = a->next_free;
		free(a);
	}
	r->free_acks = NULL;
}

struct part *part_new(struct stage *s, int32_t partition)
{
	struct part *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->stage = s;
	p->partition = partition;
	return p;
}

static void part_free_when_done(struct part *p)
{
	if (!p->gone || p->in_flight > 0)
		return;
	progress_free(p->progress);
	free(p);
}

void part_leave(struct part *p)
{
	p->stage->ops->leave(p);
	p->gone = true;
	part_free_when_done(p);
}

void router_on_ack(void *ctx, uint64_t token, enum result result, int32_t partition, int64_t offset)
{
	struct router *r = ctx;
	struct ack *a = (struct ack *)(uintptr_t)token;
	struct part *p = a->part;

	if (result != RESULT_OK)
		service_die(r->service,
			    "%s/%d: a record was given up by the producer (partition %d, %lld)",
			    p->stage->ops->topic, p->partition, partition, (long long)offset);
	p->in_flight--;
	if (!p->gone && a->entry)
		progress_release(p->progress, a->entry);
	if (!p->gone && a->fn)
		a->fn(p, a->what);
	a->next_free = r->free_acks;
	r->free_acks = a;
	part_free_when_done(p);
}

uint64_t part_open(struct part *p, int64_t offset)
{
	uint64_t entry = progress_open(p->progress, offset);

	assert(entry); /* stage_turn() asked progress_full() before */
	progress_hold(p->progress, entry);
	return entry;
}

int32_t router_partition(struct router *r, const char *topic, struct slice key)
{
	int32_t n = bus_partitions(r->bus, topic, ROUTER_TOPIC_WAIT_MS);

	if (n <= 0)
		service_die(r->service, "%s: its partitions can't be learned", topic);
	return hash_partition(key, n);
}

/* What lies in r->packed. */
static void produce_packed(struct part *p, const char *topic, int32_t partition, struct slice key,
			   const char *type, struct ack *ack)
{
	struct router *r = p->stage->router;
	enum result result;

	assert(!r->packed.failed);
	if (r->packed.len > BUS_RECORD_MAX_BYTES)
		service_die(r->service, "%s: a record of %zu bytes is larger than the limit of %d",
			    topic, r->packed.len, BUS_RECORD_MAX_BYTES);
	result = bus_produce(r->producer, topic, partition, key, type, buf_slice(&r->packed),
			     (uint64_t)(uintptr_t)ack);
	if (result != RESULT_OK)
		service_die(r->service, "%s/%d: the producer does not take a record (%d)", topic,
			    partition, (int)result);
}

static void produce(struct part *p, const char *topic, int32_t partition, struct slice key,
		    const ProtobufCMessage *message, struct ack *ack)
{
	struct router *r = p->stage->router;

	buf_reset(&r->packed);
	if (message)
		codec_pack(message, &r->packed);
	produce_packed(p, topic, partition, key, message ? codec_type(message->descriptor) : "",
		       ack);
}

static struct ack *ack_of_entry(struct part *p, uint64_t entry)
{
	struct ack *a = ack_take(p);

	a->entry = entry;
	progress_hold(p->progress, entry);
	return a;
}

void part_emit(struct part *p, uint64_t entry, const char *topic, int32_t partition,
	       struct slice key, const ProtobufCMessage *message)
{
	produce(p, topic, partition, key, message, ack_of_entry(p, entry));
}

void part_emit_packed(struct part *p, uint64_t entry, const char *topic, int32_t partition,
		      struct slice key, const char *type)
{
	produce_packed(p, topic, partition, key, type, ack_of_entry(p, entry));
}

void part_send(struct part *p, const char *topic, int32_t partition, struct slice key,
	       const ProtobufCMessage *message, part_ack_fn fn, uint64_t what)
{
	struct ack *a = ack_take(p);

	a->fn = fn;
	a->what = what;
	produce(p, topic, partition, key, message, a);
}

static ProtobufCBinaryData cut_to(struct slice s, size_t most)
{
	return (ProtobufCBinaryData){.len = MIN_OF(s.len, most), .data = (uint8_t *)s.data};
}

void part_dead_letter(struct part *p, uint64_t entry, const struct bus_record *record,
		      const char *reason_code, const char *reason)
{
	Punnet__V1__DeadLetter letter = PUNNET__V1__DEAD_LETTER__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	struct router *r = p->stage->router;

	source.topic = (char *)record->topic;
	source.partition = (uint32_t)record->partition;
	source.offset = (uint64_t)record->offset;
	letter.source = &source;
	letter.original = cut_to(record->value, DEAD_ORIGINAL_MAX);
	letter.original_key = cut_to(record->key, DEAD_KEY_MAX);
	letter.original_type =
	    slice_utf8_valid(record->type) ? arena_cstr(&r->arena, record->type) : (char *)"";
	letter.service = (char *)"router";
	letter.reason_code = (char *)reason_code;
	letter.reason = (char *)reason;
	letter.attempts = 1;
	letter.at_ms = clock_now_ms();
	log_warn("dead_letter", LOG_STR("topic", record->topic),
		 LOG_INT("partition", record->partition), LOG_INT("offset", record->offset),
		 LOG_STR("reason", reason));
	metric_add(METRIC_ROUTER_DEAD, 1);
	part_emit(p, entry, "dead.letters",
		  p->partition % bus_partitions(r->bus, "dead.letters", ROUTER_TOPIC_WAIT_MS),
		  record->key, &letter.base);
}
