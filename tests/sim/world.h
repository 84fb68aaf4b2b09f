/* world: who stands around the services: a webmaster who sends leads, advertisers who take them and say what came of them, an operator,
 * a supervisor. Shared by the files that play them. */
#ifndef PUNNET_SIM_WORLD_H
#define PUNNET_SIM_WORLD_H

#include "base/ids.h"
#include "base/slice.h"
#include "sim.h"

#define WORLD_VERTICALS 2
#define WORLD_ORDERS    7
#define WORLD_TEXT_MAX  512
#define WORLD_KEY_MAX   64
#define FILLED_FAST_MS  1000 /* a form that was filled in so fast leaves doubts */
#define WEBMASTER_KEY   "sim-webmaster-key"
#define ADVERTISER_KEY  "sim-advertiser-key-%d"

extern const char *const advertiser_ids[SIM_ADVERTISERS];

/* --- topics, directory, orders (setup.c) --- */
void setup_topics(void);
void setup_directory(void);
void setup_orders(
    int64_t span_us); /* those that are there from the start, and their changes in time */

/* --- requests to the front door (client.c) --- */

/* A request on its way; its sender keeps it. */
struct post {
	const char *path;
	char bearer[WORLD_KEY_MAX], key[WORLD_KEY_MAX]; /* key: "" = none */
	char body[WORLD_TEXT_MAX];
	void (*on_answer)(struct post *post, int status, struct slice body);
	uint32_t number; /* of the try; an answer to an earlier one is not heard */
	int tries;
	void *ctx;
};
/* The answer comes once or never. */
struct ask {
	struct post *post;
	uint32_t number;
	const void *door; /* whose it was */
};
void client_leads(int64_t span_us);
void client_verdict(int64_t at_us, int advertiser, const struct lead_id *id, const char *verdict,
		    uint32_t number);
bool client_is_waiting(void);
/* From the collector's door: http.c. */
void post_answered(struct ask *ask, int status, struct slice body);
void door_set(struct proc *who, void (*take)(void *ctx, struct ask *ask), void *ctx);
void door_unset(const void *ctx); /* if it is still this one's */

/* What was acknowledged: judged by the logs at the end. */
struct acknowledged {
	struct lead_id ids[2 * SIM_LEADS_MAX];
	size_t count;
	struct {
		int advertiser;
		struct lead_id lead;
		char id[32];
	} verdicts[4 * SIM_LEADS_MAX];
	size_t verdict_count;
};
extern struct acknowledged acknowledged;

/* --- the operator (operator.c) --- */
/* At a record of the market. false: it is a router's, who says that a lead's time has come; by his clock he says so again and again. */
bool operator_looks(int32_t partition, struct slice market_event);

/* --- advertisers (endpoint.c) --- */

enum endpoint_end { ENDPOINT_ANSWERS, ENDPOINT_BREAKS, ENDPOINT_UNREACHABLE };
struct endpoint_plan {
	enum endpoint_end end;
	int64_t answer_us; /* from now on */
	int status;
};
/* A request that leaves now, under this delivery key. What it does to the advertiser happens whatever becomes of the sender. */
struct endpoint_plan endpoint_ask(int advertiser, struct slice key, int64_t timeout_us);
void endpoint_fail(uint32_t advertiser, uint32_t how, int64_t until_us);

/* What advertisers hold: one a delivery key that they decided about. */
struct taken {
	int advertiser;
	char key[WORLD_KEY_MAX];
	bool accepted;
	int asked; /* how often */
};
#define TAKEN_MAX 4096
extern struct taken taken[TAKEN_MAX];
extern size_t taken_count;

/* --- kv.c --- */
void kv_empty(void);

#endif
