/* rate_card: what webmasters of a vertical are paid, as a directory file declares it. */
#ifndef PUNNET_RATE_CARD_H
#define PUNNET_RATE_CARD_H

#include "proto/market.pb-c.h"
#include "runtime/yaml.h"

#define RATE_CARD_KEYS "rates, margin_floor, source_classes, tiers, buyer_wait"

/* Of one vertical's item; never NULL. Faults go to f. */
Punnet__V1__RateChanged *rate_card_read(struct arena *a, const struct yaml *item,
					const char *vertical, uint32_t share_bp,
					struct yaml_faults *f);

#endif
