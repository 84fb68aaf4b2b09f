/* punnet import: another system's CSV through the front door, each row once.
 *
 * A row is a post with an Idempotency-Key made of the import's name and of the row's id or content: sent again, it gives the
 * first answer again, whatever became of the state file. Rows are sent many at a time and end in any order; the position
 * moves over the finished prefix only (import_state.h). A row without a final answer stops the import, to be resumed. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"
#include "http_client.h"
#include "import_map.h"
#include "import_reader.h"
#include "import_state.h"
#include "keys_file.h"
#include "runtime/clock.h"

#define WINDOW_ROWS    8192 /* read and not yet behind the position */
#define CONNECTIONS    4
#define DEPTH          32
#define PATIENCE_MS    (2 * MS_PER_MIN)
#define KEEP_EVERY_MS  500
#define SHOW_MS        200
#define SHOW_ELSE_MS   5000
#define KEY_HASH_BYTES 20

_Static_assert(WINDOW_ROWS >= 2 * IMPORT_PIECE_ROWS_MAX, "a piece of the file must fit");

struct row {
	bool final, rejected;
	uint64_t digest;   /* of the file up to and including it */
	struct buf reject; /* its cells as CSV, then its line among the rejects */
};

struct import {
	struct tool *tool;
	struct arena arena;
	struct import_map map;
	struct import_header header;
	bool has_header, stopped, all_read;
	enum result result;
	struct error error;
	struct import_reader *reader;
	struct import_files *files;
	struct import_state state; /* position: rows behind it are done */
	struct import_state began;
	struct http_client *client;
	const char *key;
	struct slice signing_key;
	uint64_t read;   /* rows of the file, the header not counted */
	uint64_t digest; /* of the rows read */
	struct row *rows;
	int64_t kept_ms, shown_ms;
	uint64_t sent, replayed;
};

static void stop(struct import *im, enum result r)
{
	im->stopped = true;
	if (im->result == RESULT_OK)
		im->result = r;
}

/* --- the position --- */

static struct row *row_at(struct import *im, uint64_t n)
{
	return &im->rows[n % WINDOW_ROWS];
}

static void advance(struct import *im)
{
	while (im->state.rows < im->read && row_at(im, im->state.rows)->final) {
		struct row *row = row_at(im, im->state.rows);

		if (row->rejected) {
			import_files_reject(im->files, buf_slice(&row->reject), &im->state);
			im->state.rejected++;
		}
		buf_free(&row->reject);
		im->state.digest = row->digest;
		*row = (struct row){0};
		im->state.rows++;
	}
}

static void keep(struct import *im)
{
	im->kept_ms = clock_monotonic_ms();
	if (import_files_keep(im->files, &im->state, &im->error) != RESULT_OK)
		stop(im, RESULT_BAD);
}

/* The cells were kept as a line without its end; the reasons are its last cell. */
static void reject(const struct import *im, struct row *row, struct slice reasons)
{
	if (row->reject.len > 0)
		row->reject.len--; /* the end of the line, after an empty last cell */
	import_csv_line(NULL, 0, im->map.delimiter, reasons, &row->reject);
	row->rejected = row->final = true;
}

/* --- rows out --- */

static void make_key(const struct import *im, const struct slice *cells, size_t count,
		     char ret[HTTP_CALL_ID_MAX + 1])
{
	uint8_t hash[KEY_HASH_BYTES];
	char hex[2 * KEY_HASH_BYTES + 1];
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	crypto_generichash_update(&state, (const uint8_t *)im->map.name.data, im->map.name.len);
	for (size_t i = 0; i < count; i++) {
		uint64_t len = cells[i].len;

		if (im->header.id_at >= 0 && (int)i != im->header.id_at)
			continue;
		crypto_generichash_update(&state, (const uint8_t *)&len, sizeof(len));
		crypto_generichash_update(&state, (const uint8_t *)cells[i].data, cells[i].len);
	}
	crypto_generichash_final(&state, hash, sizeof(hash));
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	snprintf(ret, HTTP_CALL_ID_MAX + 1, "import-%s", hex);
}

static void send_row(struct import *im, uint64_t n, const struct slice *cells, size_t count)
{
	struct http_call call = {.path = "/v1/leads",
				 .type = "application/json",
				 .bearer = im->key,
				 .signing_key = im->signing_key,
				 .keyed = true,
				 .lane = (uint32_t)n,
				 .number = n};
	struct buf reasons = {0};

	if (import_row_build(&im->map, &im->header, cells, count, &call.body, &reasons)) {
		make_key(im, cells, count, call.id);
		im->sent++;
		http_client_send(im->client, &call);
	} else {
		reject(im, row_at(im, n), buf_slice(&reasons));
		buf_free(&call.body);
	}
	buf_free(&reasons);
}

static void read_header(struct import *im, const struct slice *cells, size_t count)
{
	struct buf line = {0};

	im->has_header = true;
	if (import_header_bind(&im->arena, &im->map, cells, count, &im->header, &im->error) !=
	    RESULT_OK) {
		stop(im, RESULT_BAD);
		return;
	}
	if (im->state.rejects_bytes == 0) {
		import_csv_line(cells, count, im->map.delimiter, SLICE("reasons"), &line);
		import_files_reject(im->files, buf_slice(&line), &im->state);
		buf_free(&line);
	}
}

