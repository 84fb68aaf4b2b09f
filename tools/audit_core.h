/* audit_core: the network's invariants over what its topics and its ledger hold. Pure: takes records, keeps tables, gives
 * findings. It knows nothing of the services' code, only what docs/architecture.md says.
 *
 * One round: audit_committed() with what was committed before anything else was read; the records of every topic in the
 * order of the flow, whose ends were measured after that, the flow's last topics first; the ledger's tables as they stood
 * before the ends were measured; then audit_report(). Further rounds bring only new records, and the ledger whole when it
 * changed.
 *
 * Lost or pending? What a stage has committed, it had acknowledged; and commits are read before any topic. So a record
 * below its reader's committed offset must have its consequence in what was read: if not, it is lost. At or above it, it
 * is pending. The ledger's own next offset is payout's commit. An end may be older than it seems: see audit_defer().
 *
 * Memory: a lead under way takes 120 bytes with its places in the tables, a decision 184, a market record that is not folded yet 40.
 * A lead that is over goes to rest: 48 bytes an assignment until its advertiser can't say more and AUDIT_REMEMBER_MS are over, 8
 * bytes where nobody has it; then only its minute's sums are left, 400 bytes a minute. A record about a lead at rest brings it
 * back as it was. AUDIT_LEADS_MAX is the limit of those under way. */
#ifndef PUNNET_AUDIT_CORE_H
#define PUNNET_AUDIT_CORE_H

#include "base/ids.h"
#include "base/money.h"

#define AUDIT_PARTITIONS_MAX 256 /* of one topic */
#define AUDIT_LEADS_MAX                                                                            \
	40000000 /* under way at a time; more are audited a span of time at a time */
#define AUDIT_REST_AFTER_MS (10 * MS_PER_MIN) /* nothing was written about it */
#define AUDIT_REMEMBER_MS   MS_PER_DAY /* what is over; then a further record about it is late */
#define AUDIT_REST_LEAST    4096       /* leads; fewer are left as they are */
#define AUDIT_FIRST_LEN     240

enum audit_invariant {
#define INVARIANT(name, text, holds) AUDIT_##name,
#include "audit.def"
#undef INVARIANT
	AUDIT_INVARIANTS
};

enum audit_topic {
	AUDIT_RAW,
	AUDIT_JUDGED,
	AUDIT_MARKET,
	AUDIT_ROUTED,
	AUDIT_UNSOLD,
	AUDIT_ATTEMPTS,
	AUDIT_OUTCOMES,
	AUDIT_TOPICS
};

/* Where a record stands, or which one caused it. */
struct audit_at {
	uint32_t partition;
	int64_t offset;
};

struct audit_line {
	uint64_t count, pending, broken;
	uint64_t lost, twice; /* of the broken */
	uint64_t hash; /* sum over what was counted: two losses and two repeats don't cancel */
	char first[AUDIT_FIRST_LEN];
};

struct audit; /* opaque */

struct audit *audit_new(void);
void audit_free(struct audit *a); /* accepts NULL */

/* Before the first record, or again: what is told is not all that there is. Leads that were not told are nobody's fault, and what an order
 * took of them is not known: caps, budgets and funds are then counted over less than there was. */
void audit_of_a_span(struct audit *a);
uint64_t audit_leads_kept(const struct audit *a);      /* in memory, under way */
uint64_t audit_leads_forgotten(const struct audit *a); /* of whom only sums are left */
struct audit_rest_settings {
	size_t least;
	int64_t after_ms, remember_ms;
};
void audit_set_rest(struct audit *a, const struct audit_rest_settings *s); /* others than above */
/* More came than there is room for: the findings say nothing. */
bool audit_is_full(const struct audit *a);
/* The next offset that the reader of a topic (RAW, JUDGED, MARKET, ROUTED; OUTCOMES from the ledger) will read. */
void audit_committed(struct audit *a, enum audit_topic topic, uint32_t partition, int64_t next);
int64_t audit_committed_to(const struct audit *a, enum audit_topic topic, uint32_t partition);
/* Whether a commit was seen long enough ago for its consequences to be looked for. Whoever can't be sure of an end (a broker that was
 * deposed tells an old one) calls audit_defer() first; then what is committed when audit_note_commits() is called is due from the next
 * audit_commits_are_due() on. Without audit_defer() everything that is committed is due. */
void audit_defer(struct audit *a);
void audit_note_commits(struct audit *a);
void audit_commits_are_due(struct audit *a);
/* Records of the market wait for their decisions. After audit_report(). */
bool audit_is_folding(const struct audit *a);
/* A record that was put aside: it has no consequence. */
void audit_dead_letter(struct audit *a, const char *topic, uint32_t partition, int64_t offset);

/* --- the flow --- */

