/* punnet privacy report: every record of a person that the topics hold. Found by keyed fingerprint in leads.raw and leads.judged,
 * followed by lead id in the rest; nothing is opened, and nothing printed that would name the person. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/timefmt.h"
#include "person.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_outcomes.pb-c.h"
#include "proto/leads_raw.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "proto/market.pb-c.h"
#include "runtime/clock.h"
#include "runtime/keyring.h"
#include "runtime/opener.h"
#include "scan.h"
#include "topics.h"

#define HELD_MAX   100000 /* leads of one person */
#define PLACES_MAX 16     /* of one lead that are shown: a lead that was offered on has more */

struct place {
	enum scan_topic topic;
	int32_t partition;
	int64_t offset, written_at_ms;
	bool sealed; /* it holds the sealed contact */
};

struct held {
	struct lead_id id;
	int64_t received_at_ms;
	const char *vertical, *aff_id, *verdict;
	uint32_t key_day; /* 0: no sealed contact was seen */
	struct place places[PLACES_MAX];
	size_t place_count;
	Punnet__V1__Assignment *buyers[PLACES_MAX]; /* who got it, or may have */
	bool maybe[PLACES_MAX];
	size_t buyer_count;
};

struct report {
	struct tool *tool;
	struct keyring *keyring;
	struct directory *directory;
	struct contact_prints prints;
	struct map by_id;
	struct held **all;
	size_t count;
	bool too_many;
	struct arena arena;
	struct error error;
};

static const char *const topic_names[SCAN_TOPICS] = {
    [SCAN_DEAD] = "dead.letters",       [SCAN_RAW] = "leads.raw",
    [SCAN_JUDGED] = "leads.judged",     [SCAN_MARKET] = "market",
    [SCAN_ROUTED] = "leads.routed",     [SCAN_UNSOLD] = "leads.unsold",
    [SCAN_ATTEMPTS] = "leads.attempts", [SCAN_OUTCOMES] = "leads.outcomes",
};

/* --- finding --- */

static bool is_print(const struct fingerprint *f, ProtobufCBinaryData bytes)
{
	return f->known && bytes.len == FINGERPRINT_LEN &&
	       memcmp(f->bytes, bytes.data, FINGERPRINT_LEN) == 0;
}

static bool is_person(const struct report *r, const Punnet__V1__Fingerprints *f)
{
	return f && (is_print(&r->prints.phone, f->phone) || is_print(&r->prints.email, f->email) ||
		     is_print(&r->prints.mailbox, f->mailbox));
}

static struct held *held_of(struct report *r, ProtobufCBinaryData id)
{
	return id.len == sizeof(struct lead_id) ? map_get(&r->by_id, codec_bytes(id)) : NULL;
}

static struct held *hold(struct report *r, ProtobufCBinaryData id, const Punnet__V1__Lead *lead)
{
	struct held *h = held_of(r, id);
	struct lead_id read;

	if (h || !lead || !lead_id_from_bytes(id.data, id.len, &read))
		return h;
	if (r->count == HELD_MAX) {
		r->too_many = true;
		return NULL;
	}
	h = arena_calloc(&r->arena, 1, sizeof(*h));
	h->id = read;
	h->received_at_ms = lead->received_at_ms;
	h->vertical = arena_cstr(&r->arena, slice_cstr(lead->vertical));
	h->aff_id = arena_cstr(&r->arena, slice_cstr(lead->aff_id));
	h->verdict = "not judged";
	map_put(&r->by_id, slice_of(h->id.bytes, sizeof(h->id.bytes)), h);
	r->all[r->count++] = h;
	return h;
}

static void note(struct held *h, enum scan_topic topic, const struct bus_record *record,
		 const Punnet__V1__SealedContact *sealed)
{
	if (sealed)
		h->key_day = sealed->key_day;
	if (h->place_count < PLACES_MAX)
		h->places[h->place_count++] = (struct place){
		    .topic = topic,
		    .partition = record->partition,
		    .offset = record->offset,
		    .written_at_ms = record->timestamp_ms,
		    .sealed = sealed != NULL,
		};
}

static void see_raw(struct report *r, const struct bus_record *record, const Punnet__V1__RawLead *m)
{
	struct held *h = is_person(r, m->fingerprints) ? hold(r, m->lead_id, m->lead) : NULL;

	if (h)
		note(h, SCAN_RAW, record, m->contact);
}

static void see_judged(struct report *r, const struct bus_record *record,
		       const Punnet__V1__JudgedLead *m)
{
	static const char *const verdicts[] = {"not judged", "accepted", "rejected", "quarantined"};
	struct held *h = is_person(r, m->fingerprints) ? hold(r, m->lead_id, m->lead) : NULL;

	if (!h)
		return;
	if ((size_t)m->verdict < ARRAY_LEN(verdicts))
		h->verdict = verdicts[m->verdict];
	note(h, SCAN_JUDGED, record, m->contact);
}

