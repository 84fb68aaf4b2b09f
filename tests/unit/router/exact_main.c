/* router_exact [--leads N] [--seed S] | --controls [--seeds N]: see exact.h.
 *
 * --controls breaks each thing on purpose, a constraint at a time among them, and wants it found with each of the seeds from 1 on. Only
 * builds with faults can. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exact.h"
#include "exact_run.h"
#include "router/core/rank.h"

#define CONTROL_LEADS 250000 /* at most: most are found within 30,000 */
#define CONTROL_SEEDS 5

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
struct control {
	const char *what;
	enum exact_fault fault;
	enum constraint_id off; /* CONSTRAINTS = none */
	bool lowers_nobody;
};

/* In a process of its own: what is found ends it. */
static bool is_found(const struct control *c, uint64_t seed)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "w", stderr)) /* what it says is what was wanted */
			_exit(2);
		constraint_switch_off(c->off);
		rank_lowering_switch_off(c->lowers_nobody);
		(void)exact_run(CONTROL_LEADS, seed, c->fault);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static int try_control(const struct control *c, uint64_t seeds)
{
	uint64_t missed = 0;

	for (uint64_t seed = 1; seed <= seeds; seed++) {
		if (is_found(c, seed))
			continue;
		fprintf(stderr, "%s: nothing was found with seed %" PRIu64 "\n", c->what, seed);
		missed++;
	}
	printf("%s: found with %" PRIu64 " of %" PRIu64 " seeds\n", c->what, seeds - missed, seeds);
	return missed > 0;
}

static int controls(uint64_t seeds)
{
	/* Without those that the index asks for by itself, as `country`: the model test has them. */
	static const enum constraint_id off[] = {
	    CONSTRAINT_already_offered, CONSTRAINT_active,        CONSTRAINT_sharing,
	    CONSTRAINT_cap_total,       CONSTRAINT_budget_total,  CONSTRAINT_funds,
	    CONSTRAINT_cap_month,       CONSTRAINT_cap_week,      CONSTRAINT_cap_day,
	    CONSTRAINT_budget_day,      CONSTRAINT_cap_webmaster, CONSTRAINT_cap_hour,
	};
	static const struct control others[] = {
	    {"a lowered advertiser ranks by its price", EXACT_NO_FAULT, CONSTRAINTS, true},
	    {"repeats that count", EXACT_REPEATS_COUNT, CONSTRAINTS, false},
	    {"snapshots before decisions are out", EXACT_EARLY_SNAPSHOT, CONSTRAINTS, false},
	    {"commits before decisions are out", EXACT_EARLY_COMMIT, CONSTRAINTS, false},
	};
	int missed = 0;

	for (size_t i = 0; i < ARRAY_LEN(off); i++) {
		const struct control c = {constraint_name(off[i]), EXACT_NO_FAULT, off[i], false};

		missed |= try_control(&c, seeds);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		missed |= try_control(&others[i], seeds);
	return missed;
}
#else
static int controls(_unused_ uint64_t seeds)
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
	uint64_t leads = 50000, seed = 1, seeds = CONTROL_SEEDS;
	bool with_controls = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--controls") == 0)
			with_controls = true;
		else if (i + 1 == argc)
			return 2;
		else if (strcmp(argv[i], "--leads") == 0)
			leads = number(argv[++i]);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = number(argv[++i]);
		else if (strcmp(argv[i], "--seeds") == 0)
			seeds = number(argv[++i]);
		else
			return 2;
	}
	return with_controls ? controls(seeds) : run(leads, seed);
}
