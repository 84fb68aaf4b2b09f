/* replay_verdicts: what the files about verdicts share. */
#ifndef PUNNET_REPLAY_VERDICTS_H
#define PUNNET_REPLAY_VERDICTS_H

#include "base/map.h"
#include "filter-worker/core/judge.h"
#include "tools/replay/replay_rules.h"

#define VERDICT_KINDS        4 /* none, accepted, rejected, quarantined */
#define TALLY_WEBMASTERS_MAX 100000
#define TALLY_CHANGED_MAX    4000000 /* leads whose money is looked up */
#define TALLY_FILTERS_MAX    128

/* --- what other rules would have changed (replay_tally.c) --- */

struct tally_filter {
	uint64_t before, after; /* leads that it spoke against */
};
struct tally_webmaster {
	char *aff_id;
	uint64_t leads, accepted_before, accepted_after;
};
struct tally_sample {
	char lead[LEAD_ID_TEXT_LEN + 1], text[REPLAY_TEXT_MAX];
};
struct tally_lost { /* accepted before, and not after */
	struct lead_id id;
};
struct tally {
	uint64_t verdicts[VERDICT_KINDS][VERDICT_KINDS]; /* [before][after] */
	struct tally_filter filters[TALLY_FILTERS_MAX];  /* by filter_index() */
	uint64_t score_before, score_after; /* leads that the sum of the scores decided */
	struct map webmasters;              /* aff_id -> struct tally_webmaster */
	struct tally_sample samples[REPLAY_SAMPLES];
	size_t sample_count;
	struct tally_lost *lost;
	size_t lost_count, lost_cap;
	uint64_t lost_unlisted; /* past TALLY_CHANGED_MAX */
};
void tally_lead(struct tally *t, const struct lead_id *id, struct slice aff_id,
		const struct judgement *before, const struct judgement *after);
void tally_merge(struct tally *into, struct tally *from); /* frees `from` */
void tally_free(struct tally *t);
/* Prints it; the money of what was sold and would not have been accepted is read from leads.outcomes. */
_must_use_ enum result tally_report(struct replay *r, struct tally *t, const char *rules_hash,
				    struct error *ret_error);

const char *verdict_name(uint64_t verdict);

#endif
