/* punnet deliveries retry: the routed record once more, marked as the operator's. Delivery hands it over under the key that it had,
 * so an advertiser that has it already says so. What was refused or never arrived was offered to the next order: it is not sent. */
#include <stdio.h>

#include "deliveries.h"
#include "proto/leads_routed.pb-c.h"

#define READ_TRIES 20

/* The last attempt of the lead. */
static const Punnet__V1__DeliveryAttempt *last_attempt(struct tool *t,
						       const struct lead_id *lead_id,
						       struct arena *a, uint32_t *ret_partition,
						       enum result *ret, struct error *e)
{
	struct pick_filter filter = {.lead_id = lead_id};
	const Punnet__V1__DeliveryAttempt *m = NULL;
	struct pick p;

	pick_start(&p, &filter, PICK_MOST);
	*ret = deliveries_read(t->bus, MAX_OF(lead_id_time_ms(lead_id) - MS_PER_MIN, 0), &p, e);
	if (*ret == RESULT_OK && p.count > 0) {
		const struct picked *one = &p.all[p.count - 1];

		m = codec_unpack(a, &punnet__v1__delivery_attempt__descriptor,
				 arena_dup(a, slice_of(one->bytes, one->len)));
		*ret_partition = one->partition;
	}
	pick_free(&p);
	return m;
}

/* NULL: it may be handed over again. */
static const char *why_not(const Punnet__V1__DeliveryAttempt *m)
{
	if (!m->final)
		return "it is still being tried by itself; see `deliveries show`";
	if (m->result == PUNNET__V1__ATTEMPT_RESULT__OK || m->ever_unknown)
		return NULL;
	return "it was refused, or never arrived, and was offered on: somebody else may have it";
}

static Punnet__V1__RoutedLead *routed_record(struct tool *t, uint32_t partition, uint64_t offset,
					     struct arena *a, struct error *e)
{
	struct bus_reader *reader =
	    bus_reader_open(t->bus, "leads.routed", (int32_t)partition, (int64_t)offset, e);
	Punnet__V1__RoutedLead *m = NULL;
	struct bus_record record;
	size_t count = 0;

	if (!reader)
		return NULL;
	for (int i = 0; i < READ_TRIES && count == 0; i++)
		if (bus_reader_take(reader, &record, 1, TOOL_TIMEOUT_MS / READ_TRIES, &count, e) !=
		    RESULT_OK)
			break;
	if (count > 0 && record.offset == (int64_t)offset)
		m = codec_unpack(a, &punnet__v1__routed_lead__descriptor,
				 arena_dup(a, record.value));
	if (!m)
		error_set(e, RESULT_BAD, "leads.routed/%u@%llu is not there any more", partition,
			  (unsigned long long)offset);
	bus_reader_close(reader);
	return m;
}

static enum result send_again(struct tool *t, Punnet__V1__RoutedLead *m, uint32_t partition,
			      const char *who, const char *why, struct error *e)
{
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__RetryRequest retry = PUNNET__V1__RETRY_REQUEST__INIT;
	enum result r;

	source.topic = (char *)"operator";
	retry.who = (char *)who;
	retry.why = (char *)why;
	m->source = &source;
	m->retry = &retry;
	r = tool_produce(t, "leads.routed", (int32_t)partition, slice_cstr(m->assignment->order_id),
			 &m->base, e);
	return r == RESULT_OK ? tool_flush(t, e) : r;
}

int deliveries_retry(struct tool *t, const struct lead_id *lead_id, const char *who,
		     const char *why)
{
	const Punnet__V1__DeliveryAttempt *m;
	Punnet__V1__RoutedLead *routed;
	struct arena a = {0};
	struct error e = {0};
	uint32_t partition = 0;
	enum result r;
	int status = TOOL_FOUND;

	if (!tool_bus(t, "deliveries"))
		return TOOL_AWAY;
	m = last_attempt(t, lead_id, &a, &partition, &r, &e);
	if (r != RESULT_OK) {
		status = tool_fail("deliveries", r, &e);
	} else if (!m || !m->source || why_not(m)) {
		fprintf(stderr, "punnet deliveries: %s\n",
			m && m->source ? why_not(m) : "no attempt of this lead");
	} else {
		routed = routed_record(t, partition, m->source->offset, &a, &e);
		r = routed ? send_again(t, routed, partition, who, why, &e) : RESULT_BAD;
		status = r == RESULT_OK ? TOOL_DONE : tool_fail("deliveries", r, &e);
		if (r == RESULT_OK)
			printf("%s is handed over again to %s\n", m->assignment->order_id,
			       m->assignment->advertiser_id);
	}
	arena_free(&a);
	return status;
}
