/* What a lead and a verdict become on their topics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/core/raw_lead.h"
#include "collector/core/verdict.h"
#include "lead/codec.h"
#include "proto/leads_raw.pb-c.h"

#define NOW_MS 1795341600000LL

struct bench {
	struct arena arena, read;
	struct draft draft;
	struct raw_lead_scratch scratch;
	struct buf record, plain;
	struct fingerprint person;
};

static const uint8_t fingerprint_key[FINGERPRINT_KEY_LEN] = {1};
static const uint8_t day_key[SEAL_KEY_LEN] = {2};

static struct raw_lead_origin origin(void)
{
	struct raw_lead_origin o = {.id = {{7, 7, 7}},
				    .received_at_ms = NOW_MS,
				    .aff_id = "w17",
				    .default_country = "RU",
				    .fingerprint_key = fingerprint_key,
				    .day_key = day_key,
				    .key_day = 20779};
	return o;
}

static const Punnet__V1__RawLead *build(struct bench *b, const struct raw_lead_origin *o,
					const char *body)
{
	struct draft_context context = {.default_country = "RU", .now_ms = NOW_MS};
	Punnet__V1__Vertical vertical = PUNNET__V1__VERTICAL__INIT;
	struct faults faults = {0};
	const char *why = NULL;
	const Punnet__V1__RawLead *raw;

	context.vertical = &vertical;
	arena_reset(&b->arena);
	buf_reset(&b->record);
	assert_true(draft_read_json(&b->draft, &b->arena, slice_cstr(body), &faults, &why));
	draft_check(&b->draft, &context, &faults);
	assert_int_equal(faults.count, 0);
	raw_lead_build(&b->draft, o, &b->arena, &b->scratch, &b->record, &b->person);
	raw = codec_unpack(&b->read, &punnet__v1__raw_lead__descriptor, buf_slice(&b->record));
	assert_non_null(raw);
	return raw;
}

#define LEAD "{\"vertical\":\"osago\",\"phone\":\"8 (916) 123 45 67\",\"email\":\"A.B@Example.COM\""

static int open_bench(void **state)
{
	*state = calloc(1, sizeof(struct bench));
	return *state ? 0 : -1;
}

static int close_bench(void **state)
{
	struct bench *b = *state;

	arena_free(&b->arena);
	arena_free(&b->read);
	raw_lead_scratch_free(&b->scratch);
	buf_free(&b->record);
	buf_free(&b->plain);
	free(b);
	return 0;
}

static void the_contact_is_sealed_and_nowhere_in_the_open(void **state)
{
	struct bench *b = *state;
	struct raw_lead_origin o = origin();
	const Punnet__V1__RawLead *raw =
	    build(b, &o, LEAD ",\"first_name\":\"Foma\",\"ip\":\"2001:DB8:0::1\"}");
	const Punnet__V1__Contact *contact;

	assert_null(memmem(b->record.data, b->record.len, "9161234567", 10));
	assert_null(memmem(b->record.data, b->record.len, "Foma", 4));
	assert_null(memmem(b->record.data, b->record.len, "xample", 6));
	assert_null(memmem(b->record.data, b->record.len, "2001:", 5));
	assert_int_equal(raw->contact->key_day, 20779);
	assert_true(seal_open(day_key, raw->contact->nonce.data, &o.id,
			      codec_bytes(raw->contact->box), &b->plain));
	contact = codec_unpack(&b->read, &punnet__v1__contact__descriptor, buf_slice(&b->plain));
	assert_non_null(contact);
	assert_string_equal(contact->phone, "+79161234567");
	assert_string_equal(contact->phone_typed, "8 (916) 123 45 67");
	assert_string_equal(contact->first_name, "Foma");
	assert_string_equal(contact->ip, "2001:db8::1");
}

static void the_record_says_where_it_came_from_and_what_was_sent(void **state)
{
	struct bench *b = *state;
	struct raw_lead_origin o = origin();
	const Punnet__V1__RawLead *raw =
	    build(b, &o,
		  LEAD ",\"fields\":{\"n\":5,\"t\":\"x\",\"f\":true,\"d\":1.50,\"j\":[1, "
		       "2]},\"odd\":null,\"other\":1,"
		       "\"honeypot\":\"bot\",\"filled_ms\":0}");

	assert_string_equal(raw->source->topic, "http");
	assert_memory_equal(raw->lead_id.data, o.id.bytes, 16);
	assert_string_equal(raw->lead->aff_id, "w17");
	assert_string_equal(raw->lead->country, "RU");
	assert_int_equal(raw->lead->received_at_ms, NOW_MS);
	assert_int_equal(raw->lead->n_fields, 6);
	assert_int_equal(raw->lead->fields[0]->integer, 5);
	assert_string_equal(raw->lead->fields[1]->text, "x");
	assert_true(raw->lead->fields[2]->flag);
	assert_string_equal(raw->lead->fields[3]->decimal, "1.50");
	assert_string_equal(raw->lead->fields[4]->json, "[1, 2]");
	assert_int_equal(raw->n_ignored_fields, 1);
	assert_string_equal(raw->ignored_fields[0], "other");
	assert_int_equal(raw->submission->honeypot_case,
			 PUNNET__V1__SUBMISSION__HONEYPOT_HONEYPOT_FILLED);
	assert_true(raw->submission->honeypot_filled);
	assert_int_equal(raw->submission->filled_case, PUNNET__V1__SUBMISSION__FILLED_FILLED_MS);
}

static void an_absent_honeypot_is_not_an_empty_one(void **state)
{
	struct bench *b = *state;
	struct raw_lead_origin o = origin();

	assert_int_equal(build(b, &o, LEAD "}")->submission->honeypot_case,
			 PUNNET__V1__SUBMISSION__HONEYPOT__NOT_SET);
	assert_false(build(b, &o, LEAD ",\"honeypot\":\"\"}")->submission->honeypot_filled);
	assert_int_equal(build(b, &o, LEAD ",\"honeypot\":\"\"}")->submission->honeypot_case,
			 PUNNET__V1__SUBMISSION__HONEYPOT_HONEYPOT_FILLED);
}

static void the_person_is_the_phone_however_it_is_typed_else_the_email(void **state)
{
	struct bench *b = *state;
	struct raw_lead_origin o = origin();
	struct fingerprint one, two;

	build(b, &o, LEAD "}");
	one = b->person;
	build(b, &o, "{\"vertical\":\"osago\",\"phone\":\"+7 916 123-45-67\"}");
	two = b->person;
	assert_true(fingerprint_equal(&one, &two));
	build(b, &o, "{\"vertical\":\"osago\",\"email\":\"a.b@example.com\"}");
	one = b->person;
	build(b, &o, "{\"vertical\":\"osago\",\"email\":\" A.B@EXAMPLE.com\"}");
	assert_true(fingerprint_equal(&one, &b->person));
	assert_false(fingerprint_equal(&two, &b->person));
}

static struct slice payload(struct bench *b, const char *aff_id, const char *body)
{
	struct raw_lead_origin o = origin();

	o.aff_id = aff_id;
	return codec_bytes(build(b, &o, body)->fingerprints->payload);
}

static void the_payload_is_the_same_when_the_same_was_sent(void **state)
{
	struct bench *b = *state;
	struct slice first = payload(b, "w17", LEAD ",\"fields\":{\"a\":1,\"b\":2}}");

	assert_true(slice_equal(
	    first, payload(b, "w17",
			   "{\"fields\":{\"b\":2,\"a\":1},\"email\":\"A.B@example.com\","
			   "\"phone\":\"+79161234567\",\"vertical\":\"osago\"}")));
	assert_false(slice_equal(first, payload(b, "w18", LEAD ",\"fields\":{\"a\":1,\"b\":2}}")));
	assert_false(slice_equal(first, payload(b, "w17", LEAD ",\"fields\":{\"a\":1,\"b\":3}}")));
	assert_false(slice_equal(
	    first, payload(b, "w17", LEAD ",\"sub1\":\"x\",\"fields\":{\"a\":1,\"b\":2}}")));
}

static void lines_of_one_keyed_batch_are_not_resubmissions_of_each_other(void **state)
{
	struct bench *b = *state;
	struct raw_lead_origin o = origin();
	struct slice first, second;

	assert_int_equal(build(b, &o, LEAD "}")->fingerprints->idempotency.len, 0);
	o.idempotency_key = SLICE("k");
	o.line = 1;
	first = codec_bytes(build(b, &o, LEAD "}")->fingerprints->idempotency);
	assert_int_equal(first.len, FINGERPRINT_LEN);
	assert_true(
	    slice_equal(first, codec_bytes(build(b, &o, LEAD "}")->fingerprints->idempotency)));
	o.line = 2;
	second = codec_bytes(build(b, &o, LEAD "}")->fingerprints->idempotency);
	assert_false(slice_equal(first, second));
}

/* --- verdicts --- */

