/* simulate_read: a line of a simulation's leads, as the market's event.
 *
 *     {"at":…,"vertical":"…","aff_id":"…","fields":{…},"bids":{"order-id":1234},"outcomes":{"order-id":"refused"}}
 *
 * Attributes of the lead itself (country, region, …) stand beside `fields` or in it. `bids` and `outcomes` may be left out. */
#ifndef PUNNET_SIMULATE_READ_H
#define PUNNET_SIMULATE_READ_H

#include "base/json.h"
#include "router/core/price.h"

#define SIM_LINE_MAX_BYTES (1024 * 1024)
#define SIM_BIDS_MAX       LEAD_BIDS_MAX
#define SIM_FIELDS_MAX     64
#define SIM_TIME_LEAST_MS  946684800000LL /* 2000: what is earlier was meant to be seconds */

struct sim_lead {
	int64_t at_ms;
	Punnet__V1__Lead lead;
	Punnet__V1__LeadAdmitted admitted; /* points to the lead */
	const struct json *outcomes;       /* an object; NULL: everybody takes what he is given */
};

/* NULL, and ret filled in; else what was expected. What ret points to lives as long as the arena and the text. */
_must_use_ const char *sim_lead_read(struct arena *a, struct slice text, struct sim_lead *ret);

/* What the order's buyer does with this lead: DELIVERED unless `outcomes` says otherwise. */
Punnet__V1__Settlement sim_lead_outcome(const struct sim_lead *lead, const char *order_id);

#endif
