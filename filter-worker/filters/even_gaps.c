/* even_gaps: the webmaster's last forms were sent with a clock's gaps between them, and this one was sent on its beat.
 *
 * needs    when each form says that it was sent, by its own clock: the beginning and how long it took. Of the webmaster's last
 *          TRAIL_VISITS_MAX forms within WINDOW_MS: how many gaps there are, how many of them are near their median, and how far
 *          the last one, which ends with this lead, is from it
 * hit      enough gaps, enough of them near, and this one too
 * unknown  the form does not tell its times, or too few were sent
 * trap     a queue in front of an honest form hands leads over at a fixed pace, and their forms were sent when people sent them: so
 *          the time of receipt is not looked at. A person who comes between two beats passes; of people alone every seventh gap is
 *          near the median, and half of eight or more are with one source in thousands */
#include "filter-worker/core/filter.h"

extern const struct filter filter_even_gaps;

#define WINDOW_MS (4 * MS_PER_HOUR)
#define GAPS_MAX                                                                                   \
	16 /* the last ones: a clock that was begun an hour ago is not hidden by the day before it */
#define NEAR    15 /* percent of the median */
#define PERCENT 100

enum { LEAST, ALIKE, OFF };

static void look(const struct sight *sight, struct facts *ret)
{
	const Punnet__V1__Submission *s = sight->raw->submission;

	if (s && s->filled_case == PUNNET__V1__SUBMISSION__FILLED_FILLED_MS &&
	    s->form_started_at_ms > 0)
		facts_set_number(ret, FACT_FORM_SENT_AT, s->form_started_at_ms + s->filled_ms);
}

static void follow(const struct claim_subject *s, const struct facts *local,
		   struct trail_plan *plan)
{
	if (local->values[FACT_FORM_SENT_AT].known)
		trail_plan_want_source(plan, &filter_even_gaps, s, local);
}

static void insert_sorted(int64_t *values, size_t count, int64_t value)
{
	size_t i = count;

	for (; i > 0 && values[i - 1] > value; i--)
		values[i] = values[i - 1];
	values[i] = value;
}

static int64_t off_percent(int64_t gap, int64_t median)
{
	int64_t off = gap > median ? gap - median : median - gap;

	return MIN_OF(off, WINDOW_MS) * PERCENT / median;
}

static void learn(const struct trail_want *want, int64_t now_ms, struct facts *ret)
{
	int64_t gaps[TRAIL_VISITS_MAX], sorted[TRAIL_VISITS_MAX], median;
	const struct visit *later = &want->own;
	size_t count = 0, near = 0;

	/* From the newest back. */
	for (size_t i = want->found.count; i > 0 && count < GAPS_MAX; i--) {
		const struct visit *v = &want->found.visits[i - 1];

		if (now_ms - v->at_ms >= WINDOW_MS)
			break;
		if (v->marks[SOURCE_SENT] == 0)
			continue;
		gaps[count] = source_gap_ms(v, later);
		insert_sorted(sorted, count, gaps[count]);
		count++;
		later = v;
	}
	facts_set_number(ret, FACT_FORM_GAPS, (int64_t)count);
	median = count > 0 ? sorted[count / 2] : 0;
	if (median <= 0)
		return;
	for (size_t i = 0; i < count; i++)
		near += off_percent(gaps[i], median) < NEAR;
	facts_set_number(ret, FACT_FORM_GAPS_NEAR, (int64_t)near);
	facts_set_number(ret, FACT_FORM_GAP_OFF, off_percent(gaps[0], median));
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t gaps, near, off;

	if (!facts_number(facts, FACT_FORM_GAPS, &gaps) || gaps < rule->params[LEAST] ||
	    !facts_number(facts, FACT_FORM_GAPS_NEAR, &near) ||
	    !facts_number(facts, FACT_FORM_GAP_OFF, &off))
		return ANSWER_UNKNOWN;
	if (near * PERCENT < gaps * rule->params[ALIKE] || off >= rule->params[OFF])
		return ANSWER_PASS;

	ret->reason = REASON_EVEN_GAPS;
	finding_number(ret, "near", near);
	finding_number(ret, "gaps", gaps);
	return ANSWER_HIT;
}

const struct filter filter_even_gaps = {
    .name = "even_gaps",
    .help = "The webmaster's forms are sent on a clock's beat, this one too.",
    .action = ACTION_SCORE,
    .weight = 60,
    .reasons = {REASON_EVEN_GAPS},
    FILTER_FACTS(FACT_FORM_SENT_AT, FACT_FORM_GAPS, FACT_FORM_GAPS_NEAR, FACT_FORM_GAP_OFF),
    .params = {[LEAST] = {.name = "least",
			  .type = PARAM_NUMBER,
			  .standard = 8,
			  .least = 4,
			  .most = GAPS_MAX,
			  .help = "Of fewer gaps nothing is said."},
	       [ALIKE] = {.name = "alike",
			  .type = PARAM_NUMBER,
			  .standard = 55,
			  .least = 30,
			  .most = 100,
			  .help = "From so many percent of gaps near the median on it is a clock."},
	       [OFF] = {.name = "off",
			.type = PARAM_NUMBER,
			.standard = 22,
			.least = 1,
			.most = 50,
			.help =
			    "And this lead is on its beat when it is off by less, in percent."}},
    .look = look,
    .follow = follow,
    .learn = learn,
    .judge = judge,
};
