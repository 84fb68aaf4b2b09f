/* bus_files: see bus_files.h. Files are mapped; nothing is copied. One thread a bus, as everywhere. */
#include "bus_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "bus_backend.h"

#define MAGIC       "PUNNETR1"
#define MAGIC_LEN   8
#define HEAD_LEN    (MAGIC_LEN + 2 * 8)
#define RECORD_LEN  (4 * 4 + 2 * 8) /* before its bytes */
#define SUMS_MAX    16
#define LINE_BYTES  64
#define AHEAD_BYTES 8192

struct head {
	uint32_t key_len, type_len, value_len, sum;
	int64_t offset, time_ms;
};

struct file_log {
	const char *topic; /* interned */
	int32_t partition;
	struct slice bytes; /* mapped */
	int64_t low, end;
};

struct files_bus {
	struct bus base;
	char *folder;
	struct map logs; /* "topic-partition" -> struct file_log */
};

struct files_reader {
	struct bus_reader base;
	const struct file_log *log;
	size_t at; /* in its bytes */
	int64_t position;
	int fd;
};

static uint32_t sum_with(const struct head *h, const uint64_t wide[2])
{
	return (uint32_t)hash_mix(wide[0] ^ wide[1] ^ (uint64_t)h->offset << 20 ^
				  (uint64_t)h->time_ms);
}

static uint32_t sum_of(const struct head *h, struct slice bytes)
{
	uint64_t wide[2];

	hash_wide(bytes, wide);
	return sum_with(h, wide);
}

static size_t body_len(const struct head *h)
{
	return (size_t)h->key_len + h->type_len + h->value_len;
}

/* --- reading --- */

/* The record at `at`; false at the end, or where there is no whole one. */
static bool read_record(const struct file_log *log, size_t at, struct head *ret, struct slice *body)
{
	const char *p = log->bytes.data + at;

	if (log->bytes.len - at < RECORD_LEN)
		return false;
	memcpy(&ret->key_len, p, 4);
	memcpy(&ret->type_len, p + 4, 4);
	memcpy(&ret->value_len, p + 8, 4);
	memcpy(&ret->sum, p + 12, 4);
	memcpy(&ret->offset, p + 16, 8);
	memcpy(&ret->time_ms, p + 24, 8);
	if (log->bytes.len - at - RECORD_LEN < body_len(ret))
		return false;
	*body = slice_of(p + RECORD_LEN, body_len(ret));
	return true;
}

/* Of the bytes that follow these, so that nobody waits for memory: where a record ends stands in its head. */
static void fetch_ahead(struct slice body)
{
	for (size_t i = 0; i < body.len + RECORD_LEN; i += LINE_BYTES)
		__builtin_prefetch((const void *)((uintptr_t)body.data + AHEAD_BYTES + i));
}

/* Records whose sums are looked at together. */
struct sums {
	struct head heads[SUMS_MAX];
	struct slice bodies[SUMS_MAX];
	size_t count;
};

static bool sums_fit(struct sums *s)
{
	uint64_t wide[SUMS_MAX][2];
	bool fit = true;

	hash_wide_each(s->bodies, s->count, wide);
	for (size_t i = 0; i < s->count; i++)
		fit = fit && s->heads[i].sum == sum_with(&s->heads[i], wide[i]);
	s->count = 0;
	return fit;
}

static bool log_is_whole(struct file_log *log)
{
	struct sums sums = {.count = 0};
	size_t at = HEAD_LEN;
	int64_t before;

	if (log->bytes.len < HEAD_LEN || memcmp(log->bytes.data, MAGIC, MAGIC_LEN) != 0)
		return false;
	memcpy(&log->low, log->bytes.data + MAGIC_LEN, 8);
	memcpy(&log->end, log->bytes.data + MAGIC_LEN + 8, 8);
	before = log->low - 1;
	while (at < log->bytes.len) {
		struct head *h = &sums.heads[sums.count];
		struct slice *body = &sums.bodies[sums.count];

		if (!read_record(log, at, h, body) || h->offset <= before || h->offset >= log->end)
			return false;
		before = h->offset;
		at += RECORD_LEN + body->len;
		fetch_ahead(*body);
		if (++sums.count == SUMS_MAX && !sums_fit(&sums))
			return false;
	}
	return sums_fit(&sums);
}

