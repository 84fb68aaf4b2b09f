/* list_text: see list_text.h. */
#include "list_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_BYTES ((size_t)64 * 1024)

static void file_close(FILE **f)
{
	if (*f)
		fclose(*f);
}

static void text_free(char **text)
{
	free(*text);
}

void list_hash_begin(struct list_hash *h)
{
	crypto_generichash_init(&h->state, NULL, 0, LIST_HASH_LEN / 2);
}

void list_hash_end(struct list_hash *h, char ret_hex[LIST_HASH_LEN + 1])
{
	uint8_t digest[LIST_HASH_LEN / 2];

	crypto_generichash_final(&h->state, digest, sizeof(digest));
	sodium_bin2hex(ret_hex, LIST_HASH_LEN + 1, digest, sizeof(digest));
}

static enum result unreadable(const char *path, struct error *ret_error)
{
	return error_set(ret_error, RESULT_BAD, "%s: can't be read: %s", path, strerror(errno));
}

enum result list_hash_file(struct list_hash *h, const char *path, struct error *ret_error)
{
	_cleanup_(file_close) FILE *f = fopen(path, "r");
	_cleanup_(text_free) char *chunk = malloc(CHUNK_BYTES);
	size_t got;

	assert(chunk);
	if (!f)
		return unreadable(path, ret_error);
	while ((got = fread(chunk, 1, CHUNK_BYTES, f)) > 0)
		crypto_generichash_update(&h->state, (const uint8_t *)chunk, got);
	return ferror(f) ? unreadable(path, ret_error) : RESULT_OK;
}

static struct slice without_remark(struct slice line)
{
	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] == '#' &&
		    (i == 0 || line.data[i - 1] == ' ' || line.data[i - 1] == '\t'))
			line.len = i;
	}
	return slice_trim(line);
}

enum result list_text_read(const char *path, struct list_hash *h,
			   const char *(*take)(void *to, struct slice line), void *to,
			   struct error *ret_error)
{
	_cleanup_(file_close) FILE *f = fopen(path, "r");
	_cleanup_(text_free) char *text = NULL;
	size_t room = 0;
	ssize_t len;

	if (!f)
		return unreadable(path, ret_error);
	for (unsigned number = 1; (len = getline(&text, &room, f)) >= 0; number++) {
		struct slice line = without_remark(slice_of(text, (size_t)len));
		const char *fault = line.len > 0 ? take(to, line) : NULL;

		crypto_generichash_update(&h->state, (const uint8_t *)text, (size_t)len);
		if (fault)
			return error_set(ret_error, RESULT_BAD, "%s:%u: %s", path, number, fault);
	}
	return ferror(f) ? unreadable(path, ret_error) : RESULT_OK;
}
