/* Filters that count: what they ask for, what they learn of it, and what that is worth together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include "base/rng.h"
#include "filter-worker/core/ruleset.h"
#include "filter-worker/shell/verdict_book.h"
#include "lead/fingerprint.h"

#define NOW_MS 1796040000000

static const uint8_t key[FINGERPRINT_KEY_LEN] = {7};
static const char print[FINGERPRINT_LEN + 1] = "0123456789abcdef";

/* A lead that says all that a form can say. */
struct bench {
	Punnet__V1__Lead lead;
	Punnet__V1__Fingerprints prints;
	Punnet__V1__RawLead raw;
	Punnet__V1__Contact contact;
	struct verdict_sums verdicts;
	struct arena arena;
	struct facts local;
	struct claim_subject subject;
};

static void bench_open(struct bench *b)
{
	*b = (struct bench){.lead = PUNNET__V1__LEAD__INIT,
			    .prints = PUNNET__V1__FINGERPRINTS__INIT,
			    .raw = PUNNET__V1__RAW_LEAD__INIT,
			    .contact = PUNNET__V1__CONTACT__INIT};
	b->lead.received_at_ms = NOW_MS;
	b->lead.city = (char *)"Тверь";
	b->contact.name = (char *)"Иван Петров";
	b->prints.phone = (ProtobufCBinaryData){.len = FINGERPRINT_LEN, .data = (uint8_t *)print};
	b->raw.lead = &b->lead;
	b->raw.fingerprints = &b->prints;

	struct slice p = slice_of(print, FINGERPRINT_LEN);
	struct sight sight = {.raw = &b->raw,
			      .contact = &b->contact,
			      .verdicts = &b->verdicts,
			      .digest_key = key,
			      .arena = &b->arena};

	b->subject = (struct claim_subject){.received_at_ms = NOW_MS,
					    .vertical = SLICE("osago"),
					    .aff_id = SLICE("w1"),
					    .phone = p,
					    .email = p,
					    .mailbox = p,
					    .payload = p,
					    .idempotency = p,
					    .person = p,
					    .device = p,
					    .ip = p};
	for (size_t i = 0; i < filter_count; i++) {
		if (filters[i]->look)
			filters[i]->look(&sight, &b->local);
	}
}

static void bench_close(struct bench *b)
{
	arena_free(&b->arena);
}

static bool declares(const struct filter *f, enum fact_name name)
{
	for (size_t i = 0; i < f->fact_count; i++) {
		if (f->facts[i] == name)
			return true;
	}
	return false;
}

static size_t check_learned(const struct filter *f, const struct facts *facts)
{
	size_t learned = 0;

	for (size_t i = 0; i < FACT_COUNT; i++) {
		if (facts->values[i].known && !declares(f, (enum fact_name)i))
			fail_msg("%s learns %s", f->name, fact_text((enum fact_name)i));
		learned += facts->values[i].known;
	}
	return learned;
}

static void fill(struct rng *r, struct visit visits[TRAIL_VISITS_MAX])
{
	for (size_t i = 0; i < TRAIL_VISITS_MAX; i++)
		visits[i] =
		    (struct visit){NOW_MS - (int64_t)rng_below(r, 40 * MS_PER_DAY) + MS_PER_HOUR,
				   {(uint32_t)rng_next(r), (uint32_t)rng_below(r, 3)}};
}

static void a_filter_learns_of_trails_only_facts_that_it_declares(void **state)
{
	struct visit visits[TRAIL_VISITS_MAX];
	struct trail_plan plan = {.count = 0};
	struct rng r = rng_seed(1);
	struct bench b;

	(void)state;
	bench_open(&b);
	for (size_t i = 0; i < filter_count; i++) {
		if (filters[i]->follow)
			filters[i]->follow(&b.subject, &b.local, &plan);
	}
	assert_in_range(plan.count, 4, TRAILS_MAX);
	for (int n = 0; n < 2000; n++) {
		fill(&r, visits);
		for (size_t i = 0; i < plan.count; i++) {
			struct trail_want *w = &plan.wants[i];

			w->found = (struct trail){visits, rng_below(&r, TRAIL_VISITS_MAX + 1)};
			for (size_t f = 0; f < w->filter_count; f++) {
				struct facts facts = {0};

				w->filters[f]->learn(w, NOW_MS, &facts);
				assert_true(check_learned(w->filters[f], &facts) > 0);
			}
		}
	}
	bench_close(&b);
}

static void two_trails_never_have_the_same_purpose(void **state)
{
	struct trail_plan plan = {.count = 0};
	struct bench b;

	(void)state;
	bench_open(&b);
	for (size_t i = 0; i < filter_count; i++) {
		if (filters[i]->follow)
			filters[i]->follow(&b.subject, &b.local, &plan);
	}
	for (size_t i = 0; i < plan.count; i++) {
		for (size_t k = i + 1; k < plan.count; k++)
			assert_memory_not_equal(plan.wants[i].key, plan.wants[k].key, 2);
	}
	bench_close(&b);
}

