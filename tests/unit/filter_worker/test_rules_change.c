/* Rule sets are written as they are read, go into shadow, and come out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "draw.h"
#include "filter-worker/core/ruleset_change.h"
#include "filter-worker/shell/rules_file.h"

#define RANDOM_SETS 600

static void read_rules(const char *name, struct slice text, struct ruleset *ret)
{
	struct yaml_faults faults = {.file = name};

	if (rules_file_read(text, ret, &faults) != RESULT_OK)
		fail_msg("%s in:\n" SLICE_FMT, buf_cstr(&faults.text), SLICE_ARG(text));
	yaml_faults_free(&faults);
}

/* Writes it, and reads it again; both have one hash, and writing that again gives the same text. */
static void expect_round_trip(const struct ruleset *rs)
{
	static struct ruleset again;
	_cleanup_(buf_free) struct buf text = {0}, twice = {0};

	rules_file_write(rs, &text);
	read_rules("written", buf_slice(&text), &again);
	if (strcmp(rs->hash, again.hash) != 0)
		fail_msg("read with another hash:\n%s", buf_cstr(&text));
	rules_file_write(&again, &twice);
	assert_string_equal(buf_cstr(&text), buf_cstr(&twice));
}

static void expect_same(struct ruleset *got, const char *wanted_text)
{
	static struct ruleset wanted;
	_cleanup_(buf_free) struct buf x = {0}, y = {0};

	read_rules("wanted", slice_cstr(wanted_text), &wanted);
	ruleset_seal(got);
	ruleset_write(got, &x);
	ruleset_write(&wanted, &y);
	assert_string_equal(buf_cstr(&x), buf_cstr(&y));
	expect_round_trip(got);
}

/* --- what is written --- */

/* Two rules of one filter ask for one claim: their choices are the same. */
static struct filter_rule random_rule(struct rng *r, const struct filter *f, bool shadow)
{
	struct filter_rule rule = draw_rule(r, f);

	rule.shadow = shadow;
	for (size_t i = 0; i < FILTER_PARAMS_MAX && f->params[i].name; i++) {
		if (f->params[i].type == PARAM_CHOICE && f->need)
			rule.params[i] = f->params[i].standard;
	}
	return rule;
}

/* Rules at random places, in a random order. */
static void random_list(struct rng *r, struct rule_list *l)
{
	l->reject_at = 2 + (int32_t)rng_below(r, 1000);
	l->quarantine_at = (int32_t)rng_below(r, (uint64_t)l->reject_at);
	for (size_t n = rng_below(r, 30); n > 0; n--) {
		const struct filter *f = filters[rng_below(r, filter_count)];
		struct filter_rule rule = random_rule(r, f, rng_chance(r, 3000));
		size_t at = rng_below(r, l->count + 1);

		if (!rule_list_add(l, &rule))
			continue;
		memmove(&l->rules[at + 1], &l->rules[at], (l->count - 1 - at) * sizeof(*l->rules));
		l->rules[at] = rule;
	}
}

static void random_removals(struct rng *r, struct rule_list *l)
{
	for (size_t i = 0; i < l->count;) {
		if (rng_chance(r, 8000)) {
			i++;
			continue;
		}
		l->count--;
		memmove(&l->rules[i], &l->rules[i + 1], (l->count - i) * sizeof(*l->rules));
	}
}

static void random_classes(struct rng *r, struct ruleset *rs)
{
	for (int n = (int)rng_below(r, 4); n > 0; n--) {
		struct order_class c = {0};
		char vertical[24];

		snprintf(c.name, sizeof(c.name), "class\"%d", n);
		for (int k = 1 + (int)rng_below(r, 5); k > 0; k--) {
			snprintf(vertical, sizeof(vertical), "v%d.%u", n,
				 (unsigned)rng_below(r, 100));
			(void)!order_class_add(&c, slice_cstr(vertical));
		}
		if (!ruleset_add_class(rs, &c))
			fail_msg("no room for %s", c.name);
	}
}

