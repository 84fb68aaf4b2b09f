/* postback: see postback.h. */
#include "postback.h"

#include "base/json.h"
#include "base/money.h"
#include "base/timefmt.h"
#include "lead/codec.h"

#define VALUE_ROOM 40 /* of a value that is made: a number, a time, an id */

enum place {
#define PLACE(name, text, to, meaning) PLACE_##name,
#include "postback_places.def"
#undef PLACE
	PLACE_COUNT
};

static const char *const place_names[PLACE_COUNT] = {
#define PLACE(name, text, to, meaning) text,
#include "postback_places.def"
#undef PLACE
};

/* The audiences that have it, a bit each. */
#define TO(audience) (1u << (audience))
#define TO_WEBMASTER TO(POSTBACK_WEBMASTER)
#define TO_ALERTED   TO(POSTBACK_ALERTED)
#define TO_OPERATOR  TO(POSTBACK_OPERATOR)
#define TO_BOTH      (TO_WEBMASTER | TO_ALERTED)
#define TO_ALL       (TO_WEBMASTER | TO_ALERTED | TO_OPERATOR)
static const unsigned place_audiences[PLACE_COUNT] = {
#define PLACE(name, text, to, meaning) TO_##to,
#include "postback_places.def"
#undef PLACE
};

static const char *const event_names[] = {
    [PUNNET__V1__STATUS_KIND__STATUS_DELIVERED] = "delivered",
    [PUNNET__V1__STATUS_KIND__STATUS_APPROVED] = "approved",
    [PUNNET__V1__STATUS_KIND__STATUS_RETURNED] = "returned",
    [PUNNET__V1__STATUS_KIND__STATUS_PAID] = "paid",
    [PUNNET__V1__STATUS_KIND__STATUS_CIRCUIT_OPENED] = "circuit_opened",
    [PUNNET__V1__STATUS_KIND__STATUS_CIRCUIT_CLOSED] = "circuit_closed",
    [PUNNET__V1__STATUS_KIND__STATUS_ORDER_SHORT] = "order_short",
    [PUNNET__V1__STATUS_KIND__STATUS_ORDER_AHEAD] = "order_ahead",
    [PUNNET__V1__STATUS_KIND__STATUS_ORDER_FILLED] = "order_filled",
    [PUNNET__V1__STATUS_KIND__STATUS_DEAD_LETTERS] = "dead_letters",
    [PUNNET__V1__STATUS_KIND__STATUS_AUDIT_BROKEN] = "audit_broken",
    [PUNNET__V1__STATUS_KIND__STATUS_AUDIT_HOLDS] = "audit_holds",
};

const char *postback_event_name(Punnet__V1__StatusKind kind)
{
	return (size_t)kind < ARRAY_LEN(event_names) && event_names[kind] ? event_names[kind] : "";
}

enum postback_audience postback_audience_of(Punnet__V1__StatusKind kind)
{
	if (kind < PUNNET__V1__STATUS_KIND__STATUS_CIRCUIT_OPENED)
		return POSTBACK_WEBMASTER;
	return kind < PUNNET__V1__STATUS_KIND__STATUS_DEAD_LETTERS ? POSTBACK_ALERTED
								   : POSTBACK_OPERATOR;
}

/* Whose events and places it may have: a bit each. */
static unsigned heard_by(enum postback_audience audience)
{
	return audience == POSTBACK_OPERATOR ? TO_ALERTED | TO_OPERATOR : TO(audience);
}

bool postback_event_known(struct slice name, enum postback_audience audience)
{
	for (size_t i = 1; i < ARRAY_LEN(event_names); i++)
		if (slice_is(name, event_names[i]))
			return (heard_by(audience) &
				TO(postback_audience_of((Punnet__V1__StatusKind)i))) != 0;
	return false;
}

/* --- the URL --- */

struct slice postback_host(struct slice url)
{
	size_t at = 0;

	while (at < url.len && url.data[at] != ':')
		at++;
	at += MIN_OF((size_t)3, url.len - at); /* :// */
	while (at < url.len && !memchr("/?#", url.data[at], 3))
		at++;
	return slice_of(url.data, at);
}

/* What stands between braces at the head of text; PLACE_COUNT: nothing that is known. */
static enum place place_at(struct slice text, size_t *ret_len)
{
	const char *end = memchr(text.data, '}', text.len);
	struct slice name;

	if (!end)
		return PLACE_COUNT;
	name = slice_of(text.data + 1, (size_t)(end - text.data) - 1);
	*ret_len = name.len + 2;
	for (size_t i = 0; i < PLACE_COUNT; i++)
		if (slice_is(name, place_names[i]))
			return (enum place)i;
	return PLACE_COUNT;
}

