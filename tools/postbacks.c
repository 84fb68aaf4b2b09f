/* punnet postbacks: what webmasters' trackers were told, and what is told once more.
 *
 * Sending again writes the event into status.events as it was, under its own id, with the operator's name: a tracker that has it
 * can tell. A webmaster's events are of one partition, so those that are sent again keep their order. */
#include "postbacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/timefmt.h"
#include "delivery/core/postback.h"
#include "runtime/clock.h"

#define EVENTS       "status.events"
#define ATTEMPTS     "status.attempts"
#define LIST_SINCE   "1h"
#define LIST_LIMIT   50
#define LIST_MOST    100000
#define REPLAY_BATCH 1000 /* under way to Kafka at once */

/* --- showing --- */

static void print_json(const Punnet__V1__StatusAttempt *a, const char *result)
{
	_cleanup_(buf_free) struct buf b = {0};

	buf_append_char(&b, '{');
	json_write_member(&b, "webmaster", slice_cstr(a->aff_id));
	buf_append_char(&b, ',');
	json_write_member(&b, "event_id", slice_cstr(a->event_id));
	buf_append_char(&b, ',');
	json_write_member(&b, "event", slice_cstr(postback_event_name(a->kind)));
	buf_append_char(&b, ',');
	json_write_member(&b, "result", slice_cstr(result));
	buf_append_char(&b, ',');
	json_write_member(&b, "reason", slice_cstr(a->reason_code));
	buf_append_char(&b, ',');
	json_write_member(&b, "host", slice_cstr(a->host));
	buf_append_char(&b, ',');
	json_write_member(&b, "replayed_by", slice_cstr(a->replayed_by));
	printf("%s,\"attempt\":%u,\"http_status\":%u,\"final\":%s,\"started_at_ms\":%lld,"
	       "\"took_ms\":%u,\"next_due_at_ms\":%lld}\n",
	       buf_cstr(&b), a->attempt, a->http_status, a->final ? "true" : "false",
	       (long long)a->started_at_ms, a->took_ms, (long long)a->next_due_at_ms);
}

static void print_row(const Punnet__V1__StatusAttempt *a, const char *result)
{
	char at[TIME_TEXT_LEN + 1], next[TIME_TEXT_LEN + 1] = "", status[16] = "-";

	time_text(a->started_at_ms, at);
	if (a->next_due_at_ms)
		time_text(a->next_due_at_ms, next);
	if (a->http_status)
		snprintf(status, sizeof(status), "%u", a->http_status);
	printf("%s  %-12s %s  #%-2u %-8s %4s %6u ms  %s%s%s%s%s%s\n", at, a->aff_id, a->event_id,
	       a->attempt, result, status, a->took_ms, a->host, *a->reason_code ? "  " : "",
	       a->reason_code, *next ? "  next " : "", next, *a->replayed_by ? "  sent again" : "");
}

static void print_attempt(const struct tool *t, const Punnet__V1__StatusAttempt *a)
{
	static const char *const results[] = {"", "ok", "tempfail", "permfail"};
	const char *result = (size_t)a->result < ARRAY_LEN(results) ? results[a->result] : "";

	if (t->json)
		print_json(a, result);
	else
		print_row(a, result);
}

/* The newest ones of all partitions, for they are read one after the other. */
struct newest {
	struct kept {
		int64_t at_ms;
		size_t len;
		char *bytes;
	} * all;
	size_t count, limit, fitted;
};

static int by_age(const void *a, const void *b)
{
	int64_t x = ((const struct kept *)a)->at_ms, y = ((const struct kept *)b)->at_ms;

	return x < y ? -1 : x > y;
}

/* Twice the limit is kept, and the older half dropped when it is full. */
static void drop_old(struct newest *n)
{
	size_t old;

	qsort(n->all, n->count, sizeof(*n->all), by_age);
	if (n->count <= n->limit)
		return;
	old = n->count - n->limit;
	for (size_t i = 0; i < old; i++)
		free(n->all[i].bytes);
	memmove(n->all, n->all + old, n->limit * sizeof(*n->all));
	n->count = n->limit;
}

