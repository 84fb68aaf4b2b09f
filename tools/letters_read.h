/* letters_read: brings dead.letters and dead.letters.acts to letters.h. Blocking; no group, no commits. */
#ifndef PUNNET_LETTERS_READ_H
#define PUNNET_LETTERS_READ_H

#include "letters.h"
#include "runtime/bus.h"

#define LETTERS_TOPIC         "dead.letters"
#define LETTERS_ACTS_TOPIC    "dead.letters.acts"
#define LETTER_PARTITIONS_MAX 16

/* How far was read; zero = from the beginning. */
struct letters_position {
	int64_t letters[LETTER_PARTITIONS_MAX], acts;
};

/* All that came since. */
_must_use_ enum result letters_read(struct bus *bus, struct letters *l, struct letters_position *at,
				    struct error *ret_error);

/* Every record of a partition from one offset up to another. fn says whether it wants more. */
typedef bool (*letters_record_fn)(void *ctx, const struct bus_record *r);
_must_use_ enum result letters_each(struct bus *bus, const char *topic, int32_t partition,
				    int64_t from, int64_t to, letters_record_fn fn, void *ctx,
				    struct error *ret_error);

#endif
