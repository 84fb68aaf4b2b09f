/* audit_tables: what the auditor's files share. Private to audit_*.c; see audit_core.h. */
#ifndef PUNNET_AUDIT_TABLES_H
#define PUNNET_AUDIT_TABLES_H

#include "audit_core.h"
#include "base/map.h"
#include "base/room.h"

#define NONE UINT32_MAX

/* A growing array; `count` elements are in use. */
#define VECTOR(type)                                                                               \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t count, cap;                                                                 \
	}
#define VECTOR_ADD(v)                                                                              \
	((v).items = room_for_one((v).items, (v).count, &(v).cap, sizeof(*(v).items)),             \
	 &(v).items[(v).count++])

enum finding { FOUND_LOST, FOUND_TWICE, FOUND_WRONG };

enum lead_flag {
	LEAD_RAW = 1,
	LEAD_JUDGED = 2,
	LEAD_ACCEPTED = 4,
	LEAD_ADMITTED = 8,
	LEAD_UNREADABLE = 16,
	LEAD_SOLD_ALONE = 32, /* an exclusive assignment of it was delivered */
	LEAD_SAID_APPROVED = 64,
	LEAD_SAID_RETURNED = 128,
	LEAD_QUARANTINED = 256, /* judged so */
	LEAD_WAITS = 512,       /* in the market, for an operator */
	LEAD_WAITS_BUYER = 1024,
	LEAD_SAID_DUE = 2048, /* its return window may be over */
	LEAD_SAID_WAIVED = 4096,
	LEAD_BUSY = 8192,  /* the market has more about it that is not folded yet */
	LEAD_OVER = 16384, /* it goes to rest: audit_rest.c */
};

struct a_lead {
	struct lead_id id;
	int64_t raw_offset, judged_offset, market_offset;
	uint32_t first;  /* decision; NONE */
	uint16_t rounds; /* routed so far, in the fold */
	uint16_t raw_partition, market_partition;
	uint16_t flags;
	uint16_t vertical, country; /* UNKNOWN, 0: not known */
	uint8_t bid_count;
	int64_t waits_until_ms;
	uint32_t webmaster; /* a name; NONE */
	uint32_t first_bid;
	uint32_t touched_s;      /* when the last record about it was written */
	uint16_t said_partition; /* the last of leads.outcomes about it */
	int64_t said_offset;     /* -1 = none */
	struct audit_content content;
};

struct a_bid {
	uint32_t order;
	int64_t amount_minor;
};

struct a_decision {
	uint32_t lead, next;
	uint32_t order; /* NONE: unsold */
	uint16_t round, partition, market_partition, outcome_partition;
	int64_t offset, market_offset, outcome_offset;
	int64_t price_minor, payout_minor;
	uint32_t windows[AUDIT_WINDOWS]; /* that a place was taken in */
	uint32_t party, webmaster;       /* names, as the record has them; NONE */
	char currency[4];
	uint8_t outcomes, settled;   /* bits 1 << kind: said by delivery; came back to the market */
	uint8_t state;               /* the outcome that counts */
	uint8_t life;                /* the ledger's */
	uint8_t transfers, balanced; /* bits 1 << event: in the table; with entries that fit */
	uint32_t basis_share_bp;     /* what the record says the payout comes from */
	int64_t basis_fixed_minor;
	bool exclusive, is_test, attempted, answered, folded;
	bool held;         /* in the fold: its order has it, or may have it */
	bool by_webmaster; /* counted among its webmaster's */
	bool closed;       /* it was settled */
	uint8_t book_rows; /* of the ledger, about it, as it was last read */
	uint64_t books;    /* their sum */
};

struct a_window {
	uint32_t name;
	uint64_t taken;
	int64_t spent_minor;
};

struct a_order {
	struct a_window windows[AUDIT_WINDOWS];
	uint64_t taken;      /* reserved and delivered */
	int64_t spent_minor; /* their prices, less what was returned */
	uint32_t terms;      /* in force; NONE */
};

/* What an order took of a webmaster's leads. */
struct a_share {
	uint32_t day;
	uint64_t taken_day, taken;
};

/* What an advertiser may spend in a market, and whether it is to be left alone. */
struct a_purse {
	bool limited;
	int64_t limit_minor, taken_minor;
	uint64_t revision;
};

struct a_span {
	uint32_t from, until;
};

struct a_class {
	uint32_t webmaster, name;
};

struct a_funds {
	uint32_t party;
	char currency[4];
	int64_t limit_minor;
	uint64_t revision;
	bool unlimited;
};

