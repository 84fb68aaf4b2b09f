/* lists_open: see lists_open.h. */
#include "lists_open.h"

#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents_open.h"
#include "base/buf.h"
#include "filter-worker/core/named_lists.h"
#include "ip_data_open.h"

/* Tells one file under a name from the next. */
struct stamp {
	bool there;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

/* What a folder may hold. Only the first has to be there. */
enum { FILE_NAMED, FILE_ADDRESSES, FILE_NETWORKS, FILE_PATTERNS, FILE_AGENTS, FILES };
static const char *const file_names[FILES] = {
    [FILE_NAMED] = LISTS_NAMED_FILE,  [FILE_ADDRESSES] = "ip.mmdb",
    [FILE_NETWORKS] = "networks.txt", [FILE_PATTERNS] = "agent-patterns.tsv",
    [FILE_AGENTS] = "agents.txt",
};

struct stamps {
	struct stamp of[FILES];
};

/* One reading of the folder. */
struct edition {
	struct stamps stamps;
	void *map;
	size_t map_len;
	struct named_lists *named;
	struct ip_data *ip;
	struct agents *agents;
};

struct lists_holder {
	char folder[PATH_MAX];
	struct edition edition;
	struct stamps refused; /* the last files that could not be used */
	struct lists lists;
	int64_t looked_ms;
};

const char *lists_standard_folder(void)
{
	return PUNNET_LISTS_DIR;
}

static struct stamp stamp_of(const struct stat *s)
{
	return (struct stamp){.there = true,
			      .device = s->st_dev,
			      .inode = s->st_ino,
			      .size = s->st_size,
			      .changed = s->st_mtim};
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->there == b->there &&
	       (!a->there || (a->device == b->device && a->inode == b->inode &&
			      a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
			      a->changed.tv_nsec == b->changed.tv_nsec));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* NULL: too long. */
static const char *path_of(const char *folder, int file, char room[PATH_MAX])
{
	int n = snprintf(room, PATH_MAX, "%s/%s", folder, file_names[file]);

	return n > 0 && n < PATH_MAX ? room : NULL;
}

static struct stamps stamps_now(const char *folder)
{
	struct stamps ret = {0};
	char room[PATH_MAX];
	struct stat st;

	for (int i = 0; i < FILES; i++) {
		if (path_of(folder, i, room) && stat(room, &st) == 0)
			ret.of[i] = stamp_of(&st);
	}
	return ret;
}

static bool same_stamps(const struct stamps *a, const struct stamps *b)
{
	for (int i = 0; i < FILES; i++) {
		if (!same_stamp(&a->of[i], &b->of[i]))
			return false;
	}
	return true;
}

static void edition_close(struct edition *e)
{
	named_lists_free(e->named);
	ip_data_close(e->ip);
	agents_close(e->agents);
	if (e->map)
		munmap(e->map, e->map_len);
	*e = (struct edition){0};
}

static enum result open_named(const char *path, struct edition *ret, struct error *ret_error)
{
	_cleanup_(close_fd) int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct error why = {0};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return error_set(ret_error, RESULT_BAD,
				 "%s: can't be read; punnet lists compile makes it",
				 path ? path : "a path that is too long");
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return error_set(ret_error, RESULT_BAD, "%s: expected a file of lists", path);
	ret->map_len = (size_t)st.st_size;
	ret->map = mmap(NULL, ret->map_len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (ret->map == MAP_FAILED) {
		ret->map = NULL;
		return error_set(ret_error, RESULT_BAD, "%s: can't be mapped", path);
	}
	ret->named = named_lists_open(slice_of(ret->map, ret->map_len), &why);
	return ret->named ? RESULT_OK : error_set(ret_error, RESULT_BAD, "%s: %s", path, why.text);
}

/* Of a file that may be left out: its path if it is there. */
static const char *optional(const struct edition *e, const char *folder, int file,
			    char room[PATH_MAX])
{
	return e->stamps.of[file].there ? path_of(folder, file, room) : NULL;
}

static enum result open_others(const char *folder, struct edition *ret, struct error *ret_error)
{
	char room[PATH_MAX], other[PATH_MAX];
	bool database = ret->stamps.of[FILE_ADDRESSES].there;
	const char *networks = optional(ret, folder, FILE_NETWORKS, room);
	const char *patterns, *own;

