/* What a scenario's text can't say: malformed events, limits, what the records carry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "play.h"
#include "router/core/decision_write.h"
#include "router/core/match.h"

#define NOW_MS (1796083200000LL)

static void add_order(struct play *p, const char *id, int64_t price_minor)
{
	struct play_order o = {
	    .id = id, .vertical = "osago", .revision = 3, .price_minor = price_minor};

	assert_int_equal(play_order(p, NOW_MS, &o), MARKET_CHANGED);
}

static enum market_answer add_lead(struct play *p, uint64_t n)
{
	struct play_lead l = {.id = play_lead_id(n),
			      .vertical = "osago",
			      .country = "RU",
			      .judged_offset = UINT64_MAX};

	return play_lead(p, NOW_MS + 1, &l);
}

static void an_assignment_says_all_that_the_next_stages_need(void **state)
{
	const Punnet__V1__RoutedLead *r;
	struct play p;

	(void)state;
	play_start(&p);
	add_order(&p, "A", 45000);
	assert_int_equal(add_lead(&p, 1), MARKET_CHANGED);
	r = p.decisions.items[0].routed;
	assert_non_null(r);
	assert_string_equal(r->source->topic, "market");
	assert_int_equal(r->source->offset, 1);
	assert_string_equal(r->assignment->market->topic, "market");
	assert_int_equal(r->assignment->market->offset, 1);
	assert_string_equal(r->assignment->advertiser_id, "bank");
	assert_string_equal(r->assignment->aff_id, "w17");
	assert_string_equal(r->assignment->price->currency, "RUB");
	assert_int_equal(r->assignment->payout->amount_minor, 31500);
	assert_int_equal(r->assignment->order_revision, 3);
	assert_int_equal(r->assignment->decided_at_ms, NOW_MS + 1);
	assert_true(r->assignment->exclusive);
	assert_true(slice_is(codec_bytes(r->contact->box), "sealed"));
	assert_string_equal(r->delivery_json, "{\"channel\":\"webhook\"}");
	assert_true(r->decision->market_digest == market_digest(p.market));
	play_stop(&p);
}

static void a_lead_that_is_offered_on_carries_its_contact_along(void **state)
{
	struct lead_id id = play_lead_id(1);
	const Punnet__V1__RoutedLead *r;
	struct play p;

	(void)state;
	play_start(&p);
	add_order(&p, "A", 45000);
	add_order(&p, "B", 40000);
	assert_int_equal(add_lead(&p, 1), MARKET_CHANGED);
	assert_int_equal(
	    play_settle(&p, NOW_MS + 2, &id, PUNNET__V1__SETTLEMENT__REFUSED, 0, "A", UINT64_MAX),
	    MARKET_CHANGED);
	r = p.decisions.items[0].routed;
	assert_non_null(r);
	assert_int_equal(r->assignment->round, 1);
	assert_int_equal(r->source->offset, 3);
	assert_true(slice_is(codec_bytes(r->contact->box), "sealed"));
	assert_string_equal(r->lead->aff_id, "w17");
	assert_memory_equal(r->lead_id.data, id.bytes, sizeof(id.bytes));
	play_stop(&p);
}

/* Nobody could open it: to ask the next buyer would end the same way, order after order. */
/* decision_write.c names every field by hand: whoever adds one finds this, and writes it there. */
static void no_field_was_added_that_is_not_written(void **state)
{
	static const struct {
		const ProtobufCMessageDescriptor *type;
		unsigned fields;
	} rows[] = {
	    {&punnet__v1__routed_lead__descriptor, 8},
	    {&punnet__v1__unsold_lead__descriptor, 5},
	    {&punnet__v1__lead__descriptor, 18},
	    {&punnet__v1__field__descriptor, 6},
	    {&punnet__v1__sealed_contact__descriptor, 6},
	    {&punnet__v1__assignment__descriptor, 18},
	    {&punnet__v1__candidate__descriptor, 5},
	    {&punnet__v1__decision_record__descriptor, 5},
	    {&punnet__v1__payout_basis__descriptor, 9},
	    {&punnet__v1__provenance__descriptor, 4},
	    {&punnet__v1__money__descriptor, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type->n_fields != rows[i].fields)
			fail_msg("%s has %u fields", rows[i].type->name, rows[i].type->n_fields);
}

static void an_erased_lead_is_offered_to_nobody_else(void **state)
{
	static const char *const ends[] = {"erased", "contact_destroyed"};
	struct lead_id id;
	struct play p;

	(void)state;
	play_start(&p);
	add_order(&p, "A", 45000);
	add_order(&p, "B", 40000);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		id = play_lead_id(i + 1);
		assert_int_equal(add_lead(&p, i + 1), MARKET_CHANGED);
		assert_int_equal(play_undeliverable(&p, NOW_MS + 2, &id, 0, "A", ends[i]),
				 MARKET_CHANGED);
		assert_int_equal(p.decisions.count, 1);
		assert_non_null(p.decisions.items[0].unsold);
		assert_string_equal(p.decisions.items[0].unsold->reason_code, ends[i]);
	}
	assert_int_equal(market_open_leads(p.market), 0);
	/* any other reason: the next one is asked */
	assert_int_equal(add_lead(&p, 3), MARKET_CHANGED);
	id = play_lead_id(3);
	assert_int_equal(play_undeliverable(&p, NOW_MS + 3, &id, 0, "A", "unreachable"),
			 MARKET_CHANGED);
	assert_non_null(p.decisions.items[0].routed);
	play_stop(&p);
}

