/* due_teller: look, write, wait for all acknowledgements, look on. */
#include "payout/shell/due_teller.h"

#include <stdlib.h>

#include "base/hash.h"
#include "lead/codec.h"
#include "payout/shell/teller.h"
#include "proto/leads_outcomes.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/metrics.h"

#define LEADS_AT_ONCE 500

struct due_teller {
	struct teller teller;
	struct store *store;
	int32_t partitions;
	int64_t (*wall_ms)(void);
	struct due_cursor cursor; /* how far this look is */
	size_t told;              /* in this look */
	struct due_lead leads[LEADS_AT_ONCE];
};

struct due_teller *due_teller_new(struct bus *bus, struct store *store, int64_t every_ms,
				  int64_t (*wall_ms)(void))
{
	struct due_teller *t = calloc(1, sizeof(*t));

	assert(t);
	t->teller = (struct teller){.bus = bus,
				    .topic = DUE_TELLER_TOPIC,
				    .not_told = "due_not_told",
				    .max_in_flight = LEADS_AT_ONCE,
				    .every_ms = every_ms};
	t->store = store;
	t->wall_ms = wall_ms;
	teller_rest(&t->teller);
	return t;
}

void due_teller_free(struct due_teller *t)
{
	if (!t)
		return;
	teller_close(&t->teller);
	free(t);
}

/* The next look begins at the beginning. */
static void end_look(struct due_teller *t)
{
	t->told = 0;
	t->cursor = (struct due_cursor){0};
}

static void rest(struct due_teller *t)
{
	end_look(t);
	teller_rest(&t->teller);
}

static bool open_producer(struct due_teller *t)
{
	if (t->teller.producer)
		return true;
	t->partitions = teller_partitions(&t->teller);
	return t->partitions >= 1 && teller_open(&t->teller);
}

static bool tell(struct due_teller *t, const struct lead_id *id, int64_t now_ms)
{
	Punnet__V1__Outcome m = PUNNET__V1__OUTCOME__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	struct slice key = slice_of(id->bytes, sizeof(id->bytes));

	source.topic = (char *)"payout";
	m.source = &source;
	m.lead_id = codec_lead_id(id);
	m.kind = PUNNET__V1__OUTCOME_KIND__OUTCOME_DUE;
	m.at_ms = now_ms;
	return teller_put(&t->teller, hash_partition(key, t->partitions), key, &m.base);
}

static enum result look(struct due_teller *t, bool *ret_busy, struct error *ret_error)
{
	size_t *count = &t->teller.count;
	int64_t now_ms = t->wall_ms();
	enum result r =
	    store_due(t->store, now_ms, &t->cursor, t->leads, LEADS_AT_ONCE, count, ret_error);

	if (r != RESULT_OK)
		return r;
	for (size_t i = 0; i < *count; i++) {
		if (tell(t, &t->leads[i].lead_id, now_ms))
			continue;
		teller_give_up(&t->teller, "a record was not taken");
		end_look(t);
		return RESULT_OK;
	}
	t->told += *count;
	metric_add(METRIC_PAYOUT_DUE_TOLD, (int64_t)*count);
	*ret_busy |= *count > 0;
	if (*count == 0)
		rest(t);
	return RESULT_OK;
}

enum result due_teller_pump(struct due_teller *t, bool *ret_busy, struct error *ret_error)
{
	bool had_producer = t->teller.producer;

	if (teller_waits(&t->teller))
		return RESULT_OK;
	if (had_producer && !t->teller.producer)
		end_look(t);
	if (t->teller.count > 0)
		fault_point("payout_due_told");
	t->teller.count = t->teller.acknowledged = 0;
	if (t->told >= DUE_TELLER_LOOK_MAX)
		rest(t);
	if (clock_monotonic_ms() < t->teller.look_at_ms)
		return RESULT_OK;
	if (!open_producer(t)) {
		rest(t);
		return RESULT_OK;
	}
	return look(t, ret_busy, ret_error);
}
