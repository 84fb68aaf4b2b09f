/* ip_address: see ip_address.h. */
#include "ip_address.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#define V4_MAPPED     (UINT64_C(0xFFFF) << 32)
#define V4_TRANSLATED 0x0064FF9B00000000 /* 64:ff9b::/96, RFC 6052 */
#define V4_TUNNEL     0x2002             /* 2002::/16, 6to4 */

static struct ip_address v4_of(uint64_t bits)
{
	return (struct ip_address){.lower = V4_MAPPED | (bits & UINT32_MAX), .v4 = true};
}

bool ip_address_read(const char *text, struct ip_address *ret)
{
	struct in6_addr v6;
	struct in_addr v4;
	uint64_t upper, lower;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*ret = v4_of(ntohl(v4.s_addr));
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return false;
	memcpy(&upper, &v6.s6_addr[0], sizeof(upper));
	memcpy(&lower, &v6.s6_addr[8], sizeof(lower));
	upper = be64toh(upper);
	lower = be64toh(lower);
	if ((upper == 0 && lower >> 32 == 0xFFFF) || (upper == V4_TRANSLATED && lower >> 32 == 0))
		*ret = v4_of(lower);
	else if (upper >> 48 == V4_TUNNEL)
		*ret = v4_of(upper >> 16);
	else
		*ret = (struct ip_address){.upper = upper, .lower = lower};
	return true;
}
