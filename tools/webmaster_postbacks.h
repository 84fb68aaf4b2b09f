/* webmaster_postbacks: where a webmaster's tracker hears of events, as his entry in a directory file says it. */
#ifndef PUNNET_WEBMASTER_POSTBACKS_H
#define PUNNET_WEBMASTER_POSTBACKS_H

#include "proto/directory.pb-c.h"
#include "runtime/yaml.h"

/* The entry's texts live in the arena. */
void webmaster_postbacks_read(struct arena *a, const struct yaml *item, Punnet__V1__Webmaster *ret,
			      struct yaml_faults *f);

#endif