static bool place_fits(struct slice text, enum postback_audience audience, size_t *ret_len)
{
	enum place p = place_at(text, ret_len);

	return p != PLACE_COUNT && (place_audiences[p] & heard_by(audience)) != 0;
}

enum result postback_check(struct slice url, enum postback_audience audience,
			   struct error *ret_error)
{
	struct slice host = postback_host(url);
	size_t len = 1;

	if (url.len >= POSTBACK_URL_MAX || !endpoint_url_usable(url))
		return error_set(ret_error, RESULT_BAD,
				 "expected an http or https URL of at most %d bytes",
				 POSTBACK_URL_MAX - 1);
	if (host.len >= POSTBACK_HOST_MAX || memchr(host.data, '{', host.len))
		return error_set(ret_error, RESULT_BAD, "places stand behind the host");
	for (size_t at = 0; at < url.len; at += len) {
		struct slice rest = slice_of(url.data + at, url.len - at);

		len = 1;
		if (*rest.data == '}')
			return error_set(ret_error, RESULT_BAD, "a } without its {");
		if (*rest.data == '{' && !place_fits(rest, audience, &len))
			return error_set(
			    ret_error, RESULT_BAD,
			    "\"" SLICE_FMT "\": no such place; docs/%s.md has all of them",
			    SLICE_ARG(slice_of(rest.data, MIN_OF(rest.len, (size_t)32))),
			    audience == POSTBACK_WEBMASTER ? "money" : "delivery");
	}
	return RESULT_OK;
}

/* --- values --- */

static struct slice money_value(const Punnet__V1__Money *m, char room[VALUE_ROOM])
{
	const char *space;

	if (!m)
		return slice_of(NULL, 0);
	money_text(m->amount_minor, m->currency, room, VALUE_ROOM);
	space = strchr(room, ' ');
	return slice_of(room, space ? (size_t)(space - room) : strlen(room));
}

static struct slice number_value(int64_t n, char room[VALUE_ROOM])
{
	struct buf b = {.data = room, .cap = VALUE_ROOM, .max = VALUE_ROOM};

	buf_append_int(&b, n);
	assert(!b.failed && b.data == room);
	return buf_slice(&b);
}

static struct slice lead_value(const Punnet__V1__StatusEvent *e, char room[VALUE_ROOM])
{
	struct lead_id id;

	if (!lead_id_from_bytes(e->lead_id.data, e->lead_id.len, &id))
		return slice_of(NULL, 0);
	lead_id_text(&id, room);
	return slice_cstr(room);
}

/* Of an alert; empty where it is about something else. */
static struct slice count_value(enum place p, const Punnet__V1__StatusEvent *e,
				char room[VALUE_ROOM])
{
	uint64_t n = p == PLACE_HOUR_LEADS ? e->hour_leads
		     : p == PLACE_QUANTITY ? e->quantity
		     : p == PLACE_TAKEN    ? e->taken
		     : p == PLACE_PLANNED  ? e->planned
					   : e->expected;
	bool of_order = p != PLACE_HOUR_LEADS;

	if (postback_audience_of(e->kind) != POSTBACK_ALERTED)
		return slice_of(NULL, 0);
	if (of_order != (*e->order_id != 0))
		return slice_of(NULL, 0);
	return number_value((int64_t)n, room);
}

static struct slice value_of(enum place p, const Punnet__V1__StatusEvent *e, char room[VALUE_ROOM])
{
	const char *const texts[PLACE_COUNT] = {
	    [PLACE_EVENT] = postback_event_name(e->kind),
	    [PLACE_EVENT_ID] = e->event_id,
	    [PLACE_CLICK_ID] = e->click_id,
	    [PLACE_SUB1] = e->sub1,
	    [PLACE_SUB2] = e->sub2,
	    [PLACE_SUB3] = e->sub3,
	    [PLACE_SUB4] = e->sub4,
	    [PLACE_SUB5] = e->sub5,
	    [PLACE_CURRENCY] = e->payout      ? e->payout->currency
			       : e->hour_cost ? e->hour_cost->currency
					      : "",
	    [PLACE_VERTICAL] = e->vertical,
	    [PLACE_REASON_CODE] = e->reason_code,
	    [PLACE_REFERENCE] = e->reference,
	    [PLACE_IS_TEST] = e->is_test ? "1" : "0",
	    [PLACE_ADVERTISER] = e->advertiser_id,
	    [PLACE_ORDER_ID] = e->order_id,
	    [PLACE_TOPIC] = e->topic,
	    [PLACE_FIRST] = e->first,
	};

