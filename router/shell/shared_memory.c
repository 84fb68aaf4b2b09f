/* shared_memory: see shared_memory.h. Anonymous, of nobody but this process and its children. */
#include "shared_memory.h"

#include <stdlib.h>
#include <sys/mman.h>

static void *take(size_t bytes)
{
	/* All pages at once: one by one each costs a fault. */
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static void give(void *p, size_t bytes)
{
	if (munmap(p, bytes) < 0)
		abort();
}

const struct pool_memory shared_memory = {.take = take, .give = give};
