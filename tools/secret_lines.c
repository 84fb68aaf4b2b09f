/* secret_lines: see secret_lines.h. */
#include "secret_lines.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_line(FILE *file, const char *header, const char *role, const char *id,
		       const char *value)
{
	struct stat st;

	if (fchmod(fileno(file), 0600) != 0 || fstat(fileno(file), &st) != 0)
		return false;
	if (st.st_size == 0 && fprintf(file, "%s\n", header) < 0)
		return false;
	return fprintf(file, "%s,%s,%s\n", role, id, value) > 0 && fflush(file) == 0 &&
	       fsync(fileno(file)) == 0;
}

enum result secret_line_add(const char *path, const char *header, const char *role, const char *id,
			    const char *value, struct error *ret_error)
{
	FILE *file = fopen(path, "a");
	bool fine;

	if (!file)
		return error_set(ret_error, RESULT_BAD, "%s: %s", path, strerror(errno));
	fine = write_line(file, header, role, id, value);
	if (!fine)
		error_set(ret_error, RESULT_BAD, "%s: %s", path, strerror(errno));
	if (fclose(file) != 0 && fine)
		return error_set(ret_error, RESULT_BAD, "%s: %s", path, strerror(errno));
	return fine ? RESULT_OK : RESULT_BAD;
}
