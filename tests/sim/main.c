/* sim: plays seeds and judges them. Every seed has a child process of its own: what it leaves behind ends with it. See README.md. */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "judge.h"
#include "runtime/log.h"
#include "sim.h"
#include "stage.h"

#define LEADS_LEAST 10
#define LEADS_DRAWN 40

struct options {
	uint64_t first, count;
	uint32_t leads; /* the first ones of a seed; 0 = all */
	const char *faults, *planted, *focus;
	bool forever, verbose, quiet, digest, planted_all, twice, all_occur;
};

struct outcome {
	bool failed;
	uint64_t digest, steps;
	uint32_t leads;
	int faults;
	uint32_t struck[FAULT_KINDS], occurred[OCCURRENCES];
	char why[512], plan[1024];
};

static volatile sig_atomic_t stop;

static void on_signal(_unused_ int number)
{
	stop = 1;
}

/* --- one seed --- */

static void play(uint64_t seed, const struct options *o, struct outcome *ret)
{
	struct rng r = rng_seed(seed ^ 0x73697aULL);

	sim.seed = seed;
	sim.leads = LEADS_LEAST + (uint32_t)rng_below(&r, LEADS_DRAWN);
	sim.lead_limit = o->leads ? MIN_OF(o->leads, sim.leads) : sim.leads;
	sim.planted = o->planted;
	sim.focus = o->focus && strcmp(o->focus, "none") != 0 ? o->focus : NULL;
	sim.verbose = o->verbose;
	log_start("sim", o->verbose ? LOG_LEVEL_INFO : (enum log_level)(LOG_LEVEL_ERROR + 1));
	stage_ledger();
	faults_draw(sim_faults_us());
	faults_select(o->faults);
	ret->failed = !sim_play(ret->why, sizeof(ret->why)) || !judge(ret->why, sizeof(ret->why));
	ret->digest = judge_digest();
	ret->steps = sim.steps;
	ret->leads = sim.lead_limit;
	ret->faults = sim.fault_count;
	memcpy(ret->struck, sim.struck, sizeof(ret->struck));
	memcpy(ret->occurred, sim.occurred, sizeof(ret->occurred));
	faults_write(ret->plan, sizeof(ret->plan));
}

static void read_whole(int fd, void *ret, size_t len)
{
	char *at = ret;

	while (len > 0) {
		ssize_t n = read(fd, at, len);

		if (n <= 0)
			break;
		at += n;
		len -= (size_t)n;
	}
}

