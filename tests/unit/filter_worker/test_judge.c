/* The pure core: rule sets, verdicts, claims and records. */
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
#include "filter-worker/shell/rules_file.h"

static const struct lead_id self = {{1}};
static const struct lead_record self_record = {.lead_id = {{1}}}, other_record = {.lead_id = {{2}}};

static struct facts some_facts(void)
{
	struct facts f = {0};

	facts_set_bytes(&f, FACT_LEAD_ID, slice_of(self.bytes, sizeof(self.bytes)));
	facts_set_number(&f, FACT_RAW_OFFSET, 0);
	facts_set_number(&f, FACT_RECEIVED_AT, 1000000);
	facts_set_text(&f, FACT_VERTICAL, SLICE("osago"));
	return f;
}

static struct ruleset rules_of(const char *text)
{
	struct ruleset rs;
	struct yaml_faults faults = {.file = "rules"};

	if (rules_file_read(slice_cstr(text), &rs, &faults) != RESULT_OK)
		fail_msg("%s", buf_cstr(&faults.text));
	yaml_faults_free(&faults);
	return rs;
}

static void expect_fault(const char *text, const char *said)
{
	struct ruleset rs;
	struct yaml_faults faults = {.file = "rules.yaml"};

	assert_int_equal(rules_file_read(slice_cstr(text), &rs, &faults), RESULT_BAD);
	if (!strstr(buf_cstr(&faults.text), said))
		fail_msg("expected to read \"%s\" in: %s", said, buf_cstr(&faults.text));
	yaml_faults_free(&faults);
}

static void every_filter_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < filter_count; i++) {
		const struct filter *f = filters[i];

		assert_ptr_equal(filter_from_name(slice_cstr(f->name)), f);
		assert_true(f->help[0] && f->reasons[0] != REASON_NONE && f->fact_count > 0 &&
			    f->judge);
		assert_int_equal(f->local, !f->need && !f->follow && !f->weigh);
		assert_in_range(f->weight, 0, WEIGHT_MAX);
		for (size_t k = 0; k < FILTER_PARAMS_MAX && f->params[k].name; k++)
			assert_true(f->params[k].help[0]);
	}
	for (size_t i = 0; i < FACT_COUNT; i++) {
		enum fact_name found;

		assert_true(fact_from_text(slice_cstr(fact_text((enum fact_name)i)),
					   (enum fact_name)(i * 7 % FACT_COUNT), &found));
		assert_int_equal(found, i);
	}
}

/* A fact that is missing is never a hit, for any filter and any set of its facts that lacks one it can't do without. */
static void a_filter_without_facts_can_not_know(void **state)
{
	struct arena a = {0};
	struct facts none = {0};

	(void)state;
	for (size_t i = 0; i < filter_count; i++) {
		struct filter_rule rule = rule_standard(filters[i]);
		struct finding finding = {.arena = &a};

		assert_int_equal(filters[i]->judge(&rule, &none, &finding), ANSWER_UNKNOWN);
		assert_int_equal(finding.reason, REASON_NONE);
	}
	arena_free(&a);
}

/* Of some leads nearly everything is known, of others nearly nothing: however many filters there are, some accept. */
static struct facts random_facts(struct rng *r, struct arena *a)
{
	static const char *const texts[] = {"valid", "unassigned", "impossible", "ok",
					    "no_at", "none",       "erased",     ""};
	uint32_t absent = (uint32_t)rng_below(r, 10000);
	struct facts f = {0};

	for (size_t i = 0; i < FACT_COUNT; i++) {
		enum fact_name name = (enum fact_name)i;
		struct claim c = {.held = rng_chance(r, 7000),
				  .owner = rng_chance(r, 3000) ? self_record : other_record,
				  .claimed_at_ms = (int64_t)rng_below(r, 2000000)};

		if (rng_chance(r, absent))
			continue;
		switch (fact_type_of(name)) {
		case FACT_TYPE_NUMBER:
			facts_set_number(&f, name, (int64_t)rng_below(r, 8000));
			break;
		case FACT_TYPE_BYTES:
			facts_set_bytes(&f, name, slice_of(self.bytes, sizeof(self.bytes)));
			break;
		case FACT_TYPE_TEXT:
			facts_set_text(&f, name, slice_cstr(texts[rng_below(r, ARRAY_LEN(texts))]));
			break;
		case FACT_TYPE_CLAIM:
			facts_set_claim(&f, name, &c);
			break;
		}
	}
	(void)a;
	return f;
}

