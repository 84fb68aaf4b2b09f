/* trace_ledger: the transfers, verdicts and states that the ledger has for the lead. */
#include <stdio.h>

#include "base/money.h"
#include "payout/core/life.h"
#include "payout/store/db.h"
#include "runtime/clock.h"
#include "trace.h"

static const char books_sql[] =
    "SELECT round, event, at_ms, account, amount, currency, line FROM books "
    "WHERE lead_id = $1 ORDER BY round, event, line";
static const char verdicts_sql[] =
    "SELECT event, advertiser_id, verdict_id, reason_code, at_ms, partition, log_offset, standing "
    "FROM verdicts WHERE lead_id = $1 ORDER BY log_offset";
static const char ignored_sql[] =
    "SELECT event, reason, at_ms, partition, log_offset, round FROM ignored WHERE lead_id = $1 "
    "ORDER BY log_offset";
static const char lives_sql[] =
    "SELECT round, state, order_id, price, payout, currency, is_test, payable_at, return_until, "
    "closed_at, advertiser_id FROM lives WHERE lead_id = $1 ORDER BY round";

static const char *text_of(struct trace *t, struct slice s)
{
	return arena_cstr(&t->arena, s);
}

static const char *amount_of(struct trace *t, int64_t minor, struct slice currency)
{
	char text[64];

	money_text(minor, text_of(t, currency), text, sizeof(text));
	return text_of(t, slice_cstr(text));
}

/* "bank-a" of advertisers:bank-a:receivable. */
static const char *party_of(struct trace *t, struct slice account)
{
	const char *from = (const char *)memchr(account.data, ':', account.len) + 1;
	const char *to = memchr(from, ':', account.len - (size_t)(from - account.data));

	return to ? text_of(t, slice_of(from, (size_t)(to - from))) : "";
}

static void take_entry(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct trace *t = ctx;
	const char *event = transfer_event_name((enum transfer_event)c[1].integer);
	struct trace_step *s;

	if (c[6].integer == 0 || t->count == 0) {
		s = trace_add(t, c[2].integer, "payout", event);
		s->text = arena_printf(&t->arena, "transfer %s of round %lld", event,
				       (long long)c[0].integer);
		s->source = "ledger";
		s->round = c[0].integer;
	}
	s = &t->steps[t->count - 1];
	trace_note(s, text_of(t, c[3].bytes), amount_of(t, c[4].integer, c[5].bytes));
	if (slice_starts_with(c[3].bytes, "advertisers:"))
		s->advertiser = party_of(t, c[3].bytes);
	trace_hide(s, !slice_starts_with(c[3].bytes, "webmasters:"),
		   !slice_starts_with(c[3].bytes, "advertisers:"));
}

static void take_verdict(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	static const char *const standings[] = {"waits for the delivery", "counted", "recorded",
						"ignored"};
	struct trace *t = ctx;
	const char *event = life_event_name((enum life_event)c[0].integer);
	size_t standing = (size_t)c[7].integer;
	struct trace_step *s = trace_add(t, c[4].integer, "payout", event);

	s->text = arena_printf(&t->arena, "verdict of " SLICE_FMT ": %s", SLICE_ARG(c[1].bytes),
			       standing < ARRAY_LEN(standings) ? standings[standing] : "?");
	s->advertiser = text_of(t, c[1].bytes);
	s->text_for[TRACE_WEBMASTER] =
	    arena_printf(&t->arena, "the buyer's verdict: %s",
			 standing < ARRAY_LEN(standings) ? standings[standing] : "?");
	s->source = arena_printf(&t->arena, "leads.outcomes/%lld@%lld", (long long)c[5].integer,
				 (long long)c[6].integer);
	if (c[3].bytes.len)
		trace_note(s, text_of(t, c[3].bytes),
			   trace_reason(t, text_of(t, c[3].bytes), NULL, 0, NULL));
}

static const char *meaning_of(struct slice code)
{
	static const struct {
		const char *code, *text;
	} table[] = {
#define IGNORED(name, code, text) {code, text},
#include "payout/core/ignored.def"
#undef IGNORED
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (slice_is(code, table[i].code))
			return table[i].text;
	return "";
}

static void take_ignored(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct trace *t = ctx;
	struct trace_step *s = trace_add(t, c[2].integer, "payout", "ignored");

	s->text_for[TRACE_ADVERTISER] = ""; /* it may be another's */
	s->text =
	    arena_printf(&t->arena, "outcome %s of round %lld changed nothing",
			 life_event_name((enum life_event)c[0].integer), (long long)c[5].integer);
	s->source = "ledger";
	s->caused_by = arena_printf(&t->arena, "leads.outcomes/%lld@%lld", (long long)c[3].integer,
				    (long long)c[4].integer);
	trace_note(s, text_of(t, c[1].bytes), meaning_of(c[1].bytes));
}

/* Where the money stands now. Not an event of the past: it stands last. */
static void take_life(void *ctx, const struct db_value *c, _unused_ size_t count)
{
	struct trace *t = ctx;
	int64_t now_ms = clock_now_ms(), payable_ms = c[7].integer;
	enum life_state state = (enum life_state)c[1].integer;
	const char *price = amount_of(t, c[3].integer, c[5].bytes);
	const char *payout = amount_of(t, c[4].integer, c[5].bytes);
	struct trace_step *s = trace_add(t, now_ms, "ledger", "status");

	s->source = "ledger";
	s->advertiser = text_of(t, c[10].bytes);
	s->text_for[TRACE_WEBMASTER] =
	    arena_printf(&t->arena, "%s; payout %s", life_state_name(state), payout);
	s->text_for[TRACE_ADVERTISER] =
	    arena_printf(&t->arena, "%s; price %s", life_state_name(state), price);
	if (c[6].integer)
		s->text = arena_printf(&t->arena, "%s; a test lead: no money moves",
				       life_state_name(state));
	else if (state == LIFE_DELIVERED)
		s->text = arena_printf(&t->arena,
				       "delivered; advertiser owes %s; webmaster's %s is on hold, "
				       "payable from %s when nothing is returned before %s",
				       price, payout, trace_time(t, payable_ms),
				       trace_time(t, c[8].integer));
	else if (state == LIFE_APPROVED)
		s->text = arena_printf(&t->arena,
				       "approved; advertiser owes %s; webmaster's %s is payable",
				       price, payout);
	else if (state == LIFE_WAIVED)
		s->text =
		    arena_printf(&t->arena,
				 "waived; advertiser owes nothing; webmaster's %s is payable, and "
				 "the network bears it",
				 payout);
	else if (state == LIFE_RETURNED)
		s->text =
		    arena_printf(&t->arena, "returned; %s and %s are reversed", price, payout);
	else
		s->text = arena_printf(&t->arena, "round %lld %s; no money moved",
				       (long long)c[0].integer, life_state_name(state));
}

enum result trace_ledger(struct trace *t)
{
	const struct {
		const char *sql;
		db_row_fn fn;
	} tables[] = {{books_sql, take_entry},
		      {verdicts_sql, take_verdict},
		      {ignored_sql, take_ignored},
		      {lives_sql, take_life}};
	struct db_value id = db_bytes(t->id.bytes, sizeof(t->id.bytes));
	enum result r = RESULT_OK;

	for (size_t i = 0; i < ARRAY_LEN(tables) && r == RESULT_OK; i++) {
		r = db_add(t->ledger, tables[i].sql, &id, 1, tables[i].fn, t, &t->error);
		if (r == RESULT_OK)
			r = db_flush(t->ledger, &t->error);
	}
	return r;
}
