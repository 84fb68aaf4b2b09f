/* punnet directory: declared entries against the compacted topic; what differs is published.
 * Keys and secrets are never in the file. An entry that is new gets a key (and a signing secret, sealed under the master
 * key); both are appended to the keys file and to secrets.csv beside it, once, before the entry is published. */
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "advertiser_contract.h"
#include "lead/contact.h"
#include "lead/contact_prints.h"
#include "proto/market.pb-c.h"
#include "rate_card.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/keyring.h"
#include "runtime/secret.h"
#include "runtime/yaml.h"
#include "secret_lines.h"
#include "tiers_core.h"
#include "tool.h"
#include "webmaster_postbacks.h"

#define KEY_BYTES    24
#define SECRET_BYTES 32
#define MASTER_LEN   32

typedef Punnet__V1__DirectoryEntry entry;

struct apply {
	struct tool *tool;
	struct directory *directory;
	struct keyring *keyring;
	struct arena arena;
	struct yaml_faults faults;
	const char *keys_file;
	size_t created, changed, same;
	struct error error;
	enum result result;
};

static char *text_of(struct apply *a, const struct yaml *map, const char *key, const char *fallback)
{
	struct slice s = slice_cstr(fallback);

	yaml_text(map, key, &s, &a->faults);
	return arena_cstr(&a->arena, s);
}

static int64_t int_of(struct apply *a, const struct yaml *map, const char *key, int64_t least,
		      int64_t most, int64_t fallback)
{
	yaml_int(map, key, least, most, &fallback, &a->faults);
	return fallback;
}

static bool bool_of(struct apply *a, const struct yaml *map, const char *key)
{
	bool value = false;

	yaml_bool(map, key, &value, &a->faults);
	return value;
}

static char **list_of(struct apply *a, const struct yaml *map, const char *key, size_t *ret_count)
{
	const struct yaml *list = yaml_get(map, key);
	char **items;
	size_t n = 0;

	*ret_count = 0;
	if (!list)
		return NULL;
	if (list->type != YAML_LIST) {
		yaml_fault(&a->faults, list->line, "%s: expected a list", key);
		return NULL;
	}
	items = arena_calloc(&a->arena, list->count + 1, sizeof(*items));
	for (const struct yaml *item = list->child; item; item = item->next)
		items[n++] = arena_cstr(&a->arena, item->text);
	*ret_count = n;
	return items;
}

/* --- keys --- */