static void a_filter_reads_only_the_facts_that_it_declares(void **state)
{
	struct rng r = rng_seed(7);
	struct arena a = {0};

	(void)state;
	for (int n = 0; n < 2000; n++) {
		struct facts all = random_facts(&r, &a);

		for (size_t i = 0; i < filter_count; i++) {
			struct filter_rule rule = rule_standard(filters[i]);
			struct finding x = {.arena = &a}, y = {.arena = &a};
			struct facts declared = {.claim_count = 0};
			const enum fact_name *names = filters[i]->facts;

			memcpy(declared.claims, all.claims, sizeof(declared.claims));
			for (size_t k = 0; k < filters[i]->fact_count; k++)
				declared.values[names[k]] = all.values[names[k]];
			assert_int_equal(filters[i]->judge(&rule, &all, &x),
					 filters[i]->judge(&rule, &declared, &y));
			assert_int_equal(x.reason, y.reason);
			assert_int_equal(x.param_count, y.param_count);
		}
	}
	arena_free(&a);
}

/* Looks at a lead that says all that a form can say. */
static void a_filter_learns_only_facts_that_it_declares(void **state)
{
	Punnet__V1__Lead lead = PUNNET__V1__LEAD__INIT;
	Punnet__V1__Submission submission = PUNNET__V1__SUBMISSION__INIT;
	Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;
	Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;
	char *fields[] = {(char *)"phone", (char *)"email"};
	struct arena a = {0};
	size_t learned = 0;

	(void)state;
	lead.received_at_ms = 1796040000000;
	lead.language = (char *)"ru-RU";
	lead.os = (char *)"Android";
	lead.country = (char *)"RU";
	submission.user_agent = (char *)"Mozilla/5.0 (Linux; Android 14) Chrome/120.0 Mobile";
	submission.clicked_at_ms = submission.form_started_at_ms = lead.received_at_ms - 60000;
	submission.consented_at_ms = lead.received_at_ms - 1000;
	submission.consent_text_sha256 = (ProtobufCBinaryData){32, (uint8_t[32]){1}};
	submission.filled_case = PUNNET__V1__SUBMISSION__FILLED_FILLED_MS;
	submission.honeypot_case = PUNNET__V1__SUBMISSION__HONEYPOT_HONEYPOT_FILLED;
	submission.pasted_fields = submission.focused_fields = fields;
	submission.n_pasted_fields = submission.n_focused_fields = ARRAY_LEN(fields);
	contact.phone = (char *)"+79161234567";
	contact.email = (char *)"ivan@example.ru";
	contact.name = (char *)"Иван Петров";
	contact.ip = contact.consent_ip = (char *)"192.0.2.1";
	raw.lead = &lead;
	raw.submission = &submission;

	for (size_t i = 0; i < filter_count; i++) {
		struct sight sight = {.raw = &raw, .contact = &contact, .arena = &a};
		struct facts facts = {0};

		if (filters[i]->look)
			filters[i]->look(&sight, &facts);
		for (size_t k = 0; k < filters[i]->fact_count; k++) {
			learned += facts.values[filters[i]->facts[k]].known;
			facts.values[filters[i]->facts[k]].known = false;
		}
		for (size_t k = 0; k < FACT_COUNT; k++)
			if (facts.values[k].known)
				fail_msg("%s learns %s", filters[i]->name,
					 fact_text((enum fact_name)k));
	}
	assert_true(learned >= 3);
	arena_free(&a);
}

static void a_filter_says_only_the_reasons_that_it_declares(void **state)
{
	struct rng r = rng_seed(8);
	struct arena a = {0};
	size_t hits = 0;

	(void)state;
	for (int n = 0; n < 2000; n++) {
		struct facts facts = random_facts(&r, &a);

		for (size_t i = 0; i < filter_count; i++) {
			struct filter_rule rule = rule_standard(filters[i]);
			struct finding finding = {.arena = &a};
			bool declared = false;

			if (filters[i]->judge(&rule, &facts, &finding) != ANSWER_HIT)
				continue;
			for (size_t k = 0; k < FILTER_REASONS_MAX; k++)
				declared |= filters[i]->reasons[k] == finding.reason;
			assert_true(declared);
			hits++;
		}
	}
	assert_true(hits > 1000);
	arena_free(&a);
}

