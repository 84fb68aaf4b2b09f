/* ip_address: an address as two numbers. IPv4 that comes inside IPv6 (mapped, translated, 6to4) is read as the IPv4 that it is.
 * Pure. */
#ifndef PUNNET_FILTER_IP_ADDRESS_H
#define PUNNET_FILTER_IP_ADDRESS_H

#include "base/base.h"

/* IPv4 stands in ::ffff:0:0/96, so that all addresses are of one order. */
struct ip_address {
	uint64_t upper, lower;
	bool v4;
};

/* false: the text is no address; ret is untouched. */
_must_use_ bool ip_address_read(const char *text, struct ip_address *ret);

#endif
