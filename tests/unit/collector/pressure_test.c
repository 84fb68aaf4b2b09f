/* Three times as many leads as Kafka stores: what is still taken, how long it takes, and who is not refused for it. Kafka is a queue
 * that stores a fixed number a millisecond, in order, and takes a while for each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/core/pressure.h"

#define QUEUE_MAX     1000000
#define BUSY_AFTER_US 250000
#define WAITS_MAX_MS  10000

struct kafka {
	int64_t came_us[QUEUE_MAX];
	size_t first, next;
	int64_t takes_us; /* at least, for each */
	size_t stored, refused;
	int64_t slowest_us;
	size_t waits[WAITS_MAX_MS]; /* how many waited so many milliseconds */
};

static void acknowledge(struct kafka *k, struct pressure *p, int64_t now_us)
{
	int64_t took_us = now_us - k->came_us[k->first++];

	pressure_acked(p, now_us, took_us);
	k->stored++;
	k->slowest_us = MAX_OF(k->slowest_us, took_us);
	k->waits[MIN_OF(took_us / 1000, WAITS_MAX_MS - 1)]++;
}

/* The 99th percentile of what was waited since it was last asked. */
static int64_t p99_ms(struct kafka *k)
{
	size_t all = 0, above = 0;
	int64_t at = WAITS_MAX_MS;

	for (size_t i = 0; i < WAITS_MAX_MS; i++)
		all += k->waits[i];
	while (at > 0 && (above + k->waits[at - 1]) * 100 <= all)
		above += k->waits[--at];
	memset(k->waits, 0, sizeof(k->waits));
	return at;
}

/* So many milliseconds in which `come` leads come and `stored` are stored each. */
static void run(struct kafka *k, struct pressure *p, int64_t from_ms, int64_t ms, size_t come,
		size_t stored)
{
	for (int64_t at = from_ms; at < from_ms + ms; at++) {
		for (size_t i = 0; i < come; i++) {
			if (pressure_is_high(p, k->next - k->first)) {
				k->refused++;
				continue;
			}
			assert_true(k->next < QUEUE_MAX);
			k->came_us[k->next++] = at * 1000;
		}
		for (size_t i = 0; i < stored && k->first < k->next; i++)
			if (k->came_us[k->first] + k->takes_us <= at * 1000 + 999)
				acknowledge(k, p, at * 1000 + 999);
	}
}

/* So many a second come and are stored, evenly. */
static void flow(struct kafka *k, struct pressure *p, int64_t from_ms, int64_t ms,
		 int64_t come_per_s, int64_t stored_per_s)
{
	for (int64_t at = from_ms; at < from_ms + ms; at++)
		run(k, p, at, 1, (size_t)((at + 1) * come_per_s / 1000 - at * come_per_s / 1000),
		    (size_t)((at + 1) * stored_per_s / 1000 - at * stored_per_s / 1000));
}

static struct kafka *fresh(void)
{
	struct kafka *k = calloc(1, sizeof(*k));

	assert_non_null(k);
	return k;
}

static void three_times_as_many_are_taken_at_the_full_pace_and_in_time(_unused_ void **state)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	struct kafka *k = fresh();

	run(k, &p, 0, 2000, 5, 10); /* half of what is possible: nobody is refused */
	assert_int_equal(k->refused, 0);
	k->stored = 0;
	run(k, &p, 2000, 5000, 30, 10);
	assert_true(k->stored >= 5000 * 10 * 95 / 100);
	assert_true(k->slowest_us <= 3 * BUSY_AFTER_US);
	assert_true(k->refused > 5000 * 19);
	free(k);
}

static void they_wait_at_most_five_times_as_long_as_others_do(_unused_ void **state)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	struct kafka *k = fresh();
	int64_t normal_us;

	k->takes_us = 60000;
	run(k, &p, 0, 3000, 5, 10);
	assert_int_equal(k->refused, 0);
	normal_us = k->slowest_us;
	k->stored = 0;
	run(k, &p, 3000, 60000, 30, 10); /* longer than it remembers what is quick */
	assert_true(k->stored >= 60000 * 10 * 95 / 100);
	assert_true(k->slowest_us <= 5 * normal_us);
	free(k);
}

/* The ramp counts: the crowd has to be known for one before many have been let in. */
static void in_a_crowd_they_wait_five_times_as_long_at_most(_unused_ void **state)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	struct kafka *k = fresh();
	int64_t normal_ms;

	k->takes_us = 20000;
	run(k, &p, 0, 3000, 5, 10);
	assert_int_equal(k->refused, 0);
	normal_ms = p99_ms(k);
	k->stored = 0;
	run(k, &p, 3000, 8000, 30, 10);
	assert_true(k->stored >= 8000 * 10 * 95 / 100);
	assert_true(p99_ms(k) <= 5 * normal_ms);
	run(k, &p, 11000, 1000, 5, 10); /* it is over */
	k->refused = 0;
	run(k, &p, 12000, 2000, 5, 10);
	assert_int_equal(k->refused, 0);
	free(k);
}

