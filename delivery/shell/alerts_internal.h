/* alerts_internal: what the files of alerts share. */
#ifndef PUNNET_DELIVERY_ALERTS_INTERNAL_H
#define PUNNET_DELIVERY_ALERTS_INTERNAL_H

#include "alerts.h"
#include "base/map.h"
#include "delivery/core/postback.h"
#include "lead/codec.h"
#include "proto/status_events.pb-c.h"

#define ALERTS_TAKE_MAX   50
#define LETTER_KINDS_MAX  16 /* of one telling; what comes after them is counted with the last one */
#define LETTER_TEXT_MAX   64 /* of a topic's name or a reason's code; longer ones are cut */
#define ALERTS_TIMEOUT_MS 10000
#define ALERTS_CIRCUITS_MAX                                                                        \
	1000 /* alerts of circuits that Kafka has not got yet; others are left out, and logged */

/* What is read. Each is a topic of one partition. */
enum feed_id { FEED_ORDERS, FEED_LETTERS, FEED_AUDIT, FEEDS };

struct feed {
	bool owns;
	int64_t committed;
	int64_t told; /* below it all was told that is to be told */
};

/* Dead letters of one topic and reason. */
struct letter_kind {
	char topic[LETTER_TEXT_MAX], reason[LETTER_TEXT_MAX];
	char first[LETTER_TEXT_MAX]; /* the place of the first of them */
	uint64_t count;
};

struct letters {
	struct letter_kind kinds[LETTER_KINDS_MAX];
	size_t kind_count;
	int64_t due_ms; /* by the steady clock; 0: there is nothing to tell */
	int64_t last;   /* the offset of the last one, … */
	int64_t at_ms;  /* … and when it was put aside */
};

struct alerts {
	struct bus *bus;
	struct directory *directory;
	struct alerts_settings settings;
	struct bus_consumer *consumer;
	struct bus_producer *producer;
	int32_t events; /* partitions */
	struct feed feeds[FEEDS];
	struct map told; /* order -> its Punnet__V1__PaceState, when its progress was last seen */
	struct letters letters;
	bool failed, draining;
	size_t in_bus;
	struct arena arena; /* of the record at hand */
	struct buf pack;
	struct error error;
};

void alerts_fail(struct alerts *a, const char *what);
/* To all who ask for it; the event's source is set, its steps are set here. `step` is the first. */
void alerts_write(struct alerts *a, Punnet__V1__StatusEvent *e, uint32_t step);

/* --- orders (alerts_orders.c) --- */
void alerts_order_take(struct alerts *a, const struct bus_record *record);
/* What stands below the committed offset was told. */
enum result alerts_order_learn(void *ctx, const struct bus_record *record, struct error *e);

/* --- the network's own (alerts_network.c) --- */
void alerts_letter_take(struct alerts *a, const struct bus_record *record, int64_t now_ms);
void alerts_letters_turn(struct alerts *a, int64_t now_ms); /* tells them when it is time */
void alerts_audit_take(struct alerts *a, const struct bus_record *record);

#endif
