/* queues: who is handed over next.
 *
 * Due times stand in one heap. What is due joins its advertiser's queue; the advertisers take turns, each up to its own
 * number of webhooks at once, so that a slow one fills its own places and nobody else's. */
#include <stdlib.h>

#include "internal.h"

/* --- advertisers --- */

struct advertiser *queue_of(struct delivery *d, struct slice advertiser_id)
{
	struct advertiser *a = map_get(&d->advertisers, advertiser_id);

	if (a)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a ||
	    !(a->id = strndup(advertiser_id.data ? advertiser_id.data : "", advertiser_id.len)))
		abort();
	map_put(&d->advertisers, advertiser_id, a);
	return a;
}

void task_list_add(struct task_list *l, struct task *t)
{
	t->queue_next = NULL;
	t->queue_prev = l->last;
	if (l->last)
		l->last->queue_next = t;
	else
		l->first = t;
	l->last = t;
}

void task_list_remove(struct task_list *l, struct task *t)
{
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

void queue_push(struct task *t)
{
	t->state = TASK_READY;
	task_list_add(&t->advertiser->ready, t);
}

void queue_remove(struct task *t)
{
	task_list_remove(&t->advertiser->ready, t);
}

static size_t places(const struct delivery *d, const struct advertiser *a)
{
	const Punnet__V1__DirectoryEntry *e =
	    directory_get(d->directory, "advertiser", slice_cstr(a->id));
	uint32_t own = e && e->advertiser ? e->advertiser->max_in_flight : 0;

	return own ? own : d->settings.advertiser_in_flight_max;
}

static int64_t now_us(void)
{
	return (int64_t)(uv_hrtime() / 1000);
}

static uint32_t per_s(const struct delivery *d, const struct advertiser *a)
{
	const Punnet__V1__DirectoryEntry *e =
	    directory_get(d->directory, "advertiser", slice_cstr(a->id));

	return e && e->advertiser ? e->advertiser->deliveries_per_s : 0;
}

void queue_count_sent(struct delivery *d, struct advertiser *a)
{
	rate_take(&a->rate, per_s(d, a), now_us());
}

struct task *queue_next(struct delivery *d, int64_t *ret_wait_us)
{
	size_t count = map_count(&d->advertisers);

	*ret_wait_us = -1;

	for (size_t i = 0; i < count; i++) {
		struct advertiser *a;
		struct slice id;
		void *value = NULL;
		int64_t wait_us;
		struct task *t;

		d->advertiser_turn = (d->advertiser_turn + 1) % count;
		(void)map_at(&d->advertisers, d->advertiser_turn, &id, &value);
		a = value;
		if (!a->ready.first || a->in_flight >= places(d, a))
			continue;
		wait_us = rate_wait_us(&a->rate, per_s(d, a), now_us());
		if (wait_us > 0) {
			*ret_wait_us = *ret_wait_us < 0 ? wait_us : MIN_OF(*ret_wait_us, wait_us);
			continue;
		}
		t = a->ready.first;
		queue_remove(t);
		return t;
	}
	return NULL;
}

void queues_free(struct delivery *d)
{
	struct slice id;
	void *value;

	for (size_t i = 0; map_at(&d->advertisers, i, &id, &value); i++) {
		struct advertiser *a = value;

		signer_forget(&a->signer);
		free(a->id);
		free(a);
	}
	map_free(&d->advertisers);
	due_free(&d->waiting);
}
