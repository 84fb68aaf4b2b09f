/* The worker between a bus in memory and a ledger in SQLite: what comes out at the other end,
 * crashes included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "lead/codec.h"
#include "payout/core/feedback.h"
#include "payout/store/db.h"
#include "proto/dead_letters.pb-c.h"
#include "proto/market.pb-c.h"
#include "proto/webmasters_verdicts.pb-c.h"
#include "runtime/bus_memory.h"
#include "worker_world.h"

#define LEADS 400

/* Reads the market as the router does: what is not newer falls away. Returns how many are left;
 * *ret_repeats the rest. */
static size_t read_market(struct world *w, size_t *ret_repeats)
{
	struct bus_record records[100];
	struct arena arena = {0};
	struct error e = {0};
	struct bus_reader *reader = bus_reader_open(w->bus, "market", 1, 0, &e);
	uint64_t last = 0;
	size_t count, fresh = 0;

	*ret_repeats = 0;
	for (;;) {
		assert_int_equal(
		    bus_reader_take(reader, records, ARRAY_LEN(records), 0, &count, &e), RESULT_OK);
		if (count == 0)
			break;
		for (size_t i = 0; i < count; i++) {
			const Punnet__V1__MarketEvent *m = codec_unpack(
			    &arena, &punnet__v1__market_event__descriptor, records[i].value);

			assert_non_null(m);
			assert_string_equal(m->source->topic, FEEDBACK_SOURCE);
			if (m->source->offset <= last) {
				(*ret_repeats)++;
				continue;
			}
			last = m->source->offset;
			fresh++;
		}
	}
	bus_reader_close(reader);
	arena_free(&arena);
	return fresh;
}

static int64_t dead_letters(struct world *w)
{
	int64_t low, high;

	assert_int_equal(bus_offsets(w->bus, "dead.letters", 0, 1000, &low, &high), RESULT_OK);
	return high;
}

static void
what_was_settled_reaches_the_market_in_order_and_the_outbox_is_empty(_unused_ void **state)
{
	static struct outcomes o;
	struct world w;
	size_t repeats;
	int64_t rows;

	world_begin(&w);
	outcomes_mixture(&o, 11, LEADS);
	publish(&w, &o);
	run_until_quiet(&w, o.count);
	assert_true(dead_letters(&w) > 0);
	/* Each outcome that could be read moved something or was ignored; without repeats the
	 * numbers are dense. */
	assert_true(read_market(&w, &repeats) >= LEADS);
	assert_int_equal(repeats, 0);
	assert_int_equal(store_outbox_backlog(w.store, &rows, NULL), RESULT_OK);
	assert_int_equal(rows, 0);
	world_end(&w);
	outcomes_free(&o);
}

static void
a_worker_that_ends_anywhere_is_followed_by_one_that_repeats_and_loses_nothing(_unused_ void **state)
{
	static struct outcomes o;
	size_t undisturbed, repeats, total_repeats = 0;
	struct world w;

	outcomes_mixture(&o, 12, LEADS);
	world_begin(&w);
	publish(&w, &o);
	run_until_quiet(&w, o.count);
	undisturbed = read_market(&w, &repeats);
	world_end(&w);

	for (int turns = 1; turns < 20; turns += 3) {
		world_begin(&w);
		publish(&w, &o);
		for (int life = 0; life < 3; life++) {
			for (int i = 0; i < turns; i++)
				one_turn(&w);
			close_worker(&w);
			open_worker(&w);
		}
		run_until_quiet(&w, o.count);
		assert_int_equal(read_market(&w, &repeats), undisturbed);
		total_repeats += repeats;
		world_end(&w);
	}
	print_message("  %zu repeats fell away\n", total_repeats);
	outcomes_free(&o);
}

/* --- sums of verdicts --- */

#define LINE_TURNS 50 /* of a worker with nothing else to do */

struct told {
	size_t records;
	int64_t verdicts[5]; /* of the newest record of w0 to w4 */
};

