/* relay: stands between a client and a PostgreSQL server, and can keep the answer to a COMMIT to itself: the server has committed, and the
 * client never hears of it. A process of its own that ends with the test. */
#ifndef PUNNET_TEST_RELAY_H
#define PUNNET_TEST_RELAY_H

#include "base/base.h"

/* server: the folder of the server's socket. folder: where the relay's is to be. */
void relay_start(const char *server, const char *folder);
void relay_arm(void); /* the next answer to a COMMIT is kept, and the connection cut */
bool relay_has_cut(void);
void relay_stop(void);

#endif