static bool keep(void *ctx, const struct bus_record *record, const void *message)
{
	struct newest *n = ctx;
	const Punnet__V1__StatusAttempt *a = message;
	struct kept one = {.at_ms = a->started_at_ms, .len = record->value.len};

	one.bytes = malloc(one.len + 1);
	if (!one.bytes)
		abort();
	memcpy(one.bytes, record->value.data, one.len);
	n->fitted++;
	n->all[n->count++] = one;
	if (n->count == 2 * n->limit)
		drop_old(n);
	return true;
}

static void print_newest(const struct tool *t, struct newest *n)
{
	struct arena arena = {0};

	drop_old(n);
	for (size_t i = 0; i < n->count; i++) {
		const Punnet__V1__StatusAttempt *a =
		    codec_unpack(&arena, &punnet__v1__status_attempt__descriptor,
				 slice_of(n->all[i].bytes, n->all[i].len));

		if (a)
			print_attempt(t, a);
		free(n->all[i].bytes);
		arena_reset(&arena);
	}
	arena_free(&arena);
}

static int show_attempts(struct tool *t, const struct status_filter *filter, size_t limit)
{
	struct newest n = {.limit = limit};
	struct error e = {0};
	enum result r;

	if (!tool_bus(t, "postbacks"))
		return TOOL_AWAY;
	n.all = calloc(2 * limit, sizeof(*n.all));
	if (!n.all)
		abort();
	r = status_read(t->bus, ATTEMPTS, filter, keep, &n, &e);
	print_newest(t, &n);
	free(n.all);
	if (r != RESULT_OK)
		return tool_fail("postbacks", r, &e);
	if (!t->json)
		printf("%zu of %zu attempts\n", MIN_OF(n.fitted, limit), n.fitted);
	return n.fitted > 0 || !filter->lead_id ? TOOL_DONE : TOOL_FOUND;
}

/* --- sending again --- */

struct replay {
	struct tool *tool;
	const char *who;
	int32_t partitions;
	size_t count;
	struct error *error;
	enum result result;
};

static bool send_again(void *ctx, _unused_ const struct bus_record *record, const void *message)
{
	struct replay *r = ctx;
	Punnet__V1__StatusEvent e = *(const Punnet__V1__StatusEvent *)message;
	Punnet__V1__Provenance source = PUNNET__V1__PROVENANCE__INIT;
	struct slice key = slice_cstr(e.aff_id);

	if (*e.replayed_by)
		return true; /* the event itself is among them */
	source.topic = (char *)"operator";
	e.source = &source;
	e.replayed_by = (char *)r->who;
	r->result = tool_produce(r->tool, EVENTS, hash_partition(key, r->partitions), key, &e.base,
				 r->error);
	if (r->result == RESULT_OK && ++r->count % REPLAY_BATCH == 0)
		r->result = tool_flush(r->tool, r->error);
	return r->result == RESULT_OK;
}

int postbacks_replay(struct tool *t, const struct status_filter *filter, const char *who)
{
	struct error e = {0};
	struct replay replay = {.tool = t, .who = who, .error = &e};
	enum result r;

	if (!tool_bus(t, "postbacks"))
		return TOOL_AWAY;
	replay.partitions = bus_partitions(t->bus, EVENTS, TOOL_TIMEOUT_MS);
	r = status_read(t->bus, EVENTS, filter, send_again, &replay, &e);
	if (r == RESULT_OK)
		r = replay.result;
	if (r == RESULT_OK && replay.count > 0)
		r = tool_flush(t, &e);
	if (r != RESULT_OK)
		return tool_fail("postbacks", r, &e);
	printf(t->json ? "{\"sent_again\":%zu}\n" : "%zu events are sent again\n", replay.count);
	return replay.count > 0 ? TOOL_DONE : TOOL_FOUND;
}

