/* tasks: the life of one assignment: made, waiting, ready, sent, answered, gone. */
#include <sodium.h>
#include <stdlib.h>

#include "digest.h"
#include "internal.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/metrics.h"

static size_t copy_to(char *to, struct slice from)
{
	if (from.len > 0)
		memcpy(to, from.data, from.len);
	return from.len;
}

struct task *task_new(struct delivery *d, struct partition *p, const struct bus_record *record)
{
	struct task *t =
	    calloc(1, sizeof(*t) + record->value.len + record->key.len + record->type.len);

	if (!t)
		abort();
	t->magic = TASK_MAGIC;
	t->partition = p;
	t->offset = record->offset;
	t->timestamp_ms = record->timestamp_ms;
	t->value_len = copy_to(t->value, record->value);
	t->key_len = copy_to(t->value + t->value_len, record->key);
	t->type_len = copy_to(t->value + t->value_len + t->key_len, record->type);
	t->next = p->tasks;
	if (t->next)
		t->next->prev = t;
	p->tasks = t;
	d->open_tasks++;
	t->token = progress_open(p->progress, record->offset);
	assert(t->token != 0); /* partitions_can_take() was asked before */
	progress_hold(p->progress, t->token);
	return t;
}

static void task_leave_partition(struct delivery *d, struct task *t)
{
	struct task **first = t->partition ? &t->partition->tasks : &d->orphans;

	if (t->prev)
		t->prev->next = t->next;
	else
		*first = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->partition = NULL;
	t->prev = t->next = NULL;
}

/* Off the list of those that go out together. */
static void leave_head(struct task *t)
{
	struct task **link = &t->head->members;

	while (*link != t)
		link = &(*link)->member_next;
	*link = t->member_next;
	t->head = t->member_next = NULL;
}

void task_transfer_over(struct delivery *d, struct task *t)
{
	t->transfer = NULL;
	t->advertiser->in_flight--;
	d->sending--;
}

void task_members_ready(struct task *head)
{
	struct task *t;

	while ((t = digest_leave(head)))
		queue_push(t);
}

void task_free(struct delivery *d, struct task *t)
{
	assert(t->magic == TASK_MAGIC);
	if (t->transfer) {
		sender_cancel(d->sender, t->transfer);
		task_transfer_over(d, t);
		task_members_ready(t);
	}
	if (t->head)
		leave_head(t);
	if (t->due.place)
		due_remove(&d->waiting, &t->due);
	if (t->state == TASK_READY)
		queue_remove(t);
	if (t->state == TASK_UNNOTED)
		taking_forget(t);
	if (t->stuck)
		records_unstick(d, t);
	task_leave_partition(d, t);
	if (t->in_bus) {
		/* the bus still names it: its acknowledgement frees it */
		t->state = TASK_SETTLING;
		t->next = d->orphans;
		if (t->next)
			t->next->prev = t;
		d->orphans = t;
		return;
	}
	d->open_tasks--;
	t->magic = 0;
	free(t->kept);
	free(t);
}

static void on_due(uv_timer_t *timer)
{
	struct delivery *d = timer->data;
	int64_t now_ms = clock_now_ms();
	struct due *first;

	while ((first = due_first(&d->waiting)) && first->at_ms <= now_ms) {
		due_remove(&d->waiting, first);
		queue_push(due_of(first, struct task, due));
	}
	delivery_dispatch(d);
	first = due_first(&d->waiting);
	if (first)
		uv_timer_start(
		    &d->due_timer, on_due,
		    (uint64_t)MIN_OF(MAX_OF(first->at_ms - now_ms, 1), DELIVERY_DUE_LOOK_MS), 0);
}

void task_wait(struct delivery *d, struct task *t, int64_t due_ms)
{
	t->state = TASK_WAITING;
	due_add(&d->waiting, &t->due, due_ms);
	if (due_first(&d->waiting) != &t->due)
		return;
	uv_update_time(d->loop);
	uv_timer_start(&d->due_timer, on_due,
		       (uint64_t)MIN_OF(MAX_OF(due_ms - clock_now_ms(), 0), DELIVERY_DUE_LOOK_MS),
		       0);
}

void task_attempt_ended(struct delivery *d, struct task *t, const struct attempt_said *said,
			struct answer_kept *kept)
{
	static const struct lead_id nobody; /* leads that go out together wait equally long */
	int64_t ended_at_ms = clock_now_ms();

