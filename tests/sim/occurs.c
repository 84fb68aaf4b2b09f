/* occurs: what happened in a seed, counted, so that a test can say that the worlds hold what their README says: occurs.def. */
#include "occurs.h"

#include <stdio.h>
#include <string.h>

#include "sim.h"

enum where { COUNTED, MISS, SETTLED };

static const struct {
	enum where where;
	const char *name;
} rows[OCCURRENCES] = {
#define OCCURS(kind, where_, text) [OCCURS_##kind] = {where_, text},
#include "occurs.def"
#undef OCCURS
};

void occurs(enum occurrence what)
{
	sim.occurred[what]++;
}

void occurs_miss(const char *code)
{
	for (int i = 0; i < OCCURRENCES; i++)
		if (rows[i].where == MISS && strcmp(rows[i].name, code) == 0)
			sim.occurred[i]++;
}

void occurs_settled(int settlement)
{
	int i = (int)OCCURS_DELIVERED + settlement - 1; /* as the message numbers them */

	if (i >= (int)OCCURS_DELIVERED && i < OCCURRENCES)
		sim.occurred[i]++;
}

bool occurs_print(const uint64_t total[OCCURRENCES])
{
	bool all = true;

	for (int i = 0; i < OCCURRENCES; i++) {
		(void)printf("  %-44s %10llu%s\n", rows[i].name, (unsigned long long)total[i],
			     total[i] ? "" : "  NEVER");
		all = all && total[i] > 0;
	}
	return all;
}
