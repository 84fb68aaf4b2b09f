/* judge: facts and a rule set in, a verdict with its reasons out. Pure, and total: every set of facts has a verdict.
 *
 * Each hit adds its weight to the score. A lead is rejected by a hit whose rule (or finding) rejects, or by a score of at
 * least `reject_at`; from `quarantine_at` on it is left to an operator. Reasons stand in the order of the rules, hits that
 * did not reject among them; when the score alone rejects or quarantines, SCORE_TOO_HIGH or SCORE_DOUBTFUL stands before
 * its contributors. An erased person's lead is rejected before any rule. Nothing is ever dropped at random. */
#ifndef PUNNET_JUDGE_H
#define PUNNET_JUDGE_H

#include "ruleset.h"

enum verdict { LEAD_ACCEPTED = 1, LEAD_REJECTED, LEAD_QUARANTINED };

struct judged_reason {
	const struct filter *filter; /* NULL: said by the score */
	int32_t weight;
	struct finding finding;
};

struct judgement {
	enum verdict verdict;
	int32_t score;
	struct judged_reason *reasons; /* in the arena */
	size_t reason_count;
	enum answer *answers; /* in the order of the list's rules, in the arena */
	size_t answer_count;
	const struct rule_list *list; /* the rules that applied */
	struct judged_reason *shadow; /* what the rules in shadow said, in the arena */
	size_t shadow_count;
};

void judge_lead(const struct ruleset *rs, const struct facts *facts, struct arena *a,
		struct judgement *ret);

/* Before the kv is asked: do the filters that need none of it let the lead through? If not, no claim can save it, because a hit
 * never lowers a score; so it must not take any that could stand in a good lead's way. */
bool judge_candidate(const struct ruleset *rs, const struct facts *local);

#endif
