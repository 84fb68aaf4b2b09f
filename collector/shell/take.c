/* take: one line into one record.
 *
 * The hot path: read, check, build, hand over. Everything is made in buffers that the next line uses again. */
#include "collector.h"

#include <sodium.h>

#include "base/hash.h"
#include "base/timefmt.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "runtime/clock.h"
#include "runtime/log.h"

/* Random bytes cost a system call: they are drawn by the page, and never used twice. */
static void draw(struct entropy *e, void *ret, size_t len)
{
	if (e->left < len) {
		clock_random(e->bytes, sizeof(e->bytes));
		e->left = sizeof(e->bytes);
	}
	e->left -= len;
	memcpy(ret, e->bytes + e->left, len);
	sodium_memzero(e->bytes + e->left, len);
}

void take_refuse(struct intake *i, uint32_t line, enum problem p, const char *detail,
		 const struct faults *faults)
{
	struct line *l = &i->lines[line];

	answer_count(p);
	l->state = problem_status(p) == 503 ? LINE_UNSTORED : LINE_REFUSED;
	l->problem = p;
	l->text_at = (uint32_t)i->text.len;
	problem_write(p, i->batch ? line + 1 : 0, detail, faults, &i->text);
	l->text_len = (uint32_t)(i->text.len - l->text_at);
}

/* Hands the built record over; the line waits from here on. */
enum taken take_hand_over(struct intake *i, const char *topic, int32_t partition, struct slice key,
			  const char *type, uint32_t line)
{
	struct collector *c = i->c;

	i->lines[line].state = LINE_WAITING;
	i->waiting++;
	if (c->record.failed) {
		i->waiting--;
		take_refuse(i, line, PROBLEM_TOO_LARGE, NULL, NULL);
		return TAKEN_DONE;
	}
	switch (store_put(c->store, topic, partition, key, type, buf_slice(&c->record), i, line)) {
	case RESULT_OK:
		return TAKEN_DONE;
	case RESULT_AGAIN:
		i->waiting--;
		return TAKEN_LATER;
	default:
		i->waiting--;
		take_refuse(i, line, PROBLEM_NOT_ACKNOWLEDGED, NULL, NULL);
		return TAKEN_DONE;
	}
}

/* --- leads --- */

static bool read_draft(struct intake *i, struct slice text, const Punnet__V1__Webmaster *webmaster,
		       int64_t now_ms, const char **ret_why)
{
	struct collector *c = i->c;
	struct draft_context context = {.default_country = webmaster->default_country,
					.strict = webmaster->strict_fields,
					.now_ms = now_ms};

	if (!(i->form ? draft_read_form(&c->draft, &c->arena, text, &c->faults, ret_why)
		      : draft_read_json(&c->draft, &c->arena, text, &c->faults, ret_why)))
		return false;
	context.vertical = known_vertical(&c->known, draft_text(&c->draft, LEAD_FIELD_VERTICAL));
	draft_check(&c->draft, &context, &c->faults);
	return true;
}

/* Whether the day's key is there still, and the sealer is its: looked for once in a turn. */
static bool sealer_ready(struct collector *c, uint32_t day)
{
	uint8_t prefix[SEAL_PREFIX_LEN];
	const uint8_t *key;

	if (c->sealer_day == day && c->sealer_checked_ms == collector_now_ms(c) &&
	    !sealer_spent(&c->sealer))
		return true;
	key = keyring_day_key(c->keyring, day, true);
	if (!key) {
		sealer_end(&c->sealer);
		log_error("day_key_missing", LOG_INT("day", day));
		return false;
	}
	if (c->sealer_day != day || sealer_spent(&c->sealer)) {
		draw(&c->entropy, prefix, sizeof(prefix));
		sealer_start(&c->sealer, key, prefix);
	}
	c->sealer_day = day;
	c->sealer_checked_ms = collector_now_ms(c);
	return true;
}

