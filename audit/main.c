/* punnet-auditor: every topic and the ledger → findings, as metrics and alerts. See audit/README.md.
 *
 * A round of reading blocks, so it is done by a thread of its own; the loop answers /healthz meanwhile and publishes what a
 * round found when it is over; what changed is told to audit.findings. It keeps nothing: a new one reads everything again, and comes to the same findings. */
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts.h"
#include "backlog.h"
#include "findings.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/service.h"

#define REST_PER_WORK 3 /* it rests so many times as long as it worked */
#define STALE_MS      60000
#define RENEW_MS      (300 * MS_PER_DAY) /* minutes have an end: AUDIT_BUCKETS_MAX */

struct state {
	struct service *service;
	struct bus *bus;
	atomic_bool stop;
	struct audit_round_settings settings;
	struct alerts alerts;
	struct backlog backlog; /* until everything was read once */
	int64_t every_ms, letter_alert_ms, span_ms;
	uv_work_t work;
	bool working;
	/* The thread's, while it works. */
	struct audit_round *round;
	struct audit_findings found;
	struct findings *findings;
	bool told;
	struct error tell_error;
	enum result result;
	struct error error;
	int64_t began_ms, opened_ms; /* by the steady clock */
	/* The loop's. */
	int64_t next_ms,
	    last_ms; /* by the steady clock; last_ms: the end of the last round that read everything; 0 = none */
	bool away, untold;
};

static enum result start(struct service *s, struct error *ret_error)
{
	const struct config *c = s->config;
	struct state *state = calloc(1, sizeof(*state));

	assert(state);
	s->state = state;
	state->service = s;
	state->settings = (struct audit_round_settings){
	    .db = config_text(c, "common", "db"),
	    .worker_group = config_text(c, "filter_worker", "group"),
	};
	state->settings.stop = &state->stop;
	state->backlog = (struct backlog){.service = s, .settings = &state->settings};
	if (sodium_init() < 0)
		return error_set(ret_error, RESULT_FATAL, "libsodium can't be used");
	randombytes_buf(&state->settings.key, sizeof(state->settings.key));
	state->every_ms = config_int(c, "auditor", "every");
	state->span_ms = config_int(c, "auditor", "span");
	state->letter_alert_ms = config_int(c, "auditor", "letter_alert");
	state->bus = bus_open(config_text(c, "common", "kafka"), s->instance, ret_error);
	if (!state->bus)
		return RESULT_AWAY;
	state->findings = findings_new(state->bus);
	alerts_begin();
	return RESULT_OK;
}

/* --- in the thread --- */

static void work(uv_work_t *w)
{
	struct state *state = w->data;

	state->result = RESULT_AWAY;
	while (fault_on("first_reading_endless") && !atomic_load(&state->stop))
		uv_sleep(10);
	if (state->round && clock_monotonic_ms() >= state->opened_ms + RENEW_MS) {
		audit_round_close(state->round);
		state->round = NULL;
	}
	if (!state->round) {
		state->settings.from_ms = clock_now_ms() - state->span_ms;
		state->round = audit_round_open(state->bus, &state->settings, &state->error);
		state->opened_ms = clock_monotonic_ms();
	}
	if (state->round)
		state->result = audit_round_read(state->round, &state->found, &state->error);
	if (state->result == RESULT_OK)
		state->told = findings_tell(state->findings, &state->found, clock_now_ms(),
					    &state->tell_error) == RESULT_OK;
}

/* --- in the loop --- */

static void note_away(struct state *state, bool away)
{
	if (away && !state->away)
		log_warn("servers_away", LOG_STR("reason", state->error.text));
	if (!away && state->away)
		log_info("servers_back");
	state->away = away;
	metric_set(METRIC_AUDIT_AWAY, away);
}

static void note_untold(struct state *state)
{
	if (!state->told && !state->untold)
		log_warn("findings_untold", LOG_STR("reason", state->tell_error.text));
	state->untold = !state->told;
}

static void after(uv_work_t *w, _unused_ int status)
{
	struct state *state = w->data;
	int64_t now_ms = clock_monotonic_ms(), took_ms = now_ms - state->began_ms;

	state->working = false;
	state->next_ms = now_ms + MAX_OF(state->every_ms, took_ms * REST_PER_WORK);
	if (state->result == RESULT_AGAIN)
		return; /* interrupted: it is being ended */
	note_away(state, state->result != RESULT_OK);
	if (state->result != RESULT_OK)
		return;
	state->last_ms = now_ms;
	backlog_end(&state->backlog);
	metric_add(METRIC_AUDIT_ROUNDS, 1);
	metric_observe_us(METRIC_AUDIT_ROUND_TIME, took_ms * 1000);
	note_untold(state);
	alerts_tell(&state->alerts, &state->found, state->letter_alert_ms, clock_now_ms());
}

static enum turn turn(struct service *s)
{
	struct state *state = s->state;

	if (!s->draining)
		backlog_turn(&state->backlog);
	if (state->working || s->draining || clock_monotonic_ms() < state->next_ms)
		return TURN_IDLE; /* the loop's tick asks again soon */
	state->working = true;
	state->began_ms = clock_monotonic_ms();
	state->work.data = state;
	if (uv_queue_work(s->loop, &state->work, work, after) != 0)
		service_die(s, "no thread can be had");
	return TURN_IDLE;
}

static bool ready(struct service *s, char *ret_why, size_t len)
{
	const struct state *state = s->state;
	int64_t silent_ms = clock_monotonic_ms() - (state ? state->last_ms : 0);

	if (state && state->last_ms > 0 && !state->away && silent_ms < STALE_MS + state->every_ms)
		return true;
	snprintf(ret_why, len, "%s",
		 !state || state->last_ms == 0 ? "it has not read everything yet"
		 : state->away                 ? "Kafka or the ledger can't be read"
					       : "its reading takes long");
	return false;
}

static void drain(struct service *s)
{
	struct state *state = s->state;

	atomic_store(&state->stop, true);
}

static bool drained(struct service *s)
{
	const struct state *state = s->state;

	return !state->working && !state->backlog.working;
}

static void stop(struct service *s)
{
	struct state *state = s->state;

	if (!state)
		return;
	audit_round_close(state->round);
	backlog_close(&state->backlog);
	findings_free(state->findings);
	bus_close(state->bus);
	free(state);
}

int main(int argc, char **argv)
{
	static const struct service_def def = {
	    .name = "auditor",
	    .what = "reads every topic and the ledger, and says whether the promises hold",
	    .start = start,
	    .turn = turn,
	    .ready = ready,
	    .drain = drain,
	    .drained = drained,
	    .stop = stop,
	};

	return service_main(&def, argc, argv);
}
