#include "model_world.h"

#include <stdio.h>

#define STEP_MAX_MS (25 * MS_PER_MIN)
#define LEAP_MAX_MS (9 * MS_PER_DAY)

const char *const order_ids[MODEL_ORDERS] = {"A", "B", "C", "D", "E", "F",
					     "G", "H", "I", "J", "K", "L"};

static void differ(struct both *b, const char *what, int64_t want, int64_t got)
{
	if (!b->fault[0])
		snprintf(b->fault, sizeof(b->fault), "%s: the model says %lld, the router %lld",
			 what, (long long)want, (long long)got);
}

static void same(struct both *b, const char *what, int64_t want, int64_t got)
{
	if (want != got)
		differ(b, what, want, got);
}

static void compare_record(struct both *b, const struct model_decision *want,
			   const Punnet__V1__DecisionRecord *record)
{
	same(b, "candidates", want->listed, (int64_t)record->n_candidates);
	for (int i = 0; !b->fault[0] && i < want->listed; i++) {
		int order = want->rank[i];
		const Punnet__V1__Candidate *c = record->candidates[i];

		if (strcmp(order_ids[order], c->order_id) != 0)
			differ(b, "the rank", order, c->order_id[0] - 'A');
		else if (strcmp(want->codes[order], c->code) != 0)
			snprintf(b->fault, sizeof(b->fault),
				 "order %s: the model says %s, the router %s", c->order_id,
				 want->codes[order], c->code);
	}
}

static void compare_decision(struct both *b, const struct model_decision *want,
			     const struct decision *got)
{
	const Punnet__V1__Assignment *a = got->routed ? got->routed->assignment : NULL;

	same(b, "sold", want->winner >= 0, a != NULL);
	if (b->fault[0])
		return;
	if (a) {
		same(b, "the winner", want->winner, a->order_id[0] - 'A');
		same(b, "the price", want->price, a->price->amount_minor);
		same(b, "the payout", want->payout, a->payout->amount_minor);
	} else if (strcmp(want->summary, got->unsold->reason_code) != 0) {
		snprintf(b->fault, sizeof(b->fault), "unsold: the model says %s, the router %s",
			 want->summary, got->unsold->reason_code);
	}
	compare_record(b, want, a ? got->routed->decision : got->unsold->decision);
}

static void compare(struct both *b)
{
	same(b, "decisions", b->want.count, (int64_t)b->play.decisions.count);
	for (int i = 0; !b->fault[0] && i < b->want.count; i++)
		compare_decision(b, &b->want.items[i], &b->play.decisions.items[i]);
	b->want.count = 0;
	b->play.decisions.count = 0;
}

static size_t waiting_in_model(const struct both *b)
{
	size_t n = 0;

	for (int i = 0; i < b->leads; i++)
		n += b->model.leads[i].waits;
	return n;
}

/* A price that changes with the hour, or a payout that holds for a time, may make a buyer that nothing announces: such leads are offered now and then. */
static bool prices_change(const struct both *b)
{
	for (int i = 0; i < MODEL_ORDERS; i++) {
		if (b->model.orders[i].known && b->model.orders[i].terms.night.until)
			return true;
	}
	for (int c = 0; c < 2; c++)
		for (int i = 0; i < b->model.cards[c].rate_count; i++)
			if (b->model.cards[c].rates[i].from || b->model.cards[c].rates[i].until)
				return true;
	return false;
}

/* Whoever waits and could be sold must be due; and nothing happens to a lead before it is. */
static void check_waiting(struct both *b)
{
	struct lead_id due[MODEL_LEADS];
	size_t count =
	    market_waits_over(b->play.market, MARKET_WAIT_BUYER, b->model.now, due, MODEL_LEADS);

	same(b, "leads that wait", (int64_t)waiting_in_model(b),
	     (int64_t)market_waiting_for_buyers(b->play.market));
	for (int i = 0; !b->fault[0] && i < b->leads; i++) {
		struct lead_id id = play_lead_id((uint64_t)i);
		bool is_due = false;

		if (!b->model.leads[i].waits)
			continue;
		for (size_t k = 0; k < count; k++)
			is_due |= lead_id_equal(&due[k], &id);
		if (is_due) {
			model_due(&b->model, i, &b->want);
			(void)play_due(&b->play, b->model.now, &id);
			compare(b);
		} else if (!prices_change(b) && model_anybody_fits(&b->model, i)) {
			differ(b, "a lead that waits has a buyer", i, -1);
		}
	}
}

/* No step takes a place that the terms of that moment don't allow; a later, lower cap takes none away. */
static void check_counts(struct both *b)
{
	for (int i = 0; i < MODEL_ORDERS; i++) {
		const struct order *known = play_find(&b->play, order_ids[i]);

		if (!known)
			continue;
		same(b, "places taken", (int64_t)model_used(&b->model, i),
		     (int64_t)(known->reserved + known->delivered));
		same(b, "places of the hour", (int64_t)model_used_in(&b->model, i, 'h'),
		     (int64_t)order_taken(known, WINDOW_HOUR, b->model.now));
		same(b, "places of the month", (int64_t)model_used_in(&b->model, i, 'm'),
		     (int64_t)order_taken(known, WINDOW_MONTH, b->model.now));
	}
}

void both_start(struct both *b, uint64_t seed)
{
	*b = (struct both){.rng = rng_seed(seed), .model = {.now = MODEL_START_MS}};
	b->model.cards[0].share_bp = b->model.cards[1].share_bp = 7000;
	play_start(&b->play);
	for (int i = 0; i < 10; i++)
		draw_order(b, true);
}

void both_stop(struct both *b)
{
	play_stop(&b->play);
	arena_free(&b->words);
}

void both_step(struct both *b)
{
	uint64_t what = some(b, 20);

	b->model.now += (int64_t)some(b, chance(b, 2) ? LEAP_MAX_MS : STEP_MAX_MS);
	arena_reset(&b->words);
	if (what < 2)
		draw_order(b, false);
	else if (what == 2 && chance(b, 50))
		draw_card(b);
	else if (what == 3 && chance(b, 30))
		draw_funds(b);
	else if (what == 3 && chance(b, 30))
		draw_hold(b);
	else if (what == 3 && chance(b, 60))
		draw_lowered(b);
	else if (what == 4 && chance(b, 30) && b->leads > 0)
		draw_return(b);
	else if (what <= 12 || b->leads == 0)
		draw_lead(b);
	else
		draw_settlement(b);
	compare(b);
	check_waiting(b);
	check_counts(b);
}
