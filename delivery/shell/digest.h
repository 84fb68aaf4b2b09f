/* digest: leads of one order that go out in one message.
 *
 * A lead of such an order waits for the end of its interval. The first one that is due then takes along all others of its advertiser
 * that are ready, have the same settings, the same due time and as many attempts behind them; they share one answer. Without a jitter
 * of their own they stay together at every repeat, and the message keeps its id. */
#ifndef PUNNET_DELIVERY_DIGEST_H
#define PUNNET_DELIVERY_DIGEST_H

#include "internal.h"

#define DIGEST_ROUND_MS 5000 /* due times of repeats are rounded up to it */

/* true: not due yet; the task waits. */
bool digest_waits(struct delivery *d, struct task *t);
/* The next one that goes out with head, taken off its queue; NULL: none is left. */
struct task *digest_next(struct task *head);
/* It goes out with head, and hears what head hears. */
void digest_join(struct task *head, struct task *t);
/* Takes the first one that went out with head off; NULL: none is left. */
struct task *digest_leave(struct task *head);
/* When a repeat is due, in place of a time with a jitter. */
int64_t digest_round_ms(int64_t due_ms);

#endif
