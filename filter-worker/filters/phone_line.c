/* phone_line: the phone is of a kind that people rarely have as their own.
 *
 * needs    the kind of line, after the numbering plan
 * hit      internet telephony, premium, toll-free or shared-cost, a pager, a company's access number, a voice mailbox
 * unknown  no phone, or the plan does not say
 * trap     a number keeps its look when it is ported to another kind of line, and small firms live on internet telephony:
 *          so it only adds to the score, and `voip: pass` leaves internet telephony alone */
#include "filter-worker/core/filter.h"

enum { VOIP };
enum voip_choice { VOIP_HIT, VOIP_PASS };

/* Everything that is no person's own line. */
static const char *const services[] = {"premium", "toll_free", "shared_cost",
				       "pager",   "uan",       "voicemail"};

static bool is_suspect(const struct filter_rule *rule, struct slice line)
{
	if (slice_is(line, "mobile"))
		return false;
	if (slice_is(line, "voip"))
		return rule->params[VOIP] == VOIP_HIT;
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		if (slice_is(line, services[i]))
			return true;
	}
	return false;
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	struct slice line;

	if (!facts_text(facts, FACT_PHONE_LINE, &line))
		return ANSWER_UNKNOWN;
	if (!is_suspect(rule, line))
		return ANSWER_PASS;

	ret->reason = REASON_PHONE_LINE;
	finding_text(ret, "line", line);
	return ANSWER_HIT;
}

const struct filter filter_phone_line = {
    .name = "phone_line",
    .help = "The phone is a service number or internet telephony.",
    .action = ACTION_SCORE,
    .weight = 20,
    .local = true,
    .reasons = {REASON_PHONE_LINE},
    FILTER_FACTS(FACT_PHONE_LINE),
    .params = {[VOIP] = {.name = "voip",
			 .type = PARAM_CHOICE,
			 .standard = VOIP_HIT,
			 .choices = {[VOIP_HIT] = "hit", [VOIP_PASS] = "pass"},
			 .help = "Whether internet telephony is a hit."}},
    .judge = judge,
};
