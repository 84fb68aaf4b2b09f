/* replay_lives: leads.outcomes settled anew by payout/core, into a ledger of its own, and that compared with the network's.
 *
 * The network's ledger is read as it was at one moment, its cursors first: every partition is settled up to where it was
 * settled there, and no further. What was agreed with an advertiser on the day of a delivery stands in no topic but
 * with the life, so it is taken from there (struct contract); where there is no such life, what the directory says now.
 * Records are taken by their time over all partitions, as they were: of two returns that only one greatest share admits, the first
 * one counts, and where two partitions were settled in another order than their records' times, that is a difference.
 * Own ledger: a database file; its cursors make the run go on where it was. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "payout/core/outcome.h"
#include "payout/store/store.h"
#include "tools/replay/replay_lives.h"

#define TOPIC         "leads.outcomes"
#define DB_TIMEOUT_MS 10000
#define TOGETHER_MS   1000 /* records of one partition that are settled in one transaction */
#define VAT_MOST_BP   10000

struct lives {
	struct replay *replay;
	struct bus *bus;
	struct db *recorded;
	struct store *own;
	struct directory *directory;
	struct replay_reading *readings[REPLAY_PARTITIONS_MAX];
	const struct bus_record *heads[REPLAY_PARTITIONS_MAX];
	int32_t partitions;
	struct arena arena;
	uint64_t settled, unreadable;
	char path[4096];
	bool temporary;
};

/* --- what was agreed --- */

static const char contract_sql[] =
    "SELECT delivered_at, payable_at, return_until, vat, returns_max_bp, own_cause_borne, price "
    "FROM lives WHERE lead_id = $1 AND round = $2";

struct agreed {
	struct contract *contract;
	bool found;
};

/* The tax is recorded as an amount; any share that gives it is as good. */
static uint32_t vat_bp_of(int64_t price_minor, int64_t vat_minor)
{
	int64_t about;

	if (price_minor <= 0 || vat_minor <= 0)
		return 0;
	about = (int64_t)((__int128)vat_minor * VAT_MOST_BP / price_minor);
	for (int64_t bp = MAX_OF(about - 1, 0); bp <= MIN_OF(about + 2, (int64_t)VAT_MOST_BP); bp++)
		if (money_share_bp(price_minor, (uint32_t)bp) == vat_minor)
			return (uint32_t)bp;
	return (uint32_t)MIN_OF(about, (int64_t)VAT_MOST_BP);
}

static void take_contract(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct agreed *a = ctx;

	if (c[0].integer == 0)
		return; /* it was not delivered there */
	a->found = true;
	*a->contract = (struct contract){.hold_ms = c[1].integer - c[0].integer,
					 .return_window_ms = c[2].integer - c[0].integer,
					 .vat_bp = vat_bp_of(c[6].integer, c[3].integer),
					 .returns_max_bp = (uint32_t)c[4].integer,
					 .own_cause_borne = c[5].integer != 0};
}

static void agreed_now(const struct lives *l, struct outcome *o)
{
	const Punnet__V1__DirectoryEntry *e =
	    directory_get(l->directory, "advertiser", slice_cstr(o->assignment.advertiser_id));
	const struct config *config = l->replay->tool->config;
	struct contract *c = &o->contract;

	c->hold_ms = config_int(config, "payout", "hold_days") * MS_PER_DAY;
	c->return_window_ms = config_int(config, "payout", "return_window_days") * MS_PER_DAY;
	if (!e || e->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER)
		return;
	if (e->advertiser->hold_days > 0)
		c->hold_ms = e->advertiser->hold_days * MS_PER_DAY;
	if (e->advertiser->return_window_days > 0)
		c->return_window_ms = e->advertiser->return_window_days * MS_PER_DAY;
	c->vat_bp = MIN_OF(e->advertiser->vat_bp, (uint32_t)VAT_MOST_BP);
	c->returns_max_bp = e->advertiser->returns_max_bp;
	c->own_cause_borne = e->advertiser->own_cause_borne;
	/* Nothing is returned after it became payable. */
	c->return_window_ms = MIN_OF(c->return_window_ms, c->hold_ms);
}

