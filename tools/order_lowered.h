/* order_lowered: that a rule lowers an order's advertiser: since when, by which rule, and what the order ranks at. */
#ifndef PUNNET_ORDER_LOWERED_H
#define PUNNET_ORDER_LOWERED_H

#include "base/buf.h"
#include "proto/orders_progress.pb-c.h"

/* As of now_ms; NULL progress, or one that says nothing of it: it is not. */
bool order_is_lowered(const Punnet__V1__OrderProgress *p, int64_t now_ms);
/* A line without its end; nothing is added where it is not lowered. */
void order_lowered_words(const Punnet__V1__OrderProgress *p, const Punnet__V1__Money *price,
			 int64_t now_ms, struct buf *out);
/* ,"lowered":{…}, or null. */
void order_lowered_json(const Punnet__V1__OrderProgress *p, const Punnet__V1__Money *price,
			int64_t now_ms, struct buf *out);

#endif
