/* A hundred thousand random lives through payout's own batches into a ledger, beside a slow model: every state and every balance must
 * be the same. Batches are of any size, and come again; the contracts change under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* after its own needs */
#include <cmocka.h>

#include "base/rng.h"
#include "lead/codec.h"
#include "look.h"
#include "model.h"
#include "payout/shell/batch.h"
#include "postgres.h"
#include "proto/leads_outcomes.pb-c.h"
#include "runtime/log.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIVES 15000
#else
#define LIVES 100000
#endif
#define LIVES_POSTGRES 3000
#define UNDER_WAY      1500 /* leads that something still happens to */
#define PER_LEAD       5    /* outcomes, about */
#define T0             1790000000000LL
#define EPOCH_BATCHES  60 /* then the contracts change */
#define SEED           20261126

static const char *const reasons[] = {"wrong_number", "no_answer", "out_of_stock", "",
				      "its own word"};

static char dir[] = "/tmp/punnet-model-XXXXXX";
static int epoch;
static bool vat_forgotten; /* the control: the ledger's side is told another tax */

static struct contract contract_now(_unused_ void *ctx, const char *advertiser_id)
{
	struct contract c = model_contract(advertiser_id[1] - '0', epoch);

	if (vat_forgotten)
		c.vat_bp = 0;
	return c;
}

static struct lead_id id_of(uint32_t lead)
{
	uint8_t tail[10] = {0,
			    0,
			    (uint8_t)(lead >> 24),
			    (uint8_t)(lead >> 16),
			    (uint8_t)(lead >> 8),
			    (uint8_t)lead};

	return lead_id_make(T0 + lead, tail);
}

/* --- what is told --- */

static struct told draw(struct rng *rng, uint32_t lead, int64_t now_ms)
{
	static const enum life_event events[] = {
	    EVENT_DELIVERED,     EVENT_DELIVERED,  EVENT_DELIVERED, EVENT_REFUSED,
	    EVENT_UNDELIVERABLE, EVENT_UNRESOLVED, EVENT_APPROVED,  EVENT_APPROVED,
	    EVENT_RETURNED,      EVENT_RETURNED,   EVENT_RETURNED,  EVENT_SOLD,
	    EVENT_UNREACHABLE,   EVENT_DUE,        EVENT_DUE,       EVENT_WAIVED};
	struct told t = {.lead = lead,
			 .event = events[rng_below(rng, ARRAY_LEN(events))],
			 .round = (uint32_t)rng_below(rng, 4),
			 .verdict_number = (int)rng_below(rng, 3),
			 .reason = reasons[rng_below(rng, ARRAY_LEN(reasons))],
			 .said_ms = now_ms,
			 .logged_ms = now_ms};

	/* Mostly the buyer speaks, sometimes a stranger. */
	t.advertiser = rng_chance(rng, 8500) ? promise_of(lead, t.round).advertiser
					     : (int)rng_below(rng, MODEL_ADVERTISERS);
	if (t.event >= EVENT_APPROVED &&
	    rng_chance(rng, 3000)) /* dated back, or ahead: the later one counts */
		t.said_ms += (int64_t)rng_below(rng, 20) * MS_PER_DAY - 10 * MS_PER_DAY;
	return t;
}

static struct slice pack(struct arena *a, const struct told *t)
{
	static char advertiser[16], verdict[16], webmaster[16];
	struct promise p = promise_of(t->lead, t->round);
	Punnet__V1__Outcome m = PUNNET__V1__OUTCOME__INIT;
	Punnet__V1__Assignment as = PUNNET__V1__ASSIGNMENT__INIT;
	Punnet__V1__Money price = PUNNET__V1__MONEY__INIT, payout = PUNNET__V1__MONEY__INIT;
	Punnet__V1__Provenance market = PUNNET__V1__PROVENANCE__INIT;
	struct lead_id id = id_of(t->lead);
	_cleanup_(buf_free) struct buf out = {0};

	m.lead_id = codec_lead_id(&id);
	m.kind = (Punnet__V1__OutcomeKind)t->event;
	m.at_ms = t->said_ms;
	snprintf(webmaster, sizeof(webmaster), "w%d", p.webmaster);
	if (t->event >= EVENT_APPROVED && t->event != EVENT_DUE) {
		snprintf(advertiser, sizeof(advertiser), "a%d", t->advertiser);
		snprintf(verdict, sizeof(verdict), "v%d", t->verdict_number);
		m.advertiser_id = advertiser;
		m.verdict_id = verdict;
		m.reason_code = (char *)t->reason;
	} else if (t->event != EVENT_DUE) {
		snprintf(advertiser, sizeof(advertiser), "a%d", p.advertiser);
		price = (Punnet__V1__Money)PUNNET__V1__MONEY__INIT;
		price.amount_minor = p.price;
		payout.amount_minor = p.payout;
		price.currency = payout.currency = (char *)model_currencies[p.currency];
		market.topic = (char *)"market";
		as.round = t->round;
		as.order_id = (char *)"order";
		as.advertiser_id = advertiser;
		as.aff_id = webmaster;
		as.vertical = (char *)"osago";
		as.price = &price;
		as.payout = &payout;
		as.exclusive = p.exclusive;
		as.is_test = p.is_test;
		as.market = &market;
		m.assignment = &as;
	}
	codec_pack(&m.base, &out);
	assert(!out.failed);
	return arena_dup(a, buf_slice(&out));
}

