/* What goes out: settings, signature, pseudonym, payload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "delivery/channels/channel.h"
#include "delivery/channels/signature.h"

#define VECTORS "tests/unit/delivery/signature_vectors.txt"

static const struct lead_id lead = {{0x01, 0x92, 0xf0, 0xc1, 0x7a, 0x3b, 0x7c, 0x4d, 0x8e, 0x5f,
				     0x01, 0x23, 0x45, 0x67, 0x89, 0xab}};

/* The next " | " column of a line. */
static struct slice column(char **line)
{
	char *from = *line, *end = strstr(from, " | ");
	size_t len = end ? (size_t)(end - from) : strcspn(from, "\n");

	*line = end ? end + 3 : from + len;
	return slice_of(from, len);
}

static void signatures_are_those_of_another_implementation(_unused_ void **state)
{
	FILE *f = fopen(VECTORS, "re");
	char line[1024], signature[SIGNATURE_TEXT_MAX];
	struct signer signer;
	int rows = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *rest = line;
		struct slice secret, id, timestamp, body;
		int64_t at;

		if (line[0] == '#')
			continue;
		secret = column(&rest);
		id = column(&rest);
		timestamp = column(&rest);
		body = column(&rest);
		assert_true(slice_to_int64(timestamp, &at));
		assert_true(signer_make(secret, &signer));
		webhook_sign(&signer, id, at, body, signature);
		webhook_sign(&signer, id, at, body, signature); /* it stays as it is */
		assert_true(slice_equal(column(&rest), slice_cstr(signature)));
		rows++;
	}
	fclose(f);
	assert_int_equal(rows, 7);
}

static void a_secret_that_is_not_base64_after_its_prefix_signs_nothing(_unused_ void **state)
{
	struct signer signer;

	assert_false(signer_make(SLICE("whsec_!!"), &signer));
	assert_false(signer_make(SLICE("whsec_AAAA=x"), &signer));
	assert_false(signer.signs);
}

static void a_pseudonym_is_stable_and_of_no_use_to_another_advertiser(_unused_ void **state)
{
	uint8_t key[32] = {1}, other_key[32] = {2};
	char a[SOURCE_TEXT_LEN + 1], b[SOURCE_TEXT_LEN + 1];

	source_pseudonym(key, SLICE("w17"), SLICE("bank-a"), a);
	source_pseudonym(key, SLICE("w17"), SLICE("bank-a"), b);
	assert_int_equal(strlen(a), SOURCE_TEXT_LEN);
	assert_string_equal(a, b);
	source_pseudonym(key, SLICE("w17"), SLICE("bank-b"), b);
	assert_string_not_equal(a, b);
	source_pseudonym(key, SLICE("w1"), SLICE("7bank-a"), b);
	assert_string_not_equal(a, b);
	source_pseudonym(other_key, SLICE("w17"), SLICE("bank-a"), b);
	assert_string_not_equal(a, b);
}

/* --- settings --- */

static enum result read_settings(const char *text, struct endpoint *ret, struct error *e)
{
	const struct channel *channel;
	struct arena scratch = {0};
	enum result r = channel_read(slice_cstr(text), 5000, &scratch, &channel, ret, e);

	arena_free(&scratch);
	return r;
}

static void an_orders_settings_are_read_with_their_defaults(_unused_ void **state)
{
	struct endpoint e;
	struct error error = {0};

	assert_int_equal(
	    read_settings(
		"{\"webhook\":{\"url\":\"http://127.0.0.1:7100/bank-a\",\"timeout_ms\":3000},"
		"\"on_unknown\":\"retry_same\"}",
		&e, &error),
	    RESULT_OK);
	assert_string_equal(e.url, "http://127.0.0.1:7100/bank-a");
	assert_int_equal(e.timeout_ms, 3000);
	assert_int_equal(e.rules.ok_status_count, 4);
	assert_int_equal(read_settings("{\"webhook\":{\"url\":\"https://a.example\"}}", &e, &error),
			 RESULT_OK);
	assert_int_equal(e.timeout_ms, 5000);
}