/* What a lead leaves in its webmaster's trail. sent_ms NULL: its form does not say. */
static struct visit source_visit(const int64_t *sent_ms, struct slice sub1, bool has_sign)
{
	struct claim_subject s = {.received_at_ms = NOW_MS, .aff_id = SLICE("w1"), .sub1 = sub1};
	struct trail_plan plan = {.signs = {.known = true, .unusual = has_sign}};
	struct facts local = {0};

	if (sent_ms)
		facts_set_number(&local, FACT_FORM_SENT_AT, *sent_ms);
	trail_plan_want_source(&plan, filters[0], &s, &local);
	assert_int_equal(plan.count, 1);
	assert_false(plan.wants[0].wide);
	return plan.wants[0].own;
}

static void two_marks_tell_gaps_whatever_the_forms_clock_says(void **state)
{
	const int64_t clocks[] = {NOW_MS, 1, 0x7fffffff, 0xffffffffLL - 500, 0xffffffffLL - 20,
				  -700};
	const int64_t gaps[] = {1, 999, -1500, 4 * MS_PER_HOUR, 20 * MS_PER_DAY};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
		for (size_t k = 0; k < ARRAY_LEN(gaps); k++) {
			int64_t next = clocks[i] + gaps[k];
			struct visit a = source_visit(&clocks[i], SLICE("s"), false);
			struct visit b = source_visit(&next, SLICE("s"), true);

			assert_int_equal(source_gap_ms(&a, &b), gaps[k]);
		}
	}
}

static void a_mark_of_a_sub_id_holds_the_sign_and_0_is_nobodys(void **state)
{
	const int64_t zero = 0;
	struct visit a = source_visit(NULL, SLICE("a"), false);
	struct visit a_signed = source_visit(NULL, SLICE("a"), true);
	struct visit b = source_visit(&zero, SLICE("b"), true);
	struct visit none = source_visit(NULL, (struct slice){0}, true);

	(void)state;
	assert_int_equal(source_sub(&a), source_sub(&a_signed));
	assert_int_not_equal(source_sub(&a), source_sub(&b));
	assert_int_not_equal(source_sub(&a), 0);
	assert_int_equal(source_sub(&none), 0);
	assert_false(source_is_signed(&a));
	assert_true(source_is_signed(&a_signed) && source_is_signed(&none));
	assert_int_equal(a.marks[SOURCE_SENT], 0);
	assert_int_not_equal(b.marks[SOURCE_SENT], 0);
}

static void who_is_not_known_leaves_no_trail(void **state)
{
	struct claim_subject nobody = {.received_at_ms = NOW_MS, .vertical = SLICE("osago")};
	struct trail_plan plan = {.count = 0};
	struct bench b;

	(void)state;
	bench_open(&b);
	for (size_t i = 0; i < filter_count; i++) {
		struct facts none = {0};

		if (filters[i]->follow)
			filters[i]->follow(&nobody, &none, &plan);
	}
	assert_int_equal(plan.count, 0);
	bench_close(&b);
}

static void a_filter_weighs_only_facts_that_it_declares(void **state)
{
	struct source source = {.today = {100, 50, 20}, .yesterday = {90, 10, 5}, .has_sub = true};
	size_t weighing = 0;

	(void)state;
	for (size_t i = 0; i < filter_count; i++) {
		struct facts facts = {0};

		if (!filters[i]->weigh)
			continue;
		filters[i]->weigh(&source, &facts);
		assert_true(check_learned(filters[i], &facts) > 0);
		weighing++;
	}
	assert_true(weighing >= 3);
}

/* Nobody is rejected only for the company that he comes in. */
static void all_that_is_said_of_a_webmaster_does_not_reject(void **state)
{
	struct ruleset rs;
	int32_t sum = 0;

	(void)state;
	ruleset_standard(&rs);
	for (size_t i = 0; i < rs.network.count; i++) {
		const struct filter_rule *rule = &rs.network.rules[i];

		if (rule->filter->follow) /* needs a sign of the lead's own as well */
			continue;
		if (!rule->filter->weigh && strcmp(rule->filter->name, "conversion_outlier") != 0)
			continue;
		assert_int_equal(rule->action, ACTION_SCORE);
		sum += rule->weight;
	}
	assert_in_range(sum, 1, rs.network.reject_at - 1);
}

/* --- one by one --- */

static enum answer answer_of(const char *name, const struct facts *facts)
{
	const struct filter *f = filter_from_name(slice_cstr(name));
	struct filter_rule rule = rule_standard(f);
	struct arena arena = {0};
	struct finding finding = {.arena = &arena};
	enum answer answer = f->judge(&rule, facts, &finding);

