/* A compiled file of lists. Its size and digest are set right first, or nothing would come past them: what then opens has to
 * answer every look without leaving the file, and to have each text that it says it has in reach. */
#include <stdlib.h>

#include "filter-worker/core/named_lists_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct lists *lists, enum list_name name)
{
	static const uint8_t key[LIST_KEY_LEN];
	struct slice text;
	int64_t seen_ms;
	size_t at = 0;

	switch (lists_slot_kind(list_kind_of(name))) {
	case SLOT_TEXT:
		(void)named_lists_has_domain(lists, name, SLICE("a.mail.ru"));
		while (named_lists_next(lists, name, &at, &text))
			(void)named_lists_has(lists, name, text);
		break;
	case SLOT_PHONE:
		if (named_lists_phone(lists, name, 79161234567, &seen_ms))
			assert(seen_ms >= 0);
		break;
	case SLOT_KEY:
		text = named_lists_owner(lists, name, key);
		assert(text.len <= LIST_ENTRY_MAX);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lists_header header;
	struct lists lists = {0};
	char *copy = malloc(size + 1); /* aligned, and its end is the input's */

	assert(copy);
	memcpy(copy, data, size);
	if (size >= sizeof(header)) {
		memcpy(&header, copy, sizeof(header));
		header.size = size;
		lists_digest(slice_of(copy + sizeof(header), size - sizeof(header)), header.digest);
		memcpy(copy, &header, sizeof(header));
	}
	lists.named = named_lists_open(slice_of(copy, size), NULL);
	for (size_t i = 0; lists.named && i < LIST_COUNT; i++)
		look(&lists, (enum list_name)i);
	named_lists_free((struct named_lists *)lists.named);
	free(copy);
	return 0;
}
