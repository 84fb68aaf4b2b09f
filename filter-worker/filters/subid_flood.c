/* subid_flood: a webmaster's leads come under ever new sub-ids, and yesterday they did not: what was refused under one is tried
 * again under the next.
 *
 * needs    the webmaster's leads and different sub1 values of today and of yesterday (UTC days); of his last leads, how many
 *          there are, of how many different sub1 values, in what time, and how many share this lead's; whether yesterday had
 *          leads under it
 * hit      many of today's leads have a sub1 of their own, and that is several times yesterday's share: it adds to the score, and
 *          little, for it is about the webmaster. Or: this lead's own sub1 is new, so are most of the last leads', which yesterday's
 *          were not, and they come several times as fast as yesterday's did: that is the flood itself, and rejects
 * unknown  too few leads, today or yesterday, to say so
 * trap     many trackers make a sub-id per click: yesterday then looked alike, and it passes. Who comes under one of the webmaster's
 *          old sub-ids in the midst of a flood passes, too. A tracker that is changed today brings new sub-ids at the pace of
 *          yesterday, and only scores. On the first day of a webmaster nobody knows the habit */
#include "filter-worker/core/filter.h"

extern const struct filter filter_subid_flood;

/* Nearly all that are remembered: fewer are an ordinary morning, and one that is read again finds some pushed out. */
#define BURST_LEAST     20
#define YESTERDAY_LEAST 5
#define PERCENT         100

enum { LEAST, SHARE, TIMES, FRESH, PACE, HABIT };

static void follow(const struct claim_subject *s, const struct facts *local,
		   struct trail_plan *plan)
{
	if (s->sub1.len > 0)
		trail_plan_want_source(plan, &filter_subid_flood, s, local);
}

/* Values of seen, with this one among them from now on. */
static size_t add_new(uint32_t seen[TRAIL_VISITS_MAX], size_t count, uint32_t value)
{
	for (size_t i = 0; i < count; i++) {
		if (seen[i] == value)
			return count;
	}
	seen[count] = value;
	return count + 1;
}

static void learn(const struct trail_want *want, int64_t now_ms, struct facts *ret)
{
	const struct trail *t = &want->found;
	uint32_t own = source_sub(&want->own), seen[TRAIL_VISITS_MAX];
	int64_t leads = 0, same = 0, span_ms = 0;
	size_t subs = 0;

	assert(t->count <= TRAIL_VISITS_MAX);
	for (size_t i = 0; i < t->count; i++) {
		const struct visit *v = &t->visits[i];

		if (now_ms - v->at_ms >= SOURCE_KEEP_MS)
			continue;
		leads++;
		same += source_sub(v) == own;
		span_ms = MAX_OF(span_ms, now_ms - v->at_ms);
		subs = add_new(seen, subs, source_sub(v));
	}
	facts_set_number(ret, FACT_RECENT_LEADS, leads);
	facts_set_number(ret, FACT_RECENT_MS, span_ms);
	facts_set_number(ret, FACT_RECENT_SUBS, (int64_t)subs);
	facts_set_number(ret, FACT_RECENT_SAME_SUB, same);
}

static void weigh(const struct source *source, struct facts *ret)
{
	facts_set_number(ret, FACT_SOURCE_LEADS_TODAY, source->today.leads);
	facts_set_number(ret, FACT_SOURCE_LEADS_YESTERDAY, source->yesterday.leads);
	facts_set_number(ret, FACT_SOURCE_SUBS_TODAY, source->today.subs);
	facts_set_number(ret, FACT_SOURCE_SUBS_YESTERDAY, source->yesterday.subs);
	if (source->has_sub)
		facts_set_number(ret, FACT_SUB_YESTERDAY, source->sub_yesterday);
}

/* In percent; sums are about right, so it may be over 100. */
static bool share_of(const struct facts *facts, enum fact_name subs_fact, enum fact_name leads_fact,
		     int64_t least, int64_t *ret)
{
	int64_t subs, leads;

	if (!facts_number(facts, subs_fact, &subs) || !facts_number(facts, leads_fact, &leads) ||
	    leads < least || leads > UINT32_MAX || subs < 0 || subs > UINT32_MAX)
		return false;
	*ret = subs * 100 / leads;
	return true;
}

/* Facts of a record may be anything: none is too large to multiply. */
static bool recent(const struct facts *facts, enum fact_name name, int64_t most, int64_t *ret)
{
	if (!facts_number(facts, name, ret) || *ret < 0)
		return false;
	*ret = MIN_OF(*ret, most);
	return true;
}

