/* contract_group: groups, commits, rebalances and back-pressure. */
#include <stdio.h>
#include <stdlib.h>

#include "contract.h"
#include "runtime/clock.h"

#define FILL 200 /* records that a test puts into each partition */

/* --- a member --- */

static int64_t on_assign(void *ctx, const struct bus_assignment *a,
			 _unused_ enum result *ret_result)
{
	struct member *m = ctx;

	assert_string_equal(a->topic, m->topic);
	assert_false(m->owns[a->partition]);
	m->owns[a->partition] = true;
	m->committed[a->partition] = a->committed;
	(void)snprintf(m->metadata[a->partition], sizeof(m->metadata[0]), SLICE_FMT,
		       SLICE_ARG(a->metadata));
	m->assigned++;
	m->next[a->partition] = a->committed >= 0 ? a->committed : MAX_OF(m->start_at, 0);
	return a->committed >= 0 ? a->committed : m->start_at;
}

static void on_revoke(void *ctx, const char *topic, int32_t partition, bool lost)
{
	struct member *m = ctx;

	assert_true(m->owns[partition]);
	if (m->commit_on_revoke && !lost)
		assert_int_equal(bus_commit_now(m->consumer, topic, partition, m->next[partition],
						SLICE("handed over"), WAIT_MS),
				 RESULT_OK);
	m->owns[partition] = false;
	m->revoked++;
	m->lost += lost;
}

void member_open(struct member *m, struct bus *b, const char *group, const char *instance_id,
		 const char *topic)
{
	struct bus_consumer_options o = {
	    .group = group,
	    .instance_id = instance_id,
	    .topics = &topic,
	    .topic_count = 1,
	    .on_assign = on_assign,
	    .on_revoke = on_revoke,
	    .ctx = m,
	};
	struct error error;

	memset(m, 0, sizeof(*m));
	m->start_at = -1;
	m->topic = topic;
	m->consumer = bus_consumer_open(b, &o, &error);
	if (!m->consumer)
		fail_msg("%s", error.text);
}

void member_close(struct member *m)
{
	bus_consumer_close(m->consumer);
	m->consumer = NULL;
	assert_int_equal(member_owned(m), 0); /* everything was given back */
}

size_t member_turn(struct member *m, size_t max)
{
	struct bus_record batch[TAKE_MAX];
	struct error error;
	size_t count;

	if (bus_take(m->consumer, batch, MIN_OF(max, TAKE_MAX), &count, &error) != RESULT_OK)
		fail_msg("%s", error.text);
	assert_true(count <= max);
	for (size_t i = 0; i < count; i++) {
		int32_t p = batch[i].partition;
		char text[16];

		(void)snprintf(text, sizeof(text), "%d", (int)batch[i].offset);
		assert_true(m->owns[p]); /* nothing of a partition that left, or has not arrived */
		assert_int_equal(batch[i].offset, m->next[p]);
		assert_true(slice_is(batch[i].value, text));
		m->next[p]++;
	}
	m->taken += count;
	bus_release(m->consumer, batch, count);
	if (count == 0)
		pause_until_readable(bus_consumer_fd(m->consumer), 20);
	return count;
}

size_t member_owned(const struct member *m)
{
	size_t count = 0;

	for (size_t i = 0; i < PARTITIONS_MAX; i++)
		count += m->owns[i];
	return count;
}

static void fill_all(struct rig *r, const char *topic, int32_t partitions, int from)
{
	struct writer w;

	writer_open(&w, r->bus, 1000);
	for (int32_t p = 0; p < partitions; p++) {
		memset(w.seen, 0, sizeof(w.seen));
		writer_fill(&w, topic, p, from, FILL);
		writer_flush(&w);
	}
	writer_close(&w);
}

/* --- the tests --- */

static void a_lone_member_gets_every_partition_from_its_beginning(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 4);
	struct member m;

	fill_all(r, topic, 4, 0);
	member_open(&m, r->bus, topic, NULL, topic);
	WAIT_UNTIL(m.taken == 4 * FILL, member_turn(&m, 100));
	assert_int_equal(m.assigned, 4);
	for (int p = 0; p < 4; p++) {
		assert_int_equal(m.committed[p], -1);
		assert_int_equal(m.next[p], FILL);
	}
	member_close(&m);
	assert_int_equal(m.revoked, 4);
	assert_int_equal(m.lost, 0);
}

