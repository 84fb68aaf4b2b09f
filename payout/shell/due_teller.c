/* due_teller: look, write, wait for all acknowledgements, look on. */
#include "payout/shell/due_teller.h"

#include <stdlib.h>

#include "base/hash.h"
#include "lead/codec.h"
#include "proto/leads_outcomes.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define LEADS_AT_ONCE 500
#define FIND_TOPIC_MS 1000

struct due_teller {
	struct bus *bus;
	struct store *store;
	struct bus_producer *producer; /* NULL: not opened, or given up */
	int32_t partitions;
	int64_t every_ms, look_at_ms;
	int64_t (*wall_ms)(void);
	struct due_cursor cursor; /* how far this look is */
	size_t told;              /* in this look */
	struct due_lead leads[LEADS_AT_ONCE];
	size_t count, acknowledged; /* of what is under way */
};

struct due_teller *due_teller_new(struct bus *bus, struct store *store, int64_t every_ms,
				  int64_t (*wall_ms)(void))
{
	struct due_teller *t = calloc(1, sizeof(*t));

	assert(t);
	t->bus = bus;
	t->store = store;
	t->every_ms = every_ms;
	t->wall_ms = wall_ms;
	t->look_at_ms = clock_monotonic_ms() + every_ms;
	return t;
}

void due_teller_free(struct due_teller *t)
{
	if (!t)
		return;
	bus_producer_close(t->producer);
	free(t);
}

static void on_ack(void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	struct due_teller *t = ctx;

	assert(result == RESULT_OK); /* this producer waits for as long as it takes */
	t->acknowledged++;
}

static void rest(struct due_teller *t)
{
	t->count = t->acknowledged = t->told = 0;
	t->cursor = (struct due_cursor){0};
	t->look_at_ms = clock_monotonic_ms() + t->every_ms;
}

static void give_up(struct due_teller *t, const char *why)
{
	log_error("due_not_told", LOG_STR("why", why));
	bus_producer_close(t->producer);
	t->producer = NULL;
	rest(t);
}

static bool open_producer(struct due_teller *t)
{
	struct bus_producer_options options = {
	    .on_ack = on_ack, .ctx = t, .max_in_flight = LEADS_AT_ONCE};
	struct error e = {0};

	if (t->producer)
		return true;
	t->partitions = bus_partitions(t->bus, DUE_TELLER_TOPIC, FIND_TOPIC_MS);
	if (t->partitions < 1)
		return false;
	t->producer = bus_producer_open(t->bus, &options, &e);
	if (!t->producer)
		log_error("due_not_told", LOG_STR("why", e.text));
	return t->producer;
}

static enum result tell(struct due_teller *t, const struct lead_id *id, int64_t now_ms)
{
	Punnet__V1__Outcome m = PUNNET__V1__OUTCOME__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	struct slice key = slice_of(id->bytes, sizeof(id->bytes));
	struct buf out = {0};
	enum result r;

	source.topic = (char *)"payout";
	m.source = &source;
	m.lead_id = codec_lead_id(id);
	m.kind = PUNNET__V1__OUTCOME_KIND__OUTCOME_DUE;
	m.at_ms = now_ms;
	codec_pack(&m.base, &out);
	assert(!out.failed);
	r = bus_produce(t->producer, DUE_TELLER_TOPIC, hash_partition(key, t->partitions), key,
			codec_type(m.base.descriptor), buf_slice(&out), 0);
	buf_free(&out);
	return r;
}

static enum result look(struct due_teller *t, bool *ret_busy, struct error *ret_error)
{
	int64_t now_ms = t->wall_ms();
	enum result r =
	    store_due(t->store, now_ms, &t->cursor, t->leads, LEADS_AT_ONCE, &t->count, ret_error);

	if (r != RESULT_OK)
		return r;
	for (size_t i = 0; i < t->count; i++) {
		if (tell(t, &t->leads[i].lead_id, now_ms) == RESULT_OK)
			continue;
		give_up(t, "a record was not taken");
		return RESULT_OK;
	}
	t->told += t->count;
	metric_add(METRIC_PAYOUT_DUE_TOLD, (int64_t)t->count);
	if (t->count == 0)
		rest(t);
	*ret_busy |= t->count > 0;
	return RESULT_OK;
}

enum result due_teller_pump(struct due_teller *t, bool *ret_busy, struct error *ret_error)
{
	struct error e = {0};

	if (t->producer && bus_producer_poll(t->producer, &e) == RESULT_FATAL)
		give_up(t, e.text);
	if (t->acknowledged < t->count)
		return RESULT_OK;
	if (t->count > 0)
		fault_point("payout_due_told");
	t->count = t->acknowledged = 0;
	if (t->told >= DUE_TELLER_LOOK_MAX)
		rest(t);
	if (clock_monotonic_ms() < t->look_at_ms)
		return RESULT_OK;
	if (!open_producer(t)) {
		rest(t);
		return RESULT_OK;
	}
	return look(t, ret_busy, ret_error);
}
