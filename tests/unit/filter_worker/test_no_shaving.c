/* Nobody can be shaved by a rule set: its language has no word for chance or proportion, no reject goes without a reason that
 * the webmaster reads, and a verdict depends on what is known of the lead and on nothing else. Each of the last checks is
 * tried on filters that do cheat, and has to catch them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "draw.h"
#include "filter-worker/core/judge.h"
#include "filter-worker/shell/rules_file.h"

#define IDS        10000
#define LEADS      20
#define SAME_TIMES 1000
#define REJECTS    20000

/* --- the language --- */

/* Whole words, of keys and of values: what a share of the leads could be dropped or passed by. */
static const char *const forbidden[] = {
    "sample",   "sampling",    "rate",         "share",   "percent", "percentage", "percentile",
    "permille", "probability", "chance",       "random",  "rand",    "dice",       "seed",
    "throttle", "scrub",       "shave",        "drop",    "skip",    "fraction",   "ratio",
    "part",     "proportion",  "proportional", "every",   "nth",     "modulo",     "mod",
    "hash",     "bucket",      "quota",        "lottery", "jitter",  "canary",     "split",
};

/* A share that a filter looks for in the source's own past, which the record holds as facts: a limit, no lot. */
static const char *const honest[][2] = {{"rejection_breaker", "share"}, {"subid_flood", "share"}};

static bool is_forbidden(const char *name)
{
	for (const char *c = name; *c;) {
		size_t len = strcspn(c, "_");

		for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
			if (slice_is(slice_of(c, len), forbidden[i]))
				return true;
		c += len + (c[len] == '_');
	}
	return false;
}

static bool is_honest(const char *filter, const char *param)
{
	for (size_t i = 0; i < ARRAY_LEN(honest); i++)
		if (strcmp(honest[i][0], filter) == 0 && strcmp(honest[i][1], param) == 0)
			return true;
	return false;
}

static void expect_none_forbidden(const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		if (is_forbidden(names[i]))
			fail_msg("\"%s\" is a word for chance or proportion", names[i]);
}

static void expect_honest_param(const struct filter *f, const struct filter_param *p)
{
	for (size_t i = 0; rules_rule_keys[i]; i++)
		assert_string_not_equal(p->name, rules_rule_keys[i]);
	if (is_forbidden(p->name) && !is_honest(f->name, p->name))
		fail_msg("%s.%s is a word for chance or proportion", f->name, p->name);
	for (size_t i = 0; i < ARRAY_LEN(p->choices) && p->choices[i]; i++)
		if (is_forbidden(p->choices[i]))
			fail_msg("%s.%s: %s", f->name, p->name, p->choices[i]);
}

static void the_language_has_no_word_for_chance_or_proportion(void **state)
{
	(void)state;
	assert_true(is_forbidden("rate") && is_forbidden("pass_rate") && is_forbidden("share_of"));
	assert_false(is_forbidden("separate") || is_forbidden("hashed") || is_forbidden(""));
	expect_none_forbidden(rules_file_keys);
	expect_none_forbidden(rules_scope_keys);
	expect_none_forbidden(rules_rule_keys);
	expect_none_forbidden(rules_words);
	for (size_t i = 0; i < filter_count; i++) {
		assert_false(is_forbidden(filters[i]->name));
		for (size_t k = 0; k < FILTER_PARAMS_MAX && filters[i]->params[k].name; k++)
			expect_honest_param(filters[i], &filters[i]->params[k]);
	}
}

/* Refused, with the line on which it stands. */
static void expect_refused(const char *text, const char *where, const char *key)
{
	static struct ruleset rs;
	_cleanup_(buf_free) struct buf said = {0};
	struct yaml_faults faults = {.file = "rules.yaml"};

	buf_printf(&said, "rules.yaml:%s: unknown key \"%s\"", where, key);
	assert_int_equal(rules_file_read(slice_cstr(text), &rs, &faults), RESULT_BAD);
	if (!strstr(buf_cstr(&faults.text), buf_cstr(&said)))
		fail_msg("expected \"%s\" in: %s", buf_cstr(&said), buf_cstr(&faults.text));
	yaml_faults_free(&faults);
}