static Punnet__V1__ApiKey **make_key(struct apply *a, const char *role, const char *id)
{
	Punnet__V1__ApiKey **keys = arena_calloc(&a->arena, 1, sizeof(*keys));
	uint8_t raw[KEY_BYTES], *hash = arena_alloc(&a->arena, crypto_generichash_BYTES);
	char text[64], key[96];

	clock_random(raw, sizeof(raw));
	sodium_bin2base64(text, sizeof(text), raw, sizeof(raw),
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	snprintf(key, sizeof(key), "%.2s_%s", role, text);
	a->result = secret_line_add(a->keys_file, "role,id,key", role, id, key, &a->error);
	if (a->result != RESULT_OK)
		return NULL;
	crypto_generichash(hash, crypto_generichash_BYTES, (const uint8_t *)key, strlen(key), NULL,
			   0);
	keys[0] = arena_alloc(&a->arena, sizeof(**keys));
	punnet__v1__api_key__init(keys[0]);
	keys[0]->key_hash = (ProtobufCBinaryData){.len = crypto_generichash_BYTES, .data = hash};
	return keys;
}

static ProtobufCBinaryData keep(struct apply *a, const void *bytes, size_t len)
{
	return (ProtobufCBinaryData){
	    .len = len, .data = (uint8_t *)arena_dup(&a->arena, slice_of(bytes, len)).data};
}

static ProtobufCBinaryData make_secret(struct apply *a, const char *role, const char *id,
				       const char *entry_id)
{
	uint8_t raw[SECRET_BYTES], nonce[SEAL_NONCE_LEN];
	char base64[64], text[80], *folder = arena_cstr(&a->arena, slice_cstr(a->keys_file));
	_cleanup_(buf_free) struct buf sealed = {0};

	clock_random(raw, sizeof(raw));
	clock_random(nonce, sizeof(nonce));
	sodium_bin2base64(base64, sizeof(base64), raw, sizeof(raw), sodium_base64_VARIANT_ORIGINAL);
	snprintf(text, sizeof(text), "whsec_%s", base64);
	a->result = secret_line_add(arena_printf(&a->arena, "%s/secrets.csv", dirname(folder)),
				    "role,id,secret", role, id, text, &a->error);
	if (a->result != RESULT_OK)
		return (ProtobufCBinaryData){0};
	secret_seal(keyring_master_key(a->keyring), slice_cstr(entry_id),
		    slice_of(raw, sizeof(raw)), nonce, &sealed);
	return keep(a, sealed.data, sealed.len);
}

/* --- publishing what differs --- */

static const entry *known(const struct apply *a, const char *kind, const char *id)
{
	return directory_get(a->directory, kind, slice_cstr(id));
}

static bool same(const entry *old, entry *new)
{
	struct buf was = {0}, is = {0};
	bool equal;

	if (!old)
		return false;
	new->revision = old->revision;
	codec_pack(&old->base, &was);
	codec_pack(&new->base, &is);
	equal = slice_equal(buf_slice(&was), buf_slice(&is));
	buf_free(&was);
	buf_free(&is);
	return equal;
}

static bool differs(struct apply *a, const entry *old, entry *new)
{
	if (same(old, new)) {
		a->same++;
		return false;
	}
	new->revision = (old ? old->revision : 0) + 1;
	*(old ? &a->changed : &a->created) += 1;
	return true;
}

static void put(struct apply *a, const entry *e)
{
	if (a->result == RESULT_OK)
		a->result =
		    tool_produce(a->tool, "directory", 0, slice_cstr(e->id), &e->base, &a->error);
}

static void publish(struct apply *a, const entry *old, entry *new)
{
	if (differs(a, old, new))
		put(a, new);
}

static entry *new_entry(struct apply *a, const char *kind, const char *id)
{
	entry *e = arena_alloc(&a->arena, sizeof(*e));

	assert(id);
	punnet__v1__directory_entry__init(e);
	e->id = arena_printf(&a->arena, "%s/%s", kind, id);
	return e;
}

static void apply_vertical(struct apply *a, const struct yaml *item, const char *id)
{
	entry *e = new_entry(a, "vertical", id);
	Punnet__V1__Vertical *v = arena_alloc(&a->arena, sizeof(*v));
	const struct yaml *fields = yaml_get(item, "fields");
	Punnet__V1__MarketEvent event = PUNNET__V1__MARKET_EVENT__INIT;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;

	punnet__v1__vertical__init(v);
	v->name = text_of(a, item, "name", id);
	v->market_partition = (uint32_t)int_of(a, item, "market_partition", 0, 1000, 0);
	v->currency = text_of(a, item, "currency", "RUB");
	v->payout_share_bp = (uint32_t)int_of(a, item, "payout_share_bp", 0, 10000, 7000);
	v->fields = arena_calloc(&a->arena, (fields ? fields->count : 0) + 1, sizeof(*v->fields));
	for (const struct yaml *f = fields ? fields->child : NULL; f; f = f->next) {
		Punnet__V1__VerticalField *field = arena_alloc(&a->arena, sizeof(*field));

		punnet__v1__vertical_field__init(field);
		field->name = text_of(a, f, "name", "");
		field->type = text_of(a, f, "type", "text");
		field->required = bool_of(a, f, "required");
		field->min = int_of(a, f, "min", INT64_MIN, INT64_MAX, 0);
		field->max = int_of(a, f, "max", INT64_MIN, INT64_MAX, 0);
		yaml_refuse_unknown(f, "field", "name, type, required, min, max", &a->faults);
		v->fields[v->n_fields++] = field;
	}
	e->entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_VERTICAL;
	e->vertical = v;
	v->card = rate_card_read(&a->arena, item, id, v->payout_share_bp, &a->faults);
	tiers_keep(&a->arena, known(a, "vertical", id), v->card);
	yaml_refuse_unknown(
	    item, "vertical",
	    "id, name, market_partition, currency, payout_share_bp, fields, " RATE_CARD_KEYS,
	    &a->faults);
	if (a->faults.count || !differs(a, known(a, "vertical", id), e) || a->result != RESULT_OK)
		return;
	/* The rate goes to the market as well: a routing decision depends on nothing that is not in its log. It goes there first: what
	 * the directory has is taken for published. */
	source.topic = (char *)"operator";
	event.source = &source;
	event.event_case = PUNNET__V1__MARKET_EVENT__EVENT_RATE;
	event.rate = v->card;
	a->result = tool_produce(a->tool, "market", (int32_t)v->market_partition, slice_cstr(id),
				 &event.base, &a->error);
	fault_point("directory_half_published");
	put(a, e);
}

static void apply_webmaster(struct apply *a, const struct yaml *item, const char *id)
{
	const entry *old = known(a, "webmaster", id);
	entry *e = new_entry(a, "webmaster", id);
	Punnet__V1__Webmaster *w = arena_alloc(&a->arena, sizeof(*w));

	punnet__v1__webmaster__init(w);
	w->name = text_of(a, item, "name", id);
	w->require_signature = bool_of(a, item, "require_signature");
	w->rate_per_s = (uint32_t)int_of(a, item, "rate_per_s", 1, 1000000, 0);
	w->burst = (uint32_t)int_of(a, item, "burst", 1, 10000000, 0);
	w->strict_fields = bool_of(a, item, "strict_fields");
	w->default_country = text_of(a, item, "default_country", "");
	w->page_origins = list_of(a, item, "page_origins", &w->n_page_origins);
	w->suspended = bool_of(a, item, "suspended");
	webmaster_postbacks_read(&a->arena, item, w, &a->faults);
	if (w->default_country[0] && !country_known(slice_cstr(w->default_country)))
		yaml_fault(&a->faults, item->line,
			   "default_country: \"%s\": expected two letters after ISO 3166-1",
			   w->default_country);
	yaml_refuse_unknown(item, "webmaster",
			    "id, name, require_signature, rate_per_s, burst, strict_fields, "
			    "default_country, page_origins, suspended, postbacks",
			    &a->faults);
	e->entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_WEBMASTER;
	e->webmaster = w;
	if (a->faults.count)
		return;
	if (old) {
		w->n_keys = old->webmaster->n_keys;
		w->keys = old->webmaster->keys;
		w->sealed_secret = old->webmaster->sealed_secret;
	} else {
		w->keys = make_key(a, "webmaster", id);
		w->n_keys = w->keys ? 1 : 0;
		w->sealed_secret = make_secret(a, "webmaster", id, e->id);
	}
	publish(a, old, e);
}

static void apply_advertiser(struct apply *a, const struct yaml *item, const char *id)
{
	const entry *old = known(a, "advertiser", id);
	entry *e = new_entry(a, "advertiser", id);
	Punnet__V1__Advertiser *v = arena_alloc(&a->arena, sizeof(*v));

	punnet__v1__advertiser__init(v);
	v->name = text_of(a, item, "name", id);
	v->require_signature = bool_of(a, item, "require_signature");
	v->hold_days = (uint32_t)int_of(a, item, "hold_days", 0, 365, 14);
	v->return_window_days = (uint32_t)int_of(a, item, "return_window_days", 0, 365, 7);
	v->max_in_flight = (uint32_t)int_of(a, item, "max_in_flight", 1, 10000, 0);
	v->deliveries_per_s = (uint32_t)int_of(a, item, "deliveries_per_s", 1, 100000, 0);
	v->suspended = bool_of(a, item, "suspended");
	advertiser_contract_read(&a->arena, item, v, &a->faults);
	advertiser_alerts_read(&a->arena, item, v, &a->faults);
	if (v->return_window_days > v->hold_days)
		yaml_fault(&a->faults, item->line,
			   "advertiser %s: return_window_days %u: expected at most hold_days %u",
			   id, v->return_window_days, v->hold_days);
	yaml_refuse_unknown(
	    item, "advertiser",
	    "id, name, require_signature, hold_days, return_window_days, max_in_flight, "
	    "deliveries_per_s, suspended, quality, vat_percent, returns_max_percent, "
	    "own_cause_returns, alerts",
	    &a->faults);
	e->entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ADVERTISER;
	e->advertiser = v;
	if (a->faults.count)
		return;
	if (old) {
		v->n_keys = old->advertiser->n_keys;
		v->keys = old->advertiser->keys;
		v->sealed_secret = old->advertiser->sealed_secret;
	} else {
		v->keys = make_key(a, "advertiser", id);
		v->n_keys = v->keys ? 1 : 0;
		v->sealed_secret = make_secret(a, "advertiser", id, e->id);
	}
	publish(a, old, e);
}

static void apply_operator(struct apply *a, const struct yaml *item, const char *id)
{
	const entry *old = known(a, "operator", id);
	entry *e = new_entry(a, "operator", id);
	Punnet__V1__Operator *o = arena_alloc(&a->arena, sizeof(*o));

	punnet__v1__operator__init(o);
	o->name = text_of(a, item, "name", id);
	operator_alerts_read(&a->arena, item, o, &a->faults);
	e->entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_OPERATOR;
	e->operator_ = o;
	if (a->faults.count)
		return;
	if (old) {
		o->n_keys = old->operator_->n_keys;
		o->keys = old->operator_->keys;
		o->sealed_secret = old->operator_->sealed_secret;
	} else {
		o->keys = make_key(a, "operator", id);
		o->n_keys = o->keys ? 1 : 0;
	}
	if (operator_signs(o) && o->sealed_secret.len == 0)
		o->sealed_secret = make_secret(a, "operator", id, e->id);
	publish(a, old, e);
}

/* A suppression's id is its fingerprint, so that the same person is one entry. */
static void apply_suppression(struct apply *a, const struct yaml *item, _unused_ const char *unused)
{
	Punnet__V1__Suppression *s = arena_alloc(&a->arena, sizeof(*s));
	struct slice phone = {0}, email = {0};
	struct contact_prints prints;
	char phone_text[PHONE_TEXT_MAX] = "", email_text[EMAIL_TEXT_MAX + 1] = "",
	     hex[2 * FINGERPRINT_LEN + 1] = "";
	entry *e;

	punnet__v1__suppression__init(s);
	yaml_text(item, "phone", &phone, &a->faults);
	yaml_text(item, "email", &email, &a->faults);
	s->reason_code = text_of(a, item, "reason", "do_not_call");
	yaml_refuse_unknown(item, "suppression", "phone, email, reason", &a->faults);
	if (phone.len && phone_normalise(phone, (struct slice){NULL, 0}, phone_text) != PHONE_E164)
		yaml_fault(&a->faults, item->line,
			   "phone: \"" SLICE_FMT "\": expected E.164, for example +79161234567",
			   SLICE_ARG(phone));
	if (email.len && email_normalise(email, email_text) != EMAIL_OK)
		yaml_fault(&a->faults, item->line,
			   "email: \"" SLICE_FMT "\": expected an e-mail address",
			   SLICE_ARG(email));
	if (!phone.len && !email.len)
		yaml_fault(&a->faults, item->line, "suppression: expected a phone or an email");
	if (a->faults.count)
		return;
	contact_prints_of(keyring_fingerprint_key(a->keyring), slice_cstr(phone_text),
			  slice_cstr(email_text), &prints);
	s->phone = keep(a, prints.phone.bytes, prints.phone.known ? FINGERPRINT_LEN : 0);
	s->email = keep(a, prints.email.bytes, prints.email.known ? FINGERPRINT_LEN : 0);
	s->mailbox = keep(a, prints.mailbox.bytes, prints.mailbox.known ? FINGERPRINT_LEN : 0);
	sodium_bin2hex(hex, sizeof(hex), s->phone.len ? s->phone.data : s->email.data,
		       FINGERPRINT_LEN);
	e = new_entry(a, "suppression", hex);
	e->entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_SUPPRESSION;
	e->suppression = s;
	publish(a, known(a, "suppression", hex), e);
}

/* --- the file --- */

static const struct section {
	const char *name;
	bool has_id;
	void (*apply)(struct apply *a, const struct yaml *item, const char *id);
} sections[] = {
    {"verticals", true, apply_vertical},        {"advertisers", true, apply_advertiser},
    {"webmasters", true, apply_webmaster},      {"operators", true, apply_operator},
    {"suppressions", false, apply_suppression},
};

static void apply_section(struct apply *a, const struct yaml *root, const struct section *section)
{
	const struct yaml *list = yaml_get(root, section->name);

	if (!list)
		return;
	if (list->type != YAML_LIST) {
		yaml_fault(&a->faults, list->line, "%s: expected a list", section->name);
		return;
	}
	for (const struct yaml *item = list->child; item && a->result == RESULT_OK;
	     item = item->next) {
		const char *id = section->has_id ? text_of(a, item, "id", "") : "";

		if (section->has_id && !id[0])
			yaml_fault(&a->faults, item->line, "%s: expected an id", section->name);
		section->apply(a, item, id);
	}
}

static void apply_file(struct apply *a, const char *path)
{
	const struct yaml *root = yaml_load(&a->arena, path, &a->faults);

	for (size_t i = 0; root && i < ARRAY_LEN(sections); i++)
		apply_section(a, root, &sections[i]);
	yaml_refuse_unknown(root, "directory",
			    "verticals, advertisers, webmasters, operators, suppressions",
			    &a->faults);
}

static int finish(struct apply *a)
{
	int status = TOOL_DONE;

	if (a->faults.count) {
		fputs(buf_cstr(&a->faults.text), stderr);
		status = TOOL_FOUND;
	}
	if (a->result == RESULT_OK)
		a->result = tool_flush(a->tool, &a->error);
	if (a->result != RESULT_OK)
		status = tool_fail("directory", a->result, &a->error);
	printf(a->tool->json ? "{\"created\":%zu,\"changed\":%zu,\"same\":%zu}\n"
			     : "%zu created, %zu changed, %zu as they were\n",
	       a->created, a->changed, a->same);
	yaml_faults_free(&a->faults);
	return status;
}

static int list_entries(struct apply *a)
{
	const entry *e;

	for (size_t i = 0; directory_at(a->directory, i, &e); i++)
		printf(a->tool->json ? "{\"id\":\"%s\",\"revision\":%llu}\n"
				     : "%-50s revision %llu\n",
		       e->id, (unsigned long long)e->revision);
	return TOOL_DONE;
}

static int run_verb(struct apply *a, int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "apply") == 0) {
		for (int i = 2; i < argc; i++)
			apply_file(a, argv[i]);
		return finish(a);
	}
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list_entries(a);
	return tool_usage("directory", "expected `apply FILE…` or `list`");
}

int command_directory(struct tool *t, int argc, char **argv)
{
	struct apply a = {.tool = t};
	const char *keys_dir = config_text(t->config, "common", "keys_dir");
	int status;

	a.keys_file = tool_option(&argc, argv, "--keys-file");
	if (!a.keys_file)
		a.keys_file = arena_printf(&a.arena, "%s/keys.csv", keys_dir);
	if (!tool_bus(t, "directory"))
		return TOOL_AWAY;
	a.keyring = keyring_open(keys_dir, true, &a.error);
	a.directory = a.keyring ? directory_open(t->bus, TOOL_TIMEOUT_MS, &a.error) : NULL;
	status = a.directory
		     ? run_verb(&a, argc, argv)
		     : tool_fail("directory", a.keyring ? RESULT_AWAY : RESULT_BAD, &a.error);
	directory_close(a.directory);
	keyring_free(a.keyring);
	arena_free(&a.arena);
	return status;
}
