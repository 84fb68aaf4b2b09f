/* punnet keys: the keys of the days' contacts: made ahead, and destroyed by schedule. One process does it, the operator's, once a
 * day (cron, a timer; the local stack does it itself): services make no decision about keys, they find them gone.
 *
 * A destruction is a file first (the marker, then the key is overwritten and removed) and an entry of the directory after it. What
 * was interrupted in between is told by the next run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "runtime/clock.h"
#include "runtime/keyring.h"
#include "tool.h"

#define LEAP_MAX_DAYS      60 /* a clock so far ahead of the newest key is not believed */
#define ERASURE_SLACK_DAYS 2  /* past its last key: no topic holds a lead that it is about */

struct keys {
	struct tool *tool;
	struct keyring *keyring;
	struct directory *directory; /* NULL: the brokers are away */
	const char *who;
	bool dry_run, destroy_today;
	uint32_t today, key_days, ahead;
	struct keyring_day *days;
	size_t count;
	size_t made, destroyed, told, cleared;
	struct error error;
};

static int fail(struct keys *k, enum result r)
{
	return tool_fail("keys", r, &k->error);
}

static bool find_day(const struct keys *k, uint32_t day)
{
	for (size_t i = 0; i < k->count; i++)
		if (k->days[i].day == day)
			return true;
	return false;
}

/* --- list --- */

static const char *state_of(const struct keys *k, const struct keyring_day *d)
{
	if (d->destroyed)
		return "destroyed";
	if (d->day > k->today)
		return "ahead";
	if (d->day == k->today)
		return "in use";
	return d->day + k->key_days <= k->today ? "overdue" : "kept";
}

static int list(struct keys *k)
{
	bool overdue = false;

	for (size_t i = 0; i < k->count; i++) {
		const struct keyring_day *d = &k->days[i];
		char day[KEYRING_DATE_LEN + 1], end[KEYRING_DATE_LEN + 1];
		const char *state = state_of(k, d);
		const Punnet__V1__DirectoryEntry *told = NULL;

		keyring_date(d->day, day);
		keyring_date(d->day + k->key_days, end);
		if (k->directory && d->destroyed)
			told = directory_get(k->directory, "key", slice_cstr(day));
		overdue |= strcmp(state, "overdue") == 0;
		if (k->tool->json)
			printf("{\"day\":\"%s\",\"state\":\"%s\",\"until\":\"%s\"}\n", day, state,
			       end);
		else if (d->destroyed)
			printf("%s  destroyed%s%s\n", day, told ? " by " : "",
			       told ? told->key_destroyed->who : "");
		else
			printf("%s  %-9s until %s\n", day, state, end);
	}
	return overdue ? TOOL_FOUND : TOOL_DONE;
}

/* --- destroying --- */

static enum result destroy_day(struct keys *k, struct keyring_day *d)
{
	char day[KEYRING_DATE_LEN + 1];
	enum result r = RESULT_OK;

	keyring_date(d->day, day);
	if (!k->dry_run)
		r = keyring_destroy_day(k->keyring, d->day, &k->error);
	if (r != RESULT_OK)
		return r;
	d->destroyed = !k->dry_run;
	k->destroyed++;
	if (!k->tool->json)
		printf("%s: %s\n", day, k->dry_run ? "would be destroyed" : "destroyed");
	return RESULT_OK;
}

/* A backup that was put back may bring a key back; what the directory calls destroyed stays so. */
static bool was_destroyed(const struct keys *k, uint32_t day)
{
	char date[KEYRING_DATE_LEN + 1];

	keyring_date(day, date);
	return k->directory && directory_get(k->directory, "key", slice_cstr(date));
}

static enum result destroy_before(struct keys *k, uint32_t before)
{
	enum result r = RESULT_OK;

	for (size_t i = 0; i < k->count && r == RESULT_OK; i++) {
		struct keyring_day *d = &k->days[i];

		if (!d->destroyed && (d->day < before || was_destroyed(k, d->day)))
			r = destroy_day(k, d);
	}
	return r;
}

static enum result tell_day(struct keys *k, uint32_t day)
{
	Punnet__V1__DirectoryEntry entry = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__KeyDestroyed gone = PUNNET__V1__KEY_DESTROYED__INIT;
	char date[KEYRING_DATE_LEN + 1], id[KEYRING_DATE_LEN + sizeof("key/")];

	keyring_date(day, date);
	if (directory_get(k->directory, "key", slice_cstr(date)))
		return RESULT_OK;
	snprintf(id, sizeof(id), "key/%s", date);
	gone.destroyed_at_ms = clock_now_ms();
	gone.who = (char *)k->who;
	entry.id = id;
	entry.revision = 1;
	entry.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_KEY_DESTROYED;
	entry.key_destroyed = &gone;
	k->told++;
	return tool_produce(k->tool, "directory", 0, slice_cstr(id), &entry.base, &k->error);
}

/* Whatever is destroyed and not in the directory yet, of this run or of one that was cut off. */
static enum result tell(struct keys *k)
{
	enum result r = RESULT_OK;

	if (k->dry_run)
		return RESULT_OK;
	if (!k->directory)
		return error_set(&k->error, RESULT_AWAY,
				 "the directory can't be reached: what is destroyed is told by the "
				 "next run");
	for (size_t i = 0; i < k->count && r == RESULT_OK; i++)
		if (k->days[i].destroyed)
			r = tell_day(k, k->days[i].day);
	return r;
}

