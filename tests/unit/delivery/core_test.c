/* The pure part of delivery: the fold over attempts, the meaning of answers, excerpts, commits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "delivery/core/excerpt.h"
#include "delivery/core/prefix.h"
#include "delivery/core/resume.h"
#include "proto/leads_attempts.pb-c.h"

static const struct lead_id lead = {{1, 2, 3, 4, 5, 6, 0x70, 8, 0x90, 10, 11, 12, 13, 14, 15, 16}};

static struct retry_plan plan_of(const char *text)
{
	struct retry_plan plan;

	assert_int_equal(retry_plan_parse(slice_cstr(text), &plan, NULL), RESULT_OK);
	return plan;
}

/* --- the plan --- */

static void a_plan_is_read_and_nonsense_is_refused(_unused_ void **state)
{
	struct retry_plan plan = plan_of("0s, 5s,30s,2m,10m");
	struct error e;

	assert_int_equal(plan.count, 5);
	assert_int_equal(plan.wait_ms[0], 0);
	assert_int_equal(plan.wait_ms[3], 120000);
	assert_int_equal(plan.longest_ms, 600000);
	assert_int_equal(plan_of("").count, 0);
	assert_int_equal(retry_plan_parse(SLICE("0s,soon"), &plan, &e), RESULT_BAD);
	assert_non_null(strstr(e.text, "'soon'"));
	assert_int_equal(retry_plan_parse(SLICE("2d"), &plan, &e), RESULT_BAD);
	assert_int_equal(
	    retry_plan_parse(SLICE("1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s"), &plan,
			     &e),
	    RESULT_BAD);
}

static void a_wait_is_the_plans_give_or_take_a_tenth_and_always_the_same(_unused_ void **state)
{
	struct retry_plan plan = plan_of("0s,5s,30s,2m,10m");
	bool jitter_seen = false;

	for (uint32_t attempt = 1; attempt <= 5; attempt++) {
		int64_t wait = retry_wait_ms(&plan, &lead, attempt, 0),
			whole = plan.wait_ms[attempt - 1];

		assert_true(wait >= whole - whole / 10 && wait <= whole + whole / 10);
		assert_int_equal(wait, retry_wait_ms(&plan, &lead, attempt, 0));
		jitter_seen |= wait != whole;
	}
	assert_true(jitter_seen);
	assert_int_equal(retry_wait_ms(&plan, &lead, 6, 0), -1);
}

static void what_the_advertiser_asks_for_is_honoured_up_to_the_longest_wait(_unused_ void **state)
{
	struct retry_plan plan = plan_of("0s,5s,30s");

	assert_int_equal(retry_wait_ms(&plan, &lead, 1, 7000), 7000);
	assert_int_equal(retry_wait_ms(&plan, &lead, 1, 86400000), 30000);
	assert_true(retry_wait_ms(&plan, &lead, 3, 1000) >= 27000);
	assert_int_equal(retry_wait_ms(&plan, &lead, 4, 1000), -1);
}

/* --- the fold: every result in every place --- */

static const struct attempt_said ok = {.result = ATTEMPT_OK};
static const struct attempt_said busy = {.result = ATTEMPT_TEMPFAIL,
					 .reason = REASON_DELIVERY_ADVERTISER_BUSY};
static const struct attempt_said silent = {
    .result = ATTEMPT_TEMPFAIL, .unknown = true, .reason = REASON_DELIVERY_NO_ANSWER};
static const struct attempt_said refused = {.result = ATTEMPT_PERMFAIL,
					    .reason = REASON_DELIVERY_REFUSED};
static const struct attempt_said duplicate = {.result = ATTEMPT_PERMFAIL,
					      .reason = REASON_DELIVERY_DUPLICATE};
static const struct attempt_said gone = {.result = ATTEMPT_PERMFAIL,
					 .reason = REASON_DELIVERY_ENDPOINT_GONE};
