/* import_map: how the columns of another system's table become members of a lead. Pure after loading: a row's cells in, the
 * lead's JSON or the reasons why not out. */
#ifndef PUNNET_IMPORT_MAP_H
#define PUNNET_IMPORT_MAP_H

#include "runtime/yaml.h"

#define IMPORT_COLUMNS_MAX   256
#define IMPORT_CONSTANTS_MAX 64

enum import_as { IMPORT_TEXT, IMPORT_NUMBER, IMPORT_FLAG, IMPORT_TIME, IMPORT_PHONE };

struct import_target {
	struct slice column; /* as the file's header calls it; of a constant: empty */
	struct slice field;  /* a member of a lead; NULL data: the column is not used */
	bool own;            /* one of the vertical's fields: written as fields.NAME */
	enum import_as as;
	struct slice format; /* of a time */
	struct slice value;  /* of a constant */
};

struct import_map {
	struct slice name, webmaster, encoding, id_column;
	char delimiter, quote;
	int32_t zone_minutes;
	bool ignore_others;
	struct import_target columns[IMPORT_COLUMNS_MAX], constants[IMPORT_CONSTANTS_MAX];
	size_t column_count, constant_count;
};

_must_use_ bool import_map_load(struct arena *a, const char *path, struct import_map *ret,
				struct yaml_faults *f);

/* The map laid over a file's header: which target each column has. */
struct import_header {
	const struct import_target *targets[IMPORT_COLUMNS_MAX]; /* NULL: not used */
	struct slice names[IMPORT_COLUMNS_MAX];
	size_t count;
	int id_at; /* -1: a row's identity is its content */
};

/* RESULT_BAD when a mapped column is missing or an unknown one is there. Keeps the cells (in the arena). */
_must_use_ enum result import_header_bind(struct arena *a, const struct import_map *m,
					  const struct slice *cells, size_t count,
					  struct import_header *ret, struct error *ret_error);

/* Appends the lead as JSON to ret_body, or the reasons, separated by "; ", to ret_reasons: exactly one of them. */
_must_use_ bool import_row_build(const struct import_map *m, const struct import_header *h,
				 const struct slice *cells, size_t count, struct buf *ret_body,
				 struct buf *ret_reasons);

/* "dd.mm.yyyy hh:mm:ss", in any order and with any signs between; mm after hh are minutes; yy is 20yy. false: it does
 * not fit, or there is no such day. */
_must_use_ bool import_time(struct slice text, struct slice format, int32_t zone_minutes,
			    int64_t *ret_ms);
/* Undoes what spreadsheets do to numbers: '89161234567, 89161234567.0, 8,9161234567E+10. */
void import_phone(struct slice text, struct buf *out);
/* "15 000", "15000,00": a whole number. */
_must_use_ bool import_number(struct slice text, int64_t *ret);

#endif
