/* punnet traffic: sample leads through the front door, at a rate, all of them from a seed. The leads are traffic_make's;
 * here they are sent when they are due, and what came back is counted. Every lead gets exactly one result: received,
 * refused, or no final answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "http_client.h"
#include "keys_file.h"
#include "runtime/clock.h"
#include "traffic_files.h"
#include "traffic_report.h"

#define COUNT_MOST        100000000
#define RATE_MOST         1000000
#define CALLS_MOST        4096 /* under way at once */
#define PATIENCE_MOST_S   3600
#define BATCH_WAIT_MS     200
#define LEADS_A_TICK_MOST 5000

struct cargo_line {
	uint64_t number;
	enum traffic_kind kind;
};

/* What a call carries: one lead, or the lines of a batch. */
struct cargo {
	size_t source, count, room;
	int64_t first_ms;
	struct buf body; /* until it is sent */
	struct cargo_line lines[];
};

struct sender {
	const char *key;
	struct slice signing_key;
};

struct run {
	struct tool *tool;
	struct arena arena, scratch;
	struct traffic_profile profile;
	struct traffic_tables tables;
	struct traffic_maker maker;
	struct sender senders[TRAFFIC_SOURCES_MAX];
	struct cargo *batches[TRAFFIC_SOURCES_MAX];
	struct http_client *client;
	struct traffic_report report;
	char id[24]; /* the Idempotency-Keys of two runs never meet */
	uint64_t rate, count, next, batches_sent;
	int64_t began_ms, lead_ms, patience_ms;
};

/* --- sending --- */

static struct cargo *cargo_new(size_t source, size_t room)
{
	struct cargo *cargo = calloc(1, sizeof(*cargo) + room * sizeof(cargo->lines[0]));

	assert(cargo);
	cargo->source = source;
	cargo->room = room;
	cargo->first_ms = clock_monotonic_ms();
	return cargo;
}

static void cargo_add(struct cargo *cargo, struct cargo_line line)
{
	assert(cargo->count < cargo->room);
	cargo->lines[cargo->count++] = line;
}

static void send_cargo(struct run *run, struct cargo *cargo, const char *path, const char *type,
		       bool keyed)
{
	struct http_call call = {.path = path,
				 .type = type,
				 .bearer = run->senders[cargo->source].key,
				 .signing_key = run->senders[cargo->source].signing_key,
				 .keyed = keyed,
				 .lane = (uint32_t)cargo->source,
				 .tag = cargo,
				 .body = cargo->body};

	if (cargo->room > 1)
		snprintf(call.id, sizeof(call.id), "%s-b%llu", run->id,
			 (unsigned long long)run->batches_sent++);
	else
		snprintf(call.id, sizeof(call.id), "%s-%llu", run->id,
			 (unsigned long long)cargo->lines[0].number);
	cargo->body = (struct buf){0};
	http_client_send(run->client, &call);
}

static void send_batch(struct run *run, struct cargo *batch)
{
	send_cargo(run, batch, "/v1/leads/batch", "application/x-ndjson", true);
}

/* Room for more than one is what tells a batch from a single lead. */
static size_t batch_room(const struct run *run)
{
	return MAX_OF((size_t)run->profile.batch_most, 2u);
}

static void add_to_batch(struct run *run, size_t source, struct cargo_line line, struct slice body)
{
	struct cargo *batch = run->batches[source];

	if (!batch)
		batch = run->batches[source] = cargo_new(source, batch_room(run));
	cargo_add(batch, line);
	buf_append_slice(&batch->body, body);
	buf_append_char(&batch->body, '\n');
	if (batch->count < batch->room)
		return;
	run->batches[source] = NULL;
	send_batch(run, batch);
}

static void send_next(struct run *run)
{
	uint64_t n = run->next++;
	struct traffic_lead lead;
	struct cargo_line line;
	struct cargo *single;
	struct buf body = {0};

	if (!traffic_repeats_previous(&run->maker, n))
		run->lead_ms = clock_now_ms();
	arena_reset(&run->scratch);
	traffic_make(&run->maker, n, run->lead_ms, &run->scratch, &lead, &body);
	run->report.sent[lead.kind]++;
	line = (struct cargo_line){n, lead.kind};
	if (lead.transport == TRAFFIC_LINE) {
		add_to_batch(run, lead.source, line, buf_slice(&body));
		buf_free(&body);
		return;
	}
	single = cargo_new(lead.source, 1);
	cargo_add(single, line);
	single->body = body;
	send_cargo(run, single, "/v1/leads",
		   lead.transport == TRAFFIC_FORM ? "application/x-www-form-urlencoded"
						  : "application/json",
		   lead.keyed);
}

