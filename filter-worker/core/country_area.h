/* country_area: parts of the world, wide ones, to tell what is far from what. Pure. */
#ifndef PUNNET_FILTER_COUNTRY_AREA_H
#define PUNNET_FILTER_COUNTRY_AREA_H

#include "base/slice.h"

enum country_area {
	AREA_UNKNOWN,
	AREA_NORTH,       /* Europe, Russia, the Caucasus, Central Asia, Turkey, Israel, Cyprus */
	AREA_MIDDLE_EAST, /* with North Africa */
	AREA_AFRICA,      /* south of the Sahara */
	AREA_ASIA,        /* South, East and South-East */
	AREA_AMERICAS,
	AREA_OCEANIA,
};

/* country: ISO 3166-1 alpha-2 */
enum country_area country_area(struct slice country);

#endif