/* The control: nobody notices that there is a crowd. */
static void with_the_wide_bound_alone_they_wait_longer(_unused_ void **state)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	struct kafka *k = fresh();
	int64_t normal_ms;

	k->takes_us = 20000;
	run(k, &p, 0, 3000, 5, 10);
	normal_ms = p99_ms(k);
	for (int64_t at = 3000; at < 11000; at++) {
		p.crowd = false;
		run(k, &p, at, 1, 30, 10);
	}
	assert_true(p99_ms(k) > 5 * normal_ms);
	free(k);
}

/* A batch of 1,000 twice a second, beside single ones: Kafka rests in between. */
static void a_batch_that_comes_at_once_is_no_crowd(_unused_ void **state)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	struct kafka *k = fresh();

	k->takes_us = 1000;
	for (int64_t at = 0; at < 30000; at += 500) {
		run(k, &p, at, 1, 1000, 10);
		run(k, &p, at + 1, 249, 1, 10);
		run(k, &p, at + 250, 250, 0, 10);
	}
	assert_int_equal(k->refused, 0);
	free(k);
}

/* Twenty leads a millisecond are stored; two come alone, and there is always a batch that would fill all there is. */
static void who_sends_batches_shuts_nobody_out(_unused_ void **state)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	struct kafka *k = fresh();

	k->takes_us = 2000;
	run(k, &p, 0, 3000, 2, 20); /* what is quick is learned */
	(void)p99_ms(k);
	for (int64_t at = 3000; at < 13000; at++) {
		while (pressure_has_batch_room(&p, k->next - k->first))
			k->came_us[k->next++] = at * 1000;
		run(k, &p, at, 1, 2, 20);
	}
	assert_int_equal(k->refused, 0);
	assert_true(k->stored >= 3000 * 2 + 9900 * 20);
	assert_in_range(p99_ms(k), 1, 30);
	free(k);
}

/* A broker that is quick otherwise pauses for a tenth of a second, at two leads a millisecond, every second. */
static void a_pause_is_no_crowd(_unused_ void **state)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	struct kafka *k = fresh();

	k->takes_us = 1000;
	for (int64_t at = 0; at < 30000; at += 1000) {
		run(k, &p, at, 900, 2, 10);
		run(k, &p, at + 900, 100, 2, 0);
	}
	assert_int_equal(k->refused, 0);
	free(k);
}

/* The control: nobody knows what is quick, and they wait for as long as is configured. */
static void without_a_measure_they_wait_longer(_unused_ void **state)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	struct kafka *k = fresh();

	k->takes_us = 25000;
	for (int64_t at = 0; at < 3000; at++) {
		p.quick_us = p.quick_before_us = 0;
		run(k, &p, at, 1, 30, 10);
	}
	assert_true(k->slowest_us > 5 * 26000);
	free(k);
}

/* A bound by what was quick once would refuse for ever. */
static void a_kafka_that_became_slow_for_good_is_used_in_full_again(_unused_ void **state)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	struct kafka *k = fresh();

	k->takes_us = 3000;
	run(k, &p, 0, 12000, 5, 10);
	assert_int_equal(k->refused, 0);
	k->takes_us = 400000; /* longer than busy_after */
	run(k, &p, 12000, 25000, 5, 10);
	assert_true(k->refused > 0);
	k->refused = 0;
	run(k, &p, 37000, 20000, 5, 10);
	assert_int_equal(k->refused, 0);
	free(k);
}

/* It takes 5 ms by itself, and gets half of what it can store, for four seconds. */
static struct kafka *half_busy(struct pressure *p)
{
	struct kafka *k = fresh();

	k->takes_us = 5000;
	flow(k, p, 0, 4000, 1750, 3500);
	return k;
}

static int64_t last_p99_ms(struct kafka *k)
{
	int64_t p99 = p99_ms(k);

	free(k);
	return p99;
}

/* A disk was slow for a while, in the midst of an overload that goes on. The control is what was looked for before. */
static int64_t p99_after_a_slow_while_ms(int64_t quick_us)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	struct kafka *k = half_busy(&p);

	k->takes_us = 60000;
	flow(k, &p, 4000, 25000, 10500, 3500);
	k->takes_us = 5000;
	for (int64_t at = 29000; at < 79000; at += 100) {
		if (quick_us)
			p.quick_us = p.quick_before_us = quick_us;
		flow(k, &p, at, 100, 10500, 3500);
	}
	(void)p99_ms(k);
	flow(k, &p, 79000, 5000, 10500, 3500);
	return last_p99_ms(k);
}

static void a_kafka_that_was_slow_for_a_while_bounds_tightly_again(_unused_ void **state)
{
	assert_in_range(p99_after_a_slow_while_ms(0), 1, 45);
	assert_true(p99_after_a_slow_while_ms(60000) > 100);
}

