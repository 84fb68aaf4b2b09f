/* device_velocity: one device sends lead after lead.
 *
 * needs    how many leads came from the device in the last 5 minutes, the last hour and the last 12 hours, in the whole network;
 *          at most TRAIL_VISITS_MAX are remembered
 * hit      with this one they are as many as the rule says for one of the three
 * unknown  the form does not name the device
 * trap     a kiosk, a sales clerk's tablet, a family's computer: a hit only adds to the score */
#include "filter-worker/core/filter.h"

extern const struct filter filter_device_velocity;

enum { FIVE_MINUTES, HOUR, HALF_DAY, WINDOWS };

static const struct {
	int64_t ms;
	enum fact_name fact;
} windows[WINDOWS] = {
    [FIVE_MINUTES] = {5 * MS_PER_MIN, FACT_DEVICE_LEADS_5M},
    [HOUR] = {MS_PER_HOUR, FACT_DEVICE_LEADS_1H},
    [HALF_DAY] = {12 * MS_PER_HOUR, FACT_DEVICE_LEADS_12H},
};

static void follow(const struct claim_subject *s, _unused_ const struct facts *local,
		   struct trail_plan *plan)
{
	trail_plan_want(plan, &filter_device_velocity, "dv", (struct slice){0}, s->device,
			windows[HALF_DAY].ms, &(struct visit){.at_ms = s->received_at_ms});
}

static void learn(const struct trail_want *want, int64_t now_ms, struct facts *ret)
{
	for (size_t i = 0; i < WINDOWS; i++) {
		size_t count = trail_count(&want->found, now_ms, windows[i].ms);

		facts_set_number(ret, windows[i].fact, (int64_t)count);
	}
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	bool known = false;

	for (size_t i = 0; i < WINDOWS; i++) {
		int64_t before;

		if (!facts_number(facts, windows[i].fact, &before))
			continue;
		known = true;
		if (before + 1 < rule->params[i])
			continue;
		ret->reason = REASON_DEVICE_VELOCITY;
		finding_number(ret, "leads", before + 1);
		finding_number(ret, "minutes", windows[i].ms / MS_PER_MIN);
		return ANSWER_HIT;
	}
	return known ? ANSWER_PASS : ANSWER_UNKNOWN;
}

#define LEADS(window, least_standard)                                                              \
	{                                                                                          \
		.name = (window), .type = PARAM_NUMBER, .standard = (least_standard), .least = 2,  \
		.most = TRAIL_VISITS_MAX + 1,                                                      \
		.help = "From so many leads within this time on it is a hit, this one counted."    \
	}

const struct filter filter_device_velocity = {
    .name = "device_velocity",
    .help = "One device sent many leads in 5 minutes, an hour, or 12 hours.",
    .action = ACTION_SCORE,
    .weight = 25,
    .reasons = {REASON_DEVICE_VELOCITY},
    FILTER_FACTS(FACT_DEVICE_LEADS_5M, FACT_DEVICE_LEADS_1H, FACT_DEVICE_LEADS_12H),
    .params = {[FIVE_MINUTES] = LEADS("five_minutes", 4),
	       [HOUR] = LEADS("hour", 6),
	       [HALF_DAY] = LEADS("half_day", 10)},
    .follow = follow,
    .learn = learn,
    .judge = judge,
};
