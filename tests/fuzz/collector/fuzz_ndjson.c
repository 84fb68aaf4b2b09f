/* A batch of verdicts: as many lines as were counted, and each either has faults or makes a record that can be read. */
#include "collector/core/lines.h"
#include "collector/core/verdict.h"
#include "lead/codec.h"

#define NOW_MS 1795341600000LL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_line(struct arena *a, struct slice line)
{
	struct faults faults = {0};
	struct verdict verdict;
	const char *why = NULL;
	struct buf out = {0};

	if (!verdict_read(&verdict, a, line, SLICE("bank"), NOW_MS, &faults, &why)) {
		assert(why);
		return;
	}
	assert(verdict.verdict_id.len > 0);
	if (faults.count == 0) {
		verdict_build(&verdict, "bank", NOW_MS, a, &out);
		assert(codec_unpack(a, &punnet__v1__outcome__descriptor, buf_slice(&out)));
	}
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of(data, size), line;
	uint32_t counted = lines_count(rest, UINT32_MAX - 1), seen = 0;
	struct arena arena = {0};

	while (lines_next(&rest, &line)) {
		one_line(&arena, line);
		seen++;
	}
	assert(seen == counted);
	arena_free(&arena);
	return 0;
}