static struct slice map_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct slice ret = {0};
	struct stat st;

	if (fd < 0)
		return ret;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		void *data =
		    mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);

		if (data != MAP_FAILED)
			ret = slice_of(data, (size_t)st.st_size);
	}
	(void)close(fd);
	return ret;
}

static void log_free(struct file_log *log)
{
	if (log->bytes.data)
		(void)munmap((void *)(uintptr_t)log->bytes.data, log->bytes.len);
	free(log);
}

/* NULL: there is no such file, or it is damaged. */
static struct file_log *log_of(struct files_bus *f, const char *topic, int32_t partition)
{
	char key[256], path[4096];
	struct file_log *log;
	int len = snprintf(key, sizeof(key), "%s-%d", topic, (int)partition);

	log = map_get(&f->logs, slice_of(key, (size_t)len));
	if (log)
		return log;
	log = calloc(1, sizeof(*log));
	assert(log);
	(void)snprintf(path, sizeof(path), "%s/%s.records", f->folder, key);
	*log = (struct file_log){
	    .topic = bus_intern(&f->base, topic), .partition = partition, .bytes = map_file(path)};
	if (!log->bytes.data || !log_is_whole(log)) {
		log_free(log);
		return NULL;
	}
	(void)map_put(&f->logs, slice_of(key, (size_t)len), log);
	return log;
}

static int32_t files_partitions(struct bus *b, const char *topic, _unused_ int timeout_ms)
{
	struct files_bus *f = (struct files_bus *)b;
	int32_t count = 0;

	while (count < RECORDING_PARTITIONS_MAX && log_of(f, topic, count))
		count++;
	return count > 0 ? count : -1;
}

static enum result files_offsets(struct bus *b, const char *topic, int32_t partition,
				 _unused_ int timeout_ms, int64_t *ret_low, int64_t *ret_high)
{
	const struct file_log *log = log_of((struct files_bus *)b, topic, partition);

	if (!log)
		return RESULT_BAD;
	*ret_low = log->low;
	*ret_high = log->end;
	return RESULT_OK;
}

static enum result files_offset_at(struct bus *b, const char *topic, int32_t partition,
				   int64_t time_ms, _unused_ int timeout_ms, int64_t *ret_offset)
{
	const struct file_log *log = log_of((struct files_bus *)b, topic, partition);
	struct slice body;
	struct head h;

	if (!log)
		return RESULT_BAD;
	*ret_offset = log->end;
	for (size_t at = HEAD_LEN; read_record(log, at, &h, &body); at += RECORD_LEN + body.len) {
		if (h.time_ms < time_ms)
			continue;
		*ret_offset = h.offset;
		break;
	}
	return RESULT_OK;
}

static struct files_reader *of(const struct bus_reader *r)
{
	return (struct files_reader *)((char *)(uintptr_t)r - offsetof(struct files_reader, base));
}

static struct bus_reader *files_reader_open(struct bus *b, const char *topic, int32_t partition,
					    int64_t from, _unused_ bool follows,
					    struct error *ret_error)
{
	const struct file_log *log = log_of((struct files_bus *)b, topic, partition);
	struct files_reader *r;
	struct slice body;
	struct head h;

