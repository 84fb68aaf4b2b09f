/* A quantity by a deadline: spread over the leads that come, never passed, and met where it can be met. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "play.h"
#include "router/core/constraint.h"
#include "router/core/pace_forecast.h"

#define START_MS 1796083200000LL /* the beginning of an hour, of a day */
#define LEADS    8000
#define MANY     200
#define GAP_MS   (7 * MS_PER_DAY / LEADS)

static const char *const ids[] = {"A", "B", "C"};

struct market_play {
	struct play play;
	struct rng rng;
	int64_t now_ms;
	int64_t plus_minor; /* of bids */
	uint64_t leads, got[3], unsold;
	bool even; /* are the orders that are published */
};

static void publish(struct market_play *p, int i, int64_t price_minor, uint64_t quantity)
{
	struct play_order o = {.id = ids[i],
			       .vertical = "osago",
			       .price_minor = price_minor,
			       .quantity = quantity,
			       .revision = 1,
			       .even = p->even,
			       .until_ms = START_MS + 7 * MS_PER_DAY};

	assert_int_equal(play_order(&p->play, p->now_ms, &o), MARKET_CHANGED);
}

static void begin(struct market_play *p)
{
	*p = (struct market_play){.rng = rng_seed(5), .now_ms = START_MS};
	play_start(&p->play);
}

/* Leads with bids of those orders whose bit is set, each up to half above or below a thousand. */
static void lead(struct market_play *p, unsigned bidders)
{
	Punnet__V1__Bid bids[3] = {PUNNET__V1__BID__INIT, PUNNET__V1__BID__INIT,
				   PUNNET__V1__BID__INIT};
	struct play_lead l = {.vertical = "osago", .country = "RU", .judged_offset = UINT64_MAX};
	const Punnet__V1__Assignment *to;

	l.id = play_lead_id(++p->leads);
	for (unsigned i = 0; i < 3; i++) {
		bids[i].order_id = (char *)ids[i];
		bids[i].amount_minor = 500 + p->plus_minor + (int64_t)rng_below(&p->rng, 1000);
		if (bidders & 1u << i)
			l.bids[l.bid_count++] = &bids[i];
	}
	p->now_ms += GAP_MS;
	assert_int_equal(play_lead(&p->play, p->now_ms, &l), MARKET_CHANGED);
	to = play_assignment(&p->play);
	if (to)
		p->got[to->order_id[0] - 'A']++;
	else
		p->unsold++;
}

static void leads(struct market_play *p, uint64_t count, unsigned bidders)
{
	for (uint64_t i = 0; i < count; i++)
		lead(p, bidders);
}

static bool within(uint64_t is, uint64_t wanted, uint64_t off)
{
	return is + off >= wanted && is <= wanted + off;
}

static void a_quantity_is_spread_and_met(void **state)
{
	struct market_play p;

	(void)state;
	begin(&p);
	publish(&p, 0, 1000, 2000);
	for (uint64_t tenth = 1; tenth <= 9; tenth++) {
		leads(&p, LEADS / 10, 1);
		assert_true(within(p.got[0], tenth * 200, 100));
	}
	leads(&p, LEADS / 10 - 1, 1);
	assert_int_equal(p.got[0], 2000);
	play_stop(&p.play);
}

/* Every day each lead is worth two tenths more to it. How far it was off its plan at the widest. */
static uint64_t off_plan(bool even)
{
	const uint64_t wants = LEADS / 4;
	struct market_play p;
	uint64_t widest = 0;

	begin(&p);
	p.even = even;
	publish(&p, 0, 1000, wants);
	for (uint64_t i = 1; i < LEADS; i++) {
		uint64_t plan = i * wants / LEADS;

		p.plus_minor = (int64_t)(i * 7 * 200 / LEADS);
		lead(&p, 1);
		widest = MAX_OF(widest, p.got[0] > plan ? p.got[0] - plan : plan - p.got[0]);
	}
	assert_int_equal(p.got[0], wants);
	play_stop(&p.play);
	return widest * 1000 / wants;
}

static void an_even_order_keeps_to_its_plan(void **state)
{
	uint64_t even = off_plan(true), other = off_plan(false);

	(void)state;
	assert_true(even <= 30);
	assert_true(other > 2 * even);
}

