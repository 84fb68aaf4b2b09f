/* ids: lead ids are UUIDv7 (RFC 9562): 48 bits of Unix ms, then 74 random bits; ordered by time. */
#ifndef PUNNET_IDS_H
#define PUNNET_IDS_H

#include "slice.h"

#define LEAD_ID_TEXT_LEN 36

struct lead_id {
	uint8_t bytes[16];
};

/* One record of a lead. The log may come to hold a lead twice, and only one of its records counts.
 * raw_offset: in leads.raw; 0 for a lead that stands in no log. */
struct lead_record {
	struct lead_id lead_id;
	uint64_t raw_offset;
};

/* Makes an id from a time and 10 random bytes that the caller drew. */
struct lead_id lead_id_make(int64_t now_ms, const uint8_t random[10]);
int64_t lead_id_time_ms(const struct lead_id *id);
void lead_id_text(const struct lead_id *id,
		  char ret_text[LEAD_ID_TEXT_LEN + 1]);        /* lower-case 8-4-4-4-12 */
bool lead_id_parse(struct slice text, struct lead_id *ret_id); /* canonical form, either case */
bool lead_id_from_bytes(const void *data, size_t len,
			struct lead_id *ret_id); /* exactly 16 bytes */
bool lead_id_equal(const struct lead_id *a, const struct lead_id *b);
bool lead_record_equal(const struct lead_record *a, const struct lead_record *b);
bool lead_id_is_zero(const struct lead_id *id);

#endif
