/* What a webmaster may ask to be told once more: row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "collector/core/replay.h"
#include "lead/codec.h"
#include "proto/status_replays.pb-c.h"

#define NOW_MS 1767225600000 /* 2026-01-01 */

static struct arena arena;

static bool reads(const char *body, struct replay *r, struct faults *f)
{
	const char *why = NULL;

	*f = (struct faults){0};
	return replay_read(r, &arena, slice_cstr(body), NOW_MS, f, &why);
}

static void what_is_right_becomes_a_request_under_the_keys_name(_unused_ void **state)
{
	const Punnet__V1__ReplayRequest *m;
	struct buf out = {0};
	struct replay r;
	struct faults f;

	assert_true(reads("{\"from\":\"2025-12-20T00:00:00Z\",\"to\":\"2025-12-21T00:00:00Z\","
			  "\"event\":\"approved\"}",
			  &r, &f));
	assert_int_equal(f.count, 0);
	replay_build(&r, "w17", NOW_MS, &arena, &out);
	m = codec_unpack(&arena, &punnet__v1__replay_request__descriptor, buf_slice(&out));
	assert_string_equal(m->aff_id, "w17");
	assert_int_equal(m->from_ms, 1766188800000);
	assert_int_equal(m->until_ms, 1766275200000);
	assert_int_equal(m->kind, PUNNET__V1__STATUS_KIND__STATUS_APPROVED);
	assert_int_equal(m->lead_id.len, 0);
	buf_free(&out);
	/* what is to come is told in any case, so nothing reaches beyond now */
	assert_true(reads("{\"lead_id\":\"0192f0c1-0000-7000-8000-000000000001\","
			  "\"to\":\"2030-01-01T00:00:00Z\"}",
			  &r, &f));
	assert_int_equal(f.count, 0);
	assert_int_equal(r.until_ms, NOW_MS);
	assert_int_equal(r.from_ms, NOW_MS - REPLAY_BACK_MS);
	assert_true(r.has_lead);
	arena_reset(&arena);
}

static void what_is_wrong_is_said_member_by_member(_unused_ void **state)
{
	static const struct {
		const char *body, *field, *code;
	} rows[] = {
	    {"{}", "from", "required"},
	    {"{\"from\":\"yesterday\"}", "from", "invalid"},
	    {"{\"from\":\"2025-11-01T00:00:00Z\"}", "from", "out_of_range"},
	    {"{\"from\":1767139200000,\"to\":1767139200000}", "to", "out_of_range"},
	    {"{\"from\":1767225600000}", "to", "out_of_range"},
	    {"{\"from\":1767139200000,\"event\":\"order_short\"}", "event", "invalid"},
	    {"{\"from\":1767139200000,\"event\":\"circuit_opened\"}", "event", "invalid"},
	    {"{\"from\":1767139200000,\"event\":7}", "event", "invalid"},
	    {"{\"from\":1767139200000,\"event_id\":\"\"}", "event_id", "invalid"},
	    {"{\"lead_id\":\"x\",\"from\":1767139200000}", "lead_id", "invalid"},
	    {"{\"from\":1767139200000,\"aff_id\":\"w2\"}", "aff_id", "unknown"},
	    {"{\"from\":1767139200000,\"webmaster\":\"w2\"}", "webmaster", "unknown"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct replay r;
		struct faults f;

		assert_true(reads(rows[i].body, &r, &f));
		if (f.count != 1)
			fail_msg("%s: %zu faults", rows[i].body, (size_t)f.count);
		assert_true(slice_is(f.list[0].field, rows[i].field));
		assert_string_equal(f.list[0].code, rows[i].code);
		arena_reset(&arena);
	}
}

static void what_is_no_object_can_not_be_read(_unused_ void **state)
{
	static const char *const bodies[] = {"", "[]", "7", "{\"from\":", "{} {}"};

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct replay r;
		struct faults f;

		assert_false(reads(bodies[i], &r, &f));
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_right_becomes_a_request_under_the_keys_name),
	    cmocka_unit_test(what_is_wrong_is_said_member_by_member),
	    cmocka_unit_test(what_is_no_object_can_not_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
