/* partitions: taking a partition of leads.routed over, giving it away, and what its commits say.
 *
 * The commit's metadata names the place in leads.attempts from which a successor reads; what it finds there (take_over.c)
 * tells it how far each task had come. A webhook that may have been under way when the predecessor ended counts as unknown. */
#include <stdlib.h>

#include "internal.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"

static struct partition *partition_at(struct delivery *d, int32_t number)
{
	assert(number >= 0 && number < DELIVERY_PARTITIONS_MAX);
	return d->partitions[number];
}

/* --- taking over --- */

static enum result look_at_topics(struct delivery *d, struct partition *p,
				  const struct commit_note *note, int64_t *ret_routed_low,
				  struct error *e)
{
	int64_t attempts_low, unused;
	enum result r;

	r = bus_offsets(d->bus, TOPIC_ROUTED, p->number, DELIVERY_BUS_TIMEOUT_MS, ret_routed_low,
			&p->told_until);
	if (r == RESULT_OK)
		r = bus_offsets(d->bus, TOPIC_ATTEMPTS, p->number, DELIVERY_BUS_TIMEOUT_MS,
				&attempts_low, &unused);
	if (r != RESULT_OK)
		return error_set(e, r, "%s/%d: its offsets can't be learned", TOPIC_ROUTED,
				 p->number);

	p->attempts_from = MAX_OF(note->attempts_from, attempts_low);
	p->attempts_end = p->attempts_from;
	/* where retention was ahead of the commit, nobody knows whose the first attempts are */
	p->owner_before =
	    p->attempts_from > MAX_OF(note->attempts_from, 0) ? RESUME_ANYBODY : note->take_over;
	return RESULT_OK;
}

static void partition_free(struct partition *p)
{
	if (!p)
		return;
	assert(!p->tasks);
	progress_free(p->progress);
	prefix_free(&p->prefix);
	resume_free(&p->resume);
	free(p);
}

static struct partition *partition_new(const struct bus_assignment *a,
				       const struct commit_note *note)
{
	struct partition *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->number = a->partition;
	p->watermark = note->watermark;
	/* Nobody sends before a commit of its own stands: where there is none, nobody has. */
	p->was_clean = note->clean || a->committed < 0;
	p->note_stale = p->was_clean;
	prefix_start(&p->prefix, &note->watermark);
	return p;
}

int64_t delivery_on_assign(void *ctx, const struct bus_assignment *a, enum result *ret_result)
{
	struct delivery *d = ctx;
	struct commit_note note = {.attempts_from = -1};
	struct partition *p;
	struct error e = {0};
	int64_t routed_low = 0;
	enum result r;

	assert(a->partition < DELIVERY_PARTITIONS_MAX && !partition_at(d, a->partition));
	if (a->committed >= 0 && !commit_note_read(a->metadata, &note)) {
		delivery_fail(d, "%s/%d: the commit's metadata can't be read", a->topic,
			      a->partition);
		*ret_result = RESULT_FATAL;
		return -1;
	}
	p = partition_new(a, &note);
	r = look_at_topics(d, p, &note, &routed_low, &e);
	p->committed = MAX_OF(a->committed, routed_low);
	if (r == RESULT_OK)
		take_over_say(d, p);
	else
		delivery_fail(d, "%s", e.text);
	if (d->failed) {
		partition_free(p);
		*ret_result = RESULT_FATAL;
		return -1;
	}
	p->progress = progress_new(PREFIX_SPAN_MAX + DELIVERY_TAKE_MAX, p->committed);
	d->partitions[p->number] = p;
	d->notes_stale |= p->note_stale;
	log_info("partition_taken", LOG_INT("partition", p->number),
		 LOG_INT("committed", p->committed), LOG_INT("clean", p->was_clean));
	return p->committed;
}

/* --- commits --- */

static int session_ms(const struct delivery *d)
{
	return d->settings.session_ms > 0 ? d->settings.session_ms : BUS_SESSION_MS;
}

static void write_note(struct partition *p, bool clean, struct buf *out)
{
	int64_t next = progress_committable(p->progress);
	struct commit_note note = {.clean = clean};

	prefix_advance(&p->prefix, next);
	note.watermark = p->prefix.watermark;
	/* of records that may have been sent before and have not been taken yet, attempts may stand as far back as our own reading began */
	note.attempts_from = prefix_attempts_from(
	    &p->prefix, next < p->was_there_until ? p->attempts_from : p->attempts_end);
	note.take_over =
	    p->learnt && note.attempts_from >= p->take_over ? p->take_over : p->owner_before;
	commit_note_write(&note, out);
}

static bool commit_within(struct delivery *d, struct partition *p, bool clean, int timeout_ms)
{
	_cleanup_(buf_free) struct buf note = {.max = BUS_METADATA_MAX_BYTES};
	int64_t next = progress_committable(p->progress);

	write_note(p, clean, &note);
	if (note.failed) {
		delivery_fail(d, "%s/%d: the commit's metadata is too long", TOPIC_ROUTED,
			      p->number);
		return false;
	}
	if (bus_commit_now(d->consumer, TOPIC_ROUTED, p->number, next, buf_slice(&note),
			   timeout_ms) != RESULT_OK)
		return false;

	p->committed = next;
	return true;
}

