/* verdict_follower: keeps a verdict_book as webmasters.verdicts says. Reads to the end at start, for as long as it is allowed to,
 * then follows.
 *
 * Fails: never. What these sums are for weighs little, and leads don't wait for it. Without the topic, or when it can't be read
 * any more, that is logged once and the topic is looked for again now and then; the book stays as it is. */
#ifndef PUNNET_VERDICT_FOLLOWER_H
#define PUNNET_VERDICT_FOLLOWER_H

struct bus;
struct verdict_book;
struct verdict_follower;

/* Blocking, at most about timeout_ms; not at all when the topic is empty. */
struct verdict_follower *verdict_follower_open(struct bus *bus, int timeout_ms);
void verdict_follower_close(struct verdict_follower *f); /* before its bus; accepts NULL */
void verdict_follower_poll(struct verdict_follower *f);  /* takes what has arrived */
/* Until verdict_follower_close(). */
const struct verdict_book *verdict_follower_book(const struct verdict_follower *f);

#endif
