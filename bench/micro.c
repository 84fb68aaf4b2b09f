/* bench-micro: nanoseconds of the small steps, in one process, with no server. A floor stands beside a step where
 * something does the same work barer: a copy of the same bytes, the library's own call. */
#include "micro.h"

#include <sodium.h>

#include "bench.h"

int main(void)
{
	if (sodium_init() < 0)
		bench_die("libsodium can't be used");
	micro_lead();
	micro_judge();
	return 0;
}