static void an_orders_own_rules_take_the_place_of_the_defaults(_unused_ void **state)
{
	struct endpoint e;
	struct error error = {0};
	struct arena scratch = {0};
	struct transport_answer answer = {.end = TRANSPORT_ANSWERED, .http_status = 200};

	assert_int_equal(
	    read_settings(
		"{\"webhook\":{\"url\":\"https://a.example/\",\"success\":{\"status\":[200],"
		"\"refused_pointer\":\"/data/0/"
		"st~1ate\",\"refused_values\":[\"NO\"],\"reason_pointer\":\"/why\"}}}",
		&e, &error),
	    RESULT_OK);
	answer.text =
	    answer_text_of(SLICE("{\"data\":[{\"st/ate\":\"no\"}],\"why\":\"age\"}"), &scratch);
	assert_int_equal(classify(&e.rules, &answer).result, ATTEMPT_PERMFAIL);
	assert_true(slice_is(answer_words(&e.rules, &answer.text, &scratch), "no: age"));
	answer.text = answer_text_of(SLICE("{\"data\":[],\"outcome\":\"refused\"}"), &scratch);
	assert_int_equal(classify(&e.rules, &answer).result, ATTEMPT_OK);
	answer.http_status = 202;
	assert_true(classify(&e.rules, &answer).unknown);
	arena_free(&scratch);
}

static void settings_that_cannot_be_used_say_why(_unused_ void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
	    {"", "delivery settings"},
	    {"{", "delivery settings"},
	    {"[]", "name no channel"},
	    {"{\"telegraph\":{}}", "name no channel"},
	    {"{\"webhook\":7}", "webhook: expected"},
	    {"{\"webhook\":{}}", "webhook.url"},
	    {"{\"webhook\":{\"url\":\"ftp://a.example/\"}}", "webhook.url"},
	    {"{\"webhook\":{\"url\":\"file:///etc/passwd\"}}", "webhook.url"},
	    {"{\"webhook\":{\"url\":\"http://\"}}", "webhook.url"},
	    {"{\"webhook\":{\"url\":\"http://:80/\"}}", "webhook.url"},
	    {"{\"webhook\":{\"url\":\"http://me:secret@a.example/\"}}", "webhook.url"},
	    {"{\"webhook\":{\"url\":\"http://a.example/ x\"}}", "webhook.url"},
	    {"{\"webhook\":{\"url\":\"http://a.example/\\r\\nX: y\"}}", "webhook.url"},
	    {"{\"webhook\":{\"url\":\"https://a.example\",\"timeout_ms\":31000}}", "timeout_ms"},
	    {"{\"webhook\":{\"url\":\"https://a.example\",\"timeout_ms\":\"5s\"}}", "timeout_ms"},
	    {"{\"webhook\":{\"url\":\"https://a.example\",\"success\":[]}}", "success"},
	    {"{\"webhook\":{\"url\":\"https://a.example\",\"success\":{\"status\":[302]}}}",
	     "status"},
	    {"{\"webhook\":{\"url\":\"https://"
	     "a.example\",\"success\":{\"refused_pointer\":\"x\"}}}",
	     "JSON pointer"},
	    {"{\"webhook\":{\"url\":\"https://a.example\"},\"on_unknown\":\"sell_again\"}",
	     "on_unknown"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct endpoint e;
		struct error error = {0};

		assert_int_equal(read_settings(rows[i].text, &e, &error), RESULT_BAD);
		if (!strstr(error.text, rows[i].says))
			fail_msg("row %zu: %s", i, error.text);
	}
}

/* --- the payload --- */

static Punnet__V1__Field *field(Punnet__V1__Field *f, const char *name,
				Punnet__V1__Field__ValueCase value_case)
{
	punnet__v1__field__init(f);
	f->name = (char *)name;
	f->value_case = value_case;
	return f;
}

