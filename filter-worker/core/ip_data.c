/* ip_data: see ip_data.h. */
#include "ip_data.h"

#include <arpa/inet.h>
#include <endian.h>
#include <maxminddb.h>

#include "base/slice.h"

static MMDB_lookup_result_s look_in_db(const MMDB_s *db, const struct ip_address *address, int *ret)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl((uint32_t)address->lower)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	uint64_t upper = htobe64(address->upper), lower = htobe64(address->lower);

	if (address->v4)
		return MMDB_lookup_sockaddr(db, (const struct sockaddr *)&v4, ret);
	memcpy(&v6.sin6_addr.s6_addr[0], &upper, sizeof(upper));
	memcpy(&v6.sin6_addr.s6_addr[8], &lower, sizeof(lower));
	return MMDB_lookup_sockaddr(db, (const struct sockaddr *)&v6, ret);
}

/* The value is a text of the same form as the operator's table. */
static void read_entry(MMDB_entry_s *entry, struct ip_known *ret)
{
	MMDB_entry_data_s data;
	unsigned says;

	if (MMDB_get_value(entry, &data, NULL) != MMDB_SUCCESS || !data.has_data ||
	    data.type != MMDB_DATA_TYPE_UTF8_STRING ||
	    ip_known_read(slice_of(data.utf8_string, data.data_size), ret, &says) != NULL)
		*ret = (struct ip_known){0};
}

static void overrule(const struct ip_range *range, struct ip_known *ret)
{
	if (range->says & IP_SAYS_COUNTRY)
		memcpy(ret->country, range->known.country, sizeof(ret->country));
	if (range->says & IP_SAYS_ASN)
		ret->asn = range->known.asn;
	if (range->says & IP_SAYS_NETWORK)
		ret->network = range->known.network;
	if (range->says & IP_SAYS_ANONYMOUS)
		ret->anonymous = range->known.anonymous;
}

void ip_data_look(const struct ip_data *d, const struct ip_address *address, struct ip_known *ret)
{
	const struct ip_range *own = d->table ? ip_table_look(d->table, address) : NULL;
	int status = MMDB_SUCCESS;

	*ret = (struct ip_known){0};
	if (d->db) {
		MMDB_lookup_result_s found = look_in_db(d->db, address, &status);

		if (status == MMDB_SUCCESS && found.found_entry)
			read_entry(&found.entry, ret);
	}
	if (own)
		overrule(own, ret);
}
