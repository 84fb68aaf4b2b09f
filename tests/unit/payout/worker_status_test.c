/* What a worker tells webmasters' trackers, crashes included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after its own needs */
#include <cmocka.h>

#include "base/hash.h"
#include "lead/codec.h"
#include "look.h"
#include "proto/directory.pb-c.h"
#include "proto/status_events.pb-c.h"
#include "worker_world.h"

#define LEADS 400

static void want_postbacks(struct world *w, const char *entry_id)
{
	char *events[] = {(char *)"delivered", (char *)"approved", (char *)"returned"};
	Punnet__V1__DirectoryEntry e = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Webmaster m = PUNNET__V1__WEBMASTER__INIT;
	Punnet__V1__Postback postback = PUNNET__V1__POSTBACK__INIT;
	Punnet__V1__Postback *postbacks[] = {&postback};
	_cleanup_(buf_free) struct buf bytes = {0};

	postback.url = (char *)"https://tracker.example/";
	postback.events = events;
	postback.n_events = ARRAY_LEN(events);
	m.postbacks = postbacks;
	m.n_postbacks = 1;
	e.id = (char *)entry_id;
	e.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER;
	e.webmaster = &m;
	codec_pack(&e.base, &bytes);
	assert_int_equal(bus_produce(w->producer, "directory", 0, slice_cstr(entry_id),
				     "punnet.v1.DirectoryEntry", buf_slice(&bytes), 0),
			 RESULT_OK);
	assert_int_equal(bus_producer_flush(w->producer, 1000), RESULT_OK);
	w->acked = 0;
}

/* By kind, as delivery reads them: what is not newer falls away. They are all of one webmaster, so of one partition. */
static void read_status(struct world *w, size_t ret_counts[8], size_t *ret_repeats)
{
	struct bus_record records[OUTCOMES_MAX];
	struct arena arena = {0};
	int32_t partition = hash_partition(SLICE("w1"), STATUS_PARTITIONS);
	struct bus_reader *reader = bus_reader_open(w->bus, "status.events", partition, 0, NULL);
	uint64_t last = 0;
	size_t count;

	*ret_repeats = 0;
	assert_int_equal(bus_reader_take(reader, records, ARRAY_LEN(records), 0, &count, NULL),
			 RESULT_OK);
	for (size_t i = 0; i < count; i++) {
		const Punnet__V1__StatusEvent *m =
		    codec_unpack(&arena, &punnet__v1__status_event__descriptor, records[i].value);

		assert_non_null(m);
		assert_string_equal(m->aff_id, "w1");
		*ret_repeats += m->source->offset <= last;
		if (m->source->offset <= last)
			continue;
		last = m->source->offset;
		ret_counts[m->kind]++;
	}
	bus_reader_close(reader);
	arena_free(&arena);
}

static void a_webmaster_hears_of_each_of_his_leads_once_whoever_ends_when(_unused_ void **state)
{
	static struct outcomes o;
	size_t counts[8] = {0}, repeats;
	struct world w;

	world_begin(&w);
	want_postbacks(&w, "webmaster/w1");
	outcomes_mixture(&o, 17, LEADS);
	publish(&w, &o);
	for (int life = 1; life < 6; life++) {
		for (int i = 0; i < 3 * life; i++)
			one_turn(&w);
		close_worker(&w);
		open_worker(&w);
	}
	run_until_quiet(&w, o.count);
	read_status(&w, counts, &repeats);
	print_message("  %zu delivered, %zu repeats fell away\n",
		      counts[PUNNET__V1__STATUS_KIND__STATUS_DELIVERED], repeats);
	assert_true(counts[PUNNET__V1__STATUS_KIND__STATUS_APPROVED] > 0);
	assert_int_equal(
	    counts[PUNNET__V1__STATUS_KIND__STATUS_DELIVERED],
	    number(w.store,
		   "SELECT COUNT(*) FROM lives WHERE aff_id = 'w1' AND state IN (1, 2, 3, 7)"));
	assert_int_equal(
	    counts[PUNNET__V1__STATUS_KIND__STATUS_APPROVED],
	    number(w.store, "SELECT COUNT(*) FROM lives WHERE aff_id = 'w1' AND state IN (2, 7)"));
	assert_int_equal(
	    counts[PUNNET__V1__STATUS_KIND__STATUS_RETURNED],
	    number(w.store, "SELECT COUNT(*) FROM lives WHERE aff_id = 'w1' AND state = 3"));
	world_end(&w);
	outcomes_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_webmaster_hears_of_each_of_his_leads_once_whoever_ends_when),
	};

	return cmocka_run_group_tests(tests, worlds_begin, worlds_end);
}
