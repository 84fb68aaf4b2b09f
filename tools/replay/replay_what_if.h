/* replay_what_if: what the files about other orders share. */
#ifndef PUNNET_REPLAY_WHAT_IF_H
#define PUNNET_REPLAY_WHAT_IF_H

#include "base/map.h"
#include "tools/replay/replay_fold.h"

enum side { WAS, WOULD_BE, SIDES };

/* Of an order, a webmaster or a reason. */
struct what_if_line {
	uint64_t leads[SIDES];
	int64_t price_minor[SIDES], payout_minor[SIDES];
	char currency[4];
};
struct what_if_lines {
	struct map map; /* key -> struct what_if_line */
};

/* A sale whose end is not known yet. */
struct open_sale {
	char *order_id, *aff_id;
	int64_t price_minor, payout_minor;
	char currency[4];
	bool is_test;
};

struct what_if_sample {
	char lead[LEAD_ID_TEXT_LEN + 1], text[REPLAY_TEXT_MAX];
};

struct what_if_part {
	struct replay_span span;
	struct fold fold;
	struct market *other;
	struct map open[SIDES]; /* lead id and round -> struct open_sale */
	struct what_if_lines orders, webmasters, unsold, totals;
	struct what_if_sample samples[REPLAY_SAMPLES];
	size_t sample_count;
	uint64_t records, changed, own_offset;
	struct arena arena;
};

struct what_if {
	struct replay *replay;
	struct directory *directory;
	struct arena arena;
	Punnet__V1__OrderTerms **orders;
	size_t order_count;
	struct map named; /* order id -> its terms */
	struct what_if_part *parts;
	int32_t partitions;
};

struct what_if_line *what_if_line(struct what_if_lines *l, struct slice key, const char *currency);
void what_if_free_sale(struct open_sale *s); /* accepts NULL */

/* --- replay_what_if_report.c --- */

void what_if_report(const struct what_if *w);
void what_if_part_free(struct what_if_part *p);

#endif
