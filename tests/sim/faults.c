/* faults: what goes wrong in a seed. The plan is drawn before anything runs, from a source of chance of its own: leaving a fault out
 * changes no other, which is what makes a failing seed smaller. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/bus_memory.h"
#include "runtime/log.h"
#include "sim.h"
#include "world.h"

#define FOCUSED       8000 /* of 10,000 */
#define FOCUSED_LEAST 4

static const char *const kind_names[FAULT_KINDS] = {
    [FAULT_CRASH] = "crash",
    [FAULT_HOST] = "host gone",
    [FAULT_FREEZE] = "freeze",
    [FAULT_ZOMBIE] = "zombie",
    [FAULT_DOUBLE] = "started twice",
    [FAULT_STOP] = "orderly stop",
    [FAULT_SHUFFLE] = "group shared out anew",
    [FAULT_SLOW] = "slow acknowledgements",
    [FAULT_KV_AWAY] = "kv away",
    [FAULT_KV_EMPTY] = "kv emptied",
    [FAULT_DB_AWAY] = "ledger away",
    [FAULT_CLOCK] = "clock of a process jumps",
    [FAULT_LOG_CLOCK] = "clock of the broker jumps",
    [FAULT_ADVERTISER] = "advertiser fails",
    [FAULT_TWICE] = "records stored twice",
};

/* How often of 100. */
static const int weights[FAULT_KINDS] = {
    [FAULT_CRASH] = 24,    [FAULT_HOST] = 8,        [FAULT_FREEZE] = 6,  [FAULT_ZOMBIE] = 12,
    [FAULT_DOUBLE] = 5,    [FAULT_STOP] = 6,        [FAULT_SHUFFLE] = 5, [FAULT_SLOW] = 6,
    [FAULT_KV_AWAY] = 3,   [FAULT_KV_EMPTY] = 2,    [FAULT_DB_AWAY] = 3, [FAULT_CLOCK] = 3,
    [FAULT_LOG_CLOCK] = 3, [FAULT_ADVERTISER] = 12, [FAULT_TWICE] = 2,
};

/* Half of the deaths are aimed at a step where order matters: a step of chance is mostly one that everybody passes all the time. */
static const struct {
	const char *service, *what;
} aims[] = {
    {"collector", "leads.raw"},
    {"collector", "collector_produced"},
    {"collector", "collector_acked"},
    {"filter-worker", "worker_assigned"},
    {"filter-worker", "worker_gathered"},
    {"filter-worker", "leads.judged"},
    {"filter-worker", "dead.letters"},
    {"filter-worker", "worker_unsettled"},
    {"filter-worker", "worker_judged"},
    {"filter-worker", "worker_produced"},
    {"filter-worker", "worker_acked"},
    {"filter-worker", "worker_committed"},
    {"router", "admit_produced"},
    {"router", "router-admit"},
    {"router", "decide_folded"},
    {"router", "decide_produced"},
    {"router", "router-decide"},
    {"router", "snapshot_taken"},
    {"router", "snapshot_written"},
    {"router", "market.snapshots"},
    {"delivery", "to be sent"},
    {"delivery", "sent"},
    {"delivery", "delivery_answered"},
    {"delivery", "leads.attempts"},
    {"delivery", "delivery_attempt_acked"},
    {"delivery", "delivery_outcome_produced"},
    {"delivery", "delivery"},
    {"payout", "payout_begun"},
    {"payout", "payout_settled"},
    {"payout", "commit"},
    {"payout", "committed"},
    {"payout", "payout_committed"},
    {"payout", "payout_outbox_sent"},
    {"payout", "payout_outbox_forgotten"},
    {"payout", "payout_due_told"},
};

static int64_t between(struct rng *r, int64_t least, int64_t most)
{
	return least + (int64_t)rng_below(r, (uint64_t)(most - least + 1));
}

static enum fault_kind draw_kind(struct rng *r)
{
	int64_t at = between(r, 0, 99);

	for (int k = 0; k < FAULT_KINDS; k++) {
		at -= weights[k];
		if (at < 0)
			return (enum fault_kind)k;
	}
	return FAULT_CRASH;
}

static int64_t draw_span(struct rng *r, enum fault_kind kind)
{
	switch (kind) {
	case FAULT_CRASH:
		return between(r, 50, 1500) * US_PER_MS;
	case FAULT_HOST:
	case FAULT_ZOMBIE:
		return between(r, SIM_SESSION_MS + 500, 15000) * US_PER_MS;
	case FAULT_FREEZE:
	case FAULT_DOUBLE:
		return between(r, 100, SIM_SESSION_MS - 500) * US_PER_MS;
	case FAULT_ADVERTISER: /* some for so long that its orders are held */
		return between(r, 200, rng_chance(r, 3000) ? 30000 : 8000) * US_PER_MS;
	default:
		return between(r, 200, 8000) * US_PER_MS;
	}
}

static bool strikes_at_step(enum fault_kind kind)
{
	return kind <= FAULT_DOUBLE;
}

