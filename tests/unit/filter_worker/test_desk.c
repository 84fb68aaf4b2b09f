/* The desk: batches, claims, sealed contacts, and what happens when Redis is away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* cmocka.h wants the above before it */
#include <cmocka.h>

#include <sodium.h>

#include "base/rng.h"
#include "base/timefmt.h"
#include "filter-worker/shell/desk.h"
#include "filter-worker/shell/phone_number.h"
#include "filter-worker/shell/rules_file.h"
#include "filter-worker/shell/suppressions.h"
#include "runtime/directory.h"
#include "runtime/keyring.h"
#include "runtime/kv.h"

#define LEADS 300
#define START 1764583200000 /* 2025-12-01T10:00:00Z */

struct sample {
	struct lead_id id;
	Punnet__V1__RawLead raw;
	Punnet__V1__Lead lead;
	Punnet__V1__Submission submission;
	Punnet__V1__Fingerprints prints;
	uint8_t phone[16], email[16], payload[16], device[16], ip[16];
	struct desk_lead desk;
};

static void make_sample(struct sample *s, size_t number, int64_t at_ms, struct rng *r,
			uint64_t people)
{
	uint8_t random[10] = {0};

	*s = (struct sample){0};
	random[8] = (uint8_t)(number >> 8);
	random[9] = (uint8_t)number;
	s->id = lead_id_make(at_ms, random);
	punnet__v1__raw_lead__init(&s->raw);
	punnet__v1__lead__init(&s->lead);
	punnet__v1__submission__init(&s->submission);
	punnet__v1__fingerprints__init(&s->prints);
	s->lead.vertical = (char *)(rng_chance(r, 5000) ? "osago" : "courses");
	s->lead.aff_id = (char *)(rng_chance(r, 8000) ? "w1" : "w2");
	s->lead.sub1 = (char *)(rng_chance(r, 5000) ? "s1" : "s2");
	s->lead.received_at_ms = at_ms;
	s->submission.filled_case = PUNNET__V1__SUBMISSION__FILLED_FILLED_MS;
	/* One in ten is fast: more leads of one webmaster and one sign than a trail holds are not found again after a crash. */
	s->submission.filled_ms = (uint32_t)rng_below(r, 60000);
	s->phone[0] = (uint8_t)rng_below(r, people);
	s->email[0] = (uint8_t)rng_below(r, people);
	s->payload[0] = (uint8_t)rng_below(r, people);
	if (rng_chance(r, 9000))
		s->prints.phone = (ProtobufCBinaryData){16, s->phone};
	if (rng_chance(r, 9000))
		s->prints.email = (ProtobufCBinaryData){16, s->email};
	s->prints.payload = (ProtobufCBinaryData){16, s->payload};
	s->prints.person = s->prints.phone.len > 0 ? s->prints.phone : s->prints.email;
	s->device[0] = (uint8_t)rng_below(r, people);
	s->ip[0] = (uint8_t)rng_below(r, people);
	s->prints.device = (ProtobufCBinaryData){16, s->device};
	s->prints.ip = (ProtobufCBinaryData){16, s->ip};
	s->raw.lead_id = codec_lead_id(&s->id);
	s->raw.lead = &s->lead;
	s->raw.submission = &s->submission;
	s->raw.fingerprints = &s->prints;
}

static void write_verdict(const struct judgement *j, bool reasons, struct buf *out)
{
	if (!reasons) {
		buf_printf(out, "%d\n", j->verdict);
		return;
	}
	buf_printf(out, "%d %d", j->verdict, j->score);
	for (size_t i = 0; i < j->reason_count; i++) {
		buf_printf(out, " %s", reason_code(j->reasons[i].finding.reason));
		for (size_t k = 0; k < j->reasons[i].finding.param_count; k++)
			buf_printf(out, "," SLICE_FMT,
				   SLICE_ARG(j->reasons[i].finding.params[k].value));
	}
	buf_append_char(out, '\n');
}

