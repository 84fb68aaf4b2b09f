/* postbacks_send: one attempt, from the lane to its end. */
#include <stdlib.h>
#include <string.h>

#include "postbacks_internal.h"
#include "receiver.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/metrics.h"

#define HEADERS_MAX_BYTES 1024
#define BODY_MAX_BYTES    (32 * 1024)

const Punnet__V1__Postback *pb_wanted(struct postbacks *pb, const Punnet__V1__StatusEvent *e)
{
	struct receiver r;

	return receiver_of(pb->directory, e->aff_id, &r) ? receiver_wants(&r, e->kind) : NULL;
}

/* --- what goes out --- */

static const struct signer *signer_of(struct postbacks *pb, const char *aff_id)
{
	struct kept_signer *k = map_get(&pb->signers, slice_cstr(aff_id));
	struct receiver r;

	if (!k) {
		k = calloc(1, sizeof(*k));
		if (!k)
			abort();
		map_put(&pb->signers, slice_cstr(aff_id), k);
	}
	if (!receiver_of(pb->directory, aff_id, &r))
		return NULL;
	return signer_keep(k, keyring_master_key(pb->keyring), r.entry_id, r.sealed_secret);
}

static bool write_headers(struct postbacks *pb, const Punnet__V1__StatusEvent *e,
			  const Punnet__V1__Postback *to, struct message *m)
{
	int64_t now_s = clock_now_ms() / MS_PER_S;
	char signature[SIGNATURE_TEXT_MAX];
	const struct signer *signer;

	if (to->post)
		message_header(m, "Content-Type", SLICE("application/json"));
	message_header(m, "webhook-id", slice_cstr(e->event_id));
	message_header_open(m, SLICE("webhook-timestamp"));
	buf_append_int(&m->head, now_s);
	message_header_close(m);
	if (!to->sign)
		return true;
	signer = signer_of(pb, e->aff_id);
	if (!signer || !signer->signs)
		return false;
	webhook_sign(signer, slice_cstr(e->event_id), now_s, buf_slice(&m->body), signature);
	message_header(m, "webhook-signature", slice_cstr(signature));
	return true;
}

/* POSTBACK_ARRIVED: it can be sent. */
static enum postback_end compose(struct postbacks *pb, const Punnet__V1__StatusEvent *e,
				 const Punnet__V1__Postback *to, struct buf *url, struct message *m)
{
	m->head.max = HEADERS_MAX_BYTES;
	m->body.max = BODY_MAX_BYTES;
	if (!buf_reserve(&m->head, HEADERS_MAX_BYTES) ||
	    !postback_write_url(slice_cstr(to->url), e, url))
		return POSTBACK_URL_UNUSABLE;
	if (to->post)
		postback_write_body(e, &m->body);
	if (!write_headers(pb, e, to, m))
		return POSTBACK_SECRET_MISSING;
	return m->head.failed || m->body.failed ? POSTBACK_URL_UNUSABLE : POSTBACK_ARRIVED;
}

static void send_out(struct postbacks *pb, struct pb_task *t, const Punnet__V1__Postback *to,
		     struct buf *url, struct message *m)
{
	struct sender_request r = {.kind = to->post ? REQUEST_POST : REQUEST_GET,
				   .url = buf_cstr(url),
				   .timeout_ms = pb->settings.answer_timeout_ms};

	t->state = PB_SENDING;
	t->lane->host->in_flight++;
	pb->sending++;
	t->transfer = sender_send(pb->sender, &r, m, t);
}

/* The webmaster may have another tracker by now. */
static bool moved(struct postbacks *pb, struct pb_task *t, const Punnet__V1__StatusEvent *e,
		  const Punnet__V1__Postback *to)
{
	struct pb_lane *lane = pb_lane_of(pb, e->aff_id, postback_host(slice_cstr(to->url)));

	if (lane == t->lane)
		return false;
	t->lane->open--;
	t->lane = lane;
	lane->open++;
	pb_ready(pb, t);
	return true;
}