static void keep(struct told *ret, const struct bus_record *r)
{
	struct arena arena = {0};
	const Punnet__V1__WebmasterVerdicts *m =
	    codec_unpack(&arena, &punnet__v1__webmaster_verdicts__descriptor, r->value);

	assert_non_null(m);
	assert_string_equal(m->vertical, "credit_card");
	assert_true(slice_is(r->type, "punnet.v1.WebmasterVerdicts"));
	assert_true(
	    slice_equal(r->key, slice_cstr(arena_printf(&arena, "%s|%s", m->vertical, m->aff_id))));
	assert_int_equal(m->at_ms / MS_PER_DAY - m->since_ms / MS_PER_DAY, 89);
	assert_int_equal(m->since_ms % MS_PER_DAY, 0);
	ret->verdicts[m->aff_id[1] - '0'] = (int64_t)(m->approved + m->returned);
	arena_free(&arena);
}

static struct told read_told(struct world *w)
{
	struct bus_reader *reader = bus_reader_open(w->bus, "webmasters.verdicts", 0, 0, NULL);
	struct bus_record records[100];
	struct told told = {0};
	size_t count;

	do {
		assert_int_equal(
		    bus_reader_take(reader, records, ARRAY_LEN(records), 0, &count, NULL),
		    RESULT_OK);
		for (size_t i = 0; i < count; i++)
			keep(&told, &records[i]);
		told.records += count;
	} while (count > 0);
	bus_reader_close(reader);
	return told;
}

static void some_turns(struct world *w)
{
	for (int i = 0; i < LINE_TURNS; i++)
		one_turn(w);
}

static void take_int(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	*(int64_t *)ctx = c[0].integer;
}

/* Each line was told as the lives are now. */
static void check_told(struct world *w, const struct told *told)
{
	static const char sql[] =
	    "SELECT COUNT(*) FROM lives WHERE state IN (2, 3) AND aff_id = $1";

	for (size_t i = 0; i < ARRAY_LEN(told->verdicts); i++) {
		const char aff_id[] = {'w', (char)('0' + i), '\0'};
		struct db_value who = db_text(aff_id);
		int64_t n = -1;

		assert_int_equal(db_add(store_db(w->store), sql, &who, 1, take_int, &n, NULL),
				 RESULT_OK);
		assert_true(n > 0);
		assert_int_equal(told->verdicts[i], n);
	}
}

static void sums_of_verdicts_are_told_once_and_again_only_when_they_change(_unused_ void **state)
{
	static struct outcomes o;
	struct told first, second;
	struct world w;

	world_begin(&w);
	outcomes_mixture(&o, 14, LEADS);
	publish(&w, &o);
	run_until_quiet(&w, o.count);
	some_turns(&w);
	first = read_told(&w);
	check_told(&w, &first);

	close_worker(&w);
	open_worker(&w);
	some_turns(&w);
	second = read_told(&w);
	assert_int_equal(second.records, first.records);
	world_end(&w);
	outcomes_free(&o);
}

static void sums_that_were_not_acknowledged_are_told_by_the_next_one(_unused_ void **state)
{
	static struct outcomes o;
	struct told lost, told;
	struct world w;

	world_begin(&w);
	outcomes_mixture(&o, 15, LEADS);
	publish(&w, &o);
	bus_memory_hold_acks(w.bus, true);
	for (int i = 0; i < TURNS_MAX && settled_upto(&w) != (int64_t)o.count; i++)
		one_turn(&w);
	some_turns(&w);
	lost = read_told(&w);
	close_worker(&w);
	bus_memory_hold_acks(w.bus, false);
	open_worker(&w);
	run_until_quiet(&w, o.count);
	some_turns(&w);
	told = read_told(&w);
	assert_true(told.records >= lost.records + 5);
	check_told(&w, &told);
	world_end(&w);
	outcomes_free(&o);
}

static void a_bus_without_the_topic_of_sums_is_settled_all_the_same(_unused_ void **state)
{
	static struct outcomes o;
	struct world w;

	world_begin_with(&w, false);
	outcomes_mixture(&o, 16, 50);
	publish(&w, &o);
	run_until_quiet(&w, o.count);
	some_turns(&w);
	world_end(&w);
	outcomes_free(&o);
}

