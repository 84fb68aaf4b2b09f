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

void queue_push(struct task *t)
{
	struct advertiser *a = t->advertiser;

	t->state = TASK_READY;
	t->queue_next = NULL;
	t->queue_prev = a->last;
	if (a->last)
		a->last->queue_next = t;
	else
		a->first = t;
	a->last = t;
}

void queue_remove(struct task *t)
{
	struct advertiser *a = t->advertiser;

	if (t->queue_prev)
		t->queue_prev->queue_next = t->queue_next;
	else
		a->first = t->queue_next;
	if (t->queue_next)
		t->queue_next->queue_prev = t->queue_prev;
	else
		a->last = t->queue_prev;
	t->queue_prev = t->queue_next = NULL;
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
		if (!a->first || a->in_flight >= places(d, a))
			continue;
		wait_us = rate_wait_us(&a->rate, per_s(d, a), now_us());
		if (wait_us > 0) {
			*ret_wait_us = *ret_wait_us < 0 ? wait_us : MIN_OF(*ret_wait_us, wait_us);
			continue;
		}
		t = a->first;
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
	free(d->heap);
}

/* --- due times --- */

static void heap_set(struct delivery *d, size_t at, struct task *t)
{
	d->heap[at] = t;
	t->heap_at = at;
}

static void sift_up(struct delivery *d, size_t at, struct task *t)
{
	while (at > 1 && d->heap[at / 2]->due_ms > t->due_ms) {
		heap_set(d, at, d->heap[at / 2]);
		at /= 2;
	}
	heap_set(d, at, t);
}

static void sift_down(struct delivery *d, size_t at, struct task *t)
{
	for (;;) {
		size_t child = at * 2;

		if (child > d->heap_count)
			break;
		if (child < d->heap_count && d->heap[child + 1]->due_ms < d->heap[child]->due_ms)
			child++;
		if (d->heap[child]->due_ms >= t->due_ms)
			break;
		heap_set(d, at, d->heap[child]);
		at = child;
	}
	heap_set(d, at, t);
}

void heap_push(struct delivery *d, struct task *t)
{
	if (d->heap_count + 1 >= d->heap_cap) {
		d->heap_cap = d->heap_cap ? d->heap_cap * 2 : 256;
		d->heap = realloc(d->heap, d->heap_cap * sizeof(*d->heap));
		if (!d->heap)
			abort();
	}
	sift_up(d, ++d->heap_count, t);
}

void heap_remove(struct delivery *d, struct task *t)
{
	size_t at = t->heap_at;
	struct task *last = d->heap[d->heap_count];

	assert(at >= 1 && at <= d->heap_count && d->heap[at] == t);
	d->heap_count--;
	t->heap_at = 0;
	if (last == t)
		return;
	if (at > 1 && d->heap[at / 2]->due_ms > last->due_ms)
		sift_up(d, at, last);
	else
		sift_down(d, at, last);
}

struct task *heap_due(struct delivery *d, int64_t now_ms)
{
	struct task *t = d->heap_count > 0 ? d->heap[1] : NULL;

	if (!t || t->due_ms > now_ms)
		return NULL;
	heap_remove(d, t);
	return t;
}

int64_t heap_next_ms(const struct delivery *d)
{
	return d->heap_count > 0 ? d->heap[1]->due_ms : -1;
}
