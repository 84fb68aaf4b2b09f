/* ip_table: networks, and what an operator (or a scenario) knows of them. A text of lines:
 *
 *     203.0.113.0/24  country=RU asn=64500 network=hosting     # a remark
 *     2001:db8::/32   anonymous=tor
 *     198.51.100.7    network=isp
 *
 * Of networks inside one another the narrowest answers; what it does not say is left to others. Pure. */
#ifndef PUNNET_FILTER_IP_TABLE_H
#define PUNNET_FILTER_IP_TABLE_H

#include "base/arena.h"
#include "ip_address.h"

#define IP_TABLE_MAX 200000 /* networks */

/* The words of the facts ip_network and ip_anonymous, in these orders. */
enum ip_network {
	IP_NETWORK_UNKNOWN,
	IP_NETWORK_HOSTING,
	IP_NETWORK_MOBILE,
	IP_NETWORK_ISP,
	IP_NETWORK_EDUCATION
};
enum ip_anonymous {
	IP_ANONYMOUS_NONE,
	IP_ANONYMOUS_TOR,
	IP_ANONYMOUS_PROXY,
	IP_ANONYMOUS_VPN,
	IP_ANONYMOUS_RELAY
};
struct slice ip_network_text(enum ip_network network);
struct slice ip_anonymous_text(enum ip_anonymous anonymous);
_must_use_ bool ip_network_from_text(struct slice text, enum ip_network *ret);
_must_use_ bool ip_anonymous_from_text(struct slice text, enum ip_anonymous *ret);

struct ip_known {
	char country[3]; /* ISO 3166-1 alpha-2; empty: not known */
	uint32_t asn;    /* 0: not known */
	enum ip_network network;
	enum ip_anonymous anonymous;
};

enum { IP_SAYS_COUNTRY = 1, IP_SAYS_ASN = 2, IP_SAYS_NETWORK = 4, IP_SAYS_ANONYMOUS = 8 };

struct ip_range {
	struct ip_address first, last;
	struct ip_known known;
	unsigned says;  /* IP_SAYS_… */
	size_t outside; /* the narrowest range around this one; SIZE_MAX: none */
};

struct ip_table {
	struct ip_range *ranges;
	size_t count, room;
};

/* "country=RU asn=64500 network=hosting anonymous=tor", or some of them. NULL, or what is wrong with them. */
_must_use_ const char *ip_known_read(struct slice words, struct ip_known *ret, unsigned *ret_says);

/* A line without its remark; an empty one adds nothing. NULL, or what is wrong with it. ip_table_sort() comes before any look. */
_must_use_ const char *ip_table_add(struct ip_table *t, struct slice line);
void ip_table_sort(struct ip_table *t);
/* NULL: the table does not know it. */
const struct ip_range *ip_table_look(const struct ip_table *t, const struct ip_address *address);
void ip_table_free(struct ip_table *t);

#endif
