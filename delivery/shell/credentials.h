/* credentials: advertisers' passwords, tokens and client certificates, in files that the operator keeps.
 *
 *     <delivery.credentials_dir>/<advertiser>/<name>        a token, or user:password; a line break at its end is left out
 *     <delivery.credentials_dir>/<advertiser>/<name>.pem    a client certificate and its key
 *
 * An order names a secret of its own advertiser, and reaches nobody else's. A file that changed is noticed within
 * CREDENTIALS_FRESH_MS. Memory is wiped when it is given back. */
#ifndef PUNNET_DELIVERY_CREDENTIALS_H
#define PUNNET_DELIVERY_CREDENTIALS_H

#include "base/map.h"

#define CREDENTIALS_FRESH_MS 1000
#define CREDENTIALS_KEPT_MAX 4096
#define CREDENTIALS_PATH_MAX 512

struct credentials {
	const char *dir; /* "" or NULL: there are none */
	struct map kept; /* "advertiser/name" -> struct credential */
};

/* Zero-initialised with a dir is ready. */
void credentials_free(struct credentials *c);
/* Empty when there is no such file, or it can't be one. Valid until the next call. */
struct slice credentials_get(struct credentials *c, struct slice advertiser_id, struct slice name,
			     int64_t now_ms);
/* The same of a file anywhere, as the configuration names it. */
struct slice credentials_file(struct credentials *c, const char *path, int64_t now_ms);
/* The path of a client certificate; false: there is none that can be read. */
_must_use_ bool credentials_certificate(const struct credentials *c, struct slice advertiser_id,
					struct slice name, char ret[CREDENTIALS_PATH_MAX]);

#endif
