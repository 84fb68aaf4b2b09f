/* exact: millions of leads through the deciding core, in instances that die, are doubled and freeze; what comes out is held
 * against an undisturbed fold and, at every record of the log, against books that share no code with the router.
 *
 *     draw → log → instances → published decisions (the first of each counts) → books, and settlements back into the log
 *
 * One seed, one run. Any fault found ends the program with a sentence and status 1. */
#ifndef PUNNET_TEST_EXACT_H
#define PUNNET_TEST_EXACT_H

#include "base/buf.h"
#include "base/ids.h"
#include "base/rng.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/market.pb-c.h"

#define EXACT_ORDERS      48
#define EXACT_ADVERTISERS 6
#define EXACT_WEBMASTERS  8
#define EXACT_COUNTRIES   3
#define EXACT_NOW_MS      1796083200000LL
#define EXACT_HOLDERS     16
#define EXACT_KEPT        (1u << 14) /* records of the log that instances can still read; a power of two */
#define EXACT_VERTICAL    "osago"

void exact_die(const char *fmt, ...) _printf_(1, 2) __attribute__((noreturn));

/* --- exact_draw.c: events --- */

struct exact_terms {
	bool known, removed, paused, shared, paced, by_webmaster;
	int advertiser, priority, not_with; /* -1 = nobody */
	int64_t price, budget_day, budget_total, from_ms, until_ms;
	uint64_t cap_hour, cap_day, cap_week, cap_month, cap_total, quantity;
	uint64_t cap_webmaster_day, cap_webmaster_total;
	uint32_t share_limit, countries;
	int offset_minutes;
	uint64_t revision;
};

struct exact_lead {
	struct lead_id id;
	int country, webmaster;
	bool test;
};

struct exact_draw {
	struct rng rng;
	uint64_t next_judged, next_outbox, next_lead, revision;
	int64_t paid_in[EXACT_ADVERTISERS];
	struct exact_terms orders[EXACT_ORDERS];
};

void draw_order(struct exact_draw *d, int order, int64_t now_ms, struct buf *out);
void draw_funds(struct exact_draw *d, int advertiser,
		struct buf *out); /* of limited ones: the even */
void draw_card(struct buf *out);
/* A rule lowers an advertiser, or no longer. */
struct exact_lowered {
	int advertiser;
	int64_t until_ms; /* 0 = it is over */
	uint32_t bp;
};
struct exact_lowered draw_lowered(struct exact_draw *d, int64_t now_ms, struct buf *out);
struct exact_lead draw_lead(struct exact_draw *d, struct buf *out);
void draw_settled(struct exact_draw *d, const struct lead_id *id, uint32_t round, int order,
		  Punnet__V1__Settlement what, int64_t price, struct buf *out);
void draw_due(const struct lead_id *id, struct buf *out);
const char *order_name(int order);

/* --- exact_books.c: the books --- */

struct exact_books;
struct exact_books *books_new(const struct exact_terms *terms);
void books_free(struct exact_books *b);
/* A record of the log, in order; then the decisions that it caused, in order. */
void books_time(struct exact_books *b, int64_t append_time_ms);
void books_order(struct exact_books *b, int order, const struct exact_terms *now);
void books_funds(struct exact_books *b, int advertiser, int64_t paid_in);
void books_lowered(struct exact_books *b, const struct exact_lowered *l);
void books_lead(struct exact_books *b, const struct exact_lead *l);
void books_settled(struct exact_books *b, const struct lead_id *id, uint32_t round, int order,
		   Punnet__V1__Settlement what, int64_t price);
void books_routed(struct exact_books *b, const Punnet__V1__RoutedLead *r);
void books_unsold(struct exact_books *b, const struct lead_id *id);
uint64_t books_sold(const struct exact_books *b);
uint64_t books_unsold_count(const struct exact_books *b);

#endif
