/* batch: read, load, settle, write, commit. */
#include "payout/shell/batch.h"

#include "lead/codec.h"
#include "proto/dead_letters.pb-c.h"
#include "runtime/fault.h"
#include "runtime/log.h"

#define DEAD_TOPIC        "dead.letters"
#define DEAD_ORIGINAL_MAX (900 * 1000) /* the dead letter must fit into a record itself */

struct read_record {
	bool readable;
	struct outcome outcome;
	const struct bus_record *record;
	const char *why;
};

struct work {
	const struct batch_settings *settings;
	struct settlement t;
	struct read_record *items;
	size_t count;
};

static ProtobufCBinaryData binary(struct slice s)
{
	return (ProtobufCBinaryData){.len = s.len, .data = (uint8_t *)s.data};
}

static void dead_letter(struct work *w, const struct read_record *item, const char *reason_code,
			const char *why)
{
	const struct bus_record *r = item->record;
	struct provenance from = {w->settings->topic, (uint32_t)r->partition, (uint64_t)r->offset,
				  0};
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	Punnet__V1__DeadLetter letter = PUNNET__V1__DEAD_LETTER__INIT;
	struct arena *a = w->t.arena;
	struct buf out = {0};

	provenance_fill(&from, &source);
	letter.source = &source;
	if (item->readable)
		letter.lead_id = codec_lead_id(&item->outcome.lead_id);
	letter.original =
	    binary(slice_of(r->value.data, MIN_OF(r->value.len, (size_t)DEAD_ORIGINAL_MAX)));
	letter.original_key =
	    binary(slice_of(r->key.data, MIN_OF(r->key.len, (size_t)OUTCOME_TEXT_MAX)));
	letter.original_type = slice_utf8_valid(r->type) ? arena_cstr(a, r->type) : (char *)"";
	letter.service = (char *)"payout";
	letter.reason_code = (char *)reason_code;
	letter.reason = (char *)why;
	letter.attempts = 1;
	letter.at_ms = w->settings->now_ms;
	codec_pack(&letter.base, &out);
	assert(!out.failed);
	settlement_publish(&w->t, DEAD_TOPIC, 0, codec_type(letter.base.descriptor), slice_cstr(""),
			   arena_dup(a, buf_slice(&out)));
	buf_free(&out);
}

static void put_unreadable_aside(struct work *w, const struct read_record *item)
{
	dead_letter(w, item, "unreadable_outcome", item->why);
	log_warn("outcome_unreadable", LOG_STR("why", item->why),
		 LOG_INT("partition", item->record->partition),
		 LOG_INT("offset", item->record->offset));
}

/* One bad record must not stop everybody's money: the transfer stays what it was, and somebody is to look. */
static void put_contradiction_aside(struct work *w, const struct read_record *item, const char *why)
{
	dead_letter(w, item, "transfer_contradicted", why);
	log_error("transfer_contradicted", LOG_LEAD(&item->outcome.lead_id), LOG_STR("why", why),
		  LOG_INT("partition", item->record->partition),
		  LOG_INT("offset", item->record->offset));
}

/* Shares are asked for before anything is settled, so that the store can have them ready. */
static void fix_contract(struct work *w, struct outcome *o)
{
	o->contract = w->settings->contract(w->settings->ctx, o->assignment.advertiser_id);
	if (o->contract.returns_max_bp > 0)
		settlement_share(&w->t, o->assignment.advertiser_id, o->at_ms);
}

static void read_new(struct work *w, const struct bus_record *records, size_t count, int64_t from,
		     struct batch_report *report)
{
	struct arena *a = w->t.arena;

	w->items = arena_calloc(a, count, sizeof(*w->items));
	for (size_t i = 0; i < count; i++) {
		const struct bus_record *r = &records[i];
		struct read_record *item = &w->items[w->count];
		struct outcome *o = &item->outcome;
		int64_t logged_at_ms =
		    fault_on("due_by_own_clock") ? w->settings->now_ms : r->timestamp_ms;

		if (r->offset < from) {
			report->passed_over++;
			continue;
		}
		w->count++;
		item->record = r;
		item->readable = outcome_read(a, r->value, (uint32_t)r->partition,
					      (uint64_t)r->offset, logged_at_ms, o, &item->why);
		if (!item->readable)
			continue;
		if (o->event == EVENT_DELIVERED)
			fix_contract(w, o);
		settlement_dossier(&w->t, &o->lead_id)->judged |=
		    event_is_verdict(o->event) || o->event == EVENT_DUE;
	}
}

