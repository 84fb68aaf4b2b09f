/* A form body all the way to the record of leads.raw. */
#include "lead_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct draft draft;
	struct faults faults = {0};
	struct arena arena = {0};
	const char *why = NULL;

	if (draft_read_form(&draft, &arena, slice_of(data, size), &faults, &why))
		lead_path(&draft, &faults, &arena);
	else
		assert(why);
	arena_free(&arena);
	return 0;
}
