/* audit_round: see audit_round.h. */
#include "audit_round.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audit_read.h"
#include "payout/store/db.h"
#include "runtime/clock.h"
#include "runtime/fault.h"

#define DB_TIMEOUT_MS  10000
#define BUS_TIMEOUT_MS 10000
#define ASK_AGAIN_MS   200
/* Nothing was settled, and yet the ledger is read again after so long: whoever falsifies it settles nothing. */
#define LEDGER_EVERY_MS 20000
#define LEDGER_REST     10 /* and no sooner than so many times as long as that takes */

struct audit_round {
	struct bus *bus;
	struct audit_round_settings settings;
	struct scan *scan;
	struct db *ledger;
	struct audit *audit;
	struct letters letters;
	struct letters_position letters_at;
	int64_t mark;     /* of the ledger as it was last read */
	int64_t again_ms; /* when it is read again in any case; by the steady clock */
	bool read;
	int64_t noted_ms; /* when the commits were noted; by the steady clock; 0 = none are */
	bool judged;      /* some commits were due */
};

/* Of a span of time: only leads that came in then. Their consequences may come later, and the market is read whole, for it is
 * there that the orders stand. */
static enum result choose(struct audit_round *r, struct error *ret_error)
{
	const struct audit_round_settings *s = &r->settings;
	enum result e = RESULT_OK;

	for (int t = SCAN_RAW; t < SCAN_TOPICS && s->from_ms > 0 && e == RESULT_OK; t++)
		if (t != SCAN_MARKET)
			e = scan_from(r->scan, t, s->from_ms, ret_error);
	if (e == RESULT_OK && s->to_ms > 0)
		e = scan_until(r->scan, SCAN_RAW, s->to_ms, ret_error);
	return e;
}

struct audit_round *audit_round_open(struct bus *bus, const struct audit_round_settings *s,
				     struct error *ret_error)
{
	struct audit_round *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->bus = bus;
	r->settings = *s;
	if (r->settings.causes_wait_ms == 0)
		r->settings.causes_wait_ms = AUDIT_CAUSES_WAIT_MS;
	if (r->settings.sure_ms == 0)
		r->settings.sure_ms = AUDIT_SURE_MS;
	r->audit = audit_new();
	audit_set_key(r->audit, s->key);
	if (!fault_on("commits_undeferred"))
		audit_defer(r->audit);
	r->scan = scan_open(bus, ret_error);
	if (r->scan)
		scan_stop_when(r->scan, s->stop);
	if (r->scan)
		r->ledger = db_open(s->db, DB_TIMEOUT_MS, ret_error);
	if (r->ledger && choose(r, ret_error) == RESULT_OK)
		return r;
	audit_round_close(r);
	return NULL;
}

void audit_round_close(struct audit_round *r)
{
	if (!r)
		return;
	if (r->ledger)
		db_close(r->ledger);
	scan_close(r->scan);
	audit_free(r->audit);
	letters_free(&r->letters);
	free(r);
}

const struct audit *audit_round_tables(const struct audit_round *r)
{
	return r->audit;
}

/* --- what is committed --- */

static const struct {
	enum audit_topic topic;
	enum scan_topic scan;
} reads[AUDIT_STAGES] = {
    [AUDIT_JUDGING] = {AUDIT_RAW, SCAN_RAW},
    [AUDIT_ADMITTING] = {AUDIT_JUDGED, SCAN_JUDGED},
    [AUDIT_DECIDING] = {AUDIT_MARKET, SCAN_MARKET},
    [AUDIT_DELIVERING] = {AUDIT_ROUTED, SCAN_ROUTED},
    [AUDIT_SETTLING] = {AUDIT_OUTCOMES, SCAN_OUTCOMES},
};

enum audit_topic audit_stage_reads(enum audit_stage stage)
{
	return reads[stage].topic;
}

enum result audit_group_committed(struct bus *bus, const struct audit_round_settings *s,
				  enum audit_stage stage, int32_t count, int64_t *ret_next,
				  struct error *ret_error)
{
	const char *const groups[AUDIT_SETTLING] = {
	    [AUDIT_JUDGING] = s->worker_group,
	    [AUDIT_ADMITTING] = "router-admit",
	    [AUDIT_DECIDING] = "router-decide",
	    [AUDIT_DELIVERING] = "delivery",
	};

	assert(stage < AUDIT_SETTLING);
	return bus_committed(bus, groups[stage], audit_topic_name(reads[stage].topic), count,
			     BUS_TIMEOUT_MS, ret_next, ret_error);
}

static enum result read_commits(struct audit_round *w, struct error *ret_error)
{
	for (enum audit_stage i = 0; i < AUDIT_SETTLING; i++) {
		int32_t count = scan_partitions(w->scan, reads[i].scan);
		int64_t next[AUDIT_PARTITIONS_MAX];
		enum result r =
		    audit_group_committed(w->bus, &w->settings, i, count, next, ret_error);

		if (r != RESULT_OK)
			return r;
		for (int32_t p = 0; p < count; p++)
			audit_committed(w->audit, reads[i].topic, (uint32_t)p, next[p]);
	}
	return RESULT_OK;
}

/* --- are these the ends? --- */

static enum result pause_for(const struct audit_round *w, int64_t ms, struct error *ret_error)
{
	const struct timespec step = {.tv_nsec = ASK_AGAIN_MS * 1000000};
	int64_t until_ms = clock_monotonic_ms() + ms;

	while (clock_monotonic_ms() < until_ms) {
		if (w->settings.stop && atomic_load(w->settings.stop))
			return error_set(ret_error, RESULT_AGAIN, "the reading was interrupted");
		(void)nanosleep(&step, NULL);
	}
	return RESULT_OK;
}