/* The lead comes under a sub1 that is new, and yesterday that was nothing usual. */
static bool is_new(const struct filter_rule *rule, const struct facts *facts,
		   int64_t *ret_yesterday)
{
	int64_t same, known, subs;

	if (!recent(facts, FACT_RECENT_SAME_SUB, TRAIL_VISITS_MAX, &same) ||
	    !recent(facts, FACT_SUB_YESTERDAY, 1, &known) ||
	    !recent(facts, FACT_SOURCE_SUBS_YESTERDAY, UINT32_MAX, &subs) ||
	    !recent(facts, FACT_SOURCE_LEADS_YESTERDAY, UINT32_MAX, ret_yesterday))
		return false;
	return same == 0 && known == 0 && *ret_yesterday >= YESTERDAY_LEAST &&
	       subs * PERCENT < *ret_yesterday * rule->params[HABIT];
}

static bool is_burst(const struct filter_rule *rule, const struct facts *facts, int64_t *ret_leads,
		     int64_t *ret_subs)
{
	int64_t ms, yesterday;

	if (rule->params[PACE] == 0 || !is_new(rule, facts, &yesterday) ||
	    !recent(facts, FACT_RECENT_LEADS, TRAIL_VISITS_MAX, ret_leads) ||
	    !recent(facts, FACT_RECENT_SUBS, TRAIL_VISITS_MAX, ret_subs) ||
	    !recent(facts, FACT_RECENT_MS, MS_PER_DAY, &ms) || *ret_leads < BURST_LEAST)
		return false;
	return *ret_subs * PERCENT >= *ret_leads * rule->params[FRESH] &&
	       *ret_leads * (MS_PER_DAY / MS_PER_S) >=
		   yesterday * rule->params[PACE] * (ms / MS_PER_S);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t today, yesterday, least = rule->params[LEAST];

	if (is_burst(rule, facts, &today, &yesterday)) {
		ret->reason = REASON_SUBID_BURST;
		ret->rejects = true;
		finding_number(ret, "leads", today);
		finding_number(ret, "subs", yesterday);
		return ANSWER_HIT;
	}

	if (!share_of(facts, FACT_SOURCE_SUBS_TODAY, FACT_SOURCE_LEADS_TODAY, least, &today))
		return ANSWER_UNKNOWN;
	if (today < rule->params[SHARE])
		return ANSWER_PASS;
	if (!share_of(facts, FACT_SOURCE_SUBS_YESTERDAY, FACT_SOURCE_LEADS_YESTERDAY, least,
		      &yesterday))
		return ANSWER_UNKNOWN;
	if (today < yesterday * rule->params[TIMES])
		return ANSWER_PASS;

	ret->reason = REASON_SUBID_FLOOD;
	finding_number(ret, "today", MIN_OF(today, 100));
	finding_number(ret, "yesterday", MIN_OF(yesterday, 100));
	return ANSWER_HIT;
}

const struct filter filter_subid_flood = {
    .name = "subid_flood",
    .help = "The webmaster's leads suddenly come under ever new sub-ids.",
    .action = ACTION_SCORE,
    .weight = 5,
    .reasons = {REASON_SUBID_FLOOD, REASON_SUBID_BURST},
    FILTER_FACTS(FACT_SOURCE_LEADS_TODAY, FACT_SOURCE_LEADS_YESTERDAY, FACT_SOURCE_SUBS_TODAY,
		 FACT_SOURCE_SUBS_YESTERDAY, FACT_RECENT_LEADS, FACT_RECENT_SUBS, FACT_RECENT_MS,
		 FACT_RECENT_SAME_SUB, FACT_SUB_YESTERDAY),
    .params = {[LEAST] = {.name = "least",
			  .type = PARAM_NUMBER,
			  .standard = 50,
			  .least = 10,
			  .most = 1000000,
			  .help = "Of fewer leads a day nothing is said."},
	       [SHARE] = {.name = "share",
			  .type = PARAM_NUMBER,
			  .standard = 50,
			  .least = 1,
			  .most = 100,
			  .help =
			      "From so many different sub1 values on a hundred leads it is a hit."},
	       [TIMES] = {.name = "times",
			  .type = PARAM_NUMBER,
			  .standard = 3,
			  .least = 1,
			  .most = 100,
			  .help = "And when that is so many times yesterday's share."},
	       [FRESH] = {.name = "fresh",
			  .type = PARAM_NUMBER,
			  .standard = 70,
			  .least = 50,
			  .most = 100,
			  .help = "A new sub1 among leads of which so many in a hundred have "
				  "different ones is rejected."},
	       [PACE] = {.name = "pace",
			 .type = PARAM_NUMBER,
			 .standard = 3,
			 .least = 0,
			 .most = 100,
			 .help = "When they come so many times as fast as yesterday's; 0 never "
				 "rejects."},
	       [HABIT] = {.name = "habit",
			  .type = PARAM_NUMBER,
			  .standard = 80,
			  .least = 1,
			  .most = 100,
			  .help = "From so many different sub1 values on a hundred leads of "
				  "yesterday it is a habit, and never rejects."}},
    .follow = follow,
    .learn = learn,
    .weigh = weigh,
    .judge = judge,
};
