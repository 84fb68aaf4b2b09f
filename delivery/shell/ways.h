/* ways: the delivery settings of orders, each text read once. A lead carries its order's settings as text, and few orders have
 * most of the leads: what was read stays here under that text.
 *
 * A direct-mapped table of WAYS_MAX; where two texts want one place the later one has it, and the other is read again. */
#ifndef PUNNET_DELIVERY_WAYS_H
#define PUNNET_DELIVERY_WAYS_H

#include "delivery/channels/channel.h"

#define WAYS_MAX                                                                                   \
	512 /* a place holds at most ENDPOINT_JSON_MAX_BYTES twice: the text, and what was read of it */

/* One order's settings. channel NULL: they can't be read; error says why. */
struct way {
	const struct channel *channel;
	struct endpoint endpoint;
	struct error error;
	struct arena arena; /* of the text and of the endpoint's nodes */
	struct slice text;
};

struct ways {
	struct way *at[WAYS_MAX];
};

/* Valid until the next call. */
const struct way *way_of(struct ways *w, struct slice delivery_json, int64_t default_timeout_ms);
void ways_free(struct ways *w);

#endif
