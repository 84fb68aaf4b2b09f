/* record: see record.h. */
#include "record.h"

#include "lead/wire.h"

_Static_assert((int)ANSWER_PASS == PUNNET__V1__ANSWER__PASS &&
		   (int)ANSWER_HIT == PUNNET__V1__ANSWER__HIT &&
		   (int)ANSWER_UNKNOWN == PUNNET__V1__ANSWER__UNKNOWN,
	       "answers stand in the record by their numbers");
_Static_assert((int)LEAD_ACCEPTED == PUNNET__V1__VERDICT__ACCEPTED &&
		   (int)LEAD_REJECTED == PUNNET__V1__VERDICT__REJECTED &&
		   (int)LEAD_QUARANTINED == PUNNET__V1__VERDICT__QUARANTINED,
	       "verdicts stand in the record by their numbers");

#define FINGERPRINT_BYTES 16

/* Fields of proto/leads_raw.proto. */
enum { RAW_LEAD_LEAD = 3, RAW_LEAD_CONTACT = 5, RAW_LEAD_FINGERPRINTS = 6 };

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

/* --- writing: in one pass, in the order of the field numbers of proto/leads_judged.proto --- */

static struct slice id_slice(const struct lead_id *id)
{
	return slice_of(id->bytes, sizeof(id->bytes));
}

static void write_claim(const struct claim *c, struct buf *out)
{
	size_t at = wire_begin(out, 5);

	if (c->held) {
		wire_bytes(out, 1, id_slice(&c->owner.lead_id));
		wire_int(out, 2, c->claimed_at_ms);
		wire_uint(out, 3, c->owner.raw_offset);
	}
	wire_end(out, at);
}

static void write_fact(const struct facts *facts, enum fact_name name, struct buf *out)
{
	const struct fact *fact = &facts->values[name];
	size_t at = wire_begin(out, 6);

	wire_text(out, 1, fact_slice(name));
	switch (fact_type_of(name)) {
	case FACT_TYPE_NUMBER:
		wire_sint_set(out, 2, fact->number);
		break;
	case FACT_TYPE_BYTES:
		wire_bytes_set(out, 3, fact->bytes);
		break;
	case FACT_TYPE_TEXT:
		wire_text_set(out, 4, fact->bytes);
		break;
	case FACT_TYPE_CLAIM:
		write_claim(facts_claim(facts, name), out);
		break;
	}
	wire_end(out, at);
}

static void write_reason(uint32_t field, const struct judged_reason *r, struct buf *out)
{
	const struct finding *f = &r->finding;
	size_t at = wire_begin(out, field);

	wire_text(out, 1, slice_cstr(reason_code(f->reason)));
	if (r->filter)
		wire_text(out, 2, slice_cstr(r->filter->name));
	wire_sint(out, 3, r->weight);
	if (f->about_a_lead)
		wire_bytes(out, 4, id_slice(&f->about));
	for (size_t i = 0; i < f->param_count; i++) {
		size_t param = wire_begin(out, 5);

		wire_text(out, 1, slice_cstr(f->params[i].name));
		wire_text(out, 2, f->params[i].value);
		wire_end(out, param);
	}
	wire_end(out, at);
}

#define CODE_SHADOW 4

static void write_answers(const struct judgement *j, struct buf *out)
{
	assert(j->answer_count == j->list->count);
	wire_head(out, 18, j->answer_count);
	for (size_t i = 0; i < j->answer_count; i++)
		buf_append_char(
		    out, (char)((int)j->answers[i] | (j->list->rules[i].shadow ? CODE_SHADOW : 0)));
}

static void write_source(const struct provenance *source, struct buf *out)
{
	size_t at = wire_begin(out, 2);

	wire_text(out, 1, slice_cstr(source->topic));
	wire_uint(out, 2, source->partition);
	wire_uint(out, 3, source->offset);
	wire_uint(out, 4, source->step);
	wire_end(out, at);
}

