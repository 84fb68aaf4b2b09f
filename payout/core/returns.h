/* returns: whose fault a return is, and how many of them an advertiser may make. Pure. */
#ifndef PUNNET_PAYOUT_RETURNS_H
#define PUNNET_PAYOUT_RETURNS_H

#include "base/slice.h"

/* Of a month's leads fewer than these, the greatest share is that of so many: one bad lead of three is no third. */
#define RETURNS_SHARE_OF_LEAST 100

enum return_fault { FAULT_UNSAID, FAULT_SOURCE, FAULT_BUYER };

enum return_reason {
#define RETURN(name, code, fault, text) RETURN_##name,
#include "returns.def"
#undef RETURN
	RETURN_REASON_COUNT
};

enum return_fault return_fault_of(const char *reason_code);
const char *return_reason_code(enum return_reason r);
const char *return_reason_text(enum return_reason r);
enum return_fault return_reason_fault(enum return_reason r);

/* An advertiser's leads that were delivered in one month under a greatest share of returns. */
struct return_share {
	const char *advertiser_id;
	int64_t month;               /* since January 1970, UTC */
	int64_t delivered, returned; /* before this settlement */
	int64_t delivered_now, returned_now;
};

/* Does one more return fit into max_bp? */
bool return_share_fits(const struct return_share *s, uint32_t max_bp);
int64_t month_of(int64_t at_ms);

#endif