static void the_owner_says_where_a_partition_starts(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct member m;

	fill_all(r, topic, 1, 0);
	member_open(&m, r->bus, topic, NULL, topic);
	m.start_at = 150;
	WAIT_UNTIL(m.taken == FILL - 150, member_turn(&m, 100));
	member_close(&m);
}

static void a_commit_comes_back_with_its_metadata(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 2);
	struct member m;

	fill_all(r, topic, 2, 0);
	member_open(&m, r->bus, topic, NULL, topic);
	WAIT_UNTIL(m.taken == 2 * FILL, member_turn(&m, 100));
	bus_commit(m.consumer, topic, 0, 50, SLICE("leads.raw/0=49.0"));
	bus_commit(m.consumer, topic, 0, 70, SLICE("leads.raw/0=69.0"));
	assert_int_equal(bus_commit_now(m.consumer, topic, 1, 20, SLICE(""), WAIT_MS), RESULT_OK);
	member_close(&m);

	member_open(&m, r->bus, topic, NULL, topic);
	WAIT_UNTIL(m.taken == FILL - 70 + FILL - 20, member_turn(&m, 100));
	assert_int_equal(m.committed[0], 70);
	assert_string_equal(m.metadata[0], "leads.raw/0=69.0");
	assert_int_equal(m.committed[1], 20);
	assert_string_equal(m.metadata[1], "");
	member_close(&m);
}

static bool group_has(struct rig *r, const char *topic, int32_t partitions, const int64_t *wanted)
{
	int64_t next[PARTITIONS_MAX];
	struct error error;

	assert_int_equal(bus_committed(r->bus, topic, topic, partitions, WAIT_MS, next, &error),
			 RESULT_OK);
	return memcmp(next, wanted, (size_t)partitions * sizeof(*wanted)) == 0;
}

static void commits_of_all_partitions_arrive_while_their_owner_goes_on(void **state)
{
	const int64_t wanted[] = {11, 22, 33, 44}, older[] = {11, 22, 40, 44};
	struct rig *r = *state;
	const char *topic = rig_topic(r, 4);
	struct member m;
	int64_t asked_ms;

	fill_all(r, topic, 4, 0);
	member_open(&m, r->bus, topic, NULL, topic);
	WAIT_UNTIL(m.taken == 4 * FILL, member_turn(&m, 100));
	assert_int_equal(bus_held_since_ms(m.consumer), 0);
	asked_ms = clock_monotonic_ms();
	for (int32_t p = 0; p < 4; p++)
		bus_commit(m.consumer, topic, p, wanted[p], SLICE("m"));
	WAIT_UNTIL(group_has(r, topic, 4, wanted), member_turn(&m, 100));
	WAIT_UNTIL(bus_held_since_ms(m.consumer) >= asked_ms, member_turn(&m, 100));

	/* What was to be committed before does not come after what is committed now. */
	bus_commit(m.consumer, topic, 2, 35, SLICE("older"));
	assert_int_equal(bus_commit_now(m.consumer, topic, 2, 40, SLICE("now"), WAIT_MS),
			 RESULT_OK);
	for (int i = 0; i < 5; i++)
		member_turn(&m, 100);
	assert_true(group_has(r, topic, 4, older));
	member_close(&m);
}

static void nothing_is_committed_that_was_not_asked_for(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct member m;

	fill_all(r, topic, 1, 0);
	for (int i = 0; i < 2; i++) {
		member_open(&m, r->bus, topic, NULL, topic);
		WAIT_UNTIL(m.taken == FILL, member_turn(&m, 100));
		assert_int_equal(m.committed[0], -1);
		member_close(&m);
	}
}

static void a_long_metadata_comes_back_whole(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	char text[BUS_METADATA_MAX_BYTES];
	struct member m;

	memset(text, 'x', sizeof(text));
	text[0] = 'a';
	member_open(&m, r->bus, topic, NULL, topic);
	WAIT_UNTIL(m.assigned == 1, member_turn(&m, 1));
	assert_int_equal(
	    bus_commit_now(m.consumer, topic, 0, 0, slice_of(text, sizeof(text)), WAIT_MS),
	    RESULT_OK);
	member_close(&m);
	member_open(&m, r->bus, topic, NULL, topic);
	WAIT_UNTIL(m.assigned == 1, member_turn(&m, 1));
	assert_int_equal(m.committed[0], 0);
	assert_int_equal(strlen(m.metadata[0]), sizeof(m.metadata[0]) - 1);
	assert_memory_equal(m.metadata[0], text, sizeof(m.metadata[0]) - 1);
	member_close(&m);
}