static void random_ruleset(struct rng *r, struct ruleset *rs)
{
	static const char *const names[] = {"",    "osago", "a:b#c\"\\'", "вебмастер",
					    "{x}", "17",    "null"};

	*rs = (struct ruleset){.quarantine_for_ms =
				   MS_PER_MIN + (int64_t)rng_below(r, 29 * MS_PER_DAY),
			       .quarantine_accepts = rng_chance(r, 5000)};
	random_list(r, &rs->network);
	random_classes(r, rs);
	for (size_t i = 1; i < ARRAY_LEN(names) && rng_chance(r, 7000); i++) {
		struct rule_scope *s = &rs->scopes[rs->scope_count];

		*s = (struct rule_scope){.list = rs->network};
		snprintf(rng_chance(r, 5000) ? s->vertical : s->webmaster, SCOPE_NAME_MAX + 1, "%s",
			 names[i]);
		if (rng_chance(r, 3000)) {
			snprintf(s->vertical, SCOPE_NAME_MAX + 1, "%s", names[i]);
			snprintf(s->webmaster, SCOPE_NAME_MAX + 1, "w%zu", i);
		}
		if (rs->class_count > 0 && rng_chance(r, 3000) && i <= rs->class_count)
			*s = (struct rule_scope){.list = rs->network};
		if (!s->vertical[0] && !s->webmaster[0])
			memcpy(s->order_class, rs->classes[i - 1].name, sizeof(s->order_class));
		random_removals(r, &s->list);
		if (rng_chance(r, 5000))
			random_list(r, &s->list);
		rs->scope_count++;
	}
	ruleset_seal(rs);
}

static void what_is_written_is_read_again_with_the_same_hash(void **state)
{
	static struct ruleset rs;
	struct rng r = rng_seed(41);

	(void)state;
	ruleset_standard(&rs);
	expect_round_trip(&rs);
	rs = (struct ruleset){.network.reject_at = 60, .quarantine_for_ms = MS_PER_MIN};
	ruleset_seal(&rs);
	expect_round_trip(&rs);
	for (int n = 0; n < RANDOM_SETS; n++) {
		random_ruleset(&r, &rs);
		expect_round_trip(&rs);
	}
}

static void a_scope_is_written_as_what_it_changes(void **state)
{
	static struct ruleset rs;
	_cleanup_(buf_free) struct buf text = {0};

	(void)state;
	read_rules(
	    "rules",
	    SLICE("filters: [honeypot, phone_line: {voip: pass}]\n"
		  "scopes:\n  - webmaster: w17\n    filters: [honeypot: {enabled: false}]\n"),
	    &rs);
	rules_file_write(&rs, &text);
	assert_string_equal(
	    buf_cstr(&text),
	    "reject_at: 60\nquarantine_at: 0\nquarantine_for: 1d\nquarantine_then: reject\n"
	    "filters:\n"
	    "  - honeypot: {action: score, weight: 34, on_unknown: pass}\n"
	    "  - phone_line: {action: score, weight: 20, on_unknown: pass, voip: pass}\n"
	    "scopes:\n"
	    "  - webmaster: \"w17\"\n"
	    "    reject_at: 60\n"
	    "    quarantine_at: 0\n"
	    "    filters:\n"
	    "      - honeypot: {enabled: false}\n");
}

/* --- into shadow --- */

#define NOW                                                                                        \
	"reject_at: 70\n"                                                                          \
	"filters:\n"                                                                               \
	"  - honeypot: {weight: 34}\n"                                                             \
	"  - fill_time: {weight: 25}\n"

static void change(const char *now, const char *tried_text, enum change wanted, struct ruleset *ret)
{
	static struct ruleset tried;

	read_rules("now", slice_cstr(now), ret);
	read_rules("tried", slice_cstr(tried_text), &tried);
	assert_int_equal(ruleset_shadow(ret, &tried), wanted);
}

static void what_differs_goes_into_shadow_and_nothing_in_force_changes(void **state)
{
	static struct ruleset rs;

	(void)state;
	change(
	    NOW,
	    "filters:\n  - honeypot: {weight: 34}\n  - fill_time: {weight: 35}\n  - phone_line\n",
	    CHANGE_MADE, &rs);
	expect_same(&rs, NOW "  - fill_time: {weight: 35, shadow: true}\n"
			     "  - phone_line: {shadow: true}\n");
	change(NOW, "reject_at: 10\nfilters: [honeypot, fill_time]\n", CHANGE_NONE, &rs);
	expect_same(&rs, NOW);
}

