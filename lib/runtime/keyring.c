/* keyring: see keyring.h.
 *
 * A key is made in a file of its own and then linked to its name: link(2) fails when the name is there, so that of
 * two processes that make the same key at the same moment one wins, and both read the winner's. The file and the
 * folder are on the disk before anything is sealed with the key. */
#include "keyring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/timefmt.h"
#include "clock.h"

#define KEY_LEN             32
#define KEYRING_CACHED_DAYS 64
#define KEYRING_FILES_MAX   40000 /* a hundred years */
#define KEYRING_TRUST_MS    10000 /* a cached key is used so long without a look at its file */

static_assert(KEY_LEN == SEAL_KEY_LEN && KEY_LEN == FINGERPRINT_KEY_LEN, "all keys are alike");

struct day_key {
	bool used;
	uint32_t day;
	int64_t seen_ms;
	uint8_t key[KEY_LEN];
};

struct keyring {
	char dir[PATH_MAX - 64];
	uint8_t master[KEY_LEN], fingerprint[KEY_LEN];
	struct day_key days[KEYRING_CACHED_DAYS];
	size_t next; /* the slot to be overwritten next */
};

enum found { FOUND, MISSING, BROKEN };

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static bool sync_folder(const char *dir)
{
	_cleanup_(close_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0;
}

static enum found read_key(const char *path, uint8_t ret[KEY_LEN])
{
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[2 * KEY_LEN + 2];
	size_t len;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? MISSING : BROKEN;
	n = read(fd, text, sizeof(text));
	if (n < 2 * KEY_LEN || (n > 2 * KEY_LEN && text[2 * KEY_LEN] != '\n'))
		return BROKEN;
	if (sodium_hex2bin(ret, KEY_LEN, text, 2 * KEY_LEN, NULL, &len, NULL) != 0 ||
	    len != KEY_LEN)
		return BROKEN;
	sodium_memzero(text, sizeof(text));
	return FOUND;
}

static bool write_new(const char *path)
{
	_cleanup_(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	uint8_t key[KEY_LEN];
	char text[2 * KEY_LEN + 1];
	bool ok;

	if (fd < 0)
		return false;
	clock_random(key, sizeof(key));
	sodium_bin2hex(text, sizeof(text), key, sizeof(key));
	text[2 * KEY_LEN] = '\n';
	ok = write(fd, text, sizeof(text)) == (ssize_t)sizeof(text) && fsync(fd) == 0;
	sodium_memzero(key, sizeof(key));
	sodium_memzero(text, sizeof(text));
	return ok;
}

/* true when the name is there afterwards, whoever made it. errno says why not. */
static bool make_key(const char *dir, const char *path)
{
	char temporary[PATH_MAX];
	uint64_t random;
	bool made;
	int e;

	clock_random(&random, sizeof(random));
	snprintf(temporary, sizeof(temporary), "%s/new-%016llx", dir, (unsigned long long)random);
	made = write_new(temporary) && (link(temporary, path) == 0 || errno == EEXIST);
	e = errno;
	unlink(temporary);
	errno = e;
	return made && sync_folder(dir);
}

static bool make_folder(const char *dir)
{
	return mkdir(dir, 0700) == 0 || errno == EEXIST;
}

static enum result load_key(const struct keyring *k, const char *name, bool make,
			    uint8_t ret[KEY_LEN], struct error *ret_error)
{
	char path[PATH_MAX];
	enum found found;

	snprintf(path, sizeof(path), "%s/%s", k->dir, name);
	found = read_key(path, ret);
	if (found == MISSING && make) {
		if (!make_key(k->dir, path))
			return error_set(ret_error, RESULT_BAD, "%s: can't be made: %s", path,
					 strerror(errno));
		found = read_key(path, ret);
	}
	if (found == MISSING)
		return error_set(ret_error, RESULT_BAD,
				 "%s: no such key; `punnet keys rotate` makes the first ones",
				 path);
	if (found == BROKEN)
		return error_set(ret_error, RESULT_BAD,
				 "%s: expected a readable file of 64 hex digits", path);
	return RESULT_OK;
}

struct keyring *keyring_open(const char *dir, bool make, struct error *ret_error)
{
	struct keyring *k = calloc(1, sizeof(*k));
	char seals[PATH_MAX];

	assert(k);
	if ((size_t)snprintf(k->dir, sizeof(k->dir), "%s", dir) >= sizeof(k->dir)) {
		(void)error_set(ret_error, RESULT_BAD, "keys_dir: the path is too long");
		goto failed;
	}
	snprintf(seals, sizeof(seals), "%s/seal", dir);
	if (make && (!make_folder(dir) || !make_folder(seals))) {
		(void)error_set(ret_error, RESULT_BAD, "%s: can't be made: %s", seals,
				strerror(errno));
		goto failed;
	}
	if (load_key(k, "master.key", make, k->master, ret_error) != RESULT_OK ||
	    load_key(k, "fingerprint.key", make, k->fingerprint, ret_error) != RESULT_OK)
		goto failed;
	return k;
failed:
	keyring_free(k);
	return NULL;
}

void keyring_free(struct keyring *k)
{
	if (!k)
		return;
	sodium_memzero(k, sizeof(*k));
	free(k);
}

const uint8_t *keyring_fingerprint_key(const struct keyring *k)
{
	return k->fingerprint;
}

const uint8_t *keyring_master_key(const struct keyring *k)
{
	return k->master;
}

void keyring_date(uint32_t day, char ret[KEYRING_DATE_LEN + 1])
{
	char text[TIME_TEXT_LEN + 1];

	time_text((int64_t)day * MS_PER_DAY, text);
	memcpy(ret, text, KEYRING_DATE_LEN);
	ret[KEYRING_DATE_LEN] = '\0';
}

bool keyring_date_read(struct slice text, uint32_t *ret_day)
{
	char moment[KEYRING_DATE_LEN + sizeof("T00:00:00Z")];
	int64_t ms;

	if (text.len != KEYRING_DATE_LEN)
		return false;
	snprintf(moment, sizeof(moment), SLICE_FMT "T00:00:00Z", SLICE_ARG(text));
	if (!time_parse_rfc3339(slice_cstr(moment), &ms))
		return false;
	*ret_day = time_day(ms);
	return true;
}

/* seal/2026-11-22.key */
static void day_path(const struct keyring *k, uint32_t day, const char *ending, char ret[PATH_MAX])
{
	char date[KEYRING_DATE_LEN + 1];

	keyring_date(day, date);
	snprintf(ret, PATH_MAX, "%s/seal/%s.%s", k->dir, date, ending);
}

static bool is_destroyed(const struct keyring *k, uint32_t day)
{
	char marker[PATH_MAX];

	day_path(k, day, "destroyed", marker);
	return access(marker, F_OK) == 0;
}

static struct day_key *cached(struct keyring *k, uint32_t day)
{
	for (size_t i = 0; i < KEYRING_CACHED_DAYS; i++) {
		if (k->days[i].used && k->days[i].day == day)
			return &k->days[i];
	}
	return NULL;
}

/* The key in its file, or made there. Another process may destroy the day meanwhile: the marker is the last word. */
static bool fetch_day(struct keyring *k, uint32_t day, bool make, uint8_t ret[KEY_LEN])
{
	char path[PATH_MAX], seals[PATH_MAX];
	enum found found;

	if (is_destroyed(k, day))
		return false;
	day_path(k, day, "key", path);
	found = read_key(path, ret);
	if (found == MISSING && make) {
		snprintf(seals, sizeof(seals), "%s/seal", k->dir);
		if (!make_folder(seals) || !make_key(seals, path))
			return false;
		if (is_destroyed(k, day)) {
			unlink(path);
			return false;
		}
		found = read_key(path, ret);
	}
	return found == FOUND;
}

const uint8_t *keyring_day_key(struct keyring *k, uint32_t day, bool make)
{
	struct day_key *d = cached(k, day);
	int64_t now = clock_monotonic_ms();

	if (d && now - d->seen_ms < KEYRING_TRUST_MS)
		return d->key;
	if (!d) {
		d = &k->days[k->next];
		k->next = (k->next + 1) % KEYRING_CACHED_DAYS;
	}
	sodium_memzero(d, sizeof(*d));
	if (!fetch_day(k, day, make, d->key)) {
		sodium_memzero(d, sizeof(*d));
		return NULL;
	}
	d->used = true;
	d->day = day;
	d->seen_ms = now;
	return d->key;
}

/* The bytes of the key give way to others where they lie, for whoever reads the disk, and for a second name of the file that a
 * crash left behind. */
static bool overwrite(const char *path)
{
	_cleanup_(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
	char text[2 * KEY_LEN];

	if (fd < 0)
		return errno == ENOENT;
	memset(text, '0', sizeof(text));
	return write(fd, text, sizeof(text)) == (ssize_t)sizeof(text) && fsync(fd) == 0;
}

enum result keyring_destroy_day(struct keyring *k, uint32_t day, struct error *ret_error)
{
	char marker[PATH_MAX], path[PATH_MAX], seals[PATH_MAX];
	struct day_key *d = cached(k, day);

	snprintf(seals, sizeof(seals), "%s/seal", k->dir);
	day_path(k, day, "destroyed", marker);
	day_path(k, day, "key", path);

	_cleanup_(close_fd) int fd = open(marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || fsync(fd) != 0 || !sync_folder(seals))
		return error_set(ret_error, RESULT_BAD, "%s: can't be made: %s", marker,
				 strerror(errno));
	if (!overwrite(path))
		return error_set(ret_error, RESULT_BAD, "%s: can't be overwritten: %s", path,
				 strerror(errno));
	if (unlink(path) != 0 && errno != ENOENT)
		return error_set(ret_error, RESULT_BAD, "%s: can't be removed: %s", path,
				 strerror(errno));
	if (!sync_folder(seals))
		return error_set(ret_error, RESULT_BAD, "%s: can't be synced: %s", seals,
				 strerror(errno));
	if (d)
		sodium_memzero(d, sizeof(*d));
	return RESULT_OK;
}

/* --- all days --- */

/* 2026-11-22.key and 2026-11-22.destroyed; whatever else lies there is not a day. */
static bool day_of_name(const char *name, struct keyring_day *ret)
{
	const char *ending = strlen(name) > KEYRING_DATE_LEN ? name + KEYRING_DATE_LEN : "";

	ret->destroyed = strcmp(ending, ".destroyed") == 0;
	return (ret->destroyed || strcmp(ending, ".key") == 0) &&
	       keyring_date_read(slice_of(name, KEYRING_DATE_LEN), &ret->day);
}

static int by_day(const void *a, const void *b)
{
	const struct keyring_day *one = a, *two = b;

	if (one->day != two->day)
		return one->day < two->day ? -1 : 1;
	return (int)two->destroyed - (int)one->destroyed;
}

/* Of a day with both files a destruction was interrupted: the marker, which is the first of the two, is the last word. */
static size_t drop_doubles(struct keyring_day *days, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || days[kept - 1].day != days[i].day)
			days[kept++] = days[i];
	}
	return kept;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

enum result keyring_days(const struct keyring *k, struct keyring_day **ret_days, size_t *ret_count,
			 struct error *ret_error)
{
	char seals[PATH_MAX];
	struct keyring_day *days;
	const struct dirent *found;
	size_t count = 0;

	snprintf(seals, sizeof(seals), "%s/seal", k->dir);
	_cleanup_(close_dir) DIR *dir = opendir(seals);

	if (!dir)
		return error_set(ret_error, RESULT_BAD, "%s: can't be read: %s", seals,
				 strerror(errno));
	days = calloc(KEYRING_FILES_MAX, sizeof(*days));
	assert(days);
	while (count < KEYRING_FILES_MAX && (found = readdir(dir)))
		count += day_of_name(found->d_name, &days[count]);
	if (count == KEYRING_FILES_MAX) {
		free(days);
		return error_set(ret_error, RESULT_BAD, "%s: more than %d files", seals,
				 KEYRING_FILES_MAX);
	}
	qsort(days, count, sizeof(*days), by_day);
	*ret_count = drop_doubles(days, count);
	*ret_days = days;
	return RESULT_OK;
}
