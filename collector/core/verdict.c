/* verdict: see verdict.h. Unknown members are refused by name: about money nothing is dropped in silence. */
#include "verdict.h"

#include <sodium.h>

#include "lead/codec.h"
#include "members.h"

#define VERDICT_TIME_LEAST_MS 946684800000LL /* 2000-01-01 */

static const struct {
	const char *name;
	Punnet__V1__OutcomeKind kind;
} kinds[] = {
    {"approved", PUNNET__V1__OUTCOME_KIND__OUTCOME_APPROVED},
    {"returned", PUNNET__V1__OUTCOME_KIND__OUTCOME_RETURNED},
    {"sold", PUNNET__V1__OUTCOME_KIND__OUTCOME_SOLD},
    {"unreachable", PUNNET__V1__OUTCOME_KIND__OUTCOME_UNREACHABLE},
};

static void read_lead_id(struct verdict *v, const struct json *value, struct faults *f)
{
	if (!value)
		fault_add(f, SLICE("lead_id"), "required", "which lead is it about?");
	else if (value->type != JSON_STRING)
		fault_add(f, SLICE("lead_id"), "type", "expected a text");
	else if (!lead_id_parse(value->text, &v->lead_id))
		fault_add(f, SLICE("lead_id"), "invalid",
			  "expected the lead id as it was delivered");
}