static uint64_t digest_of(uint64_t digest, const struct slice *cells, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		digest = hash_fnv1a(digest, cells[i]);
		digest = hash_fnv1a(digest, slice_of("\x1f", 1));
	}
	return hash_fnv1a(digest, slice_of("\x1e", 1));
}

static void on_row(void *ctx, const struct slice *cells, size_t count)
{
	struct import *im = ctx;
	struct row *row;

	if (im->stopped || count == 0)
		return;
	if (!im->has_header) {
		read_header(im, cells, count);
		return;
	}
	im->digest = digest_of(im->digest, cells, count);
	im->read++;
	if (im->read <= im->began.rows) {
		if (im->read == im->began.rows && im->digest != im->began.digest) {
			error_set(&im->error, RESULT_BAD,
				  "the first %llu rows are not those that were imported; take the "
				  ".import file away to start anew",
				  (unsigned long long)im->began.rows);
			stop(im, RESULT_BAD);
		}
		return;
	}
	row = row_at(im, im->read - 1);
	assert(!row->final && row->reject.len == 0);
	row->digest = im->digest;
	import_csv_line(cells, count, im->map.delimiter, SLICE(""), &row->reject);
	send_row(im, im->read - 1, cells, count);
}

/* --- answers --- */

static void write_reasons(struct slice answer, int status, struct buf *out)
{
	struct arena arena = {0};
	struct json_fault fault;
	const struct json *root = json_parse(&arena, answer, JSON_LIMITS_DEFAULT, &fault);
	const struct json *errors = json_member(root, "errors"),
			  *title = json_member(root, "title");

	buf_printf(out, "%d", status);
	if (title)
		buf_printf(out, " " SLICE_FMT, SLICE_ARG(title->text));
	for (const struct json *e = errors ? errors->child : NULL; e; e = e->next) {
		const struct json *field = json_member(e, "field"),
				  *detail = json_member(e, "detail");

		buf_printf(out, "; " SLICE_FMT ": " SLICE_FMT,
			   SLICE_ARG(field ? field->text : SLICE("")),
			   SLICE_ARG(detail ? detail->text : SLICE("")));
	}
	arena_free(&arena);
}

static void on_reply(void *ctx, const struct http_call *call, const struct http_reply *reply)
{
	struct import *im = ctx;
	struct row *row = row_at(im, call->number);
	struct buf reasons = {0};

	if (reply->status == 0) {
		error_set(&im->error, RESULT_AWAY,
			  "no final answer for row %llu; run it again to go on",
			  (unsigned long long)call->number + 1);
		stop(im, RESULT_AWAY);
	} else if (reply->status == 401 || reply->status == 403) {
		error_set(&im->error, RESULT_BAD, "the front door answers %d: " SLICE_FMT,
			  reply->status, SLICE_ARG(reply->body));
		stop(im, RESULT_BAD);
	} else if (reply->status < 300) {
		im->replayed += reply->replayed;
		row->final = true;
	} else {
		write_reasons(reply->body, reply->status, &reasons);
		reject(im, row, buf_slice(&reasons));
		buf_free(&reasons);
	}
}

/* --- the run --- */

static void show(struct import *im, int64_t now)
{
	bool terminal = im->tool->terminal;

	if (now - im->shown_ms < (terminal ? SHOW_MS : SHOW_ELSE_MS))
		return;
	im->shown_ms = now;
	fprintf(stderr,
		"%simport: %llu rows done, %llu rejected, %zu under way; %u %% of the file read%s",
		terminal ? "\r" : "", (unsigned long long)im->state.rows,
		(unsigned long long)im->state.rejected, http_client_open_calls(im->client),
		import_reader_done(im->reader) / 10, terminal ? "\033[K" : "\n");
}

/* Rows that were done in an earlier run take no room. */
static bool has_room(const struct import *im)
{
	uint64_t behind = MAX_OF(im->state.rows, im->read) - im->state.rows;

	return behind + IMPORT_PIECE_ROWS_MAX <= WINDOW_ROWS;
}

static void end_of_file(struct import *im)
{
	im->all_read = true;
	if (im->read >= im->began.rows)
		return;
	error_set(
	    &im->error, RESULT_BAD,
	    "%llu rows were imported, and now the file has %llu; take the .import file away to "
	    "start anew",
	    (unsigned long long)im->began.rows, (unsigned long long)im->read);
	stop(im, RESULT_BAD);
}

static bool on_tick(void *ctx)
{
	struct import *im = ctx;
	int64_t now = clock_monotonic_ms();

	while (!im->stopped && !im->all_read && has_room(im)) {
		enum result r = import_reader_feed(im->reader, &im->error);

		if (r == RESULT_AGAIN)
			end_of_file(im);
		else if (r != RESULT_OK)
			stop(im, r);
	}
	advance(im);
	if (now - im->kept_ms >= KEEP_EVERY_MS)
		keep(im);
	show(im, now);
	if (im->stopped && im->result != RESULT_AWAY)
		return false;
	return http_client_open_calls(im->client) > 0 || !(im->stopped || im->all_read);
}