/* id NULL: the record could not be read. */
void audit_raw(struct audit *a, struct audit_at at, const struct lead_id *id);

/* What a record holds of its lead, as hashes; 0 = it holds none of it. Told after the record itself. */
struct audit_content {
	uint32_t contact, rest;
};
void audit_content(struct audit *a, enum audit_topic topic, struct audit_at at,
		   const struct lead_id *id, struct audit_content c);

enum audit_verdict { AUDIT_NO_VERDICT, AUDIT_ACCEPTED, AUDIT_REJECTED, AUDIT_QUARANTINED };
struct audit_judged {
	struct audit_at at, raw;
	struct lead_id id;
	int verdict;
	bool has_reasons;
	bool no_ruleset;    /* it does not say by which rules it was judged */
	const char *reason; /* the first one's code; NULL = not said */
};
void audit_judged(struct audit *a, const struct audit_judged *j);

/* Every market record moves the log's time on. */
void audit_market_other(struct audit *a, struct audit_at at, int64_t time_ms);
/* waits_until_ms: 0, or that of a quarantined lead. */
void audit_admitted(struct audit *a, struct audit_at at, int64_t time_ms, struct audit_at judged,
		    const struct lead_id *id, int64_t waits_until_ms);
/* expired: nobody decided, and it counts only when the market's time has come. */
void audit_wait_ended(struct audit *a, struct audit_at at, int64_t time_ms,
		      const struct lead_id *id, bool expired);

/* What the market is told of a lead, beside its admission. Without it less can be checked of what is sold. */
struct audit_bid {
	const char *order_id;
	int64_t amount_minor;
};
struct audit_description {
	const char *vertical, *aff_id;
	const char *country; /* "" = it does not say */
	const struct audit_bid *bids;
	size_t bid_count;
};
void audit_described(struct audit *a, const struct lead_id *id, const struct audit_description *d);

struct audit_shift {
	int64_t from_ms;
	int32_t offset_minutes;
};
struct audit_span { /* minutes of a week from Monday */
	uint32_t from_minute, until_minute;
};
enum audit_window { AUDIT_HOUR, AUDIT_DAY, AUDIT_WEEK, AUDIT_MONTH, AUDIT_WINDOWS };

struct audit_terms {
	const char *order_id, *vertical;
	uint64_t revision;
	struct money price;
	int64_t price_least_minor, price_most_minor; /* with modifiers and floor; 0 = no such */
	uint64_t quantity, cap_hour, cap_day, cap_total;
	int64_t from_ms, until_ms;
	int32_t utc_offset_minutes;
	const struct audit_shift *shifts; /* of a zone's clock; takes the offset's place */
	size_t shift_count;
	bool paused, removed;
	const char *advertiser_id; /* NULL: not known, and what hangs on it is not checked */
	uint64_t cap_week, cap_month, cap_webmaster_day, cap_webmaster_total;
	int64_t budget_day_minor, budget_total_minor;
	uint32_t share_limit; /* 1 = exclusive; 0 = not known */
	const char *const *not_with;
	size_t not_with_count;
	const struct audit_span *open;
	size_t open_count;
	const char *const *countries;
	size_t country_count;
};
void audit_order(struct audit *a, struct audit_at at, int64_t time_ms, const struct audit_terms *t);
struct audit_rate_line { /* "" = any */
	const char *order_id, *aff_id, *source_class, *tier;
	uint32_t share_bp;
	int64_t fixed_minor, from_ms, until_ms;
};
struct audit_class {
	const char *aff_id, *source_class;
};
struct audit_rate {
	const char *vertical;
	uint32_t payout_share_bp;
	bool has_lines; /* the card has more than the share */
	bool waits;     /* leads may wait for a buyer */
	const struct audit_rate_line *lines;
	size_t line_count;
	const struct audit_class *classes;
	size_t class_count;
	const struct audit_class *tiers; /* the same of tiers */
	size_t tier_count;
	int64_t margin_floor_minor;
	uint32_t margin_floor_bp;
};
void audit_rate(struct audit *a, struct audit_at at, int64_t time_ms, const struct audit_rate *r);
struct audit_funds {
	const char *advertiser_id, *currency;
	int64_t paid_in_minor, credit_minor;
	uint64_t revision;
	bool unlimited;
};
void audit_funds(struct audit *a, struct audit_at at, int64_t time_ms, const struct audit_funds *f);
/* Its orders are offered nothing until then. */
void audit_held(struct audit *a, struct audit_at at, int64_t time_ms, const char *advertiser_id,
		int64_t until_ms);
/* A lead that waits for a buyer may be decided upon this record. */
void audit_due(struct audit *a, struct audit_at at, int64_t time_ms, const struct lead_id *id);

