/* record: see record.h. */
#include "record.h"

_Static_assert((int)ANSWER_PASS == PUNNET__V1__ANSWER__PASS &&
		   (int)ANSWER_HIT == PUNNET__V1__ANSWER__HIT &&
		   (int)ANSWER_UNKNOWN == PUNNET__V1__ANSWER__UNKNOWN,
	       "answers stand in the record by their numbers");
_Static_assert((int)LEAD_ACCEPTED == PUNNET__V1__VERDICT__ACCEPTED &&
		   (int)LEAD_REJECTED == PUNNET__V1__VERDICT__REJECTED &&
		   (int)LEAD_QUARANTINED == PUNNET__V1__VERDICT__QUARANTINED,
	       "verdicts stand in the record by their numbers");

#define FINGERPRINT_BYTES 16

static bool is_fingerprint(ProtobufCBinaryData b)
{
	return b.len == 0 || b.len == FINGERPRINT_BYTES;
}

static bool fingerprints_fault(const Punnet__V1__Fingerprints *f)
{
	return !is_fingerprint(f->phone) || !is_fingerprint(f->email) ||
	       !is_fingerprint(f->payload) || !is_fingerprint(f->idempotency) ||
	       !is_fingerprint(f->mailbox) || !is_fingerprint(f->person) ||
	       !is_fingerprint(f->device) || !is_fingerprint(f->ip);
}

const char *raw_lead_fault(const Punnet__V1__RawLead *raw)
{
	struct lead_id id;

	if (!lead_id_from_bytes(raw->lead_id.data, raw->lead_id.len, &id))
		return "lead_id is not 16 bytes";
	if (!raw->lead)
		return "lead is missing";
	if (!raw->fingerprints)
		return "fingerprints are missing";
	return fingerprints_fault(raw->fingerprints) ? "a fingerprint is not 16 bytes" : NULL;
}

static void fill_subject(const Punnet__V1__Lead *lead, const Punnet__V1__Fingerprints *f,
			 struct claim_subject *ret)
{
	ret->received_at_ms = lead->received_at_ms;
	ret->vertical = slice_cstr(lead->vertical);
	ret->aff_id = slice_cstr(lead->aff_id);
	ret->sub1 = slice_cstr(lead->sub1);
	ret->phone = codec_bytes(f->phone);
	ret->email = codec_bytes(f->email);
	ret->mailbox = codec_bytes(f->mailbox);
	ret->payload = codec_bytes(f->payload);
	ret->idempotency = codec_bytes(f->idempotency);
	ret->person = codec_bytes(f->person);
	ret->device = codec_bytes(f->device);
	ret->ip = codec_bytes(f->ip);
}

struct claim_subject claim_subject_of(const Punnet__V1__RawLead *raw, uint64_t raw_offset)
{
	struct claim_subject s = {.self.raw_offset = raw_offset};
	bool found = lead_id_from_bytes(raw->lead_id.data, raw->lead_id.len, &s.self.lead_id);

	assert(found);
	fill_subject(raw->lead, raw->fingerprints, &s);
	return s;
}

bool claim_subject_of_judged(const Punnet__V1__JudgedLead *judged, struct claim_subject *ret)
{
	if (!judged->source || !judged->lead || !judged->fingerprints ||
	    fingerprints_fault(judged->fingerprints))
		return false;
	*ret = (struct claim_subject){.self.raw_offset = judged->source->offset};
	fill_subject(judged->lead, judged->fingerprints, ret);
	return lead_id_from_bytes(judged->lead_id.data, judged->lead_id.len, &ret->self.lead_id);
}

static ProtobufCBinaryData binary(struct slice s)
{
	return (ProtobufCBinaryData){.len = s.len, .data = (uint8_t *)s.data};
}

static ProtobufCBinaryData binary_id(const struct lead_id *id, struct arena *a)
{
	return binary(arena_dup(a, slice_of(id->bytes, sizeof(id->bytes))));
}

