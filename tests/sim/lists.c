/* lists: the filter worker's lists, of which a simulated one has none: reading them costs more than a whole seed. */
#include "filter-worker/shell/lists_open.h"

struct lists_holder {
	struct lists lists;
};

static struct lists_holder none = {.lists = {.version = ""}};

struct lists_holder *lists_holder_open(_unused_ const char *folder,
				       _unused_ struct error *ret_error)
{
	return &none;
}

void lists_holder_close(_unused_ struct lists_holder *h)
{
}

const struct lists *lists_holder_get(const struct lists_holder *h)
{
	return &h->lists;
}

enum lists_turn lists_holder_follow(_unused_ struct lists_holder *h, _unused_ int64_t now_ms,
				    _unused_ struct error *ret_error)
{
	return LISTS_SAME;
}

const char *lists_standard_folder(void)
{
	return "";
}
