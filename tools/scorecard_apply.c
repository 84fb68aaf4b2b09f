/* punnet scorecard apply: advertisers whose directory entry has a rule about their scorecard, and who are past it, are paused in the
 * market for the rule's time, or lowered: their orders then rank as if they paid less.
 *
 * Both are events of the market's log (AdvertiserHeld by_rule, AdvertiserLowered), so every decision replays, and end by themselves: when
 * nobody runs this any more, nobody stays paused. What counts are leads that were delivered since the last pause ended: who comes back begins
 * anew. Run it as often as you like: who is paused or lowered is left alone, but who is lowered may be paused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/timefmt.h"
#include "proto/market.pb-c.h"
#include "runtime/clock.h"
#include "scan.h"
#include "scorecard_apply.h"

#define MARKET "market"
#define BEFORE_DAYS                                                                                \
	30 /* the longest window and the longest pause; as long as the market keeps its records */

struct applying {
	struct tool *tool;
	struct store *ledger;
	struct directory *directory;
	struct arena arena;
	struct map last;    /* advertiser -> end of its last pause */
	struct map lowered; /* advertiser -> until when */
	int64_t now_ms;
	int32_t partitions;
	bool dry;
	size_t said;
	struct error error;
};

/* --- what was said before --- */

static void see(void *ctx, enum scan_topic topic, _unused_ const struct bus_record *record,
		const void *message)
{
	const Punnet__V1__MarketEvent *m = message;
	struct applying *a = ctx;
	int64_t *until_ms;

	if (topic != SCAN_MARKET || !m)
		return;
	until_ms = arena_alloc(&a->arena, sizeof(*until_ms));
	if (m->event_case == PUNNET__V1__MARKET_EVENT__EVENT_LOWERED) {
		*until_ms = m->lowered->until_ms;
		map_put(&a->lowered, slice_cstr(m->lowered->advertiser_id), until_ms);
	}
	if (m->event_case != PUNNET__V1__MARKET_EVENT__EVENT_HELD || !m->held->by_rule)
		return;
	/* lifted: it ended there */
	*until_ms = m->held->until_ms ? m->held->until_ms : record->timestamp_ms;
	map_put(&a->last, slice_cstr(m->held->advertiser_id), until_ms);
}

static enum result read_last(struct applying *a)
{
	struct scan *s = scan_open(a->tool->bus, &a->error);
	enum result r;

	if (!s)
		return RESULT_AWAY;
	for (int topic = 0; topic < SCAN_TOPICS; topic++)
		if (topic != SCAN_MARKET)
			scan_skip(s, (enum scan_topic)topic);
	r = scan_from(s, SCAN_MARKET, MAX_OF(a->now_ms - BEFORE_DAYS * MS_PER_DAY, (int64_t)0),
		      &a->error);
	if (r == RESULT_OK)
		r = scan_measure(s, &a->error);
	if (r == RESULT_OK)
		r = scan_read(s, see, a, &a->error);
	scan_close(s);
	return r;
}

/* --- what is said now --- */

/* To every partition that a vertical lives on. */
static enum result say(struct applying *a, const char *advertiser, Punnet__V1__MarketEvent *event)
{
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	bool *said = arena_calloc(&a->arena, (size_t)a->partitions, sizeof(*said));
	const Punnet__V1__DirectoryEntry *e;
	enum result r = RESULT_OK;

	source.topic = (char *)"operator";
	event->source = &source;
	for (size_t i = 0; r == RESULT_OK && directory_at(a->directory, i, &e); i++) {
		uint32_t p = e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL
				 ? e->vertical->market_partition
				 : UINT32_MAX;

		if (p >= (uint32_t)a->partitions || said[p])
			continue;
		said[p] = true;
		r = tool_produce(a->tool, MARKET, (int32_t)p, slice_cstr(advertiser), &event->base,
				 &a->error);
	}
	a->said++;
	return r;
}

