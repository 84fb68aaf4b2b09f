/* lossyfs: a file system that knows what a power cut would leave of it.
 *
 * usage: lossyfs SOURCE MOUNT RESULTS
 *
 * What is written under MOUNT goes to SOURCE, as it would to a disk's cache. What is synced is kept beside it in memory:
 * the bytes of a file as of its last fsync, the names of the folder as of its last fsync. Whoever looks for the file MOUNT/.cut has it write into
 * RESULTS/N, for N = 1, 2, …, what would be there if the power went at this moment; who writes under MOUNT is not disturbed. A write that was not synced is lost; with LOSSYFS_SEED in the environment each of them survives or not
 * by the dice, as on a disk that writes when it likes. LOSSYFS_DEAF makes it a disk that says "synced" and is not: the control of
 * a test. One flat folder: no folders within, no symbolic links. A bug in here makes tests red. */
#define FUSE_USE_VERSION 31
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CUT_NAME     "/.cut"
#define FILES_MAX    256
#define NAME_MAX_LEN 255

/* One change of a file since its last fsync: bytes at an offset, or a new length where data is NULL. */
struct change {
	off_t at;
	size_t size;
	char *data;
	struct change *next;
};

struct inode {
	ino_t number; /* in SOURCE; 0: free */
	int held;     /* open, so that the number is not given to another file */
	char *synced;
	size_t length, room;
	struct change *first, **last;
};

struct name {
	ino_t number; /* 0: free */
	char text[NAME_MAX_LEN + 1];
};

static const char *source, *results;
static struct inode inodes[FILES_MAX];
static struct name names[FILES_MAX]; /* as of the folder's last fsync */
static int cuts;
static unsigned dice;
static bool deaf;

static void place(char *ret_path, const char *path)
{
	int n = snprintf(ret_path, PATH_MAX, "%s%s", source, path);

	assert(n > 0 && n < PATH_MAX);
}

static struct inode *find(ino_t number)
{
	for (int i = 0; i < FILES_MAX; i++)
		if (inodes[i].number == number)
			return &inodes[i];
	return NULL;
}

static struct inode *inode_at(int fd)
{
	struct inode *f;
	struct stat st;

	assert(fstat(fd, &st) == 0);
	f = find(st.st_ino);
	if (f)
		return f;
	f = find(0);
	assert(f);
	*f = (struct inode){.number = st.st_ino, .held = dup(fd), .last = &f->first};
	assert(f->held >= 0);
	return f;
}

static void resize(struct inode *f, size_t length)
{
	if (length > f->room) {
		f->room = length * 2;
		f->synced = realloc(f->synced, f->room);
		assert(f->synced);
	}
	if (length > f->length)
		memset(f->synced + f->length, 0, length - f->length);
	f->length = length;
}

static void apply(struct inode *f, const struct change *c)
{
	if (!c->data) {
		resize(f, c->size);
		return;
	}
	if ((size_t)c->at + c->size > f->length)
		resize(f, (size_t)c->at + c->size);
	memcpy(f->synced + c->at, c->data, c->size);
}

static void remember(struct inode *f, off_t at, const char *data, size_t size)
{
	struct change *c = calloc(1, sizeof(*c));

	assert(f && c);
	*c = (struct change){.at = at, .size = size};
	if (data) {
		c->data = malloc(size);
		assert(c->data);
		memcpy(c->data, data, size);
	}
	*f->last = c;
	f->last = &c->next;
}

static void forget_changes(struct inode *f)
{
	for (struct change *c = f->first, *next; c; c = next) {
		next = c->next;
		free(c->data);
		free(c);
	}
	f->first = NULL;
	f->last = &f->first;
}

static bool is_named(ino_t number)
{
	for (int i = 0; i < FILES_MAX; i++)
		if (names[i].number == number)
			return true;
	return false;
}

static void sync_file(struct inode *f)
{
	for (const struct change *c = f->first; c; c = c->next)
		apply(f, c);
	forget_changes(f);
}

