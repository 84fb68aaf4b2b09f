/* service: see service.h.
 *
 * The loop. turn() runs once in every pass of the loop, after timers and descriptors were served (uv_prepare):
 *   TURN_BUSY  a uv_idle handle is on, so that the pass does not sleep
 *   TURN_IDLE  the pass sleeps until a watched descriptor or a timer fires, SERVICE_TICK_MS at most, so that watchdogs work
 *   TURN_WAIT  turn() is left alone for SERVICE_PAUSE_MS; descriptors are not watched meanwhile
 *
 * Ends early with _exit(): a process that can't go on must not run destructors that wait for servers. */
#include "service.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "metrics.h"
#include "service_internal.h"

#define SERVICE_TICK_MS     100
#define SERVICE_PAUSE_MS    100
#define SERVICE_DRAIN_MS    10000
#define SERVICE_WATCHES_MAX 64
#define KEPT_MOST_BYTES     (256 << 20) /* of freed memory */
#define SERVICE_MAGIC       0x53525643u

struct watch {
	uv_poll_t poll;
	int fd;
};

struct runner {
	uint32_t magic;
	struct service service; /* what the service sees; the runner is found from it */
	const struct service_def *def;
	struct service_admin admin;
	uv_loop_t loop;
	uv_prepare_t prepare;
	uv_idle_t idle;
	uv_timer_t tick, pause;
	uv_signal_t sigterm, sigint;
	struct watch *watches[SERVICE_WATCHES_MAX];
	size_t watch_count;
	bool pausing;
	int64_t drain_ends_ms;
};

struct arguments {
	const char *config, *instance, *admin;
};

static struct runner *runner_of(void *service)
{
	struct runner *r = (struct runner *)((char *)service - offsetof(struct runner, service));

	assert(r->magic == SERVICE_MAGIC);
	return r;
}

/* --- ending --- */

_Noreturn static void leave(int status)
{
	fflush(NULL);
	_exit(status);
}

