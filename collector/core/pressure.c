/* pressure: see pressure.h. The pace is counted in windows and halved into the last one; what an acknowledgement took counts for
 * a sixteenth. */
#include "pressure.h"

#define WINDOW_US  100000
#define TOOK_PARTS 16

static void next_window(struct pressure *p, int64_t now_us)
{
	uint64_t pace = p->acks * 1000000 / (uint64_t)(now_us - p->from_us);

	p->acks_per_s = p->acks_per_s ? (p->acks_per_s + pace) / 2 : pace;
	p->from_us = now_us;
	p->acks = 0;
}

void pressure_acked(struct pressure *p, int64_t now_us, int64_t took_us)
{
	if (!p->started) {
		p->started = true;
		p->from_us = now_us;
	}
	p->took_us += (took_us - p->took_us) / TOOK_PARTS;
	p->acks++;
	if (now_us - p->from_us >= WINDOW_US)
		next_window(p, now_us);
}

bool pressure_is_high(const struct pressure *p, size_t under_way)
{
	if (p->busy_after_us == 0 || under_way < PRESSURE_UNDER_WAY_MIN)
		return false;
	if (p->took_us < p->busy_after_us / 2)
		return false;
	return under_way * 1000000 / (size_t)p->busy_after_us > p->acks_per_s;
}