struct a_terms {
	uint32_t order, vertical;
	uint32_t party; /* NONE */
	uint64_t revision, quantity, cap_total, caps[AUDIT_WINDOWS];
	uint64_t cap_webmaster_day, cap_webmaster_total;
	int64_t budget_day_minor, budget_total_minor;
	uint32_t share_limit;
	uint32_t first_enemy, enemy_count, first_span, span_count, first_country, country_count;
	int64_t price_least_minor, price_most_minor, from_ms, until_ms;
	int32_t utc_offset_minutes;
	uint32_t first_shift, shift_count;
	char currency[4];
	bool paused, removed;
};

struct a_line { /* of a rate card; NONE = any */
	uint32_t order, webmaster, source_class, tier;
	uint32_t share_bp;
	int64_t fixed_minor, from_ms, until_ms; /* 0 = no such end */
};

struct a_card {
	uint32_t share_bp;
	bool has_lines, waits;
	uint32_t first_line, line_count, first_class, class_count;
	uint32_t first_tier, tier_count; /* among the classes */
	int64_t floor_minor;
	uint32_t floor_bp;
};

struct a_vertical {
	uint32_t card; /* in force; NONE */
};

enum event_kind {
	EVENT_OTHER,
	EVENT_ADMITTED,
	EVENT_ORDER,
	EVENT_RATE,
	EVENT_SETTLED,
	EVENT_WAIT,
	EVENT_WAIT_ENDED,
	EVENT_DUE,
	EVENT_FUNDS,
	EVENT_HELD,
	EVENT_RETURN /* of a lead that nobody remembers: its money is free again */
};

struct a_event {
	int64_t offset, time_ms;
	uint32_t about; /* lead, terms, vertical, funds or name */
	uint32_t value; /* order of a settlement; card; index of a moment */
	uint16_t round;
	uint8_t kind, settlement;
	int64_t amount; /* price of a settlement; until when */
};

struct a_market {
	VECTOR(struct a_event) events; /* from `folded` on */
	size_t folded;
	int64_t time_ms, position; /* position: the next offset to fold */
	int64_t end;               /* of what was read */
	bool whole;                /* the log was there from its beginning */
	bool begun;
	int64_t judged_seen[AUDIT_PARTITIONS_MAX]; /* highest judged offset + 1, by partition */
	int64_t outbox_seen[AUDIT_PARTITIONS_MAX];
};

struct a_account {
	int64_t balance, sum;
	char kind; /* 'r'eceivable, 'h'old, 'p'ayable, 'm'argin, '?' */
	char currency[4];
};

/* The entries of one transfer, as they come. */
/* As the ledger numbers them. */
enum transfer { CREDIT = 1, APPROVE = 2, REVERSE = 3, BEAR = 4, OPERATION_LEAST = 16 };
enum life {
	LIFE_DELIVERED = 1,
	LIFE_APPROVED = 2,
	LIFE_RETURNED = 3,
	LIFE_UNRESOLVED = 6,
	LIFE_WAIVED = 7
};

struct a_transfer {
	struct lead_id id;
	uint32_t round;
	int event;
	int64_t sum, receivable, hold, payable, margin, vat, borne;
	char currency[4];
	bool open, mixed, foreign;
};

/* --- sums and stages: audit_sums.c, audit_stages.c --- */

/* What went into a stage beside what came out of it. */
enum a_side {
	SIDE_RAW,
	SIDE_JUDGED,
	SIDE_ACCEPTED,
	SIDE_ADMITTED,
	SIDE_TO_DECIDE,
	SIDE_DECIDED,
	SIDE_ROUTED,
	SIDE_ANSWERED,
	SIDE_DELIVERED,
	SIDE_CREDITED, /* of the ledger's last reading */
	SIDE_FROZEN,   /* rows of the ledger about leads at rest, when they went there */
	SIDE_BOOKED,   /* and in the ledger's last reading */
	SIDES
};

/* An assignment of a lead that is over but for what its advertiser may still say. */
struct a_rest {
	uint64_t tail;  /* of the lead's id: audit_rest.c */
	uint64_t books; /* as in a_decision */
	uint32_t price_minor, payout_minor, order;
	uint16_t flags;
	uint16_t outcome_partition;
	uint8_t market_partition, round, rounds, outcomes, settled, state, life, transfers,
	    balanced, book_rows;
	bool exclusive : 1, is_test : 1, attempted : 1, answered : 1, held : 1, by_webmaster : 1;
};

