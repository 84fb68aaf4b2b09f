/* order_file: see order_file.h. The keys are documented in docs/orders.md. */
#include "order_file.h"

#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/money.h"
#include "lead/contact.h"
#include "order_delivery.h"

#define PRICE_MAX_MINOR 1000000000000LL
#define COUNT_MAX       1000000000000LL
#define ORDER_KEYS                                                                                 \
	"id, advertiser, vertical, price, quantity, from, until, caps, sharing, where, priority, " \
	"utc_offset_minutes, paused, delivery"

typedef Punnet__V1__OrderTerms terms;

struct reader {
	struct arena *arena;
	const struct directory *directory;
	struct yaml_faults *faults;
	int64_t now_ms;
	const char *id;
};

static char *text(struct reader *r, const struct yaml *map, const char *key)
{
	struct slice s = {0};

	yaml_text(map, key, &s, r->faults);
	return arena_cstr(r->arena, s);
}

static void read_price(struct reader *r, const struct yaml *item, terms *t)
{
	const struct yaml *price = yaml_get(item, "price");
	Punnet__V1__Money *m = arena_alloc(r->arena, sizeof(*m));

	punnet__v1__money__init(m);
	t->price = m;
	if (!price || price->type != YAML_MAP) {
		yaml_fault(r->faults, price ? price->line : item->line,
			   "order %s: expected price: {amount_minor: 45000, currency: RUB}", r->id);
		return;
	}
	yaml_int(price, "amount_minor", 1, PRICE_MAX_MINOR, &m->amount_minor, r->faults);
	m->currency = text(r, price, "currency");
	if (m->amount_minor == 0 && r->faults->count == 0)
		yaml_fault(r->faults, price->line,
			   "order %s: price: expected amount_minor, at least 1", r->id);
	if (!money_currency_known(slice_cstr(m->currency)))
		yaml_fault(r->faults, price->line,
			   "order %s: currency: \"%s\": expected an ISO 4217 code, for example RUB",
			   r->id, m->currency);
	yaml_refuse_unknown(price, "price", "amount_minor, currency", r->faults);
}

static uint64_t read_cap(struct reader *r, const struct yaml *caps, const char *key)
{
	const struct yaml *cap = yaml_get(caps, key);
	int64_t value = 0;

	if (cap && slice_is(cap->text, "0"))
		yaml_fault(r->faults, cap->line,
			   "order %s: caps.%s: 0 would take nothing: leave it out for no cap",
			   r->id, key);
	else
		yaml_int(caps, key, 1, COUNT_MAX, &value, r->faults);
	return (uint64_t)value;
}

static void read_caps(struct reader *r, const struct yaml *item, terms *t)
{
	const struct yaml *caps = yaml_get(item, "caps");
	Punnet__V1__Caps *c = arena_alloc(r->arena, sizeof(*c));

	punnet__v1__caps__init(c);
	t->caps = c;
	if (!caps)
		return;
	c->hour = read_cap(r, caps, "hour");
	c->day = read_cap(r, caps, "day");
	c->total = read_cap(r, caps, "total");
	yaml_refuse_unknown(caps, "caps", "hour, day, total", r->faults);
	if (c->day && c->hour > c->day)
		yaml_fault(r->faults, caps->line,
			   "order %s: caps.hour %llu can't be met: caps.day is %llu", r->id,
			   (unsigned long long)c->hour, (unsigned long long)c->day);
	if (c->total && c->day > c->total)
		yaml_fault(r->faults, caps->line,
			   "order %s: caps.day %llu can't be met: caps.total is %llu", r->id,
			   (unsigned long long)c->day, (unsigned long long)c->total);
}

static void read_where(struct reader *r, const struct yaml *item, terms *t)
{
	const struct yaml *where = yaml_get(item, "where"), *country = yaml_get(where, "country");

	if (!where)
		return;
	yaml_refuse_unknown(where, "where", "country", r->faults);
	if (!country)
		return;
	if (country->type != YAML_LIST || country->count == 0) {
		yaml_fault(r->faults, country->line,
			   "order %s: country: expected a list, for example [RU, KZ]", r->id);
		return;
	}
	t->countries = arena_calloc(r->arena, country->count, sizeof(*t->countries));
	for (const struct yaml *c = country->child; c; c = c->next) {
		if (!country_known(c->text))
			yaml_fault(r->faults, c->line,
				   "order %s: country: \"" SLICE_FMT
				   "\": expected two letters after ISO 3166-1, for example RU",
				   r->id, SLICE_ARG(c->text));
		t->countries[t->n_countries++] = arena_cstr(r->arena, c->text);
	}
}