	if (database || networks) {
		ret->ip = ip_data_open(database ? folder : NULL, networks, ret_error);
		if (!ret->ip)
			return RESULT_BAD;
	}
	patterns = optional(ret, folder, FILE_PATTERNS, room);
	own = optional(ret, folder, FILE_AGENTS, other);
	if (patterns || own) {
		ret->agents = agents_open(patterns, own, ret_error);
		if (!ret->agents)
			return RESULT_BAD;
	}
	return RESULT_OK;
}

/* RESULT_BAD: ret holds the stamps of what could not be used, and nothing else. A file that changes while it is read has
 * another stamp when it is looked at next. */
static enum result edition_open(const char *folder, struct edition *ret, struct error *ret_error)
{
	struct edition e = {.stamps = stamps_now(folder)};
	char room[PATH_MAX];
	enum result r = open_named(path_of(folder, FILE_NAMED, room), &e, ret_error);

	*ret = (struct edition){.stamps = e.stamps};
	if (r == RESULT_OK)
		r = open_others(folder, &e, ret_error);
	if (r != RESULT_OK) {
		edition_close(&e);
		return r;
	}
	*ret = e;
	return RESULT_OK;
}

/* The hash of all parts under their names. */
static void write_version(const struct edition *e, char ret[LISTS_VERSION_LEN + 1])
{
	_cleanup_(buf_free) struct buf text = {0};
	uint8_t digest[LISTS_VERSION_LEN / 2];

	buf_append_cstr(&text, "named ");
	buf_append(&text, named_lists_digest(e->named), NAMED_LISTS_DIGEST_LEN);
	buf_printf(&text, " addresses %s agents %s", e->ip ? ip_data_hash(e->ip) : "none",
		   e->agents ? agents_hash(e->agents) : "none");
	assert(!text.failed);
	crypto_generichash(digest, sizeof(digest), (const unsigned char *)text.data, text.len, NULL,
			   0);
	sodium_bin2hex(ret, LISTS_VERSION_LEN + 1, digest, sizeof(digest));
}

static void take(struct lists_holder *h, const struct edition *e)
{
	edition_close(&h->edition);
	h->edition = *e;
	h->lists.named = e->named;
	h->lists.ip = e->ip;
	h->lists.agents = e->agents;
	write_version(e, h->lists.version);
}

struct lists_holder *lists_holder_open(const char *folder, struct error *ret_error)
{
	struct lists_holder *h = calloc(1, sizeof(*h));
	struct edition e;
	int n;

	assert(h);
	n = snprintf(h->folder, sizeof(h->folder), "%s", folder[0] ? folder : PUNNET_LISTS_DIR);
	if (n < 0 || (size_t)n >= sizeof(h->folder)) {
		(void)error_set(ret_error, RESULT_BAD, "%s: too long for a path", folder);
		free(h);
		return NULL;
	}
	h->edition.stamps = stamps_now(h->folder);
	if (!folder[0] && !h->edition.stamps.of[FILE_NAMED].there)
		return h;
	if (edition_open(h->folder, &e, ret_error) != RESULT_OK) {
		free(h);
		return NULL;
	}
	take(h, &e);
	return h;
}

void lists_holder_close(struct lists_holder *h)
{
	if (!h)
		return;
	edition_close(&h->edition);
	free(h);
}

const struct lists *lists_holder_get(const struct lists_holder *h)
{
	return &h->lists;
}

enum lists_turn lists_holder_follow(struct lists_holder *h, int64_t now_ms, struct error *ret_error)
{
	struct stamps now;
	struct edition e;

	if (now_ms >= h->looked_ms && now_ms - h->looked_ms < LISTS_LOOK_MS)
		return LISTS_SAME;
	h->looked_ms = now_ms;
	now = stamps_now(h->folder);
	/* Files that are taken away change nothing: their lists stay in use. */
	for (int i = 0; i < FILES; i++) {
		if (!now.of[i].there)
			now.of[i] = h->edition.stamps.of[i];
	}
	if (!now.of[FILE_NAMED].there || same_stamps(&now, &h->edition.stamps) ||
	    same_stamps(&now, &h->refused))
		return LISTS_SAME;
	if (edition_open(h->folder, &e, ret_error) != RESULT_OK) {
		h->refused = now;
		return LISTS_REFUSED;
	}
	take(h, &e);
	return LISTS_SWAPPED;
}
