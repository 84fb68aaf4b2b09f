/* router_exact [--leads N] [--seed S] | --controls: see exact.h.
 *
 * --controls breaks each thing on purpose, a constraint at a time among them, and wants it found. Only builds with faults can. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exact.h"
#include "exact_run.h"
#include "router/core/constraint.h"

#define CONTROL_LEADS 30000

static int run(uint64_t leads, uint64_t seed)
{
	struct exact_outcome o = exact_run(leads, seed, EXACT_NO_FAULT);

	printf("%" PRIu64 " leads, %" PRIu64 " records: %" PRIu64 " sales, %" PRIu64 " unsold\n",
	       o.leads, o.records, o.sold, o.unsold);
	printf("instances killed %" PRIu64 ", frozen %" PRIu64 ", started beside another %" PRIu64
	       "; snapshots %" PRIu64 "; decisions published again %" PRIu64 "\n",
	       o.kills, o.freezes, o.doubles, o.snapshots, o.repeats);
	printf(
	    "no limit was passed at any record; all instances end as the undisturbed one: digest "
	    "%016" PRIx64 "\n",
	    o.digest);
	return 0;
}

#ifdef PUNNET_FAULTS
/* In a process of its own: what is found ends it. */
static bool is_found(const char *what, enum exact_fault fault, enum constraint_id off)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		constraint_switch_off(off);
		(void)exact_run(CONTROL_LEADS, 1, fault);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		return true;
	fprintf(stderr, "%s: nothing was found\n", what);
	return false;
}

static int controls(void)
{
	/* Without those that the index asks for by itself, as `country`: the model test has them. */
	static const enum constraint_id off[] = {
	    CONSTRAINT_already_offered, CONSTRAINT_active,        CONSTRAINT_sharing,
	    CONSTRAINT_cap_total,       CONSTRAINT_budget_total,  CONSTRAINT_funds,
	    CONSTRAINT_cap_month,       CONSTRAINT_cap_week,      CONSTRAINT_cap_day,
	    CONSTRAINT_budget_day,      CONSTRAINT_cap_webmaster, CONSTRAINT_cap_hour,
	};
	static const char *const faults[EXACT_FAULTS] = {
	    [EXACT_REPEATS_COUNT] = "repeats that count",
	    [EXACT_EARLY_SNAPSHOT] = "snapshots before decisions are out",
	    [EXACT_EARLY_COMMIT] = "commits before decisions are out",
	};
	int missed = 0;

	for (size_t i = 0; i < ARRAY_LEN(off); i++)
		missed += !is_found(constraint_name(off[i]), EXACT_NO_FAULT, off[i]);
	for (enum exact_fault f = EXACT_REPEATS_COUNT; f < EXACT_FAULTS; f++)
		missed += !is_found(faults[f], f, CONSTRAINTS);
	return missed > 0;
}
#else
static int controls(void)
{
	fprintf(stderr, "this build has no faults to make\n");
	return 2;
}
#endif

static uint64_t number(const char *text)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (*end || n == 0) {
		fprintf(stderr, "%s is not a number above 0\n", text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	uint64_t leads = 50000, seed = 1;

	if (argc == 2 && strcmp(argv[1], "--controls") == 0)
		return controls();
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--leads") == 0)
			leads = number(argv[i + 1]);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = number(argv[i + 1]);
		else
			return 2;
	}
	return run(leads, seed);
}
