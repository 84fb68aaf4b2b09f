/* shared_memory: where a running router's market keeps what is written once (see base/pool.h): in memory that a child process
 * shares. fork() copies no page tables for it, so that decisions stand still for what changes alone. */
#ifndef PUNNET_ROUTER_SHARED_MEMORY_H
#define PUNNET_ROUTER_SHARED_MEMORY_H

#include "base/pool.h"

extern const struct pool_memory shared_memory;

#endif
