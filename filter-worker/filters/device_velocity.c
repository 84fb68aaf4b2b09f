/* device_velocity: one device sends lead after lead.
 *
 * needs    how many leads came from the device in the last 5 minutes, the last hour and the last 12 hours, in the whole network;
 *          at most TRAIL_VISITS_MAX are remembered. And how many phones, from how many addresses, within the hour
 * hit      with this one they are as many as the rule says for one of the three; from reject_five_minutes or
 *          reject_hour on the lead is rejected. So it is
 *          when the device has so many phones and addresses within an hour as `roams` says: its id was copied to other machines
 * unknown  the form does not name the device
 * trap     a kiosk has one address, and minutes lie between its customers; a sales clerk's tablet changes its address now and then
 *          and a family has some phones: they only score. Somebody who compares offers on the way has one phone */
#include "filter-worker/core/filter.h"

extern const struct filter filter_device_velocity;

enum { FIVE_MINUTES, HOUR, HALF_DAY, WINDOWS, REJECT_HOUR = WINDOWS, ROAMS, REJECT_FIVE_MINUTES };
enum { MARK_PHONE, MARK_ADDRESS };

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
	const struct visit own = {.at_ms = s->received_at_ms,
				  .marks = {subject_mark(s->phone), subject_mark(s->ip)}};

	trail_plan_want(plan, &filter_device_velocity, "dv", (struct slice){0}, s->device,
			windows[HALF_DAY].ms, &own);
}

static void learn(const struct trail_want *want, int64_t now_ms, struct facts *ret)
{
	for (size_t i = 0; i < WINDOWS; i++) {
		size_t count = trail_count(&want->found, now_ms, windows[i].ms);

		facts_set_number(ret, windows[i].fact, (int64_t)count);
	}
	facts_set_number(ret, FACT_DEVICE_PHONES_1H,
			 (int64_t)trail_distinct(&want->found, now_ms, MS_PER_HOUR, MARK_PHONE,
						 want->own.marks[MARK_PHONE]));
	facts_set_number(ret, FACT_DEVICE_ADDRESSES_1H,
			 (int64_t)trail_distinct(&want->found, now_ms, MS_PER_HOUR, MARK_ADDRESS,
						 want->own.marks[MARK_ADDRESS]));
}

static bool reaches(int64_t count, int64_t limit)
{
	return limit > 0 && count >= limit;
}

static bool roams(const struct filter_rule *rule, const struct facts *facts, struct finding *ret)
{
	int64_t phones, addresses;

	if (!facts_number(facts, FACT_DEVICE_PHONES_1H, &phones) ||
	    !facts_number(facts, FACT_DEVICE_ADDRESSES_1H, &addresses) ||
	    !reaches(MIN_OF(phones, addresses), rule->params[ROAMS]))
		return false;
	ret->reason = REASON_DEVICE_ROAMS;
	ret->rejects = true;
	finding_number(ret, "phones", phones);
	finding_number(ret, "addresses", addresses);
	return true;
}

static bool is_much(const struct filter_rule *rule, size_t window, int64_t count, bool *ret_rejects)
{
	static const size_t limits[WINDOWS] = {
	    [FIVE_MINUTES] = REJECT_FIVE_MINUTES, [HOUR] = REJECT_HOUR};

	*ret_rejects = limits[window] != 0 && reaches(count, rule->params[limits[window]]);
	return *ret_rejects || count >= rule->params[window];
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t before, said = 0;
	size_t window = WINDOWS;
	bool known = false;

	if (roams(rule, facts, ret))
		return ANSWER_HIT;
	for (size_t i = 0; i < WINDOWS && !ret->rejects; i++) {
		bool rejects;

		if (!facts_number(facts, windows[i].fact, &before))
			continue;
		known = true;
		if (!is_much(rule, i, before + 1, &rejects) || (window < WINDOWS && !rejects))
			continue;
		ret->rejects = rejects;
		window = i;
		said = before + 1;
	}
	if (window == WINDOWS)
		return known ? ANSWER_PASS : ANSWER_UNKNOWN;
	ret->reason = REASON_DEVICE_VELOCITY;
	finding_number(ret, "leads", said);
	finding_number(ret, "minutes", windows[window].ms / MS_PER_MIN);
	return ANSWER_HIT;
}

#define COUNT(param_name, count, lowest, text)                                                     \
	{                                                                                          \
		.name = (param_name), .type = PARAM_NUMBER, .standard = (count),                   \
		.least = (lowest), .most = TRAIL_VISITS_MAX + 1, .help = (text)                    \
	}
#define LEADS(window, count)                                                                       \
	COUNT(window, count, 2,                                                                    \
	      "From so many leads within this time on it is a hit, this one counted.")

const struct filter filter_device_velocity = {
    .name = "device_velocity",
    .help = "One device sent many leads in 5 minutes, an hour, or 12 hours.",
    .action = ACTION_SCORE,
    .weight = 35,
    .reasons = {REASON_DEVICE_VELOCITY, REASON_DEVICE_ROAMS},
    FILTER_FACTS(FACT_DEVICE_LEADS_5M, FACT_DEVICE_LEADS_1H, FACT_DEVICE_LEADS_12H,
		 FACT_DEVICE_PHONES_1H, FACT_DEVICE_ADDRESSES_1H),
    .params = {[FIVE_MINUTES] = LEADS("five_minutes", 3),
	       [HOUR] = LEADS("hour", 5),
	       [HALF_DAY] = LEADS("half_day", 10),
	       [REJECT_HOUR] = COUNT("reject_hour", 8, 0,
				     "From so many leads within an hour on it rejects; 0: never."),
	       [ROAMS] = COUNT("roams", 3, 0,
			       "So many phones from so many addresses within an hour are a copied "
			       "id, and rejected; 0: never."),
	       [REJECT_FIVE_MINUTES] =
		   COUNT("reject_five_minutes", 4, 0,
			 "From so many leads within five minutes on it rejects; 0: never.")},
    .follow = follow,
    .learn = learn,
    .judge = judge,
};
