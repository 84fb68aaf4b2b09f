/* judge_ledger: the books are what the outcomes make of them, told a second time: lives, transfers, balances, and what went back to the
 * market. Read from the ledger's file with SQL of its own. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logs.h"

#define WINDOW_MS   MS_PER_DAY     /* as in stage.c */
#define LOOKED_MS   (8 * MS_PER_S) /* payout looks for what is due more often than that */
#define OFFERS_MAX  2048
#define VERDICT_MAX 4096

enum state { NONE, DELIVERED, APPROVED, RETURNED, REFUSED, UNDELIVERABLE, UNRESOLVED };

struct offer {
	struct lead_id id;
	uint32_t round;
	const Punnet__V1__Assignment *a;
	enum state state;
	int64_t until_ms;
	int credits, approvals, reversals;
};

struct verdict {
	struct lead_id id;
	const Punnet__V1__Outcome *m;
	int64_t at_ms;
	bool waits;
};

static struct offer *offers;
static size_t offer_count;
static struct verdict *verdicts;
static size_t verdict_count;
static int64_t receivable[SIM_ADVERTISERS], held, payable, margin;
static sqlite3 *db;

/* --- what has to come of the outcomes --- */

static int advertiser_of(const char *id)
{
	for (int i = 0; i < SIM_ADVERTISERS; i++)
		if (strcmp(advertiser_ids[i], id) == 0)
			return i;
	return 0;
}

static bool is_sold(const struct offer *o)
{
	return o->state == DELIVERED || o->state == APPROVED || o->state == RETURNED;
}

/* The market has to hear of each change, once. */
static bool hear(const struct offer *o, int settlement)
{
	for (size_t i = 0; i < told_count; i++) {
		struct told *t = &told[i];

		if (t->matched || t->settlement != settlement || t->round != o->round ||
		    !lead_id_equal(&t->id, &o->id))
			continue;
		t->matched = true;
		return true;
	}
	return fault("the market never heard that round %u of a lead became %d", o->round,
		     settlement);
}

static void book(const struct offer *o, int64_t sign)
{
	int64_t price = o->a->price->amount_minor, payout = o->a->payout->amount_minor;

	receivable[advertiser_of(o->a->advertiser_id)] += sign * price;
	margin -= sign * (price - payout);
	held -= sign * payout;
}

static bool approve(struct offer *o)
{
	int64_t payout = o->a->payout->amount_minor;

	o->state = APPROVED;
	o->approvals++;
	held += payout;
	payable -= payout;
	return hear(o, PUNNET__V1__SETTLEMENT__APPROVED);
}

static bool give_back(struct offer *o)
{
	o->state = RETURNED;
	o->reversals++;
	book(o, -1);
	return hear(o, PUNNET__V1__SETTLEMENT__RETURNED);
}

static bool take_verdict(struct verdict *v)
{
	struct offer *mine = NULL;
	bool sold_alone = false;

	for (size_t i = 0; i < offer_count; i++) {
		struct offer *o = &offers[i];

		if (!lead_id_equal(&o->id, &v->id) || !is_sold(o))
			continue;
		sold_alone |= o->a->exclusive;
		if (strcmp(o->a->advertiser_id, v->m->advertiser_id) == 0 &&
		    (!mine || o->round < mine->round))
			mine = o;
	}
	v->waits = !mine && !sold_alone;
	if (!mine || mine->state != DELIVERED)
		return true;
	if (v->m->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_APPROVED)
		return approve(mine);
	if (v->m->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_RETURNED && v->at_ms <= mine->until_ms)
		return give_back(mine);
	return true;
}

static bool on_verdict(const Punnet__V1__Outcome *m, const struct lead_id *id, int64_t logged_ms)
{
	for (size_t i = 0; i < verdict_count; i++)
		if (lead_id_equal(&verdicts[i].id, id) &&
		    strcmp(verdicts[i].m->advertiser_id, m->advertiser_id) == 0 &&
		    strcmp(verdicts[i].m->verdict_id, m->verdict_id) == 0)
			return true;
	assert(verdict_count < VERDICT_MAX);
	verdicts[verdict_count] =
	    (struct verdict){.id = *id, .m = m, .at_ms = MAX_OF(m->at_ms, logged_ms)};
	return take_verdict(&verdicts[verdict_count++]);
}

