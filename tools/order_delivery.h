/* order_delivery: the `delivery` of an order in a file, checked as delivery itself will read it. docs/orders.md has the keys. */
#ifndef PUNNET_ORDER_DELIVERY_H
#define PUNNET_ORDER_DELIVERY_H

#include "runtime/yaml.h"

/* The settings as JSON, in the arena, for the order's terms. Faults, with the line of what is wrong, go to f; "" then. */
char *order_delivery_read(struct arena *a, const struct yaml *order, const char *order_id,
			  struct yaml_faults *f);
/* YAML as JSON: what looks like a number or a truth value and is not quoted is one. */
void yaml_write_json(const struct yaml *y, struct buf *out);

#endif
