/* punnet dead-letters over a bus in memory: what is open is listed, what is retried stands in its topic once, and who did it
 * and why is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

#include "proto/dead_letters_acts.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/market.pb-c.h"
#include "tools/dead_letters.h"

#define PARTITION 1

struct world {
	struct tool tool;
	struct dead_letters d;
	struct bus_producer *producer;
};

static void stored(_unused_ void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	assert_int_equal(result, RESULT_OK);
}

static void world_begin(struct world *w)
{
	static const struct bus_topic_spec topics[] = {
	    {.name = "leads.raw", .partitions = 2, .retention_ms = -1},
	    {.name = "leads.judged", .partitions = 2, .retention_ms = -1},
	    {.name = "market", .partitions = 2, .retention_ms = -1, .append_time = true},
	    {.name = "leads.routed", .partitions = 2, .retention_ms = -1},
	    {.name = "leads.outcomes", .partitions = 2, .retention_ms = -1},
	    {.name = "dead.letters", .partitions = 1, .retention_ms = -1},
	    {.name = "dead.letters.acts", .partitions = 1, .retention_ms = -1, .append_time = true},
	};
	struct bus_producer_options options = {.on_ack = stored, .max_in_flight = 100};
	struct error e = {0};
	size_t created;

	*w = (struct world){0};
	w->tool.bus = bus_open("memory:", "test", &e);
	assert_non_null(w->tool.bus);
	assert_int_equal(
	    bus_topics_apply(w->tool.bus, topics, ARRAY_LEN(topics), 1000, &created, &e),
	    RESULT_OK);
	w->producer = bus_producer_open(w->tool.bus, &options, &e);
	assert_non_null(w->producer);
	w->d = (struct dead_letters){.tool = &w->tool, .who = "anna", .why = "a test"};
}

static void world_end(struct world *w)
{
	letters_free(&w->d.letters);
	arena_free(&w->d.arena);
	bus_producer_close(w->producer);
	bus_close(w->tool.bus);
}

static void put(struct world *w, const char *topic, int32_t partition, const char *type,
		struct slice value)
{
	assert_int_equal(
	    bus_produce(w->producer, topic, partition, slice_cstr("key"), type, value, 0),
	    RESULT_OK);
	assert_int_equal(bus_producer_flush(w->producer, 1000), RESULT_OK);
}

static void put_message(struct world *w, const char *topic, const ProtobufCMessage *m)
{
	_cleanup_(buf_free) struct buf b = {0};

	codec_pack(m, &b);
	put(w, topic, 0, codec_type(m->descriptor), buf_slice(&b));
}

static void put_aside(struct world *w, const char *topic, int64_t offset, const char *type,
		      struct slice original)
{
	Punnet__V1__DeadLetter m = PUNNET__V1__DEAD_LETTER__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	source.topic = (char *)topic;
	source.partition = PARTITION;
	source.offset = (uint64_t)offset;
	m.source = &source;
	m.original = (ProtobufCBinaryData){.len = original.len, .data = (uint8_t *)original.data};
	m.original_key = (ProtobufCBinaryData){.len = 3, .data = (uint8_t *)"key"};
	m.original_type = (char *)type;
	m.service = (char *)"filter-worker";
	m.reason_code = (char *)"unreadable";
	m.reason = (char *)"it is cut";
	m.at_ms = 1000 + offset;
	put_message(w, "dead.letters", &m.base);
}

static void put_aside_message(struct world *w, const char *topic, int64_t offset,
			      const ProtobufCMessage *m)
{
	_cleanup_(buf_free) struct buf b = {0};

	codec_pack(m, &b);
	put_aside(w, topic, offset, codec_type(m->descriptor), buf_slice(&b));
}

static void read_all(struct world *w)
{
	assert_int_equal(letters_read(w->tool.bus, &w->d.letters, &w->d.position, &w->d.error),
			 RESULT_OK);
}

static struct letter *letter_at(struct world *w, const char *topic, int64_t offset)
{
	struct letter_place p = {.partition = PARTITION, .offset = offset};

	snprintf(p.topic, sizeof(p.topic), "%s", topic);
	return letters_find(&w->d.letters, &p);
}

static int run(struct world *w, const char *verb, const char *place, const char *more)
{
	char *argv[] = {"dead-letters", (char *)verb, (char *)place, "--why", "it is mended",
			"--who",        "anna",       (char *)more,  NULL};
	int argc = more ? 8 : 7;

	return command_dead_letters(&w->tool, argc, argv);
}

static int64_t count_in(struct world *w, const char *topic)
{
	int64_t low, high;

	assert_int_equal(bus_offsets(w->tool.bus, topic, PARTITION, 1000, &low, &high), RESULT_OK);
	return high;
}

static Punnet__V1__RawLead raw_lead(void)
{
	static struct lead_id id = {{1, 2, 3}};
	Punnet__V1__RawLead m = PUNNET__V1__RAW_LEAD__INIT;

	m.lead_id = codec_lead_id(&id);
	return m;
}

/* --- tests --- */

