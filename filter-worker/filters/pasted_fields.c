/* pasted_fields: every field of the contact was pasted, and the cursor stood in none.
 *
 * needs    which fields were pasted and which had the cursor, as the form's script saw it
 * hit      nothing of the contact was typed, and no field was ever focused: a script put the values there
 * unknown  the form reports neither pasting nor focus, the contact is empty, or it can't be opened any more
 * trap     password managers fill in everything without the cursor, so a hit only adds to the score; whoever pastes by hand
 *          clicks into the fields first, and passes */
#include "filter-worker/core/filter.h"

static bool was_pasted(const Punnet__V1__Submission *s, const char *field)
{
	for (size_t i = 0; i < s->n_pasted_fields; i++) {
		if (strcmp(s->pasted_fields[i], field) == 0)
			return true;
	}
	return false;
}

static void look(const struct sight *sight, struct facts *ret)
{
	const Punnet__V1__Submission *s = sight->raw->submission;
	const Punnet__V1__Contact *c = sight->contact;
	int64_t given = 0, typed = 0;

	if (!s || !c || s->n_pasted_fields + s->n_focused_fields == 0)
		return;

	const struct {
		const char *name, *value;
	} fields[] = {{"phone", c->phone},         {"email", c->email},
		      {"name", c->name},           {"first_name", c->first_name},
		      {"last_name", c->last_name}, {"middle_name", c->middle_name}};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!fields[i].value[0])
			continue;
		given++;
		typed += !was_pasted(s, fields[i].name);
	}
	if (given == 0)
		return;
	facts_set_number(ret, FACT_FIELDS_TYPED, typed);
	facts_set_number(ret, FACT_FIELDS_FOCUSED, (int64_t)s->n_focused_fields);
}

static enum answer judge(_unused_ const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t typed, focused;

	if (!facts_number(facts, FACT_FIELDS_TYPED, &typed) ||
	    !facts_number(facts, FACT_FIELDS_FOCUSED, &focused))
		return ANSWER_UNKNOWN;
	if (typed > 0 || focused > 0)
		return ANSWER_PASS;

	ret->reason = REASON_FIELDS_PASTED;
	return ANSWER_HIT;
}

const struct filter filter_pasted_fields = {
    .name = "pasted_fields",
    .help = "Every field was pasted and none was focused.",
    .action = ACTION_SCORE,
    .weight = 20,
    .local = true,
    .reasons = {REASON_FIELDS_PASTED},
    FILTER_FACTS(FACT_FIELDS_TYPED, FACT_FIELDS_FOCUSED),
    .look = look,
    .judge = judge,
};
