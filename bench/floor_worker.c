/* floor-worker: the least that "read, ask Redis, write" can cost with the same libraries: a batch is consumed, one
 * pipelined round trip asks SET NX GET PX once and INCR twice for each record, and each record is produced as it is, with
 * idempotence and acks=all.
 *
 *   bench-floor-worker --kafka HOST:PORT --redis-port P --from T --to T --leads N [--redis-pid PID]
 *
 * Reads from the beginning of every partition, commits nothing, prints one line of JSON. */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

#define BATCH         500
#define PARTITIONS    8
#define PATIENCE_MS   10000
#define COMMAND_BYTES 400

static uint64_t acked;

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[256];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		bench_die("%s", why);
}

static void on_delivery(_unused_ rd_kafka_t *k, const rd_kafka_message_t *m, _unused_ void *opaque)
{
	if (m->err)
		bench_die("a record was not stored: %s", rd_kafka_err2str(m->err));
	acked++;
}

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *servers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];
	rd_kafka_t *k;

	set(conf, "bootstrap.servers", servers);
	if (type == RD_KAFKA_PRODUCER) {
		set(conf, "enable.idempotence", "true");
		set(conf, "linger.ms", "5");
		rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	} else {
		set(conf, "group.id", "bench-floor");
		set(conf, "enable.auto.commit", "false");
		set(conf, "enable.auto.offset.store", "false");
		set(conf, "auto.offset.reset", "earliest");
	}
	k = rd_kafka_new(type, conf, why, sizeof(why));
	if (!k)
		bench_die("%s", why);
	return k;
}

static rd_kafka_queue_t *open_input(rd_kafka_t *consumer, const char *name)
{
	rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(PARTITIONS);

	for (int p = 0; p < PARTITIONS; p++)
		rd_kafka_topic_partition_list_add(all, name, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
	if (rd_kafka_assign(consumer, all) != 0)
		bench_die("%s can't be read", name);
	rd_kafka_topic_partition_list_destroy(all);
	return rd_kafka_queue_get_consumer(consumer);
}

/* Keys of 16 bytes out of the record's place: as random to Redis as fingerprints are. */
static void ask_redis(redisContext *redis, rd_kafka_message_t **batch, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t n =
		    (uint64_t)batch[i]->offset * PARTITIONS + (uint64_t)batch[i]->partition;
		char key[34], text[COMMAND_BYTES];
		int len;

		/* another process reads the same records again, and its keys are new all the same */
		n ^= (uint64_t)getpid() << 40;
		snprintf(key, sizeof(key), "%016" PRIx64, n * 0x9E3779B97F4A7C15u);
		len = snprintf(
		    text, sizeof(text),
		    "*7\r\n$3\r\nSET\r\n$18\r\nf:%s\r\n$16\r\n%s\r\n$2\r\nNX\r\n$3\r\nGET"
		    "\r\n$2\r\nPX\r\n$10\r\n7776000000\r\n"
		    "*2\r\n$4\r\nINCR\r\n$5\r\nv:%03u\r\n*2\r\n$4\r\nINCR\r\n$5\r\nw:%03u\r\n",
		    key, key, (unsigned)(n % 1000), (unsigned)(n / 7 % 1000));
		redisAppendFormattedCommand(redis, text, (size_t)len);
	}
	for (size_t i = 0; i < 3 * count; i++) {
		redisReply *reply;

		if (redisGetReply(redis, (void **)&reply) != REDIS_OK ||
		    reply->type == REDIS_REPLY_ERROR)
			bench_die("Redis: %s", redis->err ? redis->errstr : reply->str);
		freeReplyObject(reply);
	}
}

static void write_all(rd_kafka_t *producer, rd_kafka_topic_t *to, rd_kafka_message_t **batch,
		      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		while (rd_kafka_produce(to, batch[i]->partition, RD_KAFKA_MSG_F_COPY,
					batch[i]->payload, batch[i]->len, batch[i]->key,
					batch[i]->key_len, NULL) != 0)
			rd_kafka_poll(producer, 10);
		rd_kafka_message_destroy(batch[i]);
	}
	rd_kafka_poll(producer, 0);
}

int main(int argc, char **argv)
{
	const char *servers = bench_option(argc, argv, "kafka", "127.0.0.1:7060");
	uint64_t leads = (uint64_t)bench_option_int(argc, argv, "leads", 1000);
	int redis_pid = (int)bench_option_int(argc, argv, "redis-pid", 0);
	rd_kafka_t *producer = open_client(RD_KAFKA_PRODUCER, servers);
	rd_kafka_t *consumer = open_client(RD_KAFKA_CONSUMER, servers);
	rd_kafka_topic_t *to =
	    rd_kafka_topic_new(producer, bench_option(argc, argv, "to", "bench.floor"), NULL);
	rd_kafka_queue_t *queue =
	    open_input(consumer, bench_option(argc, argv, "from", "leads.raw"));
	redisContext *redis =
	    redisConnect("127.0.0.1", (int)bench_option_int(argc, argv, "redis-port", 7070));
	static rd_kafka_message_t *batch[BATCH];
	int64_t from_ns = 0, cpu_us = 0, redis_us = 0;
	uint64_t done = 0, measured_from = 0;

	if (!redis || redis->err)
		bench_die("Redis can't be reached");
	while (done < leads) {
		ssize_t n = rd_kafka_consume_batch_queue(queue, PATIENCE_MS, batch, BATCH);

		if (n <= 0)
			bench_die("nothing came for %d s; %" PRIu64 " records read",
				  PATIENCE_MS / 1000, done);
		for (ssize_t i = 0; i < n; i++)
			if (batch[i]->err)
				bench_die("%s", rd_kafka_message_errstr(batch[i]));
		ask_redis(redis, batch, (size_t)n);
		write_all(producer, to, batch, (size_t)n);
		done += (uint64_t)n;
		if (!from_ns && done >= leads / 10) {
			from_ns = bench_now_ns();
			cpu_us = bench_own_cpu_us();
			redis_us = redis_pid ? bench_cpu_us(redis_pid) : 0;
			measured_from = done;
		}
	}
	while (acked < done)
		rd_kafka_poll(producer, 10);
	printf("{\"leads\":%" PRIu64 ",\"seconds\":%.4f,\"cpu_us\":%.4f,\"redis_us\":%.4f}\n",
	       done - measured_from, (double)(bench_now_ns() - from_ns) / 1e9,
	       (double)(bench_own_cpu_us() - cpu_us) / (double)(done - measured_from),
	       redis_pid
		   ? (double)(bench_cpu_us(redis_pid) - redis_us) / (double)(done - measured_from)
		   : 0.0);
	return 0;
}
