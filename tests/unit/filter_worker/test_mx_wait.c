/* Whether mail domains take mail: nothing that the DNS does, or fails to do, keeps a batch waiting longer than allowed or counts
 * against a lead. A real server answers, see dns_server.h. */
#include "filter-worker/shell/desk.h"
#include "mx_bench.h"
#include "runtime/clock.h"
#include "runtime/kv.h"

#define SHORT_MS 200
#define SLACK_MS 150 /* how late a call may end on a busy machine; less than a wait */

static int64_t learn_ms(struct mx *m, const char *domain)
{
	int64_t began_ms = clock_monotonic_ms();

	(void)learn(m, domain);
	return clock_monotonic_ms() - began_ms;
}

/* --- waiting --- */

static void a_slow_answer_is_known_the_next_time(void **state)
{
	struct bench b = bench_open(SHORT_MS);

	(void)state;
	assert_int_equal(learn(b.mx, "slow.example"), MX_UNKNOWN);
	usleep((DNS_SLOW_MS - SHORT_MS + 200) * 1000);
	assert_int_equal(learn(b.mx, "slow.example"), MX_SERVERS);
	assert_int_equal(asked(&b, "slow.example"), 1);
	bench_close(&b);
}

static void with_no_wait_the_second_lead_knows(void **state)
{
	struct bench b = bench_open(0);

	(void)state;
	assert_int_equal(learn(b.mx, "missing.example"), MX_UNKNOWN);
	for (int i = 0; i < 100 && mx_answer(b.mx, SLICE("missing.example")) == MX_UNKNOWN; i++) {
		usleep(10000);
		assert_true(learn_ms(b.mx, "missing.example") < SLACK_MS);
	}
	assert_int_equal(mx_answer(b.mx, SLICE("missing.example")), MX_NONE);
	bench_close(&b);
}

static void a_dead_server_never_stalls_a_batch(void **state)
{
	static const int64_t waits_ms[] = {SHORT_MS, 4 * SHORT_MS};

	(void)state;
	/* Twice, with two waits: the longer one shows that it is the wait that ends it. */
	for (size_t i = 0; i < ARRAY_LEN(waits_ms); i++) {
		struct bench b = bench_open(waits_ms[i]);
		int64_t took_ms;

		dns_server_deafen(b.server, true);
		took_ms = learn_ms(b.mx, "mx.example");
		assert_true(took_ms >= waits_ms[i] - 1 && took_ms < waits_ms[i] + SLACK_MS);
		assert_int_equal(mx_answer(b.mx, SLICE("mx.example")), MX_UNKNOWN);
		/* Nobody waits again for the same domain. */
		for (int n = 0; n < 5; n++)
			assert_true(learn_ms(b.mx, "mx.example") < SLACK_MS);
		bench_close(&b);
	}
}

static void nobody_waits_for_a_server_that_says_nothing_until_it_speaks(void **state)
{
	struct bench b = bench_open(SHORT_MS);
	char domain[32];

	(void)state;
	dns_server_deafen(b.server, true);
	for (int i = 0; i < MX_SILENT_WAITS; i++) {
		snprintf(domain, sizeof(domain), "mx%d.example", i);
		assert_true(learn_ms(b.mx, domain) >= SHORT_MS - 1);
	}
	assert_true(learn_ms(b.mx, "mx90.example") < SLACK_MS);

	dns_server_deafen(b.server, false);
	(void)learn(b.mx, "mx91.example"); /* not waited for, and answered */
	usleep(100000);
	assert_int_equal(learn(b.mx, "mx91.example"), MX_SERVERS);
	assert_int_equal(learn(b.mx, "mx92.example"), MX_SERVERS); /* waited for again */
	bench_close(&b);
}

/* One domain of each batch is never answered, the others are: the server speaks, and still may not slow the worker down. */
static void waits_together_take_at_most_their_share(void **state)
{
	struct bench b = bench_open(SHORT_MS);
	int64_t began_ms = clock_monotonic_ms(), passed_ms, waited_ms = 0, most_ms;

	(void)state;
	for (int i = 0; clock_monotonic_ms() - began_ms < 5000; i++) {
		char silent[32], good[32];
		struct slice domains[2];
		int64_t from_ms = clock_monotonic_ms();

		snprintf(silent, sizeof(silent), "silent%d.example", i);
		snprintf(good, sizeof(good), "mx%d.example", i);
		domains[0] = slice_cstr(silent);
		domains[1] = slice_cstr(good);
		mx_learn(b.mx, domains, 2);
		waited_ms += clock_monotonic_ms() - from_ms;
		usleep(10000);
	}
	passed_ms = clock_monotonic_ms() - began_ms;
	most_ms = MX_WAITS_SAVED * SHORT_MS + passed_ms / MX_WAIT_SHARE;
	assert_in_range(waited_ms, MX_WAITS_SAVED * SHORT_MS, most_ms + passed_ms / 10);
	bench_close(&b);
}

