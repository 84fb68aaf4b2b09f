/* gate: see bus_kafka_gate.h. */
#include "bus_kafka_gate.h"

#include <stdlib.h>

#include "fault.h"

bool gate_lets(struct kafka_gate *g, int64_t now_ms)
{
	if (g->first)
		return false; /* behind what waits already */
	if (g->state == GATE_OPEN && g->under_way == 0 && now_ms - g->stored_at_ms > GATE_QUIET_MS)
		g->state = GATE_FRESH;
	if (g->state == GATE_ALONE && !fault_on("first_not_alone"))
		return false;
	if (g->state == GATE_FRESH)
		g->state = GATE_ALONE;
	g->under_way++;
	return true;
}

void gate_refused(struct kafka_gate *g)
{
	g->under_way--;
	if (g->state == GATE_ALONE && g->under_way == 0)
		g->state = GATE_FRESH;
}

void gate_hold(struct kafka_gate *g, uint32_t slot, struct slice key, const char *type,
	       struct slice value)
{
	struct gate_held *h = malloc(sizeof(*h) + key.len + value.len);

	if (!h)
		abort();
	*h = (struct gate_held){
	    .type = type, .slot = slot, .key_len = key.len, .value_len = value.len};
	if (key.len)
		memcpy(h->bytes, key.data, key.len);
	if (value.len)
		memcpy(h->bytes + key.len, value.data, value.len);
	if (!g->first)
		g->last = &g->first;
	*g->last = h;
	g->last = &h->next;
}

void gate_stored(struct kafka_gate *g, int64_t at_ms)
{
	assert(g->under_way > 0);
	g->under_way--;
	g->stored_at_ms = MAX_OF(g->stored_at_ms, at_ms);
	g->state = GATE_OPEN;
}

struct gate_held *gate_next(struct kafka_gate *g, int64_t now_ms)
{
	struct gate_held *h = g->first;

	if (!h)
		return NULL;
	g->first = NULL; /* nobody is before it any more */
	if (gate_lets(g, now_ms)) {
		g->first = h->next;
		h->next = NULL;
		return h;
	}
	g->first = h;
	return NULL;
}

void gate_drop(struct kafka_gate *g)
{
	for (struct gate_held *h = g->first, *next; h; h = next) {
		next = h->next;
		free(h);
	}
	g->first = NULL;
}