/* The leads that are kept are the better ones: their mean is well above that of all. */
static void what_it_waits_for_is_worth_more(void **state)
{
	struct market_play p;
	struct order *o;

	(void)state;
	begin(&p);
	publish(&p, 0, 1000, 2000);
	leads(&p, LEADS - 1, 1);
	o = play_find(&p.play, "A");
	assert_int_equal(o->reserved, 2000);
	assert_true(o->reserved_minor >
		    2000 * 1300); /* of all bids the mean is 1000, of the best fourth 1375 */
	play_stop(&p.play);
}

/* After four of seven days only every third lead still comes, and two thirds of all were wanted: from then on each is taken. */
static void an_order_whose_leads_run_dry_takes_what_there_is(void **state)
{
	struct market_play p;
	uint64_t before;

	(void)state;
	begin(&p);
	publish(&p, 0, 1000, LEADS * 2 / 3);
	leads(&p, LEADS * 4 / 7, 1);
	before = p.got[0];
	for (int i = 0; i < LEADS * 3 / 7; i++) {
		if (i % 3 == 0)
			lead(&p, 1);
		else
			p.now_ms += GAP_MS;
	}
	assert_true(p.got[0] - before > LEADS / 7 * 9 / 10);
	play_stop(&p.play);
}

/* A wants half of the tenth of all leads that fits it; B and C could have all of them too, and want most of what comes. */
static void a_small_order_does_not_starve(void **state)
{
	struct market_play p;

	(void)state;
	begin(&p);
	publish(&p, 0, 1000, LEADS / 20);
	publish(&p, 1, 1000, LEADS / 2);
	publish(&p, 2, 1000, LEADS / 4);
	for (int i = 0; i < LEADS - 1; i++)
		lead(&p, i % 10 == 0 ? 7 : 6);
	assert_int_equal(p.got[0], LEADS / 20);
	assert_true(p.got[1] + p.got[2] > LEADS * 74 / 100);
	play_stop(&p.play);
}

static void without_the_constraint_nobody_waits(_unused_ void **state)
{
#ifdef PUNNET_FAULTS
	struct market_play p;

	begin(&p);
	publish(&p, 0, 1000, 2000);
	constraint_switch_off(CONSTRAINT_pace);
	leads(&p, LEADS / 2, 1);
	constraint_switch_off(CONSTRAINTS);
	assert_int_equal(p.got[0], 2000); /* half the time is left, and nothing to buy in it */
	play_stop(&p.play);
#endif
}

/* Before anything was watched for long enough, and for orders that set no deadline, all is as if nobody paced. */
static void nobody_waits_before_enough_was_watched(void **state)
{
	struct market_play p;
	struct play_order o = {
	    .id = "A", .vertical = "osago", .price_minor = 1000, .quantity = 50, .revision = 1};

	(void)state;
	begin(&p);
	assert_int_equal(play_order(&p.play, p.now_ms, &o), MARKET_CHANGED);
	leads(&p, 60, 1);
	assert_int_equal(p.got[0], 50);
	publish(&p, 1, 1000, 20);
	leads(&p, 20, 2);
	assert_true(p.got[1] >= 1);
	play_stop(&p.play);
	begin(&p);
	publish(&p, 0, 1000, 2000);
	leads(&p, MS_PER_HOUR / 2 / GAP_MS, 1);
	assert_int_equal(p.got[0], MS_PER_HOUR / 2 / GAP_MS);
	play_stop(&p.play);
}

/* Written and read back before every event, the market goes on exactly as the one that was not. */
static void pacing_survives_a_snapshot(void **state)
{
	struct market_play whole, cut;

	(void)state;
	begin(&whole);
	begin(&cut);
	publish(&whole, 0, 1000, 300);
	publish(&cut, 0, 1000, 300);
	whole.even = cut.even = true;
	publish(&whole, 1, 1000, 300);
	publish(&cut, 1, 1000, 300);
	for (int i = 0; i < 1500; i++) {
		if (i % 37 == 0)
			play_cut(&cut.play);
		lead(&whole, 1 + (unsigned)i % 2);
		lead(&cut, 1 + (unsigned)i % 2);
		assert_true(market_digest(whole.play.market) == market_digest(cut.play.market));
	}
	play_stop(&whole.play);
	play_stop(&cut.play);
}

