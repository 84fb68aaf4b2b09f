/* shell: the collector as a service. */
#ifndef PUNNET_COLLECTOR_SHELL_H
#define PUNNET_COLLECTOR_SHELL_H

#include "runtime/service.h"

extern const struct service_def collector_service;

#endif
