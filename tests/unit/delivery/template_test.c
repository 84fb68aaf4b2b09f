/* An advertiser's own document: what its template makes of a lead, and what can't be smuggled through it. Each row is a
 * webhook's settings and the body that goes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/rng.h"
#include "delivery/channels/channel.h"
#include "delivery/channels/signature.h"

/* A lead that tries to get out of whatever it is written into. */
#define EVIL_NAME "\"}, {phone} & x=1 \r\nBcc: a@b <b>\\"

struct scene {
	Punnet__V1__RoutedLead routed;
	Punnet__V1__Assignment assignment;
	Punnet__V1__Lead lead;
	Punnet__V1__Money price;
	Punnet__V1__Contact contact;
	Punnet__V1__Field rooms[4], *fields[4];
	struct signer signer;
	struct handover h;
};

static struct slice secret_of(_unused_ void *ctx, struct slice name)
{
	if (slice_is(name, "crm"))
		return SLICE("open sesame");
	if (slice_is(name, "login"))
		return SLICE("punnet:open sesame");
	return slice_is(name, "torn") ? SLICE("a\nX-Evil: 1") : slice_of(NULL, 0);
}

static void scene_fields(struct scene *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->rooms); i++) {
		punnet__v1__field__init(&s->rooms[i]);
		s->fields[i] = &s->rooms[i];
	}
	s->rooms[0].name = (char *)"age";
	s->rooms[0].value_case = PUNNET__V1__FIELD__VALUE_INTEGER;
	s->rooms[0].integer = 33;
	s->rooms[1].name = (char *)"car";
	s->rooms[1].value_case = PUNNET__V1__FIELD__VALUE_FLAG;
	s->rooms[1].flag = true;
	s->rooms[2].name = (char *)"rate";
	s->rooms[2].value_case = PUNNET__V1__FIELD__VALUE_DECIMAL;
	s->rooms[2].decimal = (char *)"1.50";
	s->rooms[3].name = (char *)"list";
	s->rooms[3].value_case = PUNNET__V1__FIELD__VALUE_JSON;
	s->rooms[3].json = (char *)"[1,{\"x\":null}]";
	s->lead.fields = s->fields;
	s->lead.n_fields = ARRAY_LEN(s->fields);
}

static void scene_set(struct scene *s)
{
	punnet__v1__routed_lead__init(&s->routed);
	punnet__v1__assignment__init(&s->assignment);
	punnet__v1__lead__init(&s->lead);
	punnet__v1__money__init(&s->price);
	punnet__v1__contact__init(&s->contact);
	scene_fields(s);
	s->price.amount_minor = 45050;
	s->price.currency = (char *)"RUB";
	s->assignment.order_id = (char *)"bank-a-cards";
	s->assignment.vertical = (char *)"credit_card";
	s->assignment.price = &s->price;
	s->assignment.is_test = true;
	s->lead.country = (char *)"RU";
	s->lead.received_at_ms = 1767225600123;
	s->contact.phone = (char *)"+79161234567";
	s->contact.email = (char *)"Ivan@Mail.Example";
	s->contact.name = (char *)EVIL_NAME;
	s->contact.first_name = (char *)"Иван";
	s->routed.assignment = &s->assignment;
	s->routed.lead = &s->lead;
	s->signer = (struct signer){0};
	s->h = (struct handover){.lead_id = {{1, 2, 3, 4, 5, 6, 0x70, 8, 0x90, 10}},
				 .routed = &s->routed,
				 .contact = &s->contact,
				 .source = "0a1b2c3d4e5f",
				 .signer = &s->signer,
				 .now_ms = 1767225600999,
				 .secret = secret_of};
}

static enum result read_webhook(const char *settings, struct arena *scratch, struct endpoint *e,
				struct error *error)
{
	const struct channel *channel;
	/* what is read points into its text */
	char *text =
	    arena_printf(scratch, "{\"webhook\":{\"url\":\"https://a.example/\",%s}}", settings);

	return channel_read(slice_cstr(text), 5000, scratch, &channel, e, error);
}

static enum compose compose(const char *settings, struct message *m)
{
	struct scene s;
	struct arena scratch = {0};
	struct endpoint e;
	struct error error = {0};
	enum compose c;

	scene_set(&s);
	if (read_webhook(settings, &scratch, &e, &error) != RESULT_OK)
		fail_msg("%s: %s", settings, error.text);
	c = channel_webhook.compose(&s.h, &e, m);
	arena_free(&scratch);
	return c;
}

