/* flow_seen: see flow_seen.h. */
#include "flow_seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "lead/codec.h"
#include "proto/dead_letters.pb-c.h"
#include "proto/leads_attempts.pb-c.h"

/* Delivery writes its records field by field: they must be what packing the message gives. */
static void expect_packed(const ProtobufCMessage *m, struct slice value)
{
	struct buf packed = {0};

	codec_pack(m, &packed);
	assert_true(slice_equal(buf_slice(&packed), value));
	buf_free(&packed);
}

void seen_outcome(void *ctx, struct slice value)
{
	struct outcomes *o = ctx;
	struct arena scratch = {0};
	const Punnet__V1__Outcome *m =
	    codec_unpack(&scratch, &punnet__v1__outcome__descriptor, value);
	struct seen *s = &o->seen[o->count++];

	assert_non_null(m);
	expect_packed(&m->base, value);
	assert_string_equal(m->source->topic, "leads.attempts");
	assert_true(lead_id_from_bytes(m->lead_id.data, m->lead_id.len, &s->lead_id));
	s->kind = m->kind;
	s->attempts = m->attempts;
	snprintf(s->reason, sizeof(s->reason), "%s", m->reason_code);
	arena_free(&scratch);
}

void seen_attempt(_unused_ void *ctx, struct slice value)
{
	struct arena scratch = {0};
	const Punnet__V1__DeliveryAttempt *m =
	    codec_unpack(&scratch, &punnet__v1__delivery_attempt__descriptor, value);

	assert_non_null(m);
	expect_packed(&m->base, value);
	assert_null(strstr(m->answer_excerpt, "9161234567"));
	assert_null(strstr(m->answer_excerpt, "Петров"));
	assert_null(strstr(m->answer_sample, "9161234567"));
	assert_null(strstr(m->answer_sample, "Петров"));
	arena_free(&scratch);
}

void seen_dead_letter(_unused_ void *ctx, struct slice value)
{
	struct arena a = {0};
	const Punnet__V1__DeadLetter *m =
	    codec_unpack(&a, &punnet__v1__dead_letter__descriptor, value);

	assert_non_null(m);
	assert_true(slice_equal(codec_bytes(m->original), SLICE("\xff")));
	assert_true(slice_equal(codec_bytes(m->original_key), SLICE("k")));
	assert_string_equal(m->original_type, "punnet.v1.RoutedLead");
	assert_string_equal(m->source->topic, "leads.routed");
	arena_free(&a);
}
