/* judge: see judge.h. */
#include "judge.h"

struct bench {
	struct judgement *out;
	struct arena *arena;
	bool rejected;
	struct finding finding; /* of the rule at hand */
	/* Most leads have few reasons, so only what there is goes into the arena. */
	struct judged_reason reasons[RULES_MAX + 2], shadow[RULES_MAX];
};

/* All but the parameters, of which none counts yet: most rules find nothing, and this is done for each of them. */
static void finding_clear(struct finding *f, struct arena *a)
{
	f->reason = REASON_NONE;
	f->rejects = false;
	f->about_a_lead = false;
	f->param_count = 0;
	f->arena = a;
}

/* A missing fact counts as a hit only where the rule says so; the reason then says what was missing, not what was found. */
static enum answer ask(const struct filter_rule *rule, const struct facts *facts,
		       struct finding *ret)
{
	enum answer answer = rule->filter->judge(rule, facts, ret);

	assert(answer >= ANSWER_PASS && answer <= ANSWER_UNKNOWN);
	assert(answer != ANSWER_HIT || ret->reason != REASON_NONE);
	if (answer != ANSWER_UNKNOWN || rule->on_unknown != UNKNOWN_HITS)
		return answer;

	finding_clear(ret, ret->arena);
	ret->reason = REASON_FACT_UNKNOWN;
	finding_text(ret, "filter", slice_cstr(rule->filter->name));
	return answer;
}

static void apply(struct bench *b, const struct filter_rule *rule, const struct facts *facts)
{
	struct judged_reason *reason;

	finding_clear(&b->finding, b->arena);
	b->out->answers[b->out->answer_count++] = ask(rule, facts, &b->finding);
	if (b->finding.reason == REASON_NONE)
		return;
	reason =
	    rule->shadow ? &b->shadow[b->out->shadow_count++] : &b->reasons[b->out->reason_count++];
	*reason = (struct judged_reason){rule->filter, rule->weight, b->finding};
	if (rule->shadow)
		return;
	b->out->score += rule->weight;
	b->rejected |= rule->action == ACTION_REJECT || b->finding.rejects;
}

static void say_first(struct bench *b, const struct finding *finding)
{
	memmove(b->reasons + 1, b->reasons, b->out->reason_count * sizeof(*b->reasons));
	b->reasons[0] = (struct judged_reason){.finding = *finding};
	b->out->reason_count++;
}

static void say_score(struct bench *b, enum reason reason, int32_t limit)
{
	struct finding finding = {.reason = reason, .arena = b->arena};

	finding_number(&finding, "score", b->out->score);
	finding_number(&finding, "limit", limit);
	say_first(b, &finding);
}

/* No rule set has a say in it. */
static bool is_erased(const struct facts *facts)
{
	return facts->values[FACT_ERASED_AT].known;
}

static struct judged_reason *keep(struct arena *a, const struct judged_reason *reasons,
				  size_t count)
{
	struct judged_reason *kept = arena_alloc(a, count * sizeof(*kept));

	memcpy(kept, reasons, count * sizeof(*kept));
	return kept;
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
	struct bench b;

	b.out = ret;
	b.arena = a;
	b.rejected = false;
	*ret = (struct judgement){
	    .list = l,
	    .answers = arena_alloc(a, l->count * sizeof(*ret->answers)),
	};
	for (size_t i = 0; i < l->count; i++)
		apply(&b, &l->rules[i], facts);
	if (is_erased(facts)) {
		b.rejected = true;
		say_first(&b, &(struct finding){.reason = REASON_ERASED, .arena = a});
	}
	ret->verdict = conclude(&b, l);
	ret->reasons = keep(a, b.reasons, ret->reason_count);
	ret->shadow = keep(a, b.shadow, ret->shadow_count);
	assert(ret->verdict == LEAD_ACCEPTED || ret->reason_count > 0);
}

bool judge_candidate(const struct ruleset *rs, const struct facts *local)
{
	const struct rule_list *l = list_for(rs, local);
	int64_t score = 0;

	if (is_erased(local))
		return false;
	for (size_t i = 0; i < l->count; i++) {
		const struct filter_rule *rule = &l->rules[i];
		struct finding finding;

		if (rule->shadow || !rule->filter->local)
			continue;
		finding_clear(&finding, NULL);
		(void)ask(rule, local, &finding);
		if (finding.reason == REASON_NONE)
			continue;
		if (rule->action == ACTION_REJECT || finding.rejects)
			return false;
		score += rule->weight;
	}
	return score < l->reject_at;
}