	t->took_ms = MAX_OF(clock_monotonic_ms() - t->started_monotonic_ms, 0);
	t->step = task_after(&t->past, said, &d->settings.retry,
			     t->digest_ms ? &nobody : &t->lead_id, ended_at_ms);
	if (t->digest_ms && !t->step.final)
		t->step.next_due_at_ms = digest_round_ms(t->step.next_due_at_ms);
	if (fault_on("unknown_offered_on"))
		t->step.ever_unknown = false;
	free(t->kept);
	t->kept = kept;
	metric_observe_us(METRIC_DELIVERY_ANSWER_TIME, t->took_ms * 1000);
	if (t->step.final && fault_on("attempt_unrecorded")) {
		record_outcome(d, t);
		return;
	}
	record_attempt(d, t);
}

void delivery_on_answer(void *ctx, void *owner, struct transport_answer *answer)
{
	struct delivery *d = ctx;
	struct task *t = owner;
	struct answer_kept *kept = NULL;
	struct attempt_said said;
	struct task *member;

	assert(t->magic == TASK_MAGIC && t->state == TASK_SENDING);
	task_transfer_over(d, t);
	fault_point("delivery_answered");
	said = handover_judge(d, t, answer, &kept);
	circuit_heard(d, t, &said);
	while ((member = digest_leave(t)))
		task_attempt_ended(d, member, &said, NULL);
	task_attempt_ended(d, t, &said, kept);
	delivery_dispatch(d);
}

static void mail_login(struct delivery *d, char ret[SECRET_MAX_BYTES + 1])
{
	const char *path = d->settings.mail_login_file;
	struct slice login;

	if (!path || !*path)
		return;
	login = credentials_file(&d->credentials, path, clock_monotonic_ms());
	memcpy(ret, login.data, login.len);
	ret[login.len] = 0;
}

static void send_out(struct delivery *d, struct task *t, struct outgoing *out)
{
	const struct mail_settings *mail = &out->way->endpoint.mail;
	struct sender_request r = {
	    .kind = t->asks ? REQUEST_GET : REQUEST_POST,
	    .url = t->asks ? out->query_url : out->way->endpoint.url,
	    .timeout_ms = out->timeout_ms,
	    .certificate = out->certificate,
	};
	char login[SECRET_MAX_BYTES + 1];

	login[0] = 0;
	if (mail->to_count > 0) {
		mail_login(d, login);
		r.kind = REQUEST_MAIL;
		r.url = d->settings.mail_relay;
		r.mail_from = d->settings.mail_from;
		r.mail_to = mail->to;
		r.mail_to_count = mail->to_count;
		r.mail_login = login;
		r.mail_plain = d->settings.mail_plain;
	}
	t->transfer = sender_send(d->sender, &r, &out->message, t);
	sodium_memzero(login, strlen(login));
}

static void attempt_start(struct delivery *d, struct task *t)
{
	struct outgoing out;
	struct attempt_said said;

	t->started_at_ms = clock_now_ms();
	t->started_monotonic_ms = clock_monotonic_ms();
	t->asks = false;
	if (digest_waits(d, t))
		return;
	if (!breaker_allows(&t->advertiser->breaker, t->started_monotonic_ms)) {
		said = (struct attempt_said){.result = ATTEMPT_TEMPFAIL,
					     .reason = REASON_DELIVERY_CIRCUIT_OPEN};
		task_attempt_ended(d, t, &said, NULL);
		return;
	}
	if (!handover_make(d, t, &out, &said)) {
		task_attempt_ended(d, t, &said, NULL);
		return;
	}
	t->state = TASK_SENDING;
	t->advertiser->in_flight++;
	d->sending++;
	queue_count_sent(d, t->advertiser);
	send_out(d, t, &out);
}

static void on_rate(uv_timer_t *timer)
{
	delivery_dispatch(timer->data);
}

/* Somebody has leads ready and has sent too fast. */
static void wait_for_rate(struct delivery *d, int64_t wait_us)
{
	if (wait_us < 0)
		return;
	uv_update_time(d->loop);
	uv_timer_start(&d->rate_timer, on_rate, (uint64_t)(wait_us / 1000 + 1), 0);
}

/* While it can't be known who is erased, nothing is opened; while it can't be known whose the leads are, nothing is sent. */
static bool may_send(struct delivery *d)
{
	if (d->open_tasks == 0)
		return true;
	if (!opener_sure(&d->opener)) {
		wait_for_rate(d, (int64_t)DIRECTORY_RENEW_MS * 1000);
		return false;
	}
	if (!partitions_sure(d)) {
		wait_for_rate(d, (int64_t)DELIVERY_UNSURE_PAUSE_MS * 1000);
		return false;
	}
	return true;
}

void delivery_dispatch(struct delivery *d)
{
	if (!partitions_refresh_notes(d))
		return;
	while (!d->draining && !d->failed && d->sending < d->settings.in_flight_max &&
	       may_send(d)) {
		int64_t wait_us;
		struct task *t = queue_next(d, &wait_us);

		if (!t) {
			wait_for_rate(d, wait_us);
			break;
		}
		attempt_start(d, t);
	}
}