static void write_verdict(const struct judgement *j, struct buf *out)
{
	wire_uint(out, 3, j->verdict);
	wire_sint(out, 4, j->score);
	for (size_t i = 0; i < j->reason_count; i++)
		write_reason(5, &j->reasons[i], out);
}

static void write_facts(const struct facts *facts, struct buf *out)
{
	for (size_t i = 0; i < FACT_COUNT; i++) {
		if (facts->values[i].known)
			write_fact(facts, (enum fact_name)i, out);
	}
}

/* A message of the raw record, as its bytes stand there. */
static void copy_part(struct slice raw_bytes, uint32_t from, uint32_t to, struct buf *out)
{
	struct slice part;

	if (codec_find(raw_bytes, from, &part))
		wire_bytes_set(out, to, part);
}

static void write_scope(const struct ruleset *rs, const struct judgement *j, struct buf *out)
{
	_cleanup_(buf_free) struct buf text = {0};

	ruleset_scope_text(rs, j->list, &text);
	wire_text(out, 14, buf_slice(&text));
}

/* By the lead's own time, so that judging it again says the same. */
static void write_quarantine(const struct ruleset *rs, int64_t received_at_ms, struct buf *out)
{
	wire_int(out, 15, received_at_ms + rs->quarantine_for_ms);
	wire_uint(out, 16,
		  rs->quarantine_accepts ? PUNNET__V1__VERDICT__ACCEPTED
					 : PUNNET__V1__VERDICT__REJECTED);
}

/* Fields 13 to 16. */
static void write_beside(const struct ruleset *rs, int64_t received_at_ms,
			 const struct judgement *j, struct buf *out)
{
	for (size_t i = 0; i < j->shadow_count; i++)
		write_reason(13, &j->shadow[i], out);
	write_scope(rs, j, out);
	if (j->verdict == LEAD_QUARANTINED)
		write_quarantine(rs, received_at_ms, out);
}

void judged_record_judgement(const struct ruleset *rs, int64_t received_at_ms,
			     const struct judgement *judgement, struct buf *out)
{
	write_verdict(judgement, out);
	write_beside(rs, received_at_ms, judgement, out);
	write_answers(judgement, out);
}

void judged_record_write(const Punnet__V1__RawLead *raw, struct slice raw_bytes,
			 const struct provenance *source, const struct ruleset *rs,
			 const struct facts *facts, const struct judgement *judgement,
			 const char *lists, struct buf *out)
{
	wire_bytes(out, 1, codec_bytes(raw->lead_id));
	write_source(source, out);
	write_verdict(judgement, out);
	write_facts(facts, out);
	wire_text(out, 8, slice_cstr(rs->hash));
	copy_part(raw_bytes, RAW_LEAD_LEAD, 9, out);
	if (judgement->verdict != LEAD_REJECTED)
		copy_part(raw_bytes, RAW_LEAD_CONTACT, 10, out);
	copy_part(raw_bytes, RAW_LEAD_FINGERPRINTS, 11, out);
	write_beside(rs, raw->lead->received_at_ms, judgement, out);
	wire_text(out, 17, slice_cstr(lists));
	write_answers(judgement, out);
}

/* --- reading --- */

static void read_claim(const Punnet__V1__Claim *m, enum fact_name name, struct facts *ret)
{
	struct claim c = {.owner.raw_offset = m->owner_raw_offset,
			  .claimed_at_ms = m->claimed_at_ms};

	c.held = lead_id_from_bytes(m->owner_lead_id.data, m->owner_lead_id.len, &c.owner.lead_id);
	facts_set_claim(ret, name, &c);
}

void facts_from_record(const Punnet__V1__JudgedLead *record, struct facts *ret)
{
	enum fact_name name = FACT_COUNT - 1;

	*ret = (struct facts){0};
	for (size_t i = 0; i < record->n_facts; i++) {
		const Punnet__V1__Fact *m = record->facts[i];

		if (!fact_from_text(slice_cstr(m->name), name, &name))
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
