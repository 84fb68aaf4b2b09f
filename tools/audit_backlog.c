/* audit_backlog: see audit_backlog.h. */
#include "audit_backlog.h"

#include "audit_read.h"
#include "payout/store/db.h"
#include "runtime/bus.h"

#define ASK_MS  10000
#define LOOK_MS 5000

static enum result settled(const char *url, int64_t next[AUDIT_PARTITIONS_MAX],
			   struct error *ret_error)
{
	struct db *d = db_open_reading(url, ASK_MS, ret_error);
	enum result r;

	if (!d)
		return RESULT_AWAY;
	r = audit_ledger_cursors(d, next, ret_error);
	db_close(d);
	return r;
}

static enum result committed(struct bus *b, const struct audit_round_settings *s,
			     enum audit_stage stage, int32_t count, int64_t *ret_next,
			     struct error *ret_error)
{
	return stage == AUDIT_SETTLING
		   ? settled(s->db, ret_next, ret_error)
		   : audit_group_committed(b, s, stage, count, ret_next, ret_error);
}

/* When the record was written; 0 = it is gone meanwhile. */
static enum result look(struct bus *b, const char *topic, int32_t partition, int64_t offset,
			int64_t *ret_ms, struct error *ret_error)
{
	struct bus_reader *r = bus_reader_open(b, topic, partition, offset, ret_error);
	struct bus_record record;
	size_t count = 0;
	enum result result;

	*ret_ms = 0;
	if (!r)
		return RESULT_AWAY;
	result = bus_reader_take(r, &record, 1, LOOK_MS, &count, ret_error);
	if (count > 0)
		*ret_ms = record.timestamp_ms;
	bus_reader_close(r);
	return result;
}

static enum result partition(struct bus *b, const char *topic, int32_t p, int64_t next,
			     int64_t now_ms, struct audit_stage_line *ret, struct error *ret_error)
{
	int64_t low, high, time_ms;
	enum result r = bus_offsets(b, topic, p, ASK_MS, &low, &high);

	if (r != RESULT_OK)
		return error_set(ret_error, r, "%s/%d: its end can't be learned", topic, (int)p);
	next = MAX_OF(next, low);
	if (next >= high)
		return RESULT_OK;
	r = look(b, topic, p, next, &time_ms, ret_error);
	ret->behind += (uint64_t)(high - next);
	if (time_ms > 0)
		ret->behind_ms = MAX_OF(ret->behind_ms, now_ms - time_ms);
	return r;
}

enum result audit_backlog_read(struct bus *bus, const struct audit_round_settings *s,
			       int64_t now_ms, struct audit_stage_line ret[AUDIT_STAGES],
			       struct error *ret_error)
{
	int64_t next[AUDIT_PARTITIONS_MAX];

	for (enum audit_stage i = 0; i < AUDIT_STAGES; i++) {
		const char *topic = audit_topic_name(audit_stage_reads(i));
		int32_t count = bus_partitions(bus, topic, ASK_MS);
		enum result r;

		ret[i] = (struct audit_stage_line){.in = 0};
		if (count <= 0 || count > AUDIT_PARTITIONS_MAX)
			return error_set(ret_error, RESULT_AWAY,
					 "%s: its partitions can't be learned", topic);
		r = committed(bus, s, i, count, next, ret_error);
		for (int32_t p = 0; p < count && r == RESULT_OK; p++)
			r = partition(bus, topic, p, next[p], now_ms, &ret[i], ret_error);
		if (r != RESULT_OK)
			return r;
	}
	return RESULT_OK;
}