static void
a_reject_always_has_a_reason_and_the_answers_stand_in_the_order_of_the_rules(void **state)
{
	struct rng r = rng_seed(9);
	struct arena a = {0};
	struct ruleset rs;
	size_t rejected = 0;

	(void)state;
	ruleset_standard(&rs);
	for (int n = 0; n < 5000; n++) {
		struct facts facts = random_facts(&r, &a);
		struct judgement j;
		int32_t sum = 0;
		size_t at = 0;

		judge_lead(&rs, &facts, &a, &j);
		rejected += j.verdict == LEAD_REJECTED;
		assert_true(j.verdict == LEAD_ACCEPTED || j.reason_count > 0);
		assert_int_equal(j.answer_count, rs.network.count);
		for (size_t i = 0; i < j.reason_count; i++) {
			sum += j.reasons[i].weight;
			if (!j.reasons[i].filter)
				continue;
			while (at < rs.network.count &&
			       rs.network.rules[at].filter != j.reasons[i].filter)
				at++;
			assert_true(at < rs.network.count);
			assert_int_equal(j.answers[at], ANSWER_HIT);
		}
		assert_int_equal(sum, j.score);
		if ((n & 255) == 0)
			arena_reset(&a);
	}
	assert_in_range(rejected, 1000, 4999);
	arena_free(&a);
}

static void a_score_at_the_limit_rejects_and_one_below_it_does_not(void **state)
{
	struct ruleset rs = rules_of(
	    "reject_at: 60\nfilters:\n  - honeypot: {weight: 40}\n  - fill_time: {weight: 20}\n");
	struct facts f = some_facts();
	struct arena a = {0};
	struct judgement j;

	(void)state;
	facts_set_number(&f, FACT_HONEYPOT, 1);
	facts_set_number(&f, FACT_FILLED_MS, 3000);
	judge_lead(&rs, &f, &a, &j);
	assert_int_equal(j.verdict, LEAD_REJECTED);
	assert_int_equal(j.reason_count, 3);
	assert_int_equal(j.reasons[0].finding.reason, REASON_SCORE_TOO_HIGH);
	assert_true(slice_is(j.reasons[0].finding.params[0].value, "60"));
	rs.network.reject_at = 61;
	judge_lead(&rs, &f, &a, &j);
	assert_int_equal(j.verdict, LEAD_ACCEPTED);
	assert_int_equal(j.reason_count, 2);
	arena_free(&a);
}

static void the_standard_rule_set_is_the_one_in_the_file(void **state)
{
	struct ruleset standard, file;
	struct yaml_faults faults = {.file = "rules/default.yaml"};

	(void)state;
	ruleset_standard(&standard);
	if (rules_file_load("rules/default.yaml", &file, &faults) != RESULT_OK)
		fail_msg("%s", buf_cstr(&faults.text));
	assert_string_equal(standard.hash, file.hash);
	yaml_faults_free(&faults);
}

static void the_hash_of_a_rule_set_is_of_its_meaning(void **state)
{
	struct ruleset plain = rules_of("filters: [honeypot, phone_duplicate]\n");
	struct ruleset spelt = rules_of(
	    "# a remark\nreject_at: 60\nfilters:\n  - honeypot: {weight: 34, action: score}\n"
	    "  - phone_duplicate: {window: 90d}\n  - fill_time: {enabled: false}\n");
	struct ruleset swapped = rules_of("filters: [phone_duplicate, honeypot]\n");
	struct ruleset changed =
	    rules_of("filters:\n  - honeypot\n  - phone_duplicate: {window: 89d}\n");

	(void)state;
	assert_string_equal(plain.hash, spelt.hash);
	assert_string_not_equal(plain.hash, swapped.hash);
	assert_string_not_equal(plain.hash, changed.hash);
	static const char *const more[] = {"quarantine_at: 5\n", "quarantine_for: 1h\n",
					   "quarantine_then: accept\n",
					   "scopes: [{vertical: osago, reject_at: 61}]\n"};

	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		char text[200];

		snprintf(text, sizeof(text), "filters: [honeypot, phone_duplicate]\n%s", more[i]);
		swapped = rules_of(text);
		assert_string_not_equal(plain.hash, swapped.hash);
	}
	swapped = rules_of("filters: [honeypot: {shadow: true}, phone_duplicate]\n");
	assert_string_not_equal(plain.hash, swapped.hash);
}