static const struct attempt_said no_key = {.result = ATTEMPT_PERMFAIL,
					   .reason = REASON_DELIVERY_CONTACT_DESTROYED};

/* Plays the attempts until the task is final; the outcome, and by how many attempts. */
static enum task_outcome play(const struct attempt_said *const *said, size_t count,
			      uint32_t *ret_attempts)
{
	struct retry_plan plan = plan_of("0s,5s");
	struct task_past past = {0};

	for (size_t i = 0; i < count; i++) {
		struct task_step step = task_after(&past, said[i], &plan, &lead, 1000000);

		assert_int_equal(step.attempt, i + 1);
		if (step.final) {
			assert_int_equal(step.next_due_at_ms, 0);
			*ret_attempts = step.attempt;
			return outcome_of(step.said.result, step.said.reason, step.ever_unknown);
		}
		assert_true(step.next_due_at_ms >= 1000000);
		past =
		    (struct task_past){.attempts = step.attempt, .ever_unknown = step.ever_unknown};
	}
	fail_msg("not final after %zu attempts", count);
	return 0;
}

static void each_series_of_answers_ends_in_its_outcome(_unused_ void **state)
{
	static const struct {
		const struct attempt_said *said[3];
		enum task_outcome outcome;
		uint32_t attempts;
	} rows[] = {
	    {{&ok}, TASK_DELIVERED, 1},
	    {{&refused}, TASK_REFUSED, 1},
	    {{&duplicate}, TASK_REFUSED, 1},
	    {{&gone}, TASK_REFUSED, 1},
	    {{&no_key}, TASK_UNDELIVERABLE, 1},
	    {{&busy, &ok}, TASK_DELIVERED, 2},
	    {{&busy, &refused}, TASK_REFUSED, 2},
	    {{&busy, &busy, &ok}, TASK_DELIVERED, 3},
	    {{&busy, &busy, &busy}, TASK_UNDELIVERABLE, 3},
	    {{&silent, &ok}, TASK_DELIVERED, 2},
	    /* "no" to this lead settles the doubt; an endpoint that went away, or has "it" already, does not */
	    {{&silent, &refused}, TASK_REFUSED, 2},
	    {{&silent, &duplicate}, TASK_UNRESOLVED, 2},
	    {{&silent, &gone}, TASK_UNRESOLVED, 2},
	    {{&silent, &no_key}, TASK_UNRESOLVED, 2},
	    {{&silent, &busy, &busy}, TASK_UNRESOLVED, 3},
	    {{&busy, &silent, &busy}, TASK_UNRESOLVED, 3},
	    {{&busy, &busy, &silent}, TASK_UNRESOLVED, 3},
	    {{&silent, &silent, &silent}, TASK_UNRESOLVED, 3},
	    {{&silent, &silent, &ok}, TASK_DELIVERED, 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t attempts = 0;
		enum task_outcome outcome = play(rows[i].said, 3, &attempts);

		if (outcome != rows[i].outcome || attempts != rows[i].attempts)
			fail_msg("row %zu: outcome %d after %u attempts", i, (int)outcome,
				 attempts);
	}
}

static void a_delivery_carries_no_reason_and_a_doubt_says_that_it_is_one(_unused_ void **state)
{
	assert_int_equal(outcome_reason(TASK_DELIVERED, REASON_NONE), REASON_NONE);
	assert_int_equal(outcome_reason(TASK_UNRESOLVED, REASON_DELIVERY_ADVERTISER_BUSY),
			 REASON_DELIVERY_UNRESOLVED);
	assert_int_equal(outcome_reason(TASK_REFUSED, REASON_DELIVERY_DUPLICATE),
			 REASON_DELIVERY_DUPLICATE);
}

static void a_predecessors_webhook_may_have_been_under_way(_unused_ void **state)
{
	/* there before, clean, has an attempt, final, due, taken over at 100 */
	assert_true(task_may_be_under_way(true, false, false, false, 0, 100));
	assert_true(task_may_be_under_way(true, false, true, false, 99, 100));
	assert_false(task_may_be_under_way(true, false, true, false, 101, 100));
	assert_false(task_may_be_under_way(true, false, true, true, 0, 100));
	assert_false(task_may_be_under_way(true, true, false, false, 0, 100));
	assert_false(task_may_be_under_way(false, false, false, false, 0, 100));
}

/* --- excerpts --- */

static void an_echoed_contact_does_not_reach_the_excerpt(_unused_ void **state)
{
	const struct slice contact[] = {SLICE("+79161234567"), SLICE("ivan.petrov@mail.example"),
					SLICE("Иван Ёлкин"),   SLICE("Иван"),
					SLICE("Ёлкин"),        SLICE("")};
	static const struct {
		const char *words, *excerpt;
	} rows[] = {
	    {"too young", "too young"},
	    {"dup +79161234567!", "dup ***!"},
	    {"dup 8 (916) 123-45-67.", "dup ***."},
	    {"no mail to IVAN.PETROV@MAIL.EXAMPLE, sorry", "no mail to ***, sorry"},
	    {"other@somewhere.example too", "*** too"},
	    {"ИВАН ЁЛКИН is known", "*** is known"},
	    {"клиент ёлкин есть", "клиент *** есть"},
	    {"code 123456", "code 123456"},
	    {"line\nbreak\ttab", "line break tab"},
	    {"bad \xff byte", "bad \xef\xbf\xbd byte"},
	};
	char excerpt[EXCERPT_MAX_BYTES + 1];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		excerpt_make(slice_cstr(rows[i].words), contact, ARRAY_LEN(contact), excerpt);
		assert_string_equal(excerpt, rows[i].excerpt);
	}
}

