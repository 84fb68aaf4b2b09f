/* progress: only the finished prefix may be committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "runtime/fault.h"
#include "runtime/progress.h"

static uint64_t open_held(struct progress *p, int64_t offset)
{
	uint64_t token = progress_open(p, offset);

	assert_int_not_equal(token, 0);
	progress_hold(p, token);
	return token;
}

static void nothing_opened_commits_where_it_began(_unused_ void **state)
{
	struct progress *p = progress_new(4, 17);

	assert_int_equal(progress_committable(p), 17);
	assert_int_equal(progress_unfinished(p), 0);
	assert_false(progress_full(p));
	progress_free(p);
	progress_free(NULL);
}

static void only_the_finished_prefix_is_committable(_unused_ void **state)
{
	struct progress *p = progress_new(4, 0);
	uint64_t a = open_held(p, 0), b = open_held(p, 1), c = open_held(p, 2);

	progress_release(p, b);
	assert_int_equal(progress_committable(p), 0);
	assert_int_equal(progress_unfinished(p), 2);
	progress_release(p, a);
	assert_int_equal(progress_committable(p), 2);
	progress_release(p, c);
	assert_int_equal(progress_committable(p), 3);
	assert_int_equal(progress_unfinished(p), 0);
	progress_free(p);
}

static void an_entry_waits_for_all_its_holds(_unused_ void **state)
{
	struct progress *p = progress_new(4, 0);
	uint64_t a = open_held(p, 0);

	progress_hold(p, a);
	progress_release(p, a);
	assert_int_equal(progress_committable(p), 0);
	progress_release(p, a);
	assert_int_equal(progress_committable(p), 1);
	progress_free(p);
}

static void a_record_that_caused_nothing_is_finished(_unused_ void **state)
{
	struct progress *p = progress_new(2, 5);
	uint64_t first = progress_open(p, 5);

	assert_int_not_equal(first, 0);
	assert_int_equal(progress_committable(p), 6);
	progress_hold(
	    p, first); /* its owner may still think of something, until it opens the next one */
	assert_int_equal(progress_committable(p), 5);
	progress_release(p, first);
	for (int64_t offset = 6; offset < 100; offset++)
		assert_int_not_equal(progress_open(p, offset), 0);
	assert_int_equal(progress_committable(p), 100);
	progress_free(p);
}

static void gaps_in_the_offsets_are_passed_over(_unused_ void **state)
{
	struct progress *p = progress_new(4, 0);
	uint64_t a = open_held(p, 10), b = open_held(p, 20);

	assert_int_equal(progress_committable(p), 10);
	progress_release(p, a);
	assert_int_equal(progress_committable(p), 20);
	progress_release(p, b);
	assert_int_equal(progress_committable(p), 21);
	progress_free(p);
}

static void a_full_one_opens_nothing_until_its_head_is_finished(_unused_ void **state)
{
	struct progress *p = progress_new(2, 0);
	uint64_t a = open_held(p, 0), b = open_held(p, 1);

	assert_true(progress_full(p));
	assert_int_equal(progress_open(p, 2), 0);
	progress_release(p, b);
	assert_true(progress_full(p));
	progress_release(p, a);
	assert_false(progress_full(p));
	assert_int_not_equal(progress_open(p, 2), 0);
	progress_free(p);
}

#define MODEL_OPEN 16

/* Against the plainest model: an array of counters. */
static void it_agrees_with_a_plain_model(_unused_ void **state)
{
	struct rng rng = rng_seed(1);
	struct progress *p = progress_new(MODEL_OPEN, 0);
	static uint32_t holds[20000];
	static uint64_t tokens[20000];
	int64_t first = 0, next = 0;

	while (next < (int64_t)ARRAY_LEN(holds)) {
		if (!progress_full(p) && rng_chance(&rng, 4000)) {
			tokens[next] = progress_open(p, next);
			assert_int_not_equal(tokens[next], 0);
			for (uint64_t n = rng_below(&rng, 4); n > 0; n--) {
				progress_hold(p, tokens[next]);
				holds[next]++;
			}
			next++;
		} else if (next > first) {
			int64_t at = first + (int64_t)rng_below(&rng, (uint64_t)(next - first));

			if (holds[at] > 0) {
				progress_release(p, tokens[at]);
				holds[at]--;
			}
		}
		while (first < next && holds[first] == 0)
			first++;
		assert_int_equal(progress_committable(p), first);
		assert_true(next - first <= MODEL_OPEN);
	}
	progress_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_opened_commits_where_it_began),
	    cmocka_unit_test(only_the_finished_prefix_is_committable),
	    cmocka_unit_test(an_entry_waits_for_all_its_holds),
	    cmocka_unit_test(a_record_that_caused_nothing_is_finished),
	    cmocka_unit_test(gaps_in_the_offsets_are_passed_over),
	    cmocka_unit_test(a_full_one_opens_nothing_until_its_head_is_finished),
	    cmocka_unit_test(it_agrees_with_a_plain_model),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
