/* lists_open: see lists_open.h. */
#include "lists_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "filter-worker/core/named_lists.h"

/* Tells one file under a name from the next. */
struct stamp {
	bool there;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

/* One reading of the folder. */
struct edition {
	struct stamp stamp;
	void *map;
	size_t map_len;
	struct named_lists *named;
};

struct lists_holder {
	char path[PATH_MAX];
	struct edition edition;
	struct stamp refused; /* the last file that could not be used */
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

static void edition_close(struct edition *e)
{
	named_lists_free(e->named);
	if (e->map)
		munmap(e->map, e->map_len);
	*e = (struct edition){0};
}

/* RESULT_BAD: ret holds the stamp of what could not be used, and nothing else. */
static enum result edition_open(const char *path, struct edition *ret, struct error *ret_error)
{
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct edition e = {0};
	struct error why = {0};
	struct stat s;

	*ret = e;
	if (fd < 0 || fstat(fd, &s) != 0)
		return error_set(ret_error, RESULT_BAD,
				 "%s: can't be read; punnet lists compile makes it", path);
	e.stamp = ret->stamp = stamp_of(&s);
	if (!S_ISREG(s.st_mode) || s.st_size == 0)
		return error_set(ret_error, RESULT_BAD, "%s: expected a file of lists", path);
	e.map_len = (size_t)s.st_size;
	e.map = mmap(NULL, e.map_len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (e.map == MAP_FAILED)
		return error_set(ret_error, RESULT_BAD, "%s: can't be mapped", path);
	e.named = named_lists_open(slice_of(e.map, e.map_len), &why);
	if (!e.named) {
		edition_close(&e);
		return error_set(ret_error, RESULT_BAD, "%s: %s", path, why.text);
	}
	*ret = e;
	return RESULT_OK;
}

/* The hash of all parts under their names. */
static void write_version(const struct lists *lists, char ret[LISTS_VERSION_LEN + 1])
{
	_cleanup_(buf_free) struct buf text = {0};
	uint8_t digest[LISTS_VERSION_LEN / 2];

	buf_append_cstr(&text, "named ");
	buf_append(&text, named_lists_digest(lists->named), NAMED_LISTS_DIGEST_LEN);
	assert(!text.failed);
	crypto_generichash(digest, sizeof(digest), (const unsigned char *)text.data, text.len, NULL,
			   0);
	sodium_bin2hex(ret, LISTS_VERSION_LEN + 1, digest, sizeof(digest));
}

static void take(struct lists_holder *h, const struct edition *e)
{
	edition_close(&h->edition);
	h->edition = *e;
	h->lists.named = h->edition.named;
	write_version(&h->lists, h->lists.version);
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0 || errno != ENOENT;
}

struct lists_holder *lists_holder_open(const char *folder, struct error *ret_error)
{
	struct lists_holder *h = calloc(1, sizeof(*h));
	_cleanup_(buf_free) struct buf path = {0};
	struct edition e;

	assert(h);
	buf_printf(&path, "%s/%s", folder[0] ? folder : PUNNET_LISTS_DIR, LISTS_NAMED_FILE);
	if (path.failed || path.len >= sizeof(h->path)) {
		(void)error_set(ret_error, RESULT_BAD, "%s: too long for a path", folder);
		free(h);
		return NULL;
	}
	memcpy(h->path, buf_cstr(&path), path.len + 1);
	if (!folder[0] && !is_there(h->path))
		return h;
	if (edition_open(h->path, &e, ret_error) != RESULT_OK) {
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
	struct stamp now = {0};
	struct edition e;
	struct stat s;

	if (now_ms >= h->looked_ms && now_ms - h->looked_ms < LISTS_LOOK_MS)
		return LISTS_SAME;
	h->looked_ms = now_ms;
	if (stat(h->path, &s) == 0)
		now = stamp_of(&s);
	/* A file that is taken away changes nothing: its lists stay in use. */
	if (!now.there || same_stamp(&now, &h->edition.stamp) || same_stamp(&now, &h->refused))
		return LISTS_SAME;
	if (edition_open(h->path, &e, ret_error) != RESULT_OK) {
		h->refused = e.stamp.there ? e.stamp : now;
		return LISTS_REFUSED;
	}
	take(h, &e);
	return LISTS_SWAPPED;
}
