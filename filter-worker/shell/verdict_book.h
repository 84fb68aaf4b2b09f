/* verdict_book: advertisers' verdicts in sums, a line for each webmaster and vertical: how many leads were approved, how many
 * returned. Whoever follows the books puts the lines in, each again when it changes; how far back they reach is theirs to say.
 * A line says nothing of a single lead. */
#ifndef PUNNET_VERDICT_BOOK_H
#define PUNNET_VERDICT_BOOK_H

#include "base/slice.h"
#include "filter-worker/core/verdict_sums.h"

struct verdict_book;

struct verdict_book *verdict_book_new(void);
void verdict_book_free(struct verdict_book *b);
/* In the place of the line that stood there. Counts are not negative. */
void verdict_book_put(struct verdict_book *b, struct slice vertical, struct slice aff_id,
		      int64_t approved, int64_t returned);
size_t verdict_book_count(const struct verdict_book *b); /* lines */
/* false: nothing is known of the vertical, and ret is untouched. A webmaster without a line has zeros. */
_must_use_ bool verdict_book_look(const struct verdict_book *b, struct slice vertical,
				  struct slice aff_id, struct verdict_sums *ret);

#endif
