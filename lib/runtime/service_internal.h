/* service_internal: what service.c and its admin port share. */
#ifndef PUNNET_SERVICE_INTERNAL_H
#define PUNNET_SERVICE_INTERNAL_H

#include "http.h"
#include "service.h"

struct service_admin {
	struct http_server *server;
	struct service *service;
	const struct service_def *def;
	char host[64];
	int64_t cpu_seconds; /* as last counted */
};

/* address: "host:port", "[::1]:port"; port 0 takes a free one. */
_must_use_ enum result service_admin_open(struct service_admin *a, const char *address,
					  struct error *ret_error);
void service_admin_close(struct service_admin *a);

#endif
