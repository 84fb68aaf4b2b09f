/* ids: UUIDv7, its bytes in network order, so that comparing bytes compares times. */
#include "ids.h"

#define UUID_TIME_BITS 48

struct lead_id lead_id_make(int64_t now_ms, const uint8_t random[10])
{
	struct lead_id id;

	assert(now_ms >= 0 && now_ms < (int64_t)1 << UUID_TIME_BITS);
	for (int i = 0; i < 6; i++)
		id.bytes[i] = (uint8_t)(now_ms >> (8 * (5 - i)));
	memcpy(id.bytes + 6, random, 10);
	id.bytes[6] = 0x70 | (id.bytes[6] & 0x0F); /* version 7 */
	id.bytes[8] = 0x80 | (id.bytes[8] & 0x3F); /* variant 10 */
	return id;
}

int64_t lead_id_time_ms(const struct lead_id *id)
{
	int64_t ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id->bytes[i];
	return ms;
}

static bool dash_before(int byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void lead_id_text(const struct lead_id *id, char ret_text[LEAD_ID_TEXT_LEN + 1])
{
	static const char hex[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		if (dash_before(i))
			*ret_text++ = '-';
		*ret_text++ = hex[id->bytes[i] >> 4];
		*ret_text++ = hex[id->bytes[i] & 15];
	}
	*ret_text = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool lead_id_parse(struct slice text, struct lead_id *ret_id)
{
	const char *p = text.data;
	struct lead_id id;

	if (text.len != LEAD_ID_TEXT_LEN)
		return false;
	for (int i = 0; i < 16; i++) {
		int high, low;

		if (dash_before(i) && *p++ != '-')
			return false;
		high = hex_value(*p++);
		low = hex_value(*p++);
		if (high < 0 || low < 0)
			return false;
		id.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret_id = id;
	return true;
}

bool lead_id_from_bytes(const void *data, size_t len, struct lead_id *ret_id)
{
	if (len != sizeof(ret_id->bytes))
		return false;
	memcpy(ret_id->bytes, data, len);
	return true;
}

bool lead_id_equal(const struct lead_id *a, const struct lead_id *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool lead_record_equal(const struct lead_record *a, const struct lead_record *b)
{
	return a->raw_offset == b->raw_offset && lead_id_equal(&a->lead_id, &b->lead_id);
}

bool lead_id_is_zero(const struct lead_id *id)
{
	return lead_id_equal(id, &(struct lead_id){0});
}
