/* scenario: what the files of the scenario player share. */
#ifndef PUNNET_TEST_SCENARIO_H
#define PUNNET_TEST_SCENARIO_H

#include "play.h"

#define NAMES_MAX 64
#define DAY_MS    (1796083200000LL) /* 2026-12-01T00:00:00Z, a Tuesday */

struct named_lead {
	char name[16];
	struct lead_id id;
	uint64_t judged_offset;
	char order_of_round[16][64];
};

struct stage {
	struct play play;
	struct named_lead leads[NAMES_MAX];
	size_t lead_count;
	uint64_t revision;
	const char *file;
	int line;
	int64_t now_ms;
	struct arena words; /* of the line */
};

void fail(const struct stage *s, const char *what, const char *more);
int64_t clock_time(const struct stage *s, const char *text);
int64_t minor(const struct stage *s, const char *text);

/* A term NAME=VALUE of an order; false when there is none of that name. */
bool scenario_term(struct stage *s, struct play_order *o, const char *name, char *value);
/* NAME=VALUE that a lead says; false when it can't. */
bool scenario_says(struct stage *s, struct play_lead *l, char *word);
void scenario_rate(struct stage *s, char **w, size_t n);
/* held | held_by_rule | lowered: what happens to an advertiser; false: it is another word. */
bool scenario_advertiser(struct stage *s, char **w, size_t n);
void scenario_funds(struct stage *s, char **w, size_t n);

#endif