/* The control: without the bound the last one waits for seconds. */
static void without_the_bound_everybody_waits(_unused_ void **state)
{
	struct pressure p = {0};
	struct kafka *k = fresh();

	run(k, &p, 0, 5000, 30, 10);
	assert_int_equal(k->refused, 0);
	assert_true(k->slowest_us > 3000000);
	free(k);
}

static void when_the_flood_is_over_nobody_is_refused_any_more(_unused_ void **state)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	struct kafka *k = fresh();

	run(k, &p, 0, 3000, 30, 10);
	run(k, &p, 3000, 1000, 5, 10);
	k->refused = 0;
	run(k, &p, 4000, 1000, 5, 10);
	assert_int_equal(k->refused, 0);
	free(k);
}

/* A third of the records never comes back; the others are as quick as ever. */
static void one_broker_that_stands_still_refuses_nobody(_unused_ void **state)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	size_t stuck = 0;

	for (int64_t at = 0; at < 6000; at++) {
		assert_false(pressure_is_high(&p, stuck + 3));
		for (int i = 0; i < 2; i++)
			pressure_acked(&p, at * 1000 + 500, 3000);
		stuck++;
	}
}

static void a_few_slow_ones_are_no_crowd(_unused_ void **state)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};

	for (int64_t at = 0; at < 100; at++)
		pressure_acked(&p, at * 1000000, 4000000);
	assert_false(pressure_is_high(&p, PRESSURE_UNDER_WAY_MIN - 1));
	assert_true(pressure_is_high(&p, PRESSURE_UNDER_WAY_MIN));
}

/* In the midst of an overload the broker pauses: the bound is tight again afterwards. The control is `vain_windows`. */
static int64_t p99_after_a_pause_ms(uint32_t vain_windows)
{
	struct pressure p = {.busy_after_us = BUSY_AFTER_US};
	struct kafka *k = half_busy(&p);

	flow(k, &p, 4000, 2000, 10500, 3500);
	flow(k, &p, 6000, 100, 10500, 0);
	flow(k, &p, 6100, 500, 10500, 3500);
	(void)p99_ms(k);
	for (int64_t at = 6600; at < 9000; at++) {
		p.vain_windows = vain_windows ? vain_windows : p.vain_windows;
		flow(k, &p, at, 1, 10500, 3500);
	}
	return last_p99_ms(k);
}

static void after_a_pause_in_a_crowd_the_bound_is_tight_again(_unused_ void **state)
{
	assert_in_range(p99_after_a_pause_ms(0), 1, 45);
	assert_true(p99_after_a_pause_ms(1) > 60);
}

/* Whatever the load was, and for how long: what can be stored is stored, and 300 ms later nobody is refused. */
static void no_overload_makes_goodput_collapse_or_outlasts_itself(_unused_ void **state)
{
	for (int64_t takes_us = 1000; takes_us <= 30000; takes_us += 7000)
		for (int64_t times = 1; times <= 10; times++) {
			struct pressure p = {.busy_after_us = BUSY_AFTER_US};
			struct kafka *k = fresh();

			k->takes_us = takes_us;
			flow(k, &p, 0, 3000, 2000, 4000);
			k->stored = 0;
			flow(k, &p, 3000, 20000, 4000 * times, 4000);
			assert_true(k->stored >= 20000 * 4 * 9 / 10);
			flow(k, &p, 23000, 300, 2000, 4000);
			k->refused = 0;
			flow(k, &p, 23300, 3000, 2000, 4000);
			assert_int_equal(k->refused, 0);
			free(k);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(three_times_as_many_are_taken_at_the_full_pace_and_in_time),
	    cmocka_unit_test(they_wait_at_most_five_times_as_long_as_others_do),
	    cmocka_unit_test(in_a_crowd_they_wait_five_times_as_long_at_most),
	    cmocka_unit_test(with_the_wide_bound_alone_they_wait_longer),
	    cmocka_unit_test(a_batch_that_comes_at_once_is_no_crowd),
	    cmocka_unit_test(who_sends_batches_shuts_nobody_out),
	    cmocka_unit_test(a_pause_is_no_crowd),
	    cmocka_unit_test(without_a_measure_they_wait_longer),
	    cmocka_unit_test(a_kafka_that_became_slow_for_good_is_used_in_full_again),
	    cmocka_unit_test(a_kafka_that_was_slow_for_a_while_bounds_tightly_again),
	    cmocka_unit_test(without_the_bound_everybody_waits),
	    cmocka_unit_test(when_the_flood_is_over_nobody_is_refused_any_more),
	    cmocka_unit_test(one_broker_that_stands_still_refuses_nobody),
	    cmocka_unit_test(a_few_slow_ones_are_no_crowd),
	    cmocka_unit_test(after_a_pause_in_a_crowd_the_bound_is_tight_again),
	    cmocka_unit_test(no_overload_makes_goodput_collapse_or_outlasts_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
