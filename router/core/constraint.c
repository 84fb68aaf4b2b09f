/* constraint: the table, asked in its order; the first miss is the answer. */
#include "constraint.h"

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

enum fit miss_set(struct miss *m, enum reason code, int64_t until_ms, const char *detail)
{
	m->code = code;
	m->until_ms = until_ms;
	m->detail = detail;
	return MISS;
}

enum fit constraints_ask(const struct order *order, const struct lead_view *lead, int64_t now_ms,
			 struct miss *ret_miss, uint32_t *ret_nearness)
{
	for (size_t i = 0; i < CONSTRAINTS; i++) {
		enum fit fit = table[i].constraint->fit(order, lead, now_ms, ret_miss);

		if (fit == UNKNOWN)
			fit = table[i].unknown;
		if (fit == MISS) {
			*ret_nearness = table[i].nearness;
			return MISS;
		}
	}
	return FIT;
}
