/* A market that was cut anywhere, written down and read back goes on exactly as the one that was not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "play.h"

#define RUNS     60
#define STEPS    200
#define START_MS (1796083200000LL)

static const char *const ids[] = {"A", "B", "C", "D", "E", "F"};

/* One step of a random life; the same seed gives the same step in every play. */
static void live(struct play *p, struct rng *rng, int64_t now_ms, uint64_t step)
{
	uint64_t what = rng_below(rng, 8);
	const char *id = ids[rng_below(rng, 6)];
	uint64_t a = rng_below(rng, 5), b = rng_below(rng, 3);
	struct lead_id lead = play_lead_id(rng_below(rng, step + 1));
	struct play_order o = {
	    .id = id, .vertical = "osago", .revision = step, .price_minor = 4000};
	struct play_lead l = {.vertical = "osago", .country = "RU", .judged_offset = UINT64_MAX};

	o.cap_hour = a * 2;
	o.priority = (int)b;
	l.is_test = a == 4;
	l.id = play_lead_id(step);
	if (what == 0)
		(void)play_order(p, now_ms, &o);
	else if (what == 1)
		(void)play_rate(p, now_ms, "osago", 6000 + (uint32_t)a);
	else if (what < 6)
		(void)play_lead(p, now_ms, &l);
	else
		(void)play_settle(p, now_ms, &lead, 1 + (int)a, (uint32_t)b % 2, id, UINT64_MAX);
}

static void encoded(const struct play *p, struct buf *out)
{
	buf_reset(out);
	market_encode(p->market, out);
	assert_false(out->failed);
}

static void a_market_goes_on_the_same_after_a_cut_anywhere(void **state)
{
	_cleanup_(buf_free) struct buf whole = {0}, cut = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct rng one = rng_seed(seed), other = rng_seed(seed),
			   when = rng_seed(seed + 7777);
		struct play a, b;
		int64_t now_ms = START_MS;

		play_start(&a);
		play_start(&b);
		for (uint64_t step = 1; step <= STEPS; step++) {
			now_ms += (int64_t)(step * 7919 % 600000);
			if (rng_chance(&when, 1000))
				play_cut(&b);
			live(&a, &one, now_ms, step);
			live(&b, &other, now_ms, step);
			assert_int_equal(a.decisions.count, b.decisions.count);
			assert_true(market_digest(a.market) == market_digest(b.market));
		}
		encoded(&a, &whole);
		encoded(&b, &cut);
		assert_true(slice_equal(buf_slice(&whole), buf_slice(&cut)));
		assert_true(market_open_leads(a.market) > 0);
		play_stop(&a);
		play_stop(&b);
	}
}

static void lived(struct play *p, struct buf *bytes)
{
	struct rng rng = rng_seed(42);

	play_start(p);
	for (uint64_t step = 1; step <= 60; step++)
		live(p, &rng, START_MS + (int64_t)step * 60000, step);
	encoded(p, bytes);
}

static void a_state_cut_short_is_refused(void **state)
{
	_cleanup_(buf_free) struct buf bytes = {0};
	const char *why;
	struct play p;

	(void)state;
	lived(&p, &bytes);
	for (size_t len = 0; len < bytes.len; len++) {
		why = NULL;
		assert_null(market_decode(slice_of(bytes.data, len), 0, &why));
		assert_non_null(why);
	}
	buf_append_char(&bytes, 'x');
	assert_null(market_decode(buf_slice(&bytes), 0, &why));
	play_stop(&p);
}

static void a_state_of_another_partition_is_refused(void **state)
{
	_cleanup_(buf_free) struct buf bytes = {0};
	const char *why;
	struct play p;

	(void)state;
	lived(&p, &bytes);
	assert_null(market_decode(buf_slice(&bytes), 1, &why));
	play_stop(&p);
}

/* What an older or a newer version wrote: its log is read instead. */
static void a_state_of_another_format_is_refused(void **state)
{
	_cleanup_(buf_free) struct buf bytes = {0};
	const size_t at = strlen("punnet-market");
	const char *why = NULL;
	struct play p;

	(void)state;
	lived(&p, &bytes);
	assert_int_equal(bytes.data[at], MARKET_FORMAT);
	bytes.data[at]--;
	assert_null(market_decode(buf_slice(&bytes), 0, &why));
	assert_string_equal(why, "another format");
	bytes.data[at] += 2;
	assert_null(market_decode(buf_slice(&bytes), 0, &why));
	play_stop(&p);
}

/* Whatever one byte is changed to, reading ends cleanly; what is taken for a state can be written and read again. */
static void a_damaged_byte_is_refused_or_gives_a_state_that_holds(void **state)
{
	_cleanup_(buf_free) struct buf bytes = {0};
	struct rng rng = rng_seed(9);
	const char *why;
	struct play p;

	(void)state;
	lived(&p, &bytes);
	for (int i = 0; i < 4000; i++) {
		size_t at = rng_below(&rng, bytes.len);
		char was = bytes.data[at];
		struct play damaged = {0};

		bytes.data[at] = (char)(was ^ (1 + (int)rng_below(&rng, 255)));
		damaged.market = market_decode(buf_slice(&bytes), 0, &why);
		bytes.data[at] = was;
		if (!damaged.market)
			continue;
		play_cut(&damaged);
		play_stop(&damaged);
	}
	play_stop(&p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_market_goes_on_the_same_after_a_cut_anywhere),
	    cmocka_unit_test(a_state_cut_short_is_refused),
	    cmocka_unit_test(a_state_of_another_partition_is_refused),
	    cmocka_unit_test(a_state_of_another_format_is_refused),
	    cmocka_unit_test(a_damaged_byte_is_refused_or_gives_a_state_that_holds),
	};

	/* router_snapshot_test --write FILE makes a state for the fuzzer's corpus. */
	if (argc == 3 && strcmp(argv[1], "--write") == 0) {
		_cleanup_(buf_free) struct buf bytes = {0};
		struct play p;
		FILE *f = fopen(argv[2], "wb");

		lived(&p, &bytes);
		play_stop(&p);
		if (!f || fwrite(bytes.data, 1, bytes.len, f) != bytes.len)
			return 1;
		return fclose(f) != 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
