/* bench-watch: waits until topics have grown by so many records, and tells what that cost the processes named.
 *
 *   bench-watch --kafka HOST:PORT --topics a,b --leads N [--warm W] [--pids name=PID,name=/FILE] [--from COUNT] [--only-count 1]
 *
 *   bench-watch --kafka HOST:PORT --create T       makes a topic of eight partitions, when it is not there
 *
 * A process may be named by the file that will hold its pid: it need not have been started yet.
 * Counts high offsets over all partitions. --from is the count before the work began (from --only-count 1, which prints
 * it and ends). Costs are counted from the first look that shows at least W new records to the one that shows N.
 * Prints one line of JSON. Ends with status 1 when nothing grows for 20 s. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"

#define TOPICS_MAX         8
#define PIDS_MAX           16
#define LOOK_EVERY_MS      40
#define STALL_NS           (20 * 1000000000LL)
#define KAFKA_PATIENCE     10000
#define CREATED_PARTITIONS 8

struct watched {
	char name[64];
	int partitions;
};

struct process {
	char name[32];
	char file[256]; /* empty when the pid was given */
	int pid;
	int64_t from_us;
};

struct watch {
	rd_kafka_t *kafka;
	struct watched topics[TOPICS_MAX];
	size_t topic_count;
	struct process processes[PIDS_MAX];
	size_t process_count;
};

static void find_topics(struct watch *w, const char *names)
{
	char *copy = strdup(names), *rest = copy, *name;

	while ((name = strsep(&rest, ",")) != NULL) {
		struct watched *t = &w->topics[w->topic_count++];
		const struct rd_kafka_metadata *m;
		rd_kafka_topic_t *handle = rd_kafka_topic_new(w->kafka, name, NULL);

		if (w->topic_count > TOPICS_MAX ||
		    rd_kafka_metadata(w->kafka, 0, handle, &m, KAFKA_PATIENCE) != 0 ||
		    m->topic_cnt != 1 || m->topics[0].partition_cnt == 0)
			bench_die("topic %s can't be found", name);
		snprintf(t->name, sizeof(t->name), "%s", name);
		t->partitions = m->topics[0].partition_cnt;
		rd_kafka_metadata_destroy(m);
		rd_kafka_topic_destroy(handle);
	}
	free(copy);
}

static void find_processes(struct watch *w, const char *list)
{
	char *copy = strdup(list), *rest = copy, *item;

	while (*list && (item = strsep(&rest, ",")) != NULL) {
		struct process *p = &w->processes[w->process_count++];

		if (w->process_count > PIDS_MAX ||
		    (sscanf(item, "%31[^=]=%d", p->name, &p->pid) != 2 &&
		     sscanf(item, "%31[^=]=%255s", p->name, p->file) != 2))
			bench_die("--pids: expected name=pid,… or name=/file,…");
	}
	free(copy);
}

/* When the count begins the process runs, for it has done some of the work. */
static void process_begin(struct process *p)
{
	FILE *f = p->file[0] ? fopen(p->file, "r") : NULL;

	if (p->file[0] && (!f || fscanf(f, "%d", &p->pid) != 1))
		bench_die("%s does not hold a pid", p->file);
	if (f)
		fclose(f);
	p->from_us = bench_cpu_us(p->pid);
}

static int64_t count(const struct watch *w)
{
	int64_t sum = 0;

	for (size_t i = 0; i < w->topic_count; i++)
		for (int p = 0; p < w->topics[i].partitions; p++) {
			int64_t low, high;

			if (rd_kafka_query_watermark_offsets(w->kafka, w->topics[i].name, p, &low,
							     &high, KAFKA_PATIENCE) != 0)
				bench_die("%s/%d does not tell its end", w->topics[i].name, p);
			sum += high;
		}
	return sum;
}

static void report(const struct watch *w, int64_t leads, int64_t took_ns, int64_t end_ns)
{
	printf("{\"leads\":%" PRId64 ",\"seconds\":%.4f,\"per_s\":%.1f,\"end_ns\":%" PRId64
	       ",\"cpu_us\":{",
	       leads, (double)took_ns / 1e9, (double)leads * 1e9 / (double)took_ns, end_ns);
	for (size_t i = 0; i < w->process_count; i++) {
		const struct process *p = &w->processes[i];

		printf("%s\"%s\":%.4f", i ? "," : "", p->name,
		       (double)(bench_cpu_us(p->pid) - p->from_us) / (double)leads);
	}
	printf("}}\n");
}

static void watch(struct watch *w, int64_t before, int64_t warm, int64_t leads)
{
	int64_t from_ns = 0, from_count = 0, seen = -1, moved_ns = bench_now_ns();

	for (;;) {
		int64_t now = bench_now_ns(), done = count(w) - before;

		if (!from_ns && done >= warm) {
			from_ns = now;
			from_count = done;
			for (size_t i = 0; i < w->process_count; i++)
				process_begin(&w->processes[i]);
		}
		if (done >= leads && (from_count < leads || w->process_count == 0)) {
			report(w, done - from_count, MAX_OF(now - from_ns, 1), now);
			return;
		}
		if (done >= leads)
			bench_die("all of it was done at the first look; use more leads");
		if (done > seen)
			moved_ns = now;
		if (now - moved_ns > STALL_NS)
			bench_die("%" PRId64 " of %" PRId64 " records, and nothing new for 20 s",
				  done, leads);
		seen = done;
		nanosleep(&(struct timespec){0, LOOK_EVERY_MS * 1000000}, NULL);
	}
}

static void create(rd_kafka_t *kafka, const char *name)
{
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, CREATED_PARTITIONS, 1, NULL, 0);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
	rd_kafka_event_t *event;
	const rd_kafka_topic_result_t **results;
	size_t count = 0;

	rd_kafka_CreateTopics(kafka, &topic, 1, NULL, queue);
	event = rd_kafka_queue_poll(queue, KAFKA_PATIENCE);
	results = event ? rd_kafka_CreateTopics_result_topics(
			      rd_kafka_event_CreateTopics_result(event), &count)
			: NULL;
	if (count != 1 ||
	    (rd_kafka_topic_result_error(results[0]) != 0 &&
	     rd_kafka_topic_result_error(results[0]) != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS))
		bench_die("topic %s can't be made", name);
	rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_NewTopic_destroy(topic);
}

int main(int argc, char **argv)
{
	struct watch w = {0};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];

	rd_kafka_conf_set(conf, "bootstrap.servers",
			  bench_option(argc, argv, "kafka", "127.0.0.1:7060"), NULL, 0);
	w.kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!w.kafka)
		bench_die("%s", why);
	if (bench_option(argc, argv, "create", NULL)) {
		create(w.kafka, bench_option(argc, argv, "create", NULL));
		rd_kafka_destroy(w.kafka);
		return 0;
	}
	find_topics(&w, bench_option(argc, argv, "topics", "leads.judged"));
	find_processes(&w, bench_option(argc, argv, "pids", ""));
	if (bench_option_int(argc, argv, "only-count", 0))
		printf("{\"count\":%" PRId64 "}\n", count(&w));
	else
		watch(&w, bench_option_int(argc, argv, "from", 0),
		      bench_option_int(argc, argv, "warm", 0),
		      bench_option_int(argc, argv, "leads", 1));
	rd_kafka_destroy(w.kafka);
	return 0;
}
