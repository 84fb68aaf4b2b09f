/* lead_path: what the fuzzers share: from a draft to the record, with what must hold on the way. */
#ifndef PUNNET_FUZZ_LEAD_PATH_H
#define PUNNET_FUZZ_LEAD_PATH_H

#include "collector/core/raw_lead.h"
#include "lead/codec.h"
#include "proto/leads_raw.pb-c.h"

#define FUZZ_NOW_MS 1795341600000LL

/* A faulty lead gives a problem document that is JSON; a good one a record that can be read back and has a person. */
static inline void lead_path(struct draft *d, struct faults *f, struct arena *a)
{
	static const uint8_t key[32] = {1};
	struct raw_lead_origin origin = {.received_at_ms = FUZZ_NOW_MS,
					 .aff_id = "w",
					 .default_country = "RU",
					 .fingerprint_key = key,
					 .day_key = key,
					 .key_day = 1};
	Punnet__V1__Vertical vertical = PUNNET__V1__VERTICAL__INIT;
	struct draft_context context = {
	    .vertical = &vertical, .default_country = "RU", .now_ms = FUZZ_NOW_MS};
	struct raw_lead_scratch scratch = {0};
	struct fingerprint person = {0};
	struct json_fault fault;
	struct buf out = {0};

	draft_check(d, &context, f);
	if (f->count > 0) {
		problem_write(PROBLEM_INVALID_LEAD, 1, NULL, f, &out);
		assert(json_parse(a, buf_slice(&out), JSON_LIMITS_DEFAULT, &fault));
	} else {
		raw_lead_build(d, &origin, &scratch, &out, &person);
		assert(person.known && !out.failed);
		assert(codec_unpack(a, &punnet__v1__raw_lead__descriptor, buf_slice(&out)));
	}
	raw_lead_scratch_free(&scratch);
	buf_free(&out);
}

#endif
