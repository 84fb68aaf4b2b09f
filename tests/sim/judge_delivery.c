/* judge_delivery: every assignment that counts has an outcome; what outcomes and attempts say is what the advertisers know; and nobody's
 * lead is with two of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "logs.h"
#include "proto/leads_attempts.pb-c.h"

/* What the advertiser of this assignment decided; NULL: it never heard of it. */
static const struct taken *taken_by(const Punnet__V1__Assignment *a, const struct lead_id *id)
{
	char text[LEAD_ID_TEXT_LEN + 1], key[WORLD_KEY_MAX];

	lead_id_text(id, text);
	(void)snprintf(key, sizeof(key), "%s.%u", text, a->round);
	for (size_t i = 0; i < taken_count; i++)
		if (strcmp(taken[i].key, key) == 0 &&
		    strcmp(advertiser_ids[taken[i].advertiser], a->advertiser_id) == 0)
			return &taken[i];
	return NULL;
}

/* --- attempts --- */

static bool is_take_over(const struct bus_record *r)
{
	return slice_is(r->type, "punnet.v1.TakeOver");
}

static bool is_taking(const struct bus_record *r)
{
	return slice_is(r->type, "punnet.v1.Taking");
}

static bool judge_attempt(const struct bus_record *r)
{
	const Punnet__V1__DeliveryAttempt *m =
	    log_unpack(r, &punnet__v1__delivery_attempt__descriptor);
	const struct assigned *a = NULL;
	const struct taken *t;
	struct lead_id id;

	if (lead_id_from_bytes(m->lead_id.data, m->lead_id.len, &id) && m->assignment)
		a = assigned_find(&id, m->assignment->round);
	if (!a)
		return fault("leads.attempts/%d at %lld is about no assignment", r->partition,
			     (long long)r->offset);
	if (!m->source || (int64_t)m->source->offset != a->offset ||
	    (int32_t)m->source->partition != a->partition)
		return fault("leads.attempts/%d at %lld is about a repeat of its assignment",
			     r->partition, (long long)r->offset);
	t = taken_by(m->assignment, &id);
	if (m->result == PUNNET__V1__ATTEMPT_RESULT__OK && (!t || !t->accepted))
		return fault("leads.attempts/%d at %lld: the advertiser has not accepted it",
			     r->partition, (long long)r->offset);
	if (m->result == PUNNET__V1__ATTEMPT_RESULT__PERMFAIL && t && t->accepted)
		return fault("leads.attempts/%d at %lld: the advertiser has not refused it",
			     r->partition, (long long)r->offset);
	return true;
}

/* Whoever made an attempt had noted before that it may send the record. */
static bool judge_noted(const struct partition_log *log)
{
	uint64_t take_over = 0, noted = 0;

	for (size_t i = 0; i < log->count; i++) {
		const struct bus_record *r = &log->records[i];

		if (is_take_over(r)) {
			take_over = i + 1;
		} else if (is_taking(r)) {
			const Punnet__V1__Taking *m =
			    log_unpack(r, &punnet__v1__taking__descriptor);

			if (m->take_over == take_over)
				noted = MAX_OF(noted, m->until);
		} else {
			const Punnet__V1__DeliveryAttempt *m =
			    log_unpack(r, &punnet__v1__delivery_attempt__descriptor);

			if (m->take_over == take_over && m->source->offset >= noted)
				return fault("leads.attempts/%d at %lld was not noted before",
					     r->partition, (long long)r->offset);
		}
	}
	return true;
}

static bool judge_attempts(void)
{
	for (int32_t p = 0; p < log_partitions("leads.attempts"); p++) {
		const struct partition_log *log = log_of("leads.attempts", p);

		for (size_t i = 0; i < log->count; i++)
			if (!is_take_over(&log->records[i]) && !is_taking(&log->records[i]) &&
			    !judge_attempt(&log->records[i]))
				return false;
		if (!judge_noted(log))
			return false;
	}
	return true;
}

/* --- outcomes --- */

static bool is_about(const Punnet__V1__Outcome *m, const struct assigned *a)
{
	return m->assignment && m->assignment->round == a->routed->assignment->round &&
	       slice_equal(codec_bytes(m->lead_id), slice_of(a->id.bytes, sizeof(a->id.bytes)));
}

/* Whoever wrote the attempt owned the partition when it was stored. */
static bool counts(const struct partition_log *attempts, size_t offset,
		   const Punnet__V1__DeliveryAttempt *attempt)
{
	uint64_t take_over = 0;

	for (size_t i = 0; i < offset; i++)
		if (is_take_over(&attempts->records[i]))
			take_over = i + 1;
	return attempt->take_over == take_over;
}