static void send_old_batches(struct run *run, int64_t now)
{
	for (size_t i = 0; i < run->profile.source_count; i++) {
		struct cargo *batch = run->batches[i];

		if (!batch || http_client_room(run->client) == 0)
			continue;
		if (run->next < run->count && now - batch->first_ms < BATCH_WAIT_MS)
			continue;
		run->batches[i] = NULL;
		send_batch(run, batch);
	}
}

static bool on_tick(void *ctx)
{
	struct run *run = ctx;
	int64_t now = clock_monotonic_ms();
	bool waiting = false;

	for (int i = 0; i < LEADS_A_TICK_MOST && run->next < run->count; i++) {
		if (http_client_room(run->client) <= run->profile.source_count ||
		    traffic_due_ms(&run->profile, run->next, run->count, run->rate) >
			now - run->began_ms)
			break;
		send_next(run);
	}
	send_old_batches(run, now);
	traffic_report_show(&run->report, now, run->next, http_client_open_calls(run->client),
			    http_client_repeats(run->client));
	for (size_t i = 0; i < run->profile.source_count; i++)
		waiting = waiting || run->batches[i];
	return run->next < run->count || waiting || http_client_open_calls(run->client) > 0;
}

/* --- what came back --- */

static void take_result(struct run *run, const struct cargo *cargo, size_t i, int status,
			struct slice answer)
{
	traffic_report_result(&run->report, cargo->lines[i].kind, cargo->lines[i].number,
			      run->profile.sources[cargo->source].id, status, answer);
}

static bool next_line(struct slice *rest, struct slice *ret)
{
	const char *end;

	if (rest->len == 0)
		return false;
	end = memchr(rest->data, '\n', rest->len);
	*ret = slice_of(rest->data, end ? (size_t)(end - rest->data) : rest->len);
	rest->data += ret->len + (end ? 1 : 0);
	rest->len -= ret->len + (end ? 1 : 0);
	return true;
}

/* Lines that could not be stored are sent again, in a batch with a key of its own; the others are done. */
static void take_batch(struct run *run, const struct cargo *batch, const struct http_call *call,
		       struct slice answers)
{
	struct slice bodies = buf_slice(&call->body), answer, body;
	struct cargo *again = NULL;

	for (size_t i = 0; i < batch->count; i++) {
		int status = next_line(&answers, &answer) ? traffic_report_line_status(answer) : 0;

		if (!next_line(&bodies, &body))
			assert(false);
		if (status < 500) {
			take_result(run, batch, i, status, answer);
			continue;
		}
		if (!again)
			again = cargo_new(batch->source, batch->room);
		cargo_add(again, batch->lines[i]);
		buf_append_slice(&again->body, body);
		buf_append_char(&again->body, '\n');
	}
	if (again)
		again->first_ms = batch->first_ms;
	if (again && http_client_room(run->client) > 0 &&
	    clock_monotonic_ms() - batch->first_ms < run->patience_ms) {
		send_batch(run, again);
	} else if (again) {
		for (size_t i = 0; i < again->count; i++)
			take_result(run, again, i, 0, SLICE(""));
		buf_free(&again->body);
		free(again);
	}
}

static void on_reply(void *ctx, const struct http_call *call, const struct http_reply *reply)
{
	struct run *run = ctx;
	struct cargo *cargo = call->tag;

	if (cargo->room > 1 && reply->status == 200) {
		take_batch(run, cargo, call, reply->body);
	} else {
		for (size_t i = 0; i < cargo->count; i++)
			take_result(run, cargo, i, reply->status, reply->body);
	}
	free(cargo);
}

/* --- the command --- */

static bool read_number(const char *command, const char *name, const char *text, int64_t most,
			uint64_t *ret)
{
	int64_t value;

	if (!text)
		return true;
	if (!slice_to_int64(slice_cstr(text), &value) || value < 0 || value > most) {
		tool_usage(command, "%s: \"%s\": expected a number up to %lld", name, text,
			   (long long)most);
		return false;
	}
	*ret = (uint64_t)value;
	return true;
}

static int load(struct run *run, const char *profile, const char *data, const char *keys_path)
{
	struct yaml_faults faults = {.file = profile};
	struct error error = {0};
	struct keys_file *keys;

	if (!traffic_profile_load(&run->arena, profile, &run->profile, &faults)) {
		fputs(buf_cstr(&faults.text), stderr);
		yaml_faults_free(&faults);
		return TOOL_FOUND;
	}
	yaml_faults_free(&faults);
	if (traffic_tables_load(&run->arena, data, &run->tables, &error) != RESULT_OK)
		return tool_fail("traffic", RESULT_BAD, &error);
	traffic_join(&run->profile, &run->tables);
	keys = keys_file_load(&run->arena, keys_file_path(&run->arena, keys_path), &error);
	if (!keys)
		return tool_fail("traffic", RESULT_BAD, &error);
	for (size_t i = 0; i < run->profile.source_count; i++) {
		struct slice id = run->profile.sources[i].id;

		run->senders[i].key = keys_file_key(keys, "webmaster", id);
		if (!run->senders[i].key) {
			error_set(&error, RESULT_BAD,
				  "the keys file has no key of webmaster " SLICE_FMT,
				  SLICE_ARG(id));
			return tool_fail("traffic", RESULT_BAD, &error);
		}
		if (run->profile.sources[i].is_signed)
			run->senders[i].signing_key = keys_file_signing_key(keys, "webmaster", id);
	}
	return TOOL_DONE;
}

