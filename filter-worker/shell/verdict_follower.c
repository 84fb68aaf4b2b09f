/* verdict_follower: see verdict_follower.h. */
#include "verdict_follower.h"

#include <stdlib.h>

#include "lead/codec.h"
#include "proto/webmasters_verdicts.pb-c.h"
#include "runtime/bus.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "verdict_book.h"

#define TOPIC         "webmasters.verdicts"
#define PARTITION     0
#define TAKE          256 /* records at once */
#define TAKES         64  /* of one poll; what is left comes with the next one */
#define TAKE_WAIT_MS  200
#define FIND_TOPIC_MS 1000
#define FIND_EVERY_MS MS_PER_MIN
#define VERDICTS_MOST INT64_C(1000000000000) /* sums of sums stay far from an overflow */
#define KEY_SEPARATOR '|'

struct verdict_follower {
	struct bus *bus;
	struct bus_reader *reader; /* NULL: the topic is not there */
	struct verdict_book *book;
	struct arena arena;
	int64_t find_at_ms;
	bool without_topic;
};

/* --- records --- */

/* Whoever takes a record out of the topic takes the line out of the sums. */
static bool forget(struct verdict_follower *f, struct slice key)
{
	const char *bar = key.len ? memchr(key.data, KEY_SEPARATOR, key.len) : NULL;
	size_t len = bar ? (size_t)(bar - key.data) : 0;

	if (!bar)
		return false;
	verdict_book_put(f->book, slice_of(key.data, len), slice_of(bar + 1, key.len - len - 1), 0,
			 0);
	return true;
}

static bool apply(struct verdict_follower *f, const struct bus_record *r)
{
	const Punnet__V1__WebmasterVerdicts *m;

	if (r->value.len == 0)
		return forget(f, r->key);
	arena_reset(&f->arena);
	m = codec_unpack(&f->arena, &punnet__v1__webmaster_verdicts__descriptor, r->value);
	if (!m || !m->vertical[0] || !m->aff_id[0] || m->approved > VERDICTS_MOST ||
	    m->returned > VERDICTS_MOST)
		return false;
	verdict_book_put(f->book, slice_cstr(m->vertical), slice_cstr(m->aff_id),
			 (int64_t)m->approved, (int64_t)m->returned);
	return true;
}

static void lose(struct verdict_follower *f, const struct error *e)
{
	log_error("verdict_lines_lost", LOG_STR("why", e->text),
		  LOG_INT("lines", verdict_book_count(f->book)));
	bus_reader_close(f->reader);
	f->reader = NULL;
	f->find_at_ms = clock_monotonic_ms() + FIND_EVERY_MS;
}

/* How many came. */
static size_t take(struct verdict_follower *f, int timeout_ms)
{
	struct bus_record records[TAKE];
	struct error error = {0};
	size_t count = 0;
	enum result r = bus_reader_take(f->reader, records, TAKE, timeout_ms, &count, &error);

	if (r == RESULT_BAD || r == RESULT_FATAL) {
		lose(f, &error);
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (apply(f, &records[i]))
			continue;
		metric_add(METRIC_FILTER_LINES_SKIPPED, 1);
		log_warn("verdict_line_skipped", LOG_INT("offset", records[i].offset));
	}
	if (count > 0)
		metric_set(METRIC_FILTER_LINES, (int64_t)verdict_book_count(f->book));
	return count;
}

/* --- the topic --- */

/* Opens the reader where the topic begins. false: not there, or nobody says where it begins and ends. */
static bool find(struct verdict_follower *f, int64_t *ret_high)
{
	struct error error = {0};
	int64_t low;

	if (bus_partitions(f->bus, TOPIC, FIND_TOPIC_MS) > PARTITION &&
	    bus_offsets(f->bus, TOPIC, PARTITION, FIND_TOPIC_MS, &low, ret_high) == RESULT_OK)
		f->reader = bus_reader_follow(f->bus, TOPIC, PARTITION, low, &error);
	if (!f->reader) {
		f->find_at_ms = clock_monotonic_ms() + FIND_EVERY_MS;
		if (!f->without_topic)
			log_warn("verdict_lines_without_topic", LOG_STR("topic", TOPIC),
				 LOG_STR("remedy", "punnet topics apply"));
		f->without_topic = true;
		return false;
	}
	if (f->without_topic)
		log_info("verdict_lines_found", LOG_STR("topic", TOPIC));
	f->without_topic = false;
	return true;
}

static void read_to(struct verdict_follower *f, int64_t high, int64_t deadline_ms)
{
	int64_t begun_ms = clock_monotonic_ms();

	while (f->reader && bus_reader_position(f->reader) < high) {
		if (clock_monotonic_ms() >= deadline_ms) {
			log_warn("verdict_lines_late",
				 LOG_INT("offset", bus_reader_position(f->reader)),
				 LOG_INT("of", high));
			return;
		}
		(void)take(f, TAKE_WAIT_MS);
	}
	log_info("verdict_lines_read", LOG_INT("lines", verdict_book_count(f->book)),
		 LOG_INT("took_ms", clock_monotonic_ms() - begun_ms));
}

struct verdict_follower *verdict_follower_open(struct bus *bus, int timeout_ms)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms, high;
	struct verdict_follower *f = calloc(1, sizeof(*f));

	assert(f);
	f->bus = bus;
	f->book = verdict_book_new();
	if (find(f, &high))
		read_to(f, high, deadline_ms);
	return f;
}

void verdict_follower_close(struct verdict_follower *f)
{
	if (!f)
		return;
	bus_reader_close(f->reader);
	verdict_book_free(f->book);
	arena_free(&f->arena);
	free(f);
}

void verdict_follower_poll(struct verdict_follower *f)
{
	int64_t high;

	if (!f->reader && (clock_monotonic_ms() < f->find_at_ms || !find(f, &high)))
		return;
	for (size_t i = 0; i < TAKES && f->reader; i++)
		if (take(f, 0) == 0)
			return;
}

const struct verdict_book *verdict_follower_book(const struct verdict_follower *f)
{
	return f->book;
}