#define ID "01a20538-1f54-75bc-96c0-bc6a5d954ef6"

static struct slice verdict_of(struct bench *b, const char *body, struct faults *f,
			       struct verdict *ret)
{
	const char *why = NULL;

	f->count = 0;
	assert_true(
	    verdict_read(ret, &b->arena, slice_cstr(body), SLICE("bank-a"), NOW_MS, f, &why));
	return ret->verdict_id;
}

static void a_repeated_verdict_has_the_same_id_and_another_one_has_not(void **state)
{
	struct bench *b = *state;
	struct verdict v;
	struct faults f;
	struct slice first =
	    verdict_of(b, "{\"lead_id\":\"" ID "\",\"verdict\":\"approved\"}", &f, &v);

	assert_int_equal(f.count, 0);
	assert_int_equal(first.len, VERDICT_ID_MADE_LEN);
	assert_true(slice_equal(
	    first, verdict_of(b, "{\"verdict\":\"approved\",\"lead_id\":\"" ID "\"}", &f, &v)));
	assert_false(slice_equal(
	    first, verdict_of(b, "{\"verdict\":\"returned\",\"lead_id\":\"" ID "\"}", &f, &v)));
	assert_true(slice_is(verdict_of(b,
					"{\"verdict\":\"returned\",\"lead_id\":\"" ID
					"\",\"verdict_id\":\"mine\"}",
					&f, &v),
			     "mine"));
}

