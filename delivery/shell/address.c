/* address: see address.h. After the IANA special-purpose address registries (RFC 6890 and its updates). */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct block4 {
	uint32_t network;
	int bits;
};

#define IP4(a, b, c, d)                                                                            \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static const struct block4 special4[] = {
    {IP4(0, 0, 0, 0), 8},      {IP4(10, 0, 0, 0), 8},     {IP4(100, 64, 0, 0), 10},
    {IP4(127, 0, 0, 0), 8},    {IP4(169, 254, 0, 0), 16}, {IP4(172, 16, 0, 0), 12},
    {IP4(192, 0, 0, 0), 24},   {IP4(192, 0, 2, 0), 24},   {IP4(192, 88, 99, 0), 24},
    {IP4(192, 168, 0, 0), 16}, {IP4(198, 18, 0, 0), 15},  {IP4(198, 51, 100, 0), 24},
    {IP4(203, 0, 113, 0), 24}, {IP4(224, 0, 0, 0), 4},    {IP4(240, 0, 0, 0), 4},
};

static bool public4(uint32_t address)
{
	for (size_t i = 0; i < ARRAY_LEN(special4); i++)
		if ((address ^ special4[i].network) >> (32 - special4[i].bits) == 0)
			return false;
	return true;
}

static uint32_t read4(const uint8_t *p)
{
	return IP4(p[0], p[1], p[2], p[3]);
}

/* Only 2000::/3 is handed out; inside it, 2002::/16 (6to4) and 2001::/32 (Teredo) reach IPv4 hosts, and 2001::/23 and
 * 2001:db8::/32 are not for hosts. 64:ff9b::/96 translates to IPv4; ::ffff:0:0/96 is IPv4. */
static bool public6(const uint8_t a[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

	if (memcmp(a, mapped, sizeof(mapped)) == 0 || memcmp(a, nat64, sizeof(nat64)) == 0)
		return public4(read4(a + 12));
	if ((a[0] & 0xe0) != 0x20)
		return false;
	if (a[0] == 0x20 && a[1] == 0x02)
		return public4(read4(a + 2));
	if (a[0] == 0x20 && a[1] == 0x01 && (a[2] < 0x02 || (a[2] == 0x0d && a[3] == 0xb8)))
		return false;
	return !(a[0] == 0x3f && a[1] == 0xff && a[2] < 0x10);
}

bool address_is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)address;

		return public4(ntohl(in->sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6)
		return public6(((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr);

	return false;
}
