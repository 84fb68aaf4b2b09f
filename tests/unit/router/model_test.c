/* The router against the slow model, over random small markets; and each constraint, and the lowering of
 * advertisers, switched off once, which must be seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "model_world.h"
#include "router/core/rank.h"

#ifdef __SANITIZE_ADDRESS__
#define MARKETS 2000
#else
#define MARKETS 10000
#endif
#define STEPS        80
#define MARKETS_LEFT 3000 /* in which a constraint that is switched off must be seen */

/* The first step at which the two differ; -1 = they don't. */
static int play_market(uint64_t seed, char fault[160])
{
	struct both b;
	int step = 0;

	both_start(&b, seed);
	while (step < STEPS && !b.fault[0]) {
		both_step(&b);
		step++;
	}
	snprintf(fault, 160, "%s", b.fault);
	both_stop(&b);
	return fault[0] ? step : -1;
}

static void the_router_decides_as_the_slow_model_does(void **state)
{
	char fault[160];

	(void)state;
	for (uint64_t seed = 1; seed <= MARKETS; seed++) {
		int step = play_market(seed, fault);

		if (step >= 0)
			fail_msg("market %llu, step %d: %s", (unsigned long long)seed, step, fault);
	}
}

#ifdef PUNNET_FAULTS
static bool is_seen(void)
{
	char fault[160];
	uint64_t seed = 1;

	while (seed <= MARKETS_LEFT && play_market(seed, fault) < 0)
		seed++;
	return seed <= MARKETS_LEFT;
}

static void a_constraint_that_is_switched_off_is_seen(void **state)
{
	(void)state;
	for (enum constraint_id id = 0; id < CONSTRAINTS; id++) {
		bool seen;

		if (id == CONSTRAINT_pace)
			continue; /* the model paces nothing: pace_test.c sees to it */

		constraint_switch_off(id);
		seen = is_seen();
		constraint_switch_off(CONSTRAINTS);
		if (!seen)
			fail_msg("without %s nothing was seen", constraint_name(id));
	}
}

static void a_lowered_advertiser_that_ranks_by_its_price_is_seen(void **state)
{
	bool seen;

	(void)state;
	rank_lowering_switch_off(true);
	seen = is_seen();
	rank_lowering_switch_off(false);
	assert_true(seen);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_router_decides_as_the_slow_model_does),
#ifdef PUNNET_FAULTS
	    cmocka_unit_test(a_constraint_that_is_switched_off_is_seen),
	    cmocka_unit_test(a_lowered_advertiser_that_ranks_by_its_price_is_seen),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
