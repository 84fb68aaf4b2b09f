/* named_lists: domains, words, phones and fingerprints that filters look up, in one compact file that is mapped and never
 * copied. named_lists_build.h makes it. Pure.
 *
 * The file: a header with a digest of all that follows, a table of sections, and for each list an open-addressed table of
 * slots; texts stand in a pool behind theirs. Whole numbers are little-endian. All of it is checked when it is opened, so
 * that a look needs no check: one cache line for what is not listed, which is nearly always the answer, two for what is. */
#ifndef PUNNET_NAMED_LISTS_H
#define PUNNET_NAMED_LISTS_H

#include "base/result.h"
#include "base/slice.h"
#include "lists.h"

#define NAMED_LISTS_DIGEST_LEN 16
#define LIST_KEY_LEN           16
#define LIST_ENTRY_MAX         255 /* bytes of a text */

enum list_kind { LIST_DOMAIN, LIST_WORD, LIST_MAILBOX, LIST_PHONE, LIST_HASH, LIST_OWNED };

enum list_name {
#define LIST(name, text, kind, help) LIST_##name,
#include "named_lists.def"
#undef LIST
	LIST_COUNT
};

const char *list_text(enum list_name name);
const char *list_help(enum list_name name);
enum list_kind list_kind_of(enum list_name name);
_must_use_ bool list_from_text(struct slice text, enum list_name *ret);

/* data is borrowed, begins at a multiple of 8, and outlives the lists. NULL with an error: it is damaged, or no such file. */
struct named_lists *named_lists_open(struct slice data, struct error *ret_error);
void named_lists_free(struct named_lists *l); /* accepts NULL */
/* Of all the file's content. */
const uint8_t *named_lists_digest(const struct named_lists *l);

/* How many entries; 0 also where no lists are loaded: an empty list says nothing of anybody. */
size_t named_lists_count(const struct lists *lists, enum list_name name);

/* The looks take entries as the list has them, see named_lists.def. */
/* DOMAIN, WORD, MAILBOX. */
bool named_lists_has(const struct lists *lists, enum list_name name, struct slice entry);
/* DOMAIN: the domain, or one that it is part of. */
bool named_lists_has_domain(const struct lists *lists, enum list_name name, struct slice domain);
/* The texts of a list in its order; *at begins with 0 and is the list's own. */
_must_use_ bool named_lists_next(const struct lists *lists, enum list_name name, size_t *at,
				 struct slice *ret);
/* PHONE: number without its plus. *ret_seen_ms: midnight UTC of the day on which it was last seen; 0: that is not told. */
_must_use_ bool named_lists_phone(const struct lists *lists, enum list_name name, uint64_t number,
				  int64_t *ret_seen_ms);
/* HASH, OWNED: whose it is ("bank-a,bank-b"), borrowed from the file; empty: not listed. */
struct slice named_lists_owner(const struct lists *lists, enum list_name name,
			       const uint8_t key[LIST_KEY_LEN]);

#endif
