/* hostile: starts tests/unit/delivery/hostile.py on a free port, and ends it. */
#ifndef PUNNET_TEST_HOSTILE_H
#define PUNNET_TEST_HOSTILE_H

#include <sys/types.h>

struct hostile {
	pid_t pid;
	int port;
};

struct hostile hostile_start(void);
/* Any other server that prints its port first; argv[0] is the program. */
struct hostile hostile_start_other(char *const argv[]);
/* A certificate for localhost and 127.0.0.1 that signs itself, and its key: DIR/cert.pem, DIR/key.pem, DIR/both.pem. */
void hostile_certificate(const char *dir);
void hostile_stop(struct hostile *h);

#endif