static void a_new_trial_takes_the_place_of_the_old_one(void **state)
{
	static struct ruleset rs;

	(void)state;
	change(NOW "  - honeypot: {weight: 50, shadow: true}\n  - phone_line: {shadow: true}\n",
	       "filters: [honeypot: {weight: 60}]\n", CHANGE_MADE, &rs);
	expect_same(&rs, NOW "  - honeypot: {weight: 60, shadow: true}\n"
			     "  - phone_line: {shadow: true}\n");
	change(NOW "  - honeypot: {weight: 50, shadow: true}\n",
	       "filters: [honeypot: {weight: 50}]\n", CHANGE_NONE, &rs);
	/* Of a file with both, what it has in force is what it wants. */
	change(NOW, "filters: [honeypot: {weight: 50}, honeypot: {weight: 60, shadow: true}]\n",
	       CHANGE_MADE, &rs);
	expect_same(&rs, NOW "  - honeypot: {weight: 50, shadow: true}\n");
}

static void a_scope_tries_what_the_network_tries_unless_it_has_its_own_rule(void **state)
{
	static struct ruleset rs;

	(void)state;
	change(NOW "scopes:\n"
		   "  - vertical: osago\n    filters: [honeypot: {weight: 1}]\n"
		   "  - webmaster: w17\n    filters: [fill_time: {enabled: false}]\n",
	       "filters: [honeypot: {weight: 60}, fill_time: {weight: 5}]\n", CHANGE_MADE, &rs);
	expect_same(
	    &rs,
	    NOW "  - honeypot: {weight: 60, shadow: true}\n"
		"  - fill_time: {weight: 5, shadow: true}\n"
		"scopes:\n"
		"  - vertical: osago\n"
		"    filters: [honeypot: {weight: 1}, honeypot: {shadow: true, enabled: false}]\n"
		"  - webmaster: w17\n"
		"    filters: [fill_time: {enabled: false}, fill_time: {shadow: true, enabled: "
		"false}]\n");
}

static void a_new_scope_begins_with_the_rules_in_force_for_its_leads(void **state)
{
	static struct ruleset rs;

	(void)state;
	change(NOW "scopes:\n  - webmaster: w17\n    filters: [honeypot: {weight: 1}]\n",
	       "reject_at: 70\nfilters: [honeypot, fill_time]\nscopes:\n"
	       "  - {vertical: osago, webmaster: w17, filters: [phone_line]}\n"
	       "  - {vertical: courses, webmaster: w18}\n",
	       CHANGE_MADE, &rs);
	expect_same(&rs,
		    NOW "scopes:\n"
			"  - webmaster: w17\n    filters: [honeypot: {weight: 1}]\n"
			"  - vertical: osago\n    webmaster: w17\n"
			"    filters: [honeypot: {weight: 1}, honeypot: {shadow: true, weight: "
			"34}, phone_line: {shadow: true}]\n");
}

static void a_class_must_mean_the_same_to_be_tried(void **state)
{
	static const char tried[] = "reject_at: 70\nclasses: {firms: [leasing, audit]}\n"
				    "filters: [honeypot, fill_time]\n"
				    "scopes: [{class: firms, filters: [honeypot: {weight: 1}]}]\n";
	static struct ruleset rs;

	(void)state;
	change(NOW, tried, CHANGE_MADE, &rs);
	expect_same(&rs,
		    NOW "classes: {firms: [audit, leasing]}\nscopes:\n"
			"  - class: firms\n    filters: [honeypot: {weight: 1, shadow: true}]\n");
	change(NOW "classes: {firms: [audit, leasing]}\n", tried, CHANGE_MADE, &rs);
	change(NOW "classes: {firms: [audit]}\n", tried, CHANGE_OTHER_CLASS, &rs);
	change(NOW "classes: {others: [audit]}\n", tried, CHANGE_OTHER_CLASS, &rs);
}

static void a_full_list_has_no_room_for_another(void **state)
{
	static struct ruleset rs, tried;

	(void)state;
	ruleset_standard(&tried);
	rs = tried;
	rs.network.count = RULES_MAX; /* as if */
	for (size_t i = filter_count; i < RULES_MAX; i++)
		rs.network.rules[i] = rs.network.rules[0];
	tried.network.rules[1].weight++;
	assert_int_equal(ruleset_shadow(&rs, &tried), CHANGE_NO_ROOM);
}

