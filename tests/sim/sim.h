/* sim: the simulated world of one seed: processes that take turns on one thread, time that somebody turns on, one source of chance.
 *
 * A process is a real service's start(), turn() and stop() on a stack of its own. Whatever it asks of the world (the bus, the kv, the
 * ledger, the network, a clock) is answered here, and each such question is a step: before or after it the process may be left
 * waiting, frozen, or dead. Nothing runs but inside sim_run(), and nothing decides but the seed.
 *
 * Memory of a process that died is not given back: a world lives in a child process, which ends with it. */
#ifndef PUNNET_SIM_H
#define PUNNET_SIM_H

#include "base/rng.h"
#include "occurs.h"
#include "runtime/bus.h"
#include "runtime/service.h"

#define SIM_BASE_MS     1796083200000LL /* 2026-12-01T00:00:00Z */
#define SIM_SLOTS       9
#define SIM_FAULTS_MAX  16
#define SIM_PROCS_MAX   64 /* alive at once; of a slot there may be several */
#define SIM_LEADS_MAX   200
#define US_PER_MS       1000LL
#define SIM_SESSION_MS  6000 /* a member that is silent for so long is given up */
#define SIM_ADVERTISERS 3
#define SIM_LATE_US     (8000 * US_PER_MS) /* in which late faults strike */

enum sim_step {
	STEP_ANY, /* of a fault: whichever comes */
	STEP_PRODUCE,
	STEP_TAKE,
	STEP_COMMIT,
	STEP_KV,
	STEP_DB,
	STEP_POINT, /* a named point in the shell's own code */
	STEP_SEND,
	STEP_KINDS,
};

enum proc_state { PROC_READY, PROC_SLEEPS, PROC_FROZEN, PROC_DEAD };

struct proc; /* one life of a process; proc.c */

/* Where a service runs. The supervisor starts it again whenever it has ended. */
struct slot {
	const char *service, *instance;
	const struct service_def *def;
	struct proc *proc; /* the newest life; NULL: down */
	bool held_down;    /* its host is gone for a while */
	uint32_t lives;
	int64_t skew_ms; /* of its wall clock */
	int64_t slow_until_us, slow_us;
	uint32_t slow_topics; /* which, by a bit of their names' hash */
};

enum fault_kind {
	FAULT_CRASH,      /* ends at a step, starts again soon */
	FAULT_HOST,       /* ends at a step and stays away: others take over */
	FAULT_FREEZE,     /* stands still at a step for a while */
	FAULT_ZOMBIE,     /* stands still until others have taken over, and goes on */
	FAULT_DOUBLE,     /* stands still, is started a second time, and goes on */
	FAULT_STOP,       /* drains and stops, as on SIGTERM */
	FAULT_SHUFFLE,    /* the groups of a service share out anew */
	FAULT_SLOW,       /* what it writes takes long to be stored */
	FAULT_KV_AWAY,    /* no answer; some of the questions were heard all the same */
	FAULT_KV_EMPTY,   /* the kv lost its state */
	FAULT_DB_AWAY,    /* no answer; some of the commits were done all the same */
	FAULT_CLOCK,      /* a process's clock jumps */
	FAULT_LOG_CLOCK,  /* the broker's clock jumps */
	FAULT_ADVERTISER, /* an advertiser fails for a while, in some way */
	FAULT_TWICE,      /* the next records of leads.raw are stored twice each */
	FAULT_KINDS,
};

struct fault {
	enum fault_kind kind;
	int number; /* in the plan: what --faults names */
	int slot;
	int64_t at_us, for_us;
	enum sim_step step;
	const char *aim; /* NULL, or the one step of its kind that it waits for */
	int countdown;   /* such steps until it strikes */
	bool late;       /* strikes when the return windows are over */
	bool armed;      /* its time has come */
	uint32_t detail; /* what it needs more: an advertiser, a way to fail */
};

