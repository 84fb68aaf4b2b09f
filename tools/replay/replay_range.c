/* replay_range: bounds of a replay, as the operator gives them and as offsets. */
#include "base/timefmt.h"
#include "tools/replay/replay.h"

static struct slice cut(struct slice *rest, char at)
{
	const char *end = rest->len ? memchr(rest->data, at, rest->len) : NULL;
	size_t len = end ? (size_t)(end - rest->data) : rest->len;
	struct slice ret = slice_of(rest->data, len);

	*rest = end ? slice_of(end + 1, rest->len - len - 1) : slice_of(rest->data + len, 0);
	return ret;
}

static bool read_number(struct slice text, int64_t most, int64_t *ret)
{
	return slice_to_int64(text, ret) && *ret >= 0 && *ret <= most;
}

static bool read_places(struct slice text, struct replay_bound *ret)
{
	ret->kind = REPLAY_PLACES;
	for (size_t p = 0; p < REPLAY_PARTITIONS_MAX; p++)
		ret->places[p] = -1;
	while (text.len > 0) {
		struct slice place = cut(&text, ',');
		struct slice partition = cut(&place, '@');
		int64_t p, offset;

		if (!read_number(partition, REPLAY_PARTITIONS_MAX - 1, &p) ||
		    !read_number(place, INT64_MAX, &offset))
			return false;
		ret->places[p] = offset;
	}
	return true;
}

bool replay_bound_read(const char *text, struct replay_bound *ret)
{
	struct slice s = slice_cstr(text);
	char date[TIME_TEXT_LEN + 1];

	*ret = (struct replay_bound){.kind = REPLAY_OPEN};
	if (!text)
		return true;
	if (s.len > 1 && s.data[0] == '@') {
		ret->kind = REPLAY_OFFSET;
		return read_number(slice_of(s.data + 1, s.len - 1), INT64_MAX, &ret->offset);
	}
	if (memchr(s.data, '@', s.len))
		return read_places(s, ret);
	ret->kind = REPLAY_TIME;
	if (time_parse(s, &ret->time_ms))
		return true;
	if (s.len != strlen("2026-12-01"))
		return false;
	memcpy(date, s.data, s.len);
	memcpy(date + s.len, "T00:00:00Z", sizeof("T00:00:00Z"));
	return time_parse_rfc3339(slice_cstr(date), &ret->time_ms);
}

static enum result resolve(struct bus *bus, const char *topic, int32_t partition,
			   const struct replay_bound *b, int64_t open, int64_t unnamed,
			   int64_t *ret)
{
	switch (b->kind) {
	case REPLAY_OPEN:
		*ret = open;
		return RESULT_OK;
	case REPLAY_TIME:
		return bus_offset_at(bus, topic, partition, b->time_ms, REPLAY_ASK_MS, ret);
	case REPLAY_OFFSET:
		*ret = b->offset;
		return RESULT_OK;
	case REPLAY_PLACES:
		*ret = b->places[partition] < 0 ? unnamed : b->places[partition];
		return RESULT_OK;
	}
	return RESULT_BAD;
}

enum result replay_span_of(struct bus *bus, const char *topic, int32_t partition,
			   const struct replay_bound *from, const struct replay_bound *to,
			   struct replay_span *ret, struct error *ret_error)
{
	int64_t low, high;
	enum result r = bus_offsets(bus, topic, partition, REPLAY_ASK_MS, &low, &high);

	/* Where only the end names partitions, the others are not asked for, either. */
	if (r == RESULT_OK)
		r = resolve(bus, topic, partition, from, low, high, &ret->from);
	if (r == RESULT_OK)
		r = resolve(bus, topic, partition, to, high, low, &ret->to);
	if (r != RESULT_OK)
		return error_set(ret_error, r, "%s/%d: its offsets can't be learned", topic,
				 (int)partition);
	ret->from = MIN_OF(MAX_OF(ret->from, low), high);
	ret->to = MAX_OF(MIN_OF(ret->to, high), ret->from);
	return RESULT_OK;
}
