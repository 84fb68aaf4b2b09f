/* order_read: what the files share that read an order: where faults go, what the order's vertical is like. */
#ifndef PUNNET_ORDER_READ_H
#define PUNNET_ORDER_READ_H

#include "proto/market.pb-c.h"
#include "runtime/directory.h"
#include "runtime/yaml.h"

#define ORDER_PRICE_MAX         1000000000000LL
#define ORDER_COUNT_MAX         1000000000000LL
#define ORDER_VALUES_MAX        10000 /* listed in all criteria of one order */
#define ORDER_CRITERIA_AT_MOST  64
#define ORDER_MODIFIERS_AT_MOST 32
#define ORDER_NOT_WITH_AT_MOST  64
#define ORDER_SHARED_AT_MOST    8

typedef Punnet__V1__OrderTerms order_terms;

struct order_reader {
	struct arena *arena;
	const struct directory *directory;    /* NULL: a simulation, where names are not checked */
	const Punnet__V1__Vertical *vertical; /* NULL: not known */
	struct yaml_faults *faults;
	int64_t now_ms;
	const char *id;
	size_t criteria, values; /* of this order so far */
};

/* "orders.yaml:7: order bank-a: …" */
#define order_fault(r, line, fmt, ...)                                                             \
	yaml_fault((r)->faults, line, "order %s: " fmt, (r)->id, __VA_ARGS__)

char *order_text(struct order_reader *r, const struct yaml *map, const char *key);
/* A list of texts, or one text; NULL with a fault when it is neither, or empty. */
char **order_texts(struct order_reader *r, const struct yaml *y, const char *what, size_t most,
		   size_t *ret_count);

/* order_where.c */
Punnet__V1__Criterion **order_read_where(struct order_reader *r, const struct yaml *where,
					 size_t *ret_count);
/* order_money.c: price, modifiers, budget; after the clock. */
void order_read_money(struct order_reader *r, const struct yaml *item, order_terms *t);
int64_t order_price_least(const order_terms *t); /* with every modifier that lowers it */
int64_t order_price_most(const order_terms *t);
/* order_hours.c: zone and opening hours; after from and until. */
void order_read_hours(struct order_reader *r, const struct yaml *item, order_terms *t);
Punnet__V1__WeekSpan **order_read_openings(struct order_reader *r, const struct yaml *list,
					   size_t *ret_count);
/* order_limits.c: caps, quantity, sharing; after the price. */
void order_read_caps(struct order_reader *r, const struct yaml *item, order_terms *t);
void order_read_sharing(struct order_reader *r, const struct yaml *item, order_terms *t);
void order_check_quantity(struct order_reader *r, const struct yaml *item, const order_terms *t);

#endif