static void attempt_start(struct postbacks *pb, struct pb_task *t)
{
	const Punnet__V1__StatusEvent *e = pb_event(pb, t);
	const Punnet__V1__Postback *to = pb_wanted(pb, e);
	_cleanup_(buf_free) struct buf url = {.max = POSTBACK_WRITTEN_MAX + 1};
	struct message m;
	enum postback_end end;

	if (to && moved(pb, t, e, to))
		return;
	t->attempt++;
	t->started_at_ms = clock_now_ms();
	t->started_monotonic_ms = clock_monotonic_ms();
	if (!to) {
		pb_end(pb, t, POSTBACK_UNSUBSCRIBED);
		return;
	}
	if (!breaker_allows(&t->lane->host->breaker, t->started_monotonic_ms)) {
		pb_end(pb, t, POSTBACK_CIRCUIT_OPEN);
		return;
	}
	sender_room(pb->sender, &m);
	end = compose(pb, e, to, &url, &m);
	if (end == POSTBACK_ARRIVED) {
		send_out(pb, t, to, &url, &m);
		return;
	}
	message_wipe(&m);
	pb_end(pb, t, end);
}

void pb_dispatch(struct postbacks *pb)
{
	while (!pb->draining && !pb->failed && pb->sending < pb->settings.in_flight_max) {
		struct pb_task *t = pb_next(pb);

		if (!t)
			return;
		attempt_start(pb, t);
	}
}

/* --- what came of it --- */

/* The jitter is the event's, so that what failed together does not come back together. */
static struct lead_id jitter_of(const struct pb_task *t)
{
	struct lead_id id = {0};
	uint64_t offset = (uint64_t)t->offset, partition = (uint64_t)t->partition->number;

	memcpy(id.bytes, &offset, sizeof(offset));
	memcpy(id.bytes + sizeof(offset), &partition, sizeof(partition));
	return id;
}

static void end_attempt(struct postbacks *pb, struct pb_task *t, enum postback_end end,
			int64_t retry_after_ms)
{
	static const enum metric by_result[] = {
	    [ATTEMPT_OK] = METRIC_DELIVERY_POSTBACK_OK,
	    [ATTEMPT_TEMPFAIL] = METRIC_DELIVERY_POSTBACK_TEMPFAIL,
	    [ATTEMPT_PERMFAIL] = METRIC_DELIVERY_POSTBACK_PERMFAIL,
	};
	enum attempt_result result = postback_result(end);
	struct lead_id jitter = jitter_of(t);
	int64_t wait_ms = -1;

	if (result == ATTEMPT_TEMPFAIL)
		wait_ms = retry_wait_ms(&pb->settings.retry, &jitter, t->attempt, retry_after_ms);
	t->end = end;
	t->final = wait_ms < 0;
	t->due.at_ms = t->final ? 0 : clock_now_ms() + wait_ms;
	metric_add(by_result[result], 1);
	if (t->final && result != ATTEMPT_OK)
		metric_add(METRIC_DELIVERY_POSTBACK_GIVEN_UP, 1);
	pb_record_attempt(pb, t);
}

void pb_end(struct postbacks *pb, struct pb_task *t, enum postback_end end)
{
	t->http_status = 0;
	end_attempt(pb, t, end, 0);
}

static void transfer_over(struct postbacks *pb, struct pb_task *t)
{
	t->transfer = NULL;
	t->lane->host->in_flight--;
	pb->sending--;
}

void pb_cancel(struct postbacks *pb, struct pb_task *t)
{
	if (!t->transfer)
		return;
	sender_cancel(pb->sender, t->transfer);
	transfer_over(pb, t);
}

/* The circuit is the host's: an end that is no TEMPFAIL closes it. */
static void host_heard(struct pb_task *t, enum postback_end end)
{
	struct attempt_said said = {.result = postback_result(end),
				    .reason = end == POSTBACK_UNREACHABLE
						  ? REASON_DELIVERY_UNREACHABLE
						  : REASON_DELIVERY_ADVERTISER_ERROR};
	struct lead_id jitter = jitter_of(t);
	int64_t now_ms = clock_monotonic_ms();

	/* a tracker that refuses is there */
	if (end == POSTBACK_REFUSED)
		said.result = ATTEMPT_PERMFAIL;
	breaker_heard(&t->lane->host->breaker, &said, &jitter, now_ms - t->started_monotonic_ms,
		      now_ms);
}

void pb_on_answer(void *ctx, void *owner, struct transport_answer *answer)
{
	struct postbacks *pb = ctx;
	struct pb_task *t = owner;
	enum postback_end end = postback_judge(answer);

	assert(t->magic == POSTBACK_TASK_MAGIC && t->state == PB_SENDING);
	transfer_over(pb, t);
	fault_point("postback_answered");
	host_heard(t, end);
	t->http_status = answer->http_status;
	end_attempt(pb, t, end, answer->retry_after_ms);
	pb_dispatch(pb);
}