static void a_second_member_takes_over_from_the_commit(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 4);
	struct member a, b;

	fill_all(r, topic, 4, 0);
	member_open(&a, r->bus, topic, NULL, topic);
	a.commit_on_revoke = true;
	WAIT_UNTIL(a.taken == 4 * FILL, member_turn(&a, 100));

	member_open(&b, r->bus, topic, NULL, topic);
	WAIT_UNTIL(member_owned(&a) == 2 && member_owned(&b) == 2, {
		member_turn(&a, 100);
		member_turn(&b, 100);
	});
	assert_int_equal(a.lost, 0);
	for (int p = 0; p < 4; p++) {
		assert_true(a.owns[p] != b.owns[p]);
		if (b.owns[p]) {
			assert_int_equal(b.committed[p], FILL);
			assert_string_equal(b.metadata[p], "handed over");
		}
	}
	assert_int_equal(b.taken, 0);
	fill_all(r, topic, 4, FILL);
	WAIT_UNTIL(a.taken + b.taken == 8 * FILL, {
		member_turn(&a, 100);
		member_turn(&b, 100);
	});
	assert_int_equal(b.taken, 2 * FILL);

	/* A partition that left is not committed by the one who had it. */
	for (int p = 0; p < 4; p++)
		if (b.owns[p])
			bus_commit(a.consumer, topic, p, 1, SLICE("stale"));
	member_close(&a);
	WAIT_UNTIL(member_owned(&b) == 4, member_turn(&b, 100));
	for (int p = 0; p < 4; p++) {
		assert_true(b.committed[p] >= FILL);
		assert_string_not_equal(b.metadata[p], "stale");
	}
	member_close(&b);
}

static void nothing_comes_of_a_partition_that_left_while_records_wait(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 4);
	struct member a, b;

	fill_all(r, topic, 4, 0);
	member_open(&a, r->bus, topic, NULL, topic);
	a.commit_on_revoke = true;
	WAIT_UNTIL(a.taken > 0, member_turn(&a, 1)); /* the rest is fetched and waits */
	member_open(&b, r->bus, topic, NULL, topic);
	b.commit_on_revoke = true;
	/* member_turn() checks that each record is of an owned partition and continues where its commit stands. */
	WAIT_UNTIL(a.taken + b.taken == 4 * FILL, {
		member_turn(&a, 3);
		member_turn(&b, 3);
	});
	member_close(&a);
	member_close(&b);
}

static void a_member_that_takes_nothing_still_serves_its_group(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 2);
	struct member a, b;

	fill_all(r, topic, 2, 0);
	member_open(&a, r->bus, topic, NULL, topic);
	a.commit_on_revoke = true;
	WAIT_UNTIL(a.taken > 0, member_turn(&a, 1));
	size_t taken = a.taken;

	member_open(&b, r->bus, topic, NULL, topic);
	WAIT_UNTIL(member_owned(&a) == 1 && member_owned(&b) == 1, {
		assert_int_equal(member_turn(&a, 0), 0);
		assert_int_equal(member_turn(&b, 0), 0);
	});
	assert_int_equal(a.taken, taken);
	WAIT_UNTIL(a.taken + b.taken == 2 * FILL, {
		member_turn(&a, 100);
		member_turn(&b, 100);
	});
	member_close(&a);
	member_close(&b);
}

static void a_static_member_comes_back_and_nobody_else_notices(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 4);
	struct member a, b;
	bool had[PARTITIONS_MAX];

	member_open(&a, r->bus, topic, "a", topic);
	member_open(&b, r->bus, topic, "b", topic);
	WAIT_UNTIL(member_owned(&a) == 2 && member_owned(&b) == 2, {
		member_turn(&a, 1);
		member_turn(&b, 1);
	});
	size_t revoked = a.revoked;
	memcpy(had, b.owns, sizeof(had));

	member_close(&b);
	member_open(&b, r->bus, topic, "b", topic);
	WAIT_UNTIL(member_owned(&b) == 2, {
		member_turn(&a, 1);
		member_turn(&b, 1);
	});
	assert_memory_equal(b.owns, had, sizeof(had));
	assert_int_equal(a.revoked, revoked);
	member_close(&a);
	member_close(&b);
}

