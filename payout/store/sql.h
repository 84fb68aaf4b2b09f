/* sql: what the parts of the store write their statements with. */
#ifndef PUNNET_PAYOUT_SQL_H
#define PUNNET_PAYOUT_SQL_H

#include "base/arena.h"
#include "base/ids.h"
#include "payout/store/db.h"

/* For functions that return a result: the first one that is not RESULT_OK ends them. */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		enum result try_result_ = (call);                                                  \
		if (try_result_ != RESULT_OK)                                                      \
			return try_result_;                                                        \
	} while (0)

#define PARAMS(...)                                                                                \
	(struct db_value[]){__VA_ARGS__},                                                          \
	    sizeof((struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)

/* Values that are gathered for db_add_rows(). */
struct rows {
	struct db_value *values;
	size_t columns, count;
};

static inline struct rows rows_begin(struct arena *a, size_t columns, size_t most)
{
	return (struct rows){arena_alloc(a, (most ? most : 1) * columns * sizeof(struct db_value)),
			     columns, 0};
}

static inline void rows_put(struct rows *r, const struct db_value *values, size_t columns)
{
	assert(columns == r->columns);
	memcpy(r->values + r->count++ * columns, values, columns * sizeof(*values));
}

static inline struct db_value db_lead(const struct lead_id *id)
{
	return db_bytes(id->bytes, sizeof(id->bytes));
}

#endif
