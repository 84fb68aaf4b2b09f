/* replay: a webmaster's request to be told once more, from the line into a record of status.replays. See core/replay.h. */
#include "collector/core/replay.h"
#include "base/hash.h"
#include "base/timefmt.h"
#include "collector.h"
#include "proto/status_replays.pb-c.h"

#define REPLAYS_SAVED 3
#define REPLAY_EVERY_S                                                                             \
	10 /* one more request in so many seconds: each may make delivery read a month of events */

uint32_t replay_too_soon(struct collector *c, const char *entry_id)
{
	/* a bucket gives whole tokens a second, so its clock goes slower */
	return REPLAY_EVERY_S * bucket_take(door_bucket(&c->replay_buckets, entry_id), 1,
					    REPLAYS_SAVED, 1, collector_now_ms(c) / REPLAY_EVERY_S);
}

/* What the answer says of it: the span that it was taken for. */
static void keep_span(struct intake *i, uint32_t line, const struct replay *r)
{
	char from[TIME_TEXT_LEN + 1], until[TIME_TEXT_LEN + 1];

	time_text(r->from_ms, from);
	time_text(r->until_ms, until);
	i->lines[line].text_at = (uint32_t)i->text.len;
	json_write_member(&i->text, "from", slice_cstr(from));
	buf_append_char(&i->text, ',');
	json_write_member(&i->text, "to", slice_cstr(until));
	i->lines[line].text_len = (uint32_t)(i->text.len - i->lines[line].text_at);
}

enum taken replay_take(struct intake *i, struct slice text, uint32_t line)
{
	struct collector *c = i->c;
	struct slice key = slice_cstr(i->party);
	const char *why = NULL;
	struct replay r;

	if (!replay_read(&r, &c->arena, text, c->taken_at_ms, &c->faults, &why)) {
		take_refuse(i, line, PROBLEM_MALFORMED_BODY, why, NULL);
		return TAKEN_DONE;
	}
	if (c->faults.count > 0) {
		take_refuse(i, line, PROBLEM_INVALID_REPLAY, NULL, &c->faults);
		return TAKEN_DONE;
	}
	replay_build(&r, i->party, c->taken_at_ms, &c->arena, &c->record);
	keep_span(i, line, &r);
	return take_hand_over(i, "status.replays", hash_partition(key, c->replay_partitions), key,
			      punnet__v1__replay_request__descriptor.name, line);
}
