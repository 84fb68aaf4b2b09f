/* circuit_news: what an advertiser's circuit did, for whoever tells people. */
#ifndef PUNNET_DELIVERY_CIRCUIT_NEWS_H
#define PUNNET_DELIVERY_CIRCUIT_NEWS_H

#include "base/base.h"
#include "delivery/core/meter.h"

/* All of it is the caller's. */
struct circuit_news {
	const char *advertiser_id, *reason_code;
	bool opened; /* else closed */
	int64_t at_ms;
	const struct meter_hour *hour; /* before it opened */
};

typedef void (*circuit_fn)(void *ctx, const struct circuit_news *news);

#endif
