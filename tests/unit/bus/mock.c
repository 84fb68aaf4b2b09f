/* mock: see mock.h. */
#include "mock.h"

#include <stdio.h>

void mock_open(struct mock *m, const char *topic, int partitions)
{
	char text[256];

	m->host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof(text));
	assert_non_null(m->host);
	m->cluster = rd_kafka_mock_cluster_new(m->host, 1);
	rd_kafka_mock_topic_create(m->cluster, topic, partitions, 1);
	(void)snprintf(m->url, sizeof(m->url), "kafka://%s",
		       rd_kafka_mock_cluster_bootstraps(m->cluster));
}

void mock_close(struct mock *m)
{
	rd_kafka_mock_cluster_destroy(m->cluster);
	rd_kafka_destroy(m->host);
}

void mock_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[256];

	assert_int_equal(rd_kafka_conf_set(conf, name, value, text, sizeof(text)),
			 RD_KAFKA_CONF_OK);
}

rd_kafka_t *mock_producer(const struct mock *m, rd_kafka_conf_t *conf)
{
	char text[256];
	rd_kafka_t *rk;

	mock_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(m->cluster));
	mock_set(conf, "enable.idempotence", "true");
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	assert_non_null(rk);
	return rk;
}

void mock_produce(rd_kafka_t *producer, const char *topic, int32_t partition)
{
	assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic),
					   RD_KAFKA_V_PARTITION(partition),
					   RD_KAFKA_V_VALUE(NULL, 0), RD_KAFKA_V_END),
			 0);
}
