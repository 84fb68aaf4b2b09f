/* address: which network addresses an advertiser's name may lead to. */
#ifndef PUNNET_DELIVERY_ADDRESS_H
#define PUNNET_DELIVERY_ADDRESS_H

#include <sys/socket.h>

#include "base/base.h"

/* false for whatever is not an ordinary address of the public Internet: loopback, private, link-local (cloud metadata
 * among them), shared (RFC 6598), multicast, documentation, reserved; and the IPv6 forms that carry such an IPv4 one. */
bool address_is_public(const struct sockaddr *address);

#endif
