/* phone_other_names: one phone, and several names within a day.
 *
 * needs    how many names the leads with this phone had, this one among them, of which no two share a word. Names are
 *          compared as digests that hold for one phone only (core/name_digest.h): word by word, in any order, case and
 *          alphabet, without endings
 * hit      as many as the rule says; from reject_from on the lead is rejected
 * unknown  no phone or no name, in other scripts than Latin and Cyrillic, or the contact can't be opened
 * trap     a family shares a phone and a surname, and somebody who leaves out the surname is the same person: both count as
 *          one. An office where colleagues share a phone does not, and the next owner of a number does not: two names only add to the
 *          score. An office that is to have three a day needs a scope */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/name_digest.h"

extern const struct filter filter_phone_other_names;

#define WINDOW_MS PERSON_KEEP_MS

enum { LEAST, REJECT_FROM };

static void look(const struct sight *sight, struct facts *ret)
{
	const Punnet__V1__Fingerprints *f = sight->raw->fingerprints;
	struct name_form form;
	int64_t digest;

	if (!sight->contact || !sight->digest_key || !f)
		return;
	name_form_read(sight->contact, &form);
	if (name_digest(sight->digest_key, slice_of(f->phone.data, f->phone.len), &form, &digest))
		facts_set_number(ret, FACT_NAME_DIGEST, digest);
}

static void follow(const struct claim_subject *s, const struct facts *local,
		   struct trail_plan *plan)
{
	int64_t digest;

	if (facts_number(local, FACT_NAME_DIGEST, &digest))
		trail_plan_want_person(plan, &filter_phone_other_names, s, local);
}

static void learn(const struct trail_want *want, int64_t now_ms, struct facts *ret)
{
	int64_t names[TRAIL_VISITS_MAX + 1] = {person_name(&want->own)};
	size_t count = 1;

	for (size_t i = 0; i < want->found.count; i++) {
		const struct visit *v = &want->found.visits[i];
		int64_t digest = person_name(v);
		size_t k = 0;

		if (digest == 0 || now_ms - v->at_ms >= WINDOW_MS)
			continue;
		while (k < count && !name_digests_meet(names[k], digest))
			k++;
		if (k == count)
			names[count++] = digest;
	}
	facts_set_number(ret, FACT_PHONE_NAMES, (int64_t)count);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t names;

	if (!facts_number(facts, FACT_PHONE_NAMES, &names))
		return ANSWER_UNKNOWN;
	if (names < rule->params[LEAST])
		return ANSWER_PASS;

	ret->rejects = rule->params[REJECT_FROM] > 0 && names >= rule->params[REJECT_FROM];
	ret->reason = REASON_PHONE_OTHER_NAMES;
	finding_number(ret, "names", names);
	return ANSWER_HIT;
}

const struct filter filter_phone_other_names = {
    .name = "phone_other_names",
    .help = "The phone came with several different names within a day.",
    .action = ACTION_SCORE,
    .weight = 46,
    .reasons = {REASON_PHONE_OTHER_NAMES},
    FILTER_FACTS(FACT_NAME_DIGEST, FACT_PHONE_NAMES),
    .params = {[LEAST] = {.name = "least",
			  .type = PARAM_NUMBER,
			  .standard = 2,
			  .least = 2,
			  .most = TRAIL_VISITS_MAX + 1,
			  .help = "From so many names within a day on it is a hit."},
	       [REJECT_FROM] = {.name = "reject_from",
				.type = PARAM_NUMBER,
				.standard = 3,
				.least = 0,
				.most = TRAIL_VISITS_MAX + 1,
				.help = "From so many on it rejects; 0: never."}},
    .look = look,
    .follow = follow,
    .learn = learn,
    .judge = judge,
};