static void see_outcome(struct report *r, const struct bus_record *record,
			const Punnet__V1__Outcome *m)
{
	struct held *h = held_of(r, m->lead_id);
	bool got = m->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_DELIVERED;

	if (!h)
		return;
	note(h, SCAN_OUTCOMES, record, NULL);
	if ((!got && m->kind != PUNNET__V1__OUTCOME_KIND__OUTCOME_UNRESOLVED) || !m->assignment ||
	    h->buyer_count == PLACES_MAX)
		return;

	_cleanup_(buf_free) struct buf packed = {0};

	codec_pack(&m->assignment->base, &packed);
	h->buyers[h->buyer_count] = codec_unpack(&r->arena, &punnet__v1__assignment__descriptor,
						 arena_dup(&r->arena, buf_slice(&packed)));
	h->maybe[h->buyer_count++] = !got;
}

/* Every message about a lead begins with its id. */
static void see_other(struct report *r, enum scan_topic topic, const struct bus_record *record,
		      const Punnet__V1__SealedContact *sealed, ProtobufCBinaryData id)
{
	struct held *h = held_of(r, id);

	if (h)
		note(h, topic, record, sealed);
}

static void see(void *ctx, enum scan_topic topic, const struct bus_record *record,
		const void *message)
{
	struct report *r = ctx;
	const Punnet__V1__RoutedLead *routed = message;
	const Punnet__V1__MarketEvent *event = message;
	struct slice id;

	if (!message || topic == SCAN_DEAD)
		return;
	if (topic == SCAN_RAW)
		see_raw(r, record, message);
	else if (topic == SCAN_JUDGED)
		see_judged(r, record, message);
	else if (topic == SCAN_OUTCOMES)
		see_outcome(r, record, message);
	else if (topic == SCAN_ROUTED)
		see_other(r, topic, record, routed->contact, routed->lead_id);
	else if (topic == SCAN_MARKET)
		see_other(r, topic, record,
			  event->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED
			      ? event->admitted->contact
			      : NULL,
			  event->lead_id);
	else if (codec_find(record->value, 1, &id))
		see_other(r, topic, record, NULL,
			  (ProtobufCBinaryData){id.len, (uint8_t *)id.data});
}

/* --- saying --- */

static void until_text(const struct report *r, const struct place *p, char ret[TIME_TEXT_LEN + 1])
{
	int64_t retention_ms = topic_retention_ms(topic_names[p->topic]);

	(void)r;
	if (retention_ms < 0)
		snprintf(ret, TIME_TEXT_LEN + 1, "forever");
	else
		time_text(p->written_at_ms + retention_ms, ret);
}

static void say_place(const struct report *r, const struct place *p, bool first)
{
	char until[TIME_TEXT_LEN + 1];

	until_text(r, p, until);
	if (r->tool->json)
		printf("%s{\"topic\":\"%s\",\"partition\":%d,\"offset\":%lld,\"sealed\":%s,"
		       "\"until\":\"%s\"}",
		       first ? "" : ",", topic_names[p->topic], (int)p->partition,
		       (long long)p->offset, p->sealed ? "true" : "false", until);
	else
		printf("  %-15s %d@%-10lld %-14s until %s\n", topic_names[p->topic],
		       (int)p->partition, (long long)p->offset,
		       p->sealed ? "sealed contact" : "lead id", until);
}

static void say_buyer(const struct report *r, const struct held *h, size_t i)
{
	const Punnet__V1__Assignment *a = h->buyers[i];

	if (!a)
		return;
	if (r->tool->json)
		printf("%s{\"advertiser\":\"%s\",\"order\":\"%s\",\"got_it\":\"%s\"}", i ? "," : "",
		       a->advertiser_id, a->order_id, h->maybe[i] ? "maybe" : "yes");
	else
		printf("  %s %s (order %s)\n", h->maybe[i] ? "may have reached" : "handed over to",
		       a->advertiser_id, a->order_id);
}

static const char *key_state(struct report *r, const struct held *h)
{
	return keyring_day_key(r->keyring, h->key_day, false) ? "kept" : "destroyed";
}

