/* order_where: `where:` of an order, and of a price modifier.
 *
 *   country: [RU, KZ]               one of these; a single value may stand without brackets
 *   region: {not_in: [Tver]}        none of these
 *   age: {min: 21, max: 65}         a number in these bounds; either may be left out
 *   cars: {has_any: [lada]}         of a list: has_any, has_all, has_none
 *   sub1: {not_in: [x], unknown: miss}   what a lead counts as that doesn't say: fit or miss */
#include <string.h>

#include "filter-worker/core/facts.h"
#include "lead/contact.h"
#include "order_read.h"
#include "router/core/criteria.h"

#define LINE_TYPE      "line_type"
#define LINE_TYPE_FACT "fact.phone_line"

static const char *const known[] = {
#define ATTRIBUTE(name, group, kind, member) name,
#include "router/core/attributes.def"
#undef ATTRIBUTE
};

struct subject {
	const char *name; /* as the terms have it */
	bool numbers, texts, country;
};

static const Punnet__V1__VerticalField *schema_field(const struct order_reader *r, const char *name)
{
	for (size_t i = 0; i < r->vertical->n_fields; i++) {
		if (strcmp(r->vertical->fields[i]->name, name) == 0)
			return r->vertical->fields[i];
	}
	return NULL;
}

static bool find_fact(struct subject *s, const char *name)
{
	enum fact_name fact;

	if (!fact_from_text(slice_cstr(name), (enum fact_name)0, &fact))
		return false;
	s->numbers = fact_type_of(fact) == FACT_TYPE_NUMBER;
	s->texts = fact_type_of(fact) == FACT_TYPE_TEXT;
	return s->numbers || s->texts;
}

static bool find_field(const struct order_reader *r, struct subject *s, const char *name)
{
	const Punnet__V1__VerticalField *f;

	/* Without a directory nobody knows the schema: a field is what the leads say it is. */
	if (!r->vertical) {
		s->numbers = s->texts = true;
		return true;
	}
	f = schema_field(r, name);
	if (!f)
		return false;
	s->numbers = strcmp(f->type, "integer") == 0 || strcmp(f->type, "decimal") == 0;
	s->texts = !s->numbers;
	return true;
}

static bool find_subject(const struct order_reader *r, struct subject *s)
{
	if (strcmp(s->name, LINE_TYPE) == 0)
		s->name = LINE_TYPE_FACT;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(known[i], s->name) != 0)
			continue;
		s->numbers = strcmp(s->name, "score") == 0;
		s->texts = !s->numbers;
		s->country = strcmp(s->name, "country") == 0;
		return true;
	}
	if (strncmp(s->name, "fact.", 5) == 0)
		return find_fact(s, s->name + 5);
	return find_field(r, s, strncmp(s->name, "fields.", 7) == 0 ? s->name + 7 : s->name);
}

static Punnet__V1__Criterion *criterion(struct order_reader *r, const struct subject *s,
					Punnet__V1__CriterionKind kind)
{
	Punnet__V1__Criterion *c = arena_alloc(r->arena, sizeof(*c));

	punnet__v1__criterion__init(c);
	c->name = arena_cstr(r->arena, slice_cstr(s->name));
	c->kind = kind;
	/* Who is on no list that forbids may pass; who must be on one must say so. */
	c->unknown_fits = kind == PUNNET__V1__CRITERION_KIND__CRITERION_NOT_IN ||
			  kind == PUNNET__V1__CRITERION_KIND__CRITERION_HAS_NONE;
	return c;
}

static void check_values(struct order_reader *r, const struct subject *s, const struct yaml *list)
{
	const struct yaml *v = list->type == YAML_LIST ? list->child : list;

	for (; v; v = list->type == YAML_LIST ? v->next : NULL) {
		int64_t number;

		if (s->country && !country_known(v->text))
			order_fault(r, v->line,
				    "country: \"" SLICE_FMT
				    "\": expected two letters after ISO 3166-1, for example RU",
				    SLICE_ARG(v->text));
		if (s->numbers && !s->texts && !number_parse(v->text, &number))
			order_fault(r, v->line, "%s: \"" SLICE_FMT "\": expected a number", s->name,
				    SLICE_ARG(v->text));
	}
}

static Punnet__V1__Criterion *listed(struct order_reader *r, const struct subject *s,
				     const struct yaml *list, Punnet__V1__CriterionKind kind)
{
	Punnet__V1__Criterion *c = criterion(r, s, kind);

	c->values = order_texts(r, list, s->name, ORDER_VALUES_MAX, &c->n_values);
	r->values += c->n_values;
	check_values(r, s, list);
	return c;
}

