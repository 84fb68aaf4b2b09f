/* replay-alter: copies recorded topics with one record made another: the negative control of every replay.
 *
 * usage: replay-alter FROM TO TOPIC PARTITION INDEX score|price|drop      INDEX: among the partition's records, from 0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lead/codec.h"
#include "proto/leads_judged.pb-c.h"
#include "proto/leads_routed.pb-c.h"
#include "runtime/bus_files.h"

static const char *const topics[] = {
    "leads.raw",           "leads.judged",   "market",         "leads.routed",
    "leads.unsold",        "leads.attempts", "leads.outcomes", "market.snapshots",
    "webmasters.verdicts", "directory",      "dead.letters",
};

struct change {
	const char *topic, *what;
	int32_t partition;
	long index;
};

static void die(const char *text)
{
	fprintf(stderr, "replay-alter: %s\n", text);
	exit(1);
}

static void change_value(const struct change *c, struct slice value, struct arena *a,
			 struct buf *out)
{
	if (strcmp(c->what, "score") == 0) {
		Punnet__V1__JudgedLead *m =
		    codec_unpack(a, &punnet__v1__judged_lead__descriptor, value);

		if (!m)
			die("no verdict stands there");
		m->score++;
		codec_pack(&m->base, out);
	} else {
		Punnet__V1__RoutedLead *m =
		    codec_unpack(a, &punnet__v1__routed_lead__descriptor, value);

		if (!m || !m->assignment)
			die("no sale stands there");
		m->assignment->price->amount_minor++;
		codec_pack(&m->base, out);
	}
}

static void copy_partition(struct bus *bus, const char *to, const char *topic, int32_t partition,
			   const struct change *c)
{
	struct error e = {0};
	struct bus_reader *reader = bus_reader_open(bus, topic, partition, -1, &e);
	struct recording *out;
	struct bus_record record;
	int64_t low, high;
	size_t count;
	long index = 0;

	if (!reader || bus_offsets(bus, topic, partition, 0, &low, &high) != RESULT_OK)
		die(e.text);
	out = recording_begin(to, topic, partition, low, high, &e);
	if (!out)
		die(e.text);
	while (bus_reader_take(reader, &record, 1, 0, &count, &e) == RESULT_OK && count > 0) {
		bool hit = strcmp(topic, c->topic) == 0 && partition == c->partition &&
			   index++ == c->index;
		struct arena arena = {0};
		struct buf changed = {0};

		if (hit && strcmp(c->what, "drop") == 0)
			continue;
		if (hit) {
			change_value(c, record.value, &arena, &changed);
			record.value = buf_slice(&changed);
		}
		recording_put(out, &record);
		buf_free(&changed);
		arena_free(&arena);
	}
	bus_reader_close(reader);
	if (recording_end(out, &e) != RESULT_OK)
		die(e.text);
}

int main(int argc, char **argv)
{
	struct error e = {0};
	struct change c;
	char url[4096];
	struct bus *bus;

	if (argc != 7)
		die("expected FROM TO TOPIC PARTITION INDEX score|price|drop");
	c = (struct change){argv[3], argv[6], atoi(argv[4]), atol(argv[5])};
	snprintf(url, sizeof(url), "files:%s", argv[1]);
	bus = bus_open_reading(url, "replay-alter", &e);
	if (!bus || mkdir(argv[2], 0777) != 0)
		die(bus ? "the folder is there" : e.text);
	for (size_t i = 0; i < ARRAY_LEN(topics); i++)
		for (int32_t p = 0; p < bus_partitions(bus, topics[i], 0); p++)
			copy_partition(bus, argv[2], topics[i], p, &c);
	bus_close(bus);
	return 0;
}
