/* digest: see digest.h. */
#include "digest.h"

#include "delivery/core/mail.h"
#include "runtime/clock.h"

static struct slice settings_of(const struct task *t)
{
	struct slice json = {0};

	if (!codec_find(slice_of(t->value, t->value_len), ROUTED_LEAD_DELIVERY_JSON_FIELD, &json))
		return slice_of(NULL, 0);
	return json;
}

static int64_t interval_ms(struct delivery *d, const struct task *t)
{
	struct slice json = settings_of(t);
	const struct way *way;

	/* most orders have none: they pay for a search, not for a reading */
	if (!memmem(json.data, json.len, "\"digest\"", 8))
		return 0;
	way = way_of(&d->ways, json, d->settings.answer_timeout_ms);
	return way->channel ? way->endpoint.mail.digest_ms : 0;
}

bool digest_waits(struct delivery *d, struct task *t)
{
	int64_t interval = interval_ms(d, t);

	t->digest_ms = interval;
	if (interval <= 0 || t->past.attempts > 0)
		return false;
	/* by the record's time: a successor gathers the same leads */
	t->due.at_ms = mail_digest_due_ms(interval, t->timestamp_ms);
	if (clock_now_ms() >= t->due.at_ms)
		return false;
	task_wait(d, t, t->due.at_ms);
	return true;
}

/* One that came with a take-over may not have been looked at yet. */
static int64_t due_ms_of(const struct task *head, const struct task *t)
{
	return t->past.attempts > 0 ? t->due.at_ms
				    : mail_digest_due_ms(head->digest_ms, t->timestamp_ms);
}

static bool belongs(const struct task *head, const struct task *t)
{
	if (t->past.attempts != head->past.attempts || due_ms_of(head, t) != head->due.at_ms)
		return false;
	return slice_equal(settings_of(t), settings_of(head));
}

struct task *digest_next(struct task *head)
{
	for (struct task *t = head->advertiser->ready.first; t; t = t->queue_next) {
		if (!belongs(head, t))
			continue;
		queue_remove(t);
		return t;
	}
	return NULL;
}

void digest_join(struct task *head, struct task *t)
{
	t->state = TASK_SENDING;
	t->asks = head->asks;
	t->channel = head->channel;
	t->started_at_ms = head->started_at_ms;
	t->started_monotonic_ms = head->started_monotonic_ms;
	t->digest_ms = head->digest_ms;
	t->due.at_ms = head->due.at_ms;
	t->head = head;
	t->member_next = head->members;
	head->members = t;
}

struct task *digest_leave(struct task *head)
{
	struct task *t = head->members;

	if (!t)
		return NULL;
	head->members = t->member_next;
	t->head = t->member_next = NULL;
	return t;
}

int64_t digest_round_ms(int64_t due_ms)
{
	return (due_ms + DIGEST_ROUND_MS - 1) / DIGEST_ROUND_MS * DIGEST_ROUND_MS;
}
