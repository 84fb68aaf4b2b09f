/* arrivals: the webmaster's leads of the last hour come together, or keep apart, as people's do not.
 *
 * needs    how many leads came, and the index of dispersion of their counts a minute (core/statistics.h): 100 % when people come
 *          independently of each other (Poisson)
 * hit      flat: the counts vary less than chance lets them, as of a clock that sends; or a burst: they vary more than chance,
 *          and by more than the rule says of the mean's square, which does not grow with the volume as the index does. At 300 %
 *          the hour's leads came in some 15 minutes
 * unknown  too few leads in the hour
 * trap     a TV spot, a newsletter, the first minutes of a campaign are bursts, and a queue that sends at a fixed pace is flat: so it
 *          weighs a sixth of the limit */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/statistics.h"

/* Of 60 independent counts the index is over 167 % in one hour of a thousand (chi-squared, 59 degrees of freedom). */
#define CHANCE_PERCENT 167
#define POISSON        100

enum { LEAST, FLAT, BURST };

static void weigh(const struct source *source, struct facts *ret)
{
	int64_t sum, index = dispersion_percent(source->minutes, SOURCE_MINUTES, &sum);

	facts_set_number(ret, FACT_SOURCE_LEADS_1H, sum);
	facts_set_number(ret, FACT_SOURCE_DISPERSION, index);
}

/* By how much the variance is over the mean, in percent of the mean's square. */
static int64_t excess_percent(int64_t index, int64_t sum)
{
	return (index - POISSON) * SOURCE_MINUTES / sum;
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t sum, index;
	bool flat, burst;

	if (!facts_number(facts, FACT_SOURCE_LEADS_1H, &sum) ||
	    !facts_number(facts, FACT_SOURCE_DISPERSION, &index) || sum < rule->params[LEAST])
		return ANSWER_UNKNOWN;
	index = MIN_OF(index, STATISTICS_MOST);
	flat = index < rule->params[FLAT];
	burst = index > CHANCE_PERCENT && excess_percent(index, sum) >= rule->params[BURST];
	if (!flat && !burst)
		return ANSWER_PASS;

	ret->reason = flat ? REASON_ARRIVALS_FLAT : REASON_ARRIVALS_BURST;
	finding_number(ret, "leads", sum);
	finding_number(ret, "percent", index);
	return ANSWER_HIT;
}

const struct filter filter_arrivals = {
    .name = "arrivals",
    .help = "The webmaster's leads come in a burst, or as evenly as by a clock.",
    .action = ACTION_SCORE,
    .weight = 10,
    .reasons = {REASON_ARRIVALS_BURST, REASON_ARRIVALS_FLAT},
    FILTER_FACTS(FACT_SOURCE_LEADS_1H, FACT_SOURCE_DISPERSION),
    .params =
	{
	    [LEAST] = {.name = "least",
		       .type = PARAM_NUMBER,
		       .standard = SOURCE_MINUTES,
		       .least = SOURCE_MINUTES,
		       .most = 1000000,
		       .help = "Of fewer leads in the hour nothing is said."},
	    [FLAT] = {.name = "flat",
		      .type = PARAM_NUMBER,
		      .standard = 40,
		      .least = 0,
		      .most = 60,
		      .help = "Under so many percent of chance's variance it is a hit; 0: never."},
	    [BURST] = {.name = "burst",
		       .type = PARAM_NUMBER,
		       .standard = 300,
		       .least = 50,
		       .most = 10000,
		       .help = "From so many percent of the mean's square over chance's variance "
			       "on it is a hit."},
	},
    .weigh = weigh,
    .judge = judge,
};