static bool bound(struct order_reader *r, const struct subject *s, const struct yaml *map,
		  const char *key, int64_t *ret)
{
	const struct yaml *y = yaml_get(map, key);

	if (!y)
		return false;
	if (!s->numbers)
		order_fault(r, y->line, "%s: %s: it is no number", s->name, key);
	else if (y->type != YAML_SCALAR || !number_parse(y->text, ret))
		order_fault(r, y->line, "%s: %s: expected a number of at most %d digits", s->name,
			    key, NUMBER_DIGITS_MAX);
	return true;
}

static Punnet__V1__Criterion *between(struct order_reader *r, const struct subject *s,
				      const struct yaml *map)
{
	Punnet__V1__Criterion *c = criterion(r, s, PUNNET__V1__CRITERION_KIND__CRITERION_BETWEEN);

	c->has_min = bound(r, s, map, "min", &c->min_millionths);
	c->has_max = bound(r, s, map, "max", &c->max_millionths);
	if (c->has_min && c->has_max && c->min_millionths > c->max_millionths)
		order_fault(r, map->line, "%s: min is above max: nothing can be both", s->name);
	return c->has_min || c->has_max ? c : NULL;
}

static bool unknown_of(struct order_reader *r, const struct subject *s, const struct yaml *map,
		       bool *ret_fits)
{
	const struct yaml *y = yaml_get(map, "unknown");

	if (!y)
		return false;
	*ret_fits = slice_is(y->text, "fit");
	if (!*ret_fits && !slice_is(y->text, "miss"))
		order_fault(r, y->line, "%s: unknown: expected fit or miss", s->name);
	return true;
}

/* One is wanted and not wanted: it is not for us to say which was meant. */
static void check_overlap(struct order_reader *r, const struct subject *s, int line,
			  const Punnet__V1__Criterion *in, const Punnet__V1__Criterion *not_in)
{
	for (size_t i = 0; in && not_in && i < in->n_values; i++) {
		for (size_t k = 0; k < not_in->n_values; k++) {
			if (strcmp(in->values[i], not_in->values[k]) == 0)
				order_fault(r, line, "%s: \"%s\" stands in `in` and in `not_in`",
					    s->name, in->values[i]);
		}
	}
}

static void read_map(struct order_reader *r, const struct subject *s, const struct yaml *map,
		     Punnet__V1__Criterion **all, size_t *count)
{
	static const char *const keys[] = {"in", "not_in", NULL, "has_any", "has_all", "has_none"};
	Punnet__V1__Criterion *made[ARRAY_LEN(keys)] = {0};
	bool fits = false, said = unknown_of(r, s, map, &fits);
	size_t before = *count;

	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		const struct yaml *list = keys[k] ? yaml_get(map, keys[k]) : NULL;

		if (list)
			made[k] = listed(r, s, list, (Punnet__V1__CriterionKind)k);
		else if (!keys[k])
			made[k] = between(r, s, map);
		if (!made[k])
			continue;
		if (said)
			made[k]->unknown_fits = fits;
		all[(*count)++] = made[k];
	}
	check_overlap(r, s, map->line, made[0], made[1]);
	if (*count == before)
		order_fault(
		    r, map->line,
		    "%s: expected a list, or {in, not_in, min, max, has_any, has_all, has_none}",
		    s->name);
	yaml_refuse_unknown(map, s->name,
			    "in, not_in, min, max, has_any, has_all, has_none, unknown", r->faults);
}

Punnet__V1__Criterion **order_read_where(struct order_reader *r, const struct yaml *where,
					 size_t *ret_count)
{
	Punnet__V1__Criterion **all;

	*ret_count = 0;
	if (!where)
		return NULL;
	if (where->type != YAML_MAP) {
		order_fault(r, where->line, "where: expected for example %s", "{country: [RU]}");
		return NULL;
	}
	all = arena_calloc(r->arena, (size_t)where->count * 6 + 1, sizeof(*all));
	for (struct yaml *m = where->child; m; m = m->next) {
		struct subject s = {.name = arena_cstr(r->arena, m->key)};

		m->seen = true;
		if (!find_subject(r, &s))
			order_fault(
			    r, m->line,
			    "where: \"%s\" is no field of the vertical, no fact and nothing "
			    "that every lead has",
			    s.name);
		else if (m->type == YAML_MAP)
			read_map(r, &s, m, all, ret_count);
		else
			all[(*ret_count)++] =
			    listed(r, &s, m, PUNNET__V1__CRITERION_KIND__CRITERION_IN);
	}
	r->criteria += *ret_count;
	if (r->criteria > ORDER_CRITERIA_AT_MOST || r->values > ORDER_VALUES_MAX)
		order_fault(r, where->line, "where: at most %d criteria and %d values in all",
			    ORDER_CRITERIA_AT_MOST, ORDER_VALUES_MAX);
	return all;
}
