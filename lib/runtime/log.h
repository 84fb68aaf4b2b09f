/* log: lines of JSON on standard error: {"at":"…","level":"info","service":"…","event":"…",…}. Lead ids only, never a
 * contact. `event` is a short stable name; the rest are named values, given as (type, name, value) triples:
 *
 *     log_info("partition_assigned", LOG_STR("topic", topic), LOG_INT("partition", partition)); */
#ifndef PUNNET_LOG_H
#define PUNNET_LOG_H

#include "base/ids.h"

/* Not LOG_INFO and so on: syslog.h has taken those names. */
enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_value {
	const char *name;
	enum { LOG_VALUE_END, LOG_VALUE_STR, LOG_VALUE_INT, LOG_VALUE_SLICE, LOG_VALUE_LEAD } type;
	union {
		const char *str;
		int64_t integer;
		struct slice slice;
		const struct lead_id *lead;
	};
};

#define LOG_STR(n, v) ((struct log_value){.name = (n), .type = LOG_VALUE_STR, .str = (v)})
#define LOG_INT(n, v)                                                                              \
	((struct log_value){.name = (n), .type = LOG_VALUE_INT, .integer = (int64_t)(v)})
#define LOG_SLICE(n, v) ((struct log_value){.name = (n), .type = LOG_VALUE_SLICE, .slice = (v)})
#define LOG_LEAD(v)     ((struct log_value){.name = "lead_id", .type = LOG_VALUE_LEAD, .lead = (v)})
#define LOG_END         ((struct log_value){.type = LOG_VALUE_END})

void log_start(const char *service, enum log_level least);
void log_line(enum log_level level, const char *event, const struct log_value *values);

#define log_at(level, event, ...)                                                                  \
	log_line(level, event, (struct log_value[]){__VA_ARGS__ __VA_OPT__(, ) LOG_END})
#define log_debug(event, ...) log_at(LOG_LEVEL_DEBUG, event __VA_OPT__(, ) __VA_ARGS__)
#define log_info(event, ...)  log_at(LOG_LEVEL_INFO, event __VA_OPT__(, ) __VA_ARGS__)
#define log_warn(event, ...)  log_at(LOG_LEVEL_WARN, event __VA_OPT__(, ) __VA_ARGS__)
#define log_error(event, ...) log_at(LOG_LEVEL_ERROR, event __VA_OPT__(, ) __VA_ARGS__)

#endif
