/* fault: reads PUNNET_FAULT once and answers from it. Only in builds with PUNNET_FAULTS.
 *
 * An entry of the list that is longer than FAULT_NAME_MAX, or past FAULTS_MAX, is a mistake in a test and ends it.
 *
 * A process that is started again has PUNNET_FAULT again, and dies again. A death that is to come once is ordered by a file
 * instead, in the folder PUNNET_FAULT_ONCE: whoever takes the file away is the one to die. */
#include "fault.h"

#ifdef PUNNET_FAULTS

#include <limits.h>
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
static const char *once_folder;
static struct fault once; /* the order at hand */

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
	once_folder = getenv("PUNNET_FAULT_ONCE");
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

/* Counts from when the file was first seen. */
static bool is_ordered(const char *point)
{
	char path[PATH_MAX], text[24] = "";
	FILE *file;

	assert(strlen(point) < FAULT_NAME_MAX);
	(void)snprintf(path, sizeof(path), "%s/%s", once_folder, point);
	if (strcmp(once.name, point) != 0 || once.left <= 0) {
		file = fopen(path, "r");
		if (!file)
			return false;
		(void)snprintf(once.name, sizeof(once.name), "%s", point);
		once.left = fgets(text, sizeof(text), file) ? strtol(text, NULL, 10) : 1;
		(void)fclose(file);
	}
	return --once.left <= 0 && unlink(path) == 0;
}

void fault_point(const char *point)
{
	struct fault *f = find(point, true);

	if ((f && --f->left == 0) || (once_folder && is_ordered(point)))
		(void)kill(getpid(), SIGKILL);
}

#else
int fault_none(void); /* a file of C is never empty */
int fault_none(void)
{
	return 0;
}
#endif