static const struct {
	const char *settings, *body;
} bodies[] = {
    {"\"template\":{\"Phone\":\"{phone}\",\"Product\":\"card\",\"n\":7,\"yes\":true,\"no\":null}",
     "{\"Phone\":\"+79161234567\",\"Product\":\"card\",\"n\":7,\"yes\":true,\"no\":null}"},
    {"\"template\":{\"a\":{\"b\":[\"{first_name}\",\"{city}\",{\"c\":\"{vertical}\"}]}}",
     "{\"a\":{\"b\":[\"Иван\",{\"c\":\"credit_card\"}]}}"},
    /* what has no value does not appear; a text around it stays */
    {"\"template\":{\"city\":\"{city}\",\"at\":\"in {city}\",\"or\":\"{city|or:nowhere}\"}",
     "{\"at\":\"in \",\"or\":\"nowhere\"}"},
    {"\"template\":{\"brace\":\"{{{country}}}\"}", "{\"brace\":\"{RU}\"}"},
    /* kinds */
    {"\"template\":{\"a\":\"{fields.age}\",\"b\":\"{fields.car}\",\"c\":\"{fields.rate}\",\"d\":\"{"
     "fields.list}\",\"e\":\"{fields.none}\",\"f\":\"{is_test}\"}",
     "{\"a\":33,\"b\":true,\"c\":1.50,\"d\":[1,{\"x\":null}],\"f\":true}"},
    {"\"template\":{\"a\":\"{fields.age|text}\",\"b\":\"{fields.car|bit}\",\"c\":\"{price}\",\"d\":"
     "\"{"
     "price|major}\",\"e\":\"{price|major|text}\",\"f\":\"{phone|digits|number}\",\"g\":\"{country|"
     "number}\"}",
     "{\"a\":\"33\",\"b\":1,\"c\":45050,\"d\":450.50,\"e\":\"450.50\",\"f\":79161234567,\"g\":"
     "\"RU\"}"},
    {"\"template\":{\"a\":\"{received_at}\",\"b\":\"{received_at|date}\",\"c\":\"{received_at|dmy}"
     "\",\"d\":"
     "\"{received_at|unix}\",\"e\":\"{sent_at|unix_ms}\"}",
     "{\"a\":\"2026-01-01T00:00:00.123Z\",\"b\":\"2026-01-01\",\"c\":\"01.01.2026\",\"d\":"
     "1767225600,"
     "\"e\":1767225600999}"},
    {"\"template\":{\"a\":\"{phone|digits|max:4}\",\"b\":\"{first_name|max:2}\",\"c\":\"{email|"
     "lower}\",\"d\":"
     "\"{country|lower|upper}\"}",
     "{\"a\":\"7916\",\"b\":\"Ив\",\"c\":\"ivan@mail.example\",\"d\":\"RU\"}"},
    {"\"template\":{\"h\":\"{email|lower|sha256}\"}",
     "{\"h\":\"a2f04ed1eda9932c4a5bd1482d121941327c2922cb3bbab8f6137c7fae2c8c91\"}"},
    {"\"template\":{\"key\":\"{secret.crm}\",\"t\":\"{source}/{round}\"}",
     "{\"key\":\"open sesame\",\"t\":\"0a1b2c3d4e5f/0\"}"},
    /* nothing of a lead is a template, JSON or a form */
    {"\"template\":{\"n\":\"{name}\"}", "{\"n\":\"\\\"}, {phone} & x=1 \\r\\nBcc: a@b <b>\\\\\"}"},
    {"\"template\":{\"n\":\"{name}\",\"p\":\"+{phone|digits}\",\"k\":3},\"body\":\"form\"",
     "n=%22%7D%2C%20%7Bphone%7D%20%26%20x%3D1%20%0D%0ABcc%3A%20a%40b%20%3Cb%3E%5C&p=%2B79161234567&"
     "k=3"},
    {"\"body\":\"form\"",
     "lead_id=01020304-0506-7008-900a-000000000000&order_id=bank-a-cards&round=0&vertical=credit_"
     "card&"
     "price_minor=45050&currency=RUB&phone=%2B79161234567&email=Ivan%40Mail.Example&name=%22%7D%2C%"
     "20%"
     "7Bphone%7D%20%26%20x%3D1%20%0D%0ABcc%3A%20a%40b%20%3Cb%3E%5C&first_name=%D0%98%D0%B2%D0%B0%"
     "D0%BD&"
     "country=RU&source=0a1b2c3d4e5f&received_at=2026-01-01T00%3A00%3A00.123Z&is_test=true&fields."
     "age=33&"
     "fields.car=true&fields.rate=1.50&fields.list=%5B1%2C%7B%22x%22%3Anull%7D%5D"},
};

