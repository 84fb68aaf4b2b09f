/* Chance in integers: against the same formulas in floating point, at the ends of the range, and against hours of people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "filter-worker/core/filter.h"
#include "filter-worker/core/ruleset.h"
#include "filter-worker/core/statistics.h"

#define HOURS 20000

static void a_root_is_exact(void **state)
{
	struct rng r = rng_seed(1);

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint64_t root = rng_next(&r) >> (32 + rng_below(&r, 32));

		assert_int_equal(isqrt(root * root), root);
		if (root > 0)
			assert_int_equal(isqrt(root * root - 1), root - 1);
	}
	assert_int_equal(isqrt(0), 0);
	assert_int_equal(isqrt(UINT64_MAX), UINT32_MAX);
}

static double wilson_lower(double hits, double of)
{
	double z = 1.96, p = hits / of;

	return (p + z * z / (2 * of) - z * sqrt(p * (1 - p) / of + z * z / (4 * of * of))) /
	       (1 + z * z / of);
}

static void a_share_is_bounded_as_wilson_bounds_it(void **state)
{
	size_t yes = 0;

	(void)state;
	for (int of = 1; of <= 200; of++) {
		for (int hits = 0; hits <= of; hits++) {
			double lower = 100 * wilson_lower(hits, of);

			for (int percent = 1; percent < 100; percent++) {
				/* On the very edge a double knows it no better. */
				if (fabs(lower - percent) < 1e-9)
					continue;
				assert_int_equal(share_is_at_least(hits, of, percent),
						 lower >= percent);
				yes += lower >= percent;
			}
		}
	}
	assert_true(yes > 100000);
	assert_false(share_is_at_least(3, 4, 60));
	assert_true(share_is_at_least(40, 50, 60));
	assert_false(share_is_at_least(0, 0, 1));
	assert_false(share_is_at_least(-1, INT64_MIN, 1));
	assert_true(share_is_at_least(INT64_MAX, INT64_MAX, 99));
	assert_true(share_is_at_least(STATISTICS_MOST, STATISTICS_MOST, 99));
}

static void an_excess_is_that_of_two_proportions(void **state)
{
	struct rng r = rng_seed(2);

	(void)state;
	for (int i = 0; i < 200000; i++) {
		double n = 10 + (double)rng_below(&r, 5000), m = 100 + (double)rng_below(&r, 50000);
		double x = (double)rng_below(&r, (uint64_t)n),
		       y = (double)rng_below(&r, (uint64_t)m);
		double p = (x + y) / (n + m);
		double z = (x / n - y / m) / sqrt(p * (1 - p) * (1 / n + 1 / m));
		int64_t tenths =
		    share_excess_tenths((int64_t)x, (int64_t)n, (int64_t)y, (int64_t)m);

		if (p * (1 - p) * (n + m) < 50 || z <= 0) /* it is rounded up to a whole */
			continue;
		assert_true((double)tenths > 9.85 * z - 1 && (double)tenths <= 10 * z);
	}
	assert_int_equal(share_excess_tenths(5, 10, 50, 100), 0);
	assert_int_equal(share_excess_tenths(1, 10, 50, 100), 0);
	assert_int_equal(share_excess_tenths(10, 10, 100, 100), 0);
	assert_int_equal(share_excess_tenths(3, 0, 50, 100), 0);
	assert_int_equal(share_excess_tenths(3, 10, 50, 0), 0);
	assert_true(share_excess_tenths(INT64_MAX, INT64_MAX, 0, INT64_MAX) > 5000);
	assert_int_equal(share_excess_tenths(-5, 100, INT64_MIN, 100), 0);
}

/* --- hours --- */

/* Knuth's: exact, and quick for a minute's few leads. */
static uint32_t poisson(struct rng *r, double mean)
{
	double limit = exp(-mean), product = 1;
	uint32_t n = 0;

	while ((product *= (double)(rng_next(r) >> 11) / 9007199254740992.0) > limit)
		n++;
	return n;
}

/* What one webmaster's hour is like: how many leads a minute, by how much each minute is more. */
struct hour {
	const char *what;
	double base;
	double (*times)(int minute);
};

static double evenly(int minute)
{
	(void)minute;
	return 1;
}

static double rising(int minute)
{
	return 1 + minute / 60.0; /* as mornings do */
}

static double lunch(int minute)
{
	return minute >= 20 && minute < 40 ? 3 : 1;
}

static double spot(int minute)
{
	return minute >= 50 && minute < 55 ? 8 : 1;
}

static double list(int minute)
{
	return minute >= 50 ? 1 : 0;
}

static enum answer judge_hour(const uint32_t minutes[SOURCE_MINUTES], enum reason *ret_reason)
{
	const struct filter *f = filter_from_name(SLICE("arrivals"));
	struct filter_rule rule = rule_standard(f);
	struct source source = {.today_ms = 0};
	struct facts facts = {0};
	struct arena arena = {0};
	struct finding finding = {.arena = &arena};
	enum answer answer;

	memcpy(source.minutes, minutes, sizeof(source.minutes));
	f->weigh(&source, &facts);
	answer = f->judge(&rule, &facts, &finding);
	*ret_reason = finding.reason;
	arena_free(&arena);
	return answer;
}