/* --- and the desk --- */

#define DESK_LEADS 40

/* A batch of leads, one domain each: what the standard rules say of the lead of domain `at`, and its score. */
static int32_t judge_domains(struct mx *m, const char *const *domains, size_t count, size_t at,
			     int64_t *ret_took_ms)
{
	static Punnet__V1__RawLead raw[DESK_LEADS];
	static Punnet__V1__Lead head[DESK_LEADS];
	static Punnet__V1__Submission submission;
	static Punnet__V1__Fingerprints prints;
	static Punnet__V1__Contact contact[DESK_LEADS];
	static uint8_t ids[DESK_LEADS][16];
	static char emails[DESK_LEADS][64];
	_cleanup_(arena_free) struct arena a = {0};
	struct desk_lead leads[DESK_LEADS], *batch[DESK_LEADS];
	struct ruleset rules;
	struct kv *kv = kv_open("memory:", "", 1000, NULL);
	struct desk *desk;
	int64_t began_ms;
	size_t judged = 0;
	int32_t score;

	ruleset_standard(&rules);
	desk = desk_open(&(struct desk_options){.rules = &rules, .kv = kv, .local = {.mx = m}});
	punnet__v1__submission__init(&submission);
	punnet__v1__fingerprints__init(&prints);
	for (size_t i = 0; i < count; i++) {
		punnet__v1__raw_lead__init(&raw[i]);
		punnet__v1__lead__init(&head[i]);
		punnet__v1__contact__init(&contact[i]);
		snprintf(emails[i], sizeof(emails[i]), "ann@%s", domains[i]);
		contact[i].email = emails[i];
		head[i].vertical = (char *)"osago";
		head[i].received_at_ms = 1764583200000;
		ids[i][15] = (uint8_t)(i + 1);
		raw[i].lead_id = (ProtobufCBinaryData){16, ids[i]};
		raw[i].lead = &head[i];
		raw[i].submission = &submission;
		raw[i].fingerprints = &prints;
		leads[i] =
		    (struct desk_lead){.raw = &raw[i], .raw_offset = i + 1, .contact = &contact[i]};
		batch[i] = &leads[i];
	}
	began_ms = clock_monotonic_ms();
	assert_int_equal(desk_judge(desk, batch, count, &a, &judged, NULL), RESULT_OK);
	*ret_took_ms = clock_monotonic_ms() - began_ms;
	assert_int_equal(judged, count);
	score = leads[at].judgement.score;
	desk_close(desk);
	kv_close(kv);
	return score;
}

static void a_batch_asks_for_all_of_its_domains_at_once(void **state)
{
	struct bench b = bench_open(LONG_MS);
	const char *domains[DESK_LEADS];
	char texts[DESK_LEADS][32];
	int64_t took_ms;

	(void)state;
	for (size_t i = 0; i < DESK_LEADS; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%s%zu.example", i % 2 ? "slow" : "missing",
			 i);
		domains[i] = texts[i];
	}
	/* Twenty answers that take DNS_SLOW_MS each. */
	assert_int_equal(judge_domains(b.mx, domains, DESK_LEADS, 0, &took_ms), 50);
	assert_in_range(took_ms, DNS_SLOW_MS / 2, 3 * DNS_SLOW_MS);
	assert_int_equal(judge_domains(b.mx, domains, DESK_LEADS, 1, &took_ms), 0);
	assert_true(took_ms < DNS_SLOW_MS / 2);
	bench_close(&b);
}

static void when_the_dns_is_dead_no_lead_is_hit_and_no_batch_stalls(void **state)
{
	static const char *const domains[] = {"missing.example", "null.example", "mx.example"};
	struct bench b = bench_open(SHORT_MS);
	int64_t took_ms;

	(void)state;
	dns_server_deafen(b.server, true);
	for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
		assert_int_equal(judge_domains(b.mx, domains, ARRAY_LEN(domains), i, &took_ms), 0);
		assert_true(took_ms < (i == 0 ? SHORT_MS : 0) + SLACK_MS);
	}
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_slow_answer_is_known_the_next_time),
	    cmocka_unit_test(with_no_wait_the_second_lead_knows),
	    cmocka_unit_test(a_dead_server_never_stalls_a_batch),
	    cmocka_unit_test(nobody_waits_for_a_server_that_says_nothing_until_it_speaks),
	    cmocka_unit_test(waits_together_take_at_most_their_share),
	    cmocka_unit_test(a_batch_asks_for_all_of_its_domains_at_once),
	    cmocka_unit_test(when_the_dns_is_dead_no_lead_is_hit_and_no_batch_stalls),
	};

	return cmocka_run_group_tests_name("mx_wait", tests, NULL, NULL);
}
