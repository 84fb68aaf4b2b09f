/* pace_words: how an order with a quantity by a deadline gets on, in a line for people. */
#ifndef PUNNET_PACE_WORDS_H
#define PUNNET_PACE_WORDS_H

#include "base/buf.h"
#include "proto/orders_progress.pb-c.h"

/* "4,180 of 5,000 by 2026-12-04 18:00 UTC, 80 % between 3,900 and 4,400; short", nothing where the order isn't paced. */
void pace_words(const Punnet__V1__OrderProgress *p, struct buf *out);
/* The same as members of a JSON object, each after a comma. */
void pace_json(const Punnet__V1__OrderProgress *p, struct buf *out);

#endif