static void the_payload_is_this_document_and_it_is_signed(_unused_ void **state)
{
	Punnet__V1__RoutedLead routed = PUNNET__V1__ROUTED_LEAD__INIT;
	Punnet__V1__Assignment a = PUNNET__V1__ASSIGNMENT__INIT;
	Punnet__V1__Lead l = PUNNET__V1__LEAD__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT;
	Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;
	Punnet__V1__Field rooms[5], *fields[5];
	struct handover h = {
	    .lead_id = lead, .routed = &routed, .contact = &contact, .source = "0a1b2c3d4e5f"};
	struct signer signer;
	struct endpoint e = {0};
	struct message m = {0};
	char signature[SIGNATURE_TEXT_MAX];

	price.amount_minor = 45000;
	price.currency = (char *)"RUB";
	a.round = 2;
	a.order_id = (char *)"bank-a-cards";
	a.vertical = (char *)"credit_card";
	a.price = &price;
	a.is_test = true;
	l.country = (char *)"RU";
	l.city = (char *)"Тверь";
	l.received_at_ms = 1767225600123;
	fields[0] = field(&rooms[0], "age", PUNNET__V1__FIELD__VALUE_INTEGER);
	rooms[0].integer = 33;
	fields[1] = field(&rooms[1], "note", PUNNET__V1__FIELD__VALUE_TEXT);
	rooms[1].text = (char *)"a \"b\"";
	fields[2] = field(&rooms[2], "car", PUNNET__V1__FIELD__VALUE_FLAG);
	fields[3] = field(&rooms[3], "rate", PUNNET__V1__FIELD__VALUE_DECIMAL);
	rooms[3].decimal = (char *)"1.50";
	fields[4] = field(&rooms[4], "list", PUNNET__V1__FIELD__VALUE_JSON);
	rooms[4].json = (char *)"[1,{\"x\":null}]";
	l.fields = fields;
	l.n_fields = 5;
	contact.phone = (char *)"+79161234567";
	contact.first_name = (char *)"Иван";
	routed.assignment = &a;
	routed.lead = &l;
	assert_true(signer_make(SLICE("plain-secret-of-the-network"), &signer));
	h.signer = &signer;
	h.now_ms = 1767225600999;

	assert_int_equal(channel_webhook.compose(&h, &e, &m), COMPOSE_DONE);
	assert_string_equal(
	    buf_cstr(&m.body),
	    "{\"lead_id\":\"0192f0c1-7a3b-7c4d-8e5f-0123456789ab\",\"order_id\":\"bank-a-cards\","
	    "\"round\":2,"
	    "\"vertical\":\"credit_card\",\"price\":{\"amount_minor\":45000,\"currency\":\"RUB\"},"
	    "\"contact\":{\"phone\":\"+79161234567\",\"first_name\":\"Иван\"},\"country\":\"RU\","
	    "\"city\":\"Тверь\","
	    "\"fields\":{\"age\":33,\"note\":\"a "
	    "\\\"b\\\"\",\"car\":false,\"rate\":1.50,\"list\":[1,{\"x\":null}]},"
	    "\"received_at\":\"2026-01-01T00:00:00.123Z\",\"source\":\"0a1b2c3d4e5f\",\"is_test\":"
	    "true}");
	assert_string_equal(message_header_text(&m, 1),
			    "Idempotency-Key: 0192f0c1-7a3b-7c4d-8e5f-0123456789ab.2");
	assert_string_equal(message_header_text(&m, 2),
			    "webhook-id: 0192f0c1-7a3b-7c4d-8e5f-0123456789ab.2");
	assert_string_equal(message_header_text(&m, 3), "webhook-timestamp: 1767225600");
	webhook_sign(h.signer, SLICE("0192f0c1-7a3b-7c4d-8e5f-0123456789ab.2"), 1767225600,
		     buf_slice(&m.body), signature);
	assert_string_equal(message_header_text(&m, 4) + strlen("webhook-signature: "), signature);
	message_wipe(&m);
	assert_null(m.body.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(signatures_are_those_of_another_implementation),
	    cmocka_unit_test(a_secret_that_is_not_base64_after_its_prefix_signs_nothing),
	    cmocka_unit_test(a_pseudonym_is_stable_and_of_no_use_to_another_advertiser),
	    cmocka_unit_test(an_orders_settings_are_read_with_their_defaults),
	    cmocka_unit_test(an_orders_own_rules_take_the_place_of_the_defaults),
	    cmocka_unit_test(settings_that_cannot_be_used_say_why),
	    cmocka_unit_test(the_payload_is_this_document_and_it_is_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