static enum result fill_contract(struct lives *l, struct outcome *o, struct error *ret_error)
{
	struct db_value key[2] = {db_bytes(o->lead_id.bytes, sizeof(o->lead_id.bytes)),
				  db_int(o->assignment.round)};
	struct agreed agreed = {.contract = &o->contract};

	agreed_now(l, o);
	return db_ask(l->recorded, contract_sql, key, 2, take_contract, &agreed, ret_error);
}

/* --- settling --- */

/* Outcomes that can't be read went to dead.letters then, and change nothing. */
static enum result read_outcomes(struct lives *l, struct settlement *t, uint32_t partition,
				 const struct bus_record *records, size_t count,
				 struct outcome *ret, size_t *ret_count, struct error *ret_error)
{
	enum result r = RESULT_OK;

	*ret_count = 0;
	for (size_t i = 0; i < count && r == RESULT_OK; i++) {
		struct outcome *o = &ret[*ret_count];
		const char *why;

		if (!outcome_read(&l->arena, records[i].value, partition,
				  (uint64_t)records[i].offset, records[i].timestamp_ms, o, &why)) {
			l->unreadable++;
			continue;
		}
		(*ret_count)++;
		if (o->event == EVENT_DELIVERED)
			r = fill_contract(l, o, ret_error);
		settlement_dossier(t, &o->lead_id)->judged |=
		    event_is_verdict(o->event) || o->event == EVENT_DUE;
	}
	return r;
}

static enum result in_transaction(struct lives *l, struct settlement *t, uint32_t partition,
				  const struct bus_record *records, size_t count,
				  struct error *ret_error)
{
	struct outcome *all = arena_calloc(&l->arena, count, sizeof(*all));
	struct store_cursor next = {.next = records[count - 1].offset + 1};
	size_t outcomes;
	enum result r = read_outcomes(l, t, partition, records, count, all, &outcomes, ret_error);

	if (r == RESULT_OK)
		r = store_load(l->own, t, ret_error);
	for (size_t i = 0; i < outcomes && r == RESULT_OK; i++)
		r = settle(t, &all[i], ret_error);
	if (r == RESULT_OK)
		r = store_write(l->own, t, ret_error);
	next.next_seq = t->next_seq;
	if (r == RESULT_OK)
		r = store_commit(l->own, TOPIC, partition, &next, ret_error);
	l->settled += outcomes;
	return r;
}

static enum result settle_some(struct lives *l, uint32_t partition,
			       const struct bus_record *records, size_t count,
			       struct error *ret_error)
{
	struct settlement t;
	struct store_cursor cursor;
	enum result r = store_begin(l->own, TOPIC, partition, &cursor, ret_error);

	if (r != RESULT_OK)
		return r;
	arena_reset(&l->arena);
	settlement_begin(&t, &l->arena, partition, cursor.next_seq);
	r = in_transaction(l, &t, partition, records, count, ret_error);
	if (r != RESULT_OK)
		store_rollback(l->own);
	/* What it would tell the market, it tells nobody. */
	if (r == RESULT_OK && t.next_seq > cursor.next_seq)
		r = store_outbox_forget(l->own, partition, t.next_seq - 1, ret_error);
	settlement_end(&t);
	return r;
}

static int32_t earliest(const struct lives *l)
{
	int32_t best = -1;

	for (int32_t p = 0; p < l->partitions; p++)
		if (l->heads[p] &&
		    (best < 0 || l->heads[p]->timestamp_ms < l->heads[best]->timestamp_ms))
			best = p;
	return best;
}

/* A few records in a row of the partition whose turn it is. */
static enum result settle_turn(struct lives *l, int32_t p, struct error *ret_error)
{
	struct replay_reading *reading = l->readings[p];
	const struct bus_record *first = &reading->records[reading->at], *record;
	size_t count = 0;
	enum result r;

	while (count < STORE_BATCH_MAX && reading->at + count < reading->count &&
	       first[count].offset < reading->span.to &&
	       first[count].timestamp_ms <= first->timestamp_ms + TOGETHER_MS)
		count++;
	r = settle_some(l, (uint32_t)p, first, count, ret_error);
	for (size_t i = 0; i < count && r == RESULT_OK; i++)
		r = reading_next(reading, &record, ret_error);
	return r == RESULT_OK ? reading_peek(reading, &l->heads[p], ret_error) : r;
}

