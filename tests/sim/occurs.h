/* occurs: see occurs.c. */
#ifndef PUNNET_SIM_OCCURS_H
#define PUNNET_SIM_OCCURS_H

#include <stdbool.h>
#include <stdint.h>

enum occurrence {
#define OCCURS(kind, where, text) OCCURS_##kind,
#include "occurs.def"
#undef OCCURS
	OCCURRENCES
};

void occurs(enum occurrence what);
void occurs_miss(const char *code);  /* of a candidate */
void occurs_settled(int settlement); /* of punnet.v1.Settlement */
/* A line each; false: something never occurred. */
bool occurs_print(const uint64_t total[OCCURRENCES]);

#endif
