/* trace_search: leads of a time range by what else is known of them: their webmaster's click id or idempotency key, or the
 * contact, which needs the network's fingerprint key. leads.raw is read through; there is no index. */
#include <stdlib.h>

#include "base/timefmt.h"
#include "collector/core/raw_lead_parts.h"
#include "lead/contact.h"
#include "lead/wire_read.h"
#include "runtime/clock.h"
#include "runtime/keyring.h"
#include "trace.h"

enum { RAW_LEAD = 3, RAW_FINGERPRINTS = 6 };
enum { LEAD_AFF_ID = 2, LEAD_CLICK_ID = 8 };
enum { PRINT_PHONE = 2, PRINT_EMAIL = 3, PRINT_IDEMPOTENCY = 6 };

struct search {
	struct trace_found *found;
	struct slice click_id, webmaster;
	uint32_t print; /* which fingerprint; 0: none */
	struct fingerprint wanted;
};

static bool part_holds(struct slice message, uint32_t number, struct slice wanted)
{
	struct wire_walk w = wire_walk_of(message);
	struct wire_field f;

	while (wire_take_field(&w, &f))
		if (f.number == number && f.kind == WIRE_READ_BYTES)
			return slice_equal(f.bytes, wanted);
	return false;
}

static bool matches(void *ctx, struct slice value)
{
	const struct search *s = ctx;
	struct wire_walk w = wire_walk_of(value);
	struct wire_field f;
	bool right = s->webmaster.len == 0, hit = false;

	while (wire_take_field(&w, &f)) {
		if (f.kind != WIRE_READ_BYTES)
			continue;
		if (f.number == RAW_LEAD) {
			right = right || part_holds(f.bytes, LEAD_AFF_ID, s->webmaster);
			hit = hit || (s->click_id.len > 0 &&
				      part_holds(f.bytes, LEAD_CLICK_ID, s->click_id));
		} else if (f.number == RAW_FINGERPRINTS && s->print) {
			hit = hit || part_holds(f.bytes, s->print,
						slice_of(s->wanted.bytes, FINGERPRINT_LEN));
		}
	}
	return right && hit;
}

static bool take(void *ctx, _unused_ struct seek *seek, const struct found *f)
{
	const Punnet__V1__RawLead *m = f->message;
	struct trace_found *found = ((struct search *)ctx)->found;

	if (found->count < TRACE_FOUND_MAX &&
	    lead_id_from_bytes(m->lead_id.data, m->lead_id.len, &found->ids[found->count]))
		found->count++;
	return found->count == TRACE_FOUND_MAX;
}

/* --- what is looked for --- */

static void want_phone(struct search *s, const struct trace_wanted *w, const uint8_t *key)
{
	char normal[PHONE_TEXT_MAX];

	if (phone_normalise(slice_cstr(w->phone), slice_cstr(w->country), normal) ==
	    PHONE_NOT_DIGITS)
		return;
	s->print = PRINT_PHONE;
	s->wanted = fingerprint_of(key, FINGERPRINT_PHONE, slice_cstr(normal));
}

/* Mailboxes are the same whatever case their owner types. */
static void want_email(struct search *s, const struct trace_wanted *w, const uint8_t *key)
{
	char normal[EMAIL_TEXT_MAX + 1];

	(void)email_normalise(slice_cstr(w->email), normal);
	for (char *c = normal; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
	s->print = PRINT_EMAIL;
	s->wanted = fingerprint_of(key, FINGERPRINT_EMAIL, slice_cstr(normal));
}

/* As the collector makes it of a single lead. */
static void want_idempotency(struct search *s, const struct trace_wanted *w, const uint8_t *key)
{
	struct raw_lead_origin origin = {.aff_id = w->webmaster,
					 .idempotency_key = slice_cstr(w->idempotency_key),
					 .fingerprint_key = key};
	_cleanup_(buf_free) struct buf scratch = {0};
	struct draft *draft = calloc(1, sizeof(*draft));
	struct raw_lead_prints prints;

	assert(draft);
	raw_lead_prints(draft, &origin, SLICE(""), &scratch, &prints);
	free(draft);
	s->print = PRINT_IDEMPOTENCY;
	s->wanted = prints.idempotency;
}

static enum result want(struct trace *t, const struct trace_wanted *w, struct search *s)
{
	struct keyring *keys;

	s->click_id = slice_cstr(w->click_id);
	s->webmaster = slice_cstr(w->webmaster);
	if (w->click_id)
		return RESULT_OK;
	keys = keyring_open(config_text(t->tool->config, "common", "keys_dir"), false, &t->error);
	if (!keys)
		return RESULT_BAD;
	if (w->phone)
		want_phone(s, w, keyring_fingerprint_key(keys));
	else if (w->email)
		want_email(s, w, keyring_fingerprint_key(keys));
	else
		want_idempotency(s, w, keyring_fingerprint_key(keys));
	keyring_free(keys);
	return s->wanted.known
		   ? RESULT_OK
		   : error_set(&t->error, RESULT_BAD, "this can't be a phone or an e-mail");
}

enum result trace_search(struct trace *t, const struct trace_wanted *w, struct trace_found *ret)
{
	struct search search = {.found = ret};
	struct seek s = {.trace = t,
			 .topic = "leads.raw",
			 .type = &punnet__v1__raw_lead__descriptor,
			 .partition = -1,
			 .from_ms = w->from_ms,
			 .until_ms = w->to_ms,
			 .fn = take,
			 .matches = matches,
			 .ctx = &search};
	enum result r = want(t, w, &search);

	ret->count = 0;
	t->records_max = INT64_MAX / 2; /* all of the range */
	if (r == RESULT_OK)
		r = trace_seek(&s);
	t->records_max = 0;
	arena_reset(&t->arena);
	return r;
}
