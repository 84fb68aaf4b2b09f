/* timefmt: RFC 3339 to and from milliseconds since 1970 (UTC). Proleptic Gregorian, years 1970..9999, no leap seconds. */
#ifndef PUNNET_TIMEFMT_H
#define PUNNET_TIMEFMT_H

#include "slice.h"

#define TIME_TEXT_LEN 24 /* 2026-12-01T10:00:00.123Z */

bool time_parse_rfc3339(struct slice s, int64_t *ret_ms); /* any offset; fraction cut to ms */
/* RFC 3339, or a decimal number of Unix milliseconds. */
bool time_parse(struct slice s, int64_t *ret_ms);
void time_text(int64_t ms, char ret_text[TIME_TEXT_LEN + 1]);
/* "250ms", "30s", "5m", "2h", "90d" to milliseconds. */
bool time_parse_duration(struct slice s, int64_t *ret_ms);
uint32_t time_day(int64_t ms); /* days since 1970-01-01 UTC */

#endif