static void take_aim(struct rng *r, struct fault *f)
{
	size_t i = rng_below(r, ARRAY_LEN(aims));
	int first = 0, count = 0;

	while (sim.focus && strcmp(aims[i].service, sim.focus) != 0)
		i = rng_below(r, ARRAY_LEN(aims));
	for (int s = 0; s < SIM_SLOTS; s++) {
		if (strcmp(sim_service_of(s), aims[i].service) != 0)
			continue;
		first = count++ == 0 ? s : first;
	}
	f->aim = aims[i].what;
	f->step = STEP_ANY;
	f->slot = first + (int)between(r, 0, count - 1);
	f->countdown = (int)between(r, 1, 4);
}

/* A search that looks for something in one service: most of its faults are deaths and stand-stills there, the others as ever. */
static void focus(struct rng *r, struct fault *f)
{
	static const enum fault_kind kinds[] = {FAULT_CRASH, FAULT_HOST, FAULT_ZOMBIE};

	if (f->kind == FAULT_ADVERTISER || !rng_chance(r, FOCUSED))
		return;
	f->kind = kinds[rng_below(r, ARRAY_LEN(kinds))];
	f->for_us = draw_span(r, f->kind);
	take_aim(r, f);
}

void faults_draw(int64_t span_us)
{
	struct rng r = rng_seed(sim.seed ^ 0x6661756c7473ULL);
	static const int few[] = {0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 10};

	sim.fault_count = few[rng_below(&r, ARRAY_LEN(few))];
	if (sim.focus)
		sim.fault_count = MAX_OF(sim.fault_count, FOCUSED_LEAST);
	for (int i = 0; i < sim.fault_count; i++) {
		struct fault *f = &sim.faults[i];

		*f = (struct fault){.kind = draw_kind(&r), .number = i + 1};
		f->slot = (int)rng_below(&r, SIM_SLOTS);
		f->at_us = between(&r, 0, span_us);
		f->for_us = draw_span(&r, f->kind);
		f->step = rng_chance(&r, 5000) ? (enum sim_step)between(&r, STEP_PRODUCE, STEP_SEND)
					       : STEP_ANY;
		f->countdown = (int)between(&r, 1, rng_chance(&r, 5000) ? 5 : 60);
		f->detail = (uint32_t)rng_next(&r);
		f->late = rng_chance(&r, 1000);
		if (strikes_at_step(f->kind) && rng_chance(&r, 5000))
			take_aim(&r, f);
		if (sim.focus)
			focus(&r, f);
	}
}

bool faults_can_focus(const char *service)
{
	for (size_t i = 0; i < ARRAY_LEN(aims); i++)
		if (strcmp(aims[i].service, service) == 0)
			return true;
	return strcmp(service, "none") == 0;
}

void faults_select(const char *list)
{
	bool chosen[SIM_FAULTS_MAX + 1] = {false};
	int kept = 0;

	if (!list)
		return;
	while (*list) {
		char *end;
		long n = strtol(list, &end, 10);

		if (n >= 1 && n <= SIM_FAULTS_MAX)
			chosen[n] = true;
		list = *end ? end + 1 : end;
	}
	for (int i = 0; i < sim.fault_count; i++)
		if (chosen[sim.faults[i].number])
			sim.faults[kept++] = sim.faults[i];
	sim.fault_count = kept;
}

void faults_write(char *ret, size_t len)
{
	size_t at = 0;

	ret[0] = '\0';
	for (int i = 0; i < sim.fault_count && at < len; i++) {
		const struct fault *f = &sim.faults[i];

		at += (size_t)snprintf(ret + at, len - at,
				       "  fault %d: %s, %s, from %lld ms on%s%s%s\n", f->number,
				       kind_names[f->kind], sim.slots[f->slot].instance,
				       (long long)(f->at_us / US_PER_MS), f->aim ? ", at " : "",
				       f->aim ? f->aim : "", f->late ? ", after the windows" : "");
	}
}

/* --- striking --- */

static void struck(const struct fault *f)
{
	sim.struck[f->kind]++;
	if (sim.verbose)
		log_warn("fault", LOG_INT("number", f->number),
			 LOG_STR("kind", kind_names[f->kind]),
			 LOG_STR("who", sim.slots[f->slot].instance));
}

static const char *const groups[] = {"filter-worker", "router-admit", "router-decide", "delivery",
				     "payout"};

static bool group_is_of(const char *group, const struct slot *s)
{
	return strncmp(group, s->service, strlen(s->service)) == 0;
}

static void shuffle(const struct slot *s, bool lost)
{
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (group_is_of(groups[i], s) && bus_memory_has_group(sim.log, groups[i]))
			bus_memory_rebalance(sim.log, groups[i], lost);
}

struct silence {
	struct slot *slot;
	struct proc *proc; /* NULL: it is dead */
	uint32_t lives;
};