static enum result clear_erasures(struct keys *k)
{
	const Punnet__V1__DirectoryEntry *e;
	enum result r = RESULT_OK;

	for (size_t i = 0; k->directory && r == RESULT_OK && directory_at(k->directory, i, &e);
	     i++) {
		if (e->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ERASURE ||
		    time_day(e->erasure->erased_at_ms) + k->key_days + ERASURE_SLACK_DAYS >
			k->today)
			continue;
		k->cleared++;
		if (!k->dry_run)
			r = tool_forget(k->tool, "directory", 0, slice_cstr(e->id), &k->error);
	}
	return r;
}

static int finish(struct keys *k, enum result r)
{
	if (r == RESULT_OK && !k->dry_run)
		r = tool_flush(k->tool, &k->error);
	printf(k->tool->json
		   ? "{\"made\":%zu,\"destroyed\":%zu,\"told\":%zu,\"erasures_cleared\":%zu}\n"
		   : "%zu made, %zu destroyed, %zu told to the directory, %zu erasures cleared\n",
	       k->made, k->destroyed, k->told, k->cleared);
	return r == RESULT_OK ? TOOL_DONE : fail(k, r);
}

static int destroy(struct keys *k, const char *text)
{
	uint32_t before;
	enum result r;

	if (!text || !keyring_date_read(slice_cstr(text), &before))
		return tool_usage("keys", "expected --before DATE, for example 2026-11-22");
	if (before > k->today + (k->destroy_today ? 1 : 0))
		return tool_usage("keys",
				  "--before %s: today's key is in use, and without it the "
				  "front door takes nothing in until midnight (UTC); "
				  "--with-today means it",
				  text);
	r = destroy_before(k, before);
	if (r == RESULT_OK)
		r = tell(k);
	return finish(k, r);
}

/* --- making --- */

static enum result make_ahead(struct keys *k)
{
	for (uint32_t day = k->today; day <= k->today + k->ahead; day++) {
		if (find_day(k, day))
			continue;
		k->made++;
		if (!k->dry_run && !keyring_day_key(k->keyring, day, true))
			return error_set(&k->error, RESULT_BAD, "the key of %s can't be made",
					 day == k->today ? "today" : "a day ahead");
	}
	return RESULT_OK;
}

/* A clock that is wrong must not cost every contact. */
static enum result check_clock(struct keys *k)
{
	char newest[KEYRING_DATE_LEN + 1], today[KEYRING_DATE_LEN + 1];

	if (k->count == 0 || k->today <= k->days[k->count - 1].day + LEAP_MAX_DAYS)
		return RESULT_OK;
	keyring_date(k->today, today);
	keyring_date(k->days[k->count - 1].day, newest);
	return error_set(&k->error, RESULT_BAD,
			 "the clock says %s, and the newest key is of %s: nothing is done. If the "
			 "clock is right, `punnet keys destroy --before DATE` destroys, and the "
			 "front door makes today's key",
			 today, newest);
}

static int rotate(struct keys *k)
{
	enum result r = check_clock(k);

	if (r == RESULT_OK)
		r = make_ahead(k);
	if (r == RESULT_OK && k->today >= k->key_days)
		r = destroy_before(k, k->today - k->key_days + 1);
	if (r == RESULT_OK)
		r = tell(k);
	if (r == RESULT_OK)
		r = clear_erasures(k);
	return finish(k, r);
}

/* --- the command --- */

static int run_verb(struct keys *k, const char *verb, const char *before)
{
	if (keyring_days(k->keyring, &k->days, &k->count, &k->error) != RESULT_OK)
		return fail(k, RESULT_BAD);
	if (strcmp(verb, "list") == 0)
		return list(k);
	return strcmp(verb, "rotate") == 0 ? rotate(k) : destroy(k, before);
}

static bool is_verb(const char *verb)
{
	return strcmp(verb, "list") == 0 || strcmp(verb, "rotate") == 0 ||
	       strcmp(verb, "destroy") == 0;
}

int command_keys(struct tool *t, int argc, char **argv)
{
	const char *before = tool_option(&argc, argv, "--before");
	struct keys k = {
	    .tool = t,
	    .who = tool_option(&argc, argv, "--who"),
	    .dry_run = tool_flag(&argc, argv, "--dry-run"),
	    .destroy_today = tool_flag(&argc, argv, "--with-today"),
	    .today = time_day(clock_now_ms()),
	    .key_days = (uint32_t)config_int(t->config, "privacy", "key_days"),
	    .ahead = (uint32_t)config_int(t->config, "privacy", "keys_ahead"),
	};
	struct error no_directory = {0};
	int status;

	if (argc != 2 || !is_verb(argv[1]))
		return tool_usage("keys", "expected list, rotate, or destroy --before DATE");
	if (!k.who)
		k.who = getenv("USER") ? getenv("USER") : "schedule";
	/* rotate is also what makes the first keys */
	k.keyring = keyring_open(config_text(t->config, "common", "keys_dir"),
				 strcmp(argv[1], "rotate") == 0 && !k.dry_run, &k.error);
	if (!k.keyring)
		return fail(&k, RESULT_BAD);
	if (tool_bus(t, "keys"))
		k.directory = directory_open(t->bus, TOOL_TIMEOUT_MS, &no_directory);
	status = run_verb(&k, argv[1], before);
	free(k.days);
	directory_close(k.directory);
	keyring_free(k.keyring);
	return status;
}