_Noreturn void service_die(struct service *s, const char *fmt, ...)
{
	char reason[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	log_error("ending", LOG_STR("reason", reason), LOG_INT("status", EX_SOFTWARE));
	fprintf(stderr, "%s: %s; ending, to start again from the log\n", s->name, reason);
	leave(EX_SOFTWARE);
}

static int status_of(enum result r)
{
	switch (r) {
	case RESULT_AGAIN:
	case RESULT_AWAY:
		return EX_UNAVAILABLE;
	case RESULT_BAD:
		return EX_CONFIG;
	default:
		return EX_SOFTWARE;
	}
}

_Noreturn static void start_failed(const char *name, enum result r, const struct error *e)
{
	log_error("start_failed", LOG_STR("reason", e->text), LOG_INT("status", status_of(r)));
	fprintf(stderr, "%s: %s\n", name, e->text);
	leave(status_of(r));
}

/* --- descriptors --- */

static void on_readable(uv_poll_t *p, int status, _unused_ int events)
{
	/* Waking the loop is all: turn() runs before it sleeps again. A broken descriptor would wake it without end. */
	if (status < 0)
		uv_poll_stop(p);
}

static void watch_start(struct watch *w)
{
	int e = uv_poll_start(&w->poll, UV_READABLE, on_readable);

	assert(e == 0);
}

static void on_watch_closed(uv_handle_t *h)
{
	free(h->data);
}

void service_watch(struct service *s, int fd)
{
	struct runner *r = runner_of(s);
	struct watch *w = calloc(1, sizeof(*w));
	int e;

	assert(w && fd >= 0 && r->watch_count < SERVICE_WATCHES_MAX);
	w->fd = fd;
	e = uv_poll_init(&r->loop, &w->poll, fd);
	assert(e == 0);
	w->poll.data = w;
	r->watches[r->watch_count++] = w;
	if (!r->pausing)
		watch_start(w);
}

static void unwatch_at(struct runner *r, size_t i)
{
	struct watch *w = r->watches[i];

	r->watches[i] = r->watches[--r->watch_count];
	uv_poll_stop(&w->poll);
	uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

void service_unwatch(struct service *s, int fd)
{
	struct runner *r = runner_of(s);

	for (size_t i = 0; i < r->watch_count; i++) {
		if (r->watches[i]->fd == fd) {
			unwatch_at(r, i);
			return;
		}
	}
}

/* --- the turn --- */

static void on_idle(_unused_ uv_idle_t *i)
{
}

static void on_tick(_unused_ uv_timer_t *t)
{
}

static void on_pause_over(uv_timer_t *t)
{
	struct runner *r = t->data;

	r->pausing = false;
	for (size_t i = 0; i < r->watch_count; i++)
		watch_start(r->watches[i]);
}

static void pause_turns(struct runner *r)
{
	r->pausing = true;
	for (size_t i = 0; i < r->watch_count; i++)
		uv_poll_stop(&r->watches[i]->poll);
	/* The loop's idea of now is as old as the pass; a turn may have blocked since. */
	uv_update_time(&r->loop);
	uv_timer_start(&r->pause, on_pause_over, SERVICE_PAUSE_MS, 0);
}

static void check_drained(struct runner *r)
{
	struct service *s = &r->service;

	if (!s->draining)
		return;
	if (!r->def->drained || r->def->drained(s)) {
		uv_stop(&r->loop);
		return;
	}
	if (clock_monotonic_ms() >= r->drain_ends_ms)
		service_die(s, "not drained within %d s of the signal", SERVICE_DRAIN_MS / 1000);
}

static void on_prepare(uv_prepare_t *p)
{
	struct runner *r = p->data;
	enum turn turn = TURN_IDLE;

	if (!r->pausing && r->def->turn)
		turn = r->def->turn(&r->service);
	if (turn == TURN_BUSY)
		uv_idle_start(&r->idle, on_idle);
	else
		uv_idle_stop(&r->idle);
	if (turn == TURN_WAIT)
		pause_turns(r);
	check_drained(r);
}

static void on_signal(uv_signal_t *h, int signal)
{
	struct runner *r = h->data;

	if (r->service.draining)
		return;
	r->service.draining = true;
	r->drain_ends_ms = clock_monotonic_ms() + SERVICE_DRAIN_MS;
	log_info("draining", LOG_STR("signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"));
	if (r->def->drain)
		r->def->drain(&r->service);
}

/* --- start and stop --- */

static void print_help(const struct service_def *def)
{
	printf("punnet-%s: %s\n\n"
	       "  punnet-%s [--config FILE] [--instance NAME] [--admin HOST:PORT]\n\n"
	       "  --config FILE       punnet.yaml; without it, defaults and the environment\n"
	       "  --instance NAME     the name of this process in groups and logs (default %s@1)\n"
	       "  --admin HOST:PORT   /healthz, /readyz and /metrics (default: the key `admin` of "
	       "the section)\n"
	       "  --help, --version\n\n"
	       "Exit status: 0 drained after SIGTERM or SIGINT; 64 usage; 69 a server that is "
	       "needed at the start can't be\n"
	       "reached; 70 could not go on, start it again; 78 configuration.\n",
	       def->name, def->what, def->name, def->name);
}

static bool instance_valid(const char *name)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";

	return name[0] && strlen(name) < sizeof(((struct service *)0)->instance) &&
	       name[strspn(name, allowed)] == '\0';
}

_Noreturn static void usage(const struct service_def *def, const char *what)
{
	fprintf(stderr, "punnet-%s: %s; see punnet-%s --help\n", def->name, what, def->name);
	exit(EX_USAGE);
}

static void parse_arguments(const struct service_def *def, int argc, char **argv,
			    struct arguments *ret)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'}, {"instance", required_argument, NULL, 'i'},
	    {"admin", required_argument, NULL, 'a'},  {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'v'},      {0},
	};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			ret->config = optarg;
			break;
		case 'i':
			ret->instance = optarg;
			break;
		case 'a':
			ret->admin = optarg;
			break;
		case 'h':
			print_help(def);
			exit(0);
		case 'v':
			printf("punnet-%s %s\n", def->name, PUNNET_VERSION);
			exit(0);
		default:
			usage(def, "wrong arguments");
		}
	}
	if (optind < argc)
		usage(def, "takes options only");
	if (ret->instance && !instance_valid(ret->instance))
		usage(def, "--instance: at most 63 letters, digits and ._@-");
}

