/* replay: see replay.h. */
#include "replay.h"

#include "lead/codec.h"
#include "members.h"
#include "proto/status_replays.pb-c.h"

#define KIND_NAME_MAX 32

static const char *const members[] = {"from", "to", "event", "event_id", "lead_id"};

/* "approved" is STATUS_APPROVED. Alerts are nobody's whose key this is. */
static Punnet__V1__StatusKind kind_of(struct slice name)
{
	char text[KIND_NAME_MAX] = "STATUS_";
	size_t at = strlen(text);
	const ProtobufCEnumValue *v;

	if (name.len + at >= sizeof(text))
		return PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED;
	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] < 'a' || name.data[i] > 'z')
			return PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED;
		text[at++] = (char)(name.data[i] - 'a' + 'A');
	}
	v = protobuf_c_enum_descriptor_get_value_by_name(&punnet__v1__status_kind__descriptor,
							 text);
	return v && v->value < PUNNET__V1__STATUS_KIND__STATUS_CIRCUIT_OPENED
		   ? (Punnet__V1__StatusKind)v->value
		   : PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED;
}

static void read_event(struct replay *r, const struct json *value, struct faults *f)
{
	if (!value)
		return;
	if (value->type == JSON_STRING)
		r->kind = kind_of(value->text);
	if (r->kind == PUNNET__V1__STATUS_KIND__STATUS_KIND_UNSPECIFIED)
		fault_add(f, SLICE("event"), "invalid",
			  "expected delivered, approved, returned or paid");
}

static void read_ids(struct replay *r, const struct json *event_id, const struct json *lead_id,
		     struct faults *f)
{
	if (event_id && event_id->type != JSON_STRING)
		fault_add(f, SLICE("event_id"), "type", "expected a text");
	else if (event_id && (event_id->text.len == 0 || event_id->text.len > REPLAY_EVENT_ID_MAX ||
			      memchr(event_id->text.data, '\0', event_id->text.len)))
		fault_add(f, SLICE("event_id"), "invalid", "expected the id as it was posted back");
	else if (event_id)
		r->event_id = event_id->text;
	if (!lead_id)
		return;
	r->has_lead = lead_id->type == JSON_STRING && lead_id_parse(lead_id->text, &r->lead_id);
	if (!r->has_lead)
		fault_add(f, SLICE("lead_id"), "invalid", "expected a lead id");
}

static void check_times(struct replay *r, bool has_from, int64_t now_ms, struct faults *f)
{
	if (!has_from && !r->has_lead && r->event_id.len == 0)
		fault_add(f, SLICE("from"), "required",
			  "from when on? Or one event_id, or one lead_id");
	if (has_from && r->from_ms < now_ms - REPLAY_BACK_MS)
		fault_add(f, SLICE("from"), "out_of_range", "events are kept for 30 days");
	if (r->until_ms <= r->from_ms)
		fault_add(f, SLICE("to"), "out_of_range", "expected a time after from");
}

/* Not given, or no time: *ret_ms stays. */
static void read_time(const struct json *root, const char *name, int64_t *ret_ms, struct faults *f)
{
	const struct json *value = members_get(root, name);

	if (value)
		(void)!members_time(value, name, ret_ms, f);
}

bool replay_read(struct replay *r, struct arena *a, struct slice body, int64_t now_ms,
		 struct faults *f, const char **ret_why)
{
	struct json *root = members_read(a, body, ret_why);

	*r = (struct replay){.from_ms = now_ms - REPLAY_BACK_MS, .until_ms = now_ms};
	if (!root)
		return false;
	read_time(root, "from", &r->from_ms, f);
	read_time(root, "to", &r->until_ms, f);
	r->until_ms = MIN_OF(r->until_ms, now_ms); /* what is to come is told in any case */
	read_event(r, members_get(root, "event"), f);
	read_ids(r, members_get(root, "event_id"), members_get(root, "lead_id"), f);
	check_times(r, members_get(root, "from") != NULL, now_ms, f);
	members_refuse_others(root, members, ARRAY_LEN(members), f);
	return true;
}

void replay_build(const struct replay *r, const char *aff_id, int64_t now_ms, struct arena *a,
		  struct buf *out)
{
	Punnet__V1__ReplayRequest m = PUNNET__V1__REPLAY_REQUEST__INIT;

	m.aff_id = (char *)(uintptr_t)aff_id;
	m.from_ms = r->from_ms;
	m.until_ms = r->until_ms;
	m.kind = r->kind;
	m.event_id = arena_cstr(a, r->event_id);
	if (r->has_lead)
		m.lead_id = codec_lead_id(&r->lead_id);
	m.at_ms = now_ms;
	codec_pack(&m.base, out);
}
