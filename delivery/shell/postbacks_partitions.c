/* postbacks_partitions: taking a partition of status.events over, its commits, giving it away. */
#include <stdlib.h>

#include "postbacks_internal.h"
#include "proto/status_attempts.pb-c.h"
#include "runtime/clock.h"
#include "runtime/log.h"

#define SPAN_MAX (PREFIX_SPAN_MAX + POSTBACKS_TAKE_MAX) /* a batch may pass the limit */

/* --- taking over --- */

static struct slice offset_key(const int64_t *offset)
{
	return slice_of(offset, sizeof(*offset));
}

const struct pb_known *pb_known_of(const struct pb_partition *p, int64_t offset)
{
	return map_get(&p->known, offset_key(&offset));
}

void pb_known_free(struct pb_partition *p)
{
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(&p->known, i, &key, &value); i++)
		free(value);
	map_free(&p->known);
}

struct learner {
	struct postbacks *pb;
	struct pb_partition *p;
};

/* Records come in order: the last attempt of an event stands, unless one before it was final. */
static enum result learn(void *ctx, const struct bus_record *record, struct error *e)
{
	struct postbacks *pb = ((struct learner *)ctx)->pb;
	struct pb_partition *p = ((struct learner *)ctx)->p;
	const Punnet__V1__StatusAttempt *a;
	struct pb_known *known;
	int64_t offset;

	arena_reset(&pb->arena);
	a = codec_unpack(&pb->arena, &punnet__v1__status_attempt__descriptor, record->value);
	if (!a || !a->source || (int64_t)a->source->offset < p->committed)
		return RESULT_OK;
	offset = (int64_t)a->source->offset;
	known = map_get(&p->known, offset_key(&offset));
	if (!known) {
		if (map_count(&p->known) >= SPAN_MAX)
			return error_set(e, RESULT_FATAL, "more than %u postbacks to resume",
					 SPAN_MAX);
		known = calloc(1, sizeof(*known));
		if (!known)
			abort();
		map_put(&p->known, offset_key(&offset), known);
	}
	if (!known->final)
		*known = (struct pb_known){a->attempt, a->next_due_at_ms, a->final};
	return RESULT_OK;
}

static enum result learn_attempts(struct postbacks *pb, struct pb_partition *p, struct error *e)
{
	struct learner l = {.pb = pb, .p = p};

	return bus_read_span(pb->bus, STATUS_ATTEMPTS, p->number, p->attempts_from, p->attempts_end,
			     POSTBACKS_TIMEOUT_MS, learn, &l, e);
}

static enum result look_at_topics(struct postbacks *pb, struct pb_partition *p,
				  const struct commit_note *note, int64_t committed,
				  struct error *e)
{
	int64_t low, attempts_low;
	enum result r = bus_offsets(pb->bus, STATUS_EVENTS, p->number, POSTBACKS_TIMEOUT_MS, &low,
				    &p->was_there_until);

	if (r == RESULT_OK)
		r = bus_offsets(pb->bus, STATUS_ATTEMPTS, p->number, POSTBACKS_TIMEOUT_MS,
				&attempts_low, &p->attempts_end);
	if (r != RESULT_OK)
		return error_set(e, r, STATUS_EVENTS "/%d: its offsets can't be learned",
				 p->number);
	p->committed = MAX_OF(committed, low);
	p->attempts_from = MIN_OF(MAX_OF(note->attempts_from, attempts_low), p->attempts_end);
	return RESULT_OK;
}

static void partition_free(struct pb_partition *p)
{
	assert(!p->first);
	progress_free(p->progress);
	prefix_free(&p->prefix);
	pb_known_free(p);
	free(p);
}

int64_t pb_on_assign(void *ctx, const struct bus_assignment *a, enum result *ret_result)
{
	struct postbacks *pb = ctx;
	struct commit_note note = {.attempts_from = -1};
	struct pb_partition *p = calloc(1, sizeof(*p));
	struct error e = {0};
	enum result r = RESULT_OK;

	if (!p)
		abort();
	assert(a->partition < POSTBACKS_PARTITIONS_MAX && !pb->partitions[a->partition]);
	p->number = a->partition;
	if (a->committed >= 0 && !commit_note_read(a->metadata, &note))
		r = error_set(&e, RESULT_FATAL, "the commit's metadata can't be read");
	p->watermark = note.watermark;
	prefix_start(&p->prefix, &note.watermark);
	p->prefix.topics = pb_sources;
	p->prefix.topic_count = PB_SOURCES;
	if (r == RESULT_OK)
		r = look_at_topics(pb, p, &note, a->committed, &e);
	if (r == RESULT_OK)
		r = learn_attempts(pb, p, &e);
	if (r != RESULT_OK) {
		postbacks_fail(pb, STATUS_EVENTS "/%d: %s", p->number, e.text);
		partition_free(p);
		*ret_result = RESULT_FATAL;
		return -1;
	}
	p->progress = progress_new(SPAN_MAX, p->committed);
	pb->partitions[p->number] = p;
	log_info("postbacks_partition_taken", LOG_INT("partition", p->number),
		 LOG_INT("committed", p->committed), LOG_INT("known", map_count(&p->known)));
	return p->committed;
}

