/* Pool and table: what the market keeps a million of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pool.h"
#include "base/rng.h"
#include "base/table.h"

#include <stdio.h>
#include <stdlib.h>

#define BLOCKS 300
#define ROUNDS 20000

struct block {
	uint8_t *p;
	size_t size;
	uint8_t mark;
};

static void check(const struct block *b)
{
	for (size_t i = 0; i < b->size; i++)
		assert_int_equal(b->p[i], b->mark);
}

static void renew(struct pool *pool, struct block *b, struct rng *rng)
{
	check(b);
	pool_give(pool, b->p, b->size);
	b->size = rng_below(rng, rng_chance(rng, 100) ? 3 * POOL_BLOCK_MAX : 400);
	b->mark = (uint8_t)rng_below(rng, 256);
	b->p = pool_take(pool, b->size);
	assert_int_equal((uintptr_t)b->p % POOL_STEP, 0);
	memset(b->p, b->mark, b->size);
}

static void blocks_do_not_overlap_whatever_is_given_back(void **state)
{
	struct block blocks[BLOCKS] = {0};
	struct rng rng = rng_seed(5);
	struct pool pool = {0};

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		renew(&pool, &blocks[rng_below(&rng, BLOCKS)], &rng);
		if (i % 1000 == 300)
			pool_hold(&pool);
		if (i % 1000 == 700)
			pool_release(&pool);
	}
	for (int i = 0; i < BLOCKS; i++)
		check(&blocks[i]);
	pool_free(&pool);
}

static void a_block_that_was_given_back_is_taken_again(void **state)
{
	struct pool pool = {0};
	void *block = pool_take(&pool, 100);

	(void)state;
	pool_give(&pool, block, 100);
	assert_ptr_equal(pool_take(&pool, 97), block);
	assert_ptr_not_equal(pool_take(&pool, 97), block);
	pool_free(&pool);
}

static size_t taken_bytes;

static void *counted_take(size_t bytes)
{
	taken_bytes += bytes;
	return malloc(bytes);
}

static void counted_give(void *p, size_t bytes)
{
	taken_bytes -= bytes;
	free(p);
}

/* Of small blocks and of large ones, which have memory of their own. */
static void what_is_held_stays_as_it_was(void **state)
{
	static const struct pool_memory memory = {counted_take, counted_give};
	static const size_t sizes[] = {1, 100, POOL_BLOCK_MAX, 10 * POOL_BLOCK_MAX};
	struct pool pool = {.memory = &memory};
	struct block b[ARRAY_LEN(sizes)];
	size_t before;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		b[i] = (struct block){pool_take(&pool, sizes[i]), sizes[i], (uint8_t)(i + 1)};
		memset(b[i].p, b[i].mark, b[i].size);
	}
	before = taken_bytes;
	pool_hold(&pool);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		pool_give(&pool, b[i].p, b[i].size);
	assert_int_equal(taken_bytes, before);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_ptr_not_equal(pool_take(&pool, sizes[i]), b[i].p);
		check(&b[i]);
	}
	pool_release(&pool);
	/* then, and not before, it is given back */
	assert_ptr_equal(pool_take(&pool, sizes[1]), b[1].p);
	assert_true(taken_bytes < before + 11 * POOL_BLOCK_MAX);
	pool_free(&pool);
	assert_int_equal(taken_bytes, 0);
}

struct item {
	uint64_t key;
};

static struct slice item_key(const void *item)
{
	const struct item *i = item;

	return slice_of(&i->key, sizeof(i->key));
}

static void a_table_agrees_with_a_plain_one(void **state)
{
	static struct item items[500];
	bool in[500] = {0};
	struct rng rng = rng_seed(3);
	struct table t = {0};
	size_t count = 0;

	(void)state;
	assert_null(table_get(&t, item_key, SLICE("12345678")));
	assert_null(table_remove(&t, item_key, SLICE("12345678")));
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		items[i].key = i * 7919;
	for (int round = 0; round < 50000; round++) {
		size_t n = rng_below(&rng, 500);

		if (!in[n])
			table_add(&t, item_key, &items[n]);
		else
			assert_ptr_equal(table_remove(&t, item_key, item_key(&items[n])),
					 &items[n]);
		count += in[n] ? -1 : 1;
		in[n] = !in[n];
		assert_int_equal(table_count(&t), count);
		n = rng_below(&rng, 500);
		assert_ptr_equal(table_get(&t, item_key, item_key(&items[n])),
				 in[n] ? &items[n] : NULL);
	}
	for (size_t i = 0; i < count; i++)
		assert_true(in[(struct item *)table_at(&t, i) - items]);
	assert_null(table_at(&t, count));
	table_free(&t);
}

static void a_table_is_walked_in_the_order_of_arrival(void **state)
{
	static struct item items[100];
	struct table t = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		items[i].key = i * 31 % 100;
		table_add(&t, item_key, &items[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(items); i++)
		assert_ptr_equal(table_at(&t, i), &items[i]);
	/* one of the same key takes the place of the one that was there */
	static struct item other = {.key = 31 * 7 % 100};
	assert_ptr_equal(table_replace(&t, item_key, &other), &items[7]);
	assert_ptr_equal(table_at(&t, 7), &other);
	assert_ptr_equal(table_get(&t, item_key, item_key(&items[7])), &other);
	/* the last one takes the place of one that is removed */
	assert_ptr_equal(table_remove(&t, item_key, item_key(&items[40])), &items[40]);
	assert_ptr_equal(table_at(&t, 40), &items[99]);
	assert_ptr_equal(table_get(&t, item_key, item_key(&items[99])), &items[99]);
	table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(blocks_do_not_overlap_whatever_is_given_back),
	    cmocka_unit_test(a_block_that_was_given_back_is_taken_again),
	    cmocka_unit_test(what_is_held_stays_as_it_was),
	    cmocka_unit_test(a_table_agrees_with_a_plain_one),
	    cmocka_unit_test(a_table_is_walked_in_the_order_of_arrival),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