/* Somebody has read, or settled, what lies beyond the ends. */
static bool commits_lie_beyond(const struct audit_round *w)
{
	for (enum audit_stage i = 0; i < AUDIT_STAGES; i++)
		for (int32_t p = 0; p < scan_partitions(w->scan, reads[i].scan); p++)
			if (!scan_has_read(
				w->scan, reads[i].scan, p,
				audit_committed_to(w->audit, reads[i].topic, (uint32_t)p)))
				return true;
	return false;
}

static enum result read_topics_once(struct audit_round *w, struct error *ret_error)
{
	enum result r = scan_measure(w->scan, ret_error);

	if (r == RESULT_OK && (scan_leaves_out(w->scan) || w->settings.to_ms > 0))
		audit_of_a_span(w->audit);
	return r == RESULT_OK ? scan_read(w->scan, audit_take, w->audit, ret_error) : r;
}

static enum result read_topics(struct audit_round *w, struct error *ret_error)
{
	int64_t until_ms = clock_monotonic_ms() + w->settings.causes_wait_ms;
	bool wait = true;
	enum result r;

	do {
		scan_wait_for_causes(w->scan, wait);
		r = read_topics_once(w, ret_error);
		if (r != RESULT_OK || !wait || fault_on("causes_unwaited") ||
		    (!scan_waits(w->scan) && !commits_lie_beyond(w)))
			return r;
		wait = clock_monotonic_ms() < until_ms;
		r = wait ? pause_for(w, ASK_AGAIN_MS, ret_error) : RESULT_OK;
	} while (r == RESULT_OK);
	return r;
}

static void note_commits(struct audit_round *w)
{
	int64_t now_ms = clock_monotonic_ms();

	if (w->noted_ms && now_ms >= w->noted_ms + w->settings.sure_ms) {
		audit_commits_are_due(w->audit);
		w->judged = true;
		w->noted_ms = 0;
	}
	if (w->noted_ms)
		return;
	audit_note_commits(w->audit);
	w->noted_ms = now_ms;
}

/* --- a round --- */

static enum result read_ledger(struct audit_round *w, int64_t mark, struct error *ret_error)
{
	int64_t began_ms = clock_monotonic_ms(), took_ms;
	enum result r;

	if (w->read && mark == w->mark && clock_monotonic_ms() < w->again_ms)
		return RESULT_OK;
	r = audit_ledger_read(w->ledger, w->audit, ret_error);
	w->mark = mark;
	took_ms = clock_monotonic_ms() - began_ms;
	w->again_ms = began_ms + MAX_OF(LEDGER_EVERY_MS, took_ms * LEDGER_REST);
	w->read = r == RESULT_OK;
	return r;
}

static void name_letter(const struct letter *l, char ret[LETTER_SHOWN_MAX])
{
	ret[0] = '\0';
	if (l)
		snprintf(ret, LETTER_SHOWN_MAX, "%s/%u@%lld, %s: %s", l->source.topic,
			 (unsigned)l->source.partition, (long long)l->source.offset, l->reason_code,
			 l->reason);
}

static bool is_pending(const struct audit_round *w, const struct audit_findings *f)
{
	uint64_t pending = audit_is_folding(w->audit);

	for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
		pending += f->lines[i].pending;
	return pending > 0;
}

/* The first round has no commits of an earlier one. If anything is missing, it waits until its own are due. */
static enum result judge_first(struct audit_round *w, struct audit_findings *ret,
			       struct error *ret_error)
{
	int64_t left_ms = w->noted_ms + w->settings.sure_ms - clock_monotonic_ms();
	enum result r = pause_for(w, MAX_OF(left_ms, (int64_t)0), ret_error);

	if (r == RESULT_OK)
		r = read_topics(w, ret_error);
	if (r != RESULT_OK)
		return r;
	audit_commits_are_due(w->audit);
	w->judged = true;
	audit_report(w->audit, ret->lines);
	return RESULT_OK;
}

static enum result read_all(struct audit_round *w, struct audit_findings *ret,
			    struct error *ret_error)
{
	enum result r = read_commits(w, ret_error);
	int64_t mark = 0;

	if (r == RESULT_OK)
		r = audit_ledger_open(w->ledger, w->audit, &mark, ret_error);
	if (r == RESULT_OK) {
		note_commits(w);
		r = read_topics(w, ret_error);
	}
	if (r == RESULT_OK)
		r = read_ledger(w, mark, ret_error);
	audit_ledger_close(w->ledger);
	if (r == RESULT_OK)
		r = letters_read(w->bus, &w->letters, &w->letters_at, ret_error);
	if (r != RESULT_OK)
		return r;
	if (audit_is_full(w->audit))
		return error_set(ret_error, RESULT_BAD,
				 "more than %d leads: audit a span of time, --from and --to",
				 AUDIT_LEADS_MAX);
	audit_report(w->audit, ret->lines);
	if (!w->judged && is_pending(w, ret))
		r = judge_first(w, ret, ret_error);
	audit_stages(w->audit, clock_now_ms(), ret->stages);
	ret->letters_open = w->letters.open;
	ret->letters_oldest_ms = letters_oldest_ms(&w->letters);
	name_letter(letters_oldest(&w->letters), ret->letter);
	ret->leads = audit_leads_kept(w->audit);
	return r;
}

enum result audit_round_read(struct audit_round *w, struct audit_findings *ret,
			     struct error *ret_error)
{
	enum result r = read_all(w, ret, ret_error);

	/* What was seen while a broker did not answer tells nothing of the ends after it. */
	if (r != RESULT_OK)
		w->noted_ms = 0;
	return r;
}
