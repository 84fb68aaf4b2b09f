/* webmaster_postbacks: where a webmaster's tracker hears of events, or an advertiser or an operator of alerts, as an entry in a
 * directory file says it. */
#ifndef PUNNET_WEBMASTER_POSTBACKS_H
#define PUNNET_WEBMASTER_POSTBACKS_H

#include "delivery/core/postback.h"
#include "proto/directory.pb-c.h"
#include "runtime/yaml.h"

/* Of `postbacks` or `alerts`; a list of *ret_count, whose texts live in the arena. */
Punnet__V1__Postback **webmaster_postbacks_read(struct arena *a, const struct yaml *item,
						enum postback_audience audience, size_t *ret_count,
						struct yaml_faults *f);

/* Is one of them to be signed? */
bool webmaster_postbacks_signed(Punnet__V1__Postback *const *all, size_t count);

#endif
