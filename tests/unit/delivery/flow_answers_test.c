/* What delivery does with an answer besides ending a lead: it asks where none came, and keeps what may be kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow_world.h"
#include "lead/codec.h"
#include "proto/leads_attempts.pb-c.h"
#include "proto/leads_routed.pb-c.h"

#define ATTEMPTS_MAX 8

struct attempts {
	struct arena arena;
	const Punnet__V1__DeliveryAttempt *all[ATTEMPTS_MAX];
	size_t count;
};

static void keep_attempt(void *ctx, struct slice value)
{
	struct attempts *a = ctx;

	seen_attempt(NULL, value);
	assert_true(a->count < ATTEMPTS_MAX);
	a->all[a->count++] =
	    codec_unpack(&a->arena, &punnet__v1__delivery_attempt__descriptor, value);
}

/* Plays one lead to its end. */
static struct seen play(const char *settings, struct attempts *ret)
{
	struct routed routed = {1, NULL, "bank-a", SEALING_DAY, settings};
	struct outcomes *o = calloc(1, sizeof(*o));
	struct seen seen;
	struct world w;

	*ret = (struct attempts){0};
	world_open(&w);
	open_delivery(&w);
	route(&w, &routed, NULL);
	turn_until(&w, "leads.outcomes", 1);
	read_topic(&w, "leads.outcomes", seen_outcome, o);
	read_topic(&w, "leads.attempts", keep_attempt, ret);
	seen = *outcome_of_lead(o, 1);
	free(o);
	world_close(&w);
	return seen;
}

#define ASKING(post, asked)                                                                        \
	"{\"webhook\":{\"url\":\"http://127.0.0.1:%d/" post "\",\"timeout_ms\":300},"              \
	"\"on_unknown\":{\"query\":{\"url\":\"http://127.0.0.1:%d/asked/" asked "/{key}\"}}}"

static void who_did_not_answer_is_asked_and_not_sent_the_lead_again(_unused_ void **state)
{
	static const struct {
		const char *settings;
		Punnet__V1__OutcomeKind kind;
		uint32_t attempts;
		int asks[3];
	} rows[] = {
	    {ASKING("never", "arrived"), PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED, 2, {0, 1}},
	    {ASKING("never", "refused"), PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED, 2, {0, 1}},
	    /* it never arrived: sent again, under the same key */
	    {ASKING("hang_once", "absent"),
	     PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED,
	     3,
	     {0, 1, 0}},
	    /* nobody can say: the doubt stays */
	    {ASKING("never", "broken"), PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED, 3, {0, 1, 1}},
	    {ASKING("never", "elsewhere"),
	     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED,
	     3,
	     {0, 1, 1}},
	    /* no doubt, nothing to ask */
	    {ASKING("status/500", "arrived"),
	     PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE,
	     3,
	     {0, 0, 0}},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct attempts a;
		struct seen s = play(rows[i].settings, &a);

		if (s.kind != rows[i].kind || s.attempts != rows[i].attempts)
			fail_msg("row %zu: kind %d after %u attempts (%s)", i, (int)s.kind,
				 s.attempts, s.reason);
		for (size_t n = 0; n < a.count; n++)
			assert_int_equal(a.all[n]->ask, rows[i].asks[n]);
		arena_free(&a.arena);
	}
}

static void of_an_answer_is_kept_what_another_reading_needs_and_no_contact(_unused_ void **state)
{
	struct attempts a;

	play("{\"webhook\":{\"url\":\"http://127.0.0.1:%d/"
	     "price\",\"success\":{\"price\":{\"pointer\":"
	     "\"/price\",\"unit\":\"major\"}}}}",
	     &a);
	assert_int_equal(a.count, 1);
	assert_string_equal(
	    a.all[0]->answer_sample,
	    "{\"outcome\":\"accepted\",\"price\":\"450.50\",\"phone\":\"***\",\"who\":["
	    "\"***\"]}");
	assert_true(a.all[0]->answer_whole);
	assert_string_equal(a.all[0]->channel, "webhook");
	assert_non_null(a.all[0]->answered_price);
	assert_int_equal(a.all[0]->answered_price->amount_minor, 45050);
	assert_string_equal(a.all[0]->answered_price->currency, "RUB");
	arena_free(&a.arena);
}