static void an_excerpt_is_cut_between_characters(_unused_ void **state)
{
	char words[3000], excerpt[EXCERPT_MAX_BYTES + 1];

	for (size_t i = 0; i + 2 < sizeof(words); i += 3)
		memcpy(words + i, "\xe2\x82\xac", 3);
	excerpt_make(slice_of(words, sizeof(words)), NULL, 0, excerpt);
	assert_int_equal(strlen(excerpt), EXCERPT_MAX_BYTES / 3 * 3);
	assert_true(slice_utf8_valid(slice_cstr(excerpt)));
}

/* --- commits --- */

static void a_commit_carries_the_watermark_of_its_own_place(_unused_ void **state)
{
	struct watermark none = {0};
	struct prefix p;
	struct provenance source = {.topic = PREFIX_TOPIC, .partition = 1};
	_cleanup_(buf_free) struct buf text = {0};
	struct commit_note note;

	prefix_start(&p, &none);
	for (int64_t i = 0; i < 1000; i++) {
		source.offset = (uint64_t)(5000 + i);
		prefix_push(&p, 100 + i, i == 3 ? NULL : &source, 40 + i);
	}
	assert_int_equal(prefix_attempts_from(&p, 9000), 40);

	/* 100 to 102 are finished, 103 could not be read, 104 is under way: later ones say nothing yet */
	prefix_advance(&p, 104);
	note = (struct commit_note){.watermark = p.watermark,
				    .attempts_from = prefix_attempts_from(&p, 9000)};
	commit_note_write(&note, &text);
	assert_string_equal(buf_cstr(&text), "market/1=5002.0 a=44");

	prefix_advance(&p, 1100);
	buf_reset(&text);
	note = (struct commit_note){.watermark = p.watermark,
				    .attempts_from = prefix_attempts_from(&p, 9000),
				    .take_over = 8001,
				    .clean = true};
	commit_note_write(&note, &text);
	assert_string_equal(buf_cstr(&text), "market/1=5999.0 a=9000 o=8001 c=1");

	note = (struct commit_note){0};
	assert_true(commit_note_read(buf_slice(&text), &note));
	assert_int_equal(note.attempts_from, 9000);
	assert_int_equal(note.take_over, 8001);
	assert_true(note.clean);
	assert_false(watermark_is_new(&note.watermark, &source));
	prefix_free(&p);
}

