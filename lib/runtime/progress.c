/* progress: a ring of open entries in the order of their offsets; the finished ones at its head fall off.
 *
 * A token is the entry's number, counted from 1 and never used again. An entry that nobody held is finished.
 * A token that is not open is a bug of the caller's, and asserted. */
#include "progress.h"

#include <stdlib.h>

#include "fault.h"

struct entry {
	int64_t offset;
	uint32_t holds;
	bool held; /* it had a hold at some time */
};

struct progress {
	struct entry *ring;
	size_t max_open, unfinished;
	uint64_t first, next; /* tokens: the oldest one still in the ring, the one to be given */
	int64_t base;         /* committable when the ring is empty */
	int64_t opened;       /* after the highest offset that was opened */
};

struct progress *progress_new(size_t max_open, int64_t next_offset)
{
	struct progress *p = calloc(1, sizeof(*p));

	assert(p && max_open > 0);
	p->ring = calloc(max_open, sizeof(*p->ring));
	assert(p->ring);
	p->max_open = max_open;
	p->first = p->next = 1;
	p->base = p->opened = next_offset;
	return p;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	free(p->ring);
	free(p);
}

static struct entry *entry_of(const struct progress *p, uint64_t token)
{
	return &p->ring[token % p->max_open];
}

/* The newest entry stays while nobody has held it: its owner may be about to. */
static void drop_finished(struct progress *p)
{
	while (p->first < p->next) {
		const struct entry *e = entry_of(p, p->first);

		if (e->holds > 0 || (!e->held && p->first + 1 == p->next))
			return;
		p->base = e->offset + 1;
		p->first++;
	}
}

uint64_t progress_open(struct progress *p, int64_t offset)
{
	assert(offset >= p->opened);
	if (progress_full(p))
		return 0;
	if (p->first < p->next)
		entry_of(p, p->next - 1)->held = true; /* no longer the newest */
	drop_finished(p);
	assert(p->next - p->first < p->max_open);

	*entry_of(p, p->next) = (struct entry){.offset = offset};
	p->next++;
	p->opened = offset + 1;
	return p->next - 1;
}

void progress_hold(struct progress *p, uint64_t token)
{
	struct entry *e = entry_of(p, token);

	assert(token >= p->first && token < p->next);
	p->unfinished += e->holds == 0;
	e->holds++;
	e->held = true;
}

void progress_release(struct progress *p, uint64_t token)
{
	struct entry *e = entry_of(p, token);

	assert(token >= p->first && token < p->next && e->holds > 0);
	e->holds--;
	p->unfinished -= e->holds == 0;
	drop_finished(p);
}

int64_t progress_committable(const struct progress *p)
{
	if (fault_on("commit_before_ack"))
		return p->opened;
	if (p->first == p->next)
		return p->base;
	/* What stands at the head is unfinished, or the newest one, which nobody held. */
	if (entry_of(p, p->first)->holds == 0)
		return entry_of(p, p->first)->offset + 1;
	return entry_of(p, p->first)->offset;
}

bool progress_full(const struct progress *p)
{
	/* A full ring has room all the same when its head is finished and only stays because it is the newest. */
	return p->next - p->first >= p->max_open && entry_of(p, p->first)->holds > 0;
}

size_t progress_unfinished(const struct progress *p)
{
	return p->unfinished;
}
