/* story: one lead's settlement, played. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
/* after its own needs */
#include <cmocka.h>

#include "lead/codec.h"
#include "payout/core/feedback.h"
#include "proto/market.pb-c.h"

void world_begin(struct world *w)
{
	*w = (struct world){.contract = {.hold_ms = DAY(14), .return_window_ms = DAY(7)}};
	w->lead = lead_id_make(DAY(1), (const uint8_t[10]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
	settlement_begin(&w->t, &w->arena, 3, 1);
}

void world_end(struct world *w)
{
	settlement_end(&w->t);
	arena_free(&w->arena);
}

struct outcome outcome_of(const struct world *w, const struct line *l, uint64_t offset)
{
	struct outcome o = {.lead_id = w->lead,
			    .event = l->event,
			    .partition = 3,
			    .offset = offset,
			    .at_ms = DAY(l->day),
			    .reason_code = "",
			    .logged_at_ms = DAY(l->day),
			    .contract = w->contract};
	const char *space = l->verdict_id ? strchr(l->verdict_id, ' ') : NULL;

	if (event_is_verdict(l->event)) {
		o.advertiser_id = l->advertiser;
		o.verdict_id = l->verdict_id;
		if (space)
			o.reason_code = space + 1;
		return o;
	}
	o.assignment = (struct assignment){.round = l->round,
					   .order_id = "order",
					   .advertiser_id = l->advertiser,
					   .aff_id = "w17",
					   .vertical = "osago",
					   .price_minor = PRICE,
					   .payout_minor = PAYOUT,
					   .currency = "RUB",
					   .exclusive = !w->shared,
					   .is_test = w->is_test,
					   .sub = {"", "", "", "", ""},
					   .click_id = "",
					   .market_partition = 2};
	return o;
}

int64_t balance(const struct world *w, const char *account)
{
	int64_t sum = 0;

	for (size_t i = 0; i < w->t.transfer_count; i++) {
		const struct transfer *t = &w->t.transfers[i];

		assert_true(transfer_balanced(t));
		for (size_t e = 0; e < t->count; e++)
			if (strcmp(t->entries[e].account, account) == 0)
				sum += t->entries[e].amount_minor;
	}
	return sum;
}

static enum life_state state_of(struct world *w)
{
	struct dossier *d = settlement_dossier(&w->t, &w->lead);

	for (size_t i = 0; i < d->life_count; i++)
		if (d->lives[i].terms.round == w->watched)
			return d->lives[i].state;
	return LIFE_NONE;
}

static enum feedback last_feedback(struct world *w, size_t before)
{
	const struct outbox_row *row;
	const Punnet__V1__MarketEvent *m;

	if (w->t.outbox_count == before)
		return FEEDBACK_NONE;
	row = &w->t.outbox[w->t.outbox_count - 1];
	m = codec_unpack(&w->arena, &punnet__v1__market_event__descriptor, row->payload);
	assert_non_null(m);
	assert_string_equal(row->topic, "market");
	assert_int_equal(row->partition, 2);
	assert_string_equal(m->source->topic, FEEDBACK_SOURCE);
	assert_int_equal(m->source->partition, 3);
	assert_int_equal(m->source->offset, row->seq);
	assert_string_equal(m->settled->order_id, "order");
	return (enum feedback)m->settled->settlement;
}

void play(struct world *w, const struct line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct line *l = &lines[i];
		struct outcome o = outcome_of(w, l, i);
		size_t ignored = w->t.ignored_count, outbox = w->t.outbox_count;
		struct error error = {0};

		print_message("  line %zu: day %d, %s\n", i + 1, l->day, life_event_name(l->event));
		assert_int_equal(settle(&w->t, &o, &error), RESULT_OK);
		assert_int_equal(state_of(w), l->state);
		assert_int_equal(w->t.ignored_count - ignored, l->ignored != IGNORED_NONE);
		if (l->ignored != IGNORED_NONE)
			assert_int_equal(w->t.ignored[w->t.ignored_count - 1].why, l->ignored);
		assert_int_equal(last_feedback(w, outbox), l->feedback);
		assert_int_equal(balance(w, "webmasters:w17:hold"), l->hold);
		assert_int_equal(balance(w, "webmasters:w17:payable"), l->payable);
		assert_int_equal(balance(w, "network:margin"), l->margin);
		assert_int_equal(balance(w, "advertisers:a:receivable"), l->receivable);
	}
}