static void a_note_that_is_none_is_refused_and_an_empty_one_is_empty(_unused_ void **state)
{
	struct commit_note note;

	assert_true(commit_note_read(SLICE(""), &note));
	assert_int_equal(note.attempts_from, -1);
	assert_false(note.clean);
	assert_true(commit_note_read(SLICE(" a=7"), &note));
	assert_int_equal(note.attempts_from, 7);
	assert_int_equal(note.take_over, 0);
	assert_true(commit_note_read(SLICE(" a=7 o=-1"), &note));
	assert_int_equal(note.take_over, RESUME_ANYBODY);
	assert_false(commit_note_read(SLICE(" a=7 o=-2"), &note));
	assert_int_equal(note.watermark.count, 0);
	assert_false(commit_note_read(SLICE("market/1=2.0 a=-7"), &note));
	assert_false(commit_note_read(SLICE("market/1=2.0 a=x"), &note));
	assert_false(commit_note_read(SLICE("market/1=2.0 b=1"), &note));
}

/* --- taking over --- */

static enum resume_learnt learn_of(struct resume *r, uint64_t take_over, uint32_t round,
				   uint32_t attempt, bool final, uint64_t routed, int64_t offset)
{
	Punnet__V1__DeliveryAttempt m = PUNNET__V1__DELIVERY_ATTEMPT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__Assignment assignment = PUNNET__V1__ASSIGNMENT__INIT;
	_cleanup_(buf_free) struct buf bytes = {0};
	struct arena scratch = {0};
	enum resume_learnt learnt;

	source.offset = routed;
	m.take_over = take_over;
	assignment.round = round;
	m.lead_id = codec_lead_id(&lead);
	m.source = &source;
	m.assignment = &assignment;
	m.attempt = attempt;
	m.result = final ? PUNNET__V1__ATTEMPT_RESULT__OK : PUNNET__V1__ATTEMPT_RESULT__TEMPFAIL;
	m.ever_unknown = !final;
	m.final = final;
	m.next_due_at_ms = final ? 0 : 777;
	codec_pack(&m.base, &bytes);
	learnt = resume_learn(r, &scratch, SLICE("punnet.v1.DeliveryAttempt"), buf_slice(&bytes),
			      offset);
	arena_free(&scratch);
	return learnt;
}

static void learn(struct resume *r, uint32_t round, uint32_t attempt, bool final, uint64_t routed,
		  int64_t offset)
{
	assert_int_equal(learn_of(r, 0, round, attempt, final, routed, offset),
			 (int64_t)routed < r->committed ? RESUME_BEHIND : RESUME_KEPT);
}

static void take_over(struct resume *r, int64_t offset)
{
	struct arena scratch = {0};

	assert_int_equal(resume_learn(r, &scratch, SLICE("punnet.v1.TakeOver"), SLICE(""), offset),
			 RESUME_TAKE_OVER);
	arena_free(&scratch);
}

static void take_over_noting(struct resume *r, int64_t offset)
{
	Punnet__V1__TakeOver m = PUNNET__V1__TAKE_OVER__INIT;
	_cleanup_(buf_free) struct buf bytes = {0};
	struct arena scratch = {0};

	m.notes_takings = true;
	codec_pack(&m.base, &bytes);
	assert_int_equal(
	    resume_learn(r, &scratch, SLICE("punnet.v1.TakeOver"), buf_slice(&bytes), offset),
	    RESUME_TAKE_OVER);
	arena_free(&scratch);
}