static void a_record_that_was_put_aside_twice_is_one_letter(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	put_aside(&w, "leads.raw", 7, "", slice_cstr("noise"));
	put_aside(&w, "leads.raw", 7, "", slice_cstr("noise"));
	put_aside(&w, "leads.raw", 9, "", slice_cstr("noise"));
	read_all(&w);
	assert_int_equal(w.d.letters.open, 2);
	assert_int_equal(letters_oldest_ms(&w.d.letters), 1007);
	assert_int_equal(letter_at(&w, "leads.raw", 7)->bytes, 5);
	world_end(&w);
}

static bool keep(void *ctx, const struct bus_record *r)
{
	struct buf *b = ctx;

	assert_true(slice_is(r->key, "key"));
	assert_true(slice_is(r->type, "punnet.v1.RawLead"));
	buf_append_slice(b, r->value);
	return true;
}

static void a_raw_lead_is_put_in_again_byte_for_byte_and_its_letter_is_closed(_unused_ void **state)
{
	Punnet__V1__RawLead m = raw_lead();
	struct buf sent = {0}, stored = {0};
	struct world w;

	world_begin(&w);
	codec_pack(&m.base, &sent);
	put_aside_message(&w, "leads.raw", 7, &m.base);
	assert_int_equal(run(&w, "retry", "leads.raw/1@7", NULL), TOOL_DONE);
	assert_int_equal(
	    letters_each(w.tool.bus, "leads.raw", PARTITION, 0, 1, keep, &stored, &w.d.error),
	    RESULT_OK);
	assert_true(slice_equal(buf_slice(&sent), buf_slice(&stored)));
	read_all(&w);
	assert_int_equal(w.d.letters.open, 0);
	assert_int_equal(letter_at(&w, "leads.raw", 7)->state, LETTER_RETRIED);
	assert_int_equal(letter_at(&w, "leads.raw", 7)->sent.offset, 0);
	assert_string_equal(letter_at(&w, "leads.raw", 7)->who, "anna");
	assert_int_equal(run(&w, "retry", "leads.raw/1@7", NULL), TOOL_FOUND);
	assert_int_equal(run(&w, "discard", "leads.raw/1@7", NULL), TOOL_FOUND);
	assert_int_equal(count_in(&w, "leads.raw"), 1);
	buf_free(&sent);
	buf_free(&stored);
	world_end(&w);
}

static void what_is_discarded_is_closed_and_says_who_and_why(_unused_ void **state)
{
	struct world w;

	world_begin(&w);
	put_aside(&w, "leads.judged", 3, "", slice_cstr("noise"));
	assert_int_equal(run(&w, "retry", "leads.judged/1@3", NULL), TOOL_FOUND);
	assert_int_equal(run(&w, "discard", "leads.judged/1@3", NULL), TOOL_DONE);
	read_all(&w);
	assert_int_equal(letter_at(&w, "leads.judged", 3)->state, LETTER_DISCARDED);
	assert_int_equal(count_in(&w, "leads.judged"), 0);
	world_end(&w);
}

/* A lead of the market is told by the place of its verdict: in again, it would fall away without a word. */
static void what_would_fall_away_as_a_repeat_is_not_put_in(_unused_ void **state)
{
	Punnet__V1__MarketEvent m = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__LeadAdmitted admitted = PUNNET__V1__LEAD_ADMITTED__INIT;
	Punnet__V1__OrderChanged order = PUNNET__V1__ORDER_CHANGED__INIT;
	struct world w;

	world_begin(&w);
	m.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED;
	m.admitted = &admitted;
	put_aside_message(&w, "market", 1, &m.base);
	m.event_case = PUNNET__V1__MARKET_EVENT__EVENT_ORDER;
	m.order = &order;
	put_aside_message(&w, "market", 2, &m.base);
	put_aside(&w, "leads.raw", 3, "", slice_cstr("\xff noise"));
	assert_int_equal(run(&w, "retry", "market/1@1", NULL), TOOL_FOUND);
	assert_int_equal(run(&w, "retry", "market/1@2", NULL), TOOL_DONE);
	assert_int_equal(run(&w, "retry", "leads.raw/1@3", NULL), TOOL_FOUND);
	assert_int_equal(count_in(&w, "market"), 1);
	assert_int_equal(count_in(&w, "leads.raw"), 0);
	world_end(&w);
}

static void a_wrong_header_is_mended_when_the_operator_says_so(_unused_ void **state)
{
	Punnet__V1__RawLead m = raw_lead();
	struct buf sent = {0};
	struct world w;

	world_begin(&w);
	codec_pack(&m.base, &sent);
	put_aside(&w, "leads.raw", 7, "punnet.v1.Outcome", buf_slice(&sent));
	assert_int_equal(run(&w, "retry", "leads.raw/1@7", NULL), TOOL_FOUND);
	assert_int_equal(run(&w, "retry", "leads.raw/1@7", "--mend-type"), TOOL_DONE);
	assert_int_equal(count_in(&w, "leads.raw"), 1);
	buf_free(&sent);
	world_end(&w);
}