/* Judges all samples in batches of at most `size`, each batch given `times` over; the last verdicts as text. */
static void judge_all(struct sample *samples, const struct ruleset *rs, size_t size, int times,
		      bool reasons, struct buf *out)
{
	struct arena a = {0};
	struct kv *kv = kv_open("memory:", "", 1000, NULL);
	struct desk *desk = desk_open(&(struct desk_options){.rules = rs, .kv = kv});

	assert_non_null(kv);
	for (size_t from = 0; from < LEADS; from += size) {
		size_t count = MIN_OF(size, LEADS - from), judged = 0;
		struct desk_lead *leads[LEADS];

		for (int n = 0; n < times; n++) {
			for (size_t i = 0; i < count; i++) {
				samples[from + i].desk = (struct desk_lead){
				    .raw = &samples[from + i].raw, .raw_offset = from + i + 1};
				leads[i] = &samples[from + i].desk;
			}
			for (size_t done = 0; done < count; done += judged) {
				assert_int_equal(
				    desk_judge(desk, leads + done, count - done, &a, &judged, NULL),
				    RESULT_OK);
				assert_in_range(judged, 1, count - done);
				for (size_t i = done; n == times - 1 && i < done + judged; i++)
					write_verdict(&leads[i]->judgement, reasons, out);
			}
		}
	}
	desk_close(desk);
	kv_close(kv);
	arena_free(&a);
}

/* The first line that differs, with what it takes to see it again. */
static void expect_same(const struct buf *alone, const struct buf *batched, uint64_t seed,
			size_t size, int times)
{
	const char *a = alone->data, *b = batched->data;
	size_t line = 0, at = 0, began = 0;

	for (; at < alone->len && at < batched->len && a[at] == b[at]; at++) {
		if (a[at] == '\n') {
			line++;
			began = at + 1;
		}
	}
	if (at < alone->len || at < batched->len)
		fail_msg("seed %llu, batches of %zu read %d times: lead %zu: alone %.90s, in a "
			 "batch %.90s",
			 (unsigned long long)seed, size, times, line, a + began, b + began);
}

/* Read twice, as after a crash, verdicts must be the same; a rejected lead may then name a later one, too. */
static void compare_sizes(const struct ruleset *rs, uint64_t seed, uint64_t people, int64_t step_ms,
			  int most_times)
{
	static const size_t sizes[] = {1, 2, 7, 64, LEADS};
	struct sample *samples = calloc(LEADS, sizeof(*samples));
	struct rng r = rng_seed(seed);

	for (size_t i = 0; i < LEADS; i++)
		make_sample(&samples[i], i, START + (int64_t)i * step_ms, &r, people);
	for (int times = 1; times <= most_times; times++) {
		struct buf alone = {0};

		judge_all(samples, rs, 1, 1, times == 1, &alone);
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			struct buf batched = {0};

			judge_all(samples, rs, sizes[i], times, times == 1, &batched);
			assert_true(buf_cstr(&alone)[0] && buf_cstr(&batched)[0]);
			expect_same(&alone, &batched, seed, sizes[i], times);
			buf_free(&batched);
		}
		buf_free(&alone);
	}
	free(samples);
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

/* Whatever the size of a batch, each lead gets the verdict and the reasons that it would get alone: with duplicates that
 * reject, that score, within windows that end inside a batch. A batch that no window ends in may be lost in a crash and
 * judged again. */
