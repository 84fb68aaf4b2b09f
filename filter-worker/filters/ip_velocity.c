/* ip_velocity: one address sends lead after lead, more than its kind of network explains.
 *
 * needs    how many leads came from the address within ten minutes, an hour and a day, in whatever vertical (at most
 *          TRAIL_VISITS_MAX are remembered), and the kind of network that the address belongs to
 * hit      with this one they are as many as the rule says for that kind; from reject_hour or reject_ten_minutes on the lead is rejected
 * unknown  no address; or the kind is not known, and the kinds would be judged differently
 * trap     behind one address of a mobile carrier or a campus stand hundreds of people: they have limits of their own, and
 *          only those whom one webmaster brings count like a home's. An office that hears of an offer sends some leads a day: they score, and pass */
#include "filter-worker/core/filter.h"

extern const struct filter filter_ip_velocity;

enum {
	HOUR,
	DAY,
	SHARED_HOUR,
	SHARED_DAY,
	HOSTING_HOUR,
	HOSTING_DAY,
	TEN_MINUTES,
	REJECT_HOUR,
	REJECT_TEN_MINUTES,
};

/* The place of a kind's two limits among the parameters. */
enum kind { KIND_HOME = HOUR, KIND_SHARED = SHARED_HOUR, KIND_HOSTING = HOSTING_HOUR };
static const enum kind kinds[] = {KIND_HOME, KIND_SHARED, KIND_HOSTING};

/* Of what stands behind a shared address only those count together whom one webmaster brings. */
struct counts {
	int64_t ten_minutes, hour, day; /* this lead counted */
	int64_t source_ten_minutes, source_hour;
};

static void follow(const struct claim_subject *s, _unused_ const struct facts *local,
		   struct trail_plan *plan)
{
	trail_plan_want(
	    plan, &filter_ip_velocity, "ia", (struct slice){0}, s->ip, MS_PER_DAY,
	    &(struct visit){.at_ms = s->received_at_ms, .marks = {text_mark(s->aff_id)}});
}

static size_t count_of_source(const struct trail_want *want, int64_t now_ms, int64_t window_ms)
{
	size_t count = 0;

	for (size_t i = 0; i < want->found.count; i++) {
		const struct visit *v = &want->found.visits[i];

		count += v->marks[0] == want->own.marks[0] && now_ms - v->at_ms < window_ms;
	}
	return count;
}

static void learn(const struct trail_want *want, int64_t now_ms, struct facts *ret)
{
	const struct trail *t = &want->found;

	facts_set_number(ret, FACT_IP_ALL_10M, (int64_t)trail_count(t, now_ms, 10 * MS_PER_MIN));
	facts_set_number(ret, FACT_IP_ALL_1H, (int64_t)trail_count(t, now_ms, MS_PER_HOUR));
	facts_set_number(ret, FACT_IP_ALL_24H, (int64_t)trail_count(t, now_ms, MS_PER_DAY));
	facts_set_number(ret, FACT_IP_SOURCE_10M,
			 (int64_t)count_of_source(want, now_ms, 10 * MS_PER_MIN));
	facts_set_number(ret, FACT_IP_SOURCE_1H,
			 (int64_t)count_of_source(want, now_ms, MS_PER_HOUR));
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
	int64_t ten_minutes = kind == KIND_SHARED ? c->source_ten_minutes : c->ten_minutes;

	if (kind == KIND_SHARED && reaches(c->source_hour, rule->params[HOUR]))
		return true;
	return reaches(ten_minutes, rule->params[TEN_MINUTES]) ||
	       reaches(c->hour, rule->params[kind]) || reaches(c->day, rule->params[kind + 1]);
}

static bool counts_of(const struct facts *facts, struct counts *ret)
{
	if (!facts_number(facts, FACT_IP_ALL_10M, &ret->ten_minutes) ||
	    !facts_number(facts, FACT_IP_ALL_1H, &ret->hour) ||
	    !facts_number(facts, FACT_IP_ALL_24H, &ret->day) ||
	    !facts_number(facts, FACT_IP_SOURCE_10M, &ret->source_ten_minutes) ||
	    !facts_number(facts, FACT_IP_SOURCE_1H, &ret->source_hour))
		return false;
	ret->ten_minutes++;
	ret->hour++;
	ret->day++;
	ret->source_ten_minutes++;
	ret->source_hour++;
	return true;
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

/* Whom one webmaster brings within ten minutes from one home sit in one room; behind a carrier's address they may be strangers
 * whom one spot on TV brought. */
static bool is_too_much(const struct filter_rule *rule, enum kind kind, const struct counts *c)
{
	if (kind != KIND_SHARED && reaches(c->source_ten_minutes, rule->params[REJECT_TEN_MINUTES]))
		return true;
	return reaches(kind == KIND_SHARED ? c->source_hour : c->hour, rule->params[REJECT_HOUR]);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct counts c;
	enum answer answer;
	enum kind kind;
	bool known;

	if (!counts_of(facts, &c))
		return ANSWER_UNKNOWN;
	known = kind_of(facts, &kind);
	if (known)
		answer = is_much(rule, kind, &c) ? ANSWER_HIT : ANSWER_PASS;
	else
		answer = answer_for_any(rule, &c);
	if (answer != ANSWER_HIT)
		return answer;

	ret->rejects = known && is_too_much(rule, kind, &c);
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
    .help = "One address sent many leads within ten minutes, an hour or a day.",
    .action = ACTION_SCORE,
    .weight = 19,
    .reasons = {REASON_IP_VELOCITY},
    FILTER_FACTS(FACT_IP_NETWORK, FACT_IP_ALL_10M, FACT_IP_ALL_1H, FACT_IP_ALL_24H,
		 FACT_IP_SOURCE_10M, FACT_IP_SOURCE_1H),
    .params = {[HOUR] = LEADS("hour", 5, "an hour from a provider's customer"),
	       [DAY] = LEADS("day", 12, "a day from a provider's customer"),
	       [SHARED_HOUR] =
		   LEADS("shared_hour", 15, "an hour from a mobile carrier or a campus"),
	       [SHARED_DAY] = LEADS("shared_day", 0, "a day from a mobile carrier or a campus"),
	       [HOSTING_HOUR] = LEADS("hosting_hour", 3, "an hour from a data centre"),
	       [HOSTING_DAY] = LEADS("hosting_day", 5, "a day from a data centre"),
	       [TEN_MINUTES] = LEADS("ten_minutes", 4,
				     "ten minutes (from a shared network through one webmaster)"),
	       [REJECT_HOUR] = {.name = "reject_hour",
				.type = PARAM_NUMBER,
				.standard = 8,
				.least = 0,
				.most = TRAIL_VISITS_MAX + 1,
				.help = "From so many leads within an hour on (from a shared "
					"network through one webmaster) it rejects; 0: never."},
	       [REJECT_TEN_MINUTES] = {.name = "reject_ten_minutes",
				       .type = PARAM_NUMBER,
				       .standard = 4,
				       .least = 0,
				       .most = TRAIL_VISITS_MAX + 1,
				       .help = "From so many leads of one webmaster within ten "
					       "minutes on, not from a shared network, it rejects; "
					       "0: never."}},
    .follow = follow,
    .learn = learn,
    .judge = judge,
};