static size_t bursts_of(const struct hour *h, struct rng *r, size_t *ret_flat)
{
	size_t bursts = 0;

	*ret_flat = 0;
	for (int i = 0; i < HOURS; i++) {
		uint32_t minutes[SOURCE_MINUTES];
		enum reason reason;

		for (int m = 0; m < SOURCE_MINUTES; m++)
			minutes[m] = poisson(r, h->base * h->times(m));
		(void)judge_hour(minutes, &reason);
		bursts += reason == REASON_ARRIVALS_BURST;
		*ret_flat += reason == REASON_ARRIVALS_FLAT;
	}
	return bursts;
}

static void people_come_neither_flat_nor_in_bursts(void **state)
{
	static const struct hour people[] = {
	    {"evenly, 1 a minute", 1, evenly},   {"evenly, 5 a minute", 5, evenly},
	    {"evenly, 50 a minute", 50, evenly}, {"rising, 3 a minute", 3, rising},
	    {"rising, 50 a minute", 50, rising}, {"lunch, 2 a minute", 2, lunch},
	    {"lunch, 40 a minute", 40, lunch},   {"a small spot, 2 a minute", 2, spot},
	};
	static const struct hour machine = {"a list in ten minutes", 20, list};
	struct rng r = rng_seed(3);
	size_t flat;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(people); i++) {
		size_t bursts = bursts_of(&people[i], &r, &flat);

		print_message("%s: %zu bursts, %zu flat of %d hours\n", people[i].what, bursts,
			      flat, HOURS);
		assert_in_range(bursts + flat, 0, HOURS / 2000);
	}
	assert_int_equal(bursts_of(&machine, &r, &flat), HOURS);
	assert_int_equal(flat, 0);
}

/* A machine that sends so many a minute, each up to some seconds late. */
static void a_clock_is_flat(void **state)
{
	struct rng r = rng_seed(4);
	size_t flat = 0;

	(void)state;
	for (int i = 0; i < HOURS; i++) {
		uint32_t minutes[SOURCE_MINUTES + 1] = {0};
		enum reason reason;
		uint64_t every_s = 5 + rng_below(&r, 50);

		for (uint64_t at_s = rng_below(&r, every_s); at_s < 3600; at_s += every_s)
			minutes[(at_s + rng_below(&r, 10)) / 60]++;
		if (judge_hour(minutes, &reason) != ANSWER_UNKNOWN)
			flat += reason == REASON_ARRIVALS_FLAT;
	}
	print_message("flat: %zu of %d hours of a clock\n", flat, HOURS);
	assert_in_range(flat, HOURS * 99 / 100, HOURS);
}

static void an_index_of_what_is_even_is_nothing(void **state)
{
	uint32_t counts[SOURCE_MINUTES] = {0};
	int64_t sum;

	(void)state;
	assert_int_equal(dispersion_percent(counts, SOURCE_MINUTES, &sum), 100);
	assert_int_equal(sum, 0);
	for (size_t i = 0; i < SOURCE_MINUTES; i++)
		counts[i] = 7;
	assert_int_equal(dispersion_percent(counts, SOURCE_MINUTES, &sum), 0);
	assert_int_equal(sum, 7 * SOURCE_MINUTES);
	/* All in one of two: the variance is the mean's square, twice. */
	assert_int_equal(dispersion_percent((uint32_t[]){10, 0}, 2, &sum), 1000);
	for (size_t i = 0; i < SOURCE_MINUTES; i++)
		counts[i] = i == 0 ? UINT32_MAX : 0;
	assert_int_equal(dispersion_percent(counts, SOURCE_MINUTES, &sum), 100000000);
}

static void chance_is_the_union_bound(void **state)
{
	(void)state;
	assert_int_equal(chance_in_a_million(0, 10, 8), CHANCE_MILLION);
	assert_int_equal(chance_in_a_million(3, 3, 8), 1953);
	assert_int_equal(chance_in_a_million(2, 2, 8), 15625);
	assert_int_equal(chance_in_a_million(3, 4, 8), 7812);
	/* more than there are, and what nobody counts */
	assert_int_equal(chance_in_a_million(4, 3, 8), 0);
	assert_int_equal(chance_in_a_million(1, INT64_MAX, 2), CHANCE_MILLION);
	assert_int_equal(chance_in_a_million(INT64_MAX, INT64_MAX, INT64_MAX), 0);
	for (int64_t of = 1; of < 40; of++)
		assert_true(chance_in_a_million(2, of, 30) <= chance_in_a_million(2, of + 1, 30));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(chance_is_the_union_bound),
	    cmocka_unit_test(a_root_is_exact),
	    cmocka_unit_test(a_share_is_bounded_as_wilson_bounds_it),
	    cmocka_unit_test(an_excess_is_that_of_two_proportions),
	    cmocka_unit_test(an_index_of_what_is_even_is_nothing),
	    cmocka_unit_test(people_come_neither_flat_nor_in_bursts),
	    cmocka_unit_test(a_clock_is_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
