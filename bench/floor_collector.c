/* floor-collector: the least that a front door with a durable answer can cost with the same libraries: libuv, llhttp, and
 * librdkafka with idempotence and acks=all. Every body, or every line of a body for /v1/leads/batch, becomes a record as
 * it is; the answer leaves when all of them are acknowledged. Nothing is parsed, checked, sealed or counted.
 *
 *   bench-floor-collector --port P --kafka HOST:PORT [--topic T] [--linger-us N] */
#include <librdkafka/rdkafka.h>
#include <llhttp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "bench.h"

#define REQUEST_MAX (1100 * 1024) /* a batch of a thousand leads */
#define READ_SIZE   65536
#define PARTITIONS  8
#define EVENTS_MAX  1000

struct client {
	uv_tcp_t tcp;
	llhttp_t parser;
	char *body;
	size_t body_len, body_cap;
	uint32_t waiting; /* records not acknowledged yet */
	uint32_t lines;
	bool batch, closed;
};

static uv_loop_t *loop;
static rd_kafka_t *kafka;
static rd_kafka_topic_t *topic;
static rd_kafka_queue_t *main_queue;
static uint32_t next_partition;
static llhttp_settings_t settings;
static char read_memory[READ_SIZE];

static const char received[] =
    "{\"lead_id\":\"00000000-0000-7000-8000-000000000000\",\"outcome\":\"received\"}\n";

static void client_free(struct client *c)
{
	free(c->body);
	free(c);
}

static void on_closed(uv_handle_t *h)
{
	struct client *c = h->data;

	c->closed = true;
	if (c->waiting == 0)
		client_free(c);
}

static void client_close(struct client *c)
{
	if (!uv_is_closing((uv_handle_t *)&c->tcp))
		uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* A client that does not read its answer at once is closed: this is no server for the world. */
static void answer(struct client *c)
{
	static char text[REQUEST_MAX];
	size_t body = c->lines * (sizeof(received) - 1);
	int head = snprintf(text, 256,
			    "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
			    "Content-Length: %zu\r\n\r\n",
			    c->batch ? "200 OK" : "202 Accepted", body);
	uv_buf_t out;

	for (uint32_t i = 0; i < c->lines; i++)
		memcpy(text + (size_t)head + i * (sizeof(received) - 1), received,
		       sizeof(received) - 1);
	out = uv_buf_init(text, (unsigned)((size_t)head + body));
	c->body_len = 0;
	c->lines = 0;
	if (uv_try_write((uv_stream_t *)&c->tcp, &out, 1) != (int)out.len)
		client_close(c);
}

static void produce(struct client *c, const char *data, size_t len)
{
	int32_t partition = (int32_t)(next_partition++ % PARTITIONS);

	c->waiting++;
	c->lines++;
	if (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, (void *)data, len, data,
			     MIN_OF(len, (size_t)16), c) != 0)
		bench_die("a record can't be produced");
}

static int on_url(llhttp_t *p, const char *at, size_t len)
{
	((struct client *)p->data)->batch = len >= 6 && memcmp(at + len - 6, "/batch", 6) == 0;
	return 0;
}

static int on_body(llhttp_t *p, const char *at, size_t len)
{
	struct client *c = p->data;

	if (c->body_len + len > c->body_cap) {
		c->body_cap = MAX_OF(2 * c->body_cap, c->body_len + len);
		if (c->body_cap > REQUEST_MAX || !(c->body = realloc(c->body, c->body_cap)))
			bench_die("a body is too long");
	}
	memcpy(c->body + c->body_len, at, len);
	c->body_len += len;
	return 0;
}

static int on_complete(llhttp_t *p)
{
	struct client *c = p->data;
	const char *at = c->body, *end = c->body + c->body_len, *line_end;

	if (!c->batch) {
		produce(c, at, c->body_len);
		return 0;
	}
	for (; at < end; at = line_end + 1) {
		line_end = memchr(at, '\n', (size_t)(end - at));
		line_end = line_end ? line_end : end;
		produce(c, at, (size_t)(line_end - at));
	}
	return 0;
}

static void on_delivery(_unused_ rd_kafka_t *k, const rd_kafka_message_t *m, _unused_ void *opaque)
{
	struct client *c = m->_private;

	if (m->err)
		bench_die("a record was not stored: %s", rd_kafka_err2str(m->err));
	if (--c->waiting > 0)
		return;
	if (c->closed)
		client_free(c);
	else
		answer(c);
}

static void on_kafka(uv_poll_t *handle, _unused_ int status, _unused_ int events)
{
	uint64_t value;
	int fd;

	uv_fileno((uv_handle_t *)handle, &fd);
	(void)!read(fd, &value, sizeof(value));
	rd_kafka_poll(kafka, 0);
}

static void on_alloc(_unused_ uv_handle_t *h, _unused_ size_t wanted, uv_buf_t *ret)
{
	*ret = uv_buf_init(read_memory, sizeof(read_memory));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *bytes)
{
	struct client *c = s->data;

	if (n < 0 || (n > 0 && llhttp_execute(&c->parser, bytes->base, (size_t)n) != HPE_OK))
		client_close(c);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct client *c = calloc(1, sizeof(*c));

	if (status < 0 || !c)
		bench_die("a connection can't be taken");
	uv_tcp_init(loop, &c->tcp);
	c->tcp.data = c;
	if (uv_accept(server, (uv_stream_t *)&c->tcp) != 0)
		bench_die("a connection can't be taken");
	uv_tcp_nodelay(&c->tcp, 1);
	llhttp_init(&c->parser, HTTP_REQUEST, &settings);
	c->parser.data = c;
	uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[256];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
		bench_die("%s", why);
}

static void open_kafka(int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256], linger_ms[32];

	snprintf(linger_ms, sizeof(linger_ms), "%.3f",
		 (double)bench_option_int(argc, argv, "linger-us", 500) / 1000);
	set(conf, "bootstrap.servers", bench_option(argc, argv, "kafka", "127.0.0.1:7060"));
	set(conf, "enable.idempotence", "true");
	set(conf, "acks", "all");
	set(conf, "linger.ms", linger_ms);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!kafka)
		bench_die("%s", why);
	topic = rd_kafka_topic_new(kafka, bench_option(argc, argv, "topic", "bench.floor"), NULL);
}

int main(int argc, char **argv)
{
	static uv_poll_t poll;
	static uv_tcp_t server;
	struct sockaddr_in at;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	signal(SIGPIPE, SIG_IGN);
	loop = uv_default_loop();
	open_kafka(argc, argv);
	main_queue = rd_kafka_queue_get_main(kafka);
	rd_kafka_queue_io_event_enable(main_queue, fd, &(uint64_t){1}, sizeof(uint64_t));
	uv_poll_init(loop, &poll, fd);
	uv_poll_start(&poll, UV_READABLE, on_kafka);

	llhttp_settings_init(&settings);
	settings.on_url = on_url;
	settings.on_body = on_body;
	settings.on_message_complete = on_complete;
	uv_ip4_addr("127.0.0.1", (int)bench_option_int(argc, argv, "port", 7090), &at);
	uv_tcp_init(loop, &server);
	if (uv_tcp_bind(&server, (const struct sockaddr *)&at, 0) != 0 ||
	    uv_listen((uv_stream_t *)&server, 4096, on_connection) != 0)
		bench_die("the port can't be listened on");
	fprintf(stderr, "ready\n");
	return uv_run(loop, UV_RUN_DEFAULT);
}
