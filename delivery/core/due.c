/* due: see due.h. */
#include "due.h"

#include <stdlib.h>

#include "base/room.h"

static void put(struct due_heap *h, size_t place, struct due *d)
{
	h->entries[place] = d;
	d->place = place;
}

static void sift_up(struct due_heap *h, size_t place, struct due *d)
{
	for (; place > 1 && h->entries[place / 2]->at_ms > d->at_ms; place /= 2)
		put(h, place, h->entries[place / 2]);
	put(h, place, d);
}

static void sift_down(struct due_heap *h, size_t place, struct due *d)
{
	for (;;) {
		size_t child = place * 2;

		if (child > h->count)
			break;
		if (child < h->count && h->entries[child + 1]->at_ms < h->entries[child]->at_ms)
			child++;
		if (h->entries[child]->at_ms >= d->at_ms)
			break;
		put(h, place, h->entries[child]);
		place = child;
	}
	put(h, place, d);
}

void due_add(struct due_heap *h, struct due *d, int64_t at_ms)
{
	assert(d->place == 0);
	h->count++;
	h->entries = room_for_one(h->entries, h->count, &h->cap, sizeof(struct due *));
	d->at_ms = at_ms;
	sift_up(h, h->count, d);
}

void due_remove(struct due_heap *h, struct due *d)
{
	size_t place = d->place;
	struct due *last = h->entries[h->count];

	assert(place >= 1 && place <= h->count && h->entries[place] == d);
	h->count--;
	d->place = 0;
	if (last == d)
		return;
	if (place > 1 && h->entries[place / 2]->at_ms > last->at_ms)
		sift_up(h, place, last);
	else
		sift_down(h, place, last);
}

struct due *due_first(const struct due_heap *h)
{
	return h->count > 0 ? h->entries[1] : NULL;
}

void due_free(struct due_heap *h)
{
	free(h->entries);
	*h = (struct due_heap){0};
}
