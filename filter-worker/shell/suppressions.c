/* suppressions: see suppressions.h. */
#include "suppressions.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "runtime/directory.h"

#define KEY_LEN       (1 + FINGERPRINT_LEN)
#define LIST_TEXT_MAX 64 /* a longer list name is cut: it goes into every reason */

struct suppressions {
	struct map
	    lists; /* domain and fingerprint → the list's name, NUL-terminated, in the arena */
	struct arena names;
	uint64_t version;
};

struct suppressions *suppressions_new(void)
{
	struct suppressions *s = calloc(1, sizeof(*s));

	assert(s);
	return s;
}

void suppressions_free(struct suppressions *s)
{
	if (!s)
		return;
	map_free(&s->lists);
	arena_free(&s->names);
	free(s);
}

static struct slice key_of(enum fingerprint_domain domain, struct slice fingerprint,
			   char ret[KEY_LEN])
{
	ret[0] = (char)domain;
	memcpy(ret + 1, fingerprint.data, FINGERPRINT_LEN);
	return slice_of(ret, KEY_LEN);
}

void suppressions_put(struct suppressions *s, enum fingerprint_domain domain,
		      struct slice fingerprint, struct slice list)
{
	char key[KEY_LEN];

	if (fingerprint.len != FINGERPRINT_LEN)
		return;
	if (list.len == 0)
		list = SLICE("unnamed");
	list.len = MIN_OF(list.len, (size_t)LIST_TEXT_MAX);
	map_put(&s->lists, key_of(domain, fingerprint, key), arena_cstr(&s->names, list));
}

void suppressions_follow(struct suppressions *s, const struct directory *d)
{
	const Punnet__V1__DirectoryEntry *entry;
	uint64_t version = directory_version(d);

	if (version == s->version)
		return;
	map_free(&s->lists);
	s->lists = (struct map){0};
	arena_reset(&s->names);
	for (size_t i = 0; directory_at(d, i, &entry); i++) {
		if (entry->entry_case != PUNNET__V1__DIRECTORY_ENTRY__ENTRY_SUPPRESSION)
			continue;

		const Punnet__V1__Suppression *p = entry->suppression;
		struct slice list = slice_cstr(p->reason_code);

		suppressions_put(s, FINGERPRINT_PHONE, slice_of(p->phone.data, p->phone.len), list);
		suppressions_put(s, FINGERPRINT_EMAIL, slice_of(p->email.data, p->email.len), list);
		suppressions_put(s, FINGERPRINT_MAILBOX, slice_of(p->mailbox.data, p->mailbox.len),
				 list);
	}
	s->version = version;
}

size_t suppressions_count(const struct suppressions *s)
{
	return map_count(&s->lists);
}

static struct slice look(const struct suppressions *s, enum fingerprint_domain domain,
			 struct slice fingerprint)
{
	char key[KEY_LEN];

	if (fingerprint.len != FINGERPRINT_LEN)
		return (struct slice){0};
	return slice_cstr(map_get(&s->lists, key_of(domain, fingerprint, key)));
}

struct slice suppressions_list(const struct suppressions *s, struct slice phone, struct slice email,
			       struct slice mailbox)
{
	struct slice list = look(s, FINGERPRINT_PHONE, phone);

	if (list.len == 0)
		list = look(s, FINGERPRINT_EMAIL, email);
	return list.len > 0 ? list : look(s, FINGERPRINT_MAILBOX, mailbox);
}
