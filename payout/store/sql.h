/* sql: what the parts of the store write their statements with. */
#ifndef PUNNET_PAYOUT_SQL_H
#define PUNNET_PAYOUT_SQL_H

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

static inline struct db_value db_lead(const struct lead_id *id)
{
	return db_bytes(id->bytes, sizeof(id->bytes));
}

#endif
