/* meter: what an advertiser took in the last hour, by the minute: what an hour of its outage costs.
 *
 * Kept for METER_CURRENCIES currencies; a lead in a further one is counted without its money. */
#ifndef PUNNET_DELIVERY_METER_H
#define PUNNET_DELIVERY_METER_H

#include "base/base.h"

#define METER_MINUTES    60
#define METER_CURRENCIES 2

struct meter_minute {
	int64_t minute; /* since 1970 */
	uint32_t leads;
	int64_t minor[METER_CURRENCIES];
};

struct meter {
	int64_t since_ms; /* of the first lead; 0: there was none */
	char currency[METER_CURRENCIES][4];
	struct meter_minute minutes[METER_MINUTES];
};

struct meter_hour {
	uint64_t leads;
	char currency[METER_CURRENCIES][4];
	int64_t
	    minor[METER_CURRENCIES]; /* a meter that is younger than an hour is scaled up to one */
};

void meter_add(struct meter *m, const char *currency, int64_t minor, int64_t now_ms);
/* The hour before now_ms. */
struct meter_hour meter_read(const struct meter *m, int64_t now_ms);

#endif
