/* advertiser_contract: what an advertiser's entry in a directory file says about money. */
#ifndef PUNNET_ADVERTISER_CONTRACT_H
#define PUNNET_ADVERTISER_CONTRACT_H

#include "proto/directory.pb-c.h"
#include "runtime/yaml.h"

/* Its rule of quality lives in the arena. */
void advertiser_contract_read(struct arena *a, const struct yaml *item, Punnet__V1__Advertiser *ret,
			      struct yaml_faults *f);

#endif
