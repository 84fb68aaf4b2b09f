/* named_lists_build: makes the compiled file of named_lists.h from entries as people write them. Pure; the same entries in the
 * same order give the same bytes. */
#ifndef PUNNET_NAMED_LISTS_BUILD_H
#define PUNNET_NAMED_LISTS_BUILD_H

#include "base/buf.h"
#include "named_lists.h"

#define LIST_OWNER_MAX 64 /* bytes of one owner's name */

struct named_lists_builder;

struct named_lists_builder *named_lists_builder_new(void);
void named_lists_builder_free(struct named_lists_builder *b); /* accepts NULL */

/* One entry:
 *
 *     mailinator.com   почта.рф      DOMAIN
 *     Тест                           WORD
 *     info                           MAILBOX
 *     +79161234567   79161234567 2024-06-05    PHONE, and the day on which it was last seen
 *     64 hex digits                  HASH
 *     32 hex digits                  OWNED, by `owner`: a-z, 0-9, '-' and '_'; empty for the other kinds
 *
 * "!" before it takes the entry off the list, wherever else it stands. NULL, or what is wrong. */
const char *named_lists_add(struct named_lists_builder *b, enum list_name name, struct slice entry,
			    struct slice owner);
/* How many stand on the list so far, those that were taken off apart. */
size_t named_lists_built(const struct named_lists_builder *b, enum list_name name);
/* Appends the file. */
void named_lists_write(const struct named_lists_builder *b, struct buf *out);

#endif
