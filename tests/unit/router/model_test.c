/* The router against the slow model, over random small markets; and the invariants of caps at every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model.h"
#include "play.h"

#define MARKETS     2000
#define STEPS       120
#define START_MS    (1796083200000LL)
#define STEP_MAX_MS (25 * 60 * 1000)

static const char *const verticals[] = {"credit_card", "osago"};
static const char *const countries[] = {"RU", "KZ", "BY"};
static const char *const ids[MODEL_ORDERS] = {"A", "B", "C", "D", "E", "F",
					      "G", "H", "I", "J", "K", "L"};

struct both {
	struct play play;
	struct model model;
	struct rng rng;
	int leads;
};

static uint64_t some(struct both *b, uint64_t limit)
{
	return rng_below(&b->rng, limit);
}

static uint64_t maybe(struct both *b, uint64_t limit)
{
	return rng_chance(&b->rng, 5000) ? 1 + some(b, limit) : 0;
}

static void compare(struct both *b, const struct model_decision *want)
{
	const Punnet__V1__DecisionRecord *record = play_record(&b->play);
	const Punnet__V1__Assignment *got = play_assignment(&b->play);
	size_t asked = 0;

	assert_int_equal(want->made, record != NULL);
	if (!record)
		return;
	assert_int_equal(want->winner >= 0, got != NULL);
	if (got) {
		assert_string_equal(ids[want->winner], got->order_id);
		assert_int_equal(want->price, got->price->amount_minor);
		assert_int_equal(want->payout, got->payout->amount_minor);
		assert_string_equal(record->candidates[0]->order_id, got->order_id);
	}
	for (int i = 0; i < MODEL_ORDERS; i++)
		asked += want->codes[i] != NULL;
	assert_int_equal(asked, record->n_candidates);
	for (size_t i = 0; i < record->n_candidates; i++) {
		int order = record->candidates[i]->order_id[0] - 'A';

		assert_non_null(want->codes[order]);
		assert_string_equal(want->codes[order], record->candidates[i]->code);
	}
}

/* Terms change now and then, but a clock does not: a change of clock begins new windows. */
static void change_order(struct both *b, bool fresh)
{
	int i = (int)some(b, MODEL_ORDERS);
	struct model_terms t = {
	    .vertical = (int)(i % 2),
	    .price = (int64_t)some(b, 6) * 25,
	    .quantity = rng_chance(&b->rng, 2500) ? 1 + some(b, 30) : 0,
	    .cap_hour = maybe(b, 4),
	    .cap_day = maybe(b, 12),
	    .cap_total = maybe(b, 30),
	    .priority = (int)some(b, 3) - 1,
	    .clock_minutes = (i - 6) * 30,
	    .paused = rng_chance(&b->rng, 1000),
	    .countries = (uint32_t)maybe(b, 7),
	};
	uint64_t revision = 1 + some(b, 40);
	struct play_order o = {.id = ids[i], .vertical = verticals[t.vertical]};

	if (rng_chance(&b->rng, 1500))
		t.from = b->model.now + (int64_t)some(b, 4 * MS_PER_HOUR);
	if (rng_chance(&b->rng, 1500))
		t.until = b->model.now + (int64_t)some(b, 24 * MS_PER_HOUR);
	o.revision = revision;
	if (!fresh && rng_chance(&b->rng, 1000)) {
		o.removed = true;
		model_remove(&b->model, i, revision);
		(void)play_order(&b->play, b->model.now, &o);
		return;
	}
	o.price_minor = t.price;
	o.quantity = t.quantity;
	o.cap_hour = t.cap_hour;
	o.cap_day = t.cap_day;
	o.cap_total = t.cap_total;
	o.from_ms = t.from;
	o.until_ms = t.until;
	o.priority = t.priority;
	o.utc_offset_minutes = t.clock_minutes;
	o.paused = t.paused;
	for (int c = 0; c < 3; c++) {
		if (t.countries >> c & 1)
			o.countries[o.country_count++] = countries[c];
	}
	model_order(&b->model, i, revision, &t);
	(void)play_order(&b->play, b->model.now, &o);
}

static void new_lead(struct both *b)
{
	int n = b->leads++, vertical = (int)some(b, 2), country = (int)some(b, 4) - 1;
	bool test = rng_chance(&b->rng, 1000);
	struct play_lead l = {
	    .id = play_lead_id((uint64_t)n),
	    .vertical = verticals[vertical],
	    .country = country < 0 ? NULL : countries[country],
	    .is_test = test,
	    .judged_offset = UINT64_MAX,
	};
	struct model_decision want = model_lead(&b->model, n, vertical, country, test);

	(void)play_lead(&b->play, b->model.now, &l);
	compare(b, &want);
}

static void settle(struct both *b)
{
	int n = (int)some(b, (uint64_t)b->leads);
	const struct model_lead *l = &b->model.leads[n];
	int order = rng_chance(&b->rng, 9000) ? l->order : (int)some(b, MODEL_ORDERS);
	uint32_t round = rng_chance(&b->rng, 9000) ? l->round : (uint32_t)some(b, 3);
	enum model_settle what = 1 + (int)some(b, 4);
	struct lead_id id = play_lead_id((uint64_t)n);
	struct model_decision want = model_settle(&b->model, n, order, round, what);

	(void)play_settle(&b->play, b->model.now, &id, (Punnet__V1__Settlement)what, round,
			  ids[order], UINT64_MAX);
	compare(b, &want);
}

/* No step takes a place that the terms of that moment don't allow; a later, lower cap takes none away. */
static void check_caps(const struct both *b)
{
	const Punnet__V1__Assignment *a = play_assignment(&b->play);
	const struct order *o = a ? play_find(&b->play, a->order_id) : NULL;
	int64_t now = b->model.now;

	for (int i = 0; i < MODEL_ORDERS; i++) {
		const struct order *known = play_find(&b->play, ids[i]);

		if (known)
			assert_int_equal(known->reserved + known->delivered,
					 model_used(&b->model, i));
	}
	if (!o || a->is_test)
		return;
	if (order_cap_total(o))
		assert_true(o->reserved + o->delivered <= order_cap_total(o));
	if (order_cap(o, WINDOW_HOUR))
		assert_true(order_taken(o, WINDOW_HOUR, now) <= order_cap(o, WINDOW_HOUR));
	if (order_cap(o, WINDOW_DAY))
		assert_true(order_taken(o, WINDOW_DAY, now) <= order_cap(o, WINDOW_DAY));
}

static void the_router_decides_as_the_slow_model_does(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= MARKETS; seed++) {
		struct both b = {.rng = rng_seed(seed), .model = {.now = START_MS}};

		b.model.share_bp[0] = b.model.share_bp[1] = 7000;
		play_start(&b.play);
		for (int i = 0; i < 8; i++)
			change_order(&b, true);
		for (int i = 0; i < STEPS; i++) {
			uint64_t what = some(&b, 10);

			b.model.now += (int64_t)some(&b, STEP_MAX_MS);
			if (what == 0)
				change_order(&b, false);
			else if (what <= 5 || b.leads == 0)
				new_lead(&b);
			else
				settle(&b);
			check_caps(&b);
		}
		play_stop(&b.play);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_router_decides_as_the_slow_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
