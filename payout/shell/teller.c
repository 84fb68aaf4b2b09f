/* teller: see teller.h. */
#include "payout/shell/teller.h"

#include "lead/codec.h"
#include "runtime/clock.h"
#include "runtime/log.h"

#define FIND_TOPIC_MS 1000

void teller_close(struct teller *t)
{
	bus_producer_close(t->producer);
	t->producer = NULL;
}

void teller_rest(struct teller *t)
{
	t->count = t->acknowledged = 0;
	t->look_at_ms = clock_monotonic_ms() + t->every_ms;
}

void teller_give_up(struct teller *t, const char *why)
{
	log_error(t->not_told, LOG_STR("why", why));
	teller_close(t);
	teller_rest(t);
}

static void on_ack(void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	struct teller *t = ctx;

	assert(result == RESULT_OK); /* this producer waits for as long as it takes */
	t->acknowledged++;
}

int32_t teller_partitions(const struct teller *t)
{
	return bus_partitions(t->bus, t->topic, FIND_TOPIC_MS);
}

bool teller_open(struct teller *t)
{
	struct bus_producer_options options = {
	    .on_ack = on_ack, .ctx = t, .max_in_flight = t->max_in_flight};
	struct error e = {0};

	t->producer = bus_producer_open(t->bus, &options, &e);
	if (!t->producer)
		log_error(t->not_told, LOG_STR("why", e.text));
	return t->producer;
}

bool teller_waits(struct teller *t)
{
	struct error e = {0};

	if (t->producer && bus_producer_poll(t->producer, &e) == RESULT_FATAL)
		teller_give_up(t, e.text);
	return t->acknowledged < t->count;
}

bool teller_put(struct teller *t, int32_t partition, struct slice key, const ProtobufCMessage *m)
{
	_cleanup_(buf_free) struct buf out = {0};

	codec_pack(m, &out);
	assert(!out.failed);
	return bus_produce(t->producer, t->topic, partition, key, codec_type(m->descriptor),
			   buf_slice(&out), 0) == RESULT_OK;
}
