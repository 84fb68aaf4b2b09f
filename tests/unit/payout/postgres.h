/* postgres: a PostgreSQL server of our own for a test, in a folder of its own under /tmp, reached
 * by its socket only. */
#ifndef PUNNET_TEST_POSTGRES_H
#define PUNNET_TEST_POSTGRES_H

#include "base/base.h"

/* false: there is no PostgreSQL here; the reason was printed. */
bool postgres_start(void);
/* A fresh database; the text is valid until the next call. */
const char *postgres_fresh_url(void);
/* The folder of its socket, and of nothing that is worth keeping. */
const char *postgres_folder(void);
void postgres_durable(void); /* before the start: commits are on the disk, as in production */
void postgres_restart(void); /* at once, as after a power cut: what was not committed is gone */
void postgres_stop(void);

#endif
