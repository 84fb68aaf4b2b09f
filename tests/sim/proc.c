/* proc: lives of processes: each a stack that is left and entered again.
 *
 * A life begins in body(): start(), then turn() for ever, with what was posted to it between two turns, as a loop would do. It ends
 * when its stack is left for good. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "runtime/log.h"
#include "sim.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#define STACK_BYTES (8u << 20)
#else
#define STACK_BYTES (2u << 20)
#endif

#define TICK_LEAST_US   (20 * US_PER_MS)
#define TICK_MOST_US    (1000 * US_PER_MS)
#define WAIT_US         (100 * US_PER_MS)
#define PAUSE_PER_10000 400 /* steps after which somebody else goes first */
#define DRAIN_US        (10 * 1000 * US_PER_MS)

struct letter {
	struct letter *next;
	void (*fn)(void *ctx);
	void *ctx;
};

struct proc {
	struct slot *slot;
	uint32_t number;
	enum proc_state state;
	ucontext_t context;
	void *stack;
	void *fake_stack;
	struct service service;
	uv_loop_t loop;
	struct resource *resources;
	struct letter *first, **last;
	int64_t wakes_us, idle_us;
	bool woken, stop_wanted, thaws, freeze_wanted;
	int64_t freeze_us, drain_ends_us;
	int held;
};

static struct proc *living[SIM_PROCS_MAX];
static size_t living_count;
static ucontext_t world;
static void *world_fake;
static const void *world_bottom;
static size_t world_size;

/* --- from stack to stack --- */

static void before_switch(_unused_ void **fake, _unused_ const void *bottom, _unused_ size_t size)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(fake, bottom, size);
#endif
}

static void after_switch(_unused_ void *fake, _unused_ const void **bottom, _unused_ size_t *size)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(fake, bottom, size);
#endif
}

/* Back to the world; returns when the process goes on. */
static void leave(void)
{
	struct proc *p = sim.running;

	sim.running = NULL;
	before_switch(p->state == PROC_DEAD ? NULL : &p->fake_stack, world_bottom, world_size);
	(void)swapcontext(&p->context, &world);
	after_switch(p->fake_stack, &world_bottom, &world_size);
	sim.running = p;
}

void proc_run(struct proc *p)
{
	assert(!sim.running && proc_is_runnable(p));
	p->state = PROC_READY;
	p->woken = false;
	sim.running = p;
	before_switch(&world_fake, p->stack, STACK_BYTES);
	(void)swapcontext(&world, &p->context);
	after_switch(world_fake, NULL, NULL);
	sim.running = NULL;
	if (p->state == PROC_DEAD)
		(void)munmap(p->stack, STACK_BYTES);
}

/* --- life --- */

static void read_letters(struct proc *p)
{
	while (p->first) {
		struct letter *l = p->first;

		p->first = l->next;
		if (!p->first)
			p->last = &p->first;
		l->fn(l->ctx);
		free(l);
	}
}

static void sleep_until(struct proc *p, int64_t at_us)
{
	p->wakes_us = at_us;
	p->state = PROC_SLEEPS;
	leave();
}

static void rest(struct proc *p, enum turn turn)
{
	if (turn == TURN_WAIT) {
		sleep_until(p, sim.now_us + WAIT_US);
		return;
	}
	if (turn == TURN_BUSY || p->first) {
		p->idle_us = TICK_LEAST_US;
		if (sim_chance(3000))
			sleep_until(p, sim.now_us + sim_draw(0, 500));
		return;
	}
	if (p->woken)
		p->idle_us = TICK_LEAST_US;
	sleep_until(p, p->woken ? sim.now_us : sim.now_us + p->idle_us);
	p->idle_us = MIN_OF(p->idle_us * 2, TICK_MOST_US);
}

static void serve_stop(struct proc *p)
{
	const struct service_def *def = p->slot->def;
	struct service *s = &p->service;

	if (!p->stop_wanted)
		return;
	if (!s->draining) {
		s->draining = true;
		p->drain_ends_us = sim.now_us + DRAIN_US;
		if (def->drain)
			def->drain(s);
	}
	if (!def->drained || def->drained(s)) {
		def->stop(s);
		proc_end("stopped");
	}
	if (sim.now_us >= p->drain_ends_us)
		proc_end("not drained in time");
}

static void live(struct proc *p)
{
	const struct service_def *def = p->slot->def;
	struct error e = {0};
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/punnet.yaml", sim.folder);
	p->service.config = config_load(path, &e);
	assert(p->service.config);
	if (def->start(&p->service, &e) != RESULT_OK)
		proc_end(e.text);
	for (;;) {
		enum turn turn = TURN_IDLE;

		read_letters(p);
		if (def->turn)
			turn = def->turn(&p->service);
		serve_stop(p);
		rest(p, p->stop_wanted && turn == TURN_IDLE ? TURN_WAIT : turn);
	}
}

static void body(unsigned high, unsigned low)
{
	struct proc *p = (struct proc *)((uintptr_t)high << 32 | low);

	after_switch(NULL, &world_bottom, &world_size);
	live(p);
}

struct proc *proc_start(struct slot *s)
{
	static uint32_t number;
	struct proc *p = calloc(1, sizeof(*p));
	uintptr_t at = (uintptr_t)p;

