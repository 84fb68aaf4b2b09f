/* stage: the folder that all seeds share: keys, configuration, rules, an empty ledger. On a file system in memory: nothing here is
 * about disks. */
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "runtime/keyring.h"
#include "sim.h"

#define DAYS 6 /* that a seed may last, clocks that jump included */

static char folder[64];

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

static void write_config(void)
{
	char text[1024];

	(void)snprintf(
	    text, sizeof(text),
	    "common: {kafka: \"kafka://sim\", redis: \"redis://sim\", db: "
	    "\"postgres://%s/ledger.db\", keys_dir: \"%s/keys\", log_level: error, "
	    "ack_watchdog: 8s}\n"
	    "collector: {ack_timeout: 1s, message_timeout: 2s, max_unacked: 200}\n"
	    "filter-worker: {ruleset: \"%s/rules.yaml\", dns: \"off\", batch_leads: 12, "
	    "max_in_flight: 1000}\n"
	    "router: {snapshot_every: 1s, snapshot_events: 100, snapshot_in_place: 5}\n"
	    "delivery: {retry_schedule: \"1s\", max_open_tasks: 200, answer_timeout: 1s}\n"
	    "payout: {batch_size: 8, hold_days: 1, return_window_days: 1, due_every: 5s, "
	    "verdict_lines_every: 2s}\n",
	    folder, folder, folder);
	write_file("punnet.yaml", text);
	write_file(
	    "rules.yaml",
	    "reject_at: 60\n"
	    "quarantine_at: 30\n"
	    "quarantine_for: 1m\n"
	    "quarantine_then: accept\n"
	    "filters:\n"
	    "  - resubmission: {action: reject, weight: 100, window: 60s, idempotency_window: "
	    "24h}\n"
	    "  - phone_duplicate: {action: reject, weight: 100, scope: vertical, window: 90d}\n"
	    "  - email_duplicate: {action: reject, weight: 100, scope: vertical, window: 90d}\n"
	    "  - honeypot: {action: reject, weight: 100}\n"
	    "  - fill_time: {action: score, weight: 40, reject_below: 0s, score_below: 5s}\n");
}

static void make_keys(void)
{
	struct error e = {0};
	char path[128];
	struct keyring *k;

	(void)snprintf(path, sizeof(path), "%s/keys", folder);
	k = keyring_open(path, true, &e);
	if (!k) {
		(void)fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	for (int day = -1; day < DAYS; day++)
		if (!keyring_day_key(k, (uint32_t)(time_day(SIM_BASE_MS) + day), true))
			exit(1);
	keyring_free(k);
}

static void copy_file(const char *from, const char *to)
{
	char room[65536];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	size_t n;

	if (!in || !out) {
		perror(to);
		exit(1);
	}
	while ((n = fread(room, 1, sizeof(room), in)) > 0)
		if (fwrite(room, 1, n, out) != n)
			exit(1);
	(void)fclose(in);
	if (fclose(out) != 0)
		exit(1);
}

static void ledger_path(const char *name, char ret[128])
{
	(void)snprintf(ret, 128, "%s/%s", folder, name);
}

void stage_ledger(void)
{
	static const char *const old[] = {"ledger.db-wal", "ledger.db-shm"};
	char from[128], to[128];

	for (size_t i = 0; i < ARRAY_LEN(old); i++) {
		ledger_path(old[i], to);
		(void)unlink(to);
	}
	ledger_path("empty.db", from);
	ledger_path("ledger.db", to);
	copy_file(from, to);
}

const char *stage_set(void)
{
	char path[128];

	(void)snprintf(folder, sizeof(folder), "%s/punnet-sim-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(folder)) {
		perror(folder);
		exit(1);
	}
	write_config();
	make_keys();
	ledger_path("empty.db", path);
	stage_make_ledger(path);
	return folder;
}

void stage_clear(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		(void)fprintf(stderr, "%s is left\n", folder);
}
