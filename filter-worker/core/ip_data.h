/* ip_data: what is known of an address: its country, who runs its network, what kind of network that is, and whether it hides
 * who comes from it. The operator's own table goes first, field by field; then the database that set-up makes (docs/ip-data.md).
 * Both are opened by the shell; looking up is pure. */
#ifndef PUNNET_FILTER_IP_DATA_H
#define PUNNET_FILTER_IP_DATA_H

#include "ip_address.h"
#include "ip_table.h"

struct MMDB_s; /* maxminddb.h */

struct ip_data {
	const struct MMDB_s *db;      /* NULL: none */
	const struct ip_table *table; /* NULL: none */
};

/* What neither knows is empty, 0 or unknown. */
void ip_data_look(const struct ip_data *d, const struct ip_address *address, struct ip_known *ret);

#endif
