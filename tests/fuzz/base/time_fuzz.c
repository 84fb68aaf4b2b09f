/* Any bytes: a time that is written and read again as itself, a duration, or neither. */
#include "base/timefmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice typed = slice_of(data, size);
	char text[TIME_TEXT_LEN + 1];
	int64_t ms, again;

	if (time_parse(typed, &ms)) {
		time_text(ms, text);
		assert(strlen(text) == TIME_TEXT_LEN);
		if (!time_parse_rfc3339(slice_cstr(text), &again) || again != ms)
			__builtin_trap();
	}
	if (time_parse_duration(typed, &ms))
		assert(ms >= 0);
	return 0;
}
