/* simulate_read: see simulate_read.h. Every member is checked as it is met; the first fault is told. */
#include "simulate_read.h"

#include <string.h>

#include "base/timefmt.h"
#include "lead/codec.h"

#define NODES_MAX (4 * SIM_BIDS_MAX)

struct reading {
	struct arena *arena;
	struct sim_lead *ret;
	const char *why; /* the first fault */
};

typedef Punnet__V1__Lead lead_message;

#define ATTRIBUTE(name)                                                                            \
	{                                                                                          \
#name, offsetof(lead_message, name)                                                \
	}
/* Texts of the lead itself. */
static const struct lead_text {
	const char *name;
	size_t offset;
} lead_texts[] = {
    ATTRIBUTE(vertical), ATTRIBUTE(aff_id),   ATTRIBUTE(country),     ATTRIBUTE(region),
    ATTRIBUTE(city),     ATTRIBUTE(language), ATTRIBUTE(postal_code), ATTRIBUTE(os),
    ATTRIBUTE(sub1),     ATTRIBUTE(sub2),     ATTRIBUTE(sub3),        ATTRIBUTE(sub4),
    ATTRIBUTE(sub5),     ATTRIBUTE(erid),     ATTRIBUTE(click_id),
};
#undef ATTRIBUTE

static const struct {
	const char *name;
	Punnet__V1__Settlement settlement;
} outcomes[] = {
    {"delivered", PUNNET__V1__SETTLEMENT__DELIVERED},
    {"refused", PUNNET__V1__SETTLEMENT__REFUSED},
    {"undeliverable", PUNNET__V1__SETTLEMENT__UNDELIVERABLE},
    {"unresolved", PUNNET__V1__SETTLEMENT__UNRESOLVED},
};

static void fault(struct reading *r, const char *why)
{
	if (!r->why)
		r->why = why;
}

static char *text_of(struct reading *r, const struct json *value)
{
	if (value->type != JSON_STRING || memchr(value->text.data, '\0', value->text.len)) {
		fault(r,
		      arena_printf(r->arena, SLICE_FMT ": expected a text", SLICE_ARG(value->key)));
		return (char *)protobuf_c_empty_string;
	}
	return arena_cstr(r->arena, value->text);
}

static bool take_attribute(struct reading *r, const struct json *value)
{
	for (size_t i = 0; i < ARRAY_LEN(lead_texts); i++) {
		if (!slice_is(value->key, lead_texts[i].name))
			continue;
		*(char **)((char *)&r->ret->lead + lead_texts[i].offset) = text_of(r, value);
		return true;
	}
	return false;
}

/* --- members --- */

static Punnet__V1__Field *field_of(struct reading *r, const struct json *value)
{
	Punnet__V1__Field *f = arena_alloc(r->arena, sizeof(*f));

	punnet__v1__field__init(f);
	f->name = arena_cstr(r->arena, value->key);
	if (value->type == JSON_STRING) {
		f->value_case = PUNNET__V1__FIELD__VALUE_TEXT;
		f->text = text_of(r, value);
	} else if (value->type == JSON_TRUE || value->type == JSON_FALSE) {
		f->value_case = PUNNET__V1__FIELD__VALUE_FLAG;
		f->flag = value->type == JSON_TRUE;
	} else if (value->type == JSON_NUMBER && value->is_integer) {
		f->value_case = PUNNET__V1__FIELD__VALUE_INTEGER;
		f->integer = value->integer;
	} else if (value->type == JSON_NUMBER) {
		f->value_case = PUNNET__V1__FIELD__VALUE_DECIMAL;
		f->decimal = arena_cstr(r->arena, value->text);
	} else {
		f->value_case = PUNNET__V1__FIELD__VALUE_JSON;
		f->json = arena_cstr(r->arena, value->text);
	}
	return f;
}

static void add_field(struct reading *r, const struct json *value)
{
	lead_message *lead = &r->ret->lead;

	if (lead->n_fields == SIM_FIELDS_MAX) {
		fault(r, "fields: expected at most 64 members");
		return;
	}
	if (!lead->fields)
		lead->fields = arena_alloc(r->arena, SIM_FIELDS_MAX * sizeof(*lead->fields));
	lead->fields[lead->n_fields++] = field_of(r, value);
}

static void take_fields(struct reading *r, const struct json *fields)
{
	if (fields->type != JSON_OBJECT) {
		fault(r, "fields: expected an object");
		return;
	}
	for (const struct json *f = fields->child; f; f = f->next) {
		if (f->type != JSON_NULL && !take_attribute(r, f))
			add_field(r, f);
	}
}

static Punnet__V1__Bid *bid_of(struct reading *r, char *order_id, int64_t amount_minor)
{
	Punnet__V1__Bid *bid = arena_alloc(r->arena, sizeof(*bid));

	punnet__v1__bid__init(bid);
	bid->order_id = order_id;
	bid->amount_minor = amount_minor;
	return bid;
}