static Punnet__V1__Claim *claim_message(const struct claim *c, struct arena *a)
{
	Punnet__V1__Claim *m = arena_alloc(a, sizeof(*m));

	punnet__v1__claim__init(m);
	if (c->held) {
		m->owner_lead_id = binary_id(&c->owner.lead_id, a);
		m->owner_raw_offset = c->owner.raw_offset;
		m->claimed_at_ms = c->claimed_at_ms;
	}
	return m;
}

static Punnet__V1__Fact *fact_message(enum fact_name name, const struct fact *fact, struct arena *a)
{
	Punnet__V1__Fact *m = arena_alloc(a, sizeof(*m));

	punnet__v1__fact__init(m);
	m->name = (char *)fact_text(name);
	switch (fact_type_of(name)) {
	case FACT_TYPE_NUMBER:
		m->value_case = PUNNET__V1__FACT__VALUE_NUMBER;
		m->number = fact->number;
		break;
	case FACT_TYPE_BYTES:
		m->value_case = PUNNET__V1__FACT__VALUE_BYTES_VALUE;
		m->bytes_value = binary(fact->bytes);
		break;
	case FACT_TYPE_TEXT:
		m->value_case = PUNNET__V1__FACT__VALUE_TEXT;
		m->text = arena_cstr(a, fact->bytes);
		break;
	case FACT_TYPE_CLAIM:
		m->value_case = PUNNET__V1__FACT__VALUE_CLAIM;
		m->claim = claim_message(&fact->claim, a);
		break;
	}
	return m;
}

static Punnet__V1__Reason *reason_message(const struct judged_reason *r, struct arena *a)
{
	Punnet__V1__Reason *m = arena_alloc(a, sizeof(*m));
	const struct finding *f = &r->finding;

	punnet__v1__reason__init(m);
	m->code = (char *)reason_code(f->reason);
	if (r->filter)
		m->filter = (char *)r->filter->name;
	m->weight = r->weight;
	if (f->about_a_lead)
		m->about_lead_id = binary_id(&f->about, a);
	m->n_params = f->param_count;
	m->params = arena_calloc(a, f->param_count, sizeof(*m->params));
	for (size_t i = 0; i < f->param_count; i++) {
		m->params[i] = arena_alloc(a, sizeof(**m->params));
		punnet__v1__reason_param__init(m->params[i]);
		m->params[i]->name = (char *)f->params[i].name;
		m->params[i]->value = arena_cstr(a, f->params[i].value);
	}
	return m;
}

static void fill_facts(Punnet__V1__JudgedLead *m, const struct facts *facts, struct arena *a)
{
	m->facts = arena_calloc(a, FACT_COUNT, sizeof(*m->facts));
	for (size_t i = 0; i < FACT_COUNT; i++) {
		if (facts->values[i].known)
			m->facts[m->n_facts++] =
			    fact_message((enum fact_name)i, &facts->values[i], a);
	}
}

static void fill_answers(Punnet__V1__JudgedLead *m, const struct judgement *j, struct arena *a)
{
	assert(j->answer_count == j->list->count);
	m->n_answers = j->answer_count;
	m->answers = arena_calloc(a, j->answer_count, sizeof(*m->answers));
	for (size_t i = 0; i < j->answer_count; i++) {
		m->answers[i] = arena_alloc(a, sizeof(**m->answers));
		punnet__v1__filter_answer__init(m->answers[i]);
		m->answers[i]->filter = (char *)j->list->rules[i].filter->name;
		m->answers[i]->shadow = j->list->rules[i].shadow;
		m->answers[i]->answer = (Punnet__V1__Answer)j->answers[i];
	}
}

static void fill_shadow(Punnet__V1__JudgedLead *m, const struct judgement *j, struct arena *a)
{
	m->n_shadow = j->shadow_count;
	m->shadow = arena_calloc(a, j->shadow_count, sizeof(*m->shadow));
	for (size_t i = 0; i < j->shadow_count; i++)
		m->shadow[i] = reason_message(&j->shadow[i], a);
}

