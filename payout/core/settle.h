/* settle: what a batch of outcomes changes. Pure: everything that is known comes in as dossiers,
 * everything that changes goes out as lists; the store writes them in one transaction, or none of
 * them.
 *
 * Use: settlement_begin(); settlement_dossier() for every outcome's lead; the store fills the
 * dossiers in; settle() for every outcome in the order of the log; the store writes. All memory is
 * the arena's. */
#ifndef PUNNET_PAYOUT_SETTLE_H
#define PUNNET_PAYOUT_SETTLE_H

#include "base/map.h"
#include "books.h"
#include "returns.h"

#define VERDICT_WAITS_MS                                                                           \
	(30 * MS_PER_DAY) /* for its lead's delivery; then it is answered that there is none */

struct life {
	struct assignment terms;
	enum life_state state;
	int64_t settled_at_ms;   /* when the first outcome counted */
	int64_t delivered_at_ms; /* 0 = was not */
	int64_t payable_at_ms,
	    return_until_ms;     /* fixed at delivery, whatever the advertiser's terms become */
	uint32_t returns_max_bp; /* as these two */
	bool own_cause_borne;
	int64_t closed_at_ms;    /* approved or returned */
	int64_t waived_at_ms;    /* 0 = is not */
	int64_t called_at_ms;    /* the advertiser's first call that a verdict named; 0 = none */
	const char *reason_code; /* of the last outcome that moved it */
	bool changed, stored;    /* stored: the ledger has it, in an earlier form */
};

enum verdict_standing { /* stored in the ledger; never renumber */
			VERDICT_WAITING = 0,
			VERDICT_COUNTED = 1,
			VERDICT_RECORDED = 2,
			VERDICT_IGNORED = 3,
};

struct verdict {
	const char *advertiser_id, *verdict_id, *reason_code;
	enum life_event event;
	struct money amount; /* currency "" = not given */
	int64_t at_ms, called_at_ms;
	uint32_t partition;
	uint64_t offset;
	enum verdict_standing standing;
	bool changed;
};

struct known_transfer {
	uint32_t round;
	int event; /* as in struct transfer */
	uint64_t body_hash;
};

/* All that the ledger knows about one lead. */
struct dossier {
	struct lead_id lead_id;
	bool judged; /* a verdict is among the outcomes to settle, or what is due */
	struct life *lives;
	struct verdict *verdicts; /* in the order of the log */
	struct known_transfer *known;
	size_t life_count, life_cap, verdict_count, verdict_cap, known_count, known_cap;
};

struct ignored_outcome {
	struct lead_id lead_id;
	uint32_t round; /* 0 for a verdict that no assignment has */
	enum life_event event;
	enum ignored why;
	const char *advertiser_id, *verdict_id; /* "" where it is delivery's */
	uint32_t partition;
	uint64_t offset;
	int64_t at_ms;
};

/* A record to be published, in the order of seq. */
struct outbox_row {
	uint64_t seq;
	const char *topic, *type;
	uint32_t partition;
	struct slice key, payload;
};

struct settlement {
	struct arena *arena;
	uint32_t partition; /* of leads.outcomes */
	uint64_t next_seq;
	/* Does the webmaster's tracker hear of this event? NULL: nobody's does. */
	bool (*wants)(void *ctx, const char *aff_id, const char *event);
	void *wants_ctx;
	struct map by_lead; /* lead id -> dossier */
	struct map tallies; /* vertical, webmaster and day -> struct tally; see tally.h */
	struct map shares;  /* advertiser and month -> struct return_share */
	size_t idle;        /* outcomes of ours that found nothing to do, and leave no row */
	struct transfer *transfers;
	struct ignored_outcome *ignored;
	struct outbox_row *outbox;
	size_t transfer_count, transfer_cap, ignored_count, ignored_cap, outbox_count, outbox_cap;
};

void settlement_begin(struct settlement *s, struct arena *a, uint32_t partition, uint64_t next_seq);
void settlement_end(struct settlement *s); /* accepts what is zero */

struct dossier *settlement_dossier(struct settlement *s,
				   const struct lead_id *lead_id); /* makes it when it is new */
struct dossier *settlement_dossier_at(const struct settlement *s, size_t i); /* NULL past the end */

/* The counts that a return of a lead delivered then is held against; the store fills them in. Made when new. */
struct return_share *settlement_share(struct settlement *s, const char *advertiser_id,
				      int64_t delivered_at_ms);
struct return_share *settlement_share_at(const struct settlement *s,
					 size_t i); /* NULL past the end */

/* What the store found. The value's texts must live in the arena. */
void dossier_add_life(struct settlement *s, struct dossier *d, const struct life *l);
void dossier_add_verdict(struct settlement *s, struct dossier *d, const struct verdict *v);
void dossier_add_known(struct settlement *s, struct dossier *d, const struct known_transfer *k);

/* RESULT_OK; RESULT_BAD: a delivery that was settled comes back with other money, and changes nothing; RESULT_FATAL: the ledger
 * has a transfer with another body than the lead's life says. The error names the transfer. */
_must_use_ enum result settle(struct settlement *s, const struct outcome *o,
			      struct error *ret_error);

/* Takes a number and a row in the outbox: for dead letters. key and payload must live in the arena.
 */
void settlement_publish(struct settlement *s, const char *topic, uint32_t partition,
			const char *type, struct slice key, struct slice payload);

void settlement_ignore(struct settlement *s, const struct ignored_outcome *i);

/* A transfer that no outcome makes: an operation's. */
void settlement_book(struct settlement *s, const struct transfer *t);

#endif