/* On the fifth line: of the file, of a scope, of a rule of each filter. */
static void expect_refused_everywhere(const char *key, const char *value)
{
	_cleanup_(buf_free) struct buf text = {0}, where = {0};

	buf_printf(&text, "filters:\n  - phone_valid\n\n\n%s: %s\n", key, value);
	expect_refused(buf_cstr(&text), "5: rule set", key);
	buf_reset(&text);
	buf_printf(&text, "filters: [phone_valid]\nscopes:\n  - vertical: osago\n\n    %s: %s\n",
		   key, value);
	expect_refused(buf_cstr(&text), "5: scope", key);
	for (size_t i = 0; i < filter_count; i++) {
		if (is_honest(filters[i]->name, key))
			continue;
		buf_reset(&text);
		buf_reset(&where);
		buf_printf(&text, "filters:\n\n  - %s:\n      weight: 5\n      %s: %s\n",
			   filters[i]->name, key, value);
		buf_printf(&where, "5: %s", filters[i]->name);
		expect_refused(buf_cstr(&text), buf_cstr(&where), key);
	}
}

static void what_would_drop_a_share_is_refused_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forbidden); i++)
		expect_refused_everywhere(forbidden[i], "50");
	expect_refused_everywhere("limit_share", "0.5");
	expect_refused_everywhere("pass_rate", "90");
}