struct sim {
	uint64_t seed;
	uint32_t leads, lead_limit; /* how many the seed has; only the first ones are sent */
	struct rng rng;
	int64_t now_us;
	int64_t log_skew_ms; /* of the broker's clock */
	struct slot slots[SIM_SLOTS];
	struct proc *running; /* NULL: the world itself */
	struct fault faults[SIM_FAULTS_MAX];
	int fault_count;
	int64_t wire_us;     /* a record is stored so long after it was produced, at most */
	int64_t lag_us;      /* and so much longer, at most, in topics that */
	uint32_t lag_topics; /* lie with a slow broker: a bit of their names' hash */
	bool calm;           /* no more faults, no delays worth the name */
	struct bus *log;     /* what the brokers hold: a bus in memory */
	struct kv *kv;
	int64_t kv_away_until_us, kv_emptied_us, db_away_until_us;
	int raw_twice;
	int64_t moved_us; /* when something happened last that others may act upon */
	int64_t
	    begun_us; /* when something last began that may take days: a sale, an end of a quarantine */
	const char *folder;  /* of keys, configuration, ledger */
	const char *focus;   /* the service that most faults are aimed at; NULL = none */
	const char *planted; /* the fault of the code that is switched on; NULL = none */
	uint64_t steps;
	uint32_t struck[FAULT_KINDS];
	uint32_t occurred[OCCURRENCES];
	bool verbose;
};
extern struct sim sim;

/* --- time and chance --- */
int64_t sim_draw(int64_t least, int64_t most); /* both included */
bool sim_chance(uint32_t per_10000);
/* fn is called at that time: in the process, or in the world where it is NULL. It is forgotten when the process has died. */
void sim_at(int64_t at_us, struct proc *who, void (*fn)(void *ctx), void *ctx);

/* --- inside a process (proc.c) --- */
void sim_step(enum sim_step kind, const char *what);
void sim_pause(int64_t us);
_Noreturn void proc_end(const char *why);
/* Something that has to know when its process dies, or stands still for some time. */
struct resource {
	struct resource *next;
	void (*on_death)(void *ctx);
	void (*on_freeze)(void *ctx, int64_t us);
	void *ctx;
};
void proc_own(struct resource *r);
void proc_disown(struct resource *r);
/* Between these a process is not left waiting: a callback of the memory bus is under way. */
void proc_hold(void);
void proc_let_go(void);
bool proc_is_held(void);

/* --- of processes (proc.c) --- */
struct proc *proc_start(struct slot *s);
struct proc *proc_at(size_t i); /* the living ones in the order of their start; NULL past the end */
void proc_run(struct proc *p);  /* until it waits for something */
void proc_kill(struct proc *p);
void proc_freeze(struct proc *p, int64_t us);
void proc_stop(struct proc *p);
void proc_wake(struct proc *p);
bool proc_is_runnable(const struct proc *p);
int64_t proc_wakes_us(const struct proc *p);
enum proc_state proc_state_of(const struct proc *p);
struct slot *proc_slot(const struct proc *p);
uint32_t proc_number(const struct proc *p);
void proc_post(struct proc *p, void (*fn)(void *ctx), void *ctx);

/* --- the world (world.c) --- */
int64_t sim_span_us(void);   /* in which leads are sent */
int64_t sim_faults_us(void); /* in which faults strike */
/* Plays the whole seed. false: it did not come to rest; why says what was left. */
bool sim_play(char *why, size_t len);
void sim_append(const char *topic, int32_t partition, struct slice key, const char *type,
		struct slice value, int64_t *ret_offset);
void sim_wake_readers(void);
const char *sim_service_of(int slot);

/* --- faults (faults.c) --- */
void faults_draw(int64_t span_us);
/* A service that some aims name, or none. */
bool faults_can_focus(const char *service);
/* Which of the drawn ones strike: numbers with commas; NULL = all. */
void faults_select(const char *list);
void faults_arm(bool late); /* hands the world the times of those that strike early, or late */
void faults_at_step(struct proc *p, enum sim_step kind, const char *what);
void faults_write(char *ret, size_t len);

/* --- backends --- */
struct bus *sim_bus_open(void);
void client_say(int64_t at_us, void (*fn)(void *ctx), void *ctx);

#endif
