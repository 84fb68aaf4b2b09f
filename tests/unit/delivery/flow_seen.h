/* flow_seen: what a test of delivery reads back from its topics, each record looked at as it comes. */
#ifndef PUNNET_TEST_FLOW_SEEN_H
#define PUNNET_TEST_FLOW_SEEN_H

#include "base/ids.h"
#include "proto/leads_outcomes.pb-c.h"

#define READ_MAX 1000

struct seen {
	struct lead_id lead_id;
	Punnet__V1__OutcomeKind kind;
	char reason[64];
	uint32_t attempts;
};

struct outcomes {
	struct seen seen[READ_MAX];
	size_t count;
};

/* ctx: struct outcomes, or nothing. Each fails the test when the record is not what it should be. */
void seen_outcome(void *ctx, struct slice value);
void seen_attempt(void *ctx, struct slice value);
void seen_dead_letter(void *ctx, struct slice value);

#endif
