/* order_more: what `punnet order` says and does beside the file: warnings, and what an advertiser may spend. */
#ifndef PUNNET_ORDER_MORE_H
#define PUNNET_ORDER_MORE_H

#include "order_day.h"
#include "tool.h"

/* Says on standard error why the order can never fill, or can't reach its quantity. */
void order_warn(const struct directory *d, const Punnet__V1__OrderTerms *t, struct arena *a);
/* order funds ADVERTISER VERTICAL --paid-in MINOR [--credit MINOR] | --unlimited */
int order_funds(struct tool *t, const struct directory *d, int argc, char **argv);
/* What an order wants, a line a kind. */
void order_show_terms(const Punnet__V1__OrderTerms *t);
/* The last day of an order, as leads.routed and leads.unsold have it. Blocking. */
_must_use_ enum result order_day_read(struct tool *t, const char *order_id, struct order_day *ret,
				      struct error *ret_error);
/* order losses ID [--hours N]: which leads it did not get, and why. */
int order_losses(struct tool *t, const struct directory *d, int argc, char **argv);
/* What these orders would have got in the last day, had they been there; on standard output, a line an order. */
void order_preview(struct tool *t, const struct directory *d, Punnet__V1__OrderTerms **orders,
		   size_t count);

#endif
