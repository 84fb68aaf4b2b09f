/* audit_traffic: a small network's records, as they stand in the topics and in the ledger, recorded once: the market is folded by
 * the production router, the rest follows from what it decided. Whoever wants to falsify a record changes it in place. */
#ifndef PUNNET_TEST_AUDIT_TRAFFIC_H
#define PUNNET_TEST_AUDIT_TRAFFIC_H

#include "proto/leads_attempts.pb-c.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "tests/unit/router/play.h"
#include "tools/audit_read.h"

#define TRAFFIC_LEADS   10
#define TRAFFIC_RECORDS 64
#define TRAFFIC_MOVES   32
#define TRAFFIC_NOON_MS (INT64_C(490000) * 3600000)

enum traffic_account { RECEIVABLE = 1, HOLD, PAYABLE, MARGIN, FUNDS, ACCOUNTS };
enum traffic_event { CREDIT = 1, APPROVE, REVERSE };

struct traffic_record {
	int64_t time_ms;
	bool lost;
	void *message;
};

struct traffic_transfer {
	struct lead_id id;
	uint32_t round;
	int event;
	const char *currency;
	bool lost;
	int64_t account[3], amount[3];
};

struct traffic_life {
	struct lead_id id;
	uint32_t round;
	int state;
	bool is_test;
};

struct traffic {
	struct arena arena;
	struct play play;
	struct traffic_record records[SCAN_TOPICS][TRAFFIC_RECORDS];
	size_t count[SCAN_TOPICS];
	struct traffic_transfer transfers[TRAFFIC_MOVES];
	size_t transfer_count;
	struct traffic_life lives[TRAFFIC_MOVES];
	size_t life_count;
	int64_t balance[ACCOUNTS];
};

void traffic_record(struct traffic *t);
void traffic_free(struct traffic *t);
/* A copy of the message at the end of the topic. */
void *traffic_repeat(struct traffic *t, enum scan_topic topic, size_t n);
void traffic_audit(const struct traffic *t, struct audit_line ret[AUDIT_INVARIANTS]);

/* --- a record, or a transfer, to be falsified: audit_traffic_find.c; an index counts from 0 --- */

Punnet__V1__MarketEvent *traffic_event(struct traffic *t, size_t n);
size_t traffic_event_of(struct traffic *t, Punnet__V1__MarketEvent__EventCase kind, size_t n);
Punnet__V1__MarketEvent *traffic_admitted(struct traffic *t, size_t n);
Punnet__V1__OrderTerms *traffic_order(struct traffic *t, size_t n);
size_t traffic_settled(struct traffic *t, int kind);
size_t traffic_routed_in(struct traffic *t, uint32_t round);
struct traffic_transfer *traffic_transfer_of(struct traffic *t, int event);
void traffic_lose(struct traffic *t, enum scan_topic topic, size_t n);
void traffic_swap(struct traffic *t, enum scan_topic topic, size_t x, size_t y);
void traffic_pay_more(struct traffic *t, struct traffic_transfer *m, int from, int to,
		      int64_t minor);

#endif
