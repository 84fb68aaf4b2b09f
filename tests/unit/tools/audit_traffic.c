#include "audit_traffic.h"

#define REJECTED_LEAD 2
#define REFUSED_LEAD  1
#define APPROVED_LEAD 0
#define RETURNED_LEAD 3

/* --- records --- */

static const ProtobufCMessageDescriptor *const types[SCAN_TOPICS] = {
    [SCAN_RAW] = &punnet__v1__raw_lead__descriptor,
    [SCAN_JUDGED] = &punnet__v1__judged_lead__descriptor,
    [SCAN_MARKET] = &punnet__v1__market_event__descriptor,
    [SCAN_ROUTED] = &punnet__v1__routed_lead__descriptor,
    [SCAN_UNSOLD] = &punnet__v1__unsold_lead__descriptor,
    [SCAN_ATTEMPTS] = &punnet__v1__delivery_attempt__descriptor,
    [SCAN_OUTCOMES] = &punnet__v1__outcome__descriptor,
};

/* Over the wire and back, as in life; the copy is the recording's own. */
static void *add(struct traffic *t, enum scan_topic topic, int64_t time_ms,
		 const ProtobufCMessage *message)
{
	struct traffic_record *r = &t->records[topic][t->count[topic]++];
	_cleanup_(buf_free) struct buf b = {0};

	assert(t->count[topic] <= TRAFFIC_RECORDS);
	codec_pack(message, &b);
	r->time_ms = time_ms;
	r->message = codec_unpack(&t->arena, types[topic], arena_dup(&t->arena, buf_slice(&b)));
	assert(r->message);
	return r->message;
}

void *traffic_repeat(struct traffic *t, enum scan_topic topic, size_t n)
{
	return add(t, topic, t->records[topic][t->count[topic] - 1].time_ms,
		   t->records[topic][n].message);
}

static void tap(void *ctx, const Punnet__V1__MarketEvent *event, int64_t now_ms,
		_unused_ uint64_t offset, const struct decisions *decisions)
{
	struct traffic *t = ctx;

	(void)add(t, SCAN_MARKET, now_ms, &event->base);
	for (size_t i = 0; i < decisions->count; i++) {
		const struct decision *d = &decisions->items[i];

		if (d->routed)
			(void)add(t, SCAN_ROUTED, now_ms, &d->routed->base);
		else
			(void)add(t, SCAN_UNSOLD, now_ms, &d->unsold->base);
	}
}

/* --- intake and judgement --- */

static void take_in(struct traffic *t, uint64_t n, int64_t now_ms)
{
	Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;
	Punnet__V1__JudgedLead judged = PUNNET__V1__JUDGED_LEAD__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__SealedContact contact;
	Punnet__V1__Reason reason = PUNNET__V1__REASON__INIT, *reasons = &reason;
	struct lead_id id = play_lead_id(n);

	lead.vertical = (char *)"osago";
	lead.aff_id = (char *)"w17";
	play_contact(&contact);
	raw.lead_id = judged.lead_id = codec_lead_id(&id);
	raw.lead = judged.lead = &lead;
	raw.contact = judged.contact = &contact;
	(void)add(t, SCAN_RAW, now_ms, &raw.base);

	source.topic = (char *)"leads.raw";
	source.offset = n;
	judged.source = &source;
	judged.verdict =
	    n == REJECTED_LEAD ? PUNNET__V1__VERDICT__REJECTED : PUNNET__V1__VERDICT__ACCEPTED;
	judged.ruleset = (char *)"0a1b";
	if (n == REJECTED_LEAD) {
		reason.code = (char *)"honeypot_filled";
		judged.reasons = &reasons;
		judged.n_reasons = 1;
	}
	(void)add(t, SCAN_JUDGED, now_ms, &judged.base);
}

/* --- the market's supply --- */