/* No bid at all is not the same as no `bids`: a bid of nobody says that nobody wants the lead. */
static void take_bids(struct reading *r, const struct json *bids)
{
	Punnet__V1__LeadAdmitted *to = &r->ret->admitted;

	if (bids->type != JSON_OBJECT || bids->count > SIM_BIDS_MAX) {
		fault(r, "bids: expected an object of at most 256 order ids, with amounts in minor "
			 "units");
		return;
	}
	to->bids = arena_alloc(r->arena, (bids->count + 1) * sizeof(*to->bids));
	for (const struct json *b = bids->child; b; b = b->next) {
		if (b->type != JSON_NUMBER || !b->is_integer || b->integer < 0) {
			fault(r, arena_printf(r->arena,
					      "bids: " SLICE_FMT
					      ": expected an integer in minor units, at least 0",
					      SLICE_ARG(b->key)));
			return;
		}
		to->bids[to->n_bids++] = bid_of(r, arena_cstr(r->arena, b->key), b->integer);
	}
	if (to->n_bids == 0)
		to->bids[to->n_bids++] = bid_of(r, (char *)protobuf_c_empty_string, 0);
}

static void take_outcomes(struct reading *r, const struct json *value)
{
	if (value->type != JSON_OBJECT)
		fault(r, "outcomes: expected an object of order ids");
	for (const struct json *o = value->child; o; o = o->next) {
		size_t i = 0;

		while (i < ARRAY_LEN(outcomes) &&
		       (o->type != JSON_STRING || !slice_is(o->text, outcomes[i].name)))
			i++;
		if (i == ARRAY_LEN(outcomes))
			fault(r, "outcomes: expected delivered, refused, undeliverable or "
				 "unresolved for an order");
	}
	r->ret->outcomes = value;
}

static void take_time(struct reading *r, const struct json *value)
{
	bool ok = (value->type == JSON_NUMBER && value->is_integer) || value->type == JSON_STRING;

	if (ok && value->type == JSON_NUMBER)
		r->ret->at_ms = value->integer;
	else if (ok)
		ok = time_parse_rfc3339(value->text, &r->ret->at_ms);
	if (!ok || r->ret->at_ms < SIM_TIME_LEAST_MS)
		fault(r, "at: expected an RFC 3339 time, or Unix milliseconds after 2000");
}

static void take_score(struct reading *r, const struct json *value)
{
	if (value->type != JSON_NUMBER || !value->is_integer || value->integer < INT32_MIN ||
	    value->integer > INT32_MAX)
		fault(r, "score: expected an integer");
	else
		r->ret->admitted.score = (int32_t)value->integer;
}

static void take_is_test(struct reading *r, const struct json *value)
{
	if (value->type != JSON_TRUE && value->type != JSON_FALSE)
		fault(r, "is_test: expected true or false");
	r->ret->lead.is_test = value->type == JSON_TRUE;
}

static const struct {
	const char *name;
	void (*take)(struct reading *r, const struct json *value);
} members[] = {
    {"at", take_time},         {"bids", take_bids},   {"fields", take_fields},
    {"is_test", take_is_test}, {"score", take_score}, {"outcomes", take_outcomes},
};

/* What stands beside `fields` goes before what stands in it, in whichever order they come. A member that nobody knows is
 * one of `fields`, as at the front door. */
static void take_all(struct reading *r, const struct json *line)
{
	const struct json *fields = json_member(line, "fields");

	if (fields)
		take_fields(r, fields);
	for (const struct json *m = line->child; m; m = m->next) {
		size_t i = 0;

		if (m == fields || take_attribute(r, m))
			continue;
		while (i < ARRAY_LEN(members) && !slice_is(m->key, members[i].name))
			i++;
		if (i < ARRAY_LEN(members))
			members[i].take(r, m);
		else if (m->type != JSON_NULL)
			add_field(r, m);
	}
}

const char *sim_lead_read(struct arena *a, struct slice text, struct sim_lead *ret)
{
	struct json_limits limits = {.max_depth = 16, .max_nodes = NODES_MAX};
	struct reading r = {.arena = a, .ret = ret};
	struct json_fault bad = {0};
	const struct json *line;

	*ret = (struct sim_lead){.at_ms = 0};
	punnet__v1__lead__init(&ret->lead);
	punnet__v1__lead_admitted__init(&ret->admitted);
	ret->admitted.lead = &ret->lead;
	if (text.len > SIM_LINE_MAX_BYTES)
		return "expected at most 1 MiB";
	line = json_parse(a, text, limits, &bad);
	if (!line)
		return arena_printf(a, "%s at byte %zu", bad.what, bad.offset);
	if (line->type != JSON_OBJECT)
		return "expected an object";
	take_all(&r, line);
	if (!r.why && ret->at_ms == 0)
		return "at: expected an RFC 3339 time, or Unix milliseconds after 2000";
	if (!r.why && !ret->lead.vertical[0])
		return "vertical: expected a text";
	ret->lead.received_at_ms = ret->at_ms;
	return r.why;
}

Punnet__V1__Settlement sim_lead_outcome(const struct sim_lead *lead, const char *order_id)
{
	const struct json *said = json_member(lead->outcomes, order_id);

	for (size_t i = 0; said && i < ARRAY_LEN(outcomes); i++) {
		if (slice_is(said->text, outcomes[i].name))
			return outcomes[i].settlement;
	}
	return PUNNET__V1__SETTLEMENT__DELIVERED;
}
