/* service: what every daemon's main() is: arguments, configuration, log, loop, signals, admin port, exit status.
 *
 *     punnet-collector [--config FILE] [--instance NAME] [--admin HOST:PORT] [--help] [--version]
 *
 * Exit status: 0 drained after SIGTERM or SIGINT; 64 usage; 78 configuration; 70 could not go on (crash-only: the
 * supervisor starts it again, and it resumes from the log); 69 a server that is needed at start can't be reached.
 * SIGTERM: `drain` is called once; then `drained` is asked at every turn, for at most 10 s. */
#ifndef PUNNET_SERVICE_H
#define PUNNET_SERVICE_H

#include <uv.h>

#include "bus.h"
#include "config.h"

struct service {
	const char *name;  /* "collector" */
	char instance[64]; /* "collector@1"; the name of the process in groups and logs */
	struct config *config;
	uv_loop_t *loop;
	void *state;
	bool draining;
};

enum turn {
	TURN_BUSY, /* did something: call again at once, after the loop has served its events */
	TURN_IDLE, /* nothing to do until a watched fd or a timer wakes the loop */
	TURN_WAIT, /* a dependency is away: call again after a pause of 100 ms */
};

struct service_def {
	const char *name;
	const char *what; /* one line for --help */
	enum result (*start)(struct service *s,
			     struct error *ret_error); /* opens everything; sets s->state */
	enum turn (*turn)(struct service *s);          /* may be NULL (purely event-driven) */
	bool (*ready)(struct service *s, char *ret_why, size_t len); /* for /readyz */
	void (*drain)(struct service *s);                            /* stop taking */
	bool (*drained)(struct service *s); /* all finished and committed? */
	void (*stop)(struct service *s);    /* closes and frees everything */
};

int service_main(const struct service_def *def, int argc, char **argv);
/* Wakes turn() whenever fd is readable (a bus fd). For the life of the process, or until service_unwatch(). */
void service_watch(struct service *s, int fd);
void service_unwatch(struct service *s, int fd);
/* Says why in one log line and on standard error, and ends the process with status 70, at once. */
_Noreturn void service_die(struct service *s, const char *fmt, ...) _printf_(2, 3);

#endif