enum audit_settlement { /* the numbers of punnet.v1.Settlement, and of OutcomeKind */
			AUDIT_NOT_SETTLED,
			AUDIT_DELIVERED,
			AUDIT_REFUSED,
			AUDIT_UNDELIVERABLE,
			AUDIT_UNRESOLVED,
			AUDIT_APPROVED,
			AUDIT_RETURNED,
			AUDIT_DUE = 9, /* of OutcomeKind only, as the next */
			AUDIT_WAIVED = 10,
};
struct audit_settled {
	struct audit_at outbox;
	struct lead_id id;
	int settlement;
	uint32_t round;
	const char *order_id;
	int64_t price_minor; /* 0 = not said */
};
void audit_settled(struct audit *a, struct audit_at at, int64_t time_ms,
		   const struct audit_settled *s);

struct audit_decision {
	struct audit_at at, market;
	uint32_t step;
	struct lead_id id;
	uint32_t round;
	const char *order_id; /* NULL: unsold */
	const char *vertical;
	struct money price;
	int64_t payout_minor;
	uint32_t basis_share_bp; /* by the decision's own record; 0 = it says nothing */
	int64_t basis_fixed_minor;
	bool exclusive, is_test;
	const char *advertiser_id, *aff_id; /* NULL: not known */
	const char *reason;                 /* of an unsold one; NULL = not said */
};
void audit_decided(struct audit *a, const struct audit_decision *d);

void audit_attempt(struct audit *a, struct audit_at at, const struct lead_id *id, uint32_t round,
		   bool final);

struct audit_outcome {
	struct audit_at at;
	struct lead_id id;
	int kind;       /* of OutcomeKind */
	uint32_t round; /* delivery's outcomes only, as the rest */
	const char *order_id;
	struct money price;
	int64_t payout_minor;
};
void audit_outcome(struct audit *a, const struct audit_outcome *o);

/* --- the ledger --- */

void audit_ledger_begin(struct audit *a); /* forgets what the ledger said before */
void audit_life(struct audit *a, const struct lead_id *id, uint32_t round, int state, bool is_test);
void audit_account(struct audit *a, int64_t account, const char *name, const char *currency,
		   int64_t balance);
void audit_transfer(struct audit *a, const struct lead_id *id, uint32_t round, int event,
		    const char *currency);
/* In the order of (lead, round, event); after the accounts and the transfers. */
void audit_entry(struct audit *a, const struct lead_id *id, uint32_t round, int event,
		 int64_t account, int64_t amount);
void audit_outbox(struct audit *a, uint32_t partition, int64_t rows);
void audit_ignored(struct audit *a, const char *reason,
		   int64_t rows); /* outcomes that changed nothing */
void audit_ledger_end(struct audit *a);

/* --- the findings --- */

void audit_report(struct audit *a, struct audit_line ret[AUDIT_INVARIANTS]);

/* --- stage by stage: in = out + dropped + behind --- */

enum audit_stage {
	AUDIT_JUDGING,   /* records of leads.raw; may be sold; rejected by reason */
	AUDIT_ADMITTING, /* leads that may be sold; in the market */
	AUDIT_DECIDING, /* leads in the market; routed; unsold by reason. Those that wait are behind */
	AUDIT_DELIVERING, /* assignments; delivered; the other ends by kind */
	AUDIT_SETTLING, /* records of leads.outcomes; settled; those that changed nothing by reason */
	AUDIT_STAGES
};
struct audit_stage_line {
	uint64_t in, out, dropped, behind;
	int64_t behind_ms; /* the age of the oldest record that its reader has not committed */
};
#define AUDIT_WORDS_MAX 512 /* reasons, of all stages; further ones are counted as "other" */
#define AUDIT_MILESTONES_MAX                                                                       \
	512 /* moments that are remembered of a partition, to tell an age from an offset */
#define AUDIT_BUCKETS_MAX (400 * 24 * 60) /* minutes; what lies beyond shares one */
/* A record was seen, whatever it is. In the order of its partition. */
void audit_seen(struct audit *a, enum audit_topic topic, struct audit_at at, int64_t time_ms);
void audit_stages(struct audit *a, int64_t now_ms, struct audit_stage_line ret[AUDIT_STAGES]);
/* The i-th reason for which a stage dropped something; false: there is none. */
bool audit_dropped(const struct audit *a, enum audit_stage stage, size_t i, const char **ret_word,
		   uint64_t *ret_count);
const char *audit_stage_name(enum audit_stage stage);
/* Of the sums; before the first record. Random, so that nobody can make two faults that cancel each other. */
void audit_set_key(struct audit *a, uint64_t key);

const char *audit_name(enum audit_invariant i);
const char *audit_holds(enum audit_invariant i);
const char *audit_topic_name(enum audit_topic t);

#endif