static void the_ledger_is_away_and_the_worker_waits(_unused_ void **state)
{
	static struct outcomes o;
	struct store_cursor cursor;
	struct store *holder;
	struct world w;
	int waited = 0;

	world_begin(&w);
	outcomes_mixture(&o, 13, 50);
	holder = store_open(w.url, 1000, NULL);
	assert_int_equal(store_begin(holder, "leads.outcomes", 0, &cursor, NULL), RESULT_OK);
	publish(&w, &o);
	for (int i = 0; i < 20; i++)
		waited += one_turn(&w) == RESULT_AWAY;
	assert_true(waited > 0);
	assert_true(worker_ledger_away(w.worker));
	assert_int_equal(settled_upto(&w), -1);
	store_rollback(holder);
	store_close(holder);
	run_until_quiet(&w, o.count);
	assert_false(worker_ledger_away(w.worker));
	world_end(&w);
	outcomes_free(&o);
}

/* The newest record of dead.letters; its texts live in the arena. */
static const Punnet__V1__DeadLetter *newest_letter(struct world *w, struct arena *a)
{
	struct bus_reader *reader = bus_reader_open(w->bus, "dead.letters", 0, 0, NULL);
	const Punnet__V1__DeadLetter *m = NULL;
	struct bus_record records[10];
	size_t count;

	do {
		assert_int_equal(
		    bus_reader_take(reader, records, ARRAY_LEN(records), 0, &count, NULL),
		    RESULT_OK);
		if (count > 0)
			m = codec_unpack(a, &punnet__v1__dead_letter__descriptor,
					 arena_dup(a, records[count - 1].value));
	} while (count > 0);
	bus_reader_close(reader);
	return m;
}

/* One bad record must not stop everybody's money, also not after a restart. */
static void a_delivery_at_another_price_is_put_aside_and_the_rest_is_settled(_unused_ void **state)
{
	static struct outcomes o;
	const Punnet__V1__DeadLetter *m;
	struct arena arena = {0};
	struct lead_id lead = outcomes_lead(1);
	struct world w;
	size_t repeats;

	world_begin(&w);
	outcomes_add_delivery(&o, 1, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	outcomes_add_delivery(&o, 1, EVENT_DELIVERED, 0, "bank-a", 45000, 30001);
	outcomes_add_delivery(&o, 2, EVENT_DELIVERED, 0, "bank-a", 45000, 30000);
	publish(&w, &o);
	run_until_quiet(&w, o.count);
	close_worker(&w);
	open_worker(&w);
	run_until_quiet(&w, o.count);
	assert_int_equal(read_market(&w, &repeats), 2);
	m = newest_letter(&w, &arena);
	assert_non_null(m);
	assert_int_equal(dead_letters(&w), 1);
	assert_string_equal(m->reason_code, "transfer_contradicted");
	assert_non_null(strstr(m->reason, "credit was made before with other entries"));
	assert_int_equal(m->source->offset, 1);
	assert_memory_equal(m->lead_id.data, lead.bytes, sizeof(lead.bytes));
	assert_true(slice_equal(slice_of(m->original.data, m->original.len), o.records[1].value));
	arena_free(&arena);
	world_end(&w);
	outcomes_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_delivery_at_another_price_is_put_aside_and_the_rest_is_settled),
	    cmocka_unit_test(what_was_settled_reaches_the_market_in_order_and_the_outbox_is_empty),
	    cmocka_unit_test(
		a_worker_that_ends_anywhere_is_followed_by_one_that_repeats_and_loses_nothing),
	    cmocka_unit_test(sums_of_verdicts_are_told_once_and_again_only_when_they_change),
	    cmocka_unit_test(sums_that_were_not_acknowledged_are_told_by_the_next_one),
	    cmocka_unit_test(a_bus_without_the_topic_of_sums_is_settled_all_the_same),
	    cmocka_unit_test(the_ledger_is_away_and_the_worker_waits),
	};

	return cmocka_run_group_tests(tests, worlds_begin, worlds_end);
}
