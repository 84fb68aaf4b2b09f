/* credentials: see credentials.h. */
#include "credentials.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "delivery/channels/channel.h"

struct credential {
	int64_t read_at_ms;
	size_t len;
	char text[SECRET_MAX_BYTES];
};

/* One step of a path: an id as the directory has it, and no way out of the folder. */
static bool path_step(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == '/' || name.data[i] <= ' ' || name.data[i] == 0x7f)
			return false;
	return name.len > 0 && name.data[0] != '.';
}

static bool path_of(const struct credentials *c, struct slice advertiser_id, struct slice name,
		    const char *suffix, char ret[CREDENTIALS_PATH_MAX])
{
	int len;

	if (!c->dir || !*c->dir || !path_step(advertiser_id) || !settings_name_valid(name))
		return false;
	len = snprintf(ret, CREDENTIALS_PATH_MAX, "%s/" SLICE_FMT "/" SLICE_FMT "%s", c->dir,
		       SLICE_ARG(advertiser_id), SLICE_ARG(name), suffix);
	return len > 0 && len < CREDENTIALS_PATH_MAX;
}

static void read_file(const char *path, struct credential *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	ret->len = 0;
	if (fd < 0)
		return;
	while (ret->len < sizeof(ret->text) &&
	       (n = read(fd, ret->text + ret->len, sizeof(ret->text) - ret->len)) > 0)
		ret->len += (size_t)n;
	close(fd);
	while (ret->len > 0 && (ret->text[ret->len - 1] == '\n' || ret->text[ret->len - 1] == '\r'))
		ret->len--;
	/* one that fills the room may go on behind it: it is none */
	if (n < 0 || ret->len == sizeof(ret->text))
		ret->len = 0;
}

void credentials_free(struct credentials *c)
{
	struct slice key;
	void *value;

	for (size_t i = 0; map_at(&c->kept, i, &key, &value); i++) {
		sodium_memzero(value, sizeof(struct credential));
		free(value);
	}
	map_free(&c->kept);
	c->kept = (struct map){0};
}

struct slice credentials_get(struct credentials *c, struct slice advertiser_id, struct slice name,
			     int64_t now_ms)
{
	char path[CREDENTIALS_PATH_MAX];

	if (!path_of(c, advertiser_id, name, "", path))
		return slice_of(NULL, 0);
	return credentials_file(c, path, now_ms);
}

struct slice credentials_file(struct credentials *c, const char *path, int64_t now_ms)
{
	struct credential *k;

	k = map_get(&c->kept, slice_cstr(path));
	if (!k) {
		if (map_count(&c->kept) >= CREDENTIALS_KEPT_MAX)
			credentials_free(c);
		k = calloc(1, sizeof(*k));
		if (!k)
			abort();
		k->read_at_ms = now_ms - CREDENTIALS_FRESH_MS;
		map_put(&c->kept, slice_cstr(path), k);
	}
	if (now_ms - k->read_at_ms >= CREDENTIALS_FRESH_MS) {
		read_file(path, k);
		k->read_at_ms = now_ms;
	}
	return slice_of(k->text, k->len);
}

bool credentials_certificate(const struct credentials *c, struct slice advertiser_id,
			     struct slice name, char ret[CREDENTIALS_PATH_MAX])
{
	return path_of(c, advertiser_id, name, ".pem", ret) && access(ret, R_OK) == 0;
}