static void say_lead(struct report *r, const struct held *h)
{
	char id[LEAD_ID_TEXT_LEN + 1], at[TIME_TEXT_LEN + 1], day[KEYRING_DATE_LEN + 1] = "";
	const char *key = h->key_day ? key_state(r, h) : "none";

	lead_id_text(&h->id, id);
	time_text(h->received_at_ms, at);
	if (h->key_day)
		keyring_date(h->key_day, day);
	if (!r->tool->json) {
		printf("%s  %s  %s from %s, %s; key %s %s\n", id, at, h->vertical, h->aff_id,
		       h->verdict, day, key);
		for (size_t i = 0; i < h->place_count; i++)
			say_place(r, &h->places[i], false);
		for (size_t i = 0; i < h->buyer_count; i++)
			say_buyer(r, h, i);
		return;
	}
	printf(
	    "{\"lead_id\":\"%s\",\"received_at\":\"%s\",\"vertical\":\"%s\",\"webmaster\":\"%s\","
	    "\"verdict\":\"%s\",\"key_day\":\"%s\",\"key\":\"%s\",\"records\":[",
	    id, at, h->vertical, h->aff_id, h->verdict, day, key);
	for (size_t i = 0; i < h->place_count; i++)
		say_place(r, &h->places[i], i == 0);
	printf("],\"handed_to\":[");
	for (size_t i = 0; i < h->buyer_count; i++)
		say_buyer(r, h, i);
	printf("]}\n");
}

static struct slice print_slice(const struct fingerprint *f)
{
	return f->known ? slice_of(f->bytes, FINGERPRINT_LEN) : (struct slice){0};
}

static bool is_suppressed(const struct report *r)
{
	const Punnet__V1__DirectoryEntry *e;

	for (size_t i = 0; directory_at(r->directory, i, &e); i++) {
		const Punnet__V1__Suppression *s = e->suppression;

		if (e->entry_case == PUNNET__V1__DIRECTORY_ENTRY__ENTRY_SUPPRESSION &&
		    (is_print(&r->prints.phone, s->phone) || is_print(&r->prints.email, s->email) ||
		     is_print(&r->prints.mailbox, s->mailbox)))
			return true;
	}
	return false;
}

static void say_standing(struct report *r)
{
	const struct opener opener = {.directory = r->directory};
	const struct person person = {.phone = print_slice(&r->prints.phone),
				      .email = print_slice(&r->prints.email),
				      .mailbox = print_slice(&r->prints.mailbox)};
	int64_t erased_at_ms = opener_erased_at_ms(&opener, &person);
	char at[TIME_TEXT_LEN + 1] = "";

	if (erased_at_ms)
		time_text(erased_at_ms, at);
	if (r->tool->json)
		printf("{\"leads\":%zu,\"erased_at\":\"%s\",\"suppressed\":%s,\"complete\":%s}\n",
		       r->count, at, is_suppressed(r) ? "true" : "false",
		       r->too_many ? "false" : "true");
	else
		printf(
		    "%zu leads%s; %s%s; %s\n"
		    "Redis holds fingerprints of accepted leads for at most 182 days; the ledger "
		    "names lead ids only\n",
		    r->count, r->too_many ? ", and more that are not shown" : "",
		    at[0] ? "erased at " : "not erased", at,
		    is_suppressed(r) ? "suppressed" : "not suppressed");
}

static int report(struct report *r)
{
	struct scan *s = scan_open(r->tool->bus, &r->error);
	enum result result;

	if (!s)
		return tool_fail("privacy", RESULT_AWAY, &r->error);
	scan_skip(s, SCAN_DEAD);
	result = scan_measure(s, &r->error);
	if (result == RESULT_OK)
		result = scan_read(s, see, r, &r->error);
	scan_close(s);
	if (result != RESULT_OK)
		return tool_fail("privacy", result, &r->error);
	for (size_t i = 0; i < r->count; i++)
		say_lead(r, r->all[i]);
	say_standing(r);
	return r->too_many ? TOOL_FOUND : TOOL_DONE;
}

int command_privacy(struct tool *t, int argc, char **argv)
{
	struct report r = {.tool = t};
	struct person_given given = {0};
	const char *fault;
	int status;

	person_options(&given, &argc, argv);
	fault = person_read(&given);
	if (argc != 2 || strcmp(argv[1], "report") != 0)
		fault = "expected report";
	if (fault)
		return tool_usage("privacy", "%s", fault);
	if (!tool_bus(t, "privacy"))
		return TOOL_AWAY;
	r.keyring = keyring_open(config_text(t->config, "common", "keys_dir"), false, &r.error);
	r.directory = r.keyring ? directory_open(t->bus, TOOL_TIMEOUT_MS, &r.error) : NULL;
	if (!r.directory) {
		status = tool_fail("privacy", r.keyring ? RESULT_AWAY : RESULT_BAD, &r.error);
	} else {
		person_prints(&given, r.keyring, &r.prints);
		r.all = calloc(HELD_MAX, sizeof(*r.all));
		assert(r.all);
		status = report(&r);
	}
	free(r.all);
	map_free(&r.by_id);
	directory_close(r.directory);
	keyring_free(r.keyring);
	arena_free(&r.arena);
	return status;
}