static bool check_routed(void *ctx, const struct bus_record *r)
{
	struct arena a = {0};
	const Punnet__V1__RoutedLead *m =
	    codec_unpack(&a, &punnet__v1__routed_lead__descriptor, r->value);

	assert_non_null(m);
	assert_string_equal(m->source->topic, "operator");
	assert_string_equal(m->retry->who, "anna");
	assert_string_equal(m->assignment->order_id, "o1");
	++*(int *)ctx;
	arena_free(&a);
	return true;
}

static void an_assignment_goes_to_delivery_as_the_operators_own(_unused_ void **state)
{
	Punnet__V1__RoutedLead m = PUNNET__V1__ROUTED_LEAD__INIT;
	Punnet__V1__Assignment assignment = PUNNET__V1__ASSIGNMENT__INIT;
	struct world w;
	int seen = 0;

	world_begin(&w);
	assignment.order_id = (char *)"o1";
	m.assignment = &assignment;
	put_aside_message(&w, "leads.routed", 4, &m.base);
	assert_int_equal(run(&w, "retry", "leads.routed/1@4", NULL), TOOL_DONE);
	assert_int_equal(letters_each(w.tool.bus, "leads.routed", PARTITION, 0, 1, check_routed,
				      &seen, &w.d.error),
			 RESULT_OK);
	assert_int_equal(seen, 1);
	world_end(&w);
}

/* The first operator is gone, before or after the record was stored; the second one goes on. */
static void go_on(bool stored)
{
	Punnet__V1__RawLead m = raw_lead();
	Punnet__V1__DeadLetterAct begun = PUNNET__V1__DEAD_LETTER_ACT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT, sent = source;
	struct buf bytes = {0};
	struct letter *t;
	struct world w;

	world_begin(&w);
	codec_pack(&m.base, &bytes);
	put(&w, "leads.raw", PARTITION, "punnet.v1.RawLead", buf_slice(&bytes)); /* of before */
	put_aside_message(&w, "leads.raw", 7, &m.base);
	source.topic = sent.topic = (char *)"leads.raw";
	source.partition = sent.partition = PARTITION;
	source.offset = 7;
	sent.offset = 1;
	begun.source = &source;
	begun.sent = &sent;
	begun.kind = PUNNET__V1__DEAD_LETTER_ACT_KIND__RETRY_BEGUN;
	begun.who = (char *)"boris";
	put_message(&w, "dead.letters.acts", &begun.base);
	if (stored)
		put(&w, "leads.raw", PARTITION, "punnet.v1.RawLead", buf_slice(&bytes));
	assert_int_equal(run(&w, "retry", "leads.raw/1@7", NULL), TOOL_FOUND); /* boris is at it */
	read_all(&w);
	t = letter_at(&w, "leads.raw", 7);
	assert_int_equal(t->state, LETTER_RETRYING);
	assert_string_equal(t->who, "boris");
	t->acted_at_ms -= LETTER_LEASE_MS + 1;
	assert_int_equal(dead_letter_retry(&w.d, t, dead_letter_record(&w.d, t)), RESULT_OK);
	assert_int_equal(count_in(&w, "leads.raw"), 2);
	buf_free(&bytes);
	world_end(&w);
}

static void
a_retry_that_was_left_behind_is_gone_on_with_and_stands_there_once(_unused_ void **state)
{
	go_on(false);
	go_on(true);
}

static void places_are_read_as_they_are_written(_unused_ void **state)
{
	struct letter_place p;

	assert_true(letter_place_parse("leads.raw/3@1207", &p));
	assert_string_equal(p.topic, "leads.raw");
	assert_int_equal(p.partition, 3);
	assert_int_equal(p.offset, 1207);
	assert_false(letter_place_parse("leads.raw/3", &p));
	assert_false(letter_place_parse("leads.raw@3", &p));
	assert_false(letter_place_parse("/3@1", &p));
	assert_false(letter_place_parse("leads.raw/x@1", &p));
	assert_false(letter_place_parse("leads.raw/3@", &p));
	assert_false(letter_place_parse("leads.raw/3@-1", &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_record_that_was_put_aside_twice_is_one_letter),
	    cmocka_unit_test(a_raw_lead_is_put_in_again_byte_for_byte_and_its_letter_is_closed),
	    cmocka_unit_test(what_is_discarded_is_closed_and_says_who_and_why),
	    cmocka_unit_test(what_would_fall_away_as_a_repeat_is_not_put_in),
	    cmocka_unit_test(a_wrong_header_is_mended_when_the_operator_says_so),
	    cmocka_unit_test(an_assignment_goes_to_delivery_as_the_operators_own),
	    cmocka_unit_test(a_retry_that_was_left_behind_is_gone_on_with_and_stands_there_once),
	    cmocka_unit_test(places_are_read_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
