/* known: who bears which key, and what a vertical asks for, remembered until the directory changes.
 *
 * The directory's index hashes a key slowly, as keys that are kept should be; a client sends the same one with every
 * request. So a hit is remembered under a quick keyed hash of it: with a key of this process that nobody else has, so
 * neither the memory nor the time a look-up takes tells anything about keys. What is not there is not remembered. */
#ifndef PUNNET_COLLECTOR_KNOWN_H
#define PUNNET_COLLECTOR_KNOWN_H

#include "collector/core/bucket.h"
#include "runtime/directory.h"

#define KNOWN_PARTIES   256 /* a power of two: places are taken by hash, the last one stays */
#define KNOWN_VERTICALS 64
#define KNOWN_PRINT_LEN 16

struct known_party {
	uint8_t print[KNOWN_PRINT_LEN];
	const Punnet__V1__DirectoryEntry *entry; /* NULL: a free place */
	struct slice id;                         /* without its kind */
	struct bucket *bucket;                   /* the caller's; NULL at first */
};

struct known_vertical {
	struct slice name;
	const Punnet__V1__Vertical *vertical;
};

struct known {
	const struct directory *directory;
	uint64_t version;
	uint8_t print_key[KNOWN_PRINT_LEN];
	struct known_party parties[KNOWN_PARTIES];
	struct known_vertical verticals[KNOWN_VERTICALS];
};

void known_open(struct known *k, const struct directory *directory);
/* Both are good until the directory is polled; the party's place until the next call as well. NULL: nobody's, nothing. */
struct known_party *known_party(struct known *k, const char *kind, struct slice bearer_key);
const Punnet__V1__Vertical *known_vertical(struct known *k, struct slice name);

#endif
