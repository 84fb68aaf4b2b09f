/* fault: reads PUNNET_FAULT once and answers from it. Only in builds with PUNNET_FAULTS.
 *
 * An entry of the list that is longer than FAULT_NAME_MAX, or past FAULTS_MAX, is a mistake in a test and ends it. */
#include "fault.h"

#ifdef PUNNET_FAULTS

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULTS_MAX     16
#define FAULT_NAME_MAX 64

struct fault {
	char name[FAULT_NAME_MAX]; /* of a fault, or of a point */
	bool crash;
	long left; /* passages until the crash */
};

static struct fault faults[FAULTS_MAX];
static size_t fault_count;
static bool loaded;

static void load_one(const char *text)
{
	struct fault *f = &faults[fault_count];
	const char *colon;

	assert(fault_count < FAULTS_MAX && strlen(text) < FAULT_NAME_MAX);
	if (strncmp(text, "crash_at:", 9) != 0) {
		(void)snprintf(f->name, sizeof(f->name), "%s", text);
		fault_count++;
		return;
	}
	text += 9;
	colon = strrchr(text, ':');
	f->crash = true;
	f->left = colon ? strtol(colon + 1, NULL, 10) : 1;
	(void)snprintf(f->name, sizeof(f->name), "%.*s",
		       colon ? (int)(colon - text) : FAULT_NAME_MAX, text);
	fault_count++;
}

static void load(void)
{
	const char *env = getenv("PUNNET_FAULT");
	char *text, *rest, *one;

	loaded = true;
	if (!env)
		return;
	text = rest = strdup(env);
	assert(text);
	while ((one = strsep(&rest, ",")))
		if (*one)
			load_one(one);
	free(text);
}

static struct fault *find(const char *name, bool crash)
{
	if (!loaded)
		load();
	for (size_t i = 0; i < fault_count; i++)
		if (faults[i].crash == crash && strcmp(faults[i].name, name) == 0)
			return &faults[i];
	return NULL;
}

bool fault_on(const char *name)
{
	return find(name, false) != NULL;
}

void fault_point(const char *point)
{
	struct fault *f = find(point, true);

	if (f && --f->left == 0)
		(void)kill(getpid(), SIGKILL);
}

#else
int fault_none(void); /* a file of C is never empty */
int fault_none(void)
{
	return 0;
}
#endif
