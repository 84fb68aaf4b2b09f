/* A damaged snapshot is refused as a whole, or it is a state that can be written and read again. */
#include <stdlib.h>

#include "router/core/market.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_free) struct buf first = {0}, second = {0};
	const char *why = NULL;
	struct market *m = market_decode(slice_of(data, size), 0, &why);

	if (!m) {
		assert(why);
		return 0;
	}
	market_encode(m, &first);
	market_free(m);
	m = market_decode(buf_slice(&first), 0, &why);
	assert(m);
	market_encode(m, &second);
	assert(slice_equal(buf_slice(&first), buf_slice(&second)));
	market_free(m);
	return 0;
}
