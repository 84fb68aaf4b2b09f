/* Whether mail domains take mail: what the DNS's answers mean, what is remembered, and what workers tell each other. A real
 * server answers, see dns_server.h. */
#include "filter-worker/shell/mx_notes.h"
#include "mx_bench.h"
#include "runtime/metrics.h"
#include "tests/unit/kv/redis_server.h"

/* --- what answers mean --- */

static void every_answer_has_its_meaning(void **state)
{
	static const struct {
		const char *domain;
		enum mx_mail mail;
	} rows[] = {
	    {"mx.example", MX_SERVERS},
	    {"big.example", MX_SERVERS}, /* cut off, and asked for again over TCP */
	    {"null.example", MX_NULL},
	    {"address.example", MX_ADDRESS_ONLY},
	    {"address6.example", MX_ADDRESS_ONLY},
	    {"alias.example", MX_ADDRESS_ONLY},
	    {"aliasmx.example", MX_SERVERS},
	    {"nothing.example", MX_NONE},
	    {"missing.example", MX_NONE},
	    {"servfail.example", MX_UNKNOWN},
	    {"refused.example", MX_UNKNOWN},
	    {"doubtful.example", MX_UNKNOWN}, /* there may be an AAAA */
	    {"garbage.example", MX_UNKNOWN},
	    {"noise.example", MX_UNKNOWN},
	    {"other.example", MX_UNKNOWN},
	    {"silent.example", MX_UNKNOWN},
	};
	struct slice domains[ARRAY_LEN(rows)];
	struct bench b = bench_open(LONG_MS);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		domains[i] = slice_cstr(rows[i].domain);
	mx_learn(b.mx, domains, ARRAY_LEN(rows)); /* all at once: until the last has timed out */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (mx_answer(b.mx, domains[i]) != rows[i].mail)
			fail_msg("%s: %d, expected %d", rows[i].domain, mx_answer(b.mx, domains[i]),
				 rows[i].mail);
	}
	bench_close(&b);
}

static void texts_and_values_match(void **state)
{
	enum mx_mail mail;

	(void)state;
	for (int i = MX_SERVERS; i <= MX_NULL; i++) {
		assert_true(mx_mail_from_text(slice_cstr(mx_mail_text((enum mx_mail)i)), &mail));
		assert_int_equal(mail, i);
	}
	assert_null(mx_mail_text(MX_UNKNOWN));
	assert_false(mx_mail_from_text(SLICE("mxx"), &mail));
}

static void big_providers_need_no_question(void **state)
{
	struct bench b = bench_open(LONG_MS);

	(void)state;
	assert_int_equal(learn(b.mx, "gmail.com"), MX_SERVERS);
	assert_int_equal(learn(b.mx, "mail.ru"), MX_SERVERS);
	assert_int_equal(asked(&b, NULL), 0);
	bench_close(&b);
}

static void a_domain_is_taken_from_the_address_as_the_dns_spells_it(void **state)
{
	char text[EMAIL_TEXT_MAX + 1];

	(void)state;
	assert_true(slice_is(mx_domain(" Ann@Example.COM ", text), "example.com"));
	assert_true(slice_is(
	    mx_domain("info@\xD0\xBF\xD0\xBE\xD1\x87\xD1\x82\xD0\xB0.\xD1\x80\xD1\x84", text),
	    "xn--80a1acny.xn--p1ai"));
	assert_int_equal(mx_domain("", text).len, 0);
	assert_int_equal(mx_domain(NULL, text).len, 0);
	assert_int_equal(mx_domain("example.com", text).len, 0);
	assert_int_equal(mx_domain("a@exam ple.com", text).len, 0);
}

static void a_wrong_list_of_servers_is_said(void **state)
{
	struct error error = {0};

	(void)state;
	assert_null(mx_open(&(struct mx_options){.servers = "dns.example:port"}, &error));
	assert_non_null(strstr(error.text, "dns.example:port"));
}