static void a_batch_judges_as_its_leads_would_be_judged_one_by_one(void **state)
{
	struct ruleset standard;
	struct ruleset scoring =
	    rules_of("reject_at: 60\nfilters:\n  - resubmission: {action: score, weight: 10}\n"
		     "  - phone_duplicate: {action: score, weight: 30}\n"
		     "  - email_duplicate: {action: score, weight: 30}\n  - fill_time\n");
	struct ruleset short_windows =
	    rules_of("filters:\n  - resubmission: {window: 2s}\n"
		     "  - phone_duplicate: {window: 1m}\n"
		     "  - email_duplicate: {window: 1m, action: score, weight: 20}\n");

	struct ruleset counting =
	    rules_of("reject_at: 60\nfilters:\n  - phone_duplicate: {action: score, weight: 30}\n"
		     "  - in_flight_duplicate: {window: 1m}\n  - fill_time\n"
		     "  - ip_velocity: {hour: 4, day: 8, shared_hour: 5, hosting_hour: 2}\n"
		     "  - device_velocity: {five_minutes: 3, hour: 4}\n  - resale\n"
		     "  - rejection_breaker: {least: 10, share: 20}\n"
		     "  - subid_flood: {least: 10, share: 1}\n  - arrivals: {burst: 50}\n");

	(void)state;
	ruleset_standard(&standard);
	for (uint64_t seed = 1; seed <= 6; seed++) {
		compare_sizes(&counting, seed, 40, 150, 2);
		compare_sizes(&counting, seed, 60, 1500, 1);
		compare_sizes(&standard, seed, 40, 150, 2);
		compare_sizes(&scoring, seed, 25, 150, 2);
		compare_sizes(&short_windows, seed, 10, 900, 1);
		compare_sizes(&scoring, seed, 25, 700, 1);
	}
}

static void redis_is_dead_and_nothing_is_judged(void **state)
{
	struct ruleset rs;
	struct sample s;
	struct rng r = rng_seed(1);
	struct arena a = {0};
	struct error error = {0};
	struct kv *kv = kv_open("redis://127.0.0.1:1/0", "t:", 200, &error);
	struct desk_lead *lead = &s.desk;
	size_t judged = 77;

	(void)state;
	assert_non_null(kv);
	ruleset_standard(&rs);
	make_sample(&s, 1, START, &r, 10);
	s.desk.raw = &s.raw;

	struct desk *desk = desk_open(&(struct desk_options){.rules = &rs, .kv = kv});

	assert_int_equal(desk_judge(desk, &lead, 1, &a, &judged, &error), RESULT_AWAY);
	assert_int_equal(judged, 77);
	assert_int_equal(s.desk.judgement.verdict, 0);
	desk_close(desk);
	kv_close(kv);
	arena_free(&a);
}

static void seal_contact(struct sample *s, Punnet__V1__SealedContact *box, struct buf *sealed,
			 const uint8_t *key)
{
	static uint8_t nonce[SEAL_NONCE_LEN] = {7};
	Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;
	struct buf plain = {0};

	contact.phone = (char *)"+79161234567";
	contact.email = (char *)"nobody";
	codec_pack(&contact.base, &plain);
	seal(key, nonce, &s->id, buf_slice(&plain), sealed);
	punnet__v1__sealed_contact__init(box);
	box->key_day = time_day(START);
	box->nonce = (ProtobufCBinaryData){sizeof(nonce), nonce};
	box->box = (ProtobufCBinaryData){sealed->len, (uint8_t *)sealed->data};
	s->raw.contact = box;
	buf_free(&plain);
}

static void judge_one(struct desk *desk, struct sample *s, struct arena *a)
{
	struct desk_lead *lead = &s->desk;
	size_t judged;

	s->desk = (struct desk_lead){.raw = &s->raw};
	assert_int_equal(desk_judge(desk, &lead, 1, a, &judged, NULL), RESULT_OK);
}