static enum result settle_all(struct lives *l, struct error *ret_error)
{
	bool terminal = l->replay->tool->terminal;
	enum result r = RESULT_OK;
	uint64_t shown = 0;
	int32_t p;

	while (r == RESULT_OK && (p = earliest(l)) >= 0) {
		r = settle_turn(l, p, ret_error);
		if (terminal && l->settled - shown >= 10000) {
			shown = l->settled;
			fprintf(stderr, "\rlives: %llu outcomes settled\033[K",
				(unsigned long long)shown);
		}
	}
	if (terminal && shown > 0)
		fputs("\r\033[K", stderr);
	return r;
}

/* --- before and after --- */

static const char cursors_sql[] = "SELECT partition, next FROM offsets WHERE topic = $1";

struct cursors {
	int64_t next[REPLAY_PARTITIONS_MAX];
};

static void take_cursor(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct cursors *cursors = ctx;

	if (c[0].integer >= 0 && c[0].integer < REPLAY_PARTITIONS_MAX)
		cursors->next[c[0].integer] = MAX_OF(c[1].integer, 0);
}

static enum result open_readings(struct lives *l, struct error *ret_error)
{
	struct cursors there = {{0}};
	struct db_value topic = db_text(TOPIC);
	enum result r = db_ask(l->recorded, cursors_sql, &topic, 1, take_cursor, &there, ret_error);

	l->partitions = bus_partitions(l->bus, TOPIC, REPLAY_ASK_MS);
	if (l->partitions <= 0 || l->partitions > REPLAY_PARTITIONS_MAX)
		return error_set(ret_error, RESULT_AWAY, TOPIC ": its partitions can't be learned");
	for (int32_t p = 0; p < l->partitions && r == RESULT_OK; p++) {
		struct store_cursor own;
		struct replay_span span;
		int64_t low, high;

		r = store_cursor_read(l->own, TOPIC, (uint32_t)p, &own, ret_error);
		if (r == RESULT_OK && bus_offsets(l->bus, TOPIC, p, REPLAY_ASK_MS, &low, &high))
			r = error_set(ret_error, RESULT_AWAY, TOPIC "/%d: no offsets", (int)p);
		if (r != RESULT_OK)
			break;
		span = (struct replay_span){MAX_OF(own.next, 0), there.next[p]};
		if (span.from < low || span.to > high)
			return error_set(ret_error, RESULT_BAD,
					 TOPIC "/%d holds %lld to %lld, and the ledger has settled "
					       "%lld to %lld of it",
					 (int)p, (long long)low, (long long)high,
					 (long long)span.from, (long long)span.to);
		l->readings[p] = calloc(1, sizeof(struct replay_reading));
		assert(l->readings[p]);
		r = reading_open(l->readings[p], l->bus, TOPIC, p, span, ret_error);
	}
	for (int32_t p = 0; p < l->partitions && r == RESULT_OK; p++)
		r = reading_peek(l->readings[p], &l->heads[p], ret_error);
	return r;
}

static enum result open_all(struct lives *l, struct error *ret_error)
{
	const char *url = config_text(l->replay->tool->config, "common", "db");
	char own[sizeof(l->path) + 8];
	int fd;

	snprintf(l->path, sizeof(l->path), "%s",
		 l->replay->ledger_file ? l->replay->ledger_file : "/tmp/punnet-replay-XXXXXX");
	if (!l->replay->ledger_file) {
		fd = mkstemp(l->path);
		if (fd < 0)
			return error_set(ret_error, RESULT_BAD, "%s can't be made", l->path);
		(void)close(fd);
		l->temporary = true;
	}
	snprintf(own, sizeof(own), "sqlite:%s", l->path);
	if (strcmp(own, url) == 0)
		return error_set(ret_error, RESULT_BAD, "--ledger: this is the network's own");
	l->bus = replay_bus(l->replay, ret_error);
	l->directory = l->bus ? directory_open(l->bus, TOOL_TIMEOUT_MS, ret_error) : NULL;
	l->recorded = l->directory ? db_open_reading(url, DB_TIMEOUT_MS, ret_error) : NULL;
	if (!l->recorded)
		return RESULT_AWAY;
	l->own = store_open(own, DB_TIMEOUT_MS, ret_error);
	if (!l->own)
		return RESULT_BAD;
	/* It can be made again from the log: no sync is waited for. */
	return db_script(store_db(l->own), "PRAGMA synchronous=OFF", ret_error);
}

