/* service_admin: the admin port of every service: /healthz, /readyz, /metrics.
 *
 * healthz answers whenever the loop turns; readyz asks the service, and says why not; metrics are Prometheus text. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/json.h"
#include "clock.h"
#include "metrics.h"
#include "service_internal.h"

#define ADMIN_WHY_MAX 512

static const struct http_limits admin_limits = {
    .header_bytes = 8192,
    .connections = 64,
    .pipelined = 8,
    .body_memory_bytes = 1024,
    .idle_ms = 60000,
    .request_ms = 5000,
    .write_ms = 5000,
};

static int64_t resident_bytes(void)
{
	long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%*s %lld", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static void refresh_process(struct service_admin *a)
{
	struct rusage used;
	int64_t cpu;

	metric_set(METRIC_PROCESS_MEMORY, resident_bytes());
	if (getrusage(RUSAGE_SELF, &used) < 0)
		return;
	cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec;
	metric_add(METRIC_PROCESS_CPU, cpu - a->cpu_seconds);
	a->cpu_seconds = cpu;
}

static void answer_json(struct http_request *r, int status, struct slice body)
{
	http_answer(r, status, "application/json", NULL, 0, body);
}

static void answer_ready(struct service_admin *a, struct http_request *r)
{
	_cleanup_(buf_free) struct buf body = {0};
	char why[ADMIN_WHY_MAX] = "";
	bool ready = true;

	if (a->service->draining) {
		ready = false;
		snprintf(why, sizeof(why), "draining");
	} else if (a->def->ready) {
		ready = a->def->ready(a->service, why, sizeof(why));
	}
	if (ready) {
		answer_json(r, 200, SLICE("{\"ready\":true}\n"));
		return;
	}
	buf_append_cstr(&body, "{\"ready\":false,");
	json_write_member(&body, "reason", slice_cstr(why[0] ? why : "starting"));
	buf_append_cstr(&body, "}\n");
	answer_json(r, 503, buf_slice(&body));
}

static void answer_metrics(struct service_admin *a, struct http_request *r)
{
	_cleanup_(buf_free) struct buf body = {0};

	refresh_process(a);
	metrics_write(a->def->name, &body);
	http_answer(r, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, 0, buf_slice(&body));
}

static void on_request(void *ctx, struct http_request *r)
{
	struct service_admin *a = ctx;

	if (!slice_is(http_method(r), "GET")) {
		const struct http_header_out allow = {"Allow", SLICE("GET")};

		http_answer(r, 405, "application/json", &allow, 1,
			    SLICE("{\"error\":\"only GET here\"}\n"));
	} else if (slice_is(http_path(r), "/healthz")) {
		answer_json(r, 200, SLICE("{\"status\":\"ok\"}\n"));
	} else if (slice_is(http_path(r), "/readyz")) {
		answer_ready(a, r);
	} else if (slice_is(http_path(r), "/metrics")) {
		answer_metrics(a, r);
	} else {
		answer_json(r, 404,
			    SLICE("{\"error\":\"there are /healthz, /readyz and /metrics\"}\n"));
	}
}

static size_t no_body(_unused_ void *ctx, _unused_ struct slice method, _unused_ struct slice path)
{
	return 0;
}

enum result service_admin_open(struct service_admin *a, const char *address,
			       struct error *ret_error)
{
	const struct http_options options = {
	    .limits = admin_limits, .body_limit = no_body, .on_request = on_request, .ctx = a};
	const char *colon = strrchr(address, ':');
	struct slice host;
	int64_t port;

	if (!colon || !slice_to_int64(slice_cstr(colon + 1), &port) || port < 0 || port > 65535)
		return error_set(
		    ret_error, RESULT_BAD,
		    "admin address \"%s\": expected host:port, for example 127.0.0.1:7010",
		    address);
	host = slice_of(address, (size_t)(colon - address));
	if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
		host = slice_of(host.data + 1, host.len - 2);
	if (host.len == 0 || host.len >= sizeof(a->host))
		return error_set(ret_error, RESULT_BAD, "admin address \"%s\": expected host:port",
				 address);

	snprintf(a->host, sizeof(a->host), SLICE_FMT, SLICE_ARG(host));
	a->server = http_listen(a->service->loop, a->host, (int)port, &options, ret_error);
	return a->server ? RESULT_OK : RESULT_FATAL;
}

void service_admin_close(struct service_admin *a)
{
	if (a->server)
		http_close(a->server);
	a->server = NULL;
}