static bool parse_level(const char *text, enum log_level *ret)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static struct config *load_config(const struct service_def *def, const char *path)
{
	_cleanup_(buf_free) struct buf faults = {0};
	struct config *c = config_load(path, NULL);
	enum log_level level;

	if (!c) {
		(void)config_faults(path, &faults);
		fprintf(stderr, "%s\n", buf_cstr(&faults));
		leave(EX_CONFIG);
	}
	if (!parse_level(config_text(c, "common", "log_level"), &level)) {
		fprintf(
		    stderr, "%s: common.log_level: \"%s\": expected debug, info, warn or error\n",
		    config_where(c, "common", "log_level"), config_text(c, "common", "log_level"));
		leave(EX_CONFIG);
	}
	log_start(def->name, level);
	return c;
}

static void open_loop(struct runner *r)
{
	int e = uv_loop_init(&r->loop);

	assert(e == 0);
	r->service.loop = &r->loop;
	uv_prepare_init(&r->loop, &r->prepare);
	uv_idle_init(&r->loop, &r->idle);
	uv_timer_init(&r->loop, &r->tick);
	uv_timer_init(&r->loop, &r->pause);
	uv_signal_init(&r->loop, &r->sigterm);
	uv_signal_init(&r->loop, &r->sigint);
	r->prepare.data = r->pause.data = r->sigterm.data = r->sigint.data = r;
}

static void start_loop(struct runner *r)
{
	uv_prepare_start(&r->prepare, on_prepare);
	uv_timer_start(&r->tick, on_tick, SERVICE_TICK_MS, SERVICE_TICK_MS);
	uv_signal_start(&r->sigterm, on_signal, SIGTERM);
	uv_signal_start(&r->sigint, on_signal, SIGINT);
}

static void close_handle(uv_handle_t *h, _unused_ void *arg)
{
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void stop_all(struct runner *r)
{
	while (r->watch_count > 0)
		unwatch_at(r, 0);
	uv_prepare_stop(&r->prepare);
	uv_timer_stop(&r->tick);
	if (r->def->stop)
		r->def->stop(&r->service);
	service_admin_close(&r->admin);
	uv_run(&r->loop, UV_RUN_NOWAIT); /* what was closed is freed by its owners */
	uv_walk(&r->loop, close_handle, NULL);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&r->loop) != 0)
		log_warn("loop_not_closed");
	config_free(r->service.config);
}

static void start_all(struct runner *r, const struct arguments *args)
{
	struct service *s = &r->service;
	struct error error = {0};
	enum result result;
	const char *address = args->admin ? args->admin : config_text(s->config, s->name, "admin");

	r->admin.service = s;
	r->admin.def = r->def;
	result = service_admin_open(&r->admin, address, &error);
	if (result == RESULT_OK)
		result = r->def->start(s, &error);
	if (result != RESULT_OK)
		start_failed(s->name, result, &error);
	start_loop(r);
	log_info("started", LOG_STR("instance", s->instance), LOG_STR("admin_host", r->admin.host),
		 LOG_INT("admin_port", http_port(r->admin.server)),
		 LOG_STR("version", PUNNET_VERSION), LOG_INT("pid", getpid()));
}

/* A batch takes what the last one gave back. Given to the system in between, it would come back a page fault at a time: a fifth of
 * the collector's work. Another allocator than glibc's doesn't listen, and need not. */
static void keep_freed_memory(void)
{
	mallopt(M_TRIM_THRESHOLD, KEPT_MOST_BYTES);
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
}

int service_main(const struct service_def *def, int argc, char **argv)
{
	struct arguments args = {0};
	static struct runner
	    runner; /* one a process: callbacks of other libraries may outlive main's frame */
	struct runner *r = &runner;

	parse_arguments(def, argc, argv, &args);
	keep_freed_memory();
	signal(SIGPIPE, SIG_IGN);
	*r = (struct runner){.magic = SERVICE_MAGIC, .def = def, .service.name = def->name};
	log_start(def->name, LOG_LEVEL_INFO);
	r->service.config = load_config(def, args.config);
	if (args.instance)
		snprintf(r->service.instance, sizeof(r->service.instance), "%s", args.instance);
	else
		snprintf(r->service.instance, sizeof(r->service.instance), "%s@1", def->name);
	metric_set(METRIC_PROCESS_START, clock_now_ms() / MS_PER_S);
	open_loop(r);
	start_all(r, &args);

	uv_run(&r->loop, UV_RUN_DEFAULT);

	log_info("drained");
	stop_all(r);
	return 0;
}