static void each_template_makes_its_body(_unused_ void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct message m = {0};

		assert_int_equal(compose(bodies[i].settings, &m), COMPOSE_DONE);
		if (strcmp(buf_cstr(&m.body), bodies[i].body) != 0)
			fail_msg("row %zu: %s", i, buf_cstr(&m.body));
		message_wipe(&m);
	}
}

static void a_template_that_cannot_be_filled_is_refused_and_says_where(_unused_ void **state)
{
	static const struct {
		const char *settings, *says;
	} rows[] = {
	    {"\"template\":[]", "webhook.template: expected"},
	    {"\"template\":{\"a\":\"{phon}\"}", "no such value"},
	    {"\"template\":{\"a\":\"{phone\"}", "without its other one"},
	    {"\"template\":{\"a\":\"phone}\"}", "without its other one"},
	    {"\"template\":{\"a\":\"{}\"}", "no such value"},
	    {"\"template\":{\"a\":\"{fields.}\"}", "no such value"},
	    {"\"template\":{\"a\":\"{secret.../master}\"}", "no such value"},
	    {"\"template\":{\"a\":\"{phone|shout}\"}", "an unknown format"},
	    {"\"template\":{\"a\":\"{phone|max:0}\"}", "max:"},
	    {"\"template\":{\"a\":\"{phone|dmy}\"}", "this value can't have"},
	    {"\"template\":{\"a\":\"{price|text|major}\"}", "must stand first"},
	    {"\"template\":{\"a\":{\"b\":1}},\"body\":\"form\"", "a form has no lists"},
	    {"\"template\":{\"a\":[[[[[[[[[1]]]]]]]]]}", "deeper"},
	    {"\"body\":\"xml\"", "webhook.body: expected"},
	    {"\"bodi\":\"json\"", "unknown \"bodi\""},
	    {"\"headers\":{\"Host\":\"b.example\"}", "Host"},
	    {"\"headers\":{\"Authorization\":\"Basic eA==\"}", "Authorization"},
	    {"\"headers\":{\"webhook-signature\":\"v1,x\"}", "webhook-signature"},
	    {"\"headers\":{\"X-A\":\"a\\r\\nHost: b\"}", "printable"},
	    {"\"headers\":{\"X A\":\"a\"}", "X A"},
	    {"\"auth\":{\"basic\":\"a\",\"bearer\":\"b\"}", "webhook.auth: expected one"},
	    {"\"auth\":{\"bearer\":\"../x\"}", "webhook.auth.bearer"},
	    {"\"auth\":{\"header\":{\"name\":\"Host\",\"secret\":\"crm\"}}",
	     "webhook.auth.header.name"},
	    {"\"client_certificate\":\"a/b\"", "webhook.client_certificate"},
	    {"\"success\":{\"refused\":{\"pointer\":\"/a\"}}", "webhook.success.refused"},
	    {"\"success\":{\"refused\":{\"pattern\":\"a\",\"pointer\":\"/a\",\"values\":[1]}}",
	     "webhook.success.refused"},
	    {"\"success\":{\"price\":{\"pointer\":\"/a\",\"unit\":\"euro\"}}",
	     "success.price.unit"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena scratch = {0};
		struct error error = {0};
		struct endpoint e;

		if (read_webhook(rows[i].settings, &scratch, &e, &error) != RESULT_BAD ||
		    !strstr(error.text, rows[i].says))
			fail_msg("row %zu: %s", i, error.text);
		arena_free(&scratch);
	}
}

static bool has_header(const struct message *m, const char *text)
{
	for (size_t i = 0; i < m->header_count; i++)
		if (strcmp(message_header_text(m, i), text) == 0)
			return true;
	return false;
}

static void headers_and_secrets_go_out_as_the_order_says(_unused_ void **state)
{
	static const struct {
		const char *settings, *header;
		enum compose composed;
	} rows[] = {
	    {"\"headers\":{\"X-Partner\":\"77 a\"}", "X-Partner: 77 a", COMPOSE_DONE},
	    {"\"auth\":{\"bearer\":\"crm\"}", "Authorization: Bearer open sesame", COMPOSE_DONE},
	    {"\"auth\":{\"basic\":\"login\"}", "Authorization: Basic cHVubmV0Om9wZW4gc2VzYW1l",
	     COMPOSE_DONE},
	    {"\"auth\":{\"header\":{\"name\":\"X-Api-Key\",\"secret\":\"crm\"}}",
	     "X-Api-Key: open sesame", COMPOSE_DONE},
	    {"\"body\":\"form\"", "Content-Type: application/x-www-form-urlencoded", COMPOSE_DONE},
	    {"\"auth\":{\"bearer\":\"nobody\"}", NULL, COMPOSE_NO_SECRET},
	    {"\"auth\":{\"bearer\":\"torn\"}", NULL, COMPOSE_NO_SECRET},
	    {"\"auth\":{\"basic\":\"crm\"}", NULL, COMPOSE_NO_SECRET},
	    {"\"template\":{\"k\":\"{secret.nobody}\"}", NULL, COMPOSE_NO_SECRET},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct message m = {0};

		assert_int_equal(compose(rows[i].settings, &m), rows[i].composed);
		if (rows[i].header && !has_header(&m, rows[i].header))
			fail_msg("row %zu: no %s", i, rows[i].header);
		message_wipe(&m);
	}
}

static void a_secret_never_goes_over_plain_http(_unused_ void **state)
{
	struct arena scratch = {0};
	struct error error = {0};
	const struct channel *channel;
	struct endpoint e;

	assert_int_equal(channel_read(SLICE("{\"webhook\":{\"url\":\"http://a.example/\",\"auth\":{"
					    "\"bearer\":\"crm\"}}}"),
				      5000, &scratch, &channel, &e, &error),
			 RESULT_BAD);
	assert_non_null(strstr(error.text, "webhook.url: expected https"));
	arena_free(&scratch);
}

/* Whatever bytes a lead holds: the body is one JSON object with the two members of the template, and the value comes back. */
static void no_value_gets_out_of_its_place(_unused_ void **state)
{
	static const char alphabet[] = "\"\\{}[],:&=%+<>\r\n\t |a1\xd0\x98";
	struct rng rng = rng_seed(6);

	for (int n = 0; n < 5000; n++) {
		struct scene s;
		struct arena scratch = {0};
		struct endpoint e;
		struct error error;
		struct message m = {0};
		struct json_fault fault;
		const struct json *root;
		char name[24];
		size_t len = rng_below(&rng, sizeof(name) - 2) + 1;

		for (size_t i = 0; i < len; i++)
			name[i] = alphabet[rng_below(&rng, sizeof(alphabet) - 3)];
		name[len] = 0;
		scene_set(&s);
		s.contact.name = name;
		assert_int_equal(read_webhook("\"template\":{\"a\":\"<{name}>\",\"b\":\"{name}\"}",
					      &scratch, &e, &error),
				 RESULT_OK);
		assert_int_equal(channel_webhook.compose(&s.h, &e, &m), COMPOSE_DONE);
		root = json_parse(&scratch, buf_slice(&m.body), JSON_LIMITS_DEFAULT, &fault);
		if (!root || root->count != 2 || !slice_is(json_member(root, "b")->text, name) ||
		    json_member(root, "a")->text.len != len + 2)
			fail_msg("%s: %s", name, buf_cstr(&m.body));
		message_wipe(&m);
		arena_free(&scratch);
	}
}

static void no_value_gets_out_of_its_line_of_a_mail(_unused_ void **state)
{
	static const char settings[] = "{\"email\":{\"to\":[\"leads@bank.example\"],\"format\":"
				       "\"text\",\"subject\":\"{name}\","
				       "\"fields\":{\"N\":\"{name}\"}}}";
	static const char line[] = "N: \"}, {phone} & x=1   Bcc: a@b <b>\\\r\n\r\n";
	struct scene s;
	struct arena scratch = {0};
	const struct channel *channel;
	struct endpoint e;
	struct error error = {0};
	struct message m = {0};
	uint8_t text[512];
	const char *part;
	size_t len = 0;

	scene_set(&s);
	s.h.mail_from = "leads@network.example";
	assert_int_equal(channel_read(slice_cstr(settings), 5000, &scratch, &channel, &e, &error),
			 RESULT_OK);
	assert_int_equal(channel->compose(&s.h, &e, &m), COMPOSE_DONE);
	assert_null(strstr(buf_cstr(&m.body), "\nBcc"));
	part = strstr(buf_cstr(&m.body), "\r\n\r\n") + 4;
	assert_int_equal(sodium_base642bin(text, sizeof(text), part, strlen(part), "\r\n", &len,
					   NULL, sodium_base64_VARIANT_ORIGINAL),
			 0);
	assert_true(slice_equal(slice_of(text, len), slice_of(line, sizeof(line) - 1)));
	message_wipe(&m);
	arena_free(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_template_makes_its_body),
	    cmocka_unit_test(a_template_that_cannot_be_filled_is_refused_and_says_where),
	    cmocka_unit_test(headers_and_secrets_go_out_as_the_order_says),
	    cmocka_unit_test(a_secret_never_goes_over_plain_http),
	    cmocka_unit_test(no_value_gets_out_of_its_place),
	    cmocka_unit_test(no_value_gets_out_of_its_line_of_a_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