static void read_kind(struct verdict *v, const struct json *value, struct faults *f)
{
	if (!value) {
		fault_add(f, SLICE("verdict"), "required",
			  "approved, returned, sold or unreachable");
		return;
	}
	if (value->type != JSON_STRING) {
		fault_add(f, SLICE("verdict"), "type", "expected a text");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (slice_is(value->text, kinds[i].name))
			v->kind = kinds[i].kind;
	if (v->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_KIND_UNSPECIFIED)
		fault_add(f, SLICE("verdict"), "invalid",
			  "expected approved, returned, sold or unreachable");
}

static void read_text(const struct json *value, const char *name, size_t max, struct slice *ret,
		      struct faults *f)
{
	if (!value)
		return;
	if (value->type != JSON_STRING)
		fault_add(f, slice_cstr(name), "type", "expected a text");
	else if (value->text.len > max)
		fault_add(f, slice_cstr(name), "too_long", "longer than this member may be");
	else if (memchr(value->text.data ? value->text.data : "", '\0', value->text.len))
		fault_add(f, slice_cstr(name), "nul", "a text holds no NUL");
	else
		*ret = value->text;
}

static void read_amount(struct verdict *v, const struct json *amount, const struct json *currency,
			struct faults *f)
{
	if (!amount && !currency)
		return;
	v->has_amount = true;
	if (!amount)
		fault_add(f, SLICE("amount_minor"), "required", "a currency needs its amount");
	else if (amount->type != JSON_NUMBER || !amount->is_integer)
		fault_add(f, SLICE("amount_minor"), "type", "expected an integer, in minor units");
	else if (amount->integer < 0)
		fault_add(f, SLICE("amount_minor"), "out_of_range",
			  "expected an amount of 0 or more");
	else
		v->amount.amount_minor = amount->integer;

	if (!currency)
		fault_add(f, SLICE("currency"), "required", "an amount needs its currency");
	else if (currency->type != JSON_STRING)
		fault_add(f, SLICE("currency"), "type", "expected a text");
	else if (!money_currency_known(currency->text) || currency->text.len != 3)
		fault_add(f, SLICE("currency"), "invalid", "expected three letters after ISO 4217");
	else
		memcpy(v->amount.currency, currency->text.data, 3);
}

static void read_at(const struct json *value, const char *name, int64_t now_ms, int64_t *ret_ms,
		    struct faults *f)
{
	int64_t at = 0;

	if (!value || !members_time(value, name, &at, f))
		return;
	if (at < VERDICT_TIME_LEAST_MS || at > now_ms + MS_PER_DAY)
		fault_add(f, slice_cstr(name), "out_of_range",
			  "expected a time from 2000 until tomorrow");
	else
		*ret_ms = at;
}

static struct slice make_id(const struct verdict *v, struct slice advertiser_id, struct arena *a)
{
	struct {
		uint8_t lead_id[16];
		int64_t kind, amount, at;
		char currency[8];
		uint64_t reason_len;
	} said = {
	    .kind = v->kind, .amount = v->has_amount ? v->amount.amount_minor : -1, .at = v->at_ms};
	crypto_generichash_state state;
	uint8_t hash[VERDICT_ID_MADE_LEN / 2];
	char *hex = arena_alloc(a, VERDICT_ID_MADE_LEN + 1);

	memcpy(said.lead_id, v->lead_id.bytes, sizeof(said.lead_id));
	memcpy(said.currency, v->amount.currency, sizeof(v->amount.currency));
	said.reason_len = v->reason_code.len;
	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	crypto_generichash_update(&state, (const uint8_t *)&said, sizeof(said));
	crypto_generichash_update(&state, (const uint8_t *)v->reason_code.data, v->reason_code.len);
	crypto_generichash_update(&state, (const uint8_t *)advertiser_id.data, advertiser_id.len);
	if (v->called_at_ms)
		crypto_generichash_update(&state, (const uint8_t *)&v->called_at_ms,
					  sizeof(v->called_at_ms));
	crypto_generichash_final(&state, hash, sizeof(hash));
	sodium_bin2hex(hex, VERDICT_ID_MADE_LEN + 1, hash, sizeof(hash));
	return slice_of(hex, VERDICT_ID_MADE_LEN);
}

static const char *const members[] = {
    "lead_id",  "verdict", "reason_code", "amount_minor",
    "currency", "at",      "called_at",   "verdict_id",
};

bool verdict_read(struct verdict *v, struct arena *a, struct slice body, struct slice advertiser_id,
		  int64_t now_ms, struct faults *f, const char **ret_why)
{
	struct json *root = members_read(a, body, ret_why);

	*v = (struct verdict){0};
	if (!root)
		return false;
	read_lead_id(v, members_get(root, "lead_id"), f);
	read_kind(v, members_get(root, "verdict"), f);
	read_text(members_get(root, "reason_code"), "reason_code", VERDICT_REASON_MAX,
		  &v->reason_code, f);
	if (v->kind == PUNNET__V1__OUTCOME_KIND__OUTCOME_RETURNED && v->reason_code.len == 0)
		fault_add(f, SLICE("reason_code"), "required",
			  "why is it returned? The webmaster reads it");
	read_amount(v, members_get(root, "amount_minor"), members_get(root, "currency"), f);
	read_at(members_get(root, "at"), "at", now_ms, &v->at_ms, f);
	read_at(members_get(root, "called_at"), "called_at", now_ms, &v->called_at_ms, f);
	read_text(members_get(root, "verdict_id"), "verdict_id", VERDICT_ID_MAX, &v->verdict_id, f);
	members_refuse_others(root, members, ARRAY_LEN(members), f);
	if (v->verdict_id.len == 0)
		v->verdict_id = make_id(v, advertiser_id, a);
	return true;
}

void verdict_build(const struct verdict *v, const char *advertiser_id, int64_t now_ms,
		   struct arena *a, struct buf *out)
{
	Punnet__V1__Outcome outcome;
	Punnet__V1__Provenance source;
	Punnet__V1__Money amount;

	punnet__v1__outcome__init(&outcome);
	punnet__v1__provenance__init(&source);
	punnet__v1__money__init(&amount);
	source.topic = (char *)(uintptr_t) "http";
	outcome.lead_id = codec_lead_id(&v->lead_id);
	outcome.source = &source;
	outcome.kind = v->kind;
	outcome.advertiser_id = (char *)(uintptr_t)advertiser_id;
	outcome.verdict_id = arena_cstr(a, v->verdict_id);
	outcome.reason_code = arena_cstr(a, v->reason_code);
	outcome.at_ms = v->at_ms ? v->at_ms : now_ms;
	outcome.called_at_ms = v->called_at_ms;
	if (v->has_amount) {
		amount.amount_minor = v->amount.amount_minor;
		amount.currency = (char *)(uintptr_t)v->amount.currency;
		outcome.amount = &amount;
	}
	codec_pack(&outcome.base, out);
}