static void a_fault_in_a_rule_set_is_said_with_its_line(void **state)
{
	(void)state;
	expect_fault("filters:\n  - honeypots\n",
		     "rules.yaml:2: filters: there is no filter \"honeypots\"");
	expect_fault("filters:\n  - honeypot\n  - honeypot\n",
		     "rules.yaml:3: honeypot: stands twice");
	expect_fault("filters:\n  - phone_duplicate: {window: 5}\n",
		     "rules.yaml:2: phone_duplicate.window: \"5\"");
	expect_fault("filters:\n  - phone_duplicate: {scope: city}\n",
		     "expected vertical or network");
	expect_fault("filters:\n  - honeypot: {weigth: 4}\n", "rules.yaml:2:");
	expect_fault("filters:\n  - honeypot: {weight: -1}\n", "rules.yaml:2:");
	expect_fault("reject_at: 0\nfilters: [honeypot]\n", "rules.yaml:1:");
	expect_fault("- honeypot\n", "rules.yaml:1:");
	expect_fault("filter: []\n", "filters: expected a list");
	expect_fault("reject_at: 40\nquarantine_at: 40\nfilters: [honeypot]\n",
		     "expected less than reject_at");
	expect_fault("filters: [honeypot]\nquarantine_for: 5s\n",
		     "quarantine_for: \"5s\": expected a duration from 1m to 30d");
	expect_fault("filters: [honeypot]\nscopes: [{reject_at: 3}]\n",
		     "rules.yaml:2: scopes: expected a vertical, a webmaster, or both");
	expect_fault("filters: [honeypot]\nscopes: [{vertical: a}, {vertical: a}]\n",
		     "scopes: this one stands twice");
	expect_fault(
	    "filters: [phone_duplicate, phone_duplicate: {shadow: true, scope: network}]\n",
	    "phone_duplicate: a rule in shadow can't have another scope");
}

static void claims_of_different_purpose_scope_or_value_never_share_a_key(void **state)
{
	char x[16] = "aaaaaaaaaaaaaaa", y[16] = "baaaaaaaaaaaaaa";
	struct slice v = slice_of(x, 16), w = slice_of(y, 16);
	struct slice long_one = SLICE("a_vertical_with_a_name_that_is_far_too_long_for_a_key_1");
	struct slice long_two = SLICE("a_vertical_with_a_name_that_is_far_too_long_for_a_key_2");
	struct claim_plan p = {0};

	(void)state;
	claim_plan_want(&p, FACT_PHONE_CLAIM, "pd", SLICE("osago"), v, 1000, false);
	claim_plan_want(&p, FACT_PHONE_CLAIM, "ed", SLICE("osago"), v, 1000, false);
	claim_plan_want(&p, FACT_PHONE_CLAIM, "pd", SLICE("osag"), v, 1000, false);
	claim_plan_want(&p, FACT_PHONE_CLAIM, "pd", (struct slice){0}, v, 1000, false);
	claim_plan_want(&p, FACT_PHONE_CLAIM, "pd", SLICE("osago"), w, 1000, false);
	claim_plan_want(&p, FACT_PHONE_CLAIM, "pd", long_one, v, 1000, false);
	claim_plan_want(&p, FACT_PHONE_CLAIM, "pd", long_two, v, 1000, false);
	claim_plan_want(&p, FACT_PHONE_CLAIM, "pd", SLICE("osago"), (struct slice){0}, 1000, false);
	assert_int_equal(p.count, 7);
	for (size_t i = 0; i < p.count; i++) {
		assert_true(p.wants[i].key_len <= CLAIM_KEY_MAX);
		for (size_t k = i + 1; k < p.count; k++)
			assert_false(slice_equal(claim_key(&p.wants[i]), claim_key(&p.wants[k])));
	}
}

static void a_lead_that_local_facts_reject_is_no_candidate(_unused_ void **state)
{
	struct ruleset rs;
	struct facts f = some_facts();

	ruleset_standard(&rs);
	assert_true(judge_candidate(&rs, &f));
	facts_set_text(&f, FACT_PHONE_NUMBER, SLICE("impossible"));
	assert_false(judge_candidate(&rs, &f));
}

