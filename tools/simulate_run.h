/* simulate_run: a market with no servers: orders published at once, leads admitted in their own time, what is sold
 * delivered at once. The decisions are those of the production core. */
#ifndef PUNNET_SIMULATE_RUN_H
#define PUNNET_SIMULATE_RUN_H

#include <stdio.h>

#include "router/core/market.h"
#include "simulate_read.h"

#define SIM_REASONS_MAX 64

struct sim_count {
	const char *reason; /* static */
	uint64_t leads;
};

struct sim {
	struct market *market;
	struct arena arena; /* of the event at hand */
	uint64_t offset, judged, settled, seed;
	uint64_t leads, sold;
	struct sim_count unsold[SIM_REASONS_MAX];
	size_t unsold_count;
	FILE *decisions; /* NULL: they are not written down */
};

struct sim_result {
	const char *order_id; /* NULL: unsold */
	int64_t price_minor;
	const char *reason;
};

void sim_open(struct sim *s, uint64_t seed);
void sim_close(struct sim *s);
/* As `punnet order apply` would, at that time. */
void sim_publish(struct sim *s, Punnet__V1__OrderTerms *terms, int64_t at_ms);
/* Admits the lead, and settles it until somebody keeps it or nobody is left. */
struct sim_result sim_play(struct sim *s, struct sim_lead *lead);
/* The result as one JSON object with an end of line. */
void sim_report(const struct sim *s, struct buf *out);

#endif
