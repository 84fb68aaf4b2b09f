/* contract: the tests that every backend of the bus has to pass, and what they share. Private to tests/unit/bus. */
#ifndef PUNNET_TEST_BUS_CONTRACT_H
#define PUNNET_TEST_BUS_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/bus.h"

#define WAIT_MS        20000 /* the longest that a test waits for a condition */
#define TOKENS_MAX     20000
#define PARTITIONS_MAX 16
#define TAKE_MAX       512

/* What a test gets: a bus, and names that no other run has used. */
struct rig {
	struct bus *bus;
	const char *url;
	char prefix[64];
	int topic_number;
};

/* A producer that remembers its acknowledgements. */
struct writer {
	struct bus_producer *producer;
	size_t acked, away;
	int64_t offset[TOKENS_MAX]; /* by token */
	int32_t partition[TOKENS_MAX];
	bool seen[TOKENS_MAX];
};

/* A member of a group that remembers what it was told and what it took. */
struct member {
	struct bus_consumer *consumer;
	bool owns[PARTITIONS_MAX];
	int64_t committed[PARTITIONS_MAX]; /* as told at the assignment */
	char metadata[PARTITIONS_MAX][64];
	int64_t start_at;               /* what on_assign answers when nothing is committed */
	size_t assigned, revoked, lost; /* calls */
	int64_t next[PARTITIONS_MAX];   /* after the last record taken */
	size_t taken;
	bool commit_on_revoke;
	const char *topic;
};

struct rig *rig_open(const char *url);
void rig_close(struct rig *r);
/* A fresh topic; the name stays valid until the next call but 7. */
const char *rig_topic(struct rig *r, int32_t partitions);

void writer_open(struct writer *w, struct bus *b, size_t max_in_flight);
void writer_close(struct writer *w);
/* "text" under `token`, waiting for room. */
void writer_put(struct writer *w, const char *topic, int32_t partition, const char *text,
		uint64_t token);
void writer_fill(struct writer *w, const char *topic, int32_t partition, int from,
		 int count); /* "0", "1", … */
void writer_flush(struct writer *w);

void member_open(struct member *m, struct bus *b, const char *group, const char *instance_id,
		 const char *topic);
size_t member_turn(struct member *m,
		   size_t max); /* one bus_take(); checks order, ownership and texts */
size_t member_owned(const struct member *m);
void member_close(struct member *m);

int64_t now_ms(void);
void pause_until_readable(int fd, int timeout_ms);

#define WAIT_UNTIL(condition, ...)                                                                 \
	do {                                                                                       \
		int64_t until_ = now_ms() + WAIT_MS;                                               \
		while (!(condition)) {                                                             \
			assert_true(now_ms() < until_);                                            \
			__VA_ARGS__;                                                               \
		}                                                                                  \
	} while (0)

/* Runs the whole suite; returns the number of failed tests. */
int contract_run(const char *name, const char *url);

/* contract_group.c */
extern const struct CMUnitTest group_tests[];
extern const size_t group_test_count;

#endif
