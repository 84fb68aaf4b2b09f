/* constraint: the table, asked in its order; the first miss is the answer. */
#include "constraint.h"

#include "base/money.h"

#define DIGITS_MAX 20 /* of 64 bits */

#define CONSTRAINT(name, nearness, unknown) extern const struct constraint constraint_##name;
#include "router/constraints/constraints.def"
#undef CONSTRAINT

static const struct {
	const struct constraint *constraint;
	uint32_t nearness;
	enum fit unknown; /* what UNKNOWN counts as */
} table[CONSTRAINTS] = {
#define CONSTRAINT(name, nearness, unknown) {&constraint_##name, nearness, unknown},
#include "router/constraints/constraints.def"
#undef CONSTRAINT
};

#ifdef PUNNET_FAULTS
static enum constraint_id switched_off = CONSTRAINTS;

void constraint_switch_off(enum constraint_id id)
{
	switched_off = id;
}

static bool is_off(enum constraint_id id)
{
	return id == switched_off;
}
#else
static bool is_off(_unused_ enum constraint_id id)
{
	return false;
}
#endif

const char *constraint_name(enum constraint_id id)
{
	return table[id].constraint->name;
}

enum fit miss_set(struct miss *m, enum reason code, int64_t until_ms, const char *detail)
{
	m->code = code;
	m->until_ms = until_ms;
	m->detail = detail;
	return MISS;
}

static char *decimal_before(char *end, uint64_t n)
{
	do
		*--end = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return end;
}

enum fit miss_count(struct miss *m, enum reason code, int64_t until_ms, uint64_t taken, uint64_t of)
{
	char text[2 * DIGITS_MAX + sizeof(" of ")], *end = text + sizeof(text), *at;

	if (!m->words)
		return miss_set(m, code, until_ms, NULL);
	at = decimal_before(end, of) - strlen(" of ");
	memcpy(at, " of ", strlen(" of "));
	at = decimal_before(at, taken);
	return miss_set(m, code, until_ms, arena_cstr(m->words, slice_of(at, (size_t)(end - at))));
}

enum fit miss_money(struct miss *m, enum reason code, int64_t until_ms, int64_t left_minor,
		    const struct order *order)
{
	char text[64];

	if (!m->words)
		return miss_set(m, code, until_ms, NULL);
	money_text(MAX_OF(left_minor, 0), order->terms->currency, text, sizeof(text));
	return miss_say(m, code, until_ms, "%s are left", text);
}

enum fit criteria_ask(const struct order *order, const struct lead_view *lead,
		      enum criterion_group group, enum reason code, struct miss *ret_miss)
{
	const struct terms *t = order->terms;

	if (!(t->groups >> group & 1))
		return FIT;
	for (size_t i = 0; i < t->where_count; i++) {
		const struct criterion *c = &t->where[i];
		const struct value *v = &lead->values[c->attribute];
		enum fit fit;

		if (c->group != group)
			continue;
		fit = criterion_ask(c, v);
		if (fit == FIT)
			continue;
		miss_set(ret_miss, code, 0,
			 ret_miss->words
			     ? criterion_words(c, &lead->attributes->items[c->attribute], v,
					       ret_miss->words)
			     : NULL);
		return fit;
	}
	return FIT;
}

enum fit cap_ask(const struct order *order, enum window_kind kind, enum reason code, int64_t now_ms,
		 struct miss *ret_miss)
{
	uint64_t cap = order_cap(order, kind), taken;

	/* What was taken in whichever window is no less than what was in this one: most need no calendar. */
	if (cap == 0 || order->windows[kind].taken < cap)
		return FIT;
	taken = order_taken(order, kind, now_ms);
	if (taken < cap)
		return FIT;
	return miss_count(ret_miss, code, clock_window_end(&order->terms->clock, kind, now_ms),
			  taken, cap);
}

_Static_assert(CONSTRAINTS <= 32, "a bit each in struct terms");

uint32_t constraints_concerning(const struct terms *terms)
{
	uint32_t mask = 0;

	for (uint32_t i = 0; i < CONSTRAINTS; i++) {
		if (!table[i].constraint->concerns || table[i].constraint->concerns(terms))
			mask |= 1u << i;
	}
	return mask;
}

uint32_t constraints_touched_by(const struct lead_view *lead)
{
	uint32_t mask = 0;

	for (uint32_t i = 0; i < CONSTRAINTS; i++) {
		if (!table[i].constraint->touches || table[i].constraint->touches(lead))
			mask |= 1u << i;
	}
	return mask;
}

struct answer constraints_ask(const struct order *order, const struct lead_view *lead,
			      int64_t now_ms, struct miss *ret_miss)
{
	return constraints_ask_some(order->terms->constraints, order, lead, now_ms, ret_miss);
}

struct answer constraints_ask_some(uint32_t which, const struct order *order,
				   const struct lead_view *lead, int64_t now_ms,
				   struct miss *ret_miss)
{
	for (uint32_t rest = which; rest; rest &= rest - 1) {
		uint32_t i = (uint32_t)__builtin_ctz(rest);
		enum fit fit;

		if (is_off(i))
			continue;
		fit = table[i].constraint->fit(order, lead, now_ms, ret_miss);
		if (fit == UNKNOWN)
			fit = table[i].unknown;
		if (fit == MISS)
			return (struct answer){MISS, table[i].nearness,
					       table[i].constraint->standing};
	}
	return (struct answer){.fit = FIT};
}
