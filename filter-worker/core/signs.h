/* signs: what filters that need no memory say of a lead under their own standard, for those who compare leads with one another. Pure.
 * Signs are facts of the lead: today's rules do not change them. */
#ifndef PUNNET_FILTER_SIGNS_H
#define PUNNET_FILTER_SIGNS_H

#include "filter.h"
#include "statistics.h"

struct sign {
	const struct filter *filter;
	enum reason reason;
	int64_t honest_one_in; /* honest leads show it */
};

struct signs {
	const struct sign *rarest; /* NULL: none that is compared */
	bool unusual; /* at least one that few honest leads show, or one that rejects alone */
};

/* The parameter of filters that compare: how often chance may do what is taken for a crew's work. */
#define PARAM_COINCIDENCE(per_million)                                                             \
	{                                                                                          \
		.name = "coincidence", .type = PARAM_NUMBER, .standard = (per_million),            \
		.least = 0, .most = CHANCE_MILLION - 1,                                            \
		.help = "It is a hit when chance does it at most so many times in a million.",     \
	}

struct signs signs_of(const struct facts *local);

#endif