static void a_long_tail_of_orders_is_counted_not_listed(void **state)
{
	const Punnet__V1__DecisionRecord *d;
	char id[16];
	struct play p;

	(void)state;
	play_start(&p);
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "o%03d", i);
		add_order(&p, id, 100 + i);
	}
	assert_int_equal(add_lead(&p, 1), MARKET_CHANGED);
	d = play_record(&p);
	assert_int_equal(d->n_candidates, MATCH_FITS_MAX + 1);
	assert_string_equal(d->candidates[0]->order_id, "o099");
	for (int i = 1; i < MATCH_FITS_MAX; i++)
		assert_true(d->candidates[i - 1]->price->amount_minor >
			    d->candidates[i]->price->amount_minor);
	assert_string_equal(d->candidates[MATCH_FITS_MAX]->code, "more_orders");
	assert_string_equal(d->candidates[MATCH_FITS_MAX]->detail, "92 more orders");
	play_stop(&p);
}

/* Of what misses the nearest are listed, and the summary is theirs: here those of a cap, however little they pay. */
static void an_unsold_lead_names_the_near_misses_first(void **state)
{
	const Punnet__V1__DecisionRecord *d;
	char id[16];
	struct play p;

	(void)state;
	play_start(&p);
	for (int i = 0; i < 300; i++) {
		struct play_order o = {.id = id,
				       .vertical = "osago",
				       .revision = 3,
				       .price_minor = 1000 + i,
				       .countries = {i % 3 == 0 ? "RU" : "KZ"},
				       .country_count = 1,
				       .cap_day = i % 3 == 0 ? 1 : 0};

		snprintf(id, sizeof(id), "o%03d", i);
		assert_int_equal(play_order(&p, NOW_MS, &o), MARKET_CHANGED);
	}
	for (uint64_t n = 1; n <= 100; n++) {
		assert_int_equal(add_lead(&p, n), MARKET_CHANGED);
		assert_non_null(play_assignment(&p));
	}
	assert_int_equal(add_lead(&p, 101), MARKET_CHANGED);
	d = play_record(&p);
	assert_string_equal(p.decisions.items[0].unsold->reason_code, "cap_day");
	assert_int_equal(d->n_candidates, MARKET_CANDIDATES_MAX + 1);
	assert_string_equal(d->candidates[0]->order_id, "o297");
	for (int i = 0; i < MARKET_CANDIDATES_MAX; i++)
		assert_string_equal(d->candidates[i]->code, "cap_day");
	assert_string_equal(d->candidates[MARKET_CANDIDATES_MAX]->detail, "236 more orders");
	play_stop(&p);
}

static void a_settlement_that_comes_again_counts_once(void **state)
{
	struct lead_id id = play_lead_id(1);
	struct play p;

	(void)state;
	play_start(&p);
	add_order(&p, "A", 45000);
	assert_int_equal(add_lead(&p, 1), MARKET_CHANGED);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    play_settle(&p, NOW_MS, &id, PUNNET__V1__SETTLEMENT__RETURNED, 0, "A", 5),
		    i == 0 ? MARKET_CHANGED : MARKET_REPEAT);
	assert_int_equal(play_find(&p, "A")->returned, 1);
	play_stop(&p);
}

