/* outcomes: hand-made records. */
#include "outcomes.h"

#include <stdio.h>

#include "base/rng.h"
#include "lead/codec.h"
#include "proto/leads_outcomes.pb-c.h"

struct lead_id outcomes_lead(uint32_t n)
{
	uint8_t tail[10] = {0,         0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
			    (uint8_t)n};

	return lead_id_make(OUTCOMES_T0 + n, tail);
}

static void add(struct outcomes *o, struct slice value)
{
	assert(o->count < OUTCOMES_MAX);
	o->records[o->count] =
	    (struct bus_record){.topic = "leads.outcomes",
				.partition = 0,
				.offset = (int64_t)o->count,
				.timestamp_ms = OUTCOMES_T0 + (int64_t)o->count * MS_PER_S,
				.value = value,
				.type = SLICE("punnet.v1.Outcome")};
	o->count++;
}

static void add_message(struct outcomes *o, Punnet__V1__Outcome *m, uint32_t lead)
{
	struct lead_id id = outcomes_lead(lead);
	struct buf out = {0};

	m->lead_id = codec_lead_id(&id);
	m->at_ms = OUTCOMES_T0 + (int64_t)o->count * MS_PER_S;
	codec_pack(&m->base, &out);
	assert(!out.failed);
	add(o, arena_dup(&o->arena, buf_slice(&out)));
	buf_free(&out);
}

void outcomes_add_delivery(struct outcomes *o, uint32_t lead, enum life_event event, uint32_t round,
			   const char *advertiser, int64_t price_minor, int64_t payout_minor)
{
	Punnet__V1__Outcome m = PUNNET__V1__OUTCOME__INIT;
	Punnet__V1__Assignment a = PUNNET__V1__ASSIGNMENT__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT, payout = PUNNET__V1__MONEY__INIT;
	Punnet__V1__Provenance market = PUNNET__V1__PROVENANCE__INIT;
	char aff[16];

	snprintf(aff, sizeof(aff), "w%u", (unsigned)(lead % 5));
	price.amount_minor = price_minor;
	payout.amount_minor = payout_minor;
	price.currency = payout.currency = (char *)"RUB";
	market.topic = (char *)"market";
	market.partition = 1;
	a.round = round;
	a.order_id = (char *)"bank-a-cards";
	a.advertiser_id = (char *)advertiser;
	a.vertical = (char *)"credit_card";
	a.aff_id = aff;
	a.price = &price;
	a.payout = &payout;
	a.exclusive = 1;
	a.market = &market;
	m.kind = (Punnet__V1__OutcomeKind)event;
	m.assignment = &a;
	add_message(o, &m, lead);
}

void outcomes_add_said(struct outcomes *o, uint32_t lead, enum life_event event,
		       const char *advertiser, const char *verdict_id, const char *reason,
		       int64_t called_at_ms)
{
	Punnet__V1__Outcome m = PUNNET__V1__OUTCOME__INIT;

	m.kind = (Punnet__V1__OutcomeKind)event;
	m.advertiser_id = (char *)advertiser;
	m.verdict_id = (char *)verdict_id;
	m.reason_code = (char *)reason;
	m.called_at_ms = called_at_ms;
	add_message(o, &m, lead);
}

void outcomes_add_verdict(struct outcomes *o, uint32_t lead, enum life_event event,
			  const char *advertiser, const char *verdict_id)
{
	outcomes_add_said(o, lead, event, advertiser, verdict_id, "", 0);
}

void outcomes_add_garbage(struct outcomes *o)
{
	add(o, SLICE("\xff\xff not a message"));
}

void outcomes_mixture(struct outcomes *o, uint64_t seed, size_t leads)
{
	struct rng rng = rng_seed(seed);

	for (uint32_t i = 0; i < leads; i++) {
		uint32_t lead = i + 1, round = 0;
		int64_t price = 30000 + (int64_t)rng_below(&rng, 20000);
		enum life_event verdict = rng_chance(&rng, 7000) ? EVENT_APPROVED : EVENT_RETURNED;
		bool early = rng_chance(&rng, 2000);
		char id[24];

		snprintf(id, sizeof(id), "v%u", (unsigned)lead);
		if (rng_chance(&rng, 2500))
			outcomes_add_delivery(o, lead, EVENT_REFUSED, round++, "bank-b", price,
					      price / 2);
		if (early)
			outcomes_add_verdict(o, lead, verdict, "bank-a", id);
		outcomes_add_delivery(o, lead, EVENT_DELIVERED, round, "bank-a", price,
				      price * 7 / 10);
		if (!early)
			outcomes_add_verdict(o, lead, verdict, "bank-a", id);
		if (rng_chance(&rng, 300))
			outcomes_add_garbage(o);
	}
}

void outcomes_free(struct outcomes *o)
{
	arena_free(&o->arena);
	*o = (struct outcomes){0};
}

struct contract outcomes_contract(_unused_ void *ctx, _unused_ const char *advertiser_id)
{
	return (struct contract){.hold_ms = 14 * MS_PER_DAY, .return_window_ms = 7 * MS_PER_DAY};
}

enum result outcomes_settle(const struct outcomes *o, struct store *s, size_t from, size_t size,
			    struct batch_report *ret_sum, struct error *ret_error)
{
	struct batch_settings settings = {
	    .topic = "leads.outcomes", .contract = outcomes_contract, .now_ms = OUTCOMES_T0};
	struct batch_report sum = {0};
	struct arena arena = {0};
	enum result r = RESULT_OK;

	for (size_t at = from; at < o->count && r == RESULT_OK; at += size) {
		struct batch_report report;

		r = batch_settle(s, &arena, &settings, 0, &o->records[at],
				 MIN_OF(size, o->count - at), &report, ret_error);
		if (r != RESULT_OK)
			break;
		sum.settled += report.settled;
		sum.passed_over += report.passed_over;
		sum.dead += report.dead;
		sum.contradicted += report.contradicted;
		sum.transfers += report.transfers;
		sum.next = report.next;
	}
	arena_free(&arena);
	if (ret_sum)
		*ret_sum = sum;
	return r;
}
