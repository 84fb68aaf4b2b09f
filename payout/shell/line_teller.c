/* line_teller: look, tell, wait for all acknowledgements, note; then look again. */
#include "payout/shell/line_teller.h"

#include <stdlib.h>

#include "payout/shell/teller.h"
#include "proto/webmasters_verdicts.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define LINES_AT_ONCE  256
#define ONLY_PARTITION 0

struct line_teller {
	struct teller teller;
	struct store *store;
	struct arena arena;
	struct verdict_line lines[LINES_AT_ONCE]; /* what is under way */
	int64_t read_at_ms;
	bool without_topic;
};

struct line_teller *line_teller_new(struct bus *bus, struct store *store, int64_t every_ms)
{
	struct line_teller *t = calloc(1, sizeof(*t));

	assert(t);
	t->teller = (struct teller){.bus = bus,
				    .topic = LINE_TELLER_TOPIC,
				    .not_told = "verdict_lines_not_told",
				    .max_in_flight = LINES_AT_ONCE,
				    .every_ms = every_ms};
	t->store = store;
	return t;
}

void line_teller_free(struct line_teller *t)
{
	if (!t)
		return;
	teller_close(&t->teller);
	arena_free(&t->arena);
	free(t);
}

static bool open_producer(struct line_teller *t)
{
	if (t->teller.producer)
		return true;
	if (teller_partitions(&t->teller) < 1) {
		if (!t->without_topic)
			log_warn("verdict_lines_without_topic", LOG_STR("topic", LINE_TELLER_TOPIC),
				 LOG_STR("remedy", "punnet topics apply"));
		t->without_topic = true;
		return false;
	}
	t->without_topic = false;
	return teller_open(&t->teller);
}

/* --- one round --- */

static bool tell(struct line_teller *t, const struct verdict_line *l, int64_t since_ms)
{
	Punnet__V1__WebmasterVerdicts m = PUNNET__V1__WEBMASTER_VERDICTS__INIT;
	const char *key = arena_printf(&t->arena, "%s|%s", l->vertical, l->aff_id);

	m.vertical = (char *)l->vertical;
	m.aff_id = (char *)l->aff_id;
	m.approved = (uint64_t)l->approved;
	m.returned = (uint64_t)l->returned;
	m.since_ms = since_ms;
	m.at_ms = t->read_at_ms;
	return teller_put(&t->teller, ONLY_PARTITION, slice_cstr(key), &m.base);
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
			    t->lines, &t->teller.count, ret_error);
	if (r != RESULT_OK)
		return r;
	for (size_t i = 0; i < t->teller.count; i++) {
		if (tell(t, &t->lines[i], since_day * MS_PER_DAY))
			continue;
		teller_give_up(&t->teller, "a line was not taken");
		return RESULT_OK;
	}
	if (t->teller.count == 0)
		teller_rest(&t->teller);
	*ret_busy |= t->teller.count > 0;
	return RESULT_OK;
}

static enum result note(struct line_teller *t, struct error *ret_error)
{
	bool more = t->teller.count == LINES_AT_ONCE;
	enum result r;

	fault_point("payout_lines_acknowledged");
	r = store_lines_told(t->store, t->lines, t->teller.count, t->read_at_ms, ret_error);
	if (r != RESULT_OK)
		return r;
	metric_add(METRIC_PAYOUT_LINES, (int64_t)t->teller.count);
	teller_rest(&t->teller);
	if (more)
		t->teller.look_at_ms = 0;
	return RESULT_OK;
}

enum result line_teller_pump(struct line_teller *t, bool *ret_busy, struct error *ret_error)
{
	if (teller_waits(&t->teller))
		return RESULT_OK;
	if (t->teller.count > 0)
		return note(t, ret_error);
	if (clock_monotonic_ms() < t->teller.look_at_ms)
		return RESULT_OK;
	if (!open_producer(t)) {
		teller_rest(&t->teller);
		return RESULT_OK;
	}
	return look(t, ret_busy, ret_error);
}