static void what_can_not_be_understood_changes_nothing_but_the_time(void **state)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadAdmitted admitted = PUNNET__V1__LEAD_ADMITTED__INIT;
	Punnet__V1__OrderChanged changed = PUNNET__V1__ORDER_CHANGED__INIT;
	Punnet__V1__OrderTerms terms = PUNNET__V1__ORDER_TERMS__INIT;
	struct play p;

	(void)state;
	play_start(&p);
	assert_int_equal(market_apply(p.market, NULL, NOW_MS, 0, &p.arena, &p.decisions),
			 MARKET_MALFORMED);
	assert_int_equal(market_log_time_ms(p.market), NOW_MS);
	assert_int_equal(play_event(&p, NOW_MS, &event), MARKET_MALFORMED);
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED;
	event.admitted = &admitted;
	assert_int_equal(play_event(&p, NOW_MS, &event), MARKET_MALFORMED);
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ORDER;
	event.order = &changed;
	assert_int_equal(play_event(&p, NOW_MS, &event), MARKET_MALFORMED);
	terms.order_id = (char *)"A";
	changed.terms = &terms;
	assert_int_equal(play_event(&p, NOW_MS, &event), MARKET_MALFORMED);
	assert_int_equal(play_rate(&p, NOW_MS, "osago", 10001), MARKET_MALFORMED);
	assert_int_equal(market_orders(p.market), 0);
	assert_int_equal(p.decisions.count, 0);
	play_stop(&p);
}

/* A field of a newer version, in each message that is carried on. */
static void mark(ProtobufCMessage *m)
{
	static uint8_t newer[] = {7};
	static ProtobufCMessageUnknownField field = {
	    .tag = 900, .wire_type = PROTOBUF_C_WIRE_TYPE_VARINT, .len = 1, .data = newer};

	m->unknown_fields = &field;
	m->n_unknown_fields = 1;
}

static void what_a_newer_version_says_of_a_lead_goes_on(void **state)
{
	(void)state;
	for (int which = 0; which < 3; which++) {
		Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
		Punnet__V1__LeadAdmitted admitted = PUNNET__V1__LEAD_ADMITTED__INIT;
		Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
		Punnet__V1__SealedContact contact = PUNNET__V1__SEALED_CONTACT__INIT;
		Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
		Punnet__V1__Field age = PUNNET__V1__FIELD__INIT, *fields[] = {&age};
		ProtobufCMessage *carried[] = {&lead.base, &contact.base, &age.base};
		_cleanup_(buf_free) struct buf out = {0};
		struct lead_id id = play_lead_id(1);
		struct play p;

		play_start(&p);
		add_order(&p, "A", 45000);
		mark(carried[which]);
		age.name = (char *)"age";
		age.value_case = PUNNET__V1__FIELD__VALUE_INTEGER;
		lead.vertical = (char *)"osago";
		lead.country = (char *)"RU";
		lead.fields = fields;
		lead.n_fields = 1;
		source.topic = (char *)"leads.judged";
		admitted.lead = &lead;
		admitted.contact = &contact;
		event.lead_id = codec_lead_id(&id);
		event.source = &source;
		event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED;
		event.admitted = &admitted;
		assert_int_equal(play_event(&p, NOW_MS, &event), MARKET_CHANGED);
		assert_non_null(p.decisions.items[0].routed);
		decision_write(&p.decisions.items[0], &out);
		assert_non_null(memmem(out.data, out.len, "\xa0\x38\x07", 3));
		play_stop(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_assignment_says_all_that_the_next_stages_need),
	    cmocka_unit_test(a_lead_that_is_offered_on_carries_its_contact_along),
	    cmocka_unit_test(no_field_was_added_that_is_not_written),
	    cmocka_unit_test(an_erased_lead_is_offered_to_nobody_else),
	    cmocka_unit_test(a_long_tail_of_orders_is_counted_not_listed),
	    cmocka_unit_test(an_unsold_lead_names_the_near_misses_first),
	    cmocka_unit_test(a_settlement_that_comes_again_counts_once),
	    cmocka_unit_test(what_can_not_be_understood_changes_nothing_but_the_time),
	    cmocka_unit_test(what_a_newer_version_says_of_a_lead_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
