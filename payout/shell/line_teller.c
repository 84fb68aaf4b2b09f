/* line_teller: look, tell, wait for all acknowledgements, note; then look again. */
#include "payout/shell/line_teller.h"

#include <stdlib.h>

#include "lead/codec.h"
#include "proto/webmasters_verdicts.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define LINES_AT_ONCE  256
#define FIND_TOPIC_MS  1000
#define ONLY_PARTITION 0

struct line_teller {
	struct bus *bus;
	struct store *store;
	struct bus_producer *producer; /* NULL: not opened, or given up */
	int64_t every_ms, look_at_ms;
	struct arena arena;
	struct verdict_line lines[LINES_AT_ONCE]; /* what is under way */
	size_t count, acknowledged;
	int64_t read_at_ms;
	bool without_topic;
};

struct line_teller *line_teller_new(struct bus *bus, struct store *store, int64_t every_ms)
{
	struct line_teller *t = calloc(1, sizeof(*t));

	assert(t);
	t->bus = bus;
	t->store = store;
	t->every_ms = every_ms;
	return t;
}

void line_teller_free(struct line_teller *t)
{
	if (!t)
		return;
	bus_producer_close(t->producer);
	arena_free(&t->arena);
	free(t);
}

static void on_ack(void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	struct line_teller *t = ctx;

	assert(result == RESULT_OK); /* this producer waits for as long as it takes */
	t->acknowledged++;
}

static void rest(struct line_teller *t)
{
	t->count = t->acknowledged = 0;
	t->look_at_ms = clock_monotonic_ms() + t->every_ms;
}

/* What was under way is not noted as told, and so is told again. */
static void give_up(struct line_teller *t, const struct error *e)
{
	log_error("verdict_lines_not_told", LOG_STR("why", e->text));
	bus_producer_close(t->producer);
	t->producer = NULL;
	rest(t);
}

static bool open_producer(struct line_teller *t)
{
	struct bus_producer_options options = {
	    .on_ack = on_ack, .ctx = t, .max_in_flight = LINES_AT_ONCE};
	struct error e = {0};

	if (t->producer)
		return true;
	if (bus_partitions(t->bus, LINE_TELLER_TOPIC, FIND_TOPIC_MS) < 1) {
		if (!t->without_topic)
			log_warn("verdict_lines_without_topic", LOG_STR("topic", LINE_TELLER_TOPIC),
				 LOG_STR("remedy", "punnet topics apply"));
		t->without_topic = true;
		return false;
	}
	t->without_topic = false;
	t->producer = bus_producer_open(t->bus, &options, &e);
	if (!t->producer)
		log_error("verdict_lines_not_told", LOG_STR("why", e.text));
	return t->producer;
}

/* --- one round --- */

static enum result tell(struct line_teller *t, const struct verdict_line *l, int64_t since_ms)
{
	Punnet__V1__WebmasterVerdicts m = PUNNET__V1__WEBMASTER_VERDICTS__INIT;
	const char *key = arena_printf(&t->arena, "%s|%s", l->vertical, l->aff_id);
	struct buf out = {0};
	enum result r;

	m.vertical = (char *)l->vertical;
	m.aff_id = (char *)l->aff_id;
	m.approved = (uint64_t)l->approved;
	m.returned = (uint64_t)l->returned;
	m.since_ms = since_ms;
	m.at_ms = t->read_at_ms;
	codec_pack(&m.base, &out);
	assert(!out.failed); /* both ids are bounded */
	r = bus_produce(t->producer, LINE_TELLER_TOPIC, ONLY_PARTITION, slice_cstr(key),
			codec_type(m.base.descriptor), buf_slice(&out), 0);
	buf_free(&out);
	return r;
}

static enum result look(struct line_teller *t, bool *ret_busy, struct error *ret_error)
{
	int64_t today, since_day;
	enum result r;

	t->read_at_ms = clock_now_ms();
	today = t->read_at_ms / MS_PER_DAY;
	since_day = today - LINE_TELLER_DAYS + 1;
	arena_reset(&t->arena);
	r = store_lines_due(t->store, since_day, today * MS_PER_DAY, LINES_AT_ONCE, &t->arena,
			    t->lines, &t->count, ret_error);
	if (r != RESULT_OK)
		return r;
	for (size_t i = 0; i < t->count; i++) {
		struct error e = {.text = "a line was not taken"};

		if (tell(t, &t->lines[i], since_day * MS_PER_DAY) == RESULT_OK)
			continue;
		give_up(t, &e);
		return RESULT_OK;
	}
	if (t->count == 0)
		rest(t);
	*ret_busy |= t->count > 0;
	return RESULT_OK;
}

static enum result note(struct line_teller *t, struct error *ret_error)
{
	bool more = t->count == LINES_AT_ONCE;
	enum result r;

	fault_point("payout_lines_acknowledged");
	r = store_lines_told(t->store, t->lines, t->count, t->read_at_ms, ret_error);
	if (r != RESULT_OK)
		return r;
	metric_add(METRIC_PAYOUT_LINES, (int64_t)t->count);
	rest(t);
	if (more)
		t->look_at_ms = 0;
	return RESULT_OK;
}

enum result line_teller_pump(struct line_teller *t, bool *ret_busy, struct error *ret_error)
{
	struct error e = {0};

	if (t->producer && bus_producer_poll(t->producer, &e) == RESULT_FATAL)
		give_up(t, &e);
	if (t->count > 0)
		return t->acknowledged < t->count ? RESULT_OK : note(t, ret_error);
	if (clock_monotonic_ms() < t->look_at_ms)
		return RESULT_OK;
	if (!open_producer(t)) {
		rest(t);
		return RESULT_OK;
	}
	return look(t, ret_busy, ret_error);
}
