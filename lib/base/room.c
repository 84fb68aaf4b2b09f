/* room: see room.h. */
#include "room.h"

#include <stdlib.h>

void *room_for_one(void *items, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return items;
	*cap = *cap ? 2 * *cap : ROOM_LEAST;
	items = reallocarray(items, *cap, size);
	if (!items)
		abort();
	return items;
}
