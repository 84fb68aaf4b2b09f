/* known: see known.h. Whatever changes in the directory, all is forgotten: changes are rare. */
#include "known.h"

#include <sodium.h>

#include "runtime/clock.h"

static_assert(crypto_shorthash_siphashx24_BYTES == KNOWN_PRINT_LEN, "a print is one SipHash-128");
static_assert(crypto_shorthash_siphashx24_KEYBYTES == KNOWN_PRINT_LEN, "and so long is its key");

void known_open(struct known *k, const struct directory *directory)
{
	*k = (struct known){.directory = directory, .version = directory_version(directory)};
	clock_random(k->print_key, sizeof(k->print_key));
}

static void forget_old(struct known *k)
{
	uint64_t version = directory_version(k->directory);

	if (k->version == version)
		return;
	memset(k->parties, 0, sizeof(k->parties));
	memset(k->verticals, 0, sizeof(k->verticals));
	k->version = version;
}

struct known_party *known_party(struct known *k, const char *kind, struct slice bearer_key)
{
	const Punnet__V1__DirectoryEntry *entry;
	uint8_t print[KNOWN_PRINT_LEN];
	struct known_party *p;
	struct slice id;

	forget_old(k);
	crypto_shorthash_siphashx24(print, (const uint8_t *)bearer_key.data, bearer_key.len,
				    k->print_key);
	print[0] ^=
	    (uint8_t)kind[0]; /* the same key may be another's of another kind: they begin apart */
	p = &k->parties[(print[1] << 8 | print[2]) % KNOWN_PARTIES];
	if (p->entry && memcmp(p->print, print, sizeof(print)) == 0)
		return p;
	entry = directory_by_key(k->directory, kind, bearer_key, &id);
	if (!entry)
		return NULL;
	*p = (struct known_party){.entry = entry, .id = id};
	memcpy(p->print, print, sizeof(print));
	return p;
}

const Punnet__V1__Vertical *known_vertical(struct known *k, struct slice name)
{
	const Punnet__V1__DirectoryEntry *entry;
	struct known_vertical *v;
	size_t place;

	if (name.len == 0)
		return NULL;
	forget_old(k);
	place = name.len * 7 + (unsigned char)name.data[0] * 3u +
		(unsigned char)name.data[name.len - 1];
	v = &k->verticals[place % KNOWN_VERTICALS];
	if (v->name.len == name.len && slice_same_bytes(v->name.data, name.data, name.len))
		return v->vertical;
	entry = directory_get(k->directory, "vertical", name);
	if (!entry)
		return NULL;
	*v = (struct known_vertical){slice_cstr(entry->id + strlen("vertical/")), entry->vertical};
	return v->vertical;
}
