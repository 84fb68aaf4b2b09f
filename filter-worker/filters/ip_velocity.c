/* ip_velocity: one address sends lead after lead in a vertical, more than its kind of network explains.
 *
 * needs    how many leads came from the address in the vertical within an hour and a day (at most TRAIL_VISITS_MAX are
 *          remembered), and the kind of network that the address belongs to
 * hit      with this one they are as many as the rule says for that kind
 * unknown  no address; or the kind is not known, and the kinds would be judged differently
 * trap     behind one address of a mobile carrier or a campus stand hundreds of people: they have limits of their own, and a hit
 *          only adds to the score */
#include "filter-worker/core/filter.h"

extern const struct filter filter_ip_velocity;

enum { HOUR, DAY, SHARED_HOUR, SHARED_DAY, HOSTING_HOUR, HOSTING_DAY };

/* The place of a kind's two limits among the parameters. */
enum kind { KIND_HOME = HOUR, KIND_SHARED = SHARED_HOUR, KIND_HOSTING = HOSTING_HOUR };
static const enum kind kinds[] = {KIND_HOME, KIND_SHARED, KIND_HOSTING};

struct counts {
	int64_t hour, day; /* this lead counted */
};

static void follow(const struct claim_subject *s, _unused_ const struct facts *local,
		   struct trail_plan *plan)
{
	trail_plan_want(plan, &filter_ip_velocity, "iv", s->vertical, s->ip, MS_PER_DAY,
			&(struct visit){.at_ms = s->received_at_ms});
}

static void learn(const struct trail_want *want, int64_t now_ms, struct facts *ret)
{
	const struct trail *t = &want->found;

	facts_set_number(ret, FACT_IP_LEADS_1H, (int64_t)trail_count(t, now_ms, MS_PER_HOUR));
	facts_set_number(ret, FACT_IP_LEADS_24H, (int64_t)trail_count(t, now_ms, MS_PER_DAY));
}

static bool kind_of(const struct facts *facts, enum kind *ret)
{
	struct slice network;

	if (!facts_text(facts, FACT_IP_NETWORK, &network))
		return false;
	if (slice_is(network, "isp"))
		*ret = KIND_HOME;
	else if (slice_is(network, "mobile") || slice_is(network, "education"))
		*ret = KIND_SHARED;
	else if (slice_is(network, "hosting"))
		*ret = KIND_HOSTING;
	else
		return false;
	return true;
}

static bool reaches(int64_t leads, int64_t limit)
{
	return limit > 0 && leads >= limit;
}

static bool is_much(const struct filter_rule *rule, enum kind kind, const struct counts *c)
{
	return reaches(c->hour, rule->params[kind]) || reaches(c->day, rule->params[kind + 1]);
}

/* What holds for every kind holds for one that is not known. */
static enum answer answer_for_any(const struct filter_rule *rule, const struct counts *c)
{
	size_t much = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		much += is_much(rule, kinds[i], c);
	if (much == 0)
		return ANSWER_PASS;
	return much == ARRAY_LEN(kinds) ? ANSWER_HIT : ANSWER_UNKNOWN;
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct counts c;
	enum answer answer;
	enum kind kind;

	if (!facts_number(facts, FACT_IP_LEADS_1H, &c.hour) ||
	    !facts_number(facts, FACT_IP_LEADS_24H, &c.day))
		return ANSWER_UNKNOWN;
	c.hour++;
	c.day++;
	if (kind_of(facts, &kind))
		answer = is_much(rule, kind, &c) ? ANSWER_HIT : ANSWER_PASS;
	else
		answer = answer_for_any(rule, &c);
	if (answer != ANSWER_HIT)
		return answer;

	ret->reason = REASON_IP_VELOCITY;
	finding_number(ret, "hour", c.hour);
	finding_number(ret, "day", c.day);
	return ANSWER_HIT;
}

#define LEADS(limit_name, limit, what)                                                             \
	{                                                                                          \
		.name = (limit_name), .type = PARAM_NUMBER, .standard = (limit), .least = 0,       \
		.most = TRAIL_VISITS_MAX + 1,                                                      \
		.help = "From so many leads within " what " on it is a hit; 0: never."             \
	}

const struct filter filter_ip_velocity = {
    .name = "ip_velocity",
    .help = "One address sent many leads in the vertical within an hour or a day.",
    .action = ACTION_SCORE,
    .weight = 20,
    .reasons = {REASON_IP_VELOCITY},
    FILTER_FACTS(FACT_IP_NETWORK, FACT_IP_LEADS_1H, FACT_IP_LEADS_24H),
    .params = {[HOUR] = LEADS("hour", 6, "an hour from a provider's customer"),
	       [DAY] = LEADS("day", 12, "a day from a provider's customer"),
	       [SHARED_HOUR] =
		   LEADS("shared_hour", 20, "an hour from a mobile carrier or a campus"),
	       [SHARED_DAY] = LEADS("shared_day", 0, "a day from a mobile carrier or a campus"),
	       [HOSTING_HOUR] = LEADS("hosting_hour", 3, "an hour from a data centre"),
	       [HOSTING_DAY] = LEADS("hosting_day", 5, "a day from a data centre")},
    .follow = follow,
    .learn = learn,
    .judge = judge,
};
