/* watermark: a short table, searched from its beginning; a stage has a handful of sources.
 *
 * A source that the table has no room for, or whose topic's name is too long, is a bug: topics are interned from the
 * stage's own list before they come here. Going on would lose records or double them, so it ends the process. */
#include "watermark.h"

#define TOPIC_MAX (sizeof(((struct watermark *)NULL)->seen[0].topic) - 1)

static size_t find(const struct watermark *w, const char *topic, uint32_t partition)
{
	size_t i;

	for (i = 0; i < w->count; i++) {
		if (w->seen[i].partition == partition && strcmp(w->seen[i].topic, topic) == 0)
			break;
	}
	return i;
}

bool watermark_is_new(const struct watermark *w, const struct provenance *p)
{
	size_t i = find(w, p->topic, p->partition);

	if (i == w->count || p->offset > w->seen[i].offset)
		return true;
	return p->offset == w->seen[i].offset && p->step > w->seen[i].step;
}

bool watermark_advance(struct watermark *w, const struct provenance *p)
{
	size_t i = find(w, p->topic, p->partition);

	if (!watermark_is_new(w, p))
		return false;
	if (i == w->count) {
		assert(w->count < WATERMARK_SOURCES_MAX);
		assert(strlen(p->topic) <= TOPIC_MAX);
		strcpy(w->seen[i].topic, p->topic);
		w->seen[i].partition = p->partition;
		w->count++;
	}
	w->seen[i].offset = p->offset;
	w->seen[i].step = p->step;
	return true;
}

void watermark_write(const struct watermark *w, struct buf *out)
{
	for (size_t i = 0; i < w->count; i++) {
		if (i)
			buf_append_char(out, ',');
		buf_printf(out, "%s/%u=%llu.%u", w->seen[i].topic, w->seen[i].partition,
			   (unsigned long long)w->seen[i].offset, w->seen[i].step);
	}
}

/* A number up to `max` in the only way it is written: no sign, no leading zero. */
static bool take_number(struct slice *s, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	size_t n = 0;

	for (; n < s->len && s->data[n] >= '0' && s->data[n] <= '9'; n++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s->data[n] - '0'), &value))
			return false;
	}
	if (n == 0 || (n > 1 && s->data[0] == '0') || value > max)
		return false;
	s->data += n;
	s->len -= n;
	*ret = value;
	return true;
}

static bool take_char(struct slice *s, char c)
{
	if (s->len == 0 || s->data[0] != c)
		return false;
	s->data++;
	s->len--;
	return true;
}

static bool topic_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

static bool take_source(struct slice *s, struct watermark *w)
{
	uint64_t partition, offset, step;
	char topic[TOPIC_MAX + 1] = "";
	size_t n = 0;

	while (n < s->len && topic_char(s->data[n]))
		n++;
	if (n == 0 || n > TOPIC_MAX || w->count == WATERMARK_SOURCES_MAX)
		return false;
	memcpy(topic, s->data, n);
	s->data += n;
	s->len -= n;
	if (!take_char(s, '/') || !take_number(s, UINT32_MAX, &partition) || !take_char(s, '=') ||
	    !take_number(s, UINT64_MAX, &offset) || !take_char(s, '.') ||
	    !take_number(s, UINT32_MAX, &step))
		return false;
	if (find(w, topic, (uint32_t)partition) < w->count)
		return false;
	memcpy(w->seen[w->count].topic, topic, sizeof(topic));
	w->seen[w->count].partition = (uint32_t)partition;
	w->seen[w->count].offset = offset;
	w->seen[w->count].step = (uint32_t)step;
	w->count++;
	return true;
}

bool watermark_read(struct slice text, struct watermark *ret)
{
	struct watermark w = {0};

	while (text.len) {
		if (!take_source(&text, &w))
			return false;
		if (text.len && (!take_char(&text, ',') || text.len == 0))
			return false;
	}
	*ret = w;
	return true;
}