	assert(p);
	*p = (struct proc){
	    .slot = s, .number = ++number, .state = PROC_SLEEPS, .idle_us = TICK_LEAST_US};
	p->last = &p->first;
	p->service.name = s->def->name;
	(void)snprintf(p->service.instance, sizeof(p->service.instance), "%s", s->instance);
	p->loop.data = p;
	p->service.loop = &p->loop;
	p->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	assert(p->stack != MAP_FAILED);
	(void)getcontext(&p->context);
	p->context.uc_stack.ss_sp = p->stack;
	p->context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&p->context, (void (*)(void))body, 2, (unsigned)(at >> 32), (unsigned)at);
	s->proc = p;
	s->lives++;
	assert(living_count < SIM_PROCS_MAX);
	living[living_count++] = p;
	return p;
}

static void bury(struct proc *p, const char *why)
{
	if (sim.verbose)
		log_warn("process_ended", LOG_STR("who", p->slot->instance),
			 LOG_INT("life", p->number), LOG_STR("why", why));
	p->state = PROC_DEAD;
	sim.moved_us = sim.now_us;
	while (p->resources) {
		struct resource *r = p->resources;

		p->resources = r->next;
		r->on_death(r->ctx);
	}
	if (p->slot->proc == p)
		p->slot->proc = NULL;
	for (size_t i = 0; i < living_count; i++) {
		if (living[i] == p) {
			memmove(&living[i], &living[i + 1],
				(--living_count - i) * sizeof(struct proc *));
			break;
		}
	}
}

struct proc *proc_at(size_t i)
{
	return i < living_count ? living[i] : NULL;
}

void proc_kill(struct proc *p)
{
	assert(p != sim.running && p->state != PROC_DEAD);
	bury(p, "killed");
	(void)munmap(p->stack, STACK_BYTES);
}

void proc_end(const char *why)
{
	struct proc *p = sim.running;

	bury(p, why);
	leave();
	abort(); /* nobody comes back here */
}

static void thaw(void *ctx)
{
	struct proc *p = ctx;

	if (p->state != PROC_FROZEN)
		return;
	p->state = PROC_SLEEPS;
	p->wakes_us = sim.now_us;
	if (sim.verbose)
		log_warn("process_goes_on", LOG_STR("who", p->slot->instance),
			 LOG_INT("life", p->number));
}

static void stand_still(struct proc *p, int64_t us)
{
	p->freeze_wanted = false;
	for (struct resource *r = p->resources; r; r = r->next)
		if (r->on_freeze)
			r->on_freeze(r->ctx, us);
	p->state = PROC_FROZEN;
	sim_at(sim.now_us + us, NULL, thaw, p);
}

void proc_freeze(struct proc *p, int64_t us)
{
	if (p->held > 0) {
		p->freeze_wanted = true;
		p->freeze_us = us;
		return;
	}
	stand_still(p, us);
	if (p == sim.running)
		leave();
}

void proc_stop(struct proc *p)
{
	p->stop_wanted = true;
	proc_wake(p);
}

void proc_wake(struct proc *p)
{
	p->woken = true;
}

bool proc_is_runnable(const struct proc *p)
{
	return p->state == PROC_READY ||
	       (p->state == PROC_SLEEPS && (p->woken || p->wakes_us <= sim.now_us));
}

int64_t proc_wakes_us(const struct proc *p)
{
	return p->state == PROC_SLEEPS ? p->wakes_us : INT64_MAX;
}

enum proc_state proc_state_of(const struct proc *p)
{
	return p->state;
}

struct slot *proc_slot(const struct proc *p)
{
	return p->slot;
}

uint32_t proc_number(const struct proc *p)
{
	return p->number;
}

void proc_post(struct proc *p, void (*fn)(void *ctx), void *ctx)
{
	struct letter *l = malloc(sizeof(*l));

	assert(l);
	*l = (struct letter){.fn = fn, .ctx = ctx};
	*p->last = l;
	p->last = &l->next;
	proc_wake(p);
}

/* --- inside --- */

void proc_own(struct resource *r)
{
	struct proc *p = sim.running;

	r->next = p->resources;
	p->resources = r;
}

void proc_disown(struct resource *r)
{
	struct resource **at = &sim.running->resources;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
}

void proc_hold(void)
{
	sim.running->held++;
}

bool proc_is_held(void)
{
	return sim.running->held > 0;
}

void proc_let_go(void)
{
	struct proc *p = sim.running;

	if (--p->held == 0 && p->freeze_wanted)
		proc_freeze(p, p->freeze_us);
}

void sim_pause(int64_t us)
{
	struct proc *p = sim.running;

	if (!p || p->held > 0)
		return;
	p->wakes_us = sim.now_us + us;
	p->state = PROC_SLEEPS;
	p->woken = false;
	leave();
}

void sim_step(enum sim_step kind, const char *what)
{
	struct proc *p = sim.running;

	if (!p)
		return;
	sim.steps++;
	faults_at_step(p, kind, what);
	if (p->held == 0 && sim_chance(PAUSE_PER_10000))
		sim_pause(sim_draw(0, sim.calm ? 200 : 3000));
}