/* --- memory --- */

static void answers_are_asked_again_when_their_time_is_over(void **state)
{
	static const struct {
		const char *domain;
		int64_t lifetime_ms;
	} rows[] = {
	    {"mx.example", MX_GOOD_MS},
	    {"address.example", MX_GOOD_MS},
	    {"missing.example", MX_BAD_MS},
	    {"null.example", MX_BAD_MS},
	};
	struct bench b = bench_open(LONG_MS);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum mx_mail mail = learn(b.mx, rows[i].domain);

		assert_int_not_equal(mail, MX_UNKNOWN);
		test_now_ms += rows[i].lifetime_ms - 1;
		assert_int_equal(learn(b.mx, rows[i].domain), mail);
		assert_int_equal(asked(&b, rows[i].domain), 1);
		test_now_ms += 1;
		assert_int_equal(mx_answer(b.mx, slice_cstr(rows[i].domain)), MX_UNKNOWN);
		assert_int_equal(learn(b.mx, rows[i].domain), mail);
		assert_int_equal(asked(&b, rows[i].domain), 2);
	}
	bench_close(&b);
}

static void a_failure_is_remembered_for_a_minute(void **state)
{
	struct bench b = bench_open(LONG_MS);
	unsigned questions;

	(void)state;
	assert_int_equal(learn(b.mx, "servfail.example"), MX_UNKNOWN);
	questions = asked(&b, "servfail.example"); /* the library tries more than once */
	assert_int_not_equal(questions, 0);
	test_now_ms += MX_FAILED_MS - 1;
	assert_int_equal(learn(b.mx, "servfail.example"), MX_UNKNOWN);
	assert_int_equal(asked(&b, "servfail.example"), questions);
	test_now_ms += 1;
	assert_int_equal(learn(b.mx, "servfail.example"), MX_UNKNOWN);
	assert_int_equal(asked(&b, "servfail.example"), 2 * questions);
	bench_close(&b);
}

static void a_batch_asks_once_for_a_domain(void **state)
{
	struct bench b = bench_open(LONG_MS);
	struct slice domains[] = {SLICE("mx.example"), SLICE("mx.example"), SLICE("mx1.example"),
				  SLICE("mx.example")};

	(void)state;
	mx_learn(b.mx, domains, ARRAY_LEN(domains));
	assert_int_equal(mx_answer(b.mx, domains[0]), MX_SERVERS);
	assert_int_equal(asked(&b, "mx.example"), 1);
	assert_int_equal(asked(&b, NULL), 2);
	bench_close(&b);
}

static void open_questions_are_bounded(void **state)
{
	enum { TOO_MANY = 2 * MX_IN_FLIGHT_MAX };
	static char texts[TOO_MANY][32];
	struct slice domains[TOO_MANY];
	struct bench b = bench_open(1);
	int64_t unasked = metric_value(METRIC_FILTER_MX_UNASKED);

	(void)state;
	dns_server_deafen(b.server, true);
	for (size_t i = 0; i < TOO_MANY; i++) {
		snprintf(texts[i], sizeof(texts[i]), "mx%zu.example", i);
		domains[i] = slice_cstr(texts[i]);
	}
	mx_learn(b.mx, domains, TOO_MANY);
	assert_int_equal(metric_value(METRIC_FILTER_MX_UNASKED) - unasked,
			 TOO_MANY - MX_IN_FLIGHT_MAX);
	assert_in_range(asked(&b, NULL), 1, MX_IN_FLIGHT_MAX);
	bench_close(&b); /* with all of them open */
}

/* --- what workers tell each other --- */

#define STORE_MAX 64
struct store {
	struct mx_note notes[STORE_MAX];
	size_t count, gets, puts;
	bool away;
};

