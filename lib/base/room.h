/* room: arrays that grow as they are filled. */
#ifndef PUNNET_ROOM_H
#define PUNNET_ROOM_H

#include <stddef.h>

/* Room for one more item behind `count` of `size` bytes. Returns the array, which may have moved; *cap is how many it holds. Begins
 * with ROOM_LEAST. Out of memory is fatal. */
#define ROOM_LEAST 64
void *room_for_one(void *items, size_t count, size_t *cap, size_t size);

#endif
