/* webmaster_postbacks: where a webmaster's tracker hears of events, or an advertiser or an operator of alerts, as an entry in a
 * directory file says it. */
#ifndef PUNNET_WEBMASTER_POSTBACKS_H
#define PUNNET_WEBMASTER_POSTBACKS_H

#include "proto/directory.pb-c.h"
#include "runtime/yaml.h"

/* The entry's texts live in the arena. */
void webmaster_postbacks_read(struct arena *a, const struct yaml *item, Punnet__V1__Webmaster *ret,
			      struct yaml_faults *f);
void advertiser_alerts_read(struct arena *a, const struct yaml *item, Punnet__V1__Advertiser *ret,
			    struct yaml_faults *f);
/* It refuses what is unknown of an operator, too. */
void operator_alerts_read(struct arena *a, const struct yaml *item, Punnet__V1__Operator *ret,
			  struct yaml_faults *f);
/* Is one of his alerts to be signed? */
bool operator_signs(const Punnet__V1__Operator *o);

#endif
