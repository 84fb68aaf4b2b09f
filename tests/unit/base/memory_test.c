/* Arena, buffer and map: memory that grows, is kept, and is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/rng.h"

#include <stdio.h>

static void allocations_are_aligned_and_do_not_overlap(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	struct rng rng = rng_seed(1);
	uint8_t *p[2000];
	size_t size[2000];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		size[i] = rng_below(&rng, 300);
		p[i] = arena_alloc(&a, size[i]);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		memset(p[i], i & 0xFF, size[i]);
	}
	for (int i = 0; i < 2000; i++) {
		for (size_t k = 0; k < size[i]; k++)
			assert_int_equal(p[i][k], i & 0xFF);
	}
}

static void an_allocation_larger_than_a_block_is_served(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	char *small = arena_alloc(&a, 10);
	char *large = arena_calloc(&a, 3, 100000);

	(void)state;
	memset(small, 1, 10);
	for (size_t i = 0; i < 300000; i++)
		assert_int_equal(large[i], 0);
	memset(large, 2, 300000);
	assert_int_equal(small[9], 1);
}

static void a_reset_arena_gives_the_same_memory_again(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	void *first[100];

	(void)state;
	for (int i = 0; i < 100; i++)
		first[i] = arena_alloc(&a, 1000);
	arena_reset(&a);
	for (int i = 0; i < 100; i++)
		assert_ptr_equal(arena_alloc(&a, 1000), first[i]);
}

static void a_reset_arena_serves_other_sizes_than_before(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	struct rng rng = rng_seed(2);

	(void)state;
	arena_reset(&a);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 50; i++) {
			size_t size = rng_below(&rng, 40000);

			memset(arena_alloc(&a, size), 7, size);
		}
		arena_reset(&a);
	}
}

static void arena_text_is_copied_and_ended(void **state)
{
	_cleanup_(arena_free) struct arena a = {0};
	char typed[] = "lead";
	struct slice copy = arena_dup(&a, slice_cstr(typed));
	char *text = arena_cstr(&a, (struct slice){0});

	(void)state;
	typed[0] = 'X';
	assert_true(slice_is(copy, "lead"));
	assert_string_equal(text, "");
	assert_string_equal(arena_printf(&a, "%s-%d", "order", 7), "order-7");
}

static void a_buffer_stops_at_its_ceiling_and_says_so(void **state)
{
	_cleanup_(buf_free) struct buf b = {.max = 10};

	(void)state;
	buf_append_cstr(&b, "12345");
	buf_append_cstr(&b, "67890");
	assert_false(b.failed);
	assert_string_equal(buf_cstr(&b), "1234567890");
	buf_append_char(&b, 'x');
	assert_true(b.failed);
	assert_int_equal(b.len, 10);
	assert_string_equal(buf_cstr(&b), "");
	buf_append(&b, "", 0);
	assert_int_equal(b.len, 10);

	buf_reset(&b);
	buf_append_char(&b, 'x');
	assert_string_equal(buf_cstr(&b), "x");
}

static void a_buffer_refuses_sizes_that_would_wrap_around(void **state)
{
	_cleanup_(buf_free) struct buf b = {0};

	(void)state;
	buf_append_cstr(&b, "abc");
	assert_false(buf_reserve(&b, SIZE_MAX - 1));
	assert_true(b.failed);
}

static void a_buffer_grows_over_many_appends(void **state)
{
	_cleanup_(buf_free) struct buf b = {0};

	(void)state;
	assert_string_equal(buf_cstr(&b), "");
	for (int i = 0; i < 100000; i++)
		buf_append_char(&b, (char)('a' + i % 26));
	assert_false(b.failed);
	assert_int_equal(b.len, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
}

static void integers_are_written_to_their_limits(void **state)
{
	_cleanup_(buf_free) struct buf b = {0};
	const int64_t values[] = {0, 7, -7, 1000, INT64_MAX, INT64_MIN};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		buf_append_int(&b, values[i]);
		buf_append_char(&b, ' ');
	}
	buf_printf(&b, "%05d|%s", 42, "end");
	assert_string_equal(buf_cstr(&b),
			    "0 7 -7 1000 9223372036854775807 -9223372036854775808 00042|end");
}

static struct slice key_of(uint64_t number, char room[32])
{
	return slice_of(room, (size_t)snprintf(room, 32, "key-%llu", (unsigned long long)number));
}

static void a_map_agrees_with_a_plain_table(void **state)
{
	_cleanup_(map_free) struct map m = {0};
	static int values[500];
	void *expected[500] = {0};
	struct rng rng = rng_seed(3);
	size_t count = 0;
	char room[32];

	(void)state;
	for (int round = 0; round < 50000; round++) {
		uint64_t n = rng_below(&rng, 500);
		struct slice key = key_of(n, room);

		if (rng_chance(&rng, 5000)) {
			void *value = &values[rng_below(&rng, 500)];

			count += !expected[n];
			assert_ptr_equal(map_put(&m, key, value), expected[n]);
			expected[n] = value;
		} else {
			count -= expected[n] != NULL;
			assert_ptr_equal(map_remove(&m, key), expected[n]);
			expected[n] = NULL;
		}
		assert_int_equal(map_count(&m), count);
		n = rng_below(&rng, 500);
		assert_ptr_equal(map_get(&m, key_of(n, room)), expected[n]);
	}
}

static void a_map_is_walked_in_the_order_of_insertion(void **state)
{
	_cleanup_(map_free) struct map m = {0};
	struct slice key;
	void *value;
	char room[32];
	int one;

	(void)state;
	assert_false(map_at(&m, 0, &key, &value));
	for (uint64_t i = 0; i < 100; i++)
		assert_null(map_put(&m, key_of(i * 7919 % 100, room), &one));
	for (uint64_t i = 0; i < 100; i++) {
		assert_true(map_at(&m, i, &key, &value));
		assert_true(slice_equal(key, key_of(i * 7919 % 100, room)));
		assert_ptr_equal(value, &one);
	}
	assert_false(map_at(&m, 100, &key, &value));
}

static void keys_may_be_empty_and_may_hold_nul(void **state)
{
	_cleanup_(map_free) struct map m = {0};
	int empty, nul, longer;

	(void)state;
	assert_null(map_get(&m, (struct slice){0}));
	assert_null(map_put(&m, (struct slice){0}, &empty));
	assert_null(map_put(&m, slice_of("\0", 1), &nul));
	assert_null(map_put(&m, slice_of("\0\0", 2), &longer));
	assert_ptr_equal(map_get(&m, (struct slice){0}), &empty);
	assert_ptr_equal(map_get(&m, slice_of("\0", 1)), &nul);
	assert_ptr_equal(map_get(&m, slice_of("\0\0", 2)), &longer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(allocations_are_aligned_and_do_not_overlap),
	    cmocka_unit_test(an_allocation_larger_than_a_block_is_served),
	    cmocka_unit_test(a_reset_arena_gives_the_same_memory_again),
	    cmocka_unit_test(a_reset_arena_serves_other_sizes_than_before),
	    cmocka_unit_test(arena_text_is_copied_and_ended),
	    cmocka_unit_test(a_buffer_stops_at_its_ceiling_and_says_so),
	    cmocka_unit_test(a_buffer_refuses_sizes_that_would_wrap_around),
	    cmocka_unit_test(a_buffer_grows_over_many_appends),
	    cmocka_unit_test(integers_are_written_to_their_limits),
	    cmocka_unit_test(a_map_agrees_with_a_plain_table),
	    cmocka_unit_test(a_map_is_walked_in_the_order_of_insertion),
	    cmocka_unit_test(keys_may_be_empty_and_may_hold_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
