/* worker: the stage leads.raw → leads.judged. One process owns some partitions of leads.raw; for each it judges in order
 * and emits in order. See docs/architecture.md for why its output is dense whatever dies when. */
#ifndef PUNNET_WORKER_H
#define PUNNET_WORKER_H

#include "runtime/service.h"

extern const struct service_def filter_worker_service;

#endif