struct a_bucket {
	int64_t minute;
	struct {
		uint64_t count, sum;
	} side[SIDES];
	/* Leads at rest, by their ids. */
	VECTOR(struct a_rest) rests;
	VECTOR(uint64_t) briefs; /* that nobody has; how they ended in the upper two bits */
	uint32_t touched_s;      /* the last record about any of them */
	uint32_t forgotten;      /* of whom only the sums are left */
	uint16_t waived_partition;
	int64_t waived_offset; /* an outcome that changes the books of one that is forgotten; -1 */
	bool in_disorder;
};

struct a_word {
	enum audit_stage stage;
	char text[40];
	uint64_t count;
	bool of_ledger;
};

struct a_milestone {
	int64_t offset, time_ms;
};

struct a_trail {
	struct a_milestone *items; /* AUDIT_MILESTONES_MAX of them; NULL: nothing was seen */
	size_t count;
	int64_t base, end, spacing_ms;
};

struct audit {
	VECTOR(struct a_lead) leads;
	VECTOR(struct a_decision) decisions;
	VECTOR(struct a_terms) terms;
	VECTOR(struct audit_shift) shifts;
	VECTOR(struct a_order) orders;
	VECTOR(struct a_vertical) verticals;
	VECTOR(struct a_bid) bids;
	VECTOR(struct a_span) spans;
	VECTOR(struct a_card) cards;
	VECTOR(struct a_line) lines;
	VECTOR(struct a_class) classes;
	VECTOR(struct a_purse) purses;
	VECTOR(struct a_funds) funds;
	VECTOR(struct a_share) shares;
	VECTOR(uint32_t) enemies;
	VECTOR(uint16_t) countries;
	struct map order_index, vertical_index;    /* name -> index + 1 */
	struct map name_index;                     /* of advertisers, webmasters, classes */
	struct map purse_index, share_index, held; /* by numbers, as bytes */
	size_t name_count;
	uint32_t *slots; /* lead id -> lead + 1 */
	size_t slot_count;

	VECTOR(uint32_t) raw_at[AUDIT_PARTITIONS_MAX]; /* lead by offset - raw_base */
	int64_t raw_base[AUDIT_PARTITIONS_MAX], raw_seen[AUDIT_PARTITIONS_MAX]; /* judged + 1 */
	bool of_a_span, full;
	bool cut; /* a topic does not reach back to its beginning: old leads may be unknown */
	int64_t committed[AUDIT_TOPICS][AUDIT_PARTITIONS_MAX];
	/* The same, of some time ago: what was noted, and what is due. */
	int64_t noted[AUDIT_TOPICS][AUDIT_PARTITIONS_MAX], due[AUDIT_TOPICS][AUDIT_PARTITIONS_MAX];
	bool deferred;
	int64_t outcomes_base[AUDIT_PARTITIONS_MAX], outcomes_end[AUDIT_PARTITIONS_MAX];
	int64_t outbox[AUDIT_PARTITIONS_MAX];
	struct {
		int64_t offset;
		uint32_t step;
	} decided[2][AUDIT_PARTITIONS_MAX]
		 [AUDIT_PARTITIONS_MAX]; /* routed, unsold: by target, by market partition */
	struct a_market markets[AUDIT_PARTITIONS_MAX];
	struct map dead; /* "topic/partition@offset" */

	struct audit_rest_settings rest;
	size_t rest_next; /* it is looked for leads that are over when there are so many */
	uint32_t record_s, newest_s; /* when the record at hand was written, and the newest one */
	uint32_t first_s;            /* the oldest one of leads.raw; 0 = none */
	VECTOR(struct a_bucket) buckets;
	struct map bucket_index; /* by minute */
	size_t bucket_at;        /* the last one that was asked for */
	uint64_t key;
	VECTOR(struct a_word) words;
	struct map word_index;
	struct a_trail trails[AUDIT_TOPICS][AUDIT_PARTITIONS_MAX];

	VECTOR(struct a_account) accounts; /* by account id */
	struct a_transfer transfer;

	struct audit_line line[AUDIT_INVARIANTS];   /* what stays found */
	struct audit_line ledger[AUDIT_INVARIANTS]; /* what the ledger's last reading found */
	struct audit_line *into;                    /* where audit_found() writes */
};

void audit_count(struct audit_line *l, const struct lead_id *id);
void audit_found(struct audit_line *lines, enum audit_invariant i, enum finding f, const char *fmt,
		 ...) _printf_(4, 5);

/* Of a record of the topics: brought back where it was at rest. NULL. */
struct a_lead *audit_lead(struct audit *a, const struct lead_id *id);
struct a_lead *audit_lead_kept(const struct audit *a, const struct lead_id *id); /* NULL */
struct a_lead *audit_lead_add(struct audit *a, const struct lead_id *id);        /* a new one */
void audit_slots_fit(struct audit *a, size_t slots); /* anew, for the leads that there are */
struct a_lead *audit_lead_make(struct audit *a, const struct lead_id *id, bool *ret_new);
struct a_decision *audit_find(struct audit *a, const struct a_lead *lead,
			      uint32_t round);                     /* NULL */
