/* seams: what stands in the place of lib/runtime's clock, faults, service loop and wake-up descriptors. The linker takes these
 * because they come first; nothing in the services knows. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/bus_backend.h"
#include "runtime/clock.h"
#include "runtime/fault.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "seams.h"
#include "sim.h"

/* --- clock --- */

int64_t clock_now_ms(void)
{
	int64_t skew_ms = sim.running ? proc_slot(sim.running)->skew_ms : 0;

	return SIM_BASE_MS + sim.now_us / US_PER_MS + skew_ms;
}

int64_t clock_monotonic_ms(void)
{
	return clock_monotonic_us() / US_PER_MS;
}

int64_t clock_monotonic_coarse_ms(void)
{
	return clock_monotonic_ms();
}

/* Machines don't start at zero. */
int64_t clock_monotonic_us(void)
{
	return sim.now_us + 3600 * 1000 * US_PER_MS;
}

void clock_random(void *ret, size_t len)
{
	uint8_t *at = ret;

	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)rng_next(&sim.rng);
}

/* --- faults --- */

#ifdef PUNNET_FAULTS

bool fault_on(const char *name)
{
	/* No bug: a state that fits into one chunk could never be torn. */
	if (strcmp(name, "small_chunks") == 0)
		return true;
	return sim.planted && strcmp(sim.planted, name) == 0;
}

void fault_point(const char *point)
{
	sim_step(STEP_POINT, point);
}
#endif

/* --- the service's loop: see live() in proc.c --- */

static const struct service_def *caught;

int service_main(const struct service_def *def, _unused_ int argc, _unused_ char **argv)
{
	static struct service_def kept[16]; /* a service's own may stand on its main()'s stack */
	static size_t count;

	assert(count < ARRAY_LEN(kept));
	kept[count] = *def;
	caught = &kept[count++];
	return 0;
}

const struct service_def *service_catch(int (*program)(int argc, char **argv))
{
	caught = NULL;
	(void)program(0, NULL);
	assert(caught);
	return caught;
}

void service_watch(_unused_ struct service *s, _unused_ int fd)
{
}

void service_unwatch(_unused_ struct service *s, _unused_ int fd)
{
}

void service_die(_unused_ struct service *s, const char *fmt, ...)
{
	char reason[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	proc_end(reason);
}

/* --- nobody sleeps on a descriptor --- */

int bus_event_open(void)
{
	return 0;
}

void bus_event_signal(_unused_ int fd)
{
}

void bus_event_drain(_unused_ int fd)
{
}

void bus_event_close(_unused_ int fd)
{
}

/* --- metrics: there is one table a process, and here many processes --- */

void metric_add(_unused_ enum metric m, _unused_ int64_t n)
{
}

void metric_set(_unused_ enum metric m, _unused_ int64_t value)
{
}

void metric_observe_us(_unused_ enum metric m, _unused_ int64_t us)
{
}

void metric_members(_unused_ enum metric m, _unused_ const char *const *values,
		    _unused_ size_t count)
{
}

void metric_add_member(_unused_ enum metric m, _unused_ size_t member, _unused_ int64_t n)
{
}

int64_t metric_value(_unused_ enum metric m)
{
	return 0;
}
