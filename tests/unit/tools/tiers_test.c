/* Which tier a webmaster is in: months, thresholds, what changes, what a new card keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tools/tiers_core.h"

static struct arena arena;

static Punnet__V1__RateChanged *card_of(size_t tiers)
{
	static const struct {
		const char *name;
		uint64_t leads;
	} all[] = {{"gold", 1000}, {"silver", 200}, {"bronze", 50}};
	Punnet__V1__RateChanged *card = arena_alloc(&arena, sizeof(*card));

	punnet__v1__rate_changed__init(card);
	card->tiers = arena_calloc(&arena, tiers + 1, sizeof(*card->tiers));
	card->n_tiers = tiers;
	for (size_t i = 0; i < tiers; i++) {
		card->tiers[i] = arena_alloc(&arena, sizeof(*card->tiers[i]));
		punnet__v1__tier__init(card->tiers[i]);
		card->tiers[i]->tier = (char *)all[i].name;
		card->tiers[i]->least_leads = all[i].leads;
	}
	return card;
}

static void a_month_is_a_calendar_month_in_utc(_unused_ void **state)
{
	static const char *const wrong[] = {"",       "2026",     "2026-13",    "2026-00",
					    "2026-1", "26-11-01", "2026-11-01", "1999-12"};
	int64_t from_ms, to_ms;
	char month[MONTH_TEXT_LEN + 1];

	assert_true(month_span("2026-02", &from_ms, &to_ms));
	assert_int_equal(to_ms - from_ms, 28 * MS_PER_DAY);
	assert_true(month_span("2026-12", &from_ms, &to_ms));
	assert_int_equal(to_ms, 1798761600000); /* 2027-01-01 */
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(month_span(wrong[i], &from_ms, &to_ms));
	month_before(1798761600000, month);
	assert_string_equal(month, "2026-12");
	month_before(1798761600000 - 1, month);
	assert_string_equal(month, "2026-11");
	month_before(1798761600000 + 60 * MS_PER_DAY, month);
	assert_string_equal(month, "2027-02");
}

static void the_highest_tier_that_is_reached_counts(_unused_ void **state)
{
	const Punnet__V1__RateChanged *card = card_of(3);

	assert_null(tier_of(card, 49));
	assert_string_equal(tier_of(card, 50)->tier, "bronze");
	assert_string_equal(tier_of(card, 999)->tier, "silver");
	assert_string_equal(tier_of(card, 1000)->tier, "gold");
	assert_null(tier_of(card_of(0), 100000));
}

static void note(void *ctx, const char *aff_id, const char *was, const char *is, uint64_t approved)
{
	char *said = ctx;

	sprintf(said + strlen(said), "%s:%s>%s:%d ", aff_id, was, is, (int)approved);
}

static void who_changes_is_told_and_nobody_else(_unused_ void **state)
{
	struct tiers before = {.arena = &arena, .card = card_of(3)}, after = before;
	const Punnet__V1__RateChanged *was, *is;
	char said[200] = "";

	tiers_count(&before, "w1", 60);
	tiers_count(&before, "w2", 300);
	tiers_count(&before, "w4", 1000);
	tiers_count(&before, "w5", 20);
	was = tiers_card(&before, "2026-10");
	tiers_count(&after, "w1", 1200);
	tiers_count(&after, "w2", 250);
	tiers_count(&after, "w3", 70);
	is = tiers_card(&after, "2026-11");
	assert_int_equal(was->n_tier_holders, 3);
	assert_int_equal(tiers_compare(was, is, note, said), 3);
	assert_string_equal(said, "w1:bronze>gold:1200 w3:>bronze:70 w4:gold>:0 ");
	assert_string_equal(is->tier_month, "2026-11");
	assert_false(tiers_same(was, is));
	assert_true(tiers_same(is, is));
	/* in the same tier, for other leads: it is published, for trace shows the figure */
	assert_int_equal(tiers_compare(is, is, note, said), 0);
}

static void a_new_card_keeps_who_is_in_a_tier_that_it_has(_unused_ void **state)
{
	struct tiers t = {.arena = &arena, .card = card_of(3)};
	Punnet__V1__RateChanged *is = card_of(2), *none = card_of(0);
	Punnet__V1__Vertical vertical = PUNNET__V1__VERTICAL__INIT;
	Punnet__V1__DirectoryEntry was = PUNNET__V1__DIRECTORY_ENTRY__INIT;

	tiers_count(&t, "w1", 60);
	tiers_count(&t, "w2", 300);
	was.vertical = &vertical;
	vertical.card = (Punnet__V1__RateChanged *)tiers_card(&t, "2026-10");
	tiers_keep(&arena, &was, is);
	assert_int_equal(is->n_tier_holders, 1); /* there is no bronze any more */
	assert_string_equal(is->tier_holders[0]->aff_id, "w2");
	assert_string_equal(is->tier_month, "2026-10");
	tiers_keep(&arena, &was, none);
	assert_int_equal(none->n_tier_holders, 0);
	assert_string_equal(none->tier_month, "");
	tiers_keep(&arena, NULL, none);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_month_is_a_calendar_month_in_utc),
	    cmocka_unit_test(the_highest_tier_that_is_reached_counts),
	    cmocka_unit_test(who_changes_is_told_and_nobody_else),
	    cmocka_unit_test(a_new_card_keeps_who_is_in_a_tier_that_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