static void of_an_answer_that_hides_a_contact_no_text_is_kept(_unused_ void **state)
{
	struct attempts a;

	play("{\"webhook\":{\"url\":\"http://127.0.0.1:%d/"
	     "disguise\",\"success\":{\"price\":{\"pointer\":"
	     "\"/price\",\"unit\":\"major\"}}}}",
	     &a);
	assert_int_equal(a.count, 1);
	assert_string_equal(a.all[0]->answer_sample, "");
	assert_string_equal(a.all[0]->answer_excerpt, "");
	assert_false(a.all[0]->answer_whole);
	assert_int_equal(a.all[0]->answered_price->amount_minor, 45050);
	arena_free(&a.arena);
}

/* The operator's record: the same lead, marked. */
static void retry(struct world *w, const struct routed *r)
{
	struct bus_reader *reader;
	struct bus_record record;
	struct arena a = {0};
	struct error e = {0};
	Punnet__V1__RoutedLead *m;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__RetryRequest request = PUNNET__V1__RETRY_REQUEST__INIT;
	size_t count;

	reader = bus_reader_open(w->bus, "leads.routed", r->lead % PARTITIONS, 0, &e);
	assert_int_equal(bus_reader_take(reader, &record, 1, 0, &count, &e), RESULT_OK);
	m = codec_unpack(&a, &punnet__v1__routed_lead__descriptor, record.value);
	source.topic = (char *)"operator";
	request.who = (char *)"olga";
	m->source = &source;
	m->retry = &request;
	put_message(w, "leads.routed", r->lead % PARTITIONS, SLICE("order-1"), &m->base);
	bus_reader_close(reader);
	arena_free(&a);
}

static void an_unresolved_lead_is_handed_over_again_when_an_operator_says_so(_unused_ void **state)
{
	static const struct routed row = {1, "hang_thrice", "bank-a", SEALING_DAY, NULL};
	struct attempts a = {0};
	struct outcomes *o = calloc(1, sizeof(*o));
	struct world w;

	world_open(&w);
	open_delivery(&w);
	route(&w, &row, NULL);
	turn_until(&w, "leads.outcomes", 1);
	retry(&w, &row);
	turn_until(&w, "leads.outcomes", 2);
	read_topic(&w, "leads.outcomes", seen_outcome, o);
	assert_int_equal(o->seen[0].kind, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED);
	assert_int_equal(o->seen[1].kind, PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED);
	read_topic(&w, "leads.attempts", keep_attempt, &a);
	assert_int_equal(a.count, 4);
	assert_string_equal(a.all[3]->retried_by, "olga");
	assert_int_equal(a.all[3]->attempt, 1);
	/* a successor that reads both knows which is whose */
	close_delivery(&w);
	open_delivery(&w);
	turn_until(&w, "leads.outcomes", 3);
	assert_int_equal(read_topic(&w, "leads.attempts", NULL, NULL), 4);
	arena_free(&a.arena);
	free(o);
	world_close(&w);
}

static void what_is_handed_over_again_and_fails_stays_in_doubt(_unused_ void **state)
{
	static const struct routed row = {1, "status/500", "bank-a", SEALING_DAY, NULL};
	struct outcomes *o = calloc(1, sizeof(*o));
	struct world w;

	world_open(&w);
	open_delivery(&w);
	route(&w, &row, NULL);
	turn_until(&w, "leads.outcomes", 1);
	retry(&w, &row);
	turn_until(&w, "leads.outcomes", 2);
	read_topic(&w, "leads.outcomes", seen_outcome, o);
	assert_int_equal(o->seen[0].kind, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE);
	assert_int_equal(o->seen[1].kind, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED);
	free(o);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_did_not_answer_is_asked_and_not_sent_the_lead_again),
	    cmocka_unit_test(an_unresolved_lead_is_handed_over_again_when_an_operator_says_so),
	    cmocka_unit_test(what_is_handed_over_again_and_fails_stays_in_doubt),
	    cmocka_unit_test(of_an_answer_that_hides_a_contact_no_text_is_kept),
	    cmocka_unit_test(of_an_answer_is_kept_what_another_reading_needs_and_no_contact),
	};

	return cmocka_run_group_tests(tests, flow_start_server, flow_stop_server);
}
