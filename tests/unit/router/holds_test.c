/* An advertiser that delivery can't reach: its orders are offered nothing until the hold ends, by log time or by an event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "play.h"
#include "router/core/holds.h"

#define START_MS 1796119200000LL

static void begin(struct play *p, bool cut)
{
	static const struct play_order order = {.id = "bank-cards",
						.vertical = "credit_card",
						.currency = "RUB",
						.price_minor = 45000,
						.revision = 1};

	play_start(p);
	p->cut_everywhere = cut;
	assert_int_equal(play_order(p, START_MS, &order), MARKET_CHANGED);
}

/* The code of the only order's candidate for a lead that comes now. */
static const Punnet__V1__Candidate *offer(struct play *p, int64_t now_ms)
{
	static uint64_t n;
	struct play_lead lead = {.id = play_lead_id(++n),
				 .vertical = "credit_card",
				 .country = "RU",
				 .judged_offset = UINT64_MAX};

	assert_int_equal(play_lead(p, now_ms, &lead), MARKET_CHANGED);
	assert_int_equal(play_record(p)->n_candidates, 1);
	return play_record(p)->candidates[0];
}

static void a_held_advertiser_is_offered_nothing_until_the_hold_ends(void **state)
{
	struct play p;

	begin(&p, *state != NULL);
	assert_string_equal(offer(&p, START_MS)->code, "won");
	assert_int_equal(play_held(&p, START_MS + 1000, "bank", START_MS + 61000), MARKET_CHANGED);
	assert_string_equal(offer(&p, START_MS + 2000)->code, "advertiser_held");
	assert_int_equal(offer(&p, START_MS + 2000)->until_ms, START_MS + 61000);
	/* once more: longer */
	assert_int_equal(play_held(&p, START_MS + 40000, "bank", START_MS + 100000),
			 MARKET_CHANGED);
	assert_string_equal(offer(&p, START_MS + 99999)->code, "advertiser_held");
	/* nobody says anything: it ends, and the next lead is the probe */
	assert_string_equal(offer(&p, START_MS + 100000)->code, "won");
	assert_int_equal(play_held(&p, START_MS + 100001, "bank", START_MS + 160000),
			 MARKET_CHANGED);
	assert_string_equal(offer(&p, START_MS + 100002)->code, "advertiser_held");
	assert_int_equal(play_held(&p, START_MS + 100003, "bank", 0), MARKET_CHANGED);
	assert_string_equal(offer(&p, START_MS + 100004)->code, "won");
	assert_int_equal(play_held(&p, START_MS + 100005, "bank", 0), MARKET_NO_MATTER);
	play_stop(&p);
}

static void an_order_that_comes_meanwhile_is_held_too(void **state)
{
	static const struct play_order second = {.id = "bank-gold",
						 .vertical = "osago",
						 .currency = "RUB",
						 .price_minor = 50000,
						 .revision = 1};
	struct play_lead lead = {.id = play_lead_id(7000),
				 .vertical = "osago",
				 .country = "RU",
				 .judged_offset = UINT64_MAX};
	struct play p;

	begin(&p, *state != NULL);
	assert_int_equal(play_held(&p, START_MS + 1000, "bank", START_MS + 61000), MARKET_CHANGED);
	assert_int_equal(play_order(&p, START_MS + 1001, &second), MARKET_CHANGED);
	play_lead(&p, START_MS + 1002, &lead);
	assert_string_equal(play_record(&p)->candidates[0]->code, "advertiser_held");
	play_stop(&p);
}

static void nobody_else_is_held_and_no_clock_holds_for_ever(void **state)
{
	struct play p;

	begin(&p, *state != NULL);
	assert_int_equal(play_held(&p, START_MS + 1000, "insurer", START_MS + 61000),
			 MARKET_CHANGED);
	assert_string_equal(offer(&p, START_MS + 2000)->code, "won");
	assert_int_equal(play_held(&p, START_MS + 3000, "bank", INT64_MAX), MARKET_CHANGED);
	assert_string_equal(offer(&p, START_MS + 4000)->code, "advertiser_held");
	assert_string_equal(offer(&p, START_MS + 3000 + 10 * MS_PER_MIN)->code, "won");
	assert_int_equal(play_held(&p, START_MS + 700000, "", START_MS), MARKET_MALFORMED);
	assert_int_equal(play_held(&p, START_MS + 700000, "bank", -1), MARKET_MALFORMED);
	play_stop(&p);
}

