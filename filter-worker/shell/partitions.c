/* partitions: see partitions.h. */
#include "partitions.h"

#include <stdlib.h>

#include "runtime/progress.h"

#define NO_FLIGHT UINT32_MAX

static void make_room(struct partitions *ps, size_t count)
{
	if (count <= ps->count)
		return;
	ps->at = realloc(ps->at, count * sizeof(*ps->at));
	assert(ps->at);
	for (size_t i = ps->count; i < count; i++)
		ps->at[i] = (struct partition){0};
	ps->count = count;
}

void partitions_assign(struct partitions *ps, int32_t number, int64_t start, size_t max_open)
{
	assert(number >= 0);
	make_room(ps, (size_t)number + 1);

	struct partition *p = &ps->at[number];
	int64_t next = MAX_OF(start, 0);

	progress_free(p->progress);
	*p = (struct partition){
	    .owned = true,
	    .generation = p->generation + 1,
	    .seen = next - 1,
	    .committed = next,
	    .progress = progress_new(max_open, next),
	};
}

void partitions_revoke(struct partitions *ps, int32_t number)
{
	struct partition *p = partitions_owned(ps, number);

	if (!p)
		return;
	progress_free(p->progress);
	p->progress = NULL;
	p->owned = false;
}

void partitions_free(struct partitions *ps)
{
	for (size_t i = 0; i < ps->count; i++)
		progress_free(ps->at[i].progress);
	free(ps->at);
	*ps = (struct partitions){0};
}

struct partition *partitions_owned(struct partitions *ps, int32_t number)
{
	if (number < 0 || (size_t)number >= ps->count || !ps->at[number].owned)
		return NULL;
	return &ps->at[number];
}

struct partition *partitions_still(struct partitions *ps, int32_t number, uint32_t generation)
{
	struct partition *p = partitions_owned(ps, number);

	return p && p->generation == generation ? p : NULL;
}

void flights_init(struct flights *f, size_t max)
{
	assert(max > 0 && max < NO_FLIGHT);
	f->at = calloc(max, sizeof(*f->at));
	assert(f->at);
	f->max = max;
	for (size_t i = 0; i < max; i++)
		f->at[i].next_free = i + 1 < max ? (uint32_t)(i + 1) : NO_FLIGHT;
}

void flights_free(struct flights *f)
{
	free(f->at);
	*f = (struct flights){0};
}

uint64_t flights_take(struct flights *f, const struct flight *flight)
{
	uint32_t i = f->first_free;

	if (i == NO_FLIGHT)
		return 0;
	f->first_free = f->at[i].next_free;
	f->at[i] = *flight;
	f->used++;
	return (uint64_t)i + 1;
}

struct flight flights_land(struct flights *f, uint64_t token)
{
	assert(token > 0 && token <= f->max && f->used > 0);

	uint32_t i = (uint32_t)(token - 1);
	struct flight landed = f->at[i];

	f->at[i].next_free = f->first_free;
	f->first_free = i;
	f->used--;
	return landed;
}
