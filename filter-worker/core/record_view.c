/* record_view: see record_view.h. */
#include "record_view.h"

#include "lead/wire_read.h"

/* Fields of proto/leads_judged.proto. */
enum {
	JUDGED_LEAD_ID = 1,
	JUDGED_SOURCE = 2,
	JUDGED_VERDICT = 3,
	JUDGED_SCORE = 4,
	JUDGED_REASONS = 5,
	JUDGED_FACTS = 6,
	JUDGED_RULESET = 8,
	JUDGED_LEAD = 9,
	JUDGED_SHADOW = 13,
	JUDGED_SCOPE = 14,
	JUDGED_QUARANTINE_UNTIL = 15,
	JUDGED_QUARANTINE_THEN = 16,
	JUDGED_LISTS = 17,
	JUDGED_ANSWERS = 18,
};
enum { SOURCE_PARTITION = 2, SOURCE_OFFSET = 3 };
enum { LEAD_VERTICAL = 1, LEAD_AFF_ID = 2, LEAD_RECEIVED_AT = 17 };
enum { FACT_NAME = 1, FACT_NUMBER = 2, FACT_BYTES = 3, FACT_TEXT = 4, FACT_CLAIM = 5 };
enum { CLAIM_OWNER = 1, CLAIM_AT = 2, CLAIM_OFFSET = 3 };

/* --- facts --- */

static void read_claim(struct slice bytes, enum fact_name name, struct facts *ret)
{
	struct wire_walk w = wire_walk_of(bytes);
	struct claim c = {.held = false};
	struct wire_field f;

	while (wire_take_field(&w, &f)) {
		if (f.number == CLAIM_OWNER && f.kind == WIRE_READ_BYTES)
			c.held = lead_id_from_bytes(f.bytes.data, f.bytes.len, &c.owner.lead_id);
		else if (f.number == CLAIM_AT && f.kind == WIRE_READ_VARINT)
			c.claimed_at_ms = (int64_t)f.value;
		else if (f.number == CLAIM_OFFSET && f.kind == WIRE_READ_VARINT)
			c.owner.raw_offset = f.value;
	}
	facts_set_claim(ret, name, &c);
}

static void set_fact(enum fact_name name, const struct wire_field *f, struct facts *ret)
{
	enum fact_type type = fact_type_of(name);

	if (f->number == FACT_NUMBER && type == FACT_TYPE_NUMBER && f->kind == WIRE_READ_VARINT)
		facts_set_number(ret, name, wire_unzigzag(f->value));
	else if (f->kind != WIRE_READ_BYTES)
		return;
	else if (f->number == FACT_BYTES && type == FACT_TYPE_BYTES)
		facts_set_bytes(ret, name, f->bytes);
	else if (f->number == FACT_TEXT && type == FACT_TYPE_TEXT)
		facts_set_text(ret, name, f->bytes);
	else if (f->number == FACT_CLAIM && type == FACT_TYPE_CLAIM)
		read_claim(f->bytes, name, ret);
}

static bool read_fact(struct slice bytes, enum fact_name *name, struct facts *ret)
{
	struct wire_walk w = wire_walk_of(bytes);
	struct wire_field value = {0}, f;
	bool known = false;

	while (wire_take_field(&w, &f)) {
		if (f.number == FACT_NAME && f.kind == WIRE_READ_BYTES)
			known = fact_from_text(f.bytes, *name, name);
		else if (f.number <= FACT_CLAIM)
			value = f;
	}
	if (known && value.number != 0)
		set_fact(*name, &value, ret);
	return wire_walked_all(&w);
}

/* --- the record --- */

static bool read_source(struct slice bytes, struct judged_view *ret)
{
	struct wire_walk w = wire_walk_of(bytes);
	struct wire_field f;

	while (wire_take_field(&w, &f)) {
		if (f.number == SOURCE_PARTITION && f.kind == WIRE_READ_VARINT)
			ret->raw_partition = (uint32_t)f.value;
		else if (f.number == SOURCE_OFFSET && f.kind == WIRE_READ_VARINT)
			ret->raw_offset = f.value;
	}
	return wire_walked_all(&w);
}

static bool read_lead(struct slice bytes, struct judged_view *ret)
{
	struct wire_walk w = wire_walk_of(bytes);
	struct wire_field f;

	while (wire_take_field(&w, &f)) {
		if (f.number == LEAD_VERTICAL && f.kind == WIRE_READ_BYTES)
			ret->vertical = f.bytes;
		else if (f.number == LEAD_AFF_ID && f.kind == WIRE_READ_BYTES)
			ret->aff_id = f.bytes;
		else if (f.number == LEAD_RECEIVED_AT && f.kind == WIRE_READ_VARINT)
			ret->received_at_ms = (int64_t)f.value;
	}
	return wire_walked_all(&w);
}

static bool of_judgement(uint32_t number)
{
	switch (number) {
	case JUDGED_VERDICT:
	case JUDGED_SCORE:
	case JUDGED_REASONS:
	case JUDGED_SHADOW:
	case JUDGED_SCOPE:
	case JUDGED_QUARANTINE_UNTIL:
	case JUDGED_QUARANTINE_THEN:
	case JUDGED_ANSWERS:
		return true;
	default:
		return false;
	}
}

/* A field that is not read, or whose kind is another one, is passed over, as unpacking does. */
static bool read_part(const struct wire_field *f, enum fact_name *fact, struct judged_view *ret)
{
	if (f->kind == WIRE_READ_VARINT) {
		if (f->number == JUDGED_VERDICT)
			ret->verdict = f->value;
		return true;
	}
	if (f->kind != WIRE_READ_BYTES)
		return true;
	switch (f->number) {
	case JUDGED_LEAD_ID:
		return lead_id_from_bytes(f->bytes.data, f->bytes.len, &ret->lead_id);
	case JUDGED_SOURCE:
		return read_source(f->bytes, ret);
	case JUDGED_FACTS:
		return read_fact(f->bytes, fact, &ret->facts);
	case JUDGED_RULESET:
		ret->ruleset = f->bytes;
		return true;
	case JUDGED_LISTS:
		ret->lists = f->bytes;
		return true;
	case JUDGED_LEAD:
		return read_lead(f->bytes, ret);
	default:
		return true;
	}
}

bool judged_view_read(struct slice bytes, struct judged_view *ret, struct buf *out)
{
	enum fact_name fact = FACT_COUNT - 1;
	struct wire_walk w = wire_walk_of(bytes);
	struct wire_field f;

	*ret = (struct judged_view){.verdict = 0};
	while (w.at < w.end) {
		const char *from = w.at;

		if (!wire_take_field(&w, &f) || !read_part(&f, &fact, ret))
			return false;
		if (of_judgement(f.number))
			buf_append(out, from, (size_t)(w.at - from));
	}
	return !lead_id_is_zero(&ret->lead_id);
}
