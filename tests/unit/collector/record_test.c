/* What a lead becomes on its topic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/core/raw_lead.h"
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
	raw_lead_build(&b->draft, o, &b->scratch, &b->record, &b->person);
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

static void assert_print(ProtobufCBinaryData kept, enum fingerprint_domain domain,
			 struct slice value)
{
	struct fingerprint expected = fingerprint_of(fingerprint_key, domain, value);

	assert_true(slice_equal(codec_bytes(kept), slice_of(expected.bytes, FINGERPRINT_LEN)));
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
	/* Whose it is can be told without opening it. */
	assert_print(raw->contact->phone, FINGERPRINT_PHONE, SLICE("+79161234567"));
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

static void one_mailbox_has_one_print_and_stays_two_addresses(void **state)
{
	struct bench *b = *state;
	struct raw_lead_origin o = origin();
	const Punnet__V1__Fingerprints *f;
	struct slice mailbox, email;

	f = build(b, &o, "{\"vertical\":\"osago\",\"email\":\"An.na@Gmail.com\"}")->fingerprints;
	mailbox = codec_bytes(f->mailbox);
	email = codec_bytes(f->email);
	assert_int_equal(mailbox.len, FINGERPRINT_LEN);
	f = build(b, &o, "{\"vertical\":\"osago\",\"email\":\"anna+x@gmail.com\"}")->fingerprints;
	assert_true(slice_equal(mailbox, codec_bytes(f->mailbox)));
	assert_false(slice_equal(email, codec_bytes(f->email)));
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

/* --- every field of the record --- */

#define CONSENT_HASH "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define FULL                                                                                       \
	"{\"vertical\":\"osago\",\"phone\":\"8 (916) 123 45 67\",\"email\":\"A.B@Example.COM\","   \
	"\"name\":\"nm\",\"first_name\":\"fn\",\"last_name\":\"ln\",\"middle_name\":\"mn\","       \
	"\"country\":\"kz\",\"region\":\"rg\",\"city\":\"ct\",\"postal_code\":\"pc\","             \
	"\"ip\":\"192.0.2.7\",\"user_agent\":\"ua\",\"referrer\":\"rf\",\"landing_url\":\"lu\","   \
	"\"sub1\":\"s1\",\"sub2\":\"s2\",\"sub3\":\"s3\",\"sub4\":\"s4\",\"sub5\":\"s5\","         \
	"\"click_id\":\"ci\",\"clicked_at\":1795341000001,\"form_started_at\":1795341000002,"      \
	"\"filled_ms\":34210,\"honeypot\":\"\",\"pasted_fields\":[\"p1\",\"p2\"],"                 \
	"\"focused_fields\":[\"f1\"],\"device_id\":\"di\",\"language\":\"ru-RU\",\"os\":\"ox\","   \
	"\"consent_text_sha256\":\"" CONSENT_HASH "\",\"consented_at\":1795341000003,"             \
	"\"consent_ip\":\"2001:DB8::2\",\"erid\":\"er\",\"is_test\":true,"                         \
	"\"fields\":{\"n\":-5},\"odd\":\"o\"}"

static void assert_full_lead(const Punnet__V1__Lead *lead)
{
	assert_string_equal(lead->vertical, "osago");
	assert_string_equal(lead->aff_id, "w17");
	assert_string_equal(lead->sub1, "s1");
	assert_string_equal(lead->sub2, "s2");
	assert_string_equal(lead->sub3, "s3");
	assert_string_equal(lead->sub4, "s4");
	assert_string_equal(lead->sub5, "s5");
	assert_string_equal(lead->click_id, "ci");
	assert_string_equal(lead->country, "KZ");
	assert_string_equal(lead->region, "rg");
	assert_string_equal(lead->city, "ct");
	assert_string_equal(lead->postal_code, "pc");
	assert_string_equal(lead->language, "ru-RU");
	assert_string_equal(lead->os, "ox");
	assert_string_equal(lead->erid, "er");
	assert_true(lead->is_test);
	assert_int_equal(lead->received_at_ms, NOW_MS);
	assert_int_equal(lead->n_fields, 2);
	assert_string_equal(lead->fields[0]->name, "n");
	assert_int_equal(lead->fields[0]->integer, -5);
	assert_string_equal(lead->fields[1]->name, "odd");
	assert_string_equal(lead->fields[1]->text, "o");
}

static void assert_full_submission(const Punnet__V1__Submission *s)
{
	assert_string_equal(s->user_agent, "ua");
	assert_string_equal(s->referrer, "rf");
	assert_string_equal(s->landing_url, "lu");
	assert_int_equal(s->clicked_at_ms, 1795341000001LL);
	assert_int_equal(s->form_started_at_ms, 1795341000002LL);
	assert_int_equal(s->filled_ms, 34210);
	assert_int_equal(s->honeypot_case, PUNNET__V1__SUBMISSION__HONEYPOT_HONEYPOT_FILLED);
	assert_false(s->honeypot_filled);
	assert_int_equal(s->n_pasted_fields, 2);
	assert_string_equal(s->pasted_fields[0], "p1");
	assert_string_equal(s->pasted_fields[1], "p2");
	assert_int_equal(s->n_focused_fields, 1);
	assert_string_equal(s->focused_fields[0], "f1");
	assert_string_equal(s->device_id, "di");
	assert_int_equal(s->consent_text_sha256.len, 32);
	for (uint8_t i = 0; i < 32; i++)
		assert_int_equal(s->consent_text_sha256.data[i], i);
	assert_int_equal(s->consented_at_ms, 1795341000003LL);
}

static void assert_full_contact(const Punnet__V1__Contact *c)
{
	assert_string_equal(c->phone, "+79161234567");
	assert_string_equal(c->email, "a.b@example.com");
	assert_string_equal(c->name, "nm");
	assert_string_equal(c->first_name, "fn");
	assert_string_equal(c->last_name, "ln");
	assert_string_equal(c->middle_name, "mn");
	assert_string_equal(c->ip, "192.0.2.7");
	assert_string_equal(c->consent_ip, "2001:db8::2");
	assert_string_equal(c->phone_typed, "8 (916) 123 45 67");
}

static void assert_full_prints(const Punnet__V1__Fingerprints *f)
{
	assert_print(f->person, FINGERPRINT_PHONE, SLICE("+79161234567"));
	assert_print(f->phone, FINGERPRINT_PHONE, SLICE("+79161234567"));
	assert_print(f->email, FINGERPRINT_EMAIL, SLICE("a.b@example.com"));
	assert_int_equal(f->mailbox.len, 0);
	assert_print(f->device, FINGERPRINT_DEVICE, SLICE("di"));
	assert_print(f->ip, FINGERPRINT_IP, SLICE("192.0.2.7"));
	assert_int_equal(f->payload.len, FINGERPRINT_LEN);
	assert_int_equal(f->idempotency.len, FINGERPRINT_LEN);
	assert_memory_not_equal(f->payload.data, f->idempotency.data, FINGERPRINT_LEN);
}

static void every_field_stands_under_its_number(void **state)
{
	struct bench *b = *state;
	struct raw_lead_origin o = origin();
	const Punnet__V1__RawLead *raw;

	o.idempotency_key = SLICE("k");
	o.nonce[5] = 9;
	raw = build(b, &o, FULL);
	assert_memory_equal(raw->lead_id.data, o.id.bytes, 16);
	assert_string_equal(raw->source->topic, "http");
	assert_full_lead(raw->lead);
	assert_full_submission(raw->submission);
	assert_int_equal(raw->contact->key_day, 20779);
	assert_int_equal(raw->contact->nonce.len, SEAL_NONCE_LEN);
	assert_memory_equal(raw->contact->nonce.data, o.nonce, SEAL_NONCE_LEN);
	assert_full_prints(raw->fingerprints);
	assert_int_equal(raw->n_ignored_fields, 1);
	assert_string_equal(raw->ignored_fields[0], "odd");
	buf_reset(&b->plain);
	assert_true(seal_open(day_key, raw->contact->nonce.data, &o.id,
			      codec_bytes(raw->contact->box), &b->plain));
	assert_full_contact(
	    codec_unpack(&b->read, &punnet__v1__contact__descriptor, buf_slice(&b->plain)));
}

static void a_subkey_changes_nothing_of_the_record(void **state)
{
	static const uint8_t prefix[SEAL_PREFIX_LEN] = {3};
	struct bench *b = *state;
	struct raw_lead_origin o = origin();
	struct sealer sealer = {0};

	sealer_start(&sealer, day_key, prefix);
	sealer_next(&sealer, o.nonce);
	(void)build(b, &o, FULL);
	buf_reset(&b->plain);
	buf_append_slice(&b->plain, buf_slice(&b->record));
	o.subkey = sealer.subkey;
	(void)build(b, &o, FULL);
	assert_int_equal(b->record.len, b->plain.len);
	assert_memory_equal(b->record.data, b->plain.data, b->plain.len);
}

static void assert_repacks(struct bench *b, const ProtobufCMessage *message, struct slice written)
{
	struct buf again = {0};

	codec_pack(message, &again);
	assert_true(slice_equal(buf_slice(&again), written));
	buf_free(&again);
	arena_reset(&b->read);
}

static const char *const bodies[] = {
    FULL,
    LEAD "}",
    "{\"vertical\":\"osago\",\"email\":\"not an address\",\"ip\":\"::1\",\"filled_ms\":0}",
    LEAD ",\"fields\":{\"f\":false,\"d\":0.0,\"j\":[],\"n\":0,\"o\":{\"a\":1},\"t\":\"\"},"
	 "\"honeypot\":\"x\"}",
    "{\"vertical\":\"osago\",\"email\":\"an.na+x@gmail.com\",\"is_test\":false}",
};

/* What the record and the contact say, packed by the library: the same bytes, so nothing unknown stands in them. */
static void the_bytes_are_those_that_the_library_packs(void **state)
{
	struct bench *b = *state;
	struct raw_lead_origin o = origin();

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		const Punnet__V1__RawLead *raw = build(b, &o, bodies[i]);

		buf_reset(&b->plain);
		assert_true(seal_open(day_key, raw->contact->nonce.data, &o.id,
				      codec_bytes(raw->contact->box), &b->plain));
		assert_repacks(b, &raw->base, buf_slice(&b->record));
		assert_repacks(
		    b,
		    codec_unpack(&b->read, &punnet__v1__contact__descriptor, buf_slice(&b->plain)),
		    buf_slice(&b->plain));
	}
}