/* --- into force --- */

static void promote(const char *now, const char *filter, enum change wanted, struct ruleset *ret)
{
	read_rules("now", slice_cstr(now), ret);
	assert_int_equal(ruleset_promote(ret, filter ? filter_from_name(slice_cstr(filter)) : NULL),
			 wanted);
}

static void what_is_promoted_takes_the_place_of_its_counterpart(void **state)
{
	static const char now[] = NOW "  - honeypot: {weight: 60, shadow: true}\n"
				      "  - phone_line: {shadow: true}\n";
	static struct ruleset rs;

	(void)state;
	promote(now, NULL, CHANGE_MADE, &rs);
	expect_same(&rs,
		    "reject_at: 70\nfilters: [honeypot: {weight: 60}, fill_time, phone_line]\n");
	promote(now, "honeypot", CHANGE_MADE, &rs);
	expect_same(&rs,
		    "reject_at: 70\n"
		    "filters: [honeypot: {weight: 60}, fill_time, phone_line: {shadow: true}]\n");
	promote(now, "fill_time", CHANGE_NONE, &rs);
	promote(NOW, NULL, CHANGE_NONE, &rs);
}

static void a_scope_keeps_its_own_word_when_the_network_promotes(void **state)
{
	static struct ruleset rs;

	(void)state;
	/* w17 inherits the trial and has the rule taken away; osago tries something else; courses has nothing of its own. */
	promote(NOW "  - honeypot: {weight: 60, shadow: true}\n"
		    "scopes:\n"
		    "  - webmaster: w17\n    filters: [honeypot: {enabled: false}]\n"
		    "  - vertical: osago\n    filters: [honeypot: {weight: 9, shadow: true}]\n"
		    "  - {vertical: courses, reject_at: 80}\n",
		NULL, CHANGE_MADE, &rs);
	expect_same(&rs, "reject_at: 70\nfilters: [honeypot: {weight: 60}, fill_time]\n"
			 "scopes:\n"
			 "  - webmaster: w17\n    filters: [honeypot: {enabled: false}]\n"
			 "  - vertical: osago\n    filters: [honeypot: {weight: 9}]\n"
			 "  - {vertical: courses, reject_at: 80}\n");
}

/* Whatever the two are: nothing in force changes, and once promoted the lists are as if `tried` had been added to them. */
static void shadow_never_changes_what_is_in_force(void **state)
{
	static struct ruleset now, tried, next;
	struct rng r = rng_seed(43);

	(void)state;
	for (int n = 0; n < RANDOM_SETS; n++) {
		random_ruleset(&r, &now);
		random_ruleset(&r, &tried);
		next = now;
		if (ruleset_shadow(&next, &tried) != CHANGE_MADE)
			continue;
		for (size_t i = 0; i < now.network.count; i++) {
			if (!now.network.rules[i].shadow)
				assert_memory_equal(&now.network.rules[i], &next.network.rules[i],
						    sizeof(struct filter_rule));
		}
		ruleset_seal(&next);
		expect_round_trip(&next);
		assert_int_equal(ruleset_promote(&next, NULL), CHANGE_MADE);
		for (size_t i = 0; i < next.network.count; i++)
			assert_false(next.network.rules[i].shadow);
		ruleset_seal(&next);
		expect_round_trip(&next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_read_again_with_the_same_hash),
	    cmocka_unit_test(a_scope_is_written_as_what_it_changes),
	    cmocka_unit_test(what_differs_goes_into_shadow_and_nothing_in_force_changes),
	    cmocka_unit_test(a_new_trial_takes_the_place_of_the_old_one),
	    cmocka_unit_test(a_scope_tries_what_the_network_tries_unless_it_has_its_own_rule),
	    cmocka_unit_test(a_new_scope_begins_with_the_rules_in_force_for_its_leads),
	    cmocka_unit_test(a_class_must_mean_the_same_to_be_tried),
	    cmocka_unit_test(a_full_list_has_no_room_for_another),
	    cmocka_unit_test(what_is_promoted_takes_the_place_of_its_counterpart),
	    cmocka_unit_test(a_scope_keeps_its_own_word_when_the_network_promotes),
	    cmocka_unit_test(shadow_never_changes_what_is_in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