static bool on_due(const struct lead_id *id, int64_t logged_ms)
{
	for (size_t i = 0; i < offer_count; i++)
		if (lead_id_equal(&offers[i].id, id) && offers[i].state == DELIVERED &&
		    logged_ms > offers[i].until_ms && !approve(&offers[i]))
			return false;
	return true;
}

static bool sell(struct offer *o, const Punnet__V1__Outcome *m)
{
	o->state = DELIVERED;
	o->until_ms = m->at_ms + WINDOW_MS;
	o->credits++;
	book(o, 1);
	if (!hear(o, PUNNET__V1__SETTLEMENT__DELIVERED))
		return false;
	for (size_t i = 0; i < verdict_count; i++)
		if (verdicts[i].waits && lead_id_equal(&verdicts[i].id, &o->id) &&
		    !take_verdict(&verdicts[i]))
			return false;
	return true;
}

/* The first outcome of a round counts; one of an older round than was heard of before comes too late. */
static bool on_delivery(const Punnet__V1__Outcome *m, const struct lead_id *id)
{
	static const enum state states[] = {NONE, DELIVERED, REFUSED, UNDELIVERABLE, UNRESOLVED};
	bool delivered = m->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED;
	struct offer *o = NULL;

	for (size_t i = 0; i < offer_count; i++) {
		if (!lead_id_equal(&offers[i].id, id))
			continue;
		if (offers[i].round == m->assignment->round)
			o = &offers[i];
		else if (!offers[i].a->exclusive && !m->assignment->exclusive)
			continue; /* beside each other */
		else if (offers[i].round > m->assignment->round ||
			 (delivered && is_sold(&offers[i])))
			return true;
	}
	if (o && !(o->state == UNRESOLVED && delivered))
		return true;
	if (!o) {
		assert(offer_count < OFFERS_MAX);
		o = &offers[offer_count++];
		*o = (struct offer){.id = *id, .round = m->assignment->round, .a = m->assignment};
	}
	if (delivered)
		return sell(o, m);
	o->state = states[m->kind];
	return hear(o, (int)m->kind);
}

static bool tell_again(void)
{
	for (int32_t p = 0; p < log_partitions("leads.outcomes"); p++) {
		const struct partition_log *log = log_of("leads.outcomes", p);

		for (size_t i = 0; i < log->count; i++) {
			const struct bus_record *r = &log->records[i];
			const Punnet__V1__Outcome *m =
			    log_unpack(r, &punnet__v1__outcome__descriptor);
			struct lead_id id;
			bool fine;

			if (!lead_id_from_bytes(m->lead_id.data, m->lead_id.len, &id))
				return fault("leads.outcomes/%d at %zu is about no lead", p, i);
			if (m->assignment)
				fine = on_delivery(m, &id);
			else if (m->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_DUE)
				fine = on_due(&id, r->timestamp_ms);
			else
				fine = on_verdict(m, &id, r->timestamp_ms);
			if (!fine)
				return false;
		}
	}
	return true;
}

/* --- what the ledger says --- */

static int64_t ask(const char *sql, const struct lead_id *id, int64_t a, int64_t b)
{
	sqlite3_stmt *st;
	int64_t answer;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) {
		(void)fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
		abort();
	}
	if (id)
		(void)sqlite3_bind_blob(st, 1, id->bytes, sizeof(id->bytes), SQLITE_STATIC);
	if (id)
		(void)sqlite3_bind_int64(st, 2, a);
	if (id && sqlite3_bind_parameter_count(st) > 2)
		(void)sqlite3_bind_int64(st, 3, b);
	answer = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
	(void)sqlite3_finalize(st);
	return answer;
}

static bool same(const char *what, int64_t found, int64_t wanted)
{
	return found == wanted || fault("the ledger's %s is %lld, and has to be %lld", what,
					(long long)found, (long long)wanted);
}

