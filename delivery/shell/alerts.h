/* alerts: orders.progress, dead.letters, audit.findings, circuits → status.events, for advertisers and operators whose entries ask for
 * them. From there they go the way of postbacks: the same client, signatures, retries, status.attempts.
 *
 * Of an order it is told when its pace becomes short, ahead or filled. What was told before stands in orders.progress itself,
 * below the committed offset, and is read again at a take-over. An alert is numbered by its record there, and by its receiver's place, so that
 * one that is written twice is told once. (Where compaction took the record that began a state, a take-over may tell it again, under
 * another id.)
 * Dead letters and the auditor's findings are for operators: alerts_network.c.
 * A circuit lives in one process's memory: its alert is written once, not numbered, and lost with a process that ends before Kafka
 * has it. Two processes that deliver to one advertiser have a circuit each, and each tells its own. */
#ifndef PUNNET_DELIVERY_ALERTS_H
#define PUNNET_DELIVERY_ALERTS_H

#include "circuit_news.h"
#include "runtime/bus.h"
#include "runtime/directory.h"

#define ALERT_RECEIVERS_MAX                                                                        \
	32 /* of one event: the advertiser, and operators in the directory's order; others are left out */

struct alerts;

struct alerts_settings {
	const char *instance_id; /* NULL: a dynamic member of the group */
	int linger_ms, gather_ms;
	int64_t ack_watchdog_ms, letter_alert_after_ms;
};

/* Borrows both; they outlive it. */
struct alerts *alerts_open(struct bus *bus, struct directory *directory,
			   const struct alerts_settings *settings, struct error *ret_error);
/* RESULT_FATAL: the process must end. */
_must_use_ enum result alerts_turn(struct alerts *a, bool *ret_busy, struct error *ret_error);
int alerts_consumer_fd(struct alerts *a);
int alerts_producer_fd(struct alerts *a);
/* false while records wait for their acknowledgement: the consumer's descriptor need not be watched. */
bool alerts_is_taking(const struct alerts *a);
/* ctx is a struct alerts. */
void alerts_circuit(void *ctx, const struct circuit_news *news);
/* From now on nothing is taken. */
void alerts_drain(struct alerts *a);
bool alerts_drained(struct alerts *a);
void alerts_close(struct alerts *a); /* NULL is fine */

#endif