	if (!log) {
		(void)error_set(ret_error, RESULT_BAD,
				"%s/%d: there is no whole recording of it in this folder", topic,
				(int)partition);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	assert(r);
	*r = (struct files_reader){.base.ops = b->ops,
				   .log = log,
				   .at = HEAD_LEN,
				   .position = MAX_OF(from, log->low),
				   .fd = bus_event_open()};
	while (read_record(log, r->at, &h, &body) && h.offset < r->position)
		r->at += RECORD_LEN + body.len;
	bus_event_signal(r->fd);
	return &r->base;
}

static enum result files_reader_take(struct bus_reader *base, struct bus_record *ret, size_t max,
				     _unused_ int timeout_ms, size_t *ret_count,
				     _unused_ struct error *ret_error)
{
	struct files_reader *r = of(base);
	struct slice body;
	struct head h;

	while (*ret_count < max && read_record(r->log, r->at, &h, &body)) {
		const char *p = body.data;

		ret[(*ret_count)++] = (struct bus_record){
		    .topic = r->log->topic,
		    .partition = r->log->partition,
		    .offset = h.offset,
		    .timestamp_ms = h.time_ms,
		    .key = slice_of(p, h.key_len),
		    .type = slice_of(p + h.key_len, h.type_len),
		    .value = slice_of(p + h.key_len + h.type_len, h.value_len),
		};
		r->at += RECORD_LEN + body.len;
		r->position = h.offset + 1;
		fetch_ahead(body);
	}
	/* Behind the last record there may be offsets without one. */
	if (*ret_count == 0)
		r->position = MAX_OF(r->position, r->log->end);
	return RESULT_OK;
}

static int64_t files_reader_position(const struct bus_reader *base)
{
	return of(base)->position;
}

static int files_reader_fd(struct bus_reader *base)
{
	return of(base)->fd;
}

static void files_reader_close(struct bus_reader *base)
{
	struct files_reader *r = of(base);

	if (r->fd >= 0)
		(void)close(r->fd);
	free(r);
}

static void files_close(struct bus *b)
{
	struct files_bus *f = (struct files_bus *)b;
	struct slice key;
	void *log;

	for (size_t i = 0; map_at(&f->logs, i, &key, &log); i++)
		log_free(log);
	map_free(&f->logs);
	bus_names_free(&f->base);
	free(f->folder);
	free(f);
}

static const struct bus_ops files_ops = {
    .close = files_close,
    .partitions = files_partitions,
    .offsets = files_offsets,
    .offset_at = files_offset_at,
    .reader_open = files_reader_open,
    .reader_take = files_reader_take,
    .reader_position = files_reader_position,
    .reader_fd = files_reader_fd,
    .reader_close = files_reader_close,
};

struct bus *bus_files_open(const char *folder, struct error *ret_error)
{
	struct files_bus *f;
	struct stat st;

	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
		(void)error_set(ret_error, RESULT_BAD, "files:%s: there is no such folder", folder);
		return NULL;
	}
	f = calloc(1, sizeof(*f));
	assert(f);
	f->base.ops = &files_ops;
	f->folder = strdup(folder);
	assert(f->folder);
	return &f->base;
}

/* --- writing --- */

struct recording {
	FILE *file;
	struct buf body; /* of the record at hand */
	char path[4096];
	bool failed;
};

static void put(struct recording *r, const void *data, size_t len)
{
	if (len > 0 && fwrite(data, 1, len, r->file) != len)
		r->failed = true;
}

struct recording *recording_begin(const char *folder, const char *topic, int32_t partition,
				  int64_t low, int64_t end, struct error *ret_error)
{
	struct recording *r = calloc(1, sizeof(*r));

	assert(r);
	(void)snprintf(r->path, sizeof(r->path), "%s/%s-%d.records", folder, topic, (int)partition);
	r->file = fopen(r->path, "wbe");
	if (!r->file) {
		(void)error_set(ret_error, RESULT_BAD, "%s: %s", r->path, strerror(errno));
		free(r);
		return NULL;
	}
	put(r, MAGIC, MAGIC_LEN);
	put(r, &low, sizeof(low));
	put(r, &end, sizeof(end));
	return r;
}

void recording_put(struct recording *r, const struct bus_record *record)
{
	const struct slice parts[] = {record->key, record->type, record->value};
	struct head h = {.key_len = (uint32_t)record->key.len,
			 .type_len = (uint32_t)record->type.len,
			 .value_len = (uint32_t)record->value.len,
			 .offset = record->offset,
			 .time_ms = record->timestamp_ms};

	buf_reset(&r->body);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		buf_append_slice(&r->body, parts[i]);
	r->failed |= r->body.failed;
	h.sum = sum_of(&h, buf_slice(&r->body));
	put(r, &h, sizeof(h));
	put(r, r->body.data, r->body.len);
}

enum result recording_end(struct recording *r, struct error *ret_error)
{
	enum result result = RESULT_OK;

	if (fclose(r->file) != 0 || r->failed) {
		(void)unlink(r->path);
		result = error_set(ret_error, RESULT_BAD, "%s: it could not be written", r->path);
	}
	buf_free(&r->body);
	free(r);
	return result;
}

_Static_assert(sizeof(struct head) == RECORD_LEN, "a record's head stands in the file as it is");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers stand in the file as they are");
