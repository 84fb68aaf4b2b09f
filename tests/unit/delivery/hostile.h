/* hostile: starts tests/unit/delivery/hostile.py on a free port, and ends it. */
#ifndef PUNNET_TEST_HOSTILE_H
#define PUNNET_TEST_HOSTILE_H

#include <sys/types.h>

struct hostile {
	pid_t pid;
	int port;
};

struct hostile hostile_start(void);
void hostile_stop(struct hostile *h);

#endif
