/* What filters say reaches the webmaster whole: a text in both languages, with everything that the text names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "draw.h"
#include "filter-worker/core/judge.h"

#define LEADS 20000

static void every_filter_has_a_text_for_the_webmaster_for_each_thing_it_may_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < filter_count; i++) {
		assert_int_not_equal(filters[i]->reasons[0], REASON_NONE);
		for (size_t k = 0; k < FILTER_REASONS_MAX && filters[i]->reasons[k]; k++) {
			enum reason r = filters[i]->reasons[k];

			assert_true(reason_kind_of(r) == REASON_KIND_REJECT ||
				    reason_kind_of(r) == REASON_KIND_SCORE);
			for (int l = 0; l < LANGUAGE_COUNT; l++)
				assert_true(strlen(reason_text(r, (enum language)l)) > 0);
			assert_true(strlen(reason_operator_text(r)) > 0);
		}
	}
}

static bool has_param(const struct finding *f, struct slice name)
{
	for (size_t i = 0; i < f->param_count; i++)
		if (slice_is(name, f->params[i].name))
			return true;
	return false;
}

static void expect_params(const struct finding *f, const char *text)
{
	for (const char *c = text; (c = strchr(c, '{')); c++) {
		struct slice name = slice_of(c + 1, strcspn(c + 1, "}"));

		if (!has_param(f, name))
			fail_msg("%s: {" SLICE_FMT "} was not given", reason_code(f->reason),
				 SLICE_ARG(name));
	}
}

/* A rule set of which each rule only scores, so that the score has something to say, too. */
static void draw_scoring_rules(struct rng *r, struct rule_list *l)
{
	for (size_t i = 0; i < filter_count; i++) {
		l->rules[i] = draw_rule(r, filters[i]);
		l->rules[i].action = ACTION_SCORE;
	}
}

static void a_finding_brings_everything_that_its_text_names(void **state)
{
	static struct ruleset rs;
	struct rng r = rng_seed(31);
	struct arena a = {0};
	bool said[REASON_COUNT] = {0};
	size_t silent = 0;

	(void)state;
	ruleset_standard(&rs);
	for (int n = 0; n < LEADS; n++) {
		struct lead_id id = draw_lead_id(&r);
		struct facts facts = draw_facts(&r, &id);
		struct judgement j;

		draw_scoring_rules(&r, &rs.network);
		judge_lead(&rs, &facts, &a, &j);
		for (size_t i = 0; i < j.reason_count; i++) {
			const struct finding *f = &j.reasons[i].finding;

			expect_params(f, reason_text(f->reason, LANGUAGE_EN));
			expect_params(f, reason_operator_text(f->reason));
			said[f->reason] = true;
		}
		arena_reset(&a);
	}
	arena_free(&a);
	assert_true(said[REASON_SCORE_TOO_HIGH] && said[REASON_FACT_UNKNOWN]);
	for (size_t i = 0; i < filter_count; i++)
		silent += !said[filters[i]->reasons[0]];
	assert_true(silent * 10 <= filter_count); /* or what is drawn is too poor */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_filter_has_a_text_for_the_webmaster_for_each_thing_it_may_say),
	    cmocka_unit_test(a_finding_brings_everything_that_its_text_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
