/* logs: all topics as they stand in the end, read once and unpacked by whoever needs them. Between the files of the judge. */
#ifndef PUNNET_SIM_LOGS_H
#define PUNNET_SIM_LOGS_H

#include "base/arena.h"
#include "lead/codec.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/market.pb-c.h"
#include "setup.h"

struct partition_log {
	const char *topic;
	int32_t partition;
	struct bus_record *records;
	size_t count;
};

extern struct arena judge_arena; /* of the whole judgement */

void logs_read(void);
const struct partition_log *log_of(const char *topic, int32_t partition); /* never NULL */
const struct partition_log *log_at(size_t i);                             /* NULL past the end */
int32_t log_partitions(const char *topic);
/* Never NULL: what the services wrote can be read. */
void *log_unpack(const struct bus_record *r, const ProtobufCMessageDescriptor *type);

/* The first fault stands; false, for `return fault(…)`. */
bool fault(const char *fmt, ...) _printf_(1, 2);

/* Which records of a source count: those that are newer than all before them. */
#define MARKS_MAX 64
struct marks {
	struct {
		char topic[32];
		uint32_t partition;
		int64_t offset;
		uint32_t step;
	} of[MARKS_MAX];
	size_t count;
};
bool marks_pass(struct marks *m, const Punnet__V1__Provenance *source);

/* The judge's parts, in the order of the flow; each relies on those before it. */
bool judge_intake(void);
bool judge_market(void);
bool judge_decisions(void);
bool judge_delivery(void);
bool judge_ledger(void);

/* judge_intake.c: the records of leads.judged that count, as accepted leads, for those who come after. */
struct accepted {
	struct lead_id id;
	int32_t partition; /* of leads.judged */
	int64_t offset;
	int vertical;
};
extern struct accepted *accepted;
extern size_t accepted_count;

/* judge_decisions.c: the assignments that count. */
struct assigned {
	const Punnet__V1__RoutedLead *routed;
	struct lead_id id;
	int32_t partition; /* of leads.routed */
	int64_t offset;    /* the first record of it */
};
extern struct assigned *assigned;
extern size_t assigned_count;
const struct assigned *assigned_find(const struct lead_id *id, uint32_t round);

/* judge_ledger.c counts on it: what payout told the market, in the order of its numbers. */
struct told {
	struct lead_id id;
	uint32_t round;
	int settlement;
	bool matched;
};
extern struct told *told;
extern size_t told_count;

#endif