/* Files that have no name any more, neither now nor after a power cut. */
static void forget_gone(void)
{
	struct stat st;

	for (int i = 0; i < FILES_MAX; i++) {
		struct inode *f = &inodes[i];

		if (f->number == 0 || is_named(f->number) || fstat(f->held, &st) != 0 ||
		    st.st_nlink > 0)
			continue;
		forget_changes(f);
		free(f->synced);
		(void)close(f->held);
		*f = (struct inode){0};
	}
}

/* The names in SOURCE become those that survive. */
static void sync_folder(void)
{
	DIR *folder = opendir(source);
	int count = 0;

	assert(folder);
	memset(names, 0, sizeof(names));
	for (const struct dirent *e; (e = readdir(folder));) {
		if (e->d_name[0] == '.' && (!e->d_name[1] || !strcmp(e->d_name, "..")))
			continue;
		assert(count < FILES_MAX);
		names[count].number = e->d_ino;
		(void)snprintf(names[count++].text, sizeof(names[0].text), "%s", e->d_name);
	}
	(void)closedir(folder);
	forget_gone();
}

/* What the power leaves of one file: what was synced, and of the rest what the dice say. */
static void write_survivor(const struct inode *f, const char *path)
{
	struct inode copy = {.last = &copy.first};
	FILE *out = fopen(path, "wb");

	assert(f && out);
	resize(&copy, f->length);
	if (f->length)
		memcpy(copy.synced, f->synced, f->length);
	for (const struct change *c = f->first; dice && c; c = c->next)
		if (rand_r(&dice) & 1024)
			apply(&copy, c);
	assert(fwrite(copy.synced, 1, copy.length, out) == copy.length);
	assert(fclose(out) == 0);
	free(copy.synced);
}

static void cut(void)
{
	char folder[PATH_MAX], path[2 * PATH_MAX];

	(void)snprintf(folder, sizeof(folder), "%s/%d", results, ++cuts);
	assert(mkdir(folder, 0700) == 0);
	for (int i = 0; i < FILES_MAX; i++) {
		if (!names[i].number)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i].text);
		write_survivor(find(names[i].number), path);
	}
}

/* --- what FUSE asks --- */
static int lossy_getattr(const char *path, struct stat *ret_st, struct fuse_file_info *fi)
{
	char real[PATH_MAX];

	if (strcmp(path, CUT_NAME) == 0) {
		cut();
		return -ENOENT;
	}
	place(real, path);
	return (fi ? fstat((int)fi->fh, ret_st) : lstat(real, ret_st)) == 0 ? 0 : -errno;
}

static int lossy_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
			 struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	DIR *folder = opendir(source);

	(void)path, (void)offset, (void)fi, (void)flags;
	if (!folder)
		return -errno;
	for (const struct dirent *e; (e = readdir(folder));)
		(void)fill(buffer, e->d_name, NULL, 0, 0);
	(void)closedir(folder);
	return 0;
}

static int open_as(const char *path, int flags, mode_t mode, struct fuse_file_info *fi)
{
	char real[PATH_MAX];
	struct inode *f;
	int fd;

	place(real, path);
	fd = open(real, (flags & ~(O_WRONLY | O_APPEND)) | O_RDWR | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	f = inode_at(fd);
	if (flags & O_TRUNC)
		remember(f, 0, NULL, 0);
	fi->fh = (uint64_t)fd;
	return 0;
}

static int lossy_open(const char *path, struct fuse_file_info *fi)
{
	return open_as(path, fi->flags, 0, fi);
}

static int lossy_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	return open_as(path, fi->flags | O_CREAT, mode, fi);
}

static int lossy_read(const char *path, char *ret, size_t size, off_t at, struct fuse_file_info *fi)
{
	ssize_t n = pread((int)fi->fh, ret, size, at);

	(void)path;
	return n < 0 ? -errno : (int)n;
}

static int lossy_write(const char *path, const char *data, size_t size, off_t at,
		       struct fuse_file_info *fi)
{
	ssize_t n = pwrite((int)fi->fh, data, size, at);

	(void)path;
	if (n < 0)
		return -errno;
	remember(inode_at((int)fi->fh), at, data, (size_t)n);
	return (int)n;
}