/* So many that they stand in several leaves of the index; prices are few, so that many scores are even. */
static void publish_many(struct market_play *p, uint64_t revision, int of, int which)
{
	for (int i = 0; i < MANY; i++) {
		int n = i * 7 % MANY;
		char id[8];
		struct play_order o = {.id = id,
				       .vertical = "osago",
				       .price_minor = 500 + (n * 13 + (int)revision * 5) % 40 * 10,
				       .quantity = n % 4 == 0 ? 60 : 0,
				       .revision = revision,
				       .cap_total = 500,
				       .until_ms = START_MS + 7 * MS_PER_DAY};

		snprintf(id, sizeof(id), "o%03d", n);
		if (n % of == which)
			assert_int_equal(play_order(&p->play, p->now_ms, &o), MARKET_CHANGED);
	}
}

static void lead_of_all(struct market_play *p)
{
	struct play_lead l = {.vertical = "osago", .country = "RU", .judged_offset = UINT64_MAX};

	l.id = play_lead_id(++p->leads);
	p->now_ms += GAP_MS;
	assert_int_equal(play_lead(&p->play, p->now_ms, &l), MARKET_CHANGED);
}

static void assert_same_state(const struct market_play *a, const struct market_play *b)
{
	_cleanup_(buf_free) struct buf one = {0}, other = {0};

	market_encode(a->play.market, &one);
	market_encode(b->play.market, &other);
	assert_true(slice_equal(buf_slice(&one), buf_slice(&other)));
}

/* After orders came and went, an index has leaves that one made anew from a snapshot has not. */
static void what_is_learned_does_not_hang_on_the_past_of_the_index(void **state)
{
	struct market_play whole, cut;

	(void)state;
	begin(&whole);
	begin(&cut);
	for (int turn = 0; turn < 6; turn++) {
		publish_many(&whole, 1 + (uint64_t)turn, turn == 0 ? 1 : 3, turn % 3);
		publish_many(&cut, 1 + (uint64_t)turn, turn == 0 ? 1 : 3, turn % 3);
		play_cut(&cut.play);
		for (int i = 0; i < 500; i++) {
			lead_of_all(&whole);
			lead_of_all(&cut);
			assert_true(market_digest(whole.play.market) ==
				    market_digest(cut.play.market));
		}
		assert_same_state(&whole, &cut);
	}
	play_stop(&whole.play);
	play_stop(&cut.play);
}

static void a_forecast_says_what_will_be(void **state)
{
	struct pace_forecast f;
	struct market_play p;
	struct order *o;

	(void)state;
	begin(&p);
	publish(&p, 0, 1000, 2000);
	publish(&p, 1, 1000, LEADS * 2);
	leads(&p, LEADS / 2, 3);
	o = play_find(&p.play, "A");
	f = pace_forecast(market_pacer(p.play.market, o), o, p.now_ms);
	assert_int_equal(f.expected, 2000);
	assert_true(within(f.planned, 1000, 100));
	assert_int_equal(o->pace->state, PACE_ON_PLAN);
	o = play_find(&p.play, "B");
	f = pace_forecast(market_pacer(p.play.market, o), o, p.now_ms);
	assert_int_equal(o->pace->state, PACE_SHORT);
	leads(&p, LEADS / 2 - 1, 3);
	assert_true(f.low <= p.got[1] && p.got[1] <= f.high);
	assert_true(f.high < LEADS * 2);
	play_stop(&p.play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_quantity_is_spread_and_met),
	    cmocka_unit_test(an_even_order_keeps_to_its_plan),
	    cmocka_unit_test(what_it_waits_for_is_worth_more),
	    cmocka_unit_test(an_order_whose_leads_run_dry_takes_what_there_is),
	    cmocka_unit_test(a_small_order_does_not_starve),
	    cmocka_unit_test(without_the_constraint_nobody_waits),
	    cmocka_unit_test(nobody_waits_before_enough_was_watched),
	    cmocka_unit_test(pacing_survives_a_snapshot),
	    cmocka_unit_test(what_is_learned_does_not_hang_on_the_past_of_the_index),
	    cmocka_unit_test(a_forecast_says_what_will_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