static enum result say_held(struct applying *a, Punnet__V1__AdvertiserHeld *held)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;

	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_HELD;
	event.held = held;
	return say(a, held->advertiser_id, &event);
}

static enum result say_lowered(struct applying *a, Punnet__V1__AdvertiserLowered *lowered)
{
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;

	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_LOWERED;
	event.lowered = lowered;
	return say(a, lowered->advertiser_id, &event);
}

struct asked {
	const char *advertiser;
	struct arena *arena;
	struct standing standing;
};

static void keep_one(void *ctx, const struct standing *s)
{
	struct asked *q = ctx;

	if (strcmp(s->advertiser, q->advertiser) == 0)
		q->standing = *s;
}

static void print_one(const struct applying *a, const char *advertiser, const char *finding,
		      const char *words, int64_t paused_ms, int64_t lowered_ms)
{
	char until[TIME_TEXT_LEN + 1] = "";

	if (paused_ms || lowered_ms)
		time_text(paused_ms ? paused_ms : lowered_ms, until);
	if (a->tool->json)
		printf("{\"advertiser\":\"%s\",\"finding\":\"%s\",\"words\":\"%s\","
		       "\"paused_until_ms\":%lld,\"lowered_until_ms\":%lld}\n",
		       advertiser, finding, words, (long long)paused_ms, (long long)lowered_ms);
	else
		printf("%-20s %-8s %s%s%s\n", advertiser, finding, words,
		       paused_ms    ? "; paused until "
		       : lowered_ms ? "; ranks lower until "
				    : "",
		       until);
}

static const char *const findings[] = {[STANDING_FINE] = "fine",
				       [STANDING_TOO_FEW] = "too few",
				       [STANDING_SLOW] = "slow",
				       [STANDING_EMPTY] = "empty"};

static bool is_past(enum standing_finding f)
{
	return f == STANDING_SLOW || f == STANDING_EMPTY;
}

static enum result pause(struct applying *a, const char *advertiser,
			 const Punnet__V1__QualityRule *q, enum standing_finding finding,
			 char *words)
{
	Punnet__V1__AdvertiserHeld held = PUNNET__V1__ADVERTISER_HELD__INIT;

	held.advertiser_id = (char *)advertiser;
	held.by_rule = true;
	held.since_ms = a->now_ms;
	held.until_ms = a->now_ms + q->pause_hours * MS_PER_HOUR;
	held.reason_code = (char *)findings[finding];
	held.words = words;
	print_one(a, advertiser, findings[finding], words, held.until_ms, 0);
	return a->dry ? RESULT_OK : say_held(a, &held);
}

/* Past what it is lowered for; who is lowered already, is left so until that is over. */
static enum result lower(struct applying *a, const char *advertiser,
			 const Punnet__V1__QualityRule *q, enum standing_finding finding,
			 char *words)
{
	Punnet__V1__AdvertiserLowered lowered = PUNNET__V1__ADVERTISER_LOWERED__INIT;
	const int64_t *until_ms = map_get(&a->lowered, slice_cstr(advertiser));

	if (until_ms && *until_ms > a->now_ms) {
		print_one(a, advertiser, "lowered", words, 0, *until_ms);
		return RESULT_OK;
	}
	if (!is_past(finding)) {
		print_one(a, advertiser, findings[finding], words, 0, 0);
		return RESULT_OK;
	}
	lowered.advertiser_id = (char *)advertiser;
	lowered.lower_bp = q->lower_percent * 100;
	lowered.since_ms = a->now_ms;
	lowered.until_ms = a->now_ms + q->pause_hours * MS_PER_HOUR;
	lowered.reason_code = (char *)findings[finding];
	lowered.words = words;
	print_one(a, advertiser, findings[finding], words, 0, lowered.until_ms);
	return a->dry ? RESULT_OK : say_lowered(a, &lowered);
}

