/* tiers_core: which tier a webmaster is in, by what was approved of his leads in a month. Pure. */
#ifndef PUNNET_TIERS_CORE_H
#define PUNNET_TIERS_CORE_H

#include "base/arena.h"
#include "proto/directory.pb-c.h"
#include "proto/market.pb-c.h"

#define MONTH_TEXT_LEN 7 /* 2026-11 */

/* A calendar month in UTC. false: no month. */
_must_use_ bool month_span(const char *month, int64_t *ret_from_ms, int64_t *ret_to_ms);
/* The last one that is over. */
void month_before(int64_t now_ms, char ret[MONTH_TEXT_LEN + 1]);

/* The highest tier of the card that so many leads reach; NULL: none. */
const Punnet__V1__Tier *tier_of(const Punnet__V1__RateChanged *card, uint64_t approved);

/* What a card's holders become. Webmasters come in the order of their ids. */
struct tiers {
	struct arena *arena;
	const Punnet__V1__RateChanged *card;
	Punnet__V1__TierHolder **holders;
	size_t count, cap;
};
void tiers_count(struct tiers *t, const char *aff_id, uint64_t approved);
/* The card as it was, with these holders, for that month. Shares all else with it. */
Punnet__V1__RateChanged *tiers_card(const struct tiers *t, const char *month);
/* Of those who are in a tier by either card: what they were in and are in now; "" = none. Who stays where he was is not told. */
typedef void (*tier_change_fn)(void *ctx, const char *aff_id, const char *was, const char *is,
			       uint64_t approved);
/* Nobody is anywhere else, and with the same leads. */
bool tiers_same(const Punnet__V1__RateChanged *a, const Punnet__V1__RateChanged *b);
size_t tiers_compare(const Punnet__V1__RateChanged *was, const Punnet__V1__RateChanged *is,
		     tier_change_fn fn, void *ctx);
/* A new card of the same vertical, from a directory file, keeps who is in a tier that it has, too. NULL: the vertical is new. */
void tiers_keep(struct arena *a, const Punnet__V1__DirectoryEntry *vertical,
		Punnet__V1__RateChanged *is);

#endif
