/* delivery: the service without its main(): what reads leads.routed and hands leads over.
 *
 * One thread, the loop's. Everything that is known of a lead under way is a task; a task is in exactly one state, and
 * every change of state is caused by an event: a record taken, a due time, an answer, an acknowledgement, a revocation. */
#ifndef PUNNET_DELIVERY_H
#define PUNNET_DELIVERY_H

#include <uv.h>

#include "circuit_news.h"
#include "delivery/core/retry.h"
#include "runtime/bus.h"
#include "runtime/directory.h"
#include "runtime/keyring.h"

struct delivery;

struct delivery_settings {
	struct retry_plan retry;
	size_t in_flight_max, advertiser_in_flight_max, open_tasks_max;
	int64_t connect_timeout_ms, answer_timeout_ms, ack_watchdog_ms;
	int linger_ms, gather_ms; /* of the bus */
	size_t answer_max_bytes;
	bool allow_private_addresses;
	const char *ca_file;
	const char *credentials_dir; /* "" = none */
	const char *mail_relay;      /* "smtp://host:587"; "" = no mail is sent */
	const char *mail_from;
	const char *mail_login_file; /* "user:password"; "" = none */
	bool mail_plain;             /* go on where the relay has no TLS */
	const char *instance_id;     /* NULL: a dynamic member of the group */
	int session_ms;              /* 0: BUS_SESSION_MS */
	circuit_fn on_circuit;       /* opened or closed; NULL: nobody listens */
	void *circuit_ctx;
};

/* Borrows all of them; they outlive it. */
struct delivery *delivery_open(uv_loop_t *loop, struct bus *bus, struct directory *directory,
			       struct keyring *keyring, const struct delivery_settings *settings,
			       struct error *ret_error);
/* Serves the bus and the directory; takes records; sends what is due. *ret_busy: there may be more at once.
 * RESULT_FATAL: the process must end. */
_must_use_ enum result delivery_turn(struct delivery *d, bool *ret_busy, struct error *ret_error);
/* false while it takes no records: the consumer's descriptor need not be watched. */
bool delivery_is_taking(const struct delivery *d);
int delivery_consumer_fd(struct delivery *d);
int delivery_producer_fd(struct delivery *d);
size_t delivery_open_tasks(const struct delivery *d);
size_t delivery_sending(const struct delivery *d); /* webhooks under way */
/* From now on nothing is taken and nothing is sent. */
void delivery_drain(struct delivery *d);
/* true when nothing is under way and all that may be committed is. Asked again and again, with turns between. */
bool delivery_drained(struct delivery *d);
/* Memory goes when the loop has turned. NULL is fine. */
void delivery_close(struct delivery *d);

#endif
