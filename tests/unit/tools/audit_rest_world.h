/* audit_rest_world: hours of leads of every kind, told to two auditors, the second of which never lays one to rest. */
#ifndef PUNNET_TEST_AUDIT_REST_WORLD_H
#define PUNNET_TEST_AUDIT_REST_WORLD_H

#include "tools/audit_core.h"

#define HOURS        40
#define LEADS_HOUR   50
#define LEADS        (HOURS * LEADS_HOUR)
#define VERDICT_LAG  3 /* hours until its advertiser judges a lead */
#define BEGIN_MS     (INT64_C(490000) * MS_PER_HOUR)
#define ROWS         (LEADS * 5)
#define PRICE_MINOR  1000
#define PAYOUT_MINOR 700
#define REMEMBER_MS  (12 * MS_PER_HOUR)

/* How a lead ends, by its number. */
enum end {
	REJECTED,
	UNSOLD,
	REFUSED_THEN_SOLD,
	REFUSED_THEN_UNSOLD,
	APPROVED,
	RETURNED,
	NEVER_JUDGED,
	UNRESOLVED,
	UNRESOLVED_THEN_DELIVERED,
	IN_QUARANTINE, /* and then sold, and approved */
	ENDS
};

enum event { CREDIT = 1, APPROVE, REVERSE, BEAR };

struct row {
	int64_t lead;
	uint32_t round;
	int what; /* 0: a life, whose state it is; else the event */
	int state;
};

struct world {
	struct audit *a[2]; /* the second one never lays a lead to rest */
	struct row rows[ROWS];
	size_t row_count;
	int64_t raw, judged, market, routed, unsold, attempts, outcomes, outbox;
	int64_t now_ms;
	struct audit_line lines[2][AUDIT_INVARIANTS];
};
#define EACH(w, x) for (struct audit **x = (w)->a; x < (w)->a + 2; x++)

struct lead_id id_of(int64_t n);
struct audit_at here(struct world *w, enum audit_topic topic, int64_t *offset);
void life(struct world *w, int64_t n, uint32_t round, int state);
void transfer(struct world *w, int64_t n, uint32_t round, int event);
void tell_ledger(struct world *w);
void tell_outcome(struct world *w, int64_t n, uint32_t round, int kind);
int64_t tell_settled(struct world *w, int64_t n, uint32_t round, int settlement);
void tell_decision(struct world *w, int64_t n, uint32_t round, int64_t market, bool sold);
int64_t comes_in(struct world *w, int64_t n);
void judged_by_its_buyer(struct world *w, int64_t n, int kind);
void report(struct world *w);
void play_hour(struct world *w, int hour);
struct world *world_start(int64_t remember_ms);
void world_stop(struct world *w);
struct world *world_played(int64_t remember_ms);

#endif
