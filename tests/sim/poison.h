/* poison: records of leads.raw that nobody can read, put there by a stranger. A content of their own tells them from all others, so
 * that one which is stored twice is poison too. */
#ifndef PUNNET_SIM_POISON_H
#define PUNNET_SIM_POISON_H

#include "base/base.h"

struct bus_record;

/* Beside a lead that is sent at that time, in some seeds. `lead` is its number. */
void poison_beside(int64_t at_us, uint32_t lead);
bool poison_is(const struct bus_record *record);
/* Each has its letter, with the bytes that it had; and nothing else has one. */
bool judge_dead_letters(void);

#endif
