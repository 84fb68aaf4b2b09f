/* list_text: the operator's lists, texts of lines with remarks; and the hash of what files hold. */
#ifndef PUNNET_LIST_TEXT_H
#define PUNNET_LIST_TEXT_H

#include <sodium.h>

#include "base/result.h"
#include "base/slice.h"

#define LIST_HASH_LEN 64 /* hex digits */

struct list_hash {
	crypto_generichash_state state;
};

void list_hash_begin(struct list_hash *h);
/* The bytes of a file, without keeping them. */
_must_use_ enum result list_hash_file(struct list_hash *h, const char *path,
				      struct error *ret_error);
void list_hash_end(struct list_hash *h, char ret_hex[LIST_HASH_LEN + 1]);

/* Gives each line to take(), without its remark (from a # at the line's beginning or after a blank) and never empty. What take()
 * has to say against a line ends the reading, with file and line in *ret_error. The file's bytes go into the hash. */
_must_use_ enum result list_text_read(const char *path, struct list_hash *h,
				      const char *(*take)(void *to, struct slice line), void *to,
				      struct error *ret_error);

#endif
