/* stage: takes batches, hands the records to their parts one by one, commits what is finished.
 *
 * A batch is held until its last record is done: where a record has to wait (for room, for the directory), the group is
 * served meanwhile with an empty take. Records of a part that left while they were held are dropped: the part may come
 * back and start elsewhere. */
#include <stdlib.h>

#include "router.h"
#include "runtime/clock.h"
#include "runtime/log.h"

#define COMMIT_NOW_MS 2000

static struct part *stage_part(const struct stage *s, int32_t partition)
{
	for (size_t i = 0; i < s->part_count; i++) {
		if (s->parts[i]->partition == partition)
			return s->parts[i];
	}
	return NULL;
}

static int64_t on_assign(void *ctx, const struct bus_assignment *a, enum result *ret_result)
{
	struct stage *s = ctx;
	struct part *p;
	int64_t start;

	if (s->part_count == ROUTER_PARTS_MAX) {
		log_error("too_many_partitions", LOG_STR("topic", a->topic));
		*ret_result = RESULT_FATAL;
		return -1;
	}
	assert(!stage_part(s, a->partition));
	p = part_new(s, a->partition);
	p->committed = a->committed;
	start = s->ops->arrive(p, a);
	p->next = MAX_OF(start, 0);
	p->progress = progress_new(ROUTER_OPEN_MAX, p->next);
	s->parts[s->part_count++] = p;
	log_info("partition_assigned", LOG_STR("topic", a->topic),
		 LOG_INT("partition", a->partition), LOG_INT("committed", a->committed),
		 LOG_INT("start", start));
	return start;
}

static void part_commit(struct part *p, bool now)
{
	struct stage *s = p->stage;
	_cleanup_(buf_free) struct buf metadata = {0};
	int64_t next = progress_committable(p->progress);

	if (next <= p->committed || next == 0)
		return;
	if (s->ops->metadata)
		s->ops->metadata(p, next, &metadata);
	p->committed = next;
	if (!now)
		bus_commit(s->consumer, s->ops->topic, p->partition, next, buf_slice(&metadata));
	else if (bus_commit_now(s->consumer, s->ops->topic, p->partition, next,
				buf_slice(&metadata), COMMIT_NOW_MS) != RESULT_OK)
		log_warn("commit_failed", LOG_STR("topic", s->ops->topic),
			 LOG_INT("partition", p->partition), LOG_INT("next", next));
}

static void on_revoke(void *ctx, const char *topic, int32_t partition, bool lost)
{
	struct stage *s = ctx;
	struct part *p = stage_part(s, partition);

	if (!p)
		return;
	if (!lost)
		part_commit(p, true);
	for (size_t i = s->batch_at; i < s->batch_count; i++) {
		if (s->batch[i].partition == partition)
			s->dropped[i] = true;
	}
	for (size_t i = 0; i < s->part_count; i++) {
		if (s->parts[i] == p) {
			s->parts[i] = s->parts[--s->part_count];
			break;
		}
	}
	log_info("partition_revoked", LOG_STR("topic", topic), LOG_INT("partition", partition),
		 LOG_INT("lost", lost));
	part_leave(p);
}

enum result stage_open(struct stage *s, struct router *r, const struct stage_ops *ops,
		       struct error *ret_error)
{
	s->router = r;
	s->ops = ops;
	s->consumer = bus_consumer_open(r->bus,
					&(struct bus_consumer_options){
					    .group = ops->group,
					    .instance_id = r->service->instance,
					    .topics = &s->ops->topic,
					    .topic_count = 1,
					    .gather_ms = r->gather_ms,
					    .on_assign = on_assign,
					    .on_revoke = on_revoke,
					    .ctx = s,
					},
					ret_error);
	if (!s->consumer)
		return RESULT_AWAY;
	service_watch(r->service, bus_consumer_fd(s->consumer));
	return RESULT_OK;
}

/* The take has no room for more records while some are held; it only serves the group then. */
static void take(struct stage *s, size_t most)
{
	struct bus_record none[1];
	bool held = s->batch_at < s->batch_count;
	struct error error;
	size_t count = 0;

	if (!held) {
		bus_release(s->consumer, s->batch, s->batch_count);
		s->batch_at = s->batch_count = 0;
	}
	if (bus_take(s->consumer, held ? none : s->batch, held ? 0 : most, &count, &error) ==
	    RESULT_FATAL)
		service_die(s->router->service, "%s", error.text);
	if (held)
		return;
	s->batch_count = count;
	for (size_t i = 0; i < count; i++)
		s->dropped[i] = false;
}

static bool part_has_room(const struct part *p)
{
	return router_has_room(p->stage->router) && !progress_full(p->progress) &&
	       !(p->stage->ops->full && p->stage->ops->full(p));
}

enum turn stage_turn(struct stage *s)
{
	enum turn turn = TURN_IDLE;

	if (s->batch_at == s->batch_count)
		take(s, s->router->service->draining ? 0 : ROUTER_BATCH);
	while (s->batch_at < s->batch_count && !s->router->service->draining) {
		const struct bus_record *record = &s->batch[s->batch_at];
		struct part *p = s->dropped[s->batch_at] ? NULL : stage_part(s, record->partition);

		if (p && record->offset >= p->next) {
			if (!part_has_room(p))
				break;
			arena_reset(&s->router->arena);
			if (s->ops->record(p, record) == STEP_WAIT) {
				turn = TURN_WAIT;
				break;
			}
			p->next = record->offset + 1;
		}
		s->batch_at++;
		turn = TURN_BUSY;
	}
	if (s->batch_at < s->batch_count)
		take(s, 0);
	return turn;
}

void stage_commit(struct stage *s, bool now)
{
	int64_t now_ms = clock_monotonic_ms();

	if (!now && now_ms - s->committed_at_ms < ROUTER_COMMIT_MS)
		return;
	s->committed_at_ms = now_ms;
	for (size_t i = 0; i < s->part_count; i++)
		part_commit(s->parts[i], now);
}

void stage_close(struct stage *s)
{
	if (!s->consumer)
		return;
	bus_release(s->consumer, s->batch, s->batch_count);
	s->batch_at = s->batch_count = 0;
	bus_consumer_close(s->consumer); /* may call on_revoke */
	while (s->part_count > 0)
		part_leave(s->parts[--s->part_count]);
	s->consumer = NULL;
}