static int64_t balance(const char *pattern)
{
	char sql[160];

	(void)snprintf(sql, sizeof(sql),
		       "SELECT COALESCE(SUM(balance), 0) FROM accounts WHERE name LIKE '%s'",
		       pattern);
	return ask(sql, NULL, 0, 0);
}

static bool judge_offer(const struct offer *o)
{
	static const char transfers[] =
	    "SELECT COUNT(*) FROM transfers WHERE lead_id = $1 AND round = $2 AND event = $3";

	return same("state of a life",
		    ask("SELECT state FROM lives WHERE lead_id = $1 AND round = $2", &o->id,
			o->round, 0),
		    o->state) &&
	       same("credits of a lead", ask(transfers, &o->id, o->round, 1), o->credits) &&
	       same("approvals of a lead", ask(transfers, &o->id, o->round, 2), o->approvals) &&
	       same("reversals of a lead", ask(transfers, &o->id, o->round, 3), o->reversals);
}

static bool judge_balances(void)
{
	for (int i = 0; i < SIM_ADVERTISERS; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "advertiser%%:%s:receivable", advertiser_ids[i]);
		if (!same("receivable", balance(name), receivable[i]))
			return false;
	}
	return same("hold", balance("webmaster%:hold"), held) &&
	       same("payable", balance("webmaster%:payable"), payable) &&
	       same("margin", balance("network:margin"), margin) &&
	       same("sum of all accounts", balance("%"), 0) &&
	       same("sum of all entries",
		    ask("SELECT COALESCE(SUM(amount), 0) FROM entries", NULL, 0, 0), 0) &&
	       same(
		   "number of transfers that do not balance",
		   ask("SELECT COUNT(*) FROM (SELECT 1 FROM entries GROUP BY lead_id, round, event "
		       "HAVING SUM(amount) <> 0)",
		       NULL, 0, 0),
		   0);
}

static bool judge_offsets(void)
{
	for (int32_t p = 0; p < log_partitions("leads.outcomes"); p++) {
		size_t high = log_of("leads.outcomes", p)->count;
		char sql[96];

		(void)snprintf(sql, sizeof(sql), "SELECT next FROM offsets WHERE partition = %d",
			       p);
		if (high > 0 && !same("offset of a partition", ask(sql, NULL, 0, 0), (int64_t)high))
			return false;
	}
	return same("outbox", ask("SELECT COUNT(*) FROM outbox", NULL, 0, 0), 0);
}

/* A clock that was set back delays a delivery by as much: its window may still be open. */
static bool judge_books(void)
{
	int64_t over_ms = SIM_BASE_MS + sim.now_us / US_PER_MS + sim.log_skew_ms - LOOKED_MS;
	int64_t transfers = 0;

	for (size_t i = 0; i < offer_count; i++) {
		const struct offer *o = &offers[i];

		transfers += o->credits + o->approvals + o->reversals;
		if (!judge_offer(o))
			return false;
		if (o->state == DELIVERED && o->until_ms < over_ms)
			return fault("round %u of a lead is neither approved nor returned, and its "
				     "window ended at %lld",
				     o->round, (long long)o->until_ms);
	}
	return same("number of lives", ask("SELECT COUNT(*) FROM lives", NULL, 0, 0),
		    (int64_t)offer_count) &&
	       same("number of transfers", ask("SELECT COUNT(*) FROM transfers", NULL, 0, 0),
		    transfers) &&
	       judge_balances() && judge_offsets();
}

bool judge_ledger(void)
{
	char path[160];
	bool fine;

	offers = arena_calloc(&judge_arena, OFFERS_MAX, sizeof(*offers));
	verdicts = arena_calloc(&judge_arena, VERDICT_MAX, sizeof(*verdicts));
	if (!tell_again())
		return false;
	for (size_t i = 0; i < told_count; i++)
		if (!told[i].matched)
			return fault("the market heard of a change that no outcome made");
	(void)snprintf(path, sizeof(path), "%s/ledger.db", sim.folder);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		abort();
	fine = judge_books();
	(void)sqlite3_close(db);
	return fine;
}