/* --- commits --- */

static void write_note(struct pb_partition *p, struct buf *out)
{
	struct commit_note note = {0};

	prefix_advance(&p->prefix, progress_committable(p->progress));
	note.watermark = p->prefix.watermark;
	note.attempts_from = prefix_attempts_from(&p->prefix, p->attempts_end);
	commit_note_write(&note, out);
}

void pb_partitions_commit(struct postbacks *pb, int64_t now_ms)
{
	if (now_ms - pb->committed_at_ms < POSTBACKS_COMMIT_MS)
		return;
	pb->committed_at_ms = now_ms;
	for (size_t i = 0; i < POSTBACKS_PARTITIONS_MAX; i++) {
		_cleanup_(buf_free) struct buf note = {.max = BUS_METADATA_MAX_BYTES};
		struct pb_partition *p = pb->partitions[i];

		if (!p || progress_committable(p->progress) == p->committed)
			continue;
		write_note(p, &note);
		if (note.failed) {
			postbacks_fail(pb, STATUS_EVENTS "/%d: the commit's metadata is too long",
				       p->number);
			return;
		}
		p->committed = progress_committable(p->progress);
		bus_commit(pb->consumer, STATUS_EVENTS, p->number, p->committed, buf_slice(&note));
	}
}

static bool commit_now(struct postbacks *pb, struct pb_partition *p)
{
	_cleanup_(buf_free) struct buf note = {.max = BUS_METADATA_MAX_BYTES};
	int64_t next = progress_committable(p->progress);

	write_note(p, &note);
	return !note.failed && bus_commit_now(pb->consumer, STATUS_EVENTS, p->number, next,
					      buf_slice(&note), POSTBACKS_TIMEOUT_MS) == RESULT_OK;
}

bool pb_partitions_commit_last(struct postbacks *pb)
{
	for (size_t i = 0; i < POSTBACKS_PARTITIONS_MAX; i++)
		if (pb->partitions[i] && !commit_now(pb, pb->partitions[i]))
			return false;
	return true;
}

/* --- giving up, giving away --- */

void pb_partitions_shorten(struct postbacks *pb)
{
	for (size_t i = 0; i < POSTBACKS_PARTITIONS_MAX; i++) {
		struct pb_partition *p = pb->partitions[i];
		struct pb_task *t = p ? p->first : NULL;

		if (!t || t->in_bus || !prefix_full(&p->prefix))
			continue;
		prefix_advance(&p->prefix, progress_committable(p->progress));
		if (!prefix_full(&p->prefix))
			continue;
		pb_cancel(pb, t);
		if (t->due.place)
			due_remove(&pb->waiting, &t->due);
		if (t->state == PB_READY)
			pb_unready(t);
		t->attempt++;
		t->started_at_ms = clock_now_ms();
		t->started_monotonic_ms = clock_monotonic_ms();
		pb_end(pb, t, POSTBACK_BACKLOG_FULL);
	}
}

static void forget(struct postbacks *pb, struct pb_partition *p)
{
	while (p->first)
		pb_task_free(pb, p->first);
	pb->partitions[p->number] = NULL;
	partition_free(p);
}

void pb_on_revoke(void *ctx, _unused_ const char *topic, int32_t partition, bool lost)
{
	struct postbacks *pb = ctx;
	struct pb_partition *p = pb->partitions[partition];

	if (!p)
		return;
	if (!lost && !commit_now(pb, p))
		log_warn("last_commit_failed", LOG_INT("partition", partition));
	forget(pb, p);
	log_info("postbacks_partition_left", LOG_INT("partition", partition),
		 LOG_INT("lost", lost));
}

void pb_partitions_free(struct postbacks *pb)
{
	for (size_t i = 0; i < POSTBACKS_PARTITIONS_MAX; i++)
		if (pb->partitions[i])
			forget(pb, pb->partitions[i]);
}
