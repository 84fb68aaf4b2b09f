/* What waits comes out in the order of its times, whatever was taken out in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "delivery/core/due.h"

#define ENTRIES 500
#define ROUNDS  20000

struct thing {
	int number;
	struct due due;
};

/* The earliest of those that wait, looked for one by one. */
static int64_t earliest(const struct thing *things)
{
	int64_t at_ms = INT64_MAX;

	for (size_t i = 0; i < ENTRIES; i++)
		if (things[i].due.place)
			at_ms = MIN_OF(at_ms, things[i].due.at_ms);
	return at_ms;
}

static void the_first_is_always_the_earliest(void **state)
{
	struct thing things[ENTRIES] = {0};
	struct rng rng = rng_seed(7);
	struct due_heap heap = {0};
	size_t waiting = 0;

	(void)state;
	assert_null(due_first(&heap));
	for (int round = 0; round < ROUNDS; round++) {
		struct thing *t = &things[rng_below(&rng, ENTRIES)];

		if (t->due.place) {
			due_remove(&heap, &t->due);
			waiting--;
		} else {
			due_add(&heap, &t->due, (int64_t)rng_below(&rng, 100));
			waiting++;
		}
		assert_int_equal(heap.count, waiting);
		if (waiting > 0)
			assert_int_equal(due_first(&heap)->at_ms, earliest(things));
	}
	while (due_first(&heap))
		due_remove(&heap, due_first(&heap));
	for (size_t i = 0; i < ENTRIES; i++)
		assert_int_equal(things[i].due.place, 0);
	due_free(&heap);
}

static void an_entry_leads_to_what_it_stands_in(void **state)
{
	struct thing t = {.number = 3};
	struct due_heap heap = {0};

	(void)state;
	due_add(&heap, &t.due, 1);
	assert_ptr_equal(due_of(due_first(&heap), struct thing, due), &t);
	due_remove(&heap, &t.due);
	due_free(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_is_always_the_earliest),
	    cmocka_unit_test(an_entry_leads_to_what_it_stands_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
