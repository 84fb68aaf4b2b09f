/* bench: what the benchmarks share: clocks, the CPU time of another process, and how a figure is written.
 *
 * A figure is one line of JSON on standard output; bench/run collects them, takes medians and prints the table. Whatever
 * goes wrong ends the program with a sentence: a benchmark that goes on after a fault measures something else. */
#ifndef PUNNET_BENCH_H
#define PUNNET_BENCH_H

#include "base/slice.h"

_Noreturn void bench_die(const char *fmt, ...) _printf_(1, 2);
int64_t bench_now_ns(void); /* CLOCK_MONOTONIC: the same for every process of the machine */
/* User and system time of a process since its start. */
int64_t bench_cpu_us(int pid);
int64_t bench_own_cpu_us(void);
int64_t
bench_own_cpu_ns(void); /* of this thread; other processes on the machine don't show in it */
int64_t bench_resident_kib(int pid);
/* Runs a program without its output, until it ends with that status. Its CPU time. */
double bench_run_cpu_ns(const char *const *argv, int status);
/* {"name":…,"value":…,"unit":…}, and for one that has a floor: {…,"floor":…} */
void bench_figure(const char *name, double value, const char *unit);
void bench_figure_floor(const char *name, double value, double floor, const char *unit);
/* The value after `--name` among the arguments; `otherwise` when it is not there. */
const char *bench_option(int argc, char **argv, const char *name, const char *otherwise);
int64_t bench_option_int(int argc, char **argv, const char *name, int64_t otherwise);
/* Sorts in place. share: 0.5 = the median. */
double bench_quantile(double *values, size_t count, double share);
/* A listening or connected TCP socket, non-blocking, without Nagle's wait. */
int bench_listen(int port);
int bench_connect(const char *host, int port);

/* Runs `body` until it has used 0.2 s of CPU time, five times, and gives the median nanoseconds of one. */
#define BENCH_ROUNDS   5
#define BENCH_ROUND_NS (200 * 1000 * 1000LL)
#define BENCH_NS(ret_ns, body)                                                                     \
	do {                                                                                       \
		double rounds_[BENCH_ROUNDS];                                                      \
		for (size_t round_ = 0; round_ < BENCH_ROUNDS; round_++) {                         \
			int64_t from_ = bench_own_cpu_ns(), spent_ = 0, times_ = 0;                \
			while (spent_ < BENCH_ROUND_NS) {                                          \
				for (int turn_ = 0; turn_ < 100; turn_++, times_++) {              \
					body;                                                      \
				}                                                                  \
				spent_ = bench_own_cpu_ns() - from_;                               \
			}                                                                          \
			rounds_[round_] = (double)spent_ / (double)times_;                         \
		}                                                                                  \
		*(ret_ns) = bench_quantile(rounds_, BENCH_ROUNDS, 0.5);                            \
	} while (0)

/* Keeps the compiler from leaving out what computes a value. */
#define BENCH_KEEP(value) __asm__ volatile("" : : "g"(value) : "memory")

#endif