static enum result settle_all(struct work *w, struct batch_report *report, struct error *ret_error)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct read_record *item = &w->items[i];
		struct error why = {0};
		enum result r;

		if (!item->readable) {
			put_unreadable_aside(w, item);
			report->dead++;
			continue;
		}
		r = settle(&w->t, &item->outcome, &why);
		if (r == RESULT_BAD) {
			put_contradiction_aside(w, item, why.text);
			report->dead++;
			report->contradicted++;
			continue;
		}
		if (r != RESULT_OK)
			return error_set(ret_error, r, "%s", why.text);
		report->events[item->outcome.event]++;
		report->settled++;
	}
	return RESULT_OK;
}

static void count_ignored(const struct settlement *t, struct batch_report *report)
{
	for (size_t i = 0; i < t->ignored_count; i++) {
		const struct ignored_outcome *g = &t->ignored[i];

		report->ignored[g->why]++;
		if (g->why == IGNORED_ALREADY_DELIVERED)
			log_error(
			    "delivered_twice", LOG_LEAD(&g->lead_id), LOG_INT("round", g->round),
			    LOG_STR("advertiser", g->advertiser_id), LOG_INT("offset", g->offset));
	}
	report->transfers = t->transfer_count;
}

/* Between store_begin() and the end of the transaction. */
static enum result in_transaction(struct store *store, struct work *w,
				  const struct store_cursor *cursor, uint32_t partition,
				  const struct bus_record *records, size_t count,
				  struct batch_report *report, struct error *ret_error)
{
	int64_t from = fault_on("watermark_off") ? 0 : cursor->next;
	struct store_cursor next = {0};
	enum result r;

	fault_point("payout_begun");
	read_new(w, records, count, from, report);
	if (cursor->next > 0 && records[0].offset > cursor->next)
		report->gap = (size_t)(records[0].offset - cursor->next);
	r = store_load(store, &w->t, ret_error);
	fault_point("payout_loaded");
	if (r == RESULT_OK)
		r = settle_all(w, report, ret_error);
	fault_point("payout_decided");
	if (fault_on("verdicts_unsummed"))
		map_free(&w->t.tallies);
	if (r == RESULT_OK)
		r = store_write(store, &w->t, ret_error);
	if (r != RESULT_OK)
		return r;
	fault_point("payout_settled");
	next.next = MAX_OF(records[count - 1].offset + 1, cursor->next);
	next.next_seq = w->t.next_seq;
	r = store_commit(store, w->settings->topic, partition, &next, ret_error);
	if (r != RESULT_OK)
		return r;
	fault_point("payout_committed");
	report->next = next.next;
	return RESULT_OK;
}

/* The negative control: the offset in a transaction of its own, before what it stands for. */
static enum result offset_first(struct store *store, const struct batch_settings *settings,
				uint32_t partition, int64_t next, const struct store_cursor *cursor,
				struct error *ret_error)
{
	struct store_cursor ahead = {.next = MAX_OF(next, cursor->next),
				     .next_seq = cursor->next_seq};
	struct store_cursor ignored;
	enum result r = store_commit(store, settings->topic, partition, &ahead, ret_error);

	if (r != RESULT_OK)
		store_rollback(store);
	return r == RESULT_OK ? store_begin(store, settings->topic, partition, &ignored, ret_error)
			      : r;
}

static enum result settle_batch(struct store *store, struct arena *arena,
				const struct batch_settings *settings, uint32_t partition,
				const struct bus_record *records, size_t count,
				struct batch_report *ret, struct error *ret_error)
{
	struct work w = {.settings = settings};
	struct batch_report report = {0};
	struct store_cursor cursor;
	enum result r;

	assert(count > 0 && count <= STORE_BATCH_MAX);
	r = store_begin(store, settings->topic, partition, &cursor, ret_error);
	if (r != RESULT_OK)
		return r;
	if (fault_on("offset_apart")) {
		r = offset_first(store, settings, partition, records[count - 1].offset + 1, &cursor,
				 ret_error);
		if (r != RESULT_OK)
			return r;
	}
	arena_reset(arena);
	settlement_begin(&w.t, arena, partition, cursor.next_seq);
	w.t.wants = settings->wants;
	w.t.wants_ctx = settings->ctx;
	r = in_transaction(store, &w, &cursor, partition, records, count, &report, ret_error);
	if (r == RESULT_OK) {
		count_ignored(&w.t, &report);
		*ret = report;
	} else {
		store_rollback(store);
	}
	settlement_end(&w.t);
	return r;
}

enum result batch_settle(struct store *store, struct arena *arena,
			 const struct batch_settings *settings, uint32_t partition,
			 const struct bus_record *records, size_t count, struct batch_report *ret,
			 struct error *ret_error)
{
	enum result r =
	    settle_batch(store, arena, settings, partition, records, count, ret, ret_error);

	if (r != RESULT_AWAY || !fault_on("away_is_done"))
		return r;
	/* The negative control: what could not be written is taken for written. */
	*ret = (struct batch_report){.next = records[count - 1].offset + 1};
	return RESULT_OK;
}
