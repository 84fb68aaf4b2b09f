/* takings: what this process is about to send stands in the log before it is sent.
 *
 * A task that nobody has noted waits until a Taking that covers it is acknowledged, and nobody else has taken the partition over
 * before it. So a successor that reads the Takings knows what may have been sent, and asks no broker where leads.routed ends.
 *
 * One Taking of a partition is on its way at a time; what is taken meanwhile is in the next one. So their number does not grow with
 * the load. Those that wait count as open tasks: delivery.max_open_tasks is their limit. */
#include "internal.h"
#include "proto/leads_attempts.pb-c.h"
#include "runtime/clock.h"
#include "runtime/fault.h"

void taking_wait(struct task *t)
{
	t->state = TASK_UNNOTED;
	task_list_add(&t->partition->unnoted, t);
}

void taking_forget(struct task *t)
{
	task_list_remove(&t->partition->unnoted, t);
}

/* They were taken in the order of their offsets. */
static void let_go(struct partition *p, int64_t until)
{
	struct task *t;

	while ((t = p->unnoted.first) && t->offset < until) {
		task_list_remove(&p->unnoted, t);
		queue_push(t);
	}
}

static void say(struct delivery *d, struct partition *p)
{
	Punnet__V1__Taking m = PUNNET__V1__TAKING__INIT;
	int64_t until = p->unnoted.last->offset + 1;
	enum result r;

	m.until = (uint64_t)until;
	m.take_over = (uint64_t)p->take_over;
	m.at_ms = clock_now_ms();
	buf_reset(&d->pack);
	codec_pack(&m.base, &d->pack);
	r = bus_produce(d->producer, TOPIC_ATTEMPTS, p->number, slice_of(NULL, 0),
			codec_type(m.base.descriptor), buf_slice(&d->pack),
			TAKING_TOKEN(p->number));
	if (r == RESULT_AGAIN)
		return; /* the next turn says it */
	if (r != RESULT_OK) {
		delivery_fail(d, "%s/%d: a record was not taken", TOPIC_ATTEMPTS, p->number);
		return;
	}
	p->noting_until = until;
	d->in_bus++;
	d->takings_in_bus[p->number]++;
	if (fault_on("takings_unwaited"))
		let_go(p, until);
}

void takings_say(struct delivery *d)
{
	for (size_t i = 0; i < DELIVERY_PARTITIONS_MAX && !d->draining && !d->failed; i++) {
		struct partition *p = d->partitions[i];

		if (p && p->unnoted.first && p->noting_until == 0)
			say(d, p);
	}
}

void taking_acked(struct delivery *d, int32_t number, int64_t offset)
{
	struct partition *p = d->partitions[number];

	if (--d->takings_in_bus[number] > 0 || !p || p->noting_until == 0)
		return; /* of the partition as it was before it was given away */
	fault_point("delivery_taking_acked");
	if (!take_over_holds(d, p, offset))
		return;
	p->attempts_end = offset + 1;
	p->noted_until = p->noting_until;
	p->noting_until = 0;
	let_go(p, p->noted_until);
}
