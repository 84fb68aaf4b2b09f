/* slice: bytes owned by somebody else. A slice never owns; it is valid as long as what it points into. */
#ifndef PUNNET_SLICE_H
#define PUNNET_SLICE_H

#include <string.h>

#include "base.h"

struct slice {
	const char *data; /* may be NULL only when len is 0 */
	size_t len;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
#define SLICE_FMT      "%.*s"
#define SLICE_ARG(s)   (int)(s).len, (s).data ? (s).data : ""

static inline struct slice slice_of(const void *data, size_t len)
{
	return (struct slice){(const char *)data, len};
}

/* The bytes of a C string; NULL gives the empty slice. */
static inline struct slice slice_cstr(const char *s)
{
	return (struct slice){s, s ? strlen(s) : 0};
}

/* memcmp() == 0 for what is mostly a short name: two loads that overlap, and no call. */
static inline bool slice_same_bytes(const char *a, const char *b, size_t len)
{
	uint64_t a8, b8, a8_last, b8_last;
	uint32_t a4, b4, a4_last, b4_last;

	if (len > 16)
		return memcmp(a, b, len) == 0;
	if (len >= 8) {
		memcpy(&a8, a, 8);
		memcpy(&b8, b, 8);
		memcpy(&a8_last, a + len - 8, 8);
		memcpy(&b8_last, b + len - 8, 8);
		return a8 == b8 && a8_last == b8_last;
	}
	if (len >= 4) {
		memcpy(&a4, a, 4);
		memcpy(&b4, b, 4);
		memcpy(&a4_last, a + len - 4, 4);
		memcpy(&b4_last, b + len - 4, 4);
		return a4 == b4 && a4_last == b4_last;
	}
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && slice_same_bytes(a.data, b.data, a.len);
}

static inline bool slice_is(struct slice a, const char *literal)
{
	return slice_equal(a, slice_cstr(literal));
}

struct slice slice_trim(struct slice s);                 /* ASCII white space off both ends */
bool slice_equal_nocase(struct slice a, struct slice b); /* ASCII letters only */
bool slice_to_int64(struct slice s,
		    int64_t *ret); /* whole slice, decimal, optional '-'; false leaves ret */
bool slice_utf8_valid(
    struct slice s); /* RFC 3629: no surrogates, no overlongs; NUL is valid here */
size_t slice_utf8_valid_prefix(struct slice s); /* how many bytes of it are; s.len when all */
bool slice_starts_with(struct slice s, const char *prefix);

#endif
