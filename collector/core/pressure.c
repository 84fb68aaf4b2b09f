/* pressure: see pressure.h. The pace is that of the best window of late, since Kafka is not always asked for all that it can do; what
 * an acknowledgement took counts for a sixteenth. */
#include "pressure.h"

#define WINDOW_US     100000
#define PACE_LEAST_US 20000 /* a window that is not over counts from then on */
#define TOOK_PARTS    16
#define SPAN_US       10000000
#define LOOKING_US    300000
#define LOOKING_PARTS 2 /* a half of what was quick before */
#define WAIT_QUICKS   3
#define LATE_PARTS    4 /* of the wait that is bound: who is acknowledged now came that much earlier */
#define CALM_WINDOWS  2 /* in which nobody was refused: the crowd is gone */
#define SLOW_WINDOWS  5 /* so long a tight bound has to show */
#define SLOW_TIMES    2 /* what it bounds */
#define VAIN_WINDOWS  30

static int64_t quicker(int64_t a_us, int64_t b_us)
{
	return a_us == 0 || (b_us && b_us < a_us) ? b_us : a_us;
}

static int64_t quick_us(const struct pressure *p)
{
	return quicker(p->quick_us, p->quick_before_us);
}

static int64_t wait_of_us(const struct pressure *p, int64_t least_us)
{
	int64_t quick = quick_us(p), wait_us = MAX_OF(WAIT_QUICKS * quick, least_us);

	if (quick == 0)
		return p->busy_after_us;
	return MAX_OF(MIN_OF(p->busy_after_us, wait_us), quick + quick / 2);
}

static bool is_tight(const struct pressure *p)
{
	return p->crowd && p->vain_windows == 0;
}

int64_t pressure_wait_us(const struct pressure *p)
{
	return wait_of_us(p, is_tight(p) ? PRESSURE_CROWD_WAIT_US : PRESSURE_WAIT_MIN_US);
}

static uint64_t pace_until(const struct pressure *p, int64_t now_us)
{
	return p->acks * 1000000 / (uint64_t)(now_us - p->from_us);
}

static uint64_t acks_per_s(const struct pressure *p)
{
	uint64_t best = 0;

	for (size_t i = 0; i < PRESSURE_WINDOWS; i++)
		best = MAX_OF(best, p->paces[i]);
	if (p->acked_us - p->from_us >= PACE_LEAST_US)
		best = MAX_OF(best, pace_until(p, p->acked_us));
	return best;
}

static bool late(const struct pressure *p)
{
	return p->took_us >= pressure_wait_us(p) / LATE_PARTS;
}

static void next_span(struct pressure *p, int64_t now_us)
{
	p->looking = late(p);
	p->quick_before_us = p->quick_us;
	p->quick_us = 0;
	p->span_from_us = now_us;
}

/* Few are let under way for a while, and even the quickest is not quick: it is Kafka that is slow, and not the crowd. By the quickest,
 * for one pause makes the many late; and for a while only, for with the wide bound everybody is late by it. */
static void watch_slow(struct pressure *p)
{
	bool slow =
	    is_tight(p) && p->acks_least_us > SLOW_TIMES * wait_of_us(p, PRESSURE_CROWD_WAIT_US);

	p->slow_windows = slow ? p->slow_windows + 1 : 0;
	if (p->slow_windows >= SLOW_WINDOWS)
		p->vain_windows = VAIN_WINDOWS;
	else if (p->vain_windows > 0)
		p->vain_windows--;
}

static void watch_crowd(struct pressure *p)
{
	watch_slow(p);
	p->calm_windows = p->refused ? 0 : p->calm_windows + 1;
	p->refused = false;
	p->crowd = p->crowd && p->calm_windows < CALM_WINDOWS;
}

static void next_window(struct pressure *p, int64_t now_us)
{
	int64_t mean_us = MAX_OF(p->acks_took_us / (int64_t)p->acks, 1);

	p->paces[p->window++ % PRESSURE_WINDOWS] = pace_until(p, now_us);
	p->quick_us = quicker(mean_us, p->quick_us);
	p->from_us = now_us;
	p->acks = 0;
	p->acks_took_us = 0;
	watch_crowd(p);
	if (now_us - p->span_from_us >= SPAN_US)
		next_span(p, now_us);
	else if (now_us - p->span_from_us >= LOOKING_US)
		p->looking = false;
}

void pressure_acked(struct pressure *p, int64_t now_us, int64_t took_us)
{
	if (!p->started) {
		p->started = true;
		p->from_us = p->span_from_us = p->acked_us = now_us;
	}
	if (p->idle) /* the pace is that of Kafka at work */
		p->from_us += MAX_OF(now_us - took_us - p->acked_us, 0);
	p->idle = false;
	p->acked_us = now_us;
	p->took_us += (took_us - p->took_us) / TOOK_PARTS;
	p->acks_least_us = p->acks ? MIN_OF(p->acks_least_us, took_us) : took_us;
	p->acks++;
	p->acks_took_us += took_us;
	if (now_us - p->from_us >= WINDOW_US)
		next_window(p, now_us);
}

static bool exceeds(const struct pressure *p, size_t under_way, int64_t wait_us)
{
	return under_way * 1000000 / (size_t)wait_us > acks_per_s(p);
}

/* In a crowd less than was quick before: what waits then is as long as the queue that is let in, and never found quicker. */
static bool is_more_than_looking_takes(const struct pressure *p, size_t under_way)
{
	int64_t quick = p->crowd ? MAX_OF(quick_us(p) / LOOKING_PARTS, 1) : quick_us(p);

	return under_way >= PRESSURE_LOOKING_MIN && exceeds(p, under_way, quick);
}

static bool is_too_much(const struct pressure *p, size_t under_way)
{
	size_t few = is_tight(p) ? PRESSURE_CROWD_MIN : PRESSURE_UNDER_WAY_MIN;

	if (p->busy_after_us == 0)
		return false;
	if (p->looking)
		return is_more_than_looking_takes(p, under_way);
	return under_way >= few && late(p) && exceeds(p, under_way, pressure_wait_us(p));
}

bool pressure_has_batch_room(const struct pressure *p, size_t under_way)
{
	if (p->looking)
		return !is_more_than_looking_takes(p, under_way);
	return p->busy_after_us == 0 || under_way < PRESSURE_UNDER_WAY_MIN ||
	       !exceeds(p, under_way, wait_of_us(p, PRESSURE_BATCH_WAIT_US));
}

bool pressure_is_high(struct pressure *p, size_t under_way)
{
	bool high;

	if (under_way == 0) { /* what was late before is over */
		p->idle = true;
		p->took_us = 0;
	}
	high = is_too_much(p, under_way);
	p->refused |= high;
	p->crowd |= high;
	return high;
}