static void open_market(struct traffic *t, int64_t now_ms)
{
	Punnet__V1__FundsChanged funds = PUNNET__V1__FUNDS_CHANGED__INIT;
	struct play_order alone = {.id = "alone",
				   .vertical = "osago",
				   .advertiser = "bank-a",
				   .price_minor = 1000,
				   .revision = 1,
				   .cap_total = 4};
	struct play_order first = {.id = "first",
				   .vertical = "osago",
				   .advertiser = "bank-b",
				   .price_minor = 900,
				   .revision = 1,
				   .cap_total = 3,
				   .shared = true,
				   .share_limit = 2};
	struct play_order second = {.id = "second",
				    .vertical = "osago",
				    .advertiser = "bank-c",
				    .price_minor = 800,
				    .revision = 1,
				    .cap_total = 2,
				    .shared = true,
				    .share_limit = 2};

	alone.budget.total_minor = 5000;
	funds.advertiser_id = (char *)"bank-b";
	funds.currency = (char *)"RUB";
	funds.paid_in_minor = 5000;
	funds.revision = 1;
	(void)play_rate(&t->play, now_ms, "osago", 7000);
	(void)play_funds(&t->play, now_ms, &funds);
	(void)play_held(&t->play, now_ms, "bank-z", now_ms + MS_PER_MIN);
	(void)play_order(&t->play, now_ms, &alone);
	(void)play_order(&t->play, now_ms, &first);
	(void)play_order(&t->play, now_ms, &second);
}

/* --- delivery and settlement --- */

static void move(struct traffic *t, const struct lead_id *id, const Punnet__V1__Assignment *a,
		 int event)
{
	static const enum traffic_account accounts[][3] = {[CREDIT] = {RECEIVABLE, HOLD, MARGIN},
							   [APPROVE] = {HOLD, PAYABLE, 0},
							   [REVERSE] = {RECEIVABLE, HOLD, MARGIN}};
	int64_t price = a->price->amount_minor, payout = a->payout->amount_minor;
	int64_t sign = event == REVERSE ? -1 : 1;
	struct traffic_transfer *m = &t->transfers[t->transfer_count++];

	*m = (struct traffic_transfer){
	    .id = *id, .round = a->round, .event = event, .currency = "RUB"};
	for (int i = 0; i < 3; i++)
		m->account[i] = accounts[event][i];
	if (event == APPROVE) {
		m->amount[0] = payout;
		m->amount[1] = -payout;
	} else {
		m->amount[0] = sign * price;
		m->amount[1] = -sign * payout;
		m->amount[2] = -sign * (price - payout);
	}
	for (int i = 0; i < 3; i++)
		t->balance[m->account[i]] += m->amount[i];
}

static void answer(struct traffic *t, size_t n, int64_t now_ms)
{
	const Punnet__V1__RoutedLead *routed = t->records[SCAN_ROUTED][n].message;
	Punnet__V1__DeliveryAttempt attempt = PUNNET__V1__DELIVERY_ATTEMPT__INIT;
	Punnet__V1__Outcome outcome = PUNNET__V1__OUTCOME__INIT;
	const Punnet__V1__Assignment *a = routed->assignment;
	struct lead_id id, refused = play_lead_id(REFUSED_LEAD);
	bool no;

	assert(lead_id_from_bytes(routed->lead_id.data, routed->lead_id.len, &id));
	no = lead_id_equal(&id, &refused) && a->round == 0;
	attempt.lead_id = outcome.lead_id = routed->lead_id;
	attempt.assignment = outcome.assignment = routed->assignment;
	attempt.final = true;
	outcome.kind = no ? PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED
			  : PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED;
	(void)add(t, SCAN_ATTEMPTS, now_ms, &attempt.base);
	(void)add(t, SCAN_OUTCOMES, now_ms, &outcome.base);
	t->lives[t->life_count++] = (struct traffic_life){id, a->round, no ? 4 : 1, false};
	if (!no)
		move(t, &id, a, CREDIT);
	(void)play_settle(&t->play, now_ms, &id,
			  no ? PUNNET__V1__SETTLEMENT__REFUSED : PUNNET__V1__SETTLEMENT__DELIVERED,
			  a->round, a->order_id, UINT64_MAX);
}

