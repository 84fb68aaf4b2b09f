/* lists: what filters look up that comes from outside: open data that set-up fetches, and files of the operator's. The shell
 * maps them and swaps them whole; a filter's look() reads them through here. Pure. */
#ifndef PUNNET_FILTER_LISTS_H
#define PUNNET_FILTER_LISTS_H

#include "base/slice.h"

#define LISTS_VERSION_LEN 32 /* hex digits: the hash of all that is in them */

struct named_lists; /* named_lists.h: words, domains, phones; NULL: none are loaded */
struct ip_data;     /* ip_data.h: what is known of addresses; NULL: nothing */
struct agents;      /* agents.h: user agents that are no people; NULL: none */

struct lists {
	const struct named_lists *named;
	const struct ip_data *ip;
	const struct agents *agents;
	char version[LISTS_VERSION_LEN + 1]; /* stands in every verdict */
};

#endif