static void the_message_says_what_the_record_says(void **state)
{
	struct bench *b = *state;
	struct raw_lead_origin o = origin();

	o.idempotency_key = SLICE("k");
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		const Punnet__V1__RawLead *raw = build(b, &o, bodies[i]);
		struct raw_lead_message m;

		buf_reset(&b->plain);
		assert_true(seal_open(day_key, raw->contact->nonce.data, &o.id,
				      codec_bytes(raw->contact->box), &b->plain));
		raw_lead_message(&b->draft, &o, &b->scratch, &b->arena, &m);
		assert_null(m.raw.contact);
		m.raw.contact = raw->contact;
		assert_repacks(b, &m.raw.base, buf_slice(&b->record));
		assert_repacks(b, &m.contact.base, buf_slice(&b->plain));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_contact_is_sealed_and_nowhere_in_the_open),
	    cmocka_unit_test(the_record_says_where_it_came_from_and_what_was_sent),
	    cmocka_unit_test(an_absent_honeypot_is_not_an_empty_one),
	    cmocka_unit_test(the_person_is_the_phone_however_it_is_typed_else_the_email),
	    cmocka_unit_test(one_mailbox_has_one_print_and_stays_two_addresses),
	    cmocka_unit_test(the_payload_is_the_same_when_the_same_was_sent),
	    cmocka_unit_test(lines_of_one_keyed_batch_are_not_resubmissions_of_each_other),
	    cmocka_unit_test(a_subkey_changes_nothing_of_the_record),
	    cmocka_unit_test(every_field_stands_under_its_number),
	    cmocka_unit_test(the_bytes_are_those_that_the_library_packs),
	    cmocka_unit_test(the_message_says_what_the_record_says),
	};

	return cmocka_run_group_tests(tests, open_bench, close_bench);
}