	arena_free(&arena);
	return answer;
}

struct ip_counts {
	int64_t ten_minutes, hour, day, source_hour;
};

static enum answer ip_answer(const char *network, struct ip_counts before)
{
	struct facts facts = {0};

	if (network)
		facts_set_text(&facts, FACT_IP_NETWORK, slice_cstr(network));
	facts_set_number(&facts, FACT_IP_ALL_10M, before.ten_minutes);
	facts_set_number(&facts, FACT_IP_ALL_1H, before.hour);
	facts_set_number(&facts, FACT_IP_ALL_24H, before.day);
	facts_set_number(&facts, FACT_IP_SOURCE_10M, 0);
	facts_set_number(&facts, FACT_IP_SOURCE_1H, before.source_hour);
	return answer_of("ip_velocity", &facts);
}

static void an_address_is_judged_by_its_network(void **state)
{
	const struct ip_counts strangers = {18, 14, 24, 3};

	(void)state;
	assert_int_equal(ip_answer("isp", (struct ip_counts){2, 3, 4, 0}), ANSWER_PASS);
	assert_int_equal(ip_answer("isp", (struct ip_counts){3, 3, 4, 0}), ANSWER_HIT);
	assert_int_equal(ip_answer("isp", (struct ip_counts){0, 4, 5, 0}), ANSWER_HIT);
	assert_int_equal(ip_answer("isp", (struct ip_counts){0, 0, 11, 0}), ANSWER_HIT);
	assert_int_equal(ip_answer("hosting", (struct ip_counts){0, 1, 1, 0}), ANSWER_PASS);
	assert_int_equal(ip_answer("hosting", (struct ip_counts){0, 2, 2, 0}), ANSWER_HIT);
	assert_int_equal(ip_answer("mobile", (struct ip_counts){12, 13, 24, 3}), ANSWER_PASS);
	assert_int_equal(ip_answer("education", (struct ip_counts){12, 13, 24, 3}), ANSWER_PASS);
	assert_int_equal(ip_answer("mobile", strangers), ANSWER_HIT);
	assert_int_equal(ip_answer("mobile", (struct ip_counts){4, 4, 4, 4}), ANSWER_HIT);
	assert_int_equal(ip_answer("unknown", (struct ip_counts){0, 1, 1, 0}), ANSWER_PASS);
	assert_int_equal(ip_answer("unknown", (struct ip_counts){0, 5, 24, 0}), ANSWER_UNKNOWN);
	assert_int_equal(ip_answer(NULL, (struct ip_counts){0, 5, 24, 0}), ANSWER_UNKNOWN);
	assert_int_equal(ip_answer(NULL, strangers), ANSWER_HIT);
}

static void a_book_tells_a_webmaster_from_the_others(void **state)
{
	struct verdict_book *b = verdict_book_new();
	struct verdict_sums sums;

	(void)state;
	assert_false(verdict_book_look(b, SLICE("osago"), SLICE("w1"), &sums));
	verdict_book_put(b, SLICE("osago"), SLICE("w1"), 10, 2);
	verdict_book_put(b, SLICE("osago"), SLICE("w2"), 100, 5);
	verdict_book_put(b, SLICE("microloan"), SLICE("w2"), 7, 7);
	verdict_book_put(b, SLICE("osago"), SLICE("w1"), 20, 3); /* in the place of the first */
	assert_true(verdict_book_look(b, SLICE("osago"), SLICE("w1"), &sums));
	assert_int_equal(sums.approved, 20);
	assert_int_equal(sums.returned, 3);
	assert_int_equal(sums.peers_approved, 100);
	assert_int_equal(sums.peers_returned, 5);
	assert_true(verdict_book_look(b, SLICE("osago"), SLICE("w3"), &sums));
	assert_int_equal(sums.approved + sums.returned, 0);
	assert_int_equal(sums.peers_approved, 120);
	verdict_book_free(b);
	verdict_book_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_filter_learns_of_trails_only_facts_that_it_declares),
	    cmocka_unit_test(two_trails_never_have_the_same_purpose),
	    cmocka_unit_test(two_marks_tell_gaps_whatever_the_forms_clock_says),
	    cmocka_unit_test(a_mark_of_a_sub_id_holds_the_sign_and_0_is_nobodys),
	    cmocka_unit_test(who_is_not_known_leaves_no_trail),
	    cmocka_unit_test(a_filter_weighs_only_facts_that_it_declares),
	    cmocka_unit_test(all_that_is_said_of_a_webmaster_does_not_reject),
	    cmocka_unit_test(an_address_is_judged_by_its_network),
	    cmocka_unit_test(a_book_tells_a_webmaster_from_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
