/* mock: one broker of librdkafka's mock cluster, for answers that a real broker gives only when it is in trouble. Private to
 * tests/unit/bus. */
#ifndef PUNNET_TEST_BUS_MOCK_H
#define PUNNET_TEST_BUS_MOCK_H

/* The mock cluster wants the client first. */
#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>

#include "contract.h"

#define MOCK_BROKER 1 /* its number */

struct mock {
	rd_kafka_t *host;
	rd_kafka_mock_cluster_t *cluster;
	char url[256]; /* for bus_open() */
};

void mock_open(struct mock *m, const char *topic, int partitions);
void mock_close(struct mock *m);
/* A bare idempotent producer to it, for what our own hides. `conf`: what else is asked of it; taken over. */
rd_kafka_t *mock_producer(const struct mock *m, rd_kafka_conf_t *conf);
void mock_set(rd_kafka_conf_t *conf, const char *name, const char *value);
void mock_produce(rd_kafka_t *producer, const char *topic, int32_t partition); /* an empty record */

#endif
