/* prefix: see prefix.h. */
#include "prefix.h"

#include <stdlib.h>

struct prefix_entry {
	int64_t offset, attempts_from;
	uint64_t source_offset;
	uint32_t source_partition, source_step;
	int topic; /* of the source; NO_TOPIC: it has none */
};

#define PREFIX_FIRST_CAP 256
#define NO_TOPIC         (-1)

static const char *const own_topic[] = {PREFIX_TOPIC};

void prefix_start(struct prefix *p, const struct watermark *watermark)
{
	*p = (struct prefix){
	    .topics = own_topic, .topic_count = ARRAY_LEN(own_topic), .watermark = *watermark};
}

void prefix_free(struct prefix *p)
{
	free(p->ring);
	*p = (struct prefix){0};
}

bool prefix_full(const struct prefix *p)
{
	return p->count >= PREFIX_SPAN_MAX;
}

static struct prefix_entry *entry_at(const struct prefix *p, size_t i)
{
	return &p->ring[(p->first + i) & (p->cap - 1)];
}

static void grow(struct prefix *p)
{
	size_t cap = p->cap ? p->cap * 2 : PREFIX_FIRST_CAP;
	struct prefix_entry *ring = calloc(cap, sizeof(*ring));

	if (!ring)
		abort();
	for (size_t i = 0; i < p->count; i++)
		ring[i] = *entry_at(p, i);
	free(p->ring);
	p->ring = ring;
	p->cap = cap;
	p->first = 0;
}

static int topic_of(const struct prefix *p, const struct provenance *source)
{
	if (!source)
		return NO_TOPIC;
	for (size_t i = 1; i < p->topic_count; i++)
		if (strcmp(source->topic, p->topics[i]) == 0)
			return (int)i;
	return 0;
}

void prefix_push(struct prefix *p, int64_t offset, const struct provenance *source,
		 int64_t attempts_from)
{
	if (p->count == p->cap)
		grow(p);
	if (p->count > 0) {
		assert(offset > entry_at(p, p->count - 1)->offset);
		assert(attempts_from >= entry_at(p, p->count - 1)->attempts_from);
	}
	*entry_at(p, p->count++) = (struct prefix_entry){
	    .offset = offset,
	    .attempts_from = attempts_from,
	    .topic = topic_of(p, source),
	    .source_offset = source ? source->offset : 0,
	    .source_partition = source ? source->partition : 0,
	    .source_step = source ? source->step : 0,
	};
}

void prefix_advance(struct prefix *p, int64_t committable)
{
	while (p->count > 0 && entry_at(p, 0)->offset < committable) {
		const struct prefix_entry *e = entry_at(p, 0);
		struct provenance source = {.topic =
						e->topic == NO_TOPIC ? "" : p->topics[e->topic],
					    .partition = e->source_partition,
					    .offset = e->source_offset,
					    .step = e->source_step};

		/* a repeat adds nothing, and says so */
		if (e->topic != NO_TOPIC && watermark_advance(&p->watermark, &source)) {
		}
		p->first = (p->first + 1) & (p->cap - 1);
		p->count--;
	}
}

int64_t prefix_attempts_from(const struct prefix *p, int64_t otherwise)
{
	return p->count > 0 ? entry_at(p, 0)->attempts_from : otherwise;
}

void commit_note_write(const struct commit_note *note, struct buf *out)
{
	watermark_write(&note->watermark, out);
	if (note->attempts_from >= 0)
		buf_printf(out, " a=%lld", (long long)note->attempts_from);
	if (note->take_over != 0)
		buf_printf(out, " o=%lld", (long long)note->take_over);
	if (note->clean)
		buf_printf(out, " c=1");
}

/* The number behind "a=" and the like. */
static bool read_number(struct slice word, int64_t least, int64_t *ret)
{
	return slice_to_int64(slice_of(word.data + 2, word.len - 2), ret) && *ret >= least;
}

bool commit_note_read(struct slice text, struct commit_note *ret)
{
	struct commit_note note = {.attempts_from = -1};
	bool first = true;

	while (text.len > 0) {
		const char *space = memchr(text.data, ' ', text.len);
		struct slice word =
		    slice_of(text.data, space ? (size_t)(space - text.data) : text.len);

		text = space ? slice_of(space + 1, text.len - word.len - 1) : slice_of(NULL, 0);
		if (slice_starts_with(word, "a=")) {
			if (!read_number(word, 0, &note.attempts_from))
				return false;
		} else if (slice_starts_with(word, "o=")) {
			if (!read_number(word, RESUME_ANYBODY, &note.take_over))
				return false;
		} else if (slice_is(word, "c=1")) {
			note.clean = true;
		} else if (!first || (word.len > 0 && !watermark_read(word, &note.watermark))) {
			return false;
		}
		first = false;
	}
	*ret = note;
	return true;
}
