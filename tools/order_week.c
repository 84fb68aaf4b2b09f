/* order_week: see order_week.h. A span that runs over midnight is cut where the week ends. */
#include "order_week.h"

static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static bool take_day(struct slice *rest, uint32_t *ret)
{
	for (uint32_t i = 0; i < ARRAY_LEN(days); i++) {
		if (!slice_starts_with(*rest, days[i]))
			continue;
		*rest = slice_of(rest->data + 3, rest->len - 3);
		*ret = i;
		return true;
	}
	return false;
}

static bool take_char(struct slice *rest, char c)
{
	if (rest->len == 0 || rest->data[0] != c)
		return false;
	*rest = slice_of(rest->data + 1, rest->len - 1);
	return true;
}

static bool take_two_digits(struct slice *rest, uint32_t most, uint32_t *ret)
{
	uint32_t n = 0;

	for (int i = 0; i < 2; i++) {
		if (rest->len == 0 || rest->data[0] < '0' || rest->data[0] > '9')
			return false;
		n = n * 10 + (uint32_t)(rest->data[0] - '0');
		*rest = slice_of(rest->data + 1, rest->len - 1);
	}
	*ret = n;
	return n <= most;
}

/* "09:30"; 24:00 is the end of the day. */
static bool take_time(struct slice *rest, uint32_t *ret_minute)
{
	uint32_t hour, minute;

	if (!take_two_digits(rest, 24, &hour) || !take_char(rest, ':') ||
	    !take_two_digits(rest, 59, &minute))
		return false;
	*ret_minute = hour * 60 + minute;
	return *ret_minute <= WEEK_MINUTES_A_DAY;
}

static bool take_days(struct slice *rest, uint32_t *ret_first, uint32_t *ret_count)
{
	uint32_t last;

	*ret_first = 0;
	*ret_count = 7;
	if (slice_starts_with(*rest, "daily")) {
		*rest = slice_of(rest->data + 5, rest->len - 5);
		return true;
	}
	if (!take_day(rest, ret_first))
		return false;
	*ret_count = 1;
	if (!take_char(rest, '-'))
		return true;
	if (!take_day(rest, &last))
		return false;
	*ret_count = (last + 7 - *ret_first) % 7 + 1;
	return true;
}

static const char *put_span(struct week *w, uint32_t from, uint32_t until, struct arena *a)
{
	Punnet__V1__WeekSpan *s;
	size_t at = w->count;

	if (from >= until)
		return NULL;
	if (!w->spans)
		w->spans = arena_calloc(a, WEEK_OPENINGS_MAX, sizeof(*w->spans));
	if (w->count == WEEK_OPENINGS_MAX)
		return "too many openings";
	while (at > 0 && w->spans[at - 1]->from_minute > from)
		at--;
	if ((at > 0 && w->spans[at - 1]->until_minute > from) ||
	    (at < w->count && w->spans[at]->from_minute < until))
		return "overlaps another opening";
	s = arena_alloc(a, sizeof(*s));
	punnet__v1__week_span__init(s);
	s->from_minute = from;
	s->until_minute = until;
	memmove(&w->spans[at + 1], &w->spans[at], (w->count - at) * sizeof(*w->spans));
	w->spans[at] = s;
	w->count++;
	return NULL;
}

const char *week_add(struct week *w, struct slice text, struct arena *a)
{
	static const char expected[] = "expected for example \"mon-fri 09:00-20:00\"";
	uint32_t first, count, from, until;
	const char *fault = NULL;

	if (!take_days(&text, &first, &count) || !take_char(&text, ' ') ||
	    !take_time(&text, &from) || !take_char(&text, '-') || !take_time(&text, &until) ||
	    text.len > 0)
		return expected;
	if (from == until)
		return "opens and closes at the same time: leave the day out, or write 00:00-24:00";
	if (until < from)
		until += WEEK_MINUTES_A_DAY;
	for (uint32_t i = 0; i < count && !fault; i++) {
		uint32_t start = (first + i) % 7 * WEEK_MINUTES_A_DAY;
		uint32_t week = 7 * WEEK_MINUTES_A_DAY, end = start + until;

		fault = put_span(w, start + from, MIN_OF(end, week), a);
		if (!fault && end > week)
			fault = put_span(w, 0, end - week, a);
	}
	return fault;
}
