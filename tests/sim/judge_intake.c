/* judge_intake: what was acknowledged is in the log; every raw record has exactly one verdict that counts, and it is the right one.
 *
 * The verdict is worked out anew. People are told apart by their phone, and all of one person's leads stand in one partition, so the
 * order of that partition is the order in which they are to be judged, whoever judged them and how often. */
#include <string.h>

#include "logs.h"
#include "poison.h"

#define RAW_LEAD_ID_FIELD 1

struct accepted *accepted;
size_t accepted_count;

struct holder {
	struct slice value; /* a fingerprint */
	int vertical;
};

static struct holder *held;
static size_t held_count;

static int vertical_of(const char *name)
{
	for (int i = 0; i < WORLD_VERTICALS; i++)
		if (strcmp(setup_verticals[i], name) == 0)
			return i;
	return -1;
}

/* --- acknowledged --- */

static bool is_raw(const struct lead_id *id)
{
	for (int32_t p = 0; p < log_partitions("leads.raw"); p++) {
		const struct partition_log *log = log_of("leads.raw", p);

		for (size_t i = 0; i < log->count; i++) {
			struct slice found;

			if (codec_find(log->records[i].value, RAW_LEAD_ID_FIELD, &found) &&
			    slice_equal(found, slice_of(id->bytes, sizeof(id->bytes))))
				return true;
		}
	}
	return false;
}

static bool acknowledged_are_there(void)
{
	for (size_t i = 0; i < acknowledged.count; i++) {
		char text[LEAD_ID_TEXT_LEN + 1];

		lead_id_text(&acknowledged.ids[i], text);
		if (!is_raw(&acknowledged.ids[i]))
			return fault("lead %s was acknowledged and is not in leads.raw", text);
	}
	return true;
}

/* --- verdicts --- */

static bool is_held(ProtobufCBinaryData value, int vertical)
{
	for (size_t i = 0; i < held_count; i++)
		if (held[i].vertical == vertical && slice_equal(held[i].value, codec_bytes(value)))
			return true;
	return false;
}

static void hold(ProtobufCBinaryData value, int vertical)
{
	if (value.len > 0)
		held[held_count++] =
		    (struct holder){.value = codec_bytes(value), .vertical = vertical};
}

/* Somebody who fills in what people can't see is no person; whoever was let through before is not let through again; and of a hand that
 * is too fast an operator has to think. */
static Punnet__V1__Verdict expect_verdict(const Punnet__V1__RawLead *raw)
{
	const Punnet__V1__Fingerprints *f = raw->fingerprints;
	const Punnet__V1__Submission *s = raw->submission;
	int vertical = vertical_of(raw->lead->vertical);

	if (s && s->honeypot_case == PUNNET__V1__SUBMISSION__HONEYPOT_HONEYPOT_FILLED &&
	    s->honeypot_filled)
		return PUNNET__V1__VERDICT__REJECTED;
	if ((f->phone.len > 0 && is_held(f->phone, vertical)) ||
	    (f->email.len > 0 && is_held(f->email, vertical)))
		return PUNNET__V1__VERDICT__REJECTED;
	hold(f->phone, vertical);
	hold(f->email, vertical);
	return s && s->filled_case == PUNNET__V1__SUBMISSION__FILLED_FILLED_MS &&
		       s->filled_ms == FILLED_FAST_MS
		   ? PUNNET__V1__VERDICT__QUARANTINED
		   : PUNNET__V1__VERDICT__ACCEPTED;
}

static bool judge_one(const struct bus_record *raw_record, const struct bus_record *judged_record)
{
	static const char *const words[] = {"", "accepted", "rejected", "quarantined"};
	const Punnet__V1__RawLead *raw = log_unpack(raw_record, &punnet__v1__raw_lead__descriptor);
	const Punnet__V1__JudgedLead *judged =
	    log_unpack(judged_record, &punnet__v1__judged_lead__descriptor);
	Punnet__V1__Verdict expected = expect_verdict(raw), found = judged->verdict;

	if (!slice_equal(codec_bytes(raw->lead_id), codec_bytes(judged->lead_id)))
		return fault("leads.judged/%d at %lld is about another lead than its source",
			     judged_record->partition, (long long)judged_record->offset);
	if (expected != found)
		return fault("the raw record %d/%lld was %s, and had to be %s (verdict at %lld)",
			     raw_record->partition, (long long)raw_record->offset,
			     (size_t)found < ARRAY_LEN(words) ? words[found] : "judged otherwise",
			     words[expected], (long long)judged_record->offset);
	if (found != PUNNET__V1__VERDICT__ACCEPTED && judged->n_reasons == 0)
		return fault("leads.judged/%d at %lld rejects without a reason",
			     judged_record->partition, (long long)judged_record->offset);
	if (found == PUNNET__V1__VERDICT__REJECTED) {
		occurs(OCCURS_REJECTED);
		return true;
	}
	if (found == PUNNET__V1__VERDICT__QUARANTINED)
		occurs(OCCURS_QUARANTINED);
	accepted[accepted_count++] = (struct accepted){
	    .partition = judged_record->partition,
	    .offset = judged_record->offset,
	    .vertical = vertical_of(raw->lead->vertical),
	};
	return lead_id_from_bytes(judged->lead_id.data, judged->lead_id.len,
				  &accepted[accepted_count - 1].id) ||
	       fault("a lead that was let through has no id");
}

/* The next record that has to have a verdict. */
static int64_t next_lead(const struct partition_log *raw, int64_t next)
{
	while (next < (int64_t)raw->count && poison_is(&raw->records[next]))
		next++;
	return next;
}

/* The first verdict counts, and there are no gaps between those that do but for what can't be read. */
static bool judge_partition(int32_t p)
{
	const struct partition_log *raw = log_of("leads.raw", p),
				   *judged = log_of("leads.judged", p);
	int64_t next = next_lead(raw, 0);

	for (size_t i = 0; i < judged->count; i++) {
		const Punnet__V1__JudgedLead *m =
		    log_unpack(&judged->records[i], &punnet__v1__judged_lead__descriptor);

		if (!m->source || strcmp(m->source->topic, "leads.raw") != 0 ||
		    m->source->partition != (uint32_t)p || m->source->offset >= raw->count)
			return fault("leads.judged/%d at %zu has no source", p, i);
		if ((int64_t)m->source->offset < next)
			continue;
		if ((int64_t)m->source->offset > next)
			return fault("leads.judged/%d at %zu: the verdict about %lld is missing", p,
				     i, (long long)next);
		if (!judge_one(&raw->records[next], &judged->records[i]))
			return false;
		next = next_lead(raw, next + 1);
	}
	if (next != (int64_t)raw->count)
		return fault("leads.raw/%d has %zu records, %lld are judged", p, raw->count,
			     (long long)next);
	return true;
}

bool judge_intake(void)
{
	size_t most = 0;

	if (!acknowledged_are_there())
		return false;
	for (int32_t p = 0; p < log_partitions("leads.raw"); p++)
		most += log_of("leads.raw", p)->count;
	accepted = arena_calloc(&judge_arena, most + 1, sizeof(*accepted));
	held = arena_calloc(&judge_arena, 2 * most + 1, sizeof(*held));
	for (int32_t p = 0; p < log_partitions("leads.raw"); p++) {
		held_count = 0;
		if (!judge_partition(p))
			return false;
	}
	return true;
}
