/* lists_read: see lists_read.h. */
#include "lists_read.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define ENDING ".txt"

static void fault(struct lists_faults *f, const char *path, size_t line, const char *why)
{
	if (f->count++ >= LISTS_FAULTS_MAX)
		return;
	buf_append_cstr(&f->text, path);
	if (line > 0)
		buf_printf(&f->text, ":%zu", line);
	buf_printf(&f->text, ": %s\n", why);
}

/* "free_domains.own.txt" is a list's name, and what stands behind it. */
static bool read_name(const char *file, enum list_name *ret, struct slice *ret_more)
{
	const char *dot = strchr(file, '.');
	struct slice more = slice_of(dot + 1, strlen(dot + 1));

	if (!list_from_text(slice_of(file, (size_t)(dot - file)), ret))
		return false;
	*ret_more = (struct slice){0};
	if (more.len >= sizeof(ENDING))
		*ret_more = slice_of(more.data, more.len - (sizeof(ENDING) - 1));
	return true;
}

static void read_file(const char *path, enum list_name name, struct slice owner,
		      struct named_lists_builder *b, struct lists_faults *f)
{
	char text[LIST_LINE_MAX];
	FILE *file = fopen(path, "re");
	size_t line = 0;

	if (!file) {
		fault(f, path, 0, "can't be opened");
		return;
	}
	while (fgets(text, sizeof(text), file)) {
		size_t len = strlen(text);
		const char *comment = memchr(text, '#', len), *why;
		struct slice entry =
		    slice_trim(slice_of(text, comment ? (size_t)(comment - text) : len));

		line++;
		if (len == sizeof(text) - 1 && text[len - 1] != '\n') {
			fault(f, path, line, "the line is too long");
			break;
		}
		why = entry.len > 0 ? named_lists_add(b, name, entry, owner) : NULL;
		if (why)
			fault(f, path, line, why);
	}
	if (ferror(file))
		fault(f, path, line, "can't be read");
	(void)fclose(file);
}

static int is_list_file(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return e->d_name[0] != '.' && len > sizeof(ENDING) - 1 &&
	       strcmp(e->d_name + len - (sizeof(ENDING) - 1), ENDING) == 0;
}

void lists_read_folder(const char *folder, struct named_lists_builder *b, struct lists_faults *f)
{
	struct dirent **files = NULL;
	int count = scandir(folder, &files, is_list_file, alphasort);

	if (count < 0)
		fault(f, folder, 0, "can't be read as a folder");
	for (int i = 0; i < count; i++) {
		_cleanup_(buf_free) struct buf path = {0};
		enum list_name name;
		struct slice owner;

		buf_printf(&path, "%s/%s", folder, files[i]->d_name);
		if (read_name(files[i]->d_name, &name, &owner))
			read_file(buf_cstr(&path), name, owner, b, f);
		else
			fault(f, buf_cstr(&path), 0, "there is no such list");
		free(files[i]);
	}
	free(files);
}