static enum taken take_lead(struct intake *i, const Punnet__V1__Webmaster *webmaster,
			    struct slice text, uint32_t line)
{
	struct collector *c = i->c;
	struct raw_lead_origin origin = {.received_at_ms = c->taken_at_ms, .aff_id = i->party};
	struct fingerprint person;
	uint8_t random[10];
	const char *why = NULL;

	if (!read_draft(i, text, webmaster, origin.received_at_ms, &why)) {
		take_refuse(i, line, PROBLEM_MALFORMED_BODY, why, NULL);
		return TAKEN_DONE;
	}
	if (c->faults.count > 0) {
		take_refuse(i, line, PROBLEM_INVALID_LEAD, NULL, &c->faults);
		return TAKEN_DONE;
	}
	origin.key_day = time_day(origin.received_at_ms);
	if (!sealer_ready(c, origin.key_day)) {
		take_refuse(i, line, PROBLEM_NOT_ACKNOWLEDGED, NULL, NULL);
		return TAKEN_DONE;
	}
	sealer_next(&c->sealer, origin.nonce);
	origin.subkey = c->sealer.subkey;
	draw(&c->entropy, random, sizeof(random));
	origin.id = lead_id_make(origin.received_at_ms, random);
	origin.default_country = webmaster->default_country;
	origin.idempotency_key = i->key;
	origin.line = i->batch ? line + 1 : 0;
	origin.fingerprint_key = keyring_fingerprint_key(c->keyring);
	raw_lead_build(&c->draft, &origin, &c->scratch, &c->record, &person);
	i->lines[line].lead_id = origin.id;
	return take_hand_over(
	    i, "leads.raw",
	    hash_partition(slice_of(person.bytes, sizeof(person.bytes)), c->raw_partitions),
	    slice_of(person.bytes, sizeof(person.bytes)), punnet__v1__raw_lead__descriptor.name,
	    line);
}

/* --- verdicts --- */

static enum taken take_verdict(struct intake *i, struct slice text, uint32_t line)
{
	struct collector *c = i->c;
	int64_t now_ms = c->taken_at_ms;
	struct slice key;
	const char *why = NULL;
	enum taken taken;

	if (!verdict_read(&c->verdict, &c->arena, text, slice_cstr(i->party), now_ms, &c->faults,
			  &why)) {
		take_refuse(i, line, PROBLEM_MALFORMED_BODY, why, NULL);
		return TAKEN_DONE;
	}
	if (c->faults.count > 0) {
		take_refuse(i, line, PROBLEM_INVALID_VERDICT, NULL, &c->faults);
		return TAKEN_DONE;
	}
	verdict_build(&c->verdict, i->party, now_ms, &c->arena, &c->record);
	key = slice_of(c->verdict.lead_id.bytes, sizeof(c->verdict.lead_id.bytes));
	i->lines[line].lead_id = c->verdict.lead_id;
	i->lines[line].text_at = (uint32_t)i->text.len;
	i->lines[line].text_len = (uint32_t)c->verdict.verdict_id.len;
	buf_append_slice(&i->text, c->verdict.verdict_id);
	taken = take_hand_over(i, "leads.outcomes", hash_partition(key, c->outcome_partitions), key,
			       punnet__v1__outcome__descriptor.name, line);
	if (taken == TAKEN_LATER)
		i->text.len = i->lines[line].text_at;
	return taken;
}

enum taken take_line(struct intake *i, const Punnet__V1__DirectoryEntry *party, struct slice text,
		     uint32_t line)
{
	struct collector *c = i->c;

	arena_reset(&c->arena);
	buf_reset(&c->record);
	c->faults.count = 0;
	if (!party) {
		take_refuse(i, line, PROBLEM_UNAUTHORIZED, NULL,
			    NULL); /* taken out of the directory meanwhile */
		return TAKEN_DONE;
	}
	if (text.len > COLLECTOR_LINE_BYTES) {
		take_refuse(i, line, PROBLEM_TOO_LARGE, NULL, NULL);
		return TAKEN_DONE;
	}
	if (i->replay)
		return replay_take(i, text, line);
	return i->party_kind == PARTY_WEBMASTER ? take_lead(i, party->webmaster, text, line)
						: take_verdict(i, text, line);
}