static enum result judge(struct applying *a, const char *advertiser,
			 const Punnet__V1__QualityRule *q)
{
	struct standing_rule rule = {q->slow_minutes, q->own_cause_percent, q->least_leads};
	struct standing_rule softer = {q->lower_slow_minutes, q->lower_own_cause_percent,
				       q->least_leads};
	const int64_t *last = map_get(&a->last, slice_cstr(advertiser));
	struct report_period period = {a->now_ms - q->window_days * MS_PER_DAY, a->now_ms};
	struct asked asked = {.advertiser = advertiser, .standing = {.call_ms = -1}};
	enum standing_finding finding;
	char words[200];
	enum result r;

	if (last && *last > a->now_ms) {
		print_one(a, advertiser, "paused", "", *last, 0);
		return RESULT_OK;
	}
	period.from_ms = MAX_OF(MAX_OF(period.from_ms, last ? *last : 0), (int64_t)0);
	r = report_standings(a->ledger, &period, keep_one, &asked, &a->error);
	if (r != RESULT_OK)
		return r;
	finding = standing_judge(&asked.standing, &rule);
	snprintf(words, sizeof(words),
		 "%lld leads, first call after %lld min, %lld back for its own cause",
		 (long long)asked.standing.leads,
		 (long long)(asked.standing.call_ms < 0 ? -1 : asked.standing.call_ms / MS_PER_MIN),
		 (long long)asked.standing.own_cause);
	if (is_past(finding))
		return pause(a, advertiser, q, finding, words);
	return lower(a, advertiser, q, standing_judge(&asked.standing, &softer), words);
}

static enum result judge_all(struct applying *a)
{
	const Punnet__V1__DirectoryEntry *e;
	enum result r = read_last(a);

	for (size_t i = 0; r == RESULT_OK && directory_at(a->directory, i, &e); i++)
		if (e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER &&
		    e->advertiser->quality)
			r = judge(a, strchr(e->id, '/') + 1, e->advertiser->quality);
	if (r == RESULT_OK && a->said > 0)
		r = tool_flush(a->tool, &a->error);
	return r;
}

/* The operator knows better, or the rule was wrong. */
static enum result lift(struct applying *a, const char *advertiser)
{
	Punnet__V1__AdvertiserHeld held = PUNNET__V1__ADVERTISER_HELD__INIT;
	Punnet__V1__AdvertiserLowered lowered = PUNNET__V1__ADVERTISER_LOWERED__INIT;
	enum result r;

	if (!directory_get(a->directory, "advertiser", slice_cstr(advertiser)))
		return error_set(&a->error, RESULT_BAD, "%s: no such advertiser", advertiser);
	held.advertiser_id = (char *)advertiser;
	held.by_rule = true;
	lowered.advertiser_id = (char *)advertiser;
	r = say_held(a, &held);
	if (r == RESULT_OK)
		r = say_lowered(a, &lowered);
	return r == RESULT_OK ? tool_flush(a->tool, &a->error) : r;
}

static enum result open_all(struct applying *a)
{
	a->partitions = bus_partitions(a->tool->bus, MARKET, TOOL_TIMEOUT_MS);
	a->directory = directory_open(a->tool->bus, TOOL_TIMEOUT_MS, &a->error);
	if (a->directory && a->partitions > 0)
		return RESULT_OK;
	return error_set(&a->error, RESULT_AWAY, "directory and market can't be read");
}

int scorecard_apply(struct tool *t, const char *lifted, bool dry)
{
	struct applying a = {.tool = t, .now_ms = clock_now_ms(), .dry = dry};
	enum result r;

	if (!tool_bus(t, "scorecard"))
		return TOOL_AWAY;
	a.ledger = lifted ? NULL : ledger_open(t, "scorecard");
	if (!lifted && !a.ledger)
		return TOOL_AWAY;
	r = open_all(&a);
	if (r == RESULT_OK)
		r = lifted ? lift(&a, lifted) : judge_all(&a);
	directory_close(a.directory);
	store_close(a.ledger);
	map_free(&a.last);
	map_free(&a.lowered);
	arena_free(&a.arena);
	return r == RESULT_OK ? TOOL_DONE : tool_fail("scorecard", r, &a.error);
}
