/* ip_data_open: maps the address database and reads the operator's own table of networks. */
#ifndef PUNNET_IP_DATA_OPEN_H
#define PUNNET_IP_DATA_OPEN_H

#include "base/result.h"
#include "filter-worker/core/ip_data.h"

#define IP_DATA_HASH_LEN 64 /* hex digits */

/* folder: holds ip.mmdb, as deploy/setup/ip-data makes it. networks: a text file, see ip_table.h. Either may be NULL, and then
 * is not asked. NULL: *ret_error says what is wrong, with file and line. A file may be replaced (by renaming) while it is open;
 * it is read again when it is opened again. */
_must_use_ struct ip_data *ip_data_open(const char *folder, const char *networks,
					struct error *ret_error);
void ip_data_close(struct ip_data *d);
/* Of all that is in it. */
const char *ip_data_hash(const struct ip_data *d);

#endif