static enum resume_learnt learn_taking(struct resume *r, uint64_t take_over, uint64_t until,
				       int64_t offset)
{
	Punnet__V1__Taking m = PUNNET__V1__TAKING__INIT;
	_cleanup_(buf_free) struct buf bytes = {0};
	struct arena scratch = {0};
	enum resume_learnt learnt;

	m.take_over = take_over;
	m.until = until;
	codec_pack(&m.base, &bytes);
	learnt = resume_learn(r, &scratch, SLICE("punnet.v1.Taking"), buf_slice(&bytes), offset);
	arena_free(&scratch);
	return learnt;
}

static void what_was_noted_by_its_owners_is_what_may_have_been_sent(_unused_ void **state)
{
	struct resume r;

	resume_start(&r, 50, 5); /* in the midst of an owner's time */
	assert_int_equal(learn_taking(&r, 5, 60, 10), RESUME_TAKING);
	take_over_noting(&r, 11);
	assert_int_equal(learn_taking(&r, 5, 90, 12), RESUME_STALE);
	assert_int_equal(learn_taking(&r, 12, 55, 13), RESUME_TAKING);
	assert_int_equal(r.sent_until, 60);
	assert_int_equal(learn_taking(&r, 12, 70, 14), RESUME_TAKING);
	assert_int_equal(r.sent_until, 70);
	assert_true(resume_is_noted(&r));
	resume_free(&r);
}

static void
an_owner_of_whom_it_is_not_known_that_it_notes_may_have_sent_anything(_unused_ void **state)
{
	struct resume r;
	struct arena scratch = {0};

	resume_start(&r, 50, 5); /* it has said nothing since */
	assert_false(resume_is_noted(&r));
	take_over_noting(&r, 11);
	assert_int_equal(learn_taking(&r, 12, 55, 12), RESUME_TAKING);
	assert_false(resume_is_noted(&r));
	resume_free(&r);

	resume_start(&r, 50, 0);
	take_over(&r,
		  11); /* of a version that noted nothing: all up to its last attempt, at least */
	assert_int_equal(learn_of(&r, 12, 1, 1, false, 57, 12), RESUME_KEPT);
	take_over_noting(&r, 13);
	assert_false(resume_is_noted(&r));
	assert_int_equal(r.sent_until, 58);
	resume_free(&r);

	resume_start(&r, 50, RESUME_ANYBODY); /* what stood before is gone */
	assert_int_equal(learn_taking(&r, 12, 55, 12), RESUME_TAKING);
	assert_int_equal(r.sent_until, 55);
	assert_false(resume_is_noted(&r));
	resume_free(&r);

	resume_start(&r, 50, 5);
	assert_int_equal(learn_taking(&r, 5, 55, 12), RESUME_TAKING);
	assert_true(resume_is_noted(&r));
	assert_int_equal(
	    resume_learn(&r, &scratch, SLICE("punnet.v1.Taking"), SLICE("\x0a\xff"), 13),
	    RESUME_UNREADABLE);
	assert_false(resume_is_noted(&r));
	arena_free(&scratch);
	resume_free(&r);
}

static void an_owner_that_was_relieved_is_not_believed(_unused_ void **state)
{
	struct resume r;

	resume_start(&r, 50, 0);
	assert_int_equal(learn_of(&r, 0, 1, 1, false, 50, 10), RESUME_KEPT);
	take_over(&r, 11);
	assert_int_equal(learn_of(&r, 12, 1, 2, false, 50, 12), RESUME_KEPT);
	/* the first owner wakes up: its second attempt was its last, and has failed */
	assert_int_equal(learn_of(&r, 0, 1, 2, true, 50, 13), RESUME_STALE);
	assert_false(resume_find(&r, 50)->step.final);
	take_over(&r, 14);
	assert_int_equal(learn_of(&r, 12, 1, 3, true, 50, 15), RESUME_STALE);
	assert_int_equal(learn_of(&r, 15, 1, 3, false, 50, 16), RESUME_KEPT);
	assert_int_equal(resume_find(&r, 50)->record_offset, 16);
	assert_int_equal(r.stale, 2);
	resume_free(&r);

	/* a reading that begins behind a take-over knows it from the commit */
	resume_start(&r, 50, 12);
	assert_int_equal(learn_of(&r, 0, 1, 2, true, 50, 13), RESUME_STALE);
	assert_int_equal(learn_of(&r, 12, 1, 2, false, 50, 14), RESUME_KEPT);
	resume_free(&r);

	resume_start(&r, 50, RESUME_ANYBODY);
	assert_int_equal(learn_of(&r, 7, 1, 1, false, 50, 13), RESUME_KEPT);
	assert_int_equal(learn_of(&r, 5, 1, 2, true, 50, 14), RESUME_STALE);
	resume_free(&r);
}

