/* restore: see restore.h. */
#include "restore.h"

#include <stdlib.h>

#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/kv.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

#define SERVER_TIMEOUT_MS 10000
#define READ_TIMEOUT_MS   100
#define RECORDS_MAX       DESK_LEADS_MAX
#define SURE_MS           3000 /* so long a broker that was deposed may tell an older end, at most */

static void end_reading(struct restore *r)
{
	bus_reader_close(r->reader);
	r->reader = NULL;
	r->next = NULL;
}

/* What is missing now; ready when nothing is. */
static enum result look(struct worker *w, struct error *e)
{
	struct restore *r = &w->restore;
	int32_t partitions = bus_partitions(w->bus, TOPIC_RAW, SERVER_TIMEOUT_MS);
	enum result result;
	bool ready = true;

	if (partitions <= 0 || partitions > RESTORE_PARTITIONS_MAX)
		return error_set(e, RESULT_AWAY, "%s: its partitions can't be learned", TOPIC_RAW);
	r->partitions = (uint32_t)partitions;
	result = kv_join(w->kv, r->partitions, r->missing, e);
	worker_note_kv(w, result, e);
	if (result != RESULT_OK)
		return result;
	for (uint32_t p = 0; p < r->partitions; p++)
		ready = ready && (!r->missing[p] || fault_on("restore_off"));
	if (r->ready && !ready)
		memset(r->told, 0, sizeof(r->told));
	if (ready != r->ready)
		log_info(ready ? "kv_complete" : "kv_incomplete");
	r->ready = ready;
	r->looked_at_ms = clock_monotonic_ms();
	metric_set(METRIC_FILTER_KV_INCOMPLETE, !ready);
	return RESULT_OK;
}

/* --- where leads.judged ends --- */

static enum result ask_end(struct worker *w, int32_t partition, int64_t *ret_low, int64_t *ret_end)
{
	return bus_offsets(w->bus, TOPIC_JUDGED, partition, SERVER_TIMEOUT_MS, ret_low, ret_end);
}

/* Of all that are missing at once, so that only the first one is waited for. */
static enum result ask_ends(struct worker *w)
{
	struct restore *r = &w->restore;
	enum result result = RESULT_OK;
	int64_t low;

	for (uint32_t p = 0; p < r->partitions && result == RESULT_OK; p++) {
		if (!r->missing[p] || r->told[p].at_ms > 0 ||
		    !partitions_owned(&w->partitions, (int32_t)p))
			continue;
		result = ask_end(w, (int32_t)p, &low, &r->told[p].end);
		if (result == RESULT_OK)
			r->told[p].at_ms = clock_monotonic_ms();
	}
	return result;
}

/* The end as it was when the state was missed, or later. Behind a verdict of our own nobody's stand but our own. Without one it is
 * the higher of two that were told SURE_MS apart, unless a partition has one leader only. */
static enum result learn_end(struct worker *w, int64_t *ret_low)
{
	struct restore *r = &w->restore;
	const struct partition *p = partitions_owned(&w->partitions, r->at);
	int64_t waited_ms = clock_monotonic_ms() - r->told[r->at].at_ms, told;
	enum result result = ask_end(w, r->at, ret_low, &told);

	if (result != RESULT_OK)
		return result;
	r->until = MAX_OF(told, r->told[r->at].end);
	r->sure = waited_ms >= SURE_MS || (p && p->judged_end > 0) || fault_on("told_ends") ||
		  bus_ends_are_sure(w->bus, TOPIC_JUDGED, SERVER_TIMEOUT_MS);
	if (p && !fault_on("told_ends"))
		r->until = MAX_OF(r->until, p->judged_end);
	return RESULT_OK;
}

/* At the end that was told. RESULT_AGAIN: it may be an older one, and has to be asked for again in a while. */
static enum result be_sure(struct worker *w)
{
	struct restore *r = &w->restore;
	int64_t low;

	if (!r->sure && clock_monotonic_ms() - r->told[r->at].at_ms >= SURE_MS)
		return learn_end(w, &low);
	return r->sure ? RESULT_OK : RESULT_AGAIN;
}

/* --- reading it --- */

static bool open_next(struct worker *w, struct error *e, enum result *ret_result)
{
	struct restore *r = &w->restore;
	int64_t low;

	*ret_result = ask_ends(w);
	for (uint32_t p = 0; p < r->partitions && *ret_result == RESULT_OK; p++) {
		if (!r->missing[p] || !partitions_owned(&w->partitions, (int32_t)p))
			continue;
		r->at = (int32_t)p;
		*ret_result = learn_end(w, &low);
		if (*ret_result != RESULT_OK)
			return false;
		/* beside those that stay: librdkafka would sleep for up to a second over a reader that is alone */
		r->reader = bus_reader_follow(w->bus, TOPIC_JUDGED, r->at, low, e);
		*ret_result = r->reader ? RESULT_OK : RESULT_AWAY;
		r->put_back = 0;
		r->next_raw = 0;
		r->began_ms = clock_monotonic_ms();
		return r->reader != NULL;
	}
	return false;
}

static enum result finish(struct worker *w, struct error *e)
{
	struct restore *r = &w->restore;
	enum result result;

