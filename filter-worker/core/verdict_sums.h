/* verdict_sums: what advertisers said of a webmaster's leads in a vertical, and of everybody else's there. */
#ifndef PUNNET_VERDICT_SUMS_H
#define PUNNET_VERDICT_SUMS_H

#include "base/base.h"

struct verdict_sums {
	int64_t approved, returned;
	int64_t peers_approved, peers_returned; /* of the vertical's other webmasters */
};

#endif
