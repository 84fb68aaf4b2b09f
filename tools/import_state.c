/* import_state: see import_state.h. */
#include "import_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"

#define STATE_BYTES_MAX 4096

struct import_files {
	struct arena arena;
	const char *state_path, *new_path, *rejects_path;
	struct slice name;
	FILE *rejects;
};

static enum result read_state(struct import_files *f, struct import_state *ret,
			      struct error *ret_error)
{
	char text[STATE_BYTES_MAX];
	struct json_fault fault;
	const struct json *root, *name, *rows, *rejected, *bytes, *digest;
	FILE *file = fopen(f->state_path, "r");
	size_t len;

	if (!file && errno == ENOENT)
		return RESULT_OK;
	if (!file)
		return error_set(ret_error, RESULT_BAD, "%s: %s", f->state_path, strerror(errno));
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	root = json_parse(&f->arena, slice_of(text, len), JSON_LIMITS_DEFAULT, &fault);
	name = json_member(root, "import");
	rows = json_member(root, "rows");
	rejected = json_member(root, "rejected");
	bytes = json_member(root, "rejects_bytes");
	digest = json_member(root, "digest");
	if (!root || !name || !rows || !rejected || !bytes || !digest || rows->integer < 0 ||
	    rejected->integer < 0 || bytes->integer < 0)
		return error_set(ret_error, RESULT_BAD, "%s: can't be read", f->state_path);
	if (!slice_equal(name->text, f->name))
		return error_set(ret_error, RESULT_BAD,
				 "%s belongs to the import \"" SLICE_FMT "\", not to \"" SLICE_FMT
				 "\"; take it away to start anew",
				 f->state_path, SLICE_ARG(name->text), SLICE_ARG(f->name));
	*ret = (struct import_state){.rows = (uint64_t)rows->integer,
				     .rejected = (uint64_t)rejected->integer,
				     .rejects_bytes = (uint64_t)bytes->integer,
				     .digest =
					 strtoull(arena_cstr(&f->arena, digest->text), NULL, 16)};
	return RESULT_OK;
}

static enum result open_rejects(struct import_files *f, uint64_t keep, struct error *ret_error)
{
	int fd = open(f->rejects_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)keep) != 0 || lseek(fd, 0, SEEK_END) < 0 ||
	    !(f->rejects = fdopen(fd, "w"))) {
		error_set(ret_error, RESULT_BAD, "%s: %s", f->rejects_path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return RESULT_BAD;
	}
	return RESULT_OK;
}

struct import_files *import_files_open(const char *csv_path, struct slice name,
				       struct import_state *ret, struct error *ret_error)
{
	struct import_files *f = calloc(1, sizeof(*f));

	assert(f);
	*ret = (struct import_state){0};
	f->name = name;
	f->state_path = arena_printf(&f->arena, "%s.import", csv_path);
	f->new_path = arena_printf(&f->arena, "%s.import.new", csv_path);
	f->rejects_path = arena_printf(&f->arena, "%s.rejects.csv", csv_path);
	if (read_state(f, ret, ret_error) != RESULT_OK ||
	    open_rejects(f, ret->rejects_bytes, ret_error) != RESULT_OK) {
		import_files_close(f);
		return NULL;
	}
	return f;
}

void import_files_reject(struct import_files *f, struct slice line, struct import_state *s)
{
	fwrite(line.data, 1, line.len, f->rejects);
	s->rejects_bytes += line.len;
}

/* First the rejects, then, in one step, the position that covers them. */
enum result import_files_keep(struct import_files *f, const struct import_state *s,
			      struct error *ret_error)
{
	struct buf text = {0};
	int fd;
	bool written;

	if (fflush(f->rejects) != 0 || fdatasync(fileno(f->rejects)) != 0)
		return error_set(ret_error, RESULT_BAD, "%s: %s", f->rejects_path, strerror(errno));
	buf_append_char(&text, '{');
	json_write_member(&text, "import", f->name);
	buf_printf(&text,
		   ",\"rows\":%" PRIu64 ",\"rejected\":%" PRIu64 ",\"rejects_bytes\":%" PRIu64
		   ",\"digest\":\"%016" PRIx64 "\"}\n",
		   s->rows, s->rejected, s->rejects_bytes, s->digest);
	fd = open(f->new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	written =
	    fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len && fdatasync(fd) == 0;
	if (fd >= 0 && close(fd) != 0)
		written = false;
	buf_free(&text);
	if (!written || rename(f->new_path, f->state_path) != 0)
		return error_set(ret_error, RESULT_BAD, "%s: %s", f->state_path, strerror(errno));
	return RESULT_OK;
}

void import_files_close(struct import_files *f)
{
	if (!f)
		return;
	if (f->rejects)
		fclose(f->rejects);
	arena_free(&f->arena);
	free(f);
}

static void write_cell(struct slice cell, char delimiter, struct buf *out)
{
	bool quoted = false;

	for (size_t i = 0; i < cell.len; i++)
		quoted = quoted || cell.data[i] == '"' || cell.data[i] == '\n' ||
			 cell.data[i] == '\r' || cell.data[i] == delimiter;
	if (quoted)
		buf_append_char(out, '"');
	for (size_t i = 0; i < cell.len; i++) {
		if (cell.data[i] == '"')
			buf_append_char(out, '"');
		buf_append_char(out, cell.data[i]);
	}
	if (quoted)
		buf_append_char(out, '"');
}

void import_csv_line(const struct slice *cells, size_t count, char delimiter, struct slice reasons,
		     struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		write_cell(cells[i], delimiter, out);
		buf_append_char(out, delimiter);
	}
	write_cell(reasons, delimiter, out);
	buf_append_char(out, '\n');
}