static int play(struct run *run, struct http_client_options *options)
{
	struct error error = {0};
	bool answered;

	options->on_reply = on_reply;
	options->on_tick = on_tick;
	options->ctx = run;
	options->max_calls = CALLS_MOST;
	run->patience_ms = options->patience_ms;
	run->client = http_client_open(options, &error);
	if (!run->client)
		return tool_fail("traffic", RESULT_AWAY, &error);
	run->began_ms = clock_monotonic_ms();
	snprintf(run->id, sizeof(run->id), "t%llx", (unsigned long long)clock_now_ms());
	traffic_report_begin(&run->report, run->tool, run->count, run->began_ms);
	http_client_run(run->client);
	traffic_report_end(&run->report, clock_monotonic_ms(), http_client_repeats(run->client));
	answered = http_client_ever_answered(run->client);
	http_client_close(run->client);
	if (!answered && run->count > 0) {
		error_set(&error, RESULT_AWAY, "%s: no answer", options->url);
		return tool_fail("traffic", RESULT_AWAY, &error);
	}
	return traffic_report_unanswered(&run->report) ? TOOL_FOUND : TOOL_DONE;
}

static int run_traffic(struct run *run, int argc, char **argv)
{
	const char *profile = tool_option(&argc, argv, "--profile");
	const char *data = tool_option(&argc, argv, "--data");
	const char *keys = tool_option(&argc, argv, "--keys-file");
	const char *url = tool_option(&argc, argv, "--url");
	const char *out = tool_option(&argc, argv, "--out");
	uint64_t connections = 16, depth = 16, patience_s = 60, seed = 1;
	int status;

	run->rate = 1000;
	run->count = 10000;
	if (!read_number("traffic", "--rate", tool_option(&argc, argv, "--rate"), RATE_MOST,
			 &run->rate) ||
	    !read_number("traffic", "--count", tool_option(&argc, argv, "--count"), COUNT_MOST,
			 &run->count) ||
	    !read_number("traffic", "--seed", tool_option(&argc, argv, "--seed"), INT64_MAX,
			 &seed) ||
	    !read_number("traffic", "--connections", tool_option(&argc, argv, "--connections"),
			 HTTP_CONNECTIONS_MAX, &connections) ||
	    !read_number("traffic", "--depth", tool_option(&argc, argv, "--depth"), HTTP_DEPTH_MAX,
			 &depth) ||
	    !read_number("traffic", "--patience", tool_option(&argc, argv, "--patience"),
			 PATIENCE_MOST_S, &patience_s))
		return TOOL_USAGE;
	if (argc > 1)
		return tool_usage("traffic", "unexpected \"%s\"", argv[1]);
	if (!run->rate || !connections || !depth)
		return tool_usage("traffic", "--rate, --connections and --depth are at least 1");
	status =
	    load(run, profile ? profile : PUNNET_TRAFFIC_FILE, data ? data : PUNNET_DATA_DIR, keys);
	if (status != TOOL_DONE)
		return status;
	if (out && !(run->report.out = fopen(out, "w"))) {
		fprintf(stderr, "punnet traffic: %s: %s\n", out, strerror(errno));
		return TOOL_FOUND;
	}
	run->maker = (struct traffic_maker){&run->profile, &run->tables, seed};
	return play(
	    run, &(struct http_client_options){.url = keys_front_door(&run->arena, run->tool, url),
					       .connections = (unsigned)connections,
					       .depth = (unsigned)depth,
					       .patience_ms = (int64_t)patience_s * MS_PER_S});
}

int command_traffic(struct tool *t, int argc, char **argv)
{
	struct run *run = calloc(1, sizeof(*run));
	int status;

	assert(run);
	run->tool = t;
	status = run_traffic(run, argc, argv);
	if (run->report.out && fclose(run->report.out) != 0) {
		fprintf(stderr, "punnet traffic: --out: %s\n", strerror(errno));
		status = TOOL_FOUND;
	}
	arena_free(&run->scratch);
	arena_free(&run->arena);
	free(run);
	return status;
}