static void judge_sale(struct traffic *t, uint64_t n, bool approved, int64_t now_ms)
{
	struct lead_id id = play_lead_id(n);
	Punnet__V1__Outcome outcome = PUNNET__V1__OUTCOME__INIT;
	const Punnet__V1__Assignment *a = NULL;

	for (size_t i = 0; i < t->count[SCAN_ROUTED] && !a; i++) {
		const Punnet__V1__RoutedLead *r = t->records[SCAN_ROUTED][i].message;

		if (memcmp(r->lead_id.data, id.bytes, sizeof(id.bytes)) == 0)
			a = r->assignment;
	}
	assert(a && a->round == 0);
	outcome.lead_id = codec_lead_id(&id);
	outcome.kind = approved ? PUNNET__V1__OUTCOME_KIND__OUTCOME_APPROVED
				: PUNNET__V1__OUTCOME_KIND__OUTCOME_RETURNED;
	(void)add(t, SCAN_OUTCOMES, now_ms, &outcome.base);
	for (size_t i = 0; i < t->life_count; i++)
		if (lead_id_equal(&t->lives[i].id, &id) && t->lives[i].round == 0)
			t->lives[i].state = approved ? 2 : 3;
	move(t, &id, a, approved ? APPROVE : REVERSE);
	if (approved)
		(void)play_settle(&t->play, now_ms, &id, PUNNET__V1__SETTLEMENT__APPROVED, 0,
				  a->order_id, UINT64_MAX);
	else
		(void)play_return(&t->play, now_ms, &id, 0, a->order_id, a->price->amount_minor);
}

void traffic_record(struct traffic *t)
{
	int64_t now_ms = TRAFFIC_NOON_MS;
	size_t answered = 0;

	*t = (struct traffic){.balance = {0}};
	play_start(&t->play);
	t->play.tap = tap;
	t->play.tap_ctx = t;
	open_market(t, now_ms);
	for (uint64_t n = 0; n < TRAFFIC_LEADS; n++) {
		struct play_lead l = {
		    .id = play_lead_id(n), .vertical = "osago", .judged_offset = n};

		take_in(t, n, now_ms += 1000);
		if (n != REJECTED_LEAD)
			(void)play_lead(&t->play, now_ms, &l);
		for (; answered < t->count[SCAN_ROUTED]; answered++)
			answer(t, answered, now_ms += 1000);
	}
	judge_sale(t, APPROVED_LEAD, true, now_ms += 1000);
	judge_sale(t, RETURNED_LEAD, false, now_ms += 1000);
}

void traffic_free(struct traffic *t)
{
	play_stop(&t->play);
	arena_free(&t->arena);
}

/* --- the audit --- */

static void tell_ledger(const struct traffic *t, struct audit *a)
{
	static const char *const names[ACCOUNTS] = {
	    [RECEIVABLE] = "advertisers:bank:receivable", [HOLD] = "webmasters:w17:hold",
	    [PAYABLE] = "webmasters:w17:payable",         [MARGIN] = "network:margin",
	    [FUNDS] = "advertisers:bank:funds",
	};

	audit_ledger_begin(a);
	for (size_t i = 0; i < t->life_count; i++)
		audit_life(a, &t->lives[i].id, t->lives[i].round, t->lives[i].state,
			   t->lives[i].is_test);
	for (int i = RECEIVABLE; i < ACCOUNTS; i++)
		audit_account(a, i, names[i], "RUB", t->balance[i]);
	for (size_t i = 0; i < t->transfer_count; i++) {
		const struct traffic_transfer *m = &t->transfers[i];

		if (m->lost)
			continue;
		audit_transfer(a, &m->id, m->round, m->event, m->currency);
		for (int k = 0; k < 3; k++)
			if (m->account[k])
				audit_entry(a, &m->id, m->round, m->event, m->account[k],
					    m->amount[k]);
	}
	audit_ledger_end(a);
}

void traffic_audit(const struct traffic *t, struct audit_line ret[AUDIT_INVARIANTS])
{
	struct audit *a = audit_new();

	for (int topic = 0; topic < AUDIT_TOPICS; topic++)
		audit_committed(a, topic, 0, INT32_MAX);
	for (int topic = SCAN_RAW; topic < SCAN_TOPICS; topic++) {
		for (size_t i = 0; i < t->count[topic]; i++) {
			const struct traffic_record *r = &t->records[topic][i];
			struct bus_record at = {.offset = (int64_t)i, .timestamp_ms = r->time_ms};

			if (!r->lost)
				audit_take(a, topic, &at, r->message);
		}
	}
	tell_ledger(t, a);
	audit_report(a, ret);
	audit_free(a);
}
