/* order_file: an order file, checked whole before anything of it is published. */
#ifndef PUNNET_ORDER_FILE_H
#define PUNNET_ORDER_FILE_H

#include "proto/market.pb-c.h"
#include "runtime/directory.h"
#include "runtime/yaml.h"

#define ORDERS_PER_FILE_MAX 200000

/* Reads and checks; *ret_count terms in the arena. directory may be NULL (advertisers and verticals are then not
 * checked, as for a simulation). Faults go to f; NULL when there were any. now_ms decides what is over. */
Punnet__V1__OrderTerms **order_file_read(struct arena *a, const char *path,
					 const struct directory *directory, int64_t now_ms,
					 size_t *ret_count, struct yaml_faults *f);

#endif
