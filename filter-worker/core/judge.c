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
	struct judged_reason reason = {.filter = rule->filter, .weight = rule->weight};

	b->out->answers[b->out->answer_count++] = answer;
	if (finding.reason == REASON_NONE)
		return;
	reason.finding = finding;
	if (rule->shadow) {
		b->out->shadow[b->out->shadow_count++] = reason;
		return;
	}
	b->out->score += rule->weight;
	b->rejected |= rule->action == ACTION_REJECT || finding.rejects;
	b->out->reasons[b->out->reason_count++] = reason;
}

static void say_score(struct bench *b, enum reason reason, int32_t limit)
{
	struct finding finding = {.reason = reason, .arena = b->arena};

	finding_number(&finding, "score", b->out->score);
	finding_number(&finding, "limit", limit);
	memmove(b->out->reasons + 1, b->out->reasons,
		b->out->reason_count * sizeof(*b->out->reasons));
	b->out->reasons[0] = (struct judged_reason){.finding = finding};
	b->out->reason_count++;
}

static enum verdict conclude(struct bench *b, const struct rule_list *l)
{
	if (b->rejected)
		return LEAD_REJECTED;
	if (b->out->score >= l->reject_at) {
		say_score(b, REASON_SCORE_TOO_HIGH, l->reject_at);
		return LEAD_REJECTED;
	}
	if (l->quarantine_at > 0 && b->out->score >= l->quarantine_at) {
		say_score(b, REASON_SCORE_DOUBTFUL, l->quarantine_at);
		return LEAD_QUARANTINED;
	}
	return LEAD_ACCEPTED;
}

static const struct rule_list *list_for(const struct ruleset *rs, const struct facts *facts)
{
	struct slice vertical = {0}, webmaster = {0};

	/* What is not known is empty, and fits no scope. */
	if (!facts_text(facts, FACT_VERTICAL, &vertical))
		vertical = (struct slice){0};
	if (!facts_text(facts, FACT_WEBMASTER, &webmaster))
		webmaster = (struct slice){0};
	return ruleset_list(rs, vertical, webmaster);
}

void judge_lead(const struct ruleset *rs, const struct facts *facts, struct arena *a,
		struct judgement *ret)
{
	const struct rule_list *l = list_for(rs, facts);
	struct bench b = {.out = ret, .arena = a};

	*ret = (struct judgement){
	    .list = l,
	    .reasons = arena_calloc(a, l->count + 1, sizeof(*ret->reasons)),
	    .shadow = arena_calloc(a, l->count + 1, sizeof(*ret->shadow)),
	    .answers = arena_calloc(a, l->count + 1, sizeof(*ret->answers)),
	};
	for (size_t i = 0; i < l->count; i++)
		apply(&b, &l->rules[i], facts);
	ret->verdict = conclude(&b, l);
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
	return j.verdict != LEAD_REJECTED;
}