static void all_faults_of_a_verdict_are_found_at_once(void **state)
{
	static const char *const expected[] = {"lead_id",  "verdict", "amount_minor",
					       "currency", "at",      "shoe"};
	struct bench *b = *state;
	struct verdict v;
	struct faults f;

	verdict_of(
	    b,
	    "{\"lead_id\":\"x\",\"amount_minor\":1.5,\"currency\":\"rubles\",\"at\":1,\"shoe\":1}",
	    &f, &v);
	assert_int_equal(f.count, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		assert_true(slice_is(f.list[i].field, expected[i]));
}

static void an_outcome_carries_what_the_advertiser_said(void **state)
{
	struct bench *b = *state;
	const Punnet__V1__Outcome *outcome;
	struct verdict v;
	struct faults f;

	verdict_of(b,
		   "{\"lead_id\":\"" ID
		   "\",\"verdict\":\"sold\",\"reason_code\":\"r\",\"amount_minor\":4500,"
		   "\"currency\":\"RUB\",\"at\":\"2026-11-22T10:00:00Z\"}",
		   &f, &v);
	assert_int_equal(f.count, 0);
	buf_reset(&b->record);
	verdict_build(&v, "bank-a", NOW_MS, &b->arena, &b->record);
	outcome = codec_unpack(&b->read, &punnet__v1__outcome__descriptor, buf_slice(&b->record));
	assert_non_null(outcome);
	assert_int_equal(outcome->kind, PUNNET__V1__OUTCOME_KIND__OUTCOME_SOLD);
	assert_string_equal(outcome->source->topic, "http");
	assert_string_equal(outcome->advertiser_id, "bank-a");
	assert_int_equal(outcome->amount->amount_minor, 4500);
	assert_string_equal(outcome->amount->currency, "RUB");
	assert_int_equal(outcome->at_ms, 1795341600000LL);
	assert_null(outcome->assignment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_contact_is_sealed_and_nowhere_in_the_open),
	    cmocka_unit_test(the_record_says_where_it_came_from_and_what_was_sent),
	    cmocka_unit_test(an_absent_honeypot_is_not_an_empty_one),
	    cmocka_unit_test(the_person_is_the_phone_however_it_is_typed_else_the_email),
	    cmocka_unit_test(the_payload_is_the_same_when_the_same_was_sent),
	    cmocka_unit_test(lines_of_one_keyed_batch_are_not_resubmissions_of_each_other),
	    cmocka_unit_test(a_repeated_verdict_has_the_same_id_and_another_one_has_not),
	    cmocka_unit_test(all_faults_of_a_verdict_are_found_at_once),
	    cmocka_unit_test(an_outcome_carries_what_the_advertiser_said),
	};

	return cmocka_run_group_tests(tests, open_bench, close_bench);
}