/* --- both sides --- */

struct run {
	struct store *store;
	struct model *model;
	struct rng rng;
	struct arena made, work;
	struct bus_record records[STORE_BATCH_MAX];
	int64_t next, now_ms;
	uint32_t lives, first;
};

static void settle_batch(struct run *r, size_t count)
{
	struct batch_settings settings = {
	    .topic = "leads.outcomes", .contract = contract_now, .now_ms = T0};
	struct batch_report report;
	struct error error = {0};
	bool again = rng_chance(&r->rng, 500);

	for (int i = 0; i < (again ? 2 : 1); i++)
		if (batch_settle(r->store, &r->work, &settings, 0, r->records, count, &report,
				 &error) != RESULT_OK)
			fail_msg("%s", error.text);
	if (again)
		assert_int_equal(report.settled, 0);
}

static void play_batch(struct run *r)
{
	size_t count = 1 + rng_below(&r->rng, STORE_BATCH_MAX);

	for (size_t i = 0; i < count; i++) {
		uint32_t lead = r->first + (uint32_t)rng_below(&r->rng, UNDER_WAY);
		struct told t;

		if (lead >= r->lives)
			lead = r->lives - 1;
		r->now_ms += (int64_t)rng_below(&r->rng, 2 * MS_PER_MIN);
		t = draw(&r->rng, lead, r->now_ms);
		model_take(r->model, &t, epoch);
		r->records[i] = (struct bus_record){.topic = "leads.outcomes",
						    .offset = r->next++,
						    .timestamp_ms = t.logged_ms,
						    .value = pack(&r->made, &t),
						    .type = SLICE("punnet.v1.Outcome")};
	}
	settle_batch(r, count);
	arena_reset(&r->made);
	r->first += (uint32_t)(count / PER_LEAD);
}

static void play(struct run *r, const char *url, uint32_t lives)
{
	struct error error = {0};
	int batches = 0;

	*r = (struct run){.lives = lives, .now_ms = T0, .rng = rng_seed(SEED)};
	r->store = store_open(url, 10000, &error);
	if (!r->store)
		fail_msg("%s", error.text);
	r->model = model_new(lives);
	for (epoch = 0; r->first < lives; batches++) {
		epoch = batches / EPOCH_BATCHES;
		play_batch(r);
	}
}

static void end(struct run *r)
{
	store_close(r->store);
	model_free(r->model);
	arena_free(&r->made);
	arena_free(&r->work);
}

/* --- compared --- */

static void check_life(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct run *r = ctx;
	const uint8_t *id = (const uint8_t *)c[0].bytes.data;
	uint32_t lead = (uint32_t)id[9] << 16 | (uint32_t)id[10] << 8 | id[11];

	assert_int_equal(c[2].integer, model_state(r->model, lead, (uint32_t)c[1].integer));
}

static int64_t expected(const struct model_balance *b, const char *account, int currency)
{
	int n;

	if (sscanf(account, "advertisers:a%d:receivable", &n) == 1)
		return b->receivable[n][currency];
	if (strstr(account, ":hold") && sscanf(account, "webmasters:w%d:", &n) == 1)
		return b->hold[n][currency];
	if (strstr(account, ":payable") && sscanf(account, "webmasters:w%d:", &n) == 1)
		return b->payable[n][currency];
	if (strcmp(account, "network:margin") == 0)
		return b->margin[currency];
	if (strcmp(account, "network:vat") == 0)
		return b->vat[currency];
	assert_string_equal(account, "network:borne");
	return b->borne[currency];
}

struct checking {
	const struct model_balance *b;
	size_t wrong;
	int64_t sum;
};

static void check_balance(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct checking *k = ctx;
	char account[100], currency[4];
	int at = 0;

	snprintf(account, sizeof(account), SLICE_FMT, SLICE_ARG(c[0].bytes));
	snprintf(currency, sizeof(currency), SLICE_FMT, SLICE_ARG(c[1].bytes));
	while (strcmp(model_currencies[at], currency) != 0)
		at++;
	k->wrong += c[2].integer != expected(k->b, account, at);
	k->sum += c[2].integer < 0 ? -c[2].integer : c[2].integer;
}

