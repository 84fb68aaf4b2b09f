/* Any text: refused, or a watermark that writes itself exactly as it was read. */
#include "lead/watermark.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_free) struct buf written = {0};
	struct watermark w;

	if (!watermark_read(slice_of(data, size), &w))
		return 0;
	assert(w.count <= WATERMARK_SOURCES_MAX);
	watermark_write(&w, &written);
	assert(slice_equal(buf_slice(&written), slice_of(data, size)));
	return 0;
}