static bool commit_now(struct delivery *d, struct partition *p, bool clean)
{
	return commit_within(d, p, clean, DELIVERY_COMMIT_TIMEOUT_MS);
}

/* For a session from a commit on that the group took nobody else owns the partitions; a sixth of it is for what is on its way. */
static bool was_held_lately(const struct delivery *d)
{
	int64_t since_ms = bus_held_since_ms(d->consumer);

	return since_ms > 0 && clock_monotonic_ms() < since_ms + session_ms(d) * 5 / 6;
}

/* Commits go out all the time where leads flow, so that this one is needed after a silence only. */
bool partitions_sure(struct delivery *d)
{
	if (was_held_lately(d) || fault_on("sends_unsure"))
		return true;
	for (size_t i = 0; i < DELIVERY_PARTITIONS_MAX; i++)
		if (d->partitions[i])
			return commit_within(d, d->partitions[i], false, DELIVERY_SURE_TRY_MS);
	return false;
}

bool partitions_refresh_notes(struct delivery *d)
{
	if (!d->notes_stale)
		return true;
	d->notes_stale = false;
	for (size_t i = 0; i < DELIVERY_PARTITIONS_MAX; i++) {
		struct partition *p = d->partitions[i];

		if (!p || !p->note_stale)
			continue;
		/* nothing of it was taken yet; once it is learnt, the commit can name its owner */
		p->note_stale = !p->learnt || !commit_now(d, p, false);
		d->notes_stale |= p->note_stale;
		if (p->note_stale && p->learnt)
			return false;
	}
	return true;
}

bool partitions_can_take(const struct delivery *d)
{
	for (size_t i = 0; i < DELIVERY_PARTITIONS_MAX; i++) {
		const struct partition *p = d->partitions[i];

		if (p &&
		    (p->take_over == 0 || prefix_full(&p->prefix) || progress_full(p->progress)))
			return false;
	}
	return true;
}

void partitions_commit(struct delivery *d, int64_t now_ms)
{
	if (now_ms - d->committed_at_ms < DELIVERY_COMMIT_EVERY_MS)
		return;
	d->committed_at_ms = now_ms;
	for (size_t i = 0; i < DELIVERY_PARTITIONS_MAX; i++) {
		_cleanup_(buf_free) struct buf note = {.max = BUS_METADATA_MAX_BYTES};
		struct partition *p = d->partitions[i];

		if (!p || progress_committable(p->progress) == p->committed)
			continue;
		write_note(p, false, &note);
		if (note.failed) {
			delivery_fail(d, "%s/%d: the commit's metadata is too long", TOPIC_ROUTED,
				      p->number);
			return;
		}
		p->committed = progress_committable(p->progress);
		bus_commit(d->consumer, TOPIC_ROUTED, p->number, p->committed, buf_slice(&note));
	}
}

/* What its predecessor may have had under way is not ended yet; the doubt stands in no attempt. */
static bool predecessor_in_doubt(const struct partition *p)
{
	return !p->was_clean &&
	       (!p->learnt || progress_committable(p->progress) < p->was_there_until);
}

/* Nothing of it may have reached an advertiser without being recorded. */
static bool nothing_under_way(const struct partition *p)
{
	if (p->interrupted || (predecessor_in_doubt(p) && !fault_on("doubt_forgotten")))
		return false;
	for (const struct task *t = p->tasks; t; t = t->next)
		if (t->state == TASK_SENDING || t->state == TASK_RECORDING)
			return false;
	return true;
}

bool partitions_commit_last(struct delivery *d)
{
	for (size_t i = 0; i < DELIVERY_PARTITIONS_MAX; i++)
		if (d->partitions[i] &&
		    !commit_now(d, d->partitions[i], nothing_under_way(d->partitions[i])))
			return false;
	return true;
}

/* --- giving away --- */

static void forget_tasks(struct delivery *d, struct partition *p)
{
	while (p->tasks)
		task_free(d, p->tasks);
}

void delivery_on_revoke(void *ctx, _unused_ const char *topic, int32_t partition, bool lost)
{
	struct delivery *d = ctx;
	struct partition *p = partition_at(d, partition);

	if (!p)
		return;
	/* a take-over that comes in behind the successor's would cost that one a start */
	if (!lost && p->take_over == 0 &&
	    bus_producer_flush(d->producer, DELIVERY_COMMIT_TIMEOUT_MS) != RESULT_OK)
		log_warn("take_over_left_behind", LOG_INT("partition", partition));
	if (!lost && !p->note_stale && !commit_now(d, p, nothing_under_way(p)))
		log_warn("last_commit_failed", LOG_INT("partition", partition));
	forget_tasks(d, p);
	d->partitions[partition] = NULL;
	partition_free(p);
	log_info("partition_left", LOG_INT("partition", partition), LOG_INT("lost", lost));
}

void partitions_free(struct delivery *d)
{
	for (size_t i = 0; i < DELIVERY_PARTITIONS_MAX; i++) {
		if (!d->partitions[i])
			continue;
		forget_tasks(d, d->partitions[i]);
		partition_free(d->partitions[i]);
		d->partitions[i] = NULL;
	}
}