static void a_rule_pauses_beside_an_outage_and_neither_ends_the_other(void **state)
{
	struct play p;

	begin(&p, *state != NULL);
	assert_int_equal(play_held_by_rule(&p, START_MS + 1000, "bank", START_MS + 2 * MS_PER_DAY),
			 MARKET_CHANGED);
	assert_int_equal(play_held_by_rule(&p, START_MS + 1001, "bank", START_MS + 2 * MS_PER_DAY),
			 MARKET_NO_MATTER);
	assert_string_equal(offer(&p, START_MS + 2000)->code, "advertiser_paused_by_rule");
	assert_int_equal(offer(&p, START_MS + 2000)->until_ms, START_MS + 2 * MS_PER_DAY);
	/* an outage, and its end */
	assert_int_equal(play_held(&p, START_MS + 3000, "bank", START_MS + 61000), MARKET_CHANGED);
	assert_string_equal(offer(&p, START_MS + 4000)->code, "advertiser_held");
	assert_int_equal(play_held(&p, START_MS + 5000, "bank", 0), MARKET_CHANGED);
	assert_string_equal(offer(&p, START_MS + 6000)->code, "advertiser_paused_by_rule");
	/* the operator lifts it; what is left of an outage stays */
	assert_int_equal(play_held(&p, START_MS + 7000, "bank", START_MS + 67000), MARKET_CHANGED);
	assert_int_equal(play_held_by_rule(&p, START_MS + 8000, "bank", 0), MARKET_CHANGED);
	assert_string_equal(offer(&p, START_MS + 9000)->code, "advertiser_held");
	assert_string_equal(offer(&p, START_MS + 67000)->code, "won");
	/* a week at most, and it ends by itself */
	assert_int_equal(play_held_by_rule(&p, START_MS + 70000, "bank", INT64_MAX),
			 MARKET_CHANGED);
	assert_string_equal(offer(&p, START_MS + 69999 + 7 * MS_PER_DAY)->code,
			    "advertiser_paused_by_rule");
	assert_string_equal(offer(&p, START_MS + 70000 + 7 * MS_PER_DAY)->code, "won");
	play_stop(&p);
}

/* Who got the lead, and what is said of the bank's order. */
static const char *winner(struct play *p, int64_t now_ms, const char **ret_detail)
{
	static uint64_t n = 90000;
	struct play_lead lead = {.id = play_lead_id(++n),
				 .vertical = "credit_card",
				 .country = "RU",
				 .judged_offset = UINT64_MAX};
	const Punnet__V1__DecisionRecord *d;

	assert_int_equal(play_lead(p, now_ms, &lead), MARKET_CHANGED);
	d = play_record(p);
	*ret_detail = "";
	for (size_t i = 0; i < d->n_candidates; i++)
		if (strcmp(d->candidates[i]->order_id, "bank-cards") == 0)
			*ret_detail = d->candidates[i]->detail;
	return d->candidates[0]->order_id;
}