	fault_point("restore_unmarked");
	result = kv_restored(w->kv, (uint32_t)r->at, e);
	worker_note_kv(w, result, e);
	if (result != RESULT_OK)
		return result;
	fault_point("restore_marked");
	log_info("kv_restored", LOG_INT("partition", r->at), LOG_INT("leads", r->put_back),
		 LOG_INT("ms", clock_monotonic_ms() - r->began_ms));
	end_reading(r);
	return look(w, e);
}

/* Of two verdicts about one record the first counts: where a worker was thought dead and was not, the log has both, and
 * within one batch the kv could not tell that they are the same. */
static bool is_first(struct restore *r, const Punnet__V1__JudgedLead *m)
{
	if (!m->source || m->source->offset < r->next_raw)
		return false;
	r->next_raw = m->source->offset + 1;
	return true;
}

/* Into r->next; nothing, where nothing came yet or the end is reached. */
static enum result read_ahead(struct worker *w, struct error *e)
{
	struct restore *r = &w->restore;
	struct arena *a = &r->arenas[r->turn];
	struct bus_record records[RECORDS_MAX];
	size_t count = 0;
	enum result result;

	if (bus_reader_position(r->reader) >= r->until)
		return RESULT_OK;
	result = bus_reader_take(r->reader, records, RECORDS_MAX, READ_TIMEOUT_MS, &count, e);
	if (result != RESULT_OK || count == 0)
		return result;
	arena_reset(a);
	r->next = arena_alloc(a, count * sizeof(*r->next));
	r->next_count = 0;
	for (size_t i = 0; i < count && records[i].offset < r->until; i++) {
		const Punnet__V1__JudgedLead *m =
		    codec_unpack(a, &punnet__v1__judged_lead__descriptor, records[i].value);

		if (m && is_first(r, m))
			r->next_count += desk_past(w->desk, m, &r->next[r->next_count]);
	}
	return RESULT_OK;
}

static void meanwhile(void *ctx)
{
	struct worker *w = worker_of(ctx);

	w->restore.read_result = read_ahead(w, &w->restore.read_error);
}

static enum result put_back(struct worker *w, struct error *e)
{
	struct restore *r = &w->restore;
	struct desk_lead *leads = r->next;
	size_t count = r->next_count;
	enum result result;

	r->next = NULL;
	r->turn ^= 1;
	r->read_result = RESULT_OK;
	if (count == 0)
		return RESULT_OK;
	kv_meanwhile(w->kv, meanwhile, w);
	result = desk_restore(w->desk, leads, count, e);
	worker_note_kv(w, result, e);
	if (result != RESULT_OK)
		return result;
	fault_point("restore_put_back");
	r->put_back += count;
	metric_add(METRIC_FILTER_RESTORED, (int64_t)count);
	if (r->read_result != RESULT_OK)
		*e = r->read_error;
	return r->read_result;
}

/* What could not be read or put back is read again, from the partition's beginning. */
static enum result step(struct worker *w, bool *ret_busy, struct error *e)
{
	struct restore *r = &w->restore;
	enum result result = RESULT_OK;

	if (!r->next)
		result = read_ahead(w, e);
	if (result == RESULT_OK && r->next) {
		result = put_back(w, e);
	} else if (result == RESULT_OK && bus_reader_position(r->reader) >= r->until) {
		result = be_sure(w);
		*ret_busy = result == RESULT_OK;
		if (result == RESULT_AGAIN)
			return RESULT_OK;
		if (result == RESULT_OK && bus_reader_position(r->reader) >= r->until)
			return finish(w, e);
	}
	if (result != RESULT_OK && result != RESULT_AGAIN)
		end_reading(r);
	return result;
}

enum result restore_turn(struct worker *w, bool *ret_busy, struct error *ret_error)
{
	struct restore *r = &w->restore;
	enum result result = RESULT_OK;

	*ret_busy = false;
	if (!r->reader && (r->partitions == 0 || r->again ||
			   clock_monotonic_ms() - r->looked_at_ms >= RESTORE_LOOK_MS)) {
		r->again = false;
		result = look(w, ret_error);
	}
	/* What is on its way to the log stands behind the end that would be read. */
	if (result != RESULT_OK || r->ready || w->flights.used > 0)
		return result;
	if (!r->reader && !open_next(w, ret_error, &result))
		return result;
	*ret_busy = true;
	result = step(w, ret_busy, ret_error);
	if (result == RESULT_AGAIN)
		restore_needed(w);
	return result == RESULT_AGAIN ? RESULT_OK : result;
}

void restore_needed(struct worker *w)
{
	struct restore *r = &w->restore;

	end_reading(r);
	r->ready = false;
	r->again = true;
	memset(r->told, 0, sizeof(r->told));
	metric_add(METRIC_FILTER_KV_LOST, 1);
	log_warn("kv_state_lost");
}

void restore_forget(struct worker *w, int32_t partition)
{
	if (w->restore.reader && w->restore.at == partition)
		end_reading(&w->restore);
}

void restore_close(struct worker *w)
{
	end_reading(&w->restore);
	for (size_t i = 0; i < ARRAY_LEN(w->restore.arenas); i++)
		arena_free(&w->restore.arenas[i]);
}
