/* log: see log.h. One line is one write(2), so that lines of several processes on one pipe do not mix.
 *
 * A line is at most LOG_LINE_MAX bytes: long texts are cut, and values that do not fit any more are left out; the line
 * then says "cut":true. If standard error can't be written to, the line is lost: there is nobody left to tell. */
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/timefmt.h"
#include "clock.h"

#define LOG_LINE_MAX 8192
#define LOG_TEXT_MAX 4096 /* of one value, before escaping */
#define LOG_TAIL_MAX 16   /* room for the end of the line: ,"cut":true}\n */

static const char *log_service = "";
static enum log_level log_least = LOG_LEVEL_INFO;

void log_start(const char *service, enum log_level least)
{
	log_service = service;
	log_least = least;
}

static const char *level_name(enum log_level level)
{
	static const char *const names[] = {[LOG_LEVEL_DEBUG] = "debug",
					    [LOG_LEVEL_INFO] = "info",
					    [LOG_LEVEL_WARN] = "warn",
					    [LOG_LEVEL_ERROR] = "error"};

	assert(level <= LOG_LEVEL_ERROR);
	return names[level];
}

static void write_value(struct buf *line, const struct log_value *v)
{
	char id[LEAD_ID_TEXT_LEN + 1];
	struct slice text = {0};

	switch (v->type) {
	case LOG_VALUE_INT:
		json_write_member_int(line, v->name, v->integer);
		return;
	case LOG_VALUE_LEAD:
		lead_id_text(v->lead, id);
		text = slice_cstr(id);
		break;
	case LOG_VALUE_STR:
		text = slice_cstr(v->str);
		break;
	case LOG_VALUE_SLICE:
		text = v->slice;
		break;
	case LOG_VALUE_END:
		assert(!"the end is no value");
	}
	text.len = MIN_OF(text.len, (size_t)LOG_TEXT_MAX);
	json_write_member(line, v->name, text);
}

static void write_head(struct buf *line, enum log_level level, const char *event)
{
	char at[TIME_TEXT_LEN + 1];

	time_text(clock_now_ms(), at);
	buf_append_char(line, '{');
	json_write_member(line, "at", slice_cstr(at));
	buf_append_char(line, ',');
	json_write_member(line, "level", slice_cstr(level_name(level)));
	buf_append_char(line, ',');
	json_write_member(line, "service", slice_cstr(log_service));
	buf_append_char(line, ',');
	json_write_member(line, "event", slice_cstr(event));
}

static void write_all(const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

void log_line(enum log_level level, const char *event, const struct log_value *values)
{
	_cleanup_(buf_free) struct buf line = {0};
	bool cut = false;

	if (level < log_least)
		return;

	write_head(&line, level, event);
	for (const struct log_value *v = values; v->type != LOG_VALUE_END; v++) {
		size_t before = line.len;

		buf_append_char(&line, ',');
		write_value(&line, v);
		if (line.len > LOG_LINE_MAX - LOG_TAIL_MAX) {
			line.len = before;
			cut = true;
		}
	}
	buf_append_cstr(&line, cut ? ",\"cut\":true}\n" : "}\n");
	if (!line.failed)
		write_all(line.data, line.len);
}