uint32_t audit_order_of(struct audit *a, const char *order_id);    /* made when new */
uint32_t audit_vertical_of(struct audit *a, const char *vertical); /* made when new */
uint32_t audit_name_of(struct audit *a, const char *name);         /* NULL: NONE */
uint16_t audit_country_of(const char *code);                       /* 0 = it is none */
bool audit_is_dead(const struct audit *a, enum audit_topic topic, uint32_t partition,
		   int64_t offset);
/* The stage that reads the topic has not committed past it, or only just. Of outcomes: what the ledger says is there with its commit. */
bool audit_is_ahead(const struct audit *a, enum audit_topic topic, uint32_t partition,
		    int64_t offset);
const char *audit_text(const struct lead_id *id); /* static; one at a time */

struct a_event *audit_event_add(struct audit *a, struct audit_at at, int64_t time_ms,
				enum event_kind kind);
void audit_fold(struct audit *a);

void audit_sum(struct audit *a, enum a_side side, const struct lead_id *id, uint64_t what);
void audit_unsum(struct audit *a, enum a_side side, const struct lead_id *id, uint64_t what);
void audit_sums_forget(struct audit *a, enum a_side side);
void audit_sums_report(struct audit *a, struct audit_line *ret);
struct a_bucket *audit_bucket(struct audit *a, const struct lead_id *id); /* made when new */
struct a_bucket *audit_bucket_known(const struct audit *a, const struct lead_id *id); /* NULL */
uint64_t audit_hash(const struct audit *a, const struct lead_id *id, uint64_t what);
/* What is missing of a lead or of an assignment, as audit_report() counts it. */
void audit_check_lead(struct audit *a, const struct a_lead *l, struct audit_line *ret);
void audit_check_decision(struct audit *a, const struct a_decision *d, struct audit_line *ret);

/* --- leads at rest: audit_rest.c --- */

/* NULL: it is not at rest. Else it is among the leads again, with its assignments. */
struct a_lead *audit_rest_end(struct audit *a, const struct lead_id *id);
bool audit_at_rest(const struct audit *a, const struct lead_id *id); /* or forgotten */
bool audit_is_forgotten(const struct audit *a, const struct lead_id *id);
void audit_rest_begin(struct audit *a); /* of all that are over, where it is time */
void audit_rest_refreeze(struct audit *a);
void audit_rest_free(struct audit *a);

/* --- without gaps: audit_gaps.c --- */

/* What was folded is dropped; leads of what was not are marked. */
void audit_mark_busy(struct audit *a, struct a_market *m);
void audit_close_gaps(struct audit *a); /* those that are LEAD_OVER leave */
/* An array without room to grow; NULL when it is empty. */
void *audit_shrink(void *items, size_t count, size_t *cap, size_t size);
#define SHRINK(v) ((v).items = audit_shrink((v).items, (v).count, &(v).cap, sizeof(*(v).items)))
static inline uint64_t audit_place(uint32_t partition, int64_t offset)
{
	return (uint64_t)partition << 48 ^ (uint64_t)offset;
}
uint64_t audit_sale(uint32_t round, uint32_t order, int64_t price_minor, int64_t payout_minor);
void audit_word(struct audit *a, enum audit_stage stage, const char *text, uint64_t count);
void audit_words_forget(struct audit *a); /* the ledger's */

/* --- places in an order: audit_places.c --- */

/* A decision takes its place; whatever it goes over is found. */
void audit_place_take(struct audit *a, struct a_decision *d, int64_t now_ms);
void audit_place_give_back(struct audit *a, const struct a_decision *d);
void audit_place_return(struct audit *a, uint32_t market, const struct a_decision *d,
			uint32_t order, int64_t price_minor);
void audit_purse_set(struct audit *a, uint32_t market, const struct a_funds *f);
void audit_hold_set(struct audit *a, uint32_t market, uint32_t party, int64_t until_ms,
		    int64_t now_ms);

/* --- what a sale must be: audit_terms.c --- */

#define UNKNOWN UINT16_MAX

/* NULL: as it must be. */
const char *audit_terms_fault(const struct audit *a, const struct a_decision *d,
			      const struct a_terms *t, int64_t now_ms);
const char *audit_sharing_fault(const struct audit *a, const struct a_decision *d,
				const struct a_terms *t);
uint32_t audit_window_name(const struct audit *a, const struct a_terms *t, enum audit_window kind,
			   int64_t now_ms);

#endif