static void reasons_can_not_be_switched_off(void **state)
{
	static const char *const keys[][2] = {
	    {"reasons", "off"},   {"reason", "none"},
	    {"explain", "false"}, {"silent", "true"},
	    {"hide", "true"},     {"hidden", "true"},
	    {"private", "true"},  {"webmaster_text", "\"\""},
	    {"message", "\"\""},  {"facts", "off"},
	    {"log", "off"},       {"record", "false"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		expect_refused_everywhere(keys[i][0], keys[i][1]);
}

/* --- no reject without a reason --- */

static void draw_rules(struct rng *r, struct ruleset *rs)
{
	*rs = (struct ruleset){.network.reject_at = 1 + (int32_t)rng_below(r, 2000)};
	for (size_t i = 0; i < filter_count; i++) {
		struct filter_rule rule = draw_rule(r, filters[i]);

		rule.shadow = rng_chance(r, 2000);
		if (rng_chance(r, 8000) && !rule_list_add(&rs->network, &rule))
			fail();
	}
}

static void whatever_the_rules_a_reject_says_to_the_webmaster_why(void **state)
{
	static struct ruleset rs;
	struct rng r = rng_seed(51);
	struct arena a = {0};
	size_t rejected = 0;

	(void)state;
	while (rejected < REJECTS) {
		struct lead_id id = draw_lead_id(&r);
		struct facts facts = draw_facts(&r, &id);
		struct judgement j;

		draw_rules(&r, &rs);
		judge_lead(&rs, &facts, &a, &j);
		rejected += j.verdict == LEAD_REJECTED;
		assert_true(j.verdict != LEAD_REJECTED || j.reason_count > 0);
		for (size_t i = 0; i < j.reason_count; i++) {
			for (int l = 0; l < LANGUAGE_COUNT; l++)
				assert_true(
				    reason_text(j.reasons[i].finding.reason, (enum language)l)[0]);
		}
		arena_reset(&a);
	}
	arena_free(&a);
}

/* --- the verdict is of the facts --- */

static void write_reasons(const struct judged_reason *reasons, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		const struct finding *f = &reasons[i].finding;

		buf_printf(out, "\n%s %d", reason_code(f->reason), reasons[i].weight);
		for (size_t k = 0; k < f->param_count; k++)
			buf_printf(out, " %s=" SLICE_FMT, f->params[k].name,
				   SLICE_ARG(f->params[k].value));
	}
}

static void write_verdict(const struct ruleset *rs, const struct facts *facts, struct buf *out)
{
	struct arena a = {0};
	struct judgement j;

	buf_reset(out);
	judge_lead(rs, facts, &a, &j);
	buf_printf(out, "%d %d", (int)j.verdict, (int)j.score);
	for (size_t i = 0; i < j.answer_count; i++)
		buf_printf(out, " %d", (int)j.answers[i]);
	write_reasons(j.reasons, j.reason_count, out);
	write_reasons(j.shadow, j.shadow_count, out);
	arena_free(&a);
}

/* The same lead under another id: claims that it holds itself are its own still. */
static void rename_lead(struct facts *f, const struct lead_id *from, const struct lead_id *to)
{
	facts_set_bytes(f, FACT_LEAD_ID, slice_of(to->bytes, sizeof(to->bytes)));
	for (uint32_t i = 0; i < f->claim_count; i++) {
		if (lead_id_equal(&f->claims[i].owner.lead_id, from))
			f->claims[i].owner.lead_id = *to;
	}
}

/* The n-th id: first each byte with each of its values, the others being the lead's own; then any. */
static struct lead_id nth_id(struct rng *r, const struct lead_id *own, int n)
{
	struct lead_id id = *own;

	if (n >= (int)sizeof(id.bytes) * 256)
		return draw_lead_id(r);
	id.bytes[n / 256] = (uint8_t)(n % 256);
	return id;
}

static bool id_changes_nothing(const struct ruleset *rs, struct rng *r)
{
	struct lead_id own = draw_lead_id(r);
	struct facts facts = draw_facts(r, &own);
	_cleanup_(buf_free) struct buf wanted = {0}, got = {0};
	struct lead_record self;
	bool same = true;

	assert_true(facts_self(&facts, &self));
	for (size_t i = 0; i < FACT_COUNT; i++) { /* some claims are the lead's own */
		if (fact_type_of((enum fact_name)i) == FACT_TYPE_CLAIM && rng_chance(r, 3000) &&
		    facts.values[i].known)
			facts.claims[facts.values[i].claim].owner = self;
	}
	write_verdict(rs, &facts, &wanted);
	for (int n = 0; n < IDS + (int)sizeof(own.bytes) * 256 && same; n++) {
		struct lead_id id = nth_id(r, &own, n);
		struct facts other = facts;

		rename_lead(&other, &own, &id);
		write_verdict(rs, &other, &got);
		same = slice_equal(buf_slice(&wanted), buf_slice(&got));
	}
	return same;
}

static void the_same_facts_have_the_same_verdict_however_often(void **state)
{
	static struct ruleset rs;
	_cleanup_(buf_free) struct buf wanted = {0}, got = {0};
	struct rng r = rng_seed(52);

	(void)state;
	for (int lead = 0; lead < LEADS; lead++) {
		struct lead_id id = draw_lead_id(&r);
		struct facts facts = draw_facts(&r, &id);

		draw_rules(&r, &rs);
		write_verdict(&rs, &facts, &wanted);
		for (int n = 0; n < SAME_TIMES; n++) {
			write_verdict(&rs, &facts, &got);
			assert_string_equal(buf_cstr(&wanted), buf_cstr(&got));
		}
	}
}

static void the_lead_id_changes_no_verdict(void **state)
{
	static struct ruleset rs;
	struct rng r = rng_seed(53);

	(void)state;
	ruleset_standard(&rs);
	for (int lead = 0; lead < LEADS / 2; lead++)
		assert_true(id_changes_nothing(&rs, &r));
	for (int lead = 0; lead < LEADS / 4; lead++) {
		draw_rules(&r, &rs);
		assert_true(id_changes_nothing(&rs, &r));
	}
}

/* A form that says much; the lists, which know nothing of ids, are left out. */
static void learn(const struct lead_id *id, struct arena *a, struct facts *ret)
{
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__Submission submission = PUNNET__V1__SUBMISSION__INIT;
	Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;
	Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;
	struct sight sight = {.raw = &raw, .contact = &contact, .arena = a};

	lead.received_at_ms = 1796040000000;
	lead.language = (char *)"ru-RU";
	lead.country = (char *)"RU";
	submission.user_agent = (char *)"Mozilla/5.0 (Linux; Android 14) Chrome/120.0 Mobile";
	submission.clicked_at_ms = lead.received_at_ms - 60000;
	submission.filled_case = PUNNET__V1__SUBMISSION__FILLED_FILLED_MS;
	contact.phone = (char *)"+79161234567";
	contact.email = (char *)"ivan@example.ru";
	contact.name = (char *)"Иван Петров";
	contact.ip = (char *)"192.0.2.1";
	raw.lead_id = (ProtobufCBinaryData){sizeof(id->bytes), (uint8_t *)id->bytes};
	raw.lead = &lead;
	raw.submission = &submission;
	for (size_t i = 0; i < filter_count; i++)
		if (filters[i]->look)
			filters[i]->look(&sight, ret);
}

static bool facts_alike(const struct facts *a, const struct facts *b)
{
	for (size_t i = 0; i < FACT_COUNT; i++) {
		const struct fact *x = &a->values[i], *y = &b->values[i];
		enum fact_type type = fact_type_of((enum fact_name)i);

		if (x->known != y->known)
			return false;
		if (!x->known)
			continue;
		if (type == FACT_TYPE_NUMBER ? x->number != y->number
					     : !slice_equal(x->bytes, y->bytes))
			return false;
	}
	return true;
}

static void the_lead_id_changes_nothing_that_is_learned_of_it(void **state)
{
	struct rng r = rng_seed(55);
	struct arena a = {0}, b = {0};
	struct facts wanted = {0};
	struct lead_id id = draw_lead_id(&r);

	(void)state;
	learn(&id, &a, &wanted);
	for (int n = 0; n < IDS; n++) {
		struct facts got = {0};

		id = draw_lead_id(&r);
		learn(&id, &b, &got);
		assert_true(facts_alike(&wanted, &got));
		arena_reset(&b);
	}
	arena_free(&a);
	arena_free(&b);
}

/* --- filters that cheat --- */

static enum answer cheat(bool hit, struct finding *ret)
{
	if (hit)
		ret->reason = REASON_HONEYPOT_FILLED;
	return hit ? ANSWER_HIT : ANSWER_PASS;
}

static enum answer judge_low_bits(_unused_ const struct filter_rule *rule,
				  const struct facts *facts, struct finding *ret)
{
	struct slice id;

	return facts_bytes(facts, FACT_LEAD_ID, &id) ? cheat((id.data[15] & 15) == 0, ret)
						     : ANSWER_UNKNOWN;
}

/* One in a thousand, by all of the id. */
static enum answer judge_one_in_a_thousand(_unused_ const struct filter_rule *rule,
					   const struct facts *facts, struct finding *ret)
{
	struct slice id;
	uint64_t sum = 0;

	if (!facts_bytes(facts, FACT_LEAD_ID, &id))
		return ANSWER_UNKNOWN;
	for (size_t i = 0; i < id.len; i++)
		sum = (sum ^ (unsigned char)id.data[i]) * 1099511628211u;
	return cheat((sum >> 20) % 1000 == 0, ret);
}

/* It remembers: every seventh time that it is asked. */
static enum answer judge_every_seventh(_unused_ const struct filter_rule *rule,
				       _unused_ const struct facts *facts, struct finding *ret)
{
	static unsigned asked;

	return cheat(++asked % 7 == 0, ret);
}

static struct ruleset *rules_with(const struct filter *f)
{
	static struct ruleset rs;
	struct filter_rule rule = rule_standard(f);

	ruleset_standard(&rs);
	if (!rule_list_add(&rs.network, &rule))
		fail();
	return &rs;
}

static void filters_that_draw_lots_are_caught(void **state)
{
	static const struct filter low_bits = {.name = "low_bits", .judge = judge_low_bits},
				   thousand = {.name = "thousand",
					       .judge = judge_one_in_a_thousand},
				   seventh = {.name = "seventh", .judge = judge_every_seventh};
	_cleanup_(buf_free) struct buf wanted = {0}, got = {0};
	struct ruleset *rs = rules_with(&seventh);
	struct rng r = rng_seed(54);
	struct lead_id id = draw_lead_id(&r);
	struct facts facts = draw_facts(&r, &id);
	bool same = true;

	(void)state;
	write_verdict(rs, &facts, &wanted);
	for (int n = 0; n < SAME_TIMES && same; n++) {
		write_verdict(rs, &facts, &got);
		same = slice_equal(buf_slice(&wanted), buf_slice(&got));
	}
	assert_false(same);
	assert_false(id_changes_nothing(rules_with(&low_bits), &r));
	assert_false(id_changes_nothing(rules_with(&thousand), &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_language_has_no_word_for_chance_or_proportion),
	    cmocka_unit_test(what_would_drop_a_share_is_refused_with_its_line),
	    cmocka_unit_test(reasons_can_not_be_switched_off),
	    cmocka_unit_test(whatever_the_rules_a_reject_says_to_the_webmaster_why),
	    cmocka_unit_test(the_same_facts_have_the_same_verdict_however_often),
	    cmocka_unit_test(the_lead_id_changes_no_verdict),
	    cmocka_unit_test(the_lead_id_changes_nothing_that_is_learned_of_it),
	    cmocka_unit_test(filters_that_draw_lots_are_caught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
