/* settings: an order's delivery settings, read member by member. What is wrong is told with its path, such as
 * "webhook.success.status: expected …", so that whoever has the file can find the line. Members that nobody knows are
 * refused: a setting that has no effect is a mistake that is found too late. */
#ifndef PUNNET_DELIVERY_SETTINGS_H
#define PUNNET_DELIVERY_SETTINGS_H

#include "base/json.h"
#include "base/result.h"

#define SETTINGS_PATH_MAX 128

struct settings {
	const struct json *object;
	char path[SETTINGS_PATH_MAX]; /* "webhook.success" */
	struct error *error;          /* may be NULL */
};

/* false: node is no object, or holds a member that is not among `known` (", " between). */
_must_use_ bool settings_open(struct settings *s, const struct json *node, const char *path,
			      const char *known, struct error *ret_error);
/* The settings under a member; false as settings_open(). The member must be there. */
_must_use_ bool settings_inside(const struct settings *s, const char *name, const char *known,
				struct settings *ret);
const struct json *settings_get(const struct settings *s, const char *name); /* NULL: absent */
/* Says what was expected of a member; false. */
bool settings_fault(const struct settings *s, const char *name, const char *expected);

/* Typed readers: absent leaves ret and is true; false with a fault. */
_must_use_ bool settings_int(const struct settings *s, const char *name, int64_t least,
			     int64_t most, int64_t *ret);
/* Printable, and shorter than size. */
_must_use_ bool settings_text(const struct settings *s, const char *name, char *ret, size_t size);

/* Copies a text into a fixed field; false when it does not fit or holds a control character. */
_must_use_ bool settings_copy(const struct json *value, char *ret, size_t size);
/* A name of letters, digits, '-' and '_', as secrets have it. */
bool settings_name_valid(struct slice name);

#endif
