/* A verdict's record in one pass: the facts of facts_from_record(), the judgement's bytes, and no crash on any bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include "base/rng.h"
#include "filter-worker/core/record.h"
#include "filter-worker/core/record_view.h"

#define ROUNDS 2000

/* Any fact of any value, one in two. */
static void draw_facts(struct rng *r, struct arena *a, struct facts *ret)
{
	*ret = (struct facts){0};
	for (size_t i = 0; i < FACT_COUNT; i++) {
		enum fact_name name = (enum fact_name)i;
		uint8_t *bytes = arena_calloc(a, 1, 24);
		size_t len = rng_below(r, 24);

		if (rng_chance(r, 5000))
			continue;
		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)('a' + rng_below(r, 26));
		switch (fact_type_of(name)) {
		case FACT_TYPE_NUMBER:
			facts_set_number(ret, name, (int64_t)rng_below(r, 1u << 31) - (1 << 30));
			break;
		case FACT_TYPE_BYTES:
			facts_set_bytes(ret, name, slice_of(bytes, len));
			break;
		case FACT_TYPE_TEXT:
			facts_set_text(ret, name, slice_of(bytes, len));
			break;
		case FACT_TYPE_CLAIM:
			if (ret->claim_count == FACT_CLAIMS_MAX)
				break;
			facts_set_claim(
			    ret, name,
			    &(struct claim){.held = rng_chance(r, 5000),
					    .owner = {.raw_offset = rng_below(r, 900)},
					    .claimed_at_ms = (int64_t)rng_below(r, 1u << 30)});
			break;
		}
	}
}

static bool same_claim(const struct claim *a, const struct claim *b)
{
	return a->held == b->held && (!a->held || (lead_record_equal(&a->owner, &b->owner) &&
						   a->claimed_at_ms == b->claimed_at_ms));
}

static void assert_same_facts(const struct facts *a, const struct facts *b)
{
	for (size_t i = 0; i < FACT_COUNT; i++) {
		enum fact_name name = (enum fact_name)i;

		assert_int_equal(a->values[i].known, b->values[i].known);
		if (!a->values[i].known)
			continue;
		if (fact_type_of(name) == FACT_TYPE_CLAIM)
			assert_true(same_claim(facts_claim(a, name), facts_claim(b, name)));
		else if (fact_type_of(name) == FACT_TYPE_NUMBER)
			assert_int_equal(a->values[i].number, b->values[i].number);
		else
			assert_true(slice_equal(a->values[i].bytes, b->values[i].bytes));
	}
}

/* A record as a worker writes it. */
static void write_record(struct rng *r, const struct ruleset *rules, struct arena *a,
			 struct judgement *ret, struct buf *out)
{
	Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__Fingerprints prints = PUNNET__V1__FINGERPRINTS__INIT;
	struct provenance source = {"leads.raw", (uint32_t)rng_below(r, 8), rng_below(r, 1u << 30),
				    0};
	_cleanup_(buf_free) struct buf raw_bytes = {0};
	uint8_t random[10] = {(uint8_t)rng_below(r, 256)};
	struct lead_id id = lead_id_make(1764583200000 + (int64_t)rng_below(r, 100000), random);
	struct facts facts;

	lead.vertical = (char *)"osago";
	lead.aff_id = (char *)"w17";
	lead.received_at_ms = lead_id_time_ms(&id);
	raw.lead_id = codec_lead_id(&id);
	raw.lead = &lead;
	raw.fingerprints = &prints;
	codec_pack(&raw.base, &raw_bytes);
	draw_facts(r, a, &facts);
	judge_lead(rules, &facts, a, ret);
	judged_record_write(&raw, buf_slice(&raw_bytes), &source, rules, &facts, ret, "lists", out);
	assert_false(out->failed);
}

static void the_view_is_what_unpacking_gives(void **state)
{
	struct rng r = rng_seed(7);
	struct ruleset *rules = calloc(1, sizeof(*rules));
	struct arena a = {0};

	(void)state;
	ruleset_standard(rules);
	rules->network.quarantine_at = 30;
	ruleset_seal(rules);
	for (int i = 0; i < ROUNDS; i++) {
		_cleanup_(buf_free) struct buf record = {0};
		_cleanup_(buf_free) struct buf recorded = {0};
		_cleanup_(buf_free) struct buf recomputed = {0};
		const Punnet__V1__JudgedLead *m;
		struct judgement judgement;
		struct judged_view view;
		struct facts facts;

		write_record(&r, rules, &a, &judgement, &record);
		m = codec_unpack(&a, &punnet__v1__judged_lead__descriptor, buf_slice(&record));
		assert_non_null(m);
		facts_from_record(m, &facts);
		assert_true(judged_view_read(buf_slice(&record), &view, &recorded));
		assert_same_facts(&facts, &view.facts);
		assert_int_equal(view.raw_offset, m->source->offset);
		assert_int_equal(view.raw_partition, m->source->partition);
		assert_int_equal(view.verdict, m->verdict);
		assert_true(slice_is(view.ruleset, m->ruleset) && slice_is(view.lists, m->lists) &&
			    slice_is(view.vertical, m->lead->vertical) &&
			    slice_is(view.aff_id, m->lead->aff_id));
		assert_int_equal(view.received_at_ms, m->lead->received_at_ms);
		judged_record_judgement(rules, view.received_at_ms, &judgement, &recomputed);
		assert_true(slice_equal(buf_slice(&recorded), buf_slice(&recomputed)));
		arena_reset(&a);
	}
	arena_free(&a);
	free(rules);
}

static void any_bytes_are_read_or_refused(void **state)
{
	struct rng r = rng_seed(8);
	struct ruleset *rules = calloc(1, sizeof(*rules));
	struct arena a = {0};

	(void)state;
	ruleset_standard(rules);
	for (int i = 0; i < ROUNDS; i++) {
		_cleanup_(buf_free) struct buf record = {0};
		_cleanup_(buf_free) struct buf recorded = {0};
		struct judgement judgement;
		struct judged_view view;
		char *cut;
		size_t len;

		write_record(&r, rules, &a, &judgement, &record);
		len = rng_below(&r, record.len);
		/* Of its own size, so that a step too far is seen. */
		cut = malloc(len + 1);
		memcpy(cut, record.data, len);
		if (len > 0 && rng_chance(&r, 5000))
			cut[rng_below(&r, len)] ^= (char)(1 << rng_below(&r, 8));
		(void)!judged_view_read(slice_of(cut, len), &view, &recorded);
		free(cut);
		arena_reset(&a);
	}
	arena_free(&a);
	free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_view_is_what_unpacking_gives),
	    cmocka_unit_test(any_bytes_are_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
