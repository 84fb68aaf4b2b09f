/* sender: delivery's requests, without a network: each goes to an advertiser of endpoint.c, and its end comes back as an event of the
 * process. Linked into delivery's part in the place of its sender, together with the few of libuv's timers that delivery uses. */
#include "delivery/shell/sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

struct sender {
	struct sender_options o;
	struct proc *proc;
	size_t in_flight;
};

struct transfer {
	struct sender *sender;
	void *owner;
	struct endpoint_plan plan;
	bool cancelled;
};

struct sender *sender_open(uv_loop_t *loop, const struct sender_options *o,
			   _unused_ struct error *ret_error)
{
	struct sender *s = calloc(1, sizeof(*s));

	assert(s);
	s->o = *o;
	s->proc = loop->data;
	return s;
}

static void on_end(void *ctx)
{
	struct transfer *t = ctx;
	struct transport_answer answer = {.http_status = (uint32_t)t->plan.status,
					  .text = {.body = SLICE("{}")}};

	if (t->cancelled) {
		free(t);
		return;
	}
	t->sender->in_flight--;
	if (t->plan.end == ENDPOINT_BREAKS)
		answer = (struct transport_answer){.end = TRANSPORT_BROKEN};
	if (t->plan.end == ENDPOINT_UNREACHABLE)
		answer = (struct transport_answer){.end = TRANSPORT_NOT_SENT};
	t->sender->o.on_done(t->sender->o.ctx, t->owner, &answer);
	free(t);
}

/* "http://adv-a.example/leads" */
static int advertiser_of(const char *url)
{
	for (int i = 0; i < SIM_ADVERTISERS; i++)
		if (strstr(url, advertiser_ids[i]))
			return i;
	abort();
}

static struct slice key_of(const struct message *m)
{
	static const char name[] = "Idempotency-Key: ";

	for (size_t i = 0; i < m->header_count; i++) {
		const char *text = message_header_text(m, i);

		if (strncmp(text, name, sizeof(name) - 1) == 0)
			return slice_cstr(text + sizeof(name) - 1);
	}
	abort();
}

void sender_room(_unused_ struct sender *s, struct message *ret)
{
	*ret = (struct message){.header_count = 0};
}

struct transfer *sender_send(struct sender *s, const struct sender_request *r, struct message *m,
			     void *owner)
{
	struct transfer *t = calloc(1, sizeof(*t));

	assert(t);
	sim_step(STEP_SEND, "to be sent");
	*t = (struct transfer){.sender = s, .owner = owner};
	t->plan = endpoint_ask(advertiser_of(r->url), key_of(m), r->timeout_ms * US_PER_MS);
	message_wipe(m);
	s->in_flight++;
	sim_at(sim.now_us + t->plan.answer_us, s->proc, on_end, t);
	sim_step(STEP_SEND, "sent");
	return t;
}

void sender_cancel(struct sender *s, struct transfer *t)
{
	t->cancelled = true;
	s->in_flight--;
}

size_t sender_in_flight(const struct sender *s)
{
	return s->in_flight;
}

void sender_close(struct sender *s)
{
	free(s);
}

/* --- timers --- */

struct ring {
	uv_timer_t *timer;
	uint64_t start;
};

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer)
{
	memset(timer, 0, sizeof(*timer));
	timer->loop = loop;
	return 0;
}

static void on_ring(void *ctx)
{
	struct ring *r = ctx;

	if (r->timer->start_id == r->start && r->timer->timer_cb)
		r->timer->timer_cb(r->timer);
	free(r);
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb fn, uint64_t timeout_ms, _unused_ uint64_t repeat)
{
	struct ring *r = malloc(sizeof(*r));

	assert(r);
	timer->timer_cb = fn;
	*r = (struct ring){.timer = timer, .start = ++timer->start_id};
	sim_at(sim.now_us + (int64_t)timeout_ms * US_PER_MS, timer->loop->data, on_ring, r);
	return 0;
}

int uv_timer_stop(uv_timer_t *timer)
{
	timer->start_id++;
	timer->timer_cb = NULL;
	return 0;
}

/* What was closed stays readable: a ring may still be under way, and the process ends at once. */
void uv_close(_unused_ uv_handle_t *handle, _unused_ uv_close_cb fn)
{
}

void uv_update_time(_unused_ uv_loop_t *loop)
{
}

uint64_t uv_hrtime(void)
{
	return (uint64_t)sim.now_us * 1000;
}