static void close_all(struct lives *l)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[sizeof(l->path) + 8];

	for (int32_t p = 0; p < l->partitions; p++) {
		if (l->readings[p])
			reading_close(l->readings[p]);
		free(l->readings[p]);
	}
	directory_close(l->directory);
	bus_close(l->bus);
	db_close(l->recorded);
	store_close(l->own);
	arena_free(&l->arena);
	for (size_t i = 0; l->temporary && i < ARRAY_LEN(ends); i++) {
		snprintf(path, sizeof(path), "%s%s", l->path, ends[i]);
		(void)unlink(path);
	}
}

static struct lead_id id_at(const struct replay_bound *b, bool end)
{
	const uint8_t zero[10] = {0};
	struct lead_id id = {{0}};

	if (b->kind == REPLAY_TIME) {
		id = lead_id_make(b->time_ms, zero);
		/* Below every id of that millisecond. */
		memset(id.bytes + 6, 0, sizeof(id.bytes) - 6);
	} else if (end) {
		memset(id.bytes, 0xff, sizeof(id.bytes));
	}
	return id;
}

static void print_result(const struct tool *t, const struct lives_result *r)
{
	bool equal = r->different == 0;

	if (t->json)
		printf("{\"kind\":\"table\",\"table\":\"%s\",\"rows\":%llu,\"equal\":%llu,"
		       "\"different\":%llu,\"recorded\":\"%016llx\",\"recomputed\":\"%016llx\"}\n",
		       r->table, (unsigned long long)r->recorded, (unsigned long long)r->equal,
		       (unsigned long long)r->different, (unsigned long long)r->recorded_digest,
		       (unsigned long long)r->recomputed_digest);
	else
		printf("%s  %-10s %10llu rows  digest %016llx%s%016llx\n",
		       equal ? "equal    " : "DIFFERENT", r->table, (unsigned long long)r->recorded,
		       (unsigned long long)r->recorded_digest, equal ? " = " : " <> ",
		       (unsigned long long)r->recomputed_digest);
	if (r->first.found)
		replay_print_difference(t, &r->first);
}

/* An exit status. */
static int report(const struct lives *l, const struct lives_result *results)
{
	const struct tool *t = l->replay->tool;
	uint64_t different = 0, equal = 0;

	for (size_t i = 0; i < LIVES_TABLES; i++) {
		print_result(t, &results[i]);
		different += results[i].different;
		equal += results[i].equal;
	}
	printf(t->json
		   ? "{\"kind\":\"total\",\"what\":\"lives\",\"outcomes\":%llu,\"unreadable\":%llu,"
		     "\"equal\":%llu,\"different\":%llu}\n"
		   : "%llu outcomes settled anew (%llu can't be read, as then): %llu rows equal, "
		     "%llu different\n",
	       (unsigned long long)l->settled, (unsigned long long)l->unreadable,
	       (unsigned long long)equal, (unsigned long long)different);
	return different == 0 ? TOOL_DONE : TOOL_FOUND;
}

int replay_lives(struct replay *r)
{
	struct lives_span span = {id_at(&r->from, false), id_at(&r->to, true)};
	struct lives_result results[LIVES_TABLES];
	struct lives *l;
	enum result result;
	int status;

	if (r->from.kind >= REPLAY_OFFSET || r->to.kind >= REPLAY_OFFSET)
		return tool_usage("replay", "lives: --from and --to are times of the leads' ids");
	l = calloc(1, sizeof(*l));
	assert(l);
	l->replay = r;
	result = open_all(l, &r->error);
	if (result == RESULT_OK)
		result = open_readings(l, &r->error);
	if (result == RESULT_OK)
		result = settle_all(l, &r->error);
	if (result == RESULT_OK)
		result = lives_compare(l->recorded, store_db(l->own), &span, results, &r->error);
	status = result == RESULT_OK ? report(l, results) : tool_fail("replay", result, &r->error);
	close_all(l);
	free(l);
	return status;
}