/* The outcome says which attempt it was made of. */
static bool judge_source(const struct bus_record *r, const Punnet__V1__Outcome *m)
{
	const Punnet__V1__Provenance *s = m->source;
	const struct partition_log *attempts;
	const Punnet__V1__DeliveryAttempt *attempt;

	if (!s || strcmp(s->topic, "leads.attempts") != 0 ||
	    (int32_t)s->partition >= log_partitions("leads.attempts"))
		return fault("leads.outcomes/%d at %lld has no attempt behind it", r->partition,
			     (long long)r->offset);
	attempts = log_of("leads.attempts", (int32_t)s->partition);
	if (s->offset >= attempts->count)
		return fault("leads.outcomes/%d at %lld names an attempt that is not there",
			     r->partition, (long long)r->offset);
	attempt =
	    log_unpack(&attempts->records[s->offset], &punnet__v1__delivery_attempt__descriptor);
	if (!attempt->final ||
	    !slice_equal(codec_bytes(attempt->lead_id), codec_bytes(m->lead_id)) ||
	    attempt->assignment->round != m->assignment->round)
		return fault("leads.outcomes/%d at %lld was not made of a last attempt",
			     r->partition, (long long)r->offset);
	if (!counts(attempts, s->offset, attempt))
		return fault("leads.outcomes/%d at %lld was made of an attempt that does not count",
			     r->partition, (long long)r->offset);
	return true;
}

static bool judge_terms(const struct bus_record *r, const Punnet__V1__Assignment *promised,
			const Punnet__V1__Assignment *found)
{
	_cleanup_(buf_free) struct buf a = {0}, b = {0};

	codec_pack(&promised->base, &a);
	codec_pack(&found->base, &b);
	return slice_equal(buf_slice(&a), buf_slice(&b)) ||
	       fault("leads.outcomes/%d at %lld carries other terms than the router's",
		     r->partition, (long long)r->offset);
}

static bool judge_outcome(const struct bus_record *r, const Punnet__V1__Outcome *m,
			  const struct assigned *a)
{
	const struct taken *t = taken_by(a->routed->assignment, &a->id);
	bool accepted_it = t && t->accepted;

	if (!judge_source(r, m) || !judge_terms(r, a->routed->assignment, m->assignment))
		return false;
	if (m->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED && !accepted_it)
		return fault("leads.outcomes/%d at %lld says delivered, and the advertiser has not "
			     "accepted it",
			     r->partition, (long long)r->offset);
	if ((m->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_REFUSED ||
	     m->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE) &&
	    accepted_it)
		return fault("leads.outcomes/%d at %lld frees a lead that is with the advertiser",
			     r->partition, (long long)r->offset);
	return true;
}

static bool judge_assignment(const struct assigned *a)
{
	int32_t p = hash_partition(slice_of(a->id.bytes, sizeof(a->id.bytes)),
				   log_partitions("leads.outcomes"));
	const struct partition_log *log = log_of("leads.outcomes", p);
	bool found = false;

	for (size_t i = 0; i < log->count; i++) {
		const Punnet__V1__Outcome *m =
		    log_unpack(&log->records[i], &punnet__v1__outcome__descriptor);

		if (!is_about(m, a))
			continue;
		found = true;
		if (!judge_outcome(&log->records[i], m, a))
			return false;
	}
	return found || fault("the assignment of leads.routed/%d at %lld has no outcome",
			      a->partition, (long long)a->offset);
}

/* --- what advertisers hold --- */

/* Of an order that shares. */
static bool is_shared(const struct taken *t)
{
	const struct assigned *a;
	struct lead_id id;

	if (!lead_id_parse(slice_of(t->key, LEAD_ID_TEXT_LEN), &id))
		return false;
	a = assigned_find(&id, (uint32_t)strtoul(t->key + LEAD_ID_TEXT_LEN + 1, NULL, 10));
	return a && !a->routed->assignment->exclusive;
}

static bool judge_held(void)
{
	for (size_t i = 0; i < taken_count; i++) {
		if (!taken[i].accepted)
			continue;
		for (size_t k = i + 1; k < taken_count; k++) {
			if (!taken[k].accepted ||
			    strncmp(taken[i].key, taken[k].key, LEAD_ID_TEXT_LEN) != 0)
				continue;
			if (!is_shared(&taken[i]) || !is_shared(&taken[k]))
				return fault("%s and %s hold the lead %.36s",
					     advertiser_ids[taken[i].advertiser],
					     advertiser_ids[taken[k].advertiser], taken[i].key);
			occurs(OCCURS_HELD_BY_TWO);
		}
	}
	return true;
}

/* A verdict that was acknowledged to an advertiser is in the log. */
static bool judge_verdicts(void)
{
	for (size_t i = 0; i < acknowledged.verdict_count; i++) {
		struct slice id = slice_of(acknowledged.verdicts[i].lead.bytes, 16);
		const struct partition_log *log =
		    log_of("leads.outcomes", hash_partition(id, log_partitions("leads.outcomes")));
		bool found = false;

		for (size_t k = 0; k < log->count && !found; k++) {
			const Punnet__V1__Outcome *m =
			    log_unpack(&log->records[k], &punnet__v1__outcome__descriptor);

			found = strcmp(m->verdict_id, acknowledged.verdicts[i].id) == 0 &&
				slice_equal(codec_bytes(m->lead_id), id);
		}
		if (!found)
			return fault("the verdict %s was acknowledged and is not in leads.outcomes",
				     acknowledged.verdicts[i].id);
	}
	return true;
}

bool judge_delivery(void)
{
	if (!judge_held() || !judge_attempts())
		return false;
	for (size_t i = 0; i < assigned_count; i++)
		if (!judge_assignment(&assigned[i]))
			return false;
	return judge_verdicts();
}
