/* snapshot_child: the router's child process, without one: what it would have made is made at once, from the state as it is, and is there
 * some time later. It dies with the router, as its memory is the router's. Linked into the router's part. */
#include "router/shell/snapshot_child.h"

#include <sodium.h>
#include <stdlib.h>

#include "tests/sim/sim.h"

#define TAKES_MOST_US (400 * US_PER_MS)

struct work {
	struct buf bytes;
	int64_t ready_us;
};

void snapshot_hash(struct slice bytes, uint8_t ret[SNAPSHOT_HASH_LEN])
{
	crypto_generichash(ret, SNAPSHOT_HASH_LEN, (const uint8_t *)bytes.data, bytes.len, NULL, 0);
}

bool snapshot_child_start(struct snapshot_child *c, struct market *m)
{
	struct work *w = calloc(1, sizeof(*w));

	assert(w);
	w->bytes.max = MARKET_ENCODED_MAX_BYTES;
	market_encode(m, &w->bytes);
	assert(!w->bytes.failed);
	w->ready_us = sim.now_us + sim_draw(1, TAKES_MOST_US);
	*c = (struct snapshot_child){.pid = 1, .shared = w};
	return true;
}

enum result snapshot_child_poll(struct snapshot_child *c, struct slice *ret_bytes,
				uint8_t ret_hash[SNAPSHOT_HASH_LEN])
{
	struct work *w = c->shared;

	if (sim.now_us < w->ready_us)
		return RESULT_AGAIN;
	c->pid = 0;
	*ret_bytes = buf_slice(&w->bytes);
	snapshot_hash(*ret_bytes, ret_hash);
	return RESULT_OK;
}

void snapshot_child_end(struct snapshot_child *c)
{
	struct work *w = c->shared;

	if (w)
		buf_free(&w->bytes);
	free(w);
	*c = (struct snapshot_child){.pid = 0};
}
