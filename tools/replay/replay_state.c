/* replay_state: see replay_state.h. The file is text: a line that says whose it is, and a line a partition. */
#include "tools/replay/replay_state.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/clock.h"

#define LINE_MAX_BYTES 4096
#define PATH_MAX_LEN   4096
#define TEXT_FIELDS    5
#define STATE_FIELDS   11

struct row {
	bool known;
	int64_t from;
	struct verdict_part_state s;
	struct replay_difference first;
};

struct replay_state {
	pthread_mutex_t lock;
	char *path, *head;
	struct row rows[REPLAY_PARTITIONS_MAX];
	int64_t saved_ms;
	bool failed;
};

static void read_first(char *text, struct replay_difference *ret)
{
	char *to[TEXT_FIELDS] = {ret->where, ret->lead, ret->field, ret->recorded, ret->recomputed};
	const size_t room[TEXT_FIELDS] = {sizeof(ret->where), sizeof(ret->lead), sizeof(ret->field),
					  sizeof(ret->recorded), sizeof(ret->recomputed)};
	char *rest = text;

	for (size_t i = 0; i < TEXT_FIELDS; i++) {
		const char *part = strsep(&rest, "\t");

		if (!part)
			return;
		snprintf(to[i], room[i], "%s", part);
	}
	ret->found = true;
}

static bool read_row(struct replay_state *s, char *line)
{
	struct row row = {.known = true};
	struct verdict_part_state *p = &row.s;
	int partition, used = 0;
	int got =
	    sscanf(line, "%d %ld %ld %ld %lu %lu %lu %lu %lu %lx %lx%n", &partition, &row.from,
		   &p->next, &p->last, &p->records, &p->equal, &p->different, &p->unknown,
		   &p->repeats, &p->recorded_digest, &p->recomputed_digest, &used);

	if (got != STATE_FIELDS || partition < 0 || partition >= REPLAY_PARTITIONS_MAX)
		return false;
	if (line[used] == '\t')
		read_first(line + used + 1, &row.first);
	s->rows[partition] = row;
	return true;
}

static enum result read_file(struct replay_state *s, struct error *ret_error)
{
	FILE *f = fopen(s->path, "re");
	char line[LINE_MAX_BYTES];
	enum result r = RESULT_OK;

	if (!f)
		return errno == ENOENT
			   ? RESULT_OK
			   : error_set(ret_error, RESULT_BAD, "%s: %s", s->path, strerror(errno));
	if (!fgets(line, sizeof(line), f) || strcmp(line, s->head) != 0)
		r = error_set(ret_error, RESULT_BAD,
			      "%s: it is not the state of this replay; remove it to begin anew",
			      s->path);
	while (r == RESULT_OK && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!read_row(s, line))
			r = error_set(ret_error, RESULT_BAD, "%s: it is damaged", s->path);
	}
	(void)fclose(f);
	return r;
}

struct replay_state *replay_state_open(const char *path, const char *what, const char *url,
				       struct error *ret_error)
{
	struct replay_state *s = calloc(1, sizeof(*s));

	assert(s);
	pthread_mutex_init(&s->lock, NULL);
	s->path = strdup(path);
	if (asprintf(&s->head, "punnet replay %s 1 %s\n", what, url) < 0 || !s->path)
		abort();
	s->saved_ms = clock_monotonic_ms();
	if (read_file(s, ret_error) == RESULT_OK)
		return s;
	replay_state_close(s);
	return NULL;
}

void replay_state_close(struct replay_state *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s->head);
	free(s);
}

bool replay_state_take(struct replay_state *s, int32_t partition, struct replay_span span,
		       struct verdict_part_state *ret, struct replay_difference *ret_first)
{
	struct row *row = &s->rows[partition];

	if (row->known && row->from == span.from && row->s.next <= span.to) {
		*ret = row->s;
		*ret_first = row->first;
		return true;
	}
	*row = (struct row){.known = true, .from = span.from, .s = {.next = span.from, .last = -1}};
	return false;
}

static void write_rows(const struct replay_state *s, FILE *f)
{
	fputs(s->head, f);
	for (int p = 0; p < REPLAY_PARTITIONS_MAX; p++) {
		const struct row *row = &s->rows[p];
		const struct verdict_part_state *v = &row->s;

		if (!row->known)
			continue;
		fprintf(f, "%d %ld %ld %ld %lu %lu %lu %lu %lu %lx %lx", p, row->from, v->next,
			v->last, v->records, v->equal, v->different, v->unknown, v->repeats,
			v->recorded_digest, v->recomputed_digest);
		if (row->first.found)
			fprintf(f, "\t%s\t%s\t%s\t%s\t%s", row->first.where, row->first.lead,
				row->first.field, row->first.recorded, row->first.recomputed);
		fputc('\n', f);
	}
}

/* One that can't be written is said once; the replay goes on without it. */
static void save(struct replay_state *s)
{
	char beside[PATH_MAX_LEN];
	FILE *f;
	bool ok;

	s->saved_ms = clock_monotonic_ms();
	snprintf(beside, sizeof(beside), "%s.new", s->path);
	f = fopen(beside, "we");
	if (f)
		write_rows(s, f);
	ok = f && fflush(f) == 0 && !ferror(f);
	if (f)
		ok = fclose(f) == 0 && ok;
	if ((!ok || rename(beside, s->path) != 0) && !s->failed) {
		s->failed = true;
		fprintf(stderr, "punnet replay: %s can't be written: %s\n", s->path,
			strerror(errno));
	}
}

void replay_state_put(struct replay_state *s, int32_t partition, const struct verdict_part_state *p,
		      const struct replay_difference *first, bool now)
{
	pthread_mutex_lock(&s->lock);
	s->rows[partition].s = *p;
	s->rows[partition].first = *first;
	if (now || clock_monotonic_ms() - s->saved_ms >= REPLAY_SAVE_MS)
		save(s);
	pthread_mutex_unlock(&s->lock);
}

/* --- bytes beside it --- */

static void beside_path(const struct replay_state *s, int32_t partition, int64_t next,
			char ret[PATH_MAX_LEN])
{
	snprintf(ret, PATH_MAX_LEN, "%s.market-%d-%ld", s->path, (int)partition, next);
}

static bool write_file(const char *path, struct slice bytes)
{
	FILE *f = fopen(path, "we");
	bool ok = f && fwrite(bytes.data, 1, bytes.len, f) == bytes.len;

	if (f)
		ok = fclose(f) == 0 && ok;
	return ok;
}

void replay_state_put_with(struct replay_state *s, int32_t partition,
			   const struct verdict_part_state *p,
			   const struct replay_difference *first, struct slice bytes)
{
	char path[PATH_MAX_LEN], before[PATH_MAX_LEN];
	int64_t was;

	beside_path(s, partition, p->next, path);
	if (!write_file(path, bytes))
		return; /* the state stays the one before, which is whole */
	pthread_mutex_lock(&s->lock);
	was = s->rows[partition].s.next;
	pthread_mutex_unlock(&s->lock);
	replay_state_put(s, partition, p, first, true);
	beside_path(s, partition, was, before);
	if (was != p->next)
		(void)unlink(before);
}

bool replay_state_read_with(struct replay_state *s, int32_t partition, int64_t next,
			    struct buf *ret)
{
	char path[PATH_MAX_LEN], chunk[65536];
	size_t got;
	FILE *f;

	beside_path(s, partition, next, path);
	f = fopen(path, "re");
	if (!f)
		return false;
	while ((got = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_append(ret, chunk, got);
	(void)fclose(f);
	return !ret->failed;
}
