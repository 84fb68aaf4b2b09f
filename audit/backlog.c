/* backlog: see backlog.h. What can't be learned is asked again; that servers are away is said by the rounds. */
#include "backlog.h"

#include "alerts.h"
#include "runtime/clock.h"

#define EVERY_MS 2000

static void work(uv_work_t *w)
{
	struct backlog *b = w->data;

	b->result = RESULT_AWAY;
	if (!b->bus)
		b->bus = bus_open(config_text(b->service->config, "common", "kafka"),
				  b->service->instance, &b->error);
	if (b->bus)
		b->result =
		    audit_backlog_read(b->bus, b->settings, clock_now_ms(), b->stages, &b->error);
}

static void after(uv_work_t *w, _unused_ int status)
{
	struct backlog *b = w->data;

	b->working = false;
	b->next_ms = clock_monotonic_ms() + EVERY_MS;
	if (b->over)
		backlog_close(b);
	else if (b->result == RESULT_OK)
		alerts_tell_stages(b->stages);
}

void backlog_turn(struct backlog *b)
{
	if (b->over || b->working || clock_monotonic_ms() < b->next_ms)
		return;
	b->working = true;
	b->work.data = b;
	if (uv_queue_work(b->service->loop, &b->work, work, after) != 0)
		service_die(b->service, "no thread can be had");
}

void backlog_end(struct backlog *b)
{
	b->over = true;
	if (!b->working)
		backlog_close(b);
}

void backlog_close(struct backlog *b)
{
	bus_close(b->bus);
	b->bus = NULL;
}
