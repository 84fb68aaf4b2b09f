/* order_file: see order_file.h. The keys are documented in docs/orders.md. */
#include "order_file.h"

#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "order_delivery.h"
#include "order_read.h"

#define WEIGHT_MAX 1000000
#define ORDER_KEYS                                                                                 \
	"id, advertiser, vertical, price, quantity, from, until, caps, budget, sharing, where, "   \
	"schedule, zone, priority, weight, even, re_sales, "                                       \
	"utc_offset_minutes, paused, delivery"

char *order_text(struct order_reader *r, const struct yaml *map, const char *key)
{
	struct slice s = {0};

	yaml_text(map, key, &s, r->faults);
	return arena_cstr(r->arena, s);
}

char **order_texts(struct order_reader *r, const struct yaml *y, const char *what, size_t most,
		   size_t *ret_count)
{
	const struct yaml *v = y->type == YAML_LIST ? y->child : y;
	size_t count = y->type == YAML_LIST ? y->count : 1;
	char **all;

	*ret_count = 0;
	if (y->type == YAML_MAP || count == 0 || count > most) {
		order_fault(r, y->line, "%s: expected a list of 1 to %zu", what, most);
		return NULL;
	}
	all = arena_calloc(r->arena, count, sizeof(*all));
	for (; v && *ret_count < count; v = v->next) {
		if (v->type != YAML_SCALAR || v->text.len == 0)
			order_fault(r, v->line, "%s: expected texts", what);
		all[(*ret_count)++] = arena_cstr(r->arena, v->text);
	}
	return all;
}

static void read_delivery(struct order_reader *r, const struct yaml *item, order_terms *t)
{
	t->delivery_json = (char *)protobuf_c_empty_string;
	if (!yaml_get(item, "delivery") && !r->directory)
		return; /* in a simulation nothing is delivered */
	t->delivery_json = order_delivery_read(r->arena, item, r->id, r->faults);
}

static void read_times(struct order_reader *r, const struct yaml *item, order_terms *t)
{
	int64_t quantity = 0;

	yaml_time(item, "from", &t->from_ms, r->faults);
	yaml_time(item, "until", &t->until_ms, r->faults);
	yaml_int(item, "quantity", 1, ORDER_COUNT_MAX, &quantity, r->faults);
	t->quantity = (uint64_t)quantity;
	if (!t->until_ms)
		return;
	if (t->until_ms <= r->now_ms)
		order_fault(r, item->line, "until is over: expected a time to %s", "come");
	else if (t->from_ms && t->until_ms <= t->from_ms)
		order_fault(r, item->line, "until stands before %s", "from");
}

static void read_names(struct order_reader *r, const struct yaml *item, order_terms *t)
{
	const Punnet__V1__DirectoryEntry *v;

	t->order_id = order_text(r, item, "id");
	r->id = t->order_id;
	t->advertiser_id = order_text(r, item, "advertiser");
	t->vertical = order_text(r, item, "vertical");
	r->vertical = NULL;
	r->criteria = r->values = 0;
	if (!t->order_id[0])
		yaml_fault(r->faults, item->line, "expected an id");
	if (!r->directory)
		return;
	v = directory_get(r->directory, "vertical", slice_cstr(t->vertical));
	if (v)
		r->vertical = v->vertical;
	else
		order_fault(r, item->line, "no vertical \"%s\" in the directory", t->vertical);
	if (!directory_get(r->directory, "advertiser", slice_cstr(t->advertiser_id)))
		order_fault(r, item->line, "no advertiser \"%s\" in the directory",
			    t->advertiser_id);
}

/* A plain list of countries keeps the field that it always had. */
static void countries_apart(order_terms *t)
{
	for (size_t i = 0; i < t->n_where; i++) {
		Punnet__V1__Criterion *c = t->where[i];

		if (strcmp(c->name, "country") != 0 || c->unknown_fits ||
		    c->kind != PUNNET__V1__CRITERION_KIND__CRITERION_IN)
			continue;
		t->countries = c->values;
		t->n_countries = c->n_values;
		memmove(&t->where[i], &t->where[i + 1], (t->n_where - i - 1) * sizeof(*t->where));
		t->n_where--;
		return;
	}
}

static void read_rank(struct order_reader *r, const struct yaml *item, order_terms *t)
{
	int64_t priority = 0, weight = 0;
	bool paused = false, re_sales = false, even = false;

	yaml_int(item, "priority", -1000, 1000, &priority, r->faults);
	yaml_int(item, "weight", 1, WEIGHT_MAX, &weight, r->faults);
	yaml_bool(item, "paused", &paused, r->faults);
	yaml_bool(item, "re_sales", &re_sales, r->faults);
	yaml_bool(item, "even", &even, r->faults);
	t->priority = (int32_t)priority;
	t->weight = (uint32_t)weight;
	t->paused = paused;
	t->takes_own_customers = re_sales;
	t->even = even;
	if (even && (t->quantity == 0 || t->until_ms == 0))
		order_fault(r, item->line, "even: expected a quantity and %s as well", "until");
}

static order_terms *read_order(struct order_reader *r, const struct yaml *item)
{
	order_terms *t = arena_alloc(r->arena, sizeof(*t));

	punnet__v1__order_terms__init(t);
	read_names(r, item, t);
	read_times(r, item, t);
	read_rank(r, item, t);
	t->where = order_read_where(r, yaml_get(item, "where"), &t->n_where);
	countries_apart(t);
	order_read_hours(r, item, t);
	order_read_money(r, item, t);
	order_read_caps(r, item, t);
	order_read_sharing(r, item, t);
	order_check_quantity(r, item, t);
	read_delivery(r, item, t);
	yaml_refuse_unknown(item, "order", ORDER_KEYS, r->faults);
	return t;
}

Punnet__V1__OrderTerms **order_file_read(struct arena *a, const char *path,
					 const struct directory *directory, int64_t now_ms,
					 size_t *ret_count, struct yaml_faults *f)
{
	struct order_reader r = {.arena = a, .directory = directory, .faults = f, .now_ms = now_ms};
	const struct yaml *root = yaml_load(a, path, f), *list = yaml_get(root, "orders");
	struct map ids = {0};
	order_terms **all;

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
		order_terms *t = read_order(&r, item);

		if (map_put(&ids, slice_cstr(t->order_id), t))
			yaml_fault(f, item->line, "order %s stands in the file twice", t->order_id);
		all[(*ret_count)++] = t;
	}
	map_free(&ids);
	return f->count ? NULL : all;
}