/* Facts of the contact are classes; and when the day's key is destroyed they could not be known, which is no hit. */
static void a_destroyed_key_makes_the_contacts_facts_unknown(void **state)
{
	char dir[] = "/tmp/test-filter-desk-XXXXXX";
	struct ruleset rs = rules_of("filters: [phone_valid, email_syntax]\n");
	struct arena a = {0};
	struct rng r = rng_seed(1);
	struct sample s;
	Punnet__V1__SealedContact box;
	struct buf sealed = {0};
	struct slice text;
	struct error error = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));

	struct keyring *keys = keyring_open(dir, true, &error);
	struct kv *kv = kv_open("memory:", "", 1000, NULL);

	assert_non_null(keys);

	struct desk *desk =
	    desk_open(&(struct desk_options){.rules = &rs, .kv = kv, .keyring = keys});

	make_sample(&s, 1, START, &r, 10);
	seal_contact(&s, &box, &sealed, keyring_day_key(keys, time_day(START), true));
	judge_one(desk, &s, &a);
	assert_true(facts_text(&s.desk.facts, FACT_PHONE_NUMBER, &text) && slice_is(text, "valid"));
	assert_true(facts_text(&s.desk.facts, FACT_PHONE_REGION, &text) && slice_is(text, "RU"));
	assert_true(facts_text(&s.desk.facts, FACT_PHONE_LINE, &text) && slice_is(text, "mobile"));
	assert_true(facts_text(&s.desk.facts, FACT_EMAIL_FORM, &text) && slice_is(text, "no_at"));
	assert_int_equal(s.desk.judgement.verdict, LEAD_REJECTED);

	assert_int_equal(keyring_destroy_day(keys, time_day(START), &error), RESULT_OK);
	judge_one(desk, &s, &a);
	assert_false(facts_text(&s.desk.facts, FACT_PHONE_NUMBER, &text));
	assert_false(facts_text(&s.desk.facts, FACT_EMAIL_FORM, &text));
	assert_int_equal(s.desk.judgement.verdict, LEAD_ACCEPTED);
	assert_int_equal(s.desk.judgement.answers[0], ANSWER_UNKNOWN);

	desk_close(desk);
	kv_close(kv);
	keyring_free(keys);
	buf_free(&sealed);
	arena_free(&a);
}

static void ignore_ack(void *ctx, uint64_t token, enum result r, int32_t partition, int64_t offset)
{
	(void)ctx, (void)token, (void)r, (void)partition, (void)offset;
}

/* A directory that holds one erasure, of the sample's phone. */
static struct directory *directory_with_erasure(struct bus *bus, const struct sample *s,
						int64_t erased_at_ms)
{
	static const struct bus_topic_spec topic = {
	    .name = "directory", .partitions = 1, .retention_ms = -1, .compact = true};
	struct bus_producer_options options = {.max_in_flight = 10, .on_ack = ignore_ack};
	struct bus_producer *producer;
	Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Erasure erasure = PUNNET__V1__ERASURE__INIT;
	_cleanup_(buf_free) struct buf value = {0};
	char hex[2 * FINGERPRINT_LEN + 1], id[64];
	size_t created;

	assert_int_equal(bus_topics_apply(bus, &topic, 1, 1000, &created, NULL), RESULT_OK);
	producer = bus_producer_open(bus, &options, NULL);
	sodium_bin2hex(hex, sizeof(hex), s->phone, sizeof(s->phone));
	snprintf(id, sizeof(id), "erasure/%s", hex);
	erasure.erased_at_ms = erased_at_ms;
	entry.id = id;
	entry.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ERASURE;
	entry.erasure = &erasure;
	codec_pack(&entry.base, &value);
	assert_int_equal(bus_produce(producer, "directory", 0, slice_cstr(id),
				     "punnet.v1.DirectoryEntry", buf_slice(&value), 1),
			 RESULT_OK);
	assert_int_equal(bus_producer_flush(producer, 1000), RESULT_OK);
	bus_producer_close(producer);
	return directory_open(bus, 1000, NULL);
}

/* Returns the first reason: the others go with the desk. */
static enum reason judge_erased(int64_t erased_at_ms, struct sample *s, struct arena *a)
{
	enum reason first;
	char dir[] = "/tmp/test-filter-desk-XXXXXX";
	struct ruleset rs = rules_of("filters: [phone_valid]\n"); /* no rule has a say in it */
	struct rng r = rng_seed(1);
	Punnet__V1__SealedContact box;
	struct buf sealed = {0};