/* An older life of it may still be there. */
static bool somebody_lives(const struct slot *s)
{
	struct proc *p;

	for (size_t i = 0; (p = proc_at(i)); i++)
		if (proc_slot(p) == s)
			return true;
	return false;
}

/* The brokers have not heard of it for a session's time. */
static void session_over(void *ctx)
{
	struct silence *silence = ctx;
	struct slot *s = silence->slot;

	if (s->lives != silence->lives)
		return;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		if (!group_is_of(groups[i], s) || !bus_memory_has_group(sim.log, groups[i]))
			continue;
		if (silence->proc && s->proc == silence->proc)
			bus_memory_expel(sim.log, groups[i], s->instance);
		else if (!silence->proc && !somebody_lives(s))
			bus_memory_session_over(sim.log, groups[i], s->instance);
	}
	sim_wake_readers();
}

static void expect_silence(struct slot *s, struct proc *p)
{
	struct silence *silence = malloc(sizeof(*silence));

	assert(silence);
	*silence = (struct silence){.slot = s, .proc = p, .lives = s->lives};
	sim_at(sim.now_us + SIM_SESSION_MS * US_PER_MS, NULL, session_over, silence);
}

static void come_back(void *ctx)
{
	((struct slot *)ctx)->held_down = false;
}

static void start_second(void *ctx)
{
	struct slot *s = ctx;

	(void)proc_start(s);
}

static void strike_process(struct fault *f, struct proc *p)
{
	struct slot *s = proc_slot(p);

	struck(f);
	switch (f->kind) {
	case FAULT_CRASH:
	case FAULT_HOST:
		s->held_down = true;
		sim_at(sim.now_us + f->for_us, NULL, come_back, s);
		if (f->kind == FAULT_HOST)
			expect_silence(s, NULL);
		proc_end("killed");
	case FAULT_FREEZE:
		proc_freeze(p, f->for_us);
		return;
	case FAULT_ZOMBIE:
		expect_silence(s, p);
		proc_freeze(p, f->for_us);
		return;
	case FAULT_DOUBLE:
		sim_at(sim.now_us + f->for_us / 2, NULL, start_second, s);
		proc_freeze(p, f->for_us);
		return;
	default:
		return;
	}
}

void faults_at_step(struct proc *p, enum sim_step kind, const char *what)
{
	struct slot *s = proc_slot(p);

	for (int i = 0; i < sim.fault_count; i++) {
		struct fault *f = &sim.faults[i];

		if (!f->armed || &sim.slots[f->slot] != s || s->proc != p ||
		    !strikes_at_step(f->kind) || (f->step != STEP_ANY && f->step != kind) ||
		    (f->aim && strcmp(f->aim, what) != 0) || --f->countdown > 0)
			continue;
		f->armed = false;
		strike_process(f, p);
	}
}

static int64_t jump_ms(const struct fault *f)
{
	static const int64_t jumps[] = {-7200000, -60000, -3000, 1000, 4000, 90000, 3700000};

	return jumps[f->detail % ARRAY_LEN(jumps)];
}

static void come_true(void *ctx)
{
	struct fault *f = ctx;
	struct slot *s = &sim.slots[f->slot];

	if (strikes_at_step(f->kind)) {
		f->armed = true;
		return;
	}
	struck(f);
	switch (f->kind) {
	case FAULT_STOP:
		if (s->proc && proc_state_of(s->proc) != PROC_FROZEN)
			proc_stop(s->proc);
		break;
	case FAULT_SHUFFLE:
		shuffle(s, f->detail % 4 == 0);
		sim_wake_readers();
		break;
	case FAULT_SLOW:
		s->slow_until_us = sim.now_us + f->for_us;
		s->slow_topics = f->detail;
		s->slow_us = 20 * US_PER_MS + (int64_t)(f->detail % 2000) * US_PER_MS;
		break;
	case FAULT_KV_AWAY:
		sim.kv_away_until_us = sim.now_us + f->for_us;
		break;
	case FAULT_KV_EMPTY:
		kv_empty();
		sim.kv_emptied_us = sim.now_us;
		break;
	case FAULT_DB_AWAY:
		sim.db_away_until_us = sim.now_us + f->for_us;
		break;
	case FAULT_CLOCK:
		s->skew_ms += jump_ms(f);
		break;
	case FAULT_LOG_CLOCK:
		sim.log_skew_ms += jump_ms(f);
		break;
	case FAULT_ADVERTISER:
		endpoint_fail(f->detail % SIM_ADVERTISERS, f->detail / 8, sim.now_us + f->for_us);
		break;
	case FAULT_TWICE:
		sim.raw_twice = 1 + (int)(f->detail % 4);
		break;
	default:
		break;
	}
}

void faults_arm(bool late)
{
	for (int i = 0; i < sim.fault_count; i++) {
		struct fault *f = &sim.faults[i];
		int64_t at_us = late ? sim.now_us + f->at_us % SIM_LATE_US : f->at_us;

		if (f->late == late)
			sim_at(at_us, NULL, come_true, f);
	}
}