static Punnet__V1__RawLead raw_of(Punnet__V1__Lead *lead, Punnet__V1__Fingerprints *f,
				  Punnet__V1__SealedContact *contact)
{
	Punnet__V1__RawLead raw = PUNNET__V1__RAW_LEAD__INIT;

	punnet__v1__lead__init(lead);
	punnet__v1__fingerprints__init(f);
	punnet__v1__sealed_contact__init(contact);
	lead->vertical = (char *)"osago";
	lead->received_at_ms = 1000000;
	raw.lead_id = codec_lead_id(&self);
	raw.lead = lead;
	raw.fingerprints = f;
	raw.contact = contact;
	return raw;
}

static void the_record_alone_gives_the_same_verdict_again(_unused_ void **state)
{
	struct rng r = rng_seed(10);
	struct arena a = {0};
	struct ruleset rs;
	Punnet__V1__Lead lead;
	Punnet__V1__Fingerprints prints;
	Punnet__V1__SealedContact contact;
	Punnet__V1__RawLead raw = raw_of(&lead, &prints, &contact);
	struct provenance source = {.topic = "leads.raw", .partition = 3, .offset = 9};
	struct buf packed = {0};

	ruleset_standard(&rs);
	codec_pack(&raw.base, &packed);
	for (int n = 0; n < 500; n++) {
		struct facts facts = random_facts(&r, &a), read;
		struct judgement j, again;
		struct buf first = {0}, second = {0};
		Punnet__V1__JudgedLead *m;

		judge_lead(&rs, &facts, &a, &j);
		judged_record_write(&raw, buf_slice(&packed), &source, &rs, &facts, &j, "l1",
				    &first);
		m = codec_unpack(&a, &punnet__v1__judged_lead__descriptor, buf_slice(&first));
		assert_non_null(m);
		assert_int_equal(m->contact != NULL, j.verdict == LEAD_ACCEPTED);
		assert_int_equal(m->source->offset, 9);
		facts_from_record(m, &read);
		judge_lead(&rs, &read, &a, &again);
		judged_record_write(&raw, buf_slice(&packed), &source, &rs, &read, &again, "l1",
				    &second);
		assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
		buf_reset(&second); /* and the library packs the message alike */
		codec_pack(&m->base, &second);
		assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
		buf_free(&first);
		buf_free(&second);
		arena_reset(&a);
	}
	buf_free(&packed);
	arena_free(&a);
}

static void a_raw_lead_that_lacks_its_parts_has_a_fault(_unused_ void **state)
{
	Punnet__V1__Lead lead;
	Punnet__V1__Fingerprints prints;
	Punnet__V1__SealedContact contact;
	Punnet__V1__RawLead raw = raw_of(&lead, &prints, &contact);

	assert_null(raw_lead_fault(&raw));
	raw.lead = NULL;
	assert_non_null(raw_lead_fault(&raw));
	raw = raw_of(&lead, &prints, &contact);
	raw.lead_id.len = 15;
	assert_non_null(raw_lead_fault(&raw));
	raw = raw_of(&lead, &prints, &contact);
	prints.phone = codec_lead_id(&self);
	prints.phone.len = 3;
	assert_non_null(raw_lead_fault(&raw));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_filter_is_whole),
	    cmocka_unit_test(a_filter_without_facts_can_not_know),
	    cmocka_unit_test(a_filter_reads_only_the_facts_that_it_declares),
	    cmocka_unit_test(a_filter_learns_only_facts_that_it_declares),
	    cmocka_unit_test(a_filter_says_only_the_reasons_that_it_declares),
	    cmocka_unit_test(
		a_reject_always_has_a_reason_and_the_answers_stand_in_the_order_of_the_rules),
	    cmocka_unit_test(a_score_at_the_limit_rejects_and_one_below_it_does_not),
	    cmocka_unit_test(the_standard_rule_set_is_the_one_in_the_file),
	    cmocka_unit_test(the_hash_of_a_rule_set_is_of_its_meaning),
	    cmocka_unit_test(a_fault_in_a_rule_set_is_said_with_its_line),
	    cmocka_unit_test(claims_of_different_purpose_scope_or_value_never_share_a_key),
	    cmocka_unit_test(a_lead_that_local_facts_reject_is_no_candidate),
	    cmocka_unit_test(the_record_alone_gives_the_same_verdict_again),
	    cmocka_unit_test(a_raw_lead_that_lacks_its_parts_has_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