static int lossy_truncate(const char *path, off_t length, struct fuse_file_info *fi)
{
	char real[PATH_MAX];
	int fd, r;

	place(real, path);
	fd = fi ? (int)fi->fh : open(real, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = ftruncate(fd, length) == 0 ? 0 : -errno;
	if (r == 0)
		remember(inode_at(fd), 0, NULL, (size_t)length);
	if (!fi)
		(void)close(fd);
	return r;
}

static int lossy_fsync(const char *path, int only_data, struct fuse_file_info *fi)
{
	(void)path, (void)only_data;
	if (!deaf)
		sync_file(inode_at((int)fi->fh));
	return 0;
}

static int lossy_fsyncdir(const char *path, int only_data, struct fuse_file_info *fi)
{
	(void)path, (void)only_data, (void)fi;
	if (!deaf)
		sync_folder();
	return 0;
}

static int lossy_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	return close((int)fi->fh) == 0 ? 0 : -errno;
}

static int lossy_unlink(const char *path)
{
	char real[PATH_MAX];

	place(real, path);
	return unlink(real) == 0 ? 0 : -errno;
}

static int lossy_link(const char *from, const char *to)
{
	char real_from[PATH_MAX], real_to[PATH_MAX];

	place(real_from, from);
	place(real_to, to);
	return link(real_from, real_to) == 0 ? 0 : -errno;
}

static int lossy_rename(const char *from, const char *to, unsigned flags)
{
	char real_from[PATH_MAX], real_to[PATH_MAX];

	if (flags)
		return -EINVAL;
	place(real_from, from);
	place(real_to, to);
	return rename(real_from, real_to) == 0 ? 0 : -errno;
}

static int lossy_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	char real[PATH_MAX];

	(void)fi;
	place(real, path);
	return chmod(real, mode) == 0 ? 0 : -errno;
}

static int lossy_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *fi)
{
	char real[PATH_MAX];

	(void)fi;
	place(real, path);
	return lchown(real, user, group) == 0 ? 0 : -errno;
}

static int lossy_utimens(const char *path, const struct timespec times[2],
			 struct fuse_file_info *fi)
{
	char real[PATH_MAX];

	(void)fi;
	place(real, path);
	return utimensat(AT_FDCWD, real, times, 0) == 0 ? 0 : -errno;
}

static const struct fuse_operations operations = {
    .getattr = lossy_getattr,
    .readdir = lossy_readdir,
    .open = lossy_open,
    .create = lossy_create,
    .read = lossy_read,
    .write = lossy_write,
    .truncate = lossy_truncate,
    .fsync = lossy_fsync,
    .fsyncdir = lossy_fsyncdir,
    .release = lossy_release,
    .unlink = lossy_unlink,
    .link = lossy_link,
    .rename = lossy_rename,
    .chmod = lossy_chmod,
    .chown = lossy_chown,
    .utimens = lossy_utimens,
};

/* What stands in SOURCE at the start has been there for long. */
static void load(void)
{
	char real[PATH_MAX + NAME_MAX_LEN + 2];

	sync_folder();
	for (int i = 0; i < FILES_MAX; i++) {
		struct inode *f;
		int fd;
		ssize_t n;

		if (!names[i].number)
			continue;
		(void)snprintf(real, sizeof(real), "%s/%s", source, names[i].text);
		fd = open(real, O_RDONLY | O_CLOEXEC);
		assert(fd >= 0);
		f = inode_at(fd);
		for (char block[65536]; (n = read(fd, block, sizeof(block))) > 0;) {
			size_t before = f->length;

			resize(f, before + (size_t)n);
			memcpy(f->synced + before, block, (size_t)n);
		}
		(void)close(fd);
	}
}

int main(int count, char **words)
{
	const char *seed = getenv("LOSSYFS_SEED");
	char *fuse_words[] = {
	    words[0], "-f", "-s", "-o", "negative_timeout=0,attr_timeout=0,entry_timeout=0",
	    NULL,     NULL};

	if (count != 4) {
		(void)fprintf(stderr, "usage: lossyfs SOURCE MOUNT RESULTS\n");
		return 2;
	}
	source = words[1];
	results = words[3];
	dice = seed ? (unsigned)strtoul(seed, NULL, 10) : 0;
	deaf = getenv("LOSSYFS_DEAF") != NULL;
	load();
	fuse_words[5] = words[2];
	return fuse_main(6, fuse_words, &operations, NULL);
}
