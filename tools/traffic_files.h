/* traffic_files: the profile and the tables of sample traffic, from their files. */
#ifndef PUNNET_TRAFFIC_FILES_H
#define PUNNET_TRAFFIC_FILES_H

#include "runtime/yaml.h"
#include "traffic_make.h"

/* Everything lives in the arena. false with faults. */
_must_use_ bool traffic_profile_load(struct arena *a, const char *path, struct traffic_profile *ret,
				     struct yaml_faults *f);
_must_use_ enum result traffic_tables_load(struct arena *a, const char *folder,
					   struct traffic_tables *ret, struct error *ret_error);
/* Ties the countries to their networks. */
void traffic_join(struct traffic_profile *p, const struct traffic_tables *t);

#endif
