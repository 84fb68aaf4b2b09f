/* fault: named ways to break the product on purpose, so that a test of a guarantee can be seen to fail. Compiled to
 * nothing without PUNNET_FAULTS. PUNNET_FAULT=name,crash_at:point:n is read once. A file `point` with a
 * number n in the folder that PUNNET_FAULT_ONCE names does as crash_at does, and is gone then: whoever starts next lives. */
#ifndef PUNNET_FAULT_H
#define PUNNET_FAULT_H

#include "base/base.h"

#ifdef PUNNET_FAULTS
bool fault_on(const char *name); /* is the named fault switched on? */
/* SIGKILLs itself at the n-th passage, when crash_at or a file names the point. */
void fault_point(const char *point);
#else
static inline bool fault_on(_unused_ const char *name)
{
	return false;
}
static inline void fault_point(_unused_ const char *point)
{
}
#endif

#endif
