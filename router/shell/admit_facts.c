/* admit_facts: which facts of a judgement the market carries: whose customer the person is, the kind of line, and what any
 * order of the directory names in its criteria or its price. What the log does not hold no decision can depend on: an order
 * that names a fact for the first time finds it with the leads that come from then on. */
#include "router.h"

#define FACT_PREFIX      "fact."
#define WANTED_FACTS_MAX 256

static const char *const always[] = {"customer_of", "phone_line"};

static void want(struct router *r, const char *name)
{
	if (map_count(&r->wanted_facts) < WANTED_FACTS_MAX)
		map_put(&r->wanted_facts, slice_cstr(name), r);
}

static void want_criteria(struct router *r, Punnet__V1__Criterion *const *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strncmp(all[i]->name, FACT_PREFIX, strlen(FACT_PREFIX)) == 0)
			want(r, all[i]->name + strlen(FACT_PREFIX));
	}
}

static void gather(struct router *r)
{
	const Punnet__V1__DirectoryEntry *e;

	map_free(&r->wanted_facts);
	r->wanted_facts = (struct map){0};
	r->wanted_version = directory_version(r->directory);
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		want(r, always[i]);
	for (size_t i = 0; directory_at(r->directory, i, &e); i++) {
		const Punnet__V1__OrderTerms *t;

		if (e->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ORDER ||
		    e->order->removed || !e->order->terms)
			continue;
		t = e->order->terms;
		want_criteria(r, t->where, t->n_where);
		for (size_t m = 0; m < t->n_modifiers; m++)
			want_criteria(r, t->modifiers[m]->where, t->modifiers[m]->n_where);
	}
}

Punnet__V1__Fact **facts_for_orders(struct router *r, const Punnet__V1__JudgedLead *judged,
				    size_t *ret_count)
{
	Punnet__V1__Fact **facts = arena_alloc(&r->arena, (judged->n_facts + 1) * sizeof(*facts));
	size_t n = 0;

	if (map_count(&r->wanted_facts) == 0 ||
	    r->wanted_version != directory_version(r->directory))
		gather(r);
	for (size_t i = 0; i < judged->n_facts; i++) {
		Punnet__V1__Fact *f = judged->facts[i];

		if ((f->value_case == PUNNET__V1__FACT__VALUE_TEXT ||
		     f->value_case == PUNNET__V1__FACT__VALUE_NUMBER) &&
		    map_get(&r->wanted_facts, slice_cstr(f->name)))
			facts[n++] = f;
	}
	*ret_count = n;
	return facts;
}
