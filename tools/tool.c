/* tool: see tool.h. */
#include "tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tool_usage(const char *command, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "punnet %s: ", command);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "; `punnet %s --help` explains\n", command);
	return TOOL_USAGE;
}

int tool_fail(const char *command, enum result r, const struct error *e)
{
	fprintf(stderr, "punnet %s: %s\n", command, e->text);
	return r == RESULT_AWAY ? TOOL_AWAY : TOOL_FOUND;
}

struct bus *tool_bus(struct tool *t, const char *command)
{
	struct error error = {0};

	if (!t->bus)
		t->bus = bus_open(config_text(t->config, "common", "kafka"), "punnet", &error);
	if (!t->bus)
		tool_fail(command, RESULT_AWAY, &error);
	return t->bus;
}

static void count_ack(void *ctx, uint64_t token, enum result result, int32_t partition,
		      int64_t offset)
{
	struct tool *t = ctx;

	(void)token, (void)partition, (void)offset;
	t->unacknowledged--;
	if (result != RESULT_OK)
		t->failed++;
}

static enum result produce_bytes(struct tool *t, const char *topic, int32_t partition,
				 struct slice key, const char *type, struct slice value,
				 struct error *ret_error)
{
	struct bus_producer_options options = {.on_ack = count_ack,
					       .ctx = t,
					       .message_timeout_ms = TOOL_STORE_TIMEOUT_MS,
					       .max_in_flight = 10000};
	enum result r;

	if (!t->producer)
		t->producer = bus_producer_open(t->bus, &options, ret_error);
	if (!t->producer)
		return RESULT_AWAY;
	while ((r = bus_produce(t->producer, topic, partition, key, type, value, 0)) ==
	       RESULT_AGAIN) {
		r = bus_producer_flush(t->producer, TOOL_STORE_TIMEOUT_MS);
		if (r != RESULT_OK)
			return error_set(ret_error, RESULT_AWAY,
					 "%s: no acknowledgement within %d s", topic,
					 TOOL_STORE_TIMEOUT_MS / 1000);
	}
	if (r != RESULT_OK)
		return error_set(ret_error, r, "%s: the record was not taken", topic);
	t->unacknowledged++;
	return RESULT_OK;
}

enum result tool_produce(struct tool *t, const char *topic, int32_t partition, struct slice key,
			 const ProtobufCMessage *message, struct error *ret_error)
{
	struct buf value = {0};
	enum result r;

	codec_pack(message, &value);
	if (value.failed)
		return error_set(ret_error, RESULT_BAD, "%s: the record is too large", topic);
	r = produce_bytes(t, topic, partition, key, codec_type(message->descriptor),
			  buf_slice(&value), ret_error);
	buf_free(&value);
	return r;
}

enum result tool_forget(struct tool *t, const char *topic, int32_t partition, struct slice key,
			struct error *ret_error)
{
	return produce_bytes(t, topic, partition, key, "", (struct slice){NULL, 0}, ret_error);
}

enum result tool_flush(struct tool *t, struct error *ret_error)
{
	if (!t->producer)
		return RESULT_OK;
	if (bus_producer_flush(t->producer, TOOL_STORE_TIMEOUT_MS) != RESULT_OK || t->failed ||
	    t->unacknowledged)
		return error_set(ret_error, RESULT_AWAY,
				 "%zu records were not acknowledged; apply again, it is safe",
				 t->failed + t->unacknowledged);
	return RESULT_OK;
}

void tool_close(struct tool *t)
{
	bus_producer_close(t->producer);
	bus_close(t->bus);
	config_free(t->config);
}

static void drop_argument(int *argc, char **argv, int at, int count)
{
	memmove(argv + at, argv + at + count, sizeof(*argv) * (size_t)(*argc - at - count + 1));
	*argc -= count;
}

const char *tool_option(int *argc, char **argv, const char *name)
{
	size_t len = strlen(name);

	for (int i = 1; i < *argc; i++) {
		const char *value = NULL;

		if (strncmp(argv[i], name, len) != 0)
			continue;
		if (argv[i][len] == '=') {
			value = argv[i] + len + 1;
			drop_argument(argc, argv, i, 1);
			return value;
		}
		if (argv[i][len] == '\0' && i + 1 < *argc) {
			value = argv[i + 1];
			drop_argument(argc, argv, i, 2);
			return value;
		}
	}
	return NULL;
}

bool tool_flag(int *argc, char **argv, const char *name)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], name) == 0) {
			drop_argument(argc, argv, i, 1);
			return true;
		}
	}
	return false;
}
