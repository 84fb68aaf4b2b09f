/* alerts_network: what the network's operators hear of the network itself: records that were put aside, and what the auditor found.
 *
 * Dead letters may come by the thousand, so they are counted for a while (delivery.letter_alert_after) and told together: one event
 * for each topic and reason. Nothing is committed before it is told, so a successor counts again from there; an event is numbered by
 * the last letter that it counts, so that what a crash writes twice is told once. */
#include <stdio.h>
#include <string.h>

#include "alerts_internal.h"
#include "proto/audit_findings.pb-c.h"
#include "proto/dead_letters.pb-c.h"
#include "runtime/log.h"

#define LETTERS  "dead.letters"
#define FINDINGS "audit.findings"
#define OTHER    "other"

static void unreadable(const char *topic, const struct bus_record *record)
{
	log_error("record_unreadable", LOG_STR("topic", topic),
		  LOG_INT("partition", record->partition), LOG_INT("offset", record->offset));
}

/* --- dead letters --- */

static struct letter_kind *kind_of(struct letters *l, const char *topic, const char *reason)
{
	struct letter_kind *k;

	for (size_t i = 0; i < l->kind_count; i++)
		if (strncmp(l->kinds[i].topic, topic, LETTER_TEXT_MAX - 1) == 0 &&
		    strncmp(l->kinds[i].reason, reason, LETTER_TEXT_MAX - 1) == 0)
			return &l->kinds[i];
	if (l->kind_count == LETTER_KINDS_MAX)
		return &l->kinds[LETTER_KINDS_MAX - 1];
	k = &l->kinds[l->kind_count++];
	*k = (struct letter_kind){.count = 0};
	if (l->kind_count == LETTER_KINDS_MAX)
		topic = reason = OTHER; /* it and all that is to come */
	snprintf(k->topic, sizeof(k->topic), "%s", topic);
	snprintf(k->reason, sizeof(k->reason), "%s", reason);
	return k;
}

void alerts_letter_take(struct alerts *a, const struct bus_record *record, int64_t now_ms)
{
	struct letters *l = &a->letters;
	const Punnet__V1__DeadLetter *m;
	struct letter_kind *k;

	arena_reset(&a->arena);
	m = codec_unpack(&a->arena, &punnet__v1__dead_letter__descriptor, record->value);
	if (!m)
		unreadable(LETTERS, record);
	k = kind_of(l, m && m->source ? m->source->topic : "", m ? m->reason_code : "unreadable");
	if (k->count++ == 0 && m && m->source)
		snprintf(k->first, sizeof(k->first), "%.32s/%u@%llu", m->source->topic,
			 m->source->partition, (unsigned long long)m->source->offset);
	if (l->due_ms == 0)
		l->due_ms = MAX_OF(now_ms + a->settings.letter_alert_after_ms, (int64_t)1);
	l->last = record->offset;
	l->at_ms = m ? m->at_ms : record->timestamp_ms;
}

static void tell_letters(struct alerts *a, size_t i)
{
	const struct letters *l = &a->letters;
	const struct letter_kind *k = &l->kinds[i];
	Punnet__V1__StatusEvent e = PUNNET__V1__STATUS_EVENT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	char event_id[64];

	source.topic = (char *)LETTERS;
	source.offset = (uint64_t)l->last;
	e.source = &source;
	e.kind = PUNNET__V1__STATUS_KIND__STATUS_DEAD_LETTERS;
	snprintf(event_id, sizeof(event_id), "dead_letters.%lld.%zu", (long long)l->last, i);
	e.event_id = event_id;
	e.at_ms = l->at_ms;
	e.found = k->count;
	e.topic = (char *)k->topic;
	e.reason_code = (char *)k->reason;
	e.first = (char *)k->first;
	alerts_write(a, &e, (uint32_t)i * ALERT_RECEIVERS_MAX);
}

void alerts_letters_turn(struct alerts *a, int64_t now_ms)
{
	struct letters *l = &a->letters;

	/* a full producer takes no part of a telling, for its steps would be seen as repeats */
	if (l->due_ms == 0 || now_ms < l->due_ms || a->in_bus > 0)
		return;
	for (size_t i = 0; i < l->kind_count && !a->failed; i++)
		tell_letters(a, i);
	log_warn("dead_letters_told", LOG_INT("last", l->last),
		 LOG_INT("kinds", (int64_t)l->kind_count));
	a->feeds[FEED_LETTERS].told = l->last + 1;
	*l = (struct letters){.due_ms = 0};
}

/* --- what the auditor found --- */

void alerts_audit_take(struct alerts *a, const struct bus_record *record)
{
	Punnet__V1__StatusEvent e = PUNNET__V1__STATUS_EVENT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	const Punnet__V1__AuditFinding *m;
	char event_id[64];

	arena_reset(&a->arena);
	m = codec_unpack(&a->arena, &punnet__v1__audit_finding__descriptor, record->value);
	if (!m) {
		unreadable(FINDINGS, record);
		return;
	}
	source.topic = (char *)FINDINGS;
	source.offset = (uint64_t)record->offset;
	e.source = &source;
	e.kind = m->findings > 0 ? PUNNET__V1__STATUS_KIND__STATUS_AUDIT_BROKEN
				 : PUNNET__V1__STATUS_KIND__STATUS_AUDIT_HOLDS;
	snprintf(event_id, sizeof(event_id), "audit.%.32s.%lld", m->invariant,
		 (long long)record->offset);
	e.event_id = event_id;
	e.at_ms = m->at_ms;
	e.found = m->findings;
	e.reason_code = m->invariant;
	e.first = m->first;
	alerts_write(a, &e, 0);
}