	if (texts[p])
		return slice_cstr(texts[p]);
	switch (p) {
	case PLACE_LEAD_ID:
		return lead_value(e, room);
	case PLACE_PAYOUT_MINOR:
		return e->payout ? number_value(e->payout->amount_minor, room) : slice_of(NULL, 0);
	case PLACE_PAYOUT:
		return money_value(e->payout, room);
	case PLACE_ROUND:
		return number_value(e->round, room);
	case PLACE_AT_UNIX:
		return number_value(e->at_ms / MS_PER_S, room);
	case PLACE_QUANTITY:
	case PLACE_TAKEN:
	case PLACE_PLANNED:
	case PLACE_EXPECTED:
	case PLACE_HOUR_LEADS:
		return count_value(p, e, room);
	case PLACE_FOUND:
		return postback_audience_of(e->kind) == POSTBACK_OPERATOR
			   ? number_value((int64_t)e->found, room)
			   : slice_of(NULL, 0);
	case PLACE_HOUR_COST:
		return money_value(e->hour_cost, room);
	default:
		assert(p == PLACE_AT);
		time_text(e->at_ms, room);
		return slice_cstr(room);
	}
}

static void append_percent(struct buf *out, struct slice s)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] && strchr(plain, s.data[i]))
			buf_append_char(out, s.data[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)s.data[i]);
	}
}

bool postback_write_url(struct slice url, const Punnet__V1__StatusEvent *e, struct buf *out)
{
	size_t len;

	for (size_t at = 0; at < url.len; at += len) {
		struct slice rest = slice_of(url.data + at, url.len - at);
		char room[VALUE_ROOM];
		enum place p;

		len = 1;
		if (*rest.data != '{') {
			buf_append_char(out, *rest.data);
			continue;
		}
		p = place_at(rest, &len);
		if (p == PLACE_COUNT)
			return false; /* nobody checked it */
		append_percent(out, value_of(p, e, room));
	}
	return !out->failed && out->len < POSTBACK_WRITTEN_MAX;
}

void postback_write_body(const Punnet__V1__StatusEvent *e, struct buf *out)
{
	enum postback_audience audience = postback_audience_of(e->kind);
	const char *between = "";
	char room[VALUE_ROOM];

	buf_append_char(out, '{');
	json_write_member(out, "type", slice_cstr(postback_event_name(e->kind)));
	buf_append_char(out, ',');
	json_write_member(out, "timestamp", value_of(PLACE_AT, e, room));
	buf_append_cstr(out, ",\"data\":{");
	for (size_t i = 0; i < PLACE_COUNT; i++) {
		if ((place_audiences[i] & TO(audience)) == 0)
			continue;
		buf_append_cstr(out, between);
		between = ",";
		if (i == PLACE_PAYOUT_MINOR)
			json_write_member_int(out, place_names[i],
					      e->payout ? e->payout->amount_minor : 0);
		else
			json_write_member(out, place_names[i], value_of((enum place)i, e, room));
	}
	buf_append_cstr(out, "}}");
}

/* --- answers --- */

static const enum attempt_result end_results[POSTBACK_END_COUNT] = {
#define END(name, code, result) ATTEMPT_##result,
#include "postback_ends.def"
#undef END
};

static const char *const end_codes[POSTBACK_END_COUNT] = {
#define END(name, code, result) code,
#include "postback_ends.def"
#undef END
};

enum attempt_result postback_result(enum postback_end end)
{
	return end_results[end];
}

const char *postback_end_code(enum postback_end end)
{
	return end_codes[end];
}

enum postback_end postback_judge(const struct transport_answer *answer)
{
	uint32_t status = answer->http_status;

	if (answer->end == TRANSPORT_ADDRESS_REFUSED)
		return POSTBACK_ADDRESS_REFUSED;
	if (answer->end == TRANSPORT_URL_UNUSABLE)
		return POSTBACK_URL_UNUSABLE;
	if (answer->end == TRANSPORT_NOT_SENT)
		return POSTBACK_UNREACHABLE;
	if (status == 0)
		return POSTBACK_NO_ANSWER;
	if (status <= 299)
		return POSTBACK_ARRIVED; /* whatever becomes of the body: nobody reads it */
	if (status == 408 || status == 425 || status == 429)
		return POSTBACK_BUSY;
	if (status == 410)
		return POSTBACK_GONE;
	return status >= 500 ? POSTBACK_ERROR : POSTBACK_REFUSED;
}