static void store_get(void *ctx, struct mx_note *notes, size_t count)
{
	struct store *s = ctx;

	s->gets++;
	for (size_t i = 0; i < count && !s->away; i++) {
		for (size_t k = 0; k < s->count; k++) {
			if (memcmp(s->notes[k].key, notes[i].key, FINGERPRINT_LEN) == 0)
				notes[i].mail = s->notes[k].mail;
		}
	}
}

static void store_put(void *ctx, const struct mx_note *notes, size_t count)
{
	struct store *s = ctx;

	s->puts++;
	assert_true(s->count + count <= STORE_MAX);
	if (s->away)
		return;
	memcpy(s->notes + s->count, notes, count * sizeof(*notes));
	s->count += count;
}

static void what_one_worker_learned_another_need_not_ask(void **state)
{
	struct bench b = bench_open(LONG_MS);
	struct store store = {0};
	struct mx_notes notes = {.get = store_get, .put = store_put, .ctx = &store};
	struct mx *one = open_at(dns_server_text(b.server), LONG_MS, &notes);
	struct mx *two = open_at(dns_server_text(b.server), LONG_MS, &notes);
	struct slice domains[] = {SLICE("mx.example"), SLICE("missing.example"),
				  SLICE("servfail.example")};
	unsigned questions;

	(void)state;
	mx_learn(one, domains, ARRAY_LEN(domains));
	assert_int_equal(store.puts, 1);
	assert_int_equal(store.count, 2); /* a failure is nobody else's business */
	assert_int_equal(store.notes[0].ttl_ms + store.notes[1].ttl_ms, MX_GOOD_MS + MX_BAD_MS);
	questions = asked(&b, NULL);

	mx_learn(two, domains, 2);
	assert_int_equal(store.gets, 2);
	assert_int_equal(mx_answer(two, domains[0]), MX_SERVERS);
	assert_int_equal(mx_answer(two, domains[1]), MX_NONE);
	assert_int_equal(asked(&b, NULL), questions);
	assert_int_equal(store.puts, 1); /* a copy is not put again */
	test_now_ms += MX_COPY_MS;
	mx_learn(two, domains, 2); /* what is copied is asked for again */
	assert_int_equal(store.gets, 3);
	assert_int_equal(asked(&b, NULL), questions);
	mx_close(one);
	mx_close(two);
	bench_close(&b);
}

static void workers_tell_each_other_through_redis(void **state)
{
	struct redis_server server;
	struct bench b = bench_open(LONG_MS);
	unsigned questions;

	(void)state;
	redis_server_start(&server);

	struct kv *kvs[] = {kv_open(server.url, "fw:", LONG_MS, NULL),
			    kv_open(server.url, "fw:", LONG_MS, NULL)};
	struct mx_notes notes[] = {mx_notes_in(kvs[0]), mx_notes_in(kvs[1])};
	struct mx *one = open_at(dns_server_text(b.server), LONG_MS, &notes[0]);
	struct mx *two = open_at(dns_server_text(b.server), LONG_MS, &notes[1]);

	assert_int_equal(learn(one, "mx.example"), MX_SERVERS);
	questions = asked(&b, NULL);
	assert_int_equal(learn(two, "mx.example"), MX_SERVERS);
	assert_int_equal(asked(&b, NULL), questions);

	redis_server_kill(&server); /* then each asks for itself */
	assert_int_equal(learn(two, "missing.example"), MX_NONE);
	mx_close(one);
	mx_close(two);
	kv_close(kvs[0]);
	kv_close(kvs[1]);
	redis_server_end(&server);
	bench_close(&b);
}

static void a_note_holds_no_domain(void **state)
{
	struct bench b = bench_open(LONG_MS);
	struct store store = {0};
	struct mx_notes notes = {.get = store_get, .put = store_put, .ctx = &store};
	struct mx *m = open_at(dns_server_text(b.server), LONG_MS, &notes);

	(void)state;
	assert_int_equal(learn(m, "mx.family.example"), MX_SERVERS);
	assert_int_equal(store.count, 1);
	assert_null(memmem(&store, sizeof(store), "family", 6));
	assert_null(memmem(&store, sizeof(store), "example", 7));
	mx_close(m);
	bench_close(&b);
}

