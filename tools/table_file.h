/* table_file: a CSV file of anybody's, row by row, its columns found by their names: in any order and case, in any encoding that
 * iconv knows, with commas, semicolons, tabs or bars between. */
#ifndef PUNNET_TABLE_FILE_H
#define PUNNET_TABLE_FILE_H

#include "base/result.h"
#include "base/slice.h"

#define TABLE_COLUMNS_MAX 16
#define TABLE_NAMES_MAX   8 /* by which one column may be called */

struct table_column {
	const char *names[TABLE_NAMES_MAX]; /* the first one is the documented one */
	bool required;
};

struct table_file {
	const char *path;
	const char *encoding; /* NULL: utf-8, or what the byte order mark says */
	char delimiter;       /* 0: the one that the header has most of */
	const struct table_column *columns;
	size_t count;
	/* cells[i] belongs to columns[i]; empty where the file has no such column. number: of the row, from 1. */
	void (*on_row)(void *ctx, const struct slice *cells, size_t number);
	void *ctx;
};

/* RESULT_BAD: the file can't be read, or a required column is missing. */
_must_use_ enum result table_file_read(const struct table_file *t, struct error *ret_error);

#endif
