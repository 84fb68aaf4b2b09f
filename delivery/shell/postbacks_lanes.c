/* postbacks_lanes: who may send next, and who waits until when. */
#include <stdlib.h>
#include <string.h>

#include "postbacks_internal.h"
#include "runtime/clock.h"

struct pb_host *pb_host_of(struct postbacks *pb, struct slice host)
{
	struct pb_host *h = map_get(&pb->hosts, host);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		abort();
	map_put(&pb->hosts, host, h);
	return h;
}

struct pb_lane *pb_lane_of(struct postbacks *pb, const char *aff_id, struct slice host)
{
	_cleanup_(buf_free) struct buf key = {0};
	struct pb_lane *l;

	buf_printf(&key, "%s " SLICE_FMT, aff_id, SLICE_ARG(host));
	l = map_get(&pb->lanes, buf_slice(&key));
	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l || !(l->aff_id = strdup(aff_id)))
		abort();
	l->host = pb_host_of(pb, host);
	map_put(&pb->lanes, buf_slice(&key), l);
	return l;
}

static void lane_is_ready(struct postbacks *pb, struct pb_lane *l)
{
	if (l->is_ready)
		return;
	l->is_ready = true;
	l->next_ready = NULL;
	if (pb->ready_last)
		pb->ready_last->next_ready = l;
	else
		pb->ready_first = l;
	pb->ready_last = l;
	pb->ready_lanes++;
}

static struct pb_lane *lane_take(struct postbacks *pb)
{
	struct pb_lane *l = pb->ready_first;

	pb->ready_first = l->next_ready;
	if (!pb->ready_first)
		pb->ready_last = NULL;
	l->is_ready = false;
	pb->ready_lanes--;
	return l;
}

void pb_ready(struct postbacks *pb, struct pb_task *t)
{
	struct pb_lane *l = t->lane;

	t->state = PB_READY;
	t->queue_next = NULL;
	t->queue_prev = l->last;
	if (l->last)
		l->last->queue_next = t;
	else
		l->first = t;
	l->last = t;
	lane_is_ready(pb, l);
}

void pb_unready(struct pb_task *t)
{
	struct pb_lane *l = t->lane;

	if (t->queue_prev)
		t->queue_prev->queue_next = t->queue_next;
	else
		l->first = t->queue_next;
	if (t->queue_next)
		t->queue_next->queue_prev = t->queue_prev;
	else
		l->last = t->queue_prev;
	t->queue_prev = t->queue_next = NULL;
}

/* Lanes take turns; one whose host has all its places in use goes to the end. */
struct pb_task *pb_next(struct postbacks *pb)
{
	for (size_t left = pb->ready_lanes; left > 0; left--) {
		struct pb_lane *l = lane_take(pb);
		struct pb_task *t = l->first;

		if (!t)
			continue;
		if (l->host->in_flight >= pb->settings.host_in_flight_max) {
			lane_is_ready(pb, l);
			continue;
		}
		pb_unready(t);
		if (l->first)
			lane_is_ready(pb, l);
		return t;
	}
	return NULL;
}

/* --- what waits --- */

static void on_due(uv_timer_t *timer)
{
	struct postbacks *pb = timer->data;
	int64_t now_ms = clock_now_ms();
	struct due *first;

	while ((first = due_first(&pb->waiting)) && first->at_ms <= now_ms) {
		due_remove(&pb->waiting, first);
		pb_ready(pb, due_of(first, struct pb_task, due));
	}
	pb_dispatch(pb);
	first = due_first(&pb->waiting);
	if (first)
		uv_timer_start(
		    timer, on_due,
		    (uint64_t)MIN_OF(MAX_OF(first->at_ms - now_ms, 1), POSTBACKS_LOOK_MS), 0);
}

void pb_wait(struct postbacks *pb, struct pb_task *t, int64_t due_ms)
{
	t->state = PB_WAITING;
	due_add(&pb->waiting, &t->due, due_ms);
	if (due_first(&pb->waiting) != &t->due)
		return;
	uv_update_time(pb->loop);
	uv_timer_start(&pb->due_timer, on_due,
		       (uint64_t)MIN_OF(MAX_OF(due_ms - clock_now_ms(), 0), POSTBACKS_LOOK_MS), 0);
}

static void free_values(struct map *m, void (*wipe)(void *value))
{
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(m, i, &key, &value); i++) {
		wipe(value);
		free(value);
	}
	map_free(m);
}

static void wipe_lane(void *value)
{
	free(((struct pb_lane *)value)->aff_id);
}

static void wipe_host(_unused_ void *value)
{
}

static void wipe_signer(void *value)
{
	signer_forget(value);
}

void pb_lanes_free(struct postbacks *pb)
{
	free_values(&pb->lanes, wipe_lane);
	free_values(&pb->hosts, wipe_host);
	free_values(&pb->signers, wipe_signer);
	due_free(&pb->waiting);
}