static void play_apart(uint64_t seed, const struct options *o, struct outcome *ret)
{
	int ends[2], status;
	pid_t child;

	*ret = (struct outcome){.failed = true};
	if (pipe(ends) != 0)
		abort();
	(void)fflush(NULL);
	child = fork();
	if (child == 0) {
		static struct outcome mine;

		play(seed, o, &mine);
		if (write(ends[1], &mine, sizeof(mine)) != (ssize_t)sizeof(mine))
			_exit(3);
		_exit(0);
	}
	(void)close(ends[1]);
	read_whole(ends[0], ret, sizeof(*ret));
	(void)close(ends[0]);
	(void)waitpid(child, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		ret->failed = true;
		(void)snprintf(ret->why, sizeof(ret->why), "the process ended by %s %d",
			       WIFSIGNALED(status) ? "signal" : "status",
			       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
}

/* --- a smaller one that fails as well --- */

static void list_faults(const bool *keep, int count, char *ret, size_t len)
{
	size_t at = 0;

	(void)snprintf(ret, len, "none");
	for (int i = 1; i <= count && at < len; i++)
		if (keep[i])
			at += (size_t)snprintf(ret + at, len - at, at ? ",%d" : "%d", i);
}

static bool still_fails(uint64_t seed, const struct options *o, uint32_t leads, const bool *keep,
			int count)
{
	static struct outcome smaller;
	struct options changed = *o;
	char list[128];

	list_faults(keep, count, list, sizeof(list));
	changed.faults = list;
	changed.leads = leads;
	changed.verbose = false;
	play_apart(seed, &changed, &smaller);
	return smaller.failed;
}

/* Leaves out faults one by one, then leads by halves, then by one, as long as something fails. */
static void shrink(uint64_t seed, const struct options *o, const struct outcome *found)
{
	bool keep[SIM_FAULTS_MAX + 1];
	uint32_t leads = found->leads, step = leads / 2;
	char list[128];

	if (o->faults || found->leads == 0)
		return;
	memset(keep, true, sizeof(keep));
	for (int i = found->faults; i > 0; i--) {
		keep[i] = false;
		keep[i] = !still_fails(seed, o, leads, keep, found->faults);
	}
	while (step > 0) {
		if (leads > step && still_fails(seed, o, leads - step, keep, found->faults))
			leads -= step;
		else
			step /= 2;
	}
	list_faults(keep, found->faults, list, sizeof(list));
	(void)printf("  smaller: tests/sim/run --seed %llu --leads %u --faults %s%s%s%s%s\n",
		     (unsigned long long)seed, leads, list, o->focus ? " --focus " : "",
		     o->focus ? o->focus : "", o->planted ? " --plant " : "",
		     o->planted ? o->planted : "");
}

/* --- many --- */

static double cpu_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void report(uint64_t seed, const struct options *o, const struct outcome *out)
{
	(void)printf("seed %llu FAILED: %s\n%s", (unsigned long long)seed, out->why, out->plan);
	if (!o->quiet)
		shrink(seed, o, out);
	(void)fflush(stdout);
}

/* One seed is one run, bit for bit, in whichever process, at whatever addresses. */
static void compare_twice(uint64_t seed, const struct options *o, struct outcome *out)
{
	static struct outcome again;

	play_apart(seed, o, &again);
	if (out->failed || (again.digest == out->digest && again.steps == out->steps))
		return;
	out->failed = true;
	(void)snprintf(out->why, sizeof(out->why),
		       "played twice, it came to %016llx in %llu steps, and to %016llx in %llu",
		       (unsigned long long)out->digest, (unsigned long long)out->steps,
		       (unsigned long long)again.digest, (unsigned long long)again.steps);
}

static bool play_all(const struct options *o)
{
	static struct outcome out;
	uint64_t failed = 0, steps = 0, struck = 0, played = 0;
	uint64_t occurred[OCCURRENCES] = {0};
	double began = cpu_s();

	for (uint64_t i = 0; (o->forever || i < o->count) && !stop; i++) {
		play_apart(o->first + i, o, &out);
		if (o->twice)
			compare_twice(o->first + i, o, &out);
		played++;
		steps += out.steps;
		for (int k = 0; k < FAULT_KINDS; k++)
			struck += out.struck[k];
		for (int k = 0; k < OCCURRENCES; k++)
			occurred[k] += out.occurred[k];
		if (o->digest)
			(void)printf("seed %llu digest %016llx\n",
				     (unsigned long long)(o->first + i),
				     (unsigned long long)out.digest);
		if (!out.failed)
			continue;
		failed++;
		report(o->first + i, o, &out);
		if (o->planted || failed >= 5)
			break;
	}
	(void)printf("%llu seeds, %llu failed, %llu steps, %llu faults, %.1f seeds/s\n",
		     (unsigned long long)played, (unsigned long long)failed,
		     (unsigned long long)steps, (unsigned long long)struck,
		     (double)played / (cpu_s() - began));
	return (!o->all_occur || occurs_print(occurred)) && failed == 0;
}

static const struct {
	const char *name;
	uint64_t seeds;
	const char *focus;
	const char *what;
} planted[] = {
#define PLANTED(bug, within, at, text) {#bug, within, at, text},
#include "planted.def"
#undef PLANTED
};

/* Each bug by itself, from the first seed on until one of them fails. */
static bool find_planted(const struct options *o)
{
	static struct outcome out;
	bool all = true;

	for (size_t i = 0; i < ARRAY_LEN(planted) && !stop; i++) {
		uint64_t limit = o->count ? o->count : planted[i].seeds, n = 0;
		struct options one = *o;

		one.planted = planted[i].name;
		if (!one.focus)
			one.focus = planted[i].focus;
		do {
			play_apart(o->first + n++, &one, &out);
		} while (!out.failed && n < limit && !stop);
		all = all && out.failed;
		(void)printf("%-20s %s %5llu seeds: %s\n", planted[i].name,
			     out.failed ? "found within" : "NOT FOUND in", (unsigned long long)n,
			     out.failed ? out.why : planted[i].what);
		(void)fflush(stdout);
	}
	return all;
}

static void usage(void)
{
	(void)fprintf(stderr,
		      "tests/sim/run [--seed N] [--count N] [--leads K] [--faults LIST|none]\n"
		      "              [--plant BUG] [--planted] [--focus SERVICE|none] [--twice] "
		      "[--forever] [--verbose] "
		      "[--digest] [--quiet] [--all-occur]\n");
	exit(64);
}

static const struct option names[] = {
    {"seed", required_argument, NULL, 's'},  {"count", required_argument, NULL, 'n'},
    {"leads", required_argument, NULL, 'l'}, {"faults", required_argument, NULL, 'f'},
    {"plant", required_argument, NULL, 'p'}, {"forever", no_argument, NULL, 'e'},
    {"verbose", no_argument, NULL, 'v'},     {"digest", no_argument, NULL, 'd'},
    {"planted", no_argument, NULL, 'P'},     {"focus", required_argument, NULL, 'F'},
    {"twice", no_argument, NULL, 't'},       {"quiet", no_argument, NULL, 'q'},
    {"all-occur", no_argument, NULL, 'o'},   {0},
};

static void parse(int argc, char **argv, struct options *o)
{
	bool one = false, many = false;
	int c;

	*o = (struct options){.first = 1, .count = 1000};
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 's':
			o->first = strtoull(optarg, NULL, 10);
			one = true;
			break;
		case 'n':
			o->count = strtoull(optarg, NULL, 10);
			many = true;
			break;
		case 'l':
			o->leads = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'f':
			o->faults = optarg;
			break;
		case 'p':
			o->planted = optarg;
			break;
		case 'e':
			o->forever = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'd':
			o->digest = true;
			break;
		case 't':
			o->twice = true;
			break;
		case 'P':
			o->planted_all = true;
			break;
		case 'F':
			o->focus = optarg;
			break;
		case 'o':
			o->all_occur = true;
			break;
		case 'q':
			o->quiet = true;
			break;
		default:
			usage();
		}
	}
	if (optind < argc || (o->focus && !faults_can_focus(o->focus)))
		usage();
	if (o->planted_all && !many)
		o->count = 0; /* each has a limit of its own */
	else if (one && !many && !o->forever)
		o->count = 1;
}

int main(int argc, char **argv)
{
	struct options o;
	bool fine;

	parse(argc, argv, &o);
	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGINT, on_signal);
	/* Services ask for large tables of which a seed fills little: what comes from the kernel is zero without being touched. */
	(void)mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	sim.folder = stage_set();
	fine = o.planted_all ? find_planted(&o) : play_all(&o);
	stage_clear();
	return fine ? 0 : 1;
}