static void a_store_that_is_away_or_spoilt_only_costs_a_question(void **state)
{
	struct bench b = bench_open(LONG_MS);
	struct store store = {.away = true};
	struct mx_notes notes = {.get = store_get, .put = store_put, .ctx = &store};
	struct mx *one = open_at(dns_server_text(b.server), LONG_MS, &notes);
	struct mx *two = open_at(dns_server_text(b.server), LONG_MS, &notes);

	(void)state;
	assert_int_equal(learn(one, "mx.example"), MX_SERVERS);
	assert_int_equal(store.count, 0);
	store.away = false;
	assert_int_equal(learn(one, "missing.example"), MX_NONE);
	assert_int_equal(store.count, 1);
	store.notes[0].mail = 'x';
	assert_int_equal(learn(two, "missing.example"), MX_NONE);
	assert_int_equal(asked(&b, "missing.example"), 2);
	mx_close(one);
	mx_close(two);
	bench_close(&b);
}

/* ctx: how many notes were asked for. */
static void know_all(void *ctx, struct mx_note *notes, size_t count)
{
	*(size_t *)ctx += count;
	for (size_t i = 0; i < count; i++)
		notes[i].mail = MX_NONE;
}

static void memory_is_bounded_and_keeps_what_is_in_use(void **state)
{
	struct bench b = bench_open(LONG_MS);
	size_t wanted = 0;
	struct mx_notes notes = {.get = know_all, .put = store_put, .ctx = &wanted};
	struct mx *m = open_at(dns_server_text(b.server), LONG_MS, &notes);

	(void)state;
	for (int i = 0; i <= MX_REMEMBERED_MAX; i++) {
		char text[32];
		struct slice domains[] = {SLICE("in-use.example"), {0}};

		snprintf(text, sizeof(text), "n%d.example", i);
		domains[1] = slice_cstr(text);
		mx_learn(m, domains, 2);
		assert_int_equal(mx_answer(m, domains[1]), MX_NONE);
		if (i == MX_REMEMBERED_MAX / 2)
			assert_int_equal(mx_answer(m, SLICE("n0.example")), MX_NONE);
	}
	assert_int_equal(mx_answer(m, SLICE("n0.example")), MX_UNKNOWN);
	assert_int_equal(wanted, MX_REMEMBERED_MAX + 2); /* each was asked about once */
	assert_int_equal(learn(m, "gmail.com"), MX_SERVERS);
	assert_int_equal(asked(&b, NULL), 0);
	mx_close(m);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_answer_has_its_meaning),
	    cmocka_unit_test(texts_and_values_match),
	    cmocka_unit_test(big_providers_need_no_question),
	    cmocka_unit_test(a_domain_is_taken_from_the_address_as_the_dns_spells_it),
	    cmocka_unit_test(a_wrong_list_of_servers_is_said),
	    cmocka_unit_test(answers_are_asked_again_when_their_time_is_over),
	    cmocka_unit_test(a_failure_is_remembered_for_a_minute),
	    cmocka_unit_test(a_batch_asks_once_for_a_domain),
	    cmocka_unit_test(open_questions_are_bounded),
	    cmocka_unit_test(what_one_worker_learned_another_need_not_ask),
	    cmocka_unit_test(workers_tell_each_other_through_redis),
	    cmocka_unit_test(a_note_holds_no_domain),
	    cmocka_unit_test(a_store_that_is_away_or_spoilt_only_costs_a_question),
	    cmocka_unit_test(memory_is_bounded_and_keeps_what_is_in_use),
	};

	return cmocka_run_group_tests_name("mx", tests, NULL, NULL);
}
