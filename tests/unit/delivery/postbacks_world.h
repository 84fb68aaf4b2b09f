/* postbacks_world: all of postbacks on a bus in memory, with a directory, keys, and a server that misbehaves. */
#ifndef PUNNET_TEST_POSTBACKS_WORLD_H
#define PUNNET_TEST_POSTBACKS_WORLD_H

#include "delivery/shell/postbacks.h"
#include "lead/codec.h"
#include "proto/status_attempts.pb-c.h"
#include "proto/status_events.pb-c.h"

#define READ_MAX 2000
#define SECRET   "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" /* of every webmaster */

struct world {
	uv_loop_t loop;
	struct bus *bus;
	struct bus_producer *producer;
	struct directory *directory;
	struct keyring *keyring;
	struct postbacks *postbacks;
	struct postbacks_settings settings;
	char keys_dir[64];
	uint64_t seq;
};

struct attempts {
	struct arena arena;
	const Punnet__V1__StatusAttempt *all[READ_MAX];
	size_t count, finals, ok;
};

extern char log_path[]; /* what the server got, a line of JSON each */

int start_server(void **state);
int stop_server(void **state);
void world_open(struct world *w);
void world_close(struct world *w);
void open_postbacks(struct world *w);
void close_postbacks(struct world *w);
/* url: with %d for the server's port. It wants to hear of delivered and approved. */
void put_webmaster(struct world *w, const char *id, const char *url, bool post, bool sign);
/* entry_id: "advertiser/…" or "operator/…", which then has one alert of these events. */
void put_alerts(struct world *w, const char *entry_id, const char *url, const char *const *events,
		size_t count);
void put_message(struct world *w, const char *topic, const char *key, const ProtobufCMessage *m);
void put_bytes(struct world *w, const char *topic, const char *key, const char *type,
	       struct slice value);
/* seq 0: the next one; else that one again. Returns the number. */
uint64_t happens(struct world *w, const char *aff_id, Punnet__V1__StatusKind kind,
		 const char *click_id, uint64_t seq);
void turn_once(struct world *w);
/* Turns until so many events have had their last attempt. */
void turn_until_final(struct world *w, size_t finals, struct attempts *ret);
/* Until an attempt was recorded just now, and the tracker has seen no other: the next one is not sent yet. Or `finals` are through. */
void turn_until_nothing_is_under_way(struct world *w, size_t finals);
/* How many of the server's requests have this text. */
int server_saw(const char *text);

#endif