static void read_sharing(struct reader *r, const struct yaml *item, terms *t)
{
	const struct yaml *sharing = yaml_get(item, "sharing");

	t->sharing = PUNNET__V1__SHARING__EXCLUSIVE;
	t->share_limit = 1;
	if (sharing && !slice_is(sharing->text, "exclusive"))
		yaml_fault(r->faults, sharing->line, "order %s: sharing: expected exclusive",
			   r->id);
}

static void read_times(struct reader *r, const struct yaml *item, terms *t)
{
	int64_t quantity = 0, days;

	yaml_time(item, "from", &t->from_ms, r->faults);
	yaml_time(item, "until", &t->until_ms, r->faults);
	yaml_int(item, "quantity", 1, COUNT_MAX, &quantity, r->faults);
	t->quantity = (uint64_t)quantity;
	if (!t->until_ms)
		return;
	if (t->until_ms <= r->now_ms)
		yaml_fault(r->faults, item->line,
			   "order %s: until is over: expected a time to come", r->id);
	else if (t->from_ms && t->until_ms <= t->from_ms)
		yaml_fault(r->faults, item->line, "order %s: until stands before from", r->id);
	days = (t->until_ms - MAX_OF(t->from_ms, r->now_ms) + MS_PER_DAY - 1) / MS_PER_DAY;
	if (days > 0 && t->caps->day && t->quantity > t->caps->day * (uint64_t)days)
		yaml_fault(r->faults, item->line,
			   "order %s: quantity %llu can't be met by then: the caps allow %llu a "
			   "day x %lld days = %llu",
			   r->id, (unsigned long long)t->quantity, (unsigned long long)t->caps->day,
			   (long long)days, (unsigned long long)(t->caps->day * (uint64_t)days));
}

static void check_names(struct reader *r, const struct yaml *item, const terms *t)
{
	if (!t->order_id[0])
		yaml_fault(r->faults, item->line, "expected an id");
	if (!r->directory)
		return;
	if (!directory_get(r->directory, "advertiser", slice_cstr(t->advertiser_id)))
		yaml_fault(r->faults, item->line, "order %s: no advertiser \"%s\" in the directory",
			   r->id, t->advertiser_id);
	if (!directory_get(r->directory, "vertical", slice_cstr(t->vertical)))
		yaml_fault(r->faults, item->line, "order %s: no vertical \"%s\" in the directory",
			   r->id, t->vertical);
}

static terms *read_order(struct reader *r, const struct yaml *item)
{
	terms *t = arena_alloc(r->arena, sizeof(*t));
	int64_t priority = 0, offset = 180;

	punnet__v1__order_terms__init(t);
	t->order_id = text(r, item, "id");
	r->id = t->order_id;
	t->advertiser_id = text(r, item, "advertiser");
	t->vertical = text(r, item, "vertical");
	read_price(r, item, t);
	read_caps(r, item, t);
	read_times(r, item, t);
	read_where(r, item, t);
	read_sharing(r, item, t);
	t->delivery_json = order_delivery_read(r->arena, item, r->id, r->faults);
	yaml_int(item, "priority", -1000, 1000, &priority, r->faults);
	yaml_int(item, "utc_offset_minutes", -14 * 60, 14 * 60, &offset, r->faults);
	t->priority = (int32_t)priority;
	t->utc_offset_minutes = (int32_t)offset;
	bool paused = false;
	yaml_bool(item, "paused", &paused, r->faults);
	t->paused = paused;
	check_names(r, item, t);
	yaml_refuse_unknown(item, "order", ORDER_KEYS, r->faults);
	return t;
}

Punnet__V1__OrderTerms **order_file_read(struct arena *a, const char *path,
					 const struct directory *directory, int64_t now_ms,
					 size_t *ret_count, struct yaml_faults *f)
{
	struct reader r = {.arena = a, .directory = directory, .faults = f, .now_ms = now_ms};
	const struct yaml *root = yaml_load(a, path, f), *list = yaml_get(root, "orders");
	struct map ids = {0};
	terms **all;

	*ret_count = 0;
	if (!root)
		return NULL;
	yaml_refuse_unknown(root, "order file", "orders", f);
	if (!list || list->type != YAML_LIST || list->count > ORDERS_PER_FILE_MAX) {
		yaml_fault(f, 1, "expected a list `orders` of at most %d", ORDERS_PER_FILE_MAX);
		return NULL;
	}
	all = arena_calloc(a, list->count + 1, sizeof(*all));
	for (const struct yaml *item = list->child; item; item = item->next) {
		terms *t = read_order(&r, item);

		if (map_put(&ids, slice_cstr(t->order_id), t))
			yaml_fault(f, item->line, "order %s stands in the file twice", t->order_id);
		all[(*ret_count)++] = t;
	}
	map_free(&ids);
	return f->count ? NULL : all;
}