/* --- the verbs --- */

/* A time, or how long ago: "2h". */
static bool read_time(const char *text, int64_t *ret_ms)
{
	int64_t ago_ms;

	if (!text)
		return true;
	if (time_parse_duration(slice_cstr(text), &ago_ms)) {
		*ret_ms = MAX_OF(clock_now_ms() - ago_ms, (int64_t)0);
		return true;
	}
	return time_parse(slice_cstr(text), ret_ms);
}

static const char *who_asks(int *argc, char **argv)
{
	const char *who = tool_option(argc, argv, "--who");

	if (!who)
		who = getenv("USER");
	return who && *who ? who : "operator";
}

static int list(struct tool *t, int argc, char **argv)
{
	const char *since = tool_option(&argc, argv, "--since"),
		   *limit_text = tool_option(&argc, argv, "--limit");
	struct status_filter filter = {.aff_id = tool_option(&argc, argv, "--webmaster"),
				       .event = tool_option(&argc, argv, "--event"),
				       .result = tool_option(&argc, argv, "--result")};
	int64_t limit = LIST_LIMIT;

	if (argc != 2)
		return tool_usage("postbacks", "unexpected \"%s\"", argv[2]);
	if (!read_time(since ? since : LIST_SINCE, &filter.from_ms))
		return tool_usage("postbacks", "--since %s: expected a time, or 2h", since);
	if (limit_text &&
	    (!slice_to_int64(slice_cstr(limit_text), &limit) || limit < 1 || limit > LIST_MOST))
		return tool_usage("postbacks", "--limit %s: expected 1 to %d", limit_text,
				  LIST_MOST);
	return show_attempts(t, &filter, (size_t)limit);
}

static int show(struct tool *t, int argc, char **argv)
{
	struct status_filter filter = {0};
	struct lead_id id;

	if (argc != 3 || !lead_id_parse(slice_cstr(argv[2]), &id))
		return tool_usage("postbacks", "expected show LEAD_ID");
	filter.lead_id = &id;
	filter.from_ms = lead_id_time_ms(&id);
	return show_attempts(t, &filter, LIST_MOST);
}

static int retry(struct tool *t, int argc, char **argv)
{
	const char *who = who_asks(&argc, argv);
	struct status_filter filter = {0};
	struct lead_id id;

	if (argc != 3)
		return tool_usage("postbacks", "expected retry EVENT_ID, or LEAD_ID");
	if (lead_id_parse(slice_cstr(argv[2]), &id))
		filter.lead_id = &id;
	else
		filter.event_id = argv[2];
	return postbacks_replay(t, &filter, who);
}

static int replay(struct tool *t, int argc, char **argv)
{
	const char *from = tool_option(&argc, argv, "--from"),
		   *to = tool_option(&argc, argv, "--to"), *who = who_asks(&argc, argv);
	struct status_filter filter = {.aff_id = tool_option(&argc, argv, "--webmaster"),
				       .event = tool_option(&argc, argv, "--event")};

	if (argc != 2 || !filter.aff_id || !from)
		return tool_usage("postbacks", "expected replay --webmaster ID --from T [--to T] "
					       "[--event NAME]");
	if (!read_time(from, &filter.from_ms) || !read_time(to, &filter.until_ms))
		return tool_usage("postbacks", "--from and --to: expected a time, or 2h");
	return postbacks_replay(t, &filter, who);
}

int command_postbacks(struct tool *t, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "list") == 0)
		return list(t, argc, argv);
	if (strcmp(verb, "show") == 0)
		return show(t, argc, argv);
	if (strcmp(verb, "retry") == 0)
		return retry(t, argc, argv);
	if (strcmp(verb, "replay") == 0)
		return replay(t, argc, argv);
	return tool_usage("postbacks", "expected list, show LEAD_ID, retry EVENT_ID or replay");
}
