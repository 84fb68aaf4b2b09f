/* outbox_run: of each record a byte that says what is as before, then what is not: the topic and the type, the target, the key; then
 * the payload. Lengths and the target are four bytes, the lowest first. */
#include "payout/store/outbox_run.h"

enum { SAME_TOPIC = 1, SAME_TARGET = 2, SAME_KEY = 4 };

/* --- writing --- */

static void put_word(struct buf *out, size_t word)
{
	uint8_t le[4] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16),
			 (uint8_t)(word >> 24)};

	assert(word <= UINT32_MAX);
	buf_append(out, le, sizeof(le));
}

static void put_bytes(struct buf *out, struct slice s)
{
	put_word(out, s.len);
	buf_append_slice(out, s);
}

static void put_record(struct buf *out, const struct outbox_row *before,
		       const struct outbox_row *row)
{
	int same = 0;

	if (before && strcmp(row->topic, before->topic) == 0 &&
	    strcmp(row->type, before->type) == 0)
		same |= SAME_TOPIC;
	if (before && row->partition == before->partition)
		same |= SAME_TARGET;
	if (before && slice_equal(row->key, before->key))
		same |= SAME_KEY;
	buf_append_char(out, (char)same);
	if (!(same & SAME_TOPIC)) {
		put_bytes(out, slice_cstr(row->topic));
		put_bytes(out, slice_cstr(row->type));
	}
	if (!(same & SAME_TARGET))
		put_word(out, row->partition);
	if (!(same & SAME_KEY))
		put_bytes(out, row->key);
	put_bytes(out, row->payload);
}

size_t outbox_run_write(const struct outbox_row *rows, size_t count, struct buf *out)
{
	size_t from = out->len, n = 0;

	assert(count > 0);
	while (n < count && n < OUTBOX_RUN_MAX && out->len - from < OUTBOX_RUN_BYTES_MAX) {
		assert(rows[n].seq == rows[0].seq + n);
		put_record(out, n ? &rows[n - 1] : NULL, &rows[n]);
		n++;
	}
	return n;
}

/* --- reading --- */

static bool take_word(struct slice *left, uint32_t *ret)
{
	const uint8_t *b = (const uint8_t *)left->data;

	if (left->len < 4)
		return false;
	*ret = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
	*left = slice_of(left->data + 4, left->len - 4);
	return true;
}

static bool take_bytes(struct slice *left, struct slice *ret)
{
	uint32_t len;

	if (!take_word(left, &len) || left->len < len)
		return false;
	*ret = slice_of(left->data, len);
	*left = slice_of(left->data + len, left->len - len);
	return true;
}

static bool take_text(struct slice *left, struct arena *a, const char **ret)
{
	struct slice s;

	if (!take_bytes(left, &s))
		return false;
	*ret = arena_cstr(a, s);
	return true;
}

bool outbox_run_next(struct outbox_run *run, struct arena *a, struct outbox_row *ret)
{
	struct slice *left = &run->left;
	struct outbox_row row = run->last;
	int same;

	if (left->len == 0)
		return false;
	same = left->data[0];
	*left = slice_of(left->data + 1, left->len - 1);
	if (!(same & SAME_TOPIC) &&
	    (!take_text(left, a, &row.topic) || !take_text(left, a, &row.type)))
		return false;
	if (!(same & SAME_TARGET) && !take_word(left, &row.partition))
		return false;
	if (!(same & SAME_KEY) && !take_bytes(left, &row.key))
		return false;
	if (!row.topic || !take_bytes(left, &row.payload))
		return false;
	*ret = row;
	run->last = row;
	run->last.seq++;
	return true;
}