static void fill_scope(Punnet__V1__JudgedLead *m, const struct ruleset *rs,
		       const struct judgement *j, struct arena *a)
{
	_cleanup_(buf_free) struct buf text = {0};

	ruleset_scope_text(rs, j->list, &text);
	if (text.len > 0)
		m->scope = arena_cstr(a, buf_slice(&text));
}

/* By the lead's own time, so that judging it again says the same. */
static void fill_quarantine(Punnet__V1__JudgedLead *m, const struct ruleset *rs,
			    const Punnet__V1__RawLead *raw)
{
	m->quarantine_until_ms = raw->lead->received_at_ms + rs->quarantine_for_ms;
	m->quarantine_then =
	    rs->quarantine_accepts ? PUNNET__V1__VERDICT__ACCEPTED : PUNNET__V1__VERDICT__REJECTED;
}

Punnet__V1__JudgedLead *judged_record(const Punnet__V1__RawLead *raw,
				      const struct provenance *source, const struct ruleset *rs,
				      const struct facts *facts, const struct judgement *judgement,
				      const char *lists, struct arena *a)
{
	Punnet__V1__JudgedLead *m = arena_alloc(a, sizeof(*m));

	punnet__v1__judged_lead__init(m);
	m->lead_id = raw->lead_id;
	m->source = arena_alloc(a, sizeof(*m->source));
	punnet__v1__provenance__init(m->source);
	provenance_fill(source, m->source);
	m->verdict = (Punnet__V1__Verdict)judgement->verdict;
	m->score = judgement->score;
	m->n_reasons = judgement->reason_count;
	m->reasons = arena_calloc(a, judgement->reason_count, sizeof(*m->reasons));
	for (size_t i = 0; i < judgement->reason_count; i++)
		m->reasons[i] = reason_message(&judgement->reasons[i], a);
	fill_facts(m, facts, a);
	fill_answers(m, judgement, a);
	fill_shadow(m, judgement, a);
	m->ruleset = (char *)rs->hash;
	m->lists = (char *)lists;
	m->lead = raw->lead;
	m->fingerprints = raw->fingerprints;
	fill_scope(m, rs, judgement, a);
	if (judgement->verdict != LEAD_REJECTED)
		m->contact = raw->contact;
	if (judgement->verdict == LEAD_QUARANTINED)
		fill_quarantine(m, rs, raw);
	return m;
}

static void read_claim(const Punnet__V1__Claim *m, enum fact_name name, struct facts *ret)
{
	struct claim c = {.owner.raw_offset = m->owner_raw_offset,
			  .claimed_at_ms = m->claimed_at_ms};

	c.held = lead_id_from_bytes(m->owner_lead_id.data, m->owner_lead_id.len, &c.owner.lead_id);
	facts_set_claim(ret, name, &c);
}

void facts_from_record(const Punnet__V1__JudgedLead *record, struct facts *ret)
{
	*ret = (struct facts){0};
	for (size_t i = 0; i < record->n_facts; i++) {
		const Punnet__V1__Fact *m = record->facts[i];
		enum fact_name name;

		if (!fact_from_text(slice_cstr(m->name), &name))
			continue;

		enum fact_type type = fact_type_of(name);

		if (m->value_case == PUNNET__V1__FACT__VALUE_NUMBER && type == FACT_TYPE_NUMBER)
			facts_set_number(ret, name, m->number);
		else if (m->value_case == PUNNET__V1__FACT__VALUE_BYTES_VALUE &&
			 type == FACT_TYPE_BYTES)
			facts_set_bytes(ret, name, codec_bytes(m->bytes_value));
		else if (m->value_case == PUNNET__V1__FACT__VALUE_TEXT && type == FACT_TYPE_TEXT)
			facts_set_text(ret, name, slice_cstr(m->text));
		else if (m->value_case == PUNNET__V1__FACT__VALUE_CLAIM && type == FACT_TYPE_CLAIM)
			read_claim(m->claim, name, ret);
	}
}