/* 450.00 against 400.00: lowered by a tenth it stays the first, by a fifth it doesn't; and what it pays is its price. */
static void a_lowered_advertiser_stands_where_a_lower_price_would(void **state)
{
	static const struct play_order other = {.id = "rival",
						.advertiser = "rival",
						.vertical = "credit_card",
						.currency = "RUB",
						.price_minor = 40000,
						.revision = 1};
	const char *detail;
	struct play p;

	begin(&p, *state != NULL);
	assert_int_equal(play_order(&p, START_MS, &other), MARKET_CHANGED);
	assert_string_equal(winner(&p, START_MS + 1, &detail), "bank-cards");
	assert_string_equal(detail, "");
	assert_int_equal(play_lowered(&p, START_MS + 2, "bank", START_MS + 60000, 1000),
			 MARKET_CHANGED);
	assert_string_equal(winner(&p, START_MS + 3, &detail), "bank-cards");
	assert_string_equal(detail, "ranks as if it paid 405.00 RUB: a rule lowers its advertiser");
	assert_int_equal(play_record(&p)->candidates[0]->price->amount_minor, 45000);
	assert_int_equal(play_lowered(&p, START_MS + 4, "bank", START_MS + 60000, 2000),
			 MARKET_CHANGED);
	assert_int_equal(play_lowered(&p, START_MS + 4, "bank", START_MS + 60000, 2000),
			 MARKET_NO_MATTER);
	assert_string_equal(winner(&p, START_MS + 5, &detail), "rival");
	assert_string_equal(detail, "ranks as if it paid 360.00 RUB: a rule lowers its advertiser");
	assert_string_equal(winner(&p, START_MS + 59999, &detail), "rival");
	/* it ends by itself, or by an event */
	assert_string_equal(winner(&p, START_MS + 60000, &detail), "bank-cards");
	assert_int_equal(play_lowered(&p, START_MS + 61000, "bank", INT64_MAX, 9000),
			 MARKET_CHANGED);
	assert_string_equal(winner(&p, START_MS + 62000, &detail), "rival");
	assert_int_equal(play_lowered(&p, START_MS + 63000, "bank", 0, 0), MARKET_CHANGED);
	assert_string_equal(winner(&p, START_MS + 64000, &detail), "bank-cards");
	/* a week at most, and never to nothing */
	assert_int_equal(play_lowered(&p, START_MS + 65000, "bank", INT64_MAX, 2000),
			 MARKET_CHANGED);
	assert_string_equal(winner(&p, START_MS + 64999 + 7 * MS_PER_DAY, &detail), "rival");
	assert_string_equal(winner(&p, START_MS + 65000 + 7 * MS_PER_DAY, &detail), "bank-cards");
	assert_int_equal(play_lowered(&p, START_MS + 8 * MS_PER_DAY, "bank", INT64_MAX, 9001),
			 MARKET_MALFORMED);
	assert_int_equal(play_lowered(&p, START_MS + 8 * MS_PER_DAY, "", 1, 1), MARKET_MALFORMED);
	play_stop(&p);
}

/* For people alone, and part of the state all the same: whoever asks after a restart is told. */
static void since_when_and_why_is_kept(void **state)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__AdvertiserLowered lowered = PUNNET__V1__ADVERTISER_LOWERED__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	const struct hold *hold;
	struct play p;

	begin(&p, *state != NULL);
	play_find(&p, "bank-cards")->changed = false;
	source.topic = (char *)"operator";
	lowered.advertiser_id = (char *)"bank";
	lowered.until_ms = START_MS + 60000;
	lowered.lower_bp = 2000;
	lowered.since_ms = START_MS - 5;
	lowered.reason_code = (char *)"empty, and so on and on";
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_LOWERED;
	event.lowered = &lowered;
	assert_int_equal(play_event(&p, START_MS, &event), MARKET_CHANGED);
	assert_true(play_find(&p, "bank-cards")->changed); /* boards are told */
	assert_int_equal(play_event(&p, START_MS, &event), MARKET_NO_MATTER);
	play_cut(&p);
	hold = play_find(&p, "bank-cards")->hold;
	assert_int_equal(hold->lower_since_ms, START_MS - 5);
	assert_string_equal(hold->lower_reason, "empty, and so o");
	play_stop(&p);
}

#define BOTH_WAYS(test)                                                                            \
	{#test, test, NULL, NULL, NULL},                                                           \
	{                                                                                          \
#test " (cut everywhere)", test, NULL, NULL, (void *)"cut"                         \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH_WAYS(a_held_advertiser_is_offered_nothing_until_the_hold_ends),
	    BOTH_WAYS(an_order_that_comes_meanwhile_is_held_too),
	    BOTH_WAYS(nobody_else_is_held_and_no_clock_holds_for_ever),
	    BOTH_WAYS(a_rule_pauses_beside_an_outage_and_neither_ends_the_other),
	    BOTH_WAYS(a_lowered_advertiser_stands_where_a_lower_price_would),
	    BOTH_WAYS(since_when_and_why_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
