/* flow_world: all of delivery on a bus in memory, with a directory, keys, and a server that misbehaves. */
#ifndef FLOW_WORLD_H
#define FLOW_WORLD_H

#include "delivery/shell/delivery.h"
#include "flow_seen.h"
#include "hostile.h"
#include "lead/codec.h"

#define PARTITIONS    2
#define WAIT_LIMIT_MS 20000
#define FLOW_PHONE    "+79161234567"
#define SEALING_DAY   20000
#define DESTROYED_DAY 19000

struct world {
	uv_loop_t loop;
	struct bus *bus;
	struct bus_producer *producer;
	struct directory *directory;
	struct keyring *keyring;
	struct delivery *delivery;
	struct delivery_settings settings; /* of the next one that is opened */
	char keys_dir[64];
	char files_dir[64]; /* for whatever a test wants to keep */
	uint64_t market_offset;
};

struct routed {
	uint8_t lead;
	const char *path; /* of the server; NULL = settings that can't be used */
	const char *advertiser;
	uint32_t day;
	const char *
	    settings; /* in place of path: the order's delivery settings, %d for the server's port */
};

extern struct hostile flow_server; /* of the whole group of tests */

int flow_start_server(void **state);
int flow_stop_server(void **state);

void world_open(struct world *w);
void world_close(struct world *w);
void open_delivery(struct world *w);
void close_delivery(struct world *w);
void put_advertiser(struct world *w, const char *id);
void put_advertiser_of_rate(struct world *w, const char *id, uint32_t deliveries_per_s);
void put_message(struct world *w, const char *topic, int32_t partition, struct slice key,
		 const ProtobufCMessage *m);
struct lead_id lead_number(uint8_t n);
/* Returns the market offset that the record came from; `again` repeats one. */
uint64_t route(struct world *w, const struct routed *r, const uint64_t *again);

/* Take-overs and takings are left out. */
size_t read_topic(struct world *w, const char *topic, void (*each)(void *, struct slice),
		  void *ctx);
/* One turn of delivery and of the loop. */
void turn_once(struct world *w);
/* Turns until a topic holds so many records. */
void turn_until(struct world *w, const char *topic, size_t records);
/* The only outcome of a lead. */
const struct seen *outcome_of_lead(const struct outcomes *o, uint8_t lead);

#endif
