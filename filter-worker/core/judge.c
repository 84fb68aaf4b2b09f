/* judge: see judge.h. */
#include "judge.h"

struct bench {
	struct judgement *out;
	struct arena *arena;
	bool rejected;
};

/* A missing fact counts as a hit only where the rule says so; the reason then says what was missing, not what was found. */
static enum answer ask(const struct filter_rule *rule, const struct facts *facts,
		       struct finding *ret)
{
	enum answer answer = rule->filter->judge(rule, facts, ret);

	assert(answer >= ANSWER_PASS && answer <= ANSWER_UNKNOWN);
	assert(answer != ANSWER_HIT || ret->reason != REASON_NONE);
	if (answer != ANSWER_UNKNOWN || rule->on_unknown != UNKNOWN_HITS)
		return answer;

	*ret = (struct finding){.reason = REASON_FACT_UNKNOWN, .arena = ret->arena};
	finding_text(ret, "filter", slice_cstr(rule->filter->name));
	return answer;
}

static void apply(struct bench *b, const struct filter_rule *rule, const struct facts *facts)
{
	struct finding finding = {.arena = b->arena};
	enum answer answer = ask(rule, facts, &finding);

	b->out->answers[b->out->answer_count++] = answer;
	if (finding.reason == REASON_NONE)
		return;

	b->out->score += rule->weight;
	b->rejected |= rule->action == ACTION_REJECT || finding.rejects;
	b->out->reasons[b->out->reason_count++] = (struct judged_reason){
	    .filter = rule->filter, .weight = rule->weight, .finding = finding};
}

static void say_score_too_high(struct bench *b, int32_t limit)
{
	struct finding finding = {.reason = REASON_SCORE_TOO_HIGH, .arena = b->arena};

	finding_number(&finding, "score", b->out->score);
	finding_number(&finding, "limit", limit);
	memmove(b->out->reasons + 1, b->out->reasons,
		b->out->reason_count * sizeof(*b->out->reasons));
	b->out->reasons[0] = (struct judged_reason){.finding = finding};
	b->out->reason_count++;
}

void judge_lead(const struct ruleset *rs, const struct facts *facts, struct arena *a,
		struct judgement *ret)
{
	struct bench b = {.out = ret, .arena = a};

	*ret = (struct judgement){
	    .verdict = LEAD_ACCEPTED,
	    .reasons = arena_calloc(a, rs->count + 1, sizeof(*ret->reasons)),
	    .answers = arena_calloc(a, rs->count + 1, sizeof(*ret->answers)),
	};
	for (size_t i = 0; i < rs->count; i++)
		apply(&b, &rs->rules[i], facts);

	if (!b.rejected && ret->score >= rs->reject_at) {
		say_score_too_high(&b, rs->reject_at);
		b.rejected = true;
	}
	if (b.rejected)
		ret->verdict = LEAD_REJECTED;
	assert(ret->verdict == LEAD_ACCEPTED || ret->reason_count > 0);
}

bool judge_candidate(const struct ruleset *rs, const struct facts *local,
		     const struct claim_plan *plan, struct arena *a)
{
	struct facts hopeful = *local;
	struct judgement j;
	struct claim free_one = {0};

	for (size_t i = 0; i < plan->count; i++)
		facts_set_claim(&hopeful, plan->wants[i].fact, &free_one);
	judge_lead(rs, &hopeful, a, &j);
	return j.verdict == LEAD_ACCEPTED;
}