	assert_non_null(mkdtemp(dir));

	struct keyring *keys = keyring_open(dir, true, NULL);
	struct kv *kv = kv_open("memory:", "", 1000, NULL);
	struct bus *bus = bus_open("memory:", "desk", NULL);

	make_sample(s, 1, START, &r, 10);
	s->prints.phone = (ProtobufCBinaryData){16, s->phone};
	seal_contact(s, &box, &sealed, keyring_day_key(keys, time_day(START), true));

	struct directory *d = directory_with_erasure(bus, s, erased_at_ms);
	struct desk *desk = desk_open(
	    &(struct desk_options){.rules = &rs, .kv = kv, .keyring = keys, .directory = d});

	judge_one(desk, s, a);
	first = s->desk.judgement.reason_count > 0 ? s->desk.judgement.reasons[0].finding.reason
						   : REASON_NONE;
	desk_close(desk);
	directory_close(d);
	bus_close(bus);
	kv_close(kv);
	keyring_free(keys);
	buf_free(&sealed);
	return first;
}

static void an_erased_persons_lead_stays_sealed_and_is_rejected(void **state)
{
	struct arena a = {0};
	struct sample s;
	struct slice text;
	int64_t at_ms;

	(void)state;
	assert_int_equal(judge_erased(START + 1, &s, &a), REASON_ERASED);
	assert_false(facts_text(&s.desk.facts, FACT_PHONE_NUMBER, &text));
	assert_true(facts_number(&s.desk.facts, FACT_ERASED_AT, &at_ms) && at_ms == START + 1);
	assert_int_equal(s.desk.judgement.verdict, LEAD_REJECTED);
	assert_int_equal(s.desk.judgement.reason_count, 1);
	assert_false(s.desk.candidate); /* it takes no claim from anybody */
	arena_free(&a);
}

/* A later lead of the person is not opened either; that it is suppressed is another entry's word. */
static void a_lead_after_the_erasure_stays_sealed(void **state)
{
	struct arena a = {0};
	struct sample s;
	struct slice text;
	int64_t at_ms;

	(void)state;
	assert_int_equal(judge_erased(START - 1, &s, &a), REASON_NONE);
	assert_false(facts_text(&s.desk.facts, FACT_PHONE_NUMBER, &text));
	assert_false(facts_number(&s.desk.facts, FACT_ERASED_AT, &at_ms));
	arena_free(&a);
}

static void phones_are_looked_up_in_their_plan(void **state)
{
	static const struct {
		const char *text, *country, *standing, *region;
	} rows[] = {
	    {"+79161234567", "", "valid", "RU"},
	    {"+12125550123", "US", "valid", "US"},
	    {"+79161", "RU", "impossible", ""},
	    {"+71001234567", "RU", "unassigned", ""},
	    {"9161234567", "RU", "valid", "RU"},
	    {"", "", "impossible", ""},
	    {"+", "ZZ", "impossible", ""},
	    {"\xff\xfe", "RU", "impossible", ""},
	    {"+999999999999999999999", "", "impossible", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct phone_number n;

		assert_int_equal(phone_number_look(rows[i].text, rows[i].country, &n), 1);
		assert_string_equal(n.standing, rows[i].standing);
		if (rows[i].region[0])
			assert_string_equal(n.region, rows[i].region);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_batch_judges_as_its_leads_would_be_judged_one_by_one),
	    cmocka_unit_test(redis_is_dead_and_nothing_is_judged),
	    cmocka_unit_test(a_destroyed_key_makes_the_contacts_facts_unknown),
	    cmocka_unit_test(an_erased_persons_lead_stays_sealed_and_is_rejected),
	    cmocka_unit_test(a_lead_after_the_erasure_stays_sealed),
	    cmocka_unit_test(phones_are_looked_up_in_their_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
