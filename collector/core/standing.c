/* standing: see standing.h. A span ends with an acknowledgement, so that one in which Kafka is silent is long, and its pace is low. */
#include "standing.h"

#define SPAN_US     5000
#define GROWN_SPANS 2
#define GROWS_PARTS 4 /* of what is stored meanwhile: so much more comes, at least */
#define PACE_QUARTERS                                                                              \
	3 /* of the best pace: less, and it is Kafka that is slow, and not the crowd that is large */

void standing_saw(struct standing *s, size_t under_way)
{
	s->least = s->seen ? MIN_OF(s->least, under_way) : under_way;
	s->seen = true;
}

static bool grows(const struct standing *s, int64_t late_us)
{
	if (!s->seen || !s->seen_before || s->least_took_us < late_us)
		return false;
	return s->least > s->least_before && (s->least - s->least_before) * GROWS_PARTS >= s->acks;
}

static void next_span(struct standing *s, int64_t now_us)
{
	s->from_us = now_us;
	s->least_before = s->least;
	s->seen_before = s->seen;
	s->seen = false;
	s->acks = 0;
	s->least_took_us = 0;
}

static bool at_full_pace(const struct standing *s, int64_t now_us, uint64_t pace)
{
	uint64_t us = (uint64_t)(now_us - s->run_from_us);

	return s->run_acks * 1000000 * 4 >= pace * us * PACE_QUARTERS;
}

bool standing_acked(struct standing *s, int64_t now_us, int64_t took_us, uint64_t pace,
		    int64_t late_us)
{
	s->least_took_us = s->acks ? MIN_OF(s->least_took_us, took_us) : took_us;
	s->acks++;
	if (now_us - s->from_us < SPAN_US)
		return false;
	if (grows(s, late_us)) {
		s->grown++;
		s->run_acks += s->acks;
	} else {
		s->grown = 0;
		s->run_acks = 0;
		s->run_from_us = now_us;
	}
	next_span(s, now_us);
	return s->grown >= GROWN_SPANS && at_full_pace(s, now_us, pace);
}