static int report(struct import *im)
{
	uint64_t rows = im->state.rows - im->began.rows;
	uint64_t rejected = im->state.rejected - im->began.rejected;

	if (im->tool->terminal)
		fputs("\r\033[K", stderr);
	if (im->tool->json)
		printf("{\"rows\":%llu,\"earlier\":%llu,\"received\":%llu,\"replayed\":%llu,"
		       "\"rejected\":%llu,\"complete\":%s}\n",
		       (unsigned long long)rows, (unsigned long long)im->began.rows,
		       (unsigned long long)(rows - rejected), (unsigned long long)im->replayed,
		       (unsigned long long)rejected, im->stopped ? "false" : "true");
	else
		printf("%llu rows received, %llu rejected; %llu rows were done before\n",
		       (unsigned long long)(rows - rejected), (unsigned long long)rejected,
		       (unsigned long long)im->began.rows);
	if (im->result != RESULT_OK)
		return tool_fail("import", im->result, &im->error);
	return rejected > 0 ? TOOL_FOUND : TOOL_DONE;
}

static int import_file(struct import *im, const char *path, const char *url)
{
	struct import_reader_options reading = {.path = path,
						.encoding = im->map.encoding,
						.delimiter = im->map.delimiter,
						.quote = im->map.quote,
						.on_row = on_row,
						.ctx = im};
	struct http_client_options calling = {.url = url,
					      .connections = CONNECTIONS,
					      .depth = DEPTH,
					      .max_calls = WINDOW_ROWS,
					      .patience_ms = PATIENCE_MS,
					      .on_reply = on_reply,
					      .on_tick = on_tick,
					      .ctx = im};

	im->reader = import_reader_open(&reading, &im->error);
	if (!im->reader)
		return tool_fail("import", RESULT_BAD, &im->error);
	im->files = import_files_open(path, im->map.name, &im->state, &im->error);
	if (!im->files)
		return tool_fail("import", RESULT_BAD, &im->error);
	im->began = im->state;
	im->client = http_client_open(&calling, &im->error);
	if (!im->client)
		return tool_fail("import", RESULT_AWAY, &im->error);
	http_client_run(im->client);
	advance(im);
	keep(im);
	return report(im);
}

static int find_key(struct import *im, const char *key, const char *webmaster,
		    const char *keys_path)
{
	struct slice id = webmaster ? slice_cstr(webmaster) : im->map.webmaster;
	struct keys_file *keys;

	im->key = key;
	if (key)
		return TOOL_DONE;
	if (id.len == 0)
		return tool_usage("import",
				  "--webmaster or --key is needed, or a webmaster in the map");
	keys = keys_file_load(&im->arena, keys_file_path(&im->arena, keys_path), &im->error);
	if (!keys)
		return tool_fail("import", RESULT_BAD, &im->error);
	im->key = keys_file_key(keys, "webmaster", id);
	im->signing_key = keys_file_signing_key(keys, "webmaster", id);
	if (im->key)
		return TOOL_DONE;
	error_set(&im->error, RESULT_BAD, "the keys file has no key of webmaster " SLICE_FMT,
		  SLICE_ARG(id));
	return tool_fail("import", RESULT_BAD, &im->error);
}

static int run_import(struct import *im, int argc, char **argv)
{
	const char *map = tool_option(&argc, argv, "--map");
	const char *key = tool_option(&argc, argv, "--key");
	const char *webmaster = tool_option(&argc, argv, "--webmaster");
	const char *keys = tool_option(&argc, argv, "--keys-file");
	const char *url = tool_option(&argc, argv, "--url");
	struct yaml_faults faults = {.file = map};
	int status;

	if (argc != 2 || !map)
		return tool_usage("import", "a file and --map are needed");
	if (!import_map_load(&im->arena, map, &im->map, &faults)) {
		fputs(buf_cstr(&faults.text), stderr);
		yaml_faults_free(&faults);
		return TOOL_FOUND;
	}
	yaml_faults_free(&faults);
	status = find_key(im, key, webmaster, keys);
	if (status != TOOL_DONE)
		return status;
	return import_file(im, argv[1], keys_front_door(&im->arena, im->tool, url));
}

int command_import(struct tool *t, int argc, char **argv)
{
	struct import *im = calloc(1, sizeof(*im));
	int status;

	assert(im);
	im->tool = t;
	im->rows = calloc(WINDOW_ROWS, sizeof(*im->rows));
	assert(im->rows);
	status = run_import(im, argc, argv);
	http_client_close(im->client);
	import_reader_close(im->reader);
	import_files_close(im->files);
	for (size_t i = 0; i < WINDOW_ROWS; i++)
		buf_free(&im->rows[i].reject);
	free(im->rows);
	arena_free(&im->arena);
	free(im);
	return status;
}
