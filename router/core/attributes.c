/* attributes: names to numbers, and a lead's values under these numbers. */
#include <stddef.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/room.h"
#include "criteria.h"

enum { FROM_LEAD, FROM_SCORE, FROM_CLASS, FROM_FACT, FROM_FIELD };

#define FACT_PREFIX  "fact."
#define FIELD_PREFIX "fields."

static const struct {
	const char *name;
	enum criterion_group group;
	int kind;
	size_t member;
} known[] = {
#define ATTRIBUTE(name, group, kind, member) {name, GROUP_##group, FROM_##kind, member},
#define OF(member)                           offsetof(Punnet__V1__Lead, member)
#include "attributes.def"
#undef OF
#undef ATTRIBUTE
};

static void describe(struct attribute *a, const char *name)
{
	a->kind = FROM_FIELD;
	a->group = GROUP_FIELDS;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(known[i].name, name) != 0)
			continue;
		a->kind = known[i].kind;
		a->group = known[i].group;
		a->member = (int)known[i].member;
	}
	if (strncmp(name, FACT_PREFIX, strlen(FACT_PREFIX)) == 0) {
		a->kind = FROM_FACT;
		a->group = GROUP_QUALITY;
		a->member = (int)strlen(FACT_PREFIX);
	} else if (strncmp(name, FIELD_PREFIX, strlen(FIELD_PREFIX)) == 0) {
		a->member = (int)strlen(FIELD_PREFIX);
	}
}

uint32_t attribute_of(struct attributes *a, const char *name)
{
	const struct attribute *found = map_get(&a->by_name, slice_cstr(name));
	struct attribute *fresh;

	/* The map holds where the name stands, as the items move: 1 and up. */
	if (found)
		return (uint32_t)((uintptr_t)found - 1);
	a->items = room_for_one(a->items, a->count, &a->cap, sizeof(*a->items));
	fresh = &a->items[a->count++];
	*fresh = (struct attribute){.name = strdup(name)};
	if (!fresh->name)
		abort();
	describe(fresh, name);
	map_put(&a->by_name, slice_cstr(name), (void *)(uintptr_t)a->count);
	return (uint32_t)(a->count - 1);
}

void attributes_free(struct attributes *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->items[i].name);
	free(a->items);
	map_free(&a->by_name);
	*a = (struct attributes){0};
}

/* --- a lead's values --- */

static struct value text_value(struct slice text)
{
	if (text.len == 0)
		return (struct value){0};
	return (struct value){.kind = VALUE_TEXT, .text = text, .key = value_text_key(text)};
}

static struct value number_value(int64_t number)
{
	struct value v = {.kind = VALUE_NUMBER};

	if (__builtin_mul_overflow(number, MILLIONTHS, &v.number))
		return (struct value){0};
	v.key = value_number_key(v.number);
	return v;
}

static struct value decimal_value(struct slice text)
{
	struct value v = {.kind = VALUE_NUMBER, .text = text};

	if (!number_parse(text, &v.number))
		return text_value(text);
	v.key = value_number_key(v.number);
	return v;
}

static struct value list_item(const struct json *j)
{
	switch (j->type) {
	case JSON_STRING:
		return text_value(j->text);
	case JSON_NUMBER:
		return decimal_value(j->text);
	case JSON_TRUE:
		return text_value(SLICE("true"));
	case JSON_FALSE:
		return text_value(SLICE("false"));
	default:
		return (struct value){0};
	}
}

static struct value list_value(struct slice text, struct arena *arena)
{
	struct json_fault fault;
	const struct json *list = json_parse(arena, text, JSON_LIMITS_DEFAULT, &fault);
	struct value *items;
	size_t n = 0;

	if (!list || list->type != JSON_ARRAY)
		return (struct value){0};
	items = arena_calloc(arena, MIN_OF(list->count, LIST_ITEMS_MAX) + 1, sizeof(*items));
	for (const struct json *j = list->child; j && n < LIST_ITEMS_MAX; j = j->next)
		items[n++] = list_item(j);
	return (struct value){.kind = VALUE_LIST, .text = text, .items = items, .item_count = n};
}

static struct value field_value(const Punnet__V1__Field *f, struct arena *arena)
{
	switch (f->value_case) {
	case PUNNET__V1__FIELD__VALUE_TEXT:
		return text_value(slice_cstr(f->text));
	case PUNNET__V1__FIELD__VALUE_INTEGER:
		return number_value(f->integer);
	case PUNNET__V1__FIELD__VALUE_FLAG:
		return text_value(f->flag ? SLICE("true") : SLICE("false"));
	case PUNNET__V1__FIELD__VALUE_DECIMAL:
		return decimal_value(slice_cstr(f->decimal));
	case PUNNET__V1__FIELD__VALUE_JSON:
		return list_value(slice_cstr(f->json), arena);
	default:
		return (struct value){0};
	}
}

static struct value fact_value(const Punnet__V1__Fact *f)
{
	if (f->value_case == PUNNET__V1__FACT__VALUE_NUMBER)
		return number_value(f->number);
	if (f->value_case == PUNNET__V1__FACT__VALUE_TEXT)
		return text_value(slice_cstr(f->text));
	return (struct value){0};
}

static struct value named_field(const struct lead_says *says, const char *name, struct arena *arena)
{
	for (size_t i = 0; i < says->lead->n_fields; i++) {
		if (strcmp(says->lead->fields[i]->name, name) == 0)
			return field_value(says->lead->fields[i], arena);
	}
	return (struct value){0};
}

static struct value named_fact(const struct lead_says *says, const char *name)
{
	for (size_t i = 0; i < says->admitted->n_facts; i++) {
		if (strcmp(says->admitted->facts[i]->name, name) == 0)
			return fact_value(says->admitted->facts[i]);
	}
	return (struct value){0};
}

static struct value lead_value(const struct attribute *a, const struct lead_says *says,
			       struct arena *arena)
{
	switch (a->kind) {
	case FROM_LEAD:
		return text_value(
		    slice_cstr(*(char *const *)((const char *)says->lead + a->member)));
	case FROM_SCORE:
		return number_value(says->admitted->score);
	case FROM_CLASS:
		return text_value(says->source_class);
	case FROM_FACT:
		return named_fact(says, a->name + a->member);
	default:
		return named_field(says, a->name + a->member, arena);
	}
}

const struct value *lead_values(const struct attributes *a, const struct lead_says *says,
				struct arena *arena)
{
	struct value *values = arena_alloc(arena, (a->count + 1) * sizeof(*values));

	for (size_t i = 0; i < a->count; i++)
		values[i] = lead_value(&a->items[i], says, arena);
	return values;
}