static void an_older_instance_of_the_same_static_id_is_fenced(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct bus_record record;
	enum result result = RESULT_OK;
	struct member a, b;
	struct error error;
	size_t count;

	member_open(&a, r->bus, topic, "same", topic);
	WAIT_UNTIL(a.assigned == 1, member_turn(&a, 1));
	member_open(&b, r->bus, topic, "same", topic);
	WAIT_UNTIL(result == RESULT_FATAL, {
		result = bus_take(a.consumer, &record, 1, &count, &error);
		member_turn(&b, 1);
	});
	assert_true(error.text[0] != 0);
	WAIT_UNTIL(b.assigned == 1, member_turn(&b, 1));
	member_close(&a);
	member_close(&b);
}

static int64_t refuse(_unused_ void *ctx, _unused_ const struct bus_assignment *a,
		      enum result *ret_result)
{
	*ret_result = RESULT_FATAL;
	return -1;
}

static void ignore(_unused_ void *ctx, _unused_ const char *topic, _unused_ int32_t partition,
		   _unused_ bool lost)
{
}

static void an_owner_that_cant_start_ends_its_consumer(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct bus_consumer_options o = {.group = topic,
					 .topics = &topic,
					 .topic_count = 1,
					 .on_assign = refuse,
					 .on_revoke = ignore};
	struct bus_consumer *c = bus_consumer_open(r->bus, &o, NULL);
	enum result result = RESULT_OK;
	struct bus_record record;
	size_t count;

	assert_non_null(c);
	WAIT_UNTIL(result == RESULT_FATAL, result = bus_take(c, &record, 1, &count, NULL));
	bus_consumer_close(c);
}

static void a_consumer_that_was_never_served_closes(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 1);
	struct member m;

	member_open(&m, r->bus, topic, NULL, topic);
	member_close(&m);
}

/* --- reading alone --- */

struct span {
	int64_t next, stop_at;
};

static enum result each_in_order(void *ctx, const struct bus_record *record, struct error *e)
{
	struct span *s = ctx;

	assert_int_equal(record->offset, s->next);
	s->next++;
	return record->offset == s->stop_at ? error_set(e, RESULT_BAD, "enough") : RESULT_OK;
}

static enum result read_span(struct rig *r, const char *topic, int64_t from, int64_t end,
			     struct span *s)
{
	struct error e = {0};

	return bus_read_span(r->bus, topic, 1, from, end, 500, each_in_order, s, &e);
}

static void a_span_is_read_and_nothing_beside_it(void **state)
{
	struct rig *r = *state;
	const char *topic = rig_topic(r, 2);
	struct span all = {0, -1}, part = {700, -1}, some = {0, 5}, beyond = {1195, -1},
		    none = {0, -1};
	struct writer w;

	writer_open(&w, r->bus, 2000);
	writer_fill(&w, topic, 1, 0, 1200);
	writer_flush(&w);
	writer_close(&w);
	assert_int_equal(read_span(r, topic, 0, 1200, &all), RESULT_OK);
	assert_int_equal(all.next, 1200);
	assert_int_equal(read_span(r, topic, 700, 703, &part), RESULT_OK);
	assert_int_equal(part.next, 703);
	assert_int_equal(read_span(r, topic, 0, 1200, &some), RESULT_BAD);
	assert_int_equal(some.next, 6);
	assert_int_equal(read_span(r, topic, 9, 9, &none), RESULT_OK);
	assert_int_equal(none.next, 0);
	assert_int_equal(read_span(r, topic, 1195, 1201, &beyond), RESULT_AWAY);
	assert_int_equal(beyond.next, 1200);
}

const struct CMUnitTest group_tests[] = {
    cmocka_unit_test(a_span_is_read_and_nothing_beside_it),
    cmocka_unit_test(a_lone_member_gets_every_partition_from_its_beginning),
    cmocka_unit_test(the_owner_says_where_a_partition_starts),
    cmocka_unit_test(a_commit_comes_back_with_its_metadata),
    cmocka_unit_test(commits_of_all_partitions_arrive_while_their_owner_goes_on),
    cmocka_unit_test(nothing_is_committed_that_was_not_asked_for),
    cmocka_unit_test(a_long_metadata_comes_back_whole),
    cmocka_unit_test(a_second_member_takes_over_from_the_commit),
    cmocka_unit_test(nothing_comes_of_a_partition_that_left_while_records_wait),
    cmocka_unit_test(a_member_that_takes_nothing_still_serves_its_group),
    cmocka_unit_test(a_static_member_comes_back_and_nobody_else_notices),
    cmocka_unit_test(an_older_instance_of_the_same_static_id_is_fenced),
    cmocka_unit_test(an_owner_that_cant_start_ends_its_consumer),
    cmocka_unit_test(a_consumer_that_was_never_served_closes),
};
const size_t group_test_count = ARRAY_LEN(group_tests);