/* Every account of the model has its row, or nothing on it. */
static int64_t all_of(const struct model_balance *b)
{
	const int64_t *n = (const int64_t *)b;
	size_t count = offsetof(struct model_balance, credits) / sizeof(int64_t);
	int64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += n[i] < 0 ? -n[i] : n[i];
	return sum;
}

static size_t wrong_balances(struct run *r)
{
	struct checking k = {.b = model_balance(r->model)};

	query(r->store, "SELECT account, currency, balance FROM balances", check_balance, &k);
	return k.wrong + (k.sum != all_of(k.b));
}

static void compare(struct run *r)
{
	const struct model_balance *b = model_balance(r->model);

	query(r->store, "SELECT lead_id, round, state FROM lives", check_life, r);
	assert_int_equal(wrong_balances(r), 0);
	assert_int_equal(number(r->store, "SELECT COUNT(*) FROM transfers WHERE event = 1"),
			 b->credits);
	assert_int_equal(number(r->store, "SELECT COUNT(*) FROM transfers WHERE event = 2"),
			 b->approvals);
	assert_int_equal(number(r->store, "SELECT COUNT(*) FROM transfers WHERE event = 3"),
			 b->reversals);
	assert_int_equal(number(r->store, "SELECT COUNT(*) FROM transfers WHERE event = 4"),
			 b->bearings);
	assert_int_equal(number(r->store, "SELECT COUNT(*) FROM waiting_verdicts"),
			 model_waiting(r->model));
	/* Each transfer sums to zero. */
	assert_int_equal(
	    number(
		r->store,
		"SELECT COUNT(*) FROM transfers WHERE amount1 + amount2 + amount3 + amount4 <> 0"),
	    0);
	/* What was credited and not reversed is the price or nothing; nothing is owed twice. */
	assert_int_equal(
	    number(
		r->store,
		"SELECT COUNT(*) FROM (SELECT l.lead_id, l.round, MAX(l.price + l.vat) AS price, "
		"SUM(CASE WHEN t.event IN (1, 3, 4) THEN t.amount1 ELSE 0 END) AS owed FROM lives "
		"l JOIN transfers t "
		"ON t.lead_id = l.lead_id AND t.round = l.round GROUP BY l.lead_id, l.round) AS x "
		"WHERE owed <> 0 AND owed <> price"),
	    0);
	/* Of an exclusive lead one round is sold at most. */
	assert_int_equal(
	    number(r->store,
		   "SELECT COUNT(*) FROM (SELECT lead_id FROM lives WHERE exclusive = 1 AND "
		   "state IN (1, 2, 3, 7) GROUP BY lead_id HAVING COUNT(*) > 1) AS x"),
	    0);
	/* The tape was worth playing. */
	assert_true(b->credits > r->lives / 3 && b->reversals > r->lives / 100 &&
		    b->bearings > r->lives / 100);
	print_message(
	    "  %u lives, %lld outcomes: %lld credits, %lld approvals, %lld reversals, %lld borne\n",
	    r->lives, (long long)r->next, (long long)b->credits, (long long)b->approvals,
	    (long long)b->reversals, (long long)b->bearings);
}

static void random_lives_come_to_what_the_model_says(_unused_ void **state)
{
	static struct run r;
	char url[100];

	snprintf(url, sizeof(url), "sqlite:%s/model.db", dir);
	play(&r, url, LIVES);
	compare(&r);
	end(&r);
}

static void the_same_on_postgresql(_unused_ void **state)
{
	static struct run r;

	if (!postgres_start())
		return;
	play(&r, postgres_fresh_url(), LIVES_POSTGRES);
	compare(&r);
	end(&r);
	postgres_stop();
}

/* The control: a ledger that forgets the tax is found out. */
static void a_ledger_that_is_wrong_is_found_out(_unused_ void **state)
{
	static struct run r;
	char url[100];

	snprintf(url, sizeof(url), "sqlite:%s/wrong.db", dir);
	vat_forgotten = true;
	play(&r, url, 2000);
	vat_forgotten = false;
	assert_true(wrong_balances(&r) > 0);
	end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_lives_come_to_what_the_model_says),
	    cmocka_unit_test(the_same_on_postgresql),
	    cmocka_unit_test(a_ledger_that_is_wrong_is_found_out),
	};
	char command[100];
	int failed;

	assert(mkdtemp(dir));
	log_start("model",
		  (enum log_level)(
		      LOG_LEVEL_ERROR +
		      1)); /* exclusive leads are sold twice here, and it would be told each time */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 || failed != 0;
}