static void a_successor_goes_on_after_the_last_attempt_of_each_delivery(_unused_ void **state)
{
	struct resume r;
	struct arena scratch = {0};

	resume_start(&r, 50, 0);
	learn(&r, 0, 1, false, 49, 10);
	assert_null(resume_find(&r, 49));
	learn(&r, 1, 1, false, 50, 11);
	learn(&r, 1, 2, false, 50, 12);
	assert_int_equal(resume_find(&r, 50)->step.attempt, 2);
	assert_int_equal(resume_find(&r, 50)->step.next_due_at_ms, 777);
	assert_true(resume_find(&r, 50)->step.ever_unknown);
	learn(&r, 1, 3, true, 50, 13);
	learn(&r, 1, 3, false, 50, 14); /* a slow predecessor, after the end */
	assert_true(resume_find(&r, 50)->step.final);
	assert_int_equal(resume_find(&r, 50)->record_offset, 13);
	assert_null(resume_find(&r, 51));
	assert_int_equal(resume_learn(&r, &scratch, SLICE(""), SLICE("\x0a\xff"), 15),
			 RESUME_UNREADABLE);
	arena_free(&scratch);
	resume_free(&r);
}

/* A clock was ahead by an hour: what was to wait for 5 s does not wait until then. */
static void an_attempt_that_was_made_in_the_future_is_due_now(_unused_ void **state)
{
	struct resumed last = {.step = {.next_due_at_ms = 3605000}, .started_at_ms = 3600000};

	assert_int_equal(resume_due_ms(&last, 10000), 10000);
	last = (struct resumed){.step = {.next_due_at_ms = 14000}, .started_at_ms = 9000};
	assert_int_equal(resume_due_ms(&last, 10000), 14000);
	last = (struct resumed){.step = {.next_due_at_ms = 9500}, .started_at_ms = 9000};
	assert_int_equal(resume_due_ms(&last, 10000), 9500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_plan_is_read_and_nonsense_is_refused),
	    cmocka_unit_test(a_wait_is_the_plans_give_or_take_a_tenth_and_always_the_same),
	    cmocka_unit_test(what_the_advertiser_asks_for_is_honoured_up_to_the_longest_wait),
	    cmocka_unit_test(each_series_of_answers_ends_in_its_outcome),
	    cmocka_unit_test(a_delivery_carries_no_reason_and_a_doubt_says_that_it_is_one),
	    cmocka_unit_test(a_predecessors_webhook_may_have_been_under_way),
	    cmocka_unit_test(an_echoed_contact_does_not_reach_the_excerpt),
	    cmocka_unit_test(an_excerpt_is_cut_between_characters),
	    cmocka_unit_test(a_commit_carries_the_watermark_of_its_own_place),
	    cmocka_unit_test(a_note_that_is_none_is_refused_and_an_empty_one_is_empty),
	    cmocka_unit_test(a_successor_goes_on_after_the_last_attempt_of_each_delivery),
	    cmocka_unit_test(an_attempt_that_was_made_in_the_future_is_due_now),
	    cmocka_unit_test(an_owner_that_was_relieved_is_not_believed),
	    cmocka_unit_test(what_was_noted_by_its_owners_is_what_may_have_been_sent),
	    cmocka_unit_test(an_owner_of_whom_it_is_not_known_that_it_notes_may_have_sent_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
