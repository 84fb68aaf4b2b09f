/* pressure: see pressure.h. The pace is counted in windows and halved into the last one; what an acknowledgement took counts for
 * a sixteenth. */
#include "pressure.h"

#define WINDOW_US   100000
#define TOOK_PARTS  16
#define SPAN_US     10000000
#define LOOKING_US  300000
#define WAIT_QUICKS 3

static int64_t quicker(int64_t a_us, int64_t b_us)
{
	return a_us == 0 || (b_us && b_us < a_us) ? b_us : a_us;
}

static int64_t quick_us(const struct pressure *p)
{
	return quicker(p->quick_us, p->quick_before_us);
}

int64_t pressure_wait_us(const struct pressure *p)
{
	int64_t quick = quick_us(p), wait_us = MAX_OF(WAIT_QUICKS * quick, PRESSURE_WAIT_MIN_US);

	if (quick == 0)
		return p->busy_after_us;
	return MAX_OF(MIN_OF(p->busy_after_us, wait_us), quick + quick / 2);
}

static bool late(const struct pressure *p)
{
	return p->took_us >= pressure_wait_us(p) / 2;
}

static void next_span(struct pressure *p, int64_t now_us)
{
	p->looking = late(p);
	p->quick_before_us = p->quick_us;
	p->quick_us = 0;
	p->span_from_us = now_us;
}

static void next_window(struct pressure *p, int64_t now_us)
{
	uint64_t pace = p->acks * 1000000 / (uint64_t)(now_us - p->from_us);
	int64_t mean_us = MAX_OF(p->acks_took_us / (int64_t)p->acks, 1);

	p->acks_per_s = p->acks_per_s ? (p->acks_per_s + pace) / 2 : pace;
	p->quick_us = quicker(mean_us, p->quick_us);
	p->from_us = now_us;
	p->acks = 0;
	p->acks_took_us = 0;
	if (now_us - p->span_from_us >= SPAN_US)
		next_span(p, now_us);
	else if (now_us - p->span_from_us >= LOOKING_US)
		p->looking = false;
}

void pressure_acked(struct pressure *p, int64_t now_us, int64_t took_us)
{
	if (!p->started) {
		p->started = true;
		p->from_us = p->span_from_us = now_us;
	}
	p->took_us += (took_us - p->took_us) / TOOK_PARTS;
	p->acks++;
	p->acks_took_us += took_us;
	if (now_us - p->from_us >= WINDOW_US)
		next_window(p, now_us);
}

bool pressure_is_high(const struct pressure *p, size_t under_way)
{
	size_t few = p->looking ? PRESSURE_LOOKING_MIN : PRESSURE_UNDER_WAY_MIN;
	int64_t wait_us = p->looking ? quick_us(p) : pressure_wait_us(p);

	if (p->busy_after_us == 0 || under_way < few)
		return false;
	if (!p->looking && !late(p))
		return false;
	return under_way * 1000000 / (size_t)wait_us > p->acks_per_s;
}
