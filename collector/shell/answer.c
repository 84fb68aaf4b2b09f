/* answer: how the front door speaks: JSON, problem documents, and the headers that belong to them. */
#include "collector.h"

#include <stdio.h>

#include "runtime/metrics.h"

#define ANSWER_HEADERS_MAX 8

static const char problem_type[] = "application/problem+json";

void answer_send(struct http_request *r, int status, const char *type, struct slice body,
		 const struct answer_extra *extra)
{
	struct http_header_out headers[ANSWER_HEADERS_MAX];
	size_t count = 0;
	char retry[16];

	if (extra && extra->allow)
		headers[count++] = (struct http_header_out){"Allow", slice_cstr(extra->allow)};
	if (extra && extra->challenge)
		headers[count++] = (struct http_header_out){"WWW-Authenticate", SLICE("Bearer")};
	if (extra && extra->retry_after_s > 0) {
		snprintf(retry, sizeof(retry), "%u", extra->retry_after_s);
		headers[count++] = (struct http_header_out){"Retry-After", slice_cstr(retry)};
	}
	if (extra && extra->replayed)
		headers[count++] = (struct http_header_out){"Idempotency-Replayed", SLICE("true")};
	if (extra && extra->page_origin.len > 0) {
		headers[count++] =
		    (struct http_header_out){"Access-Control-Allow-Origin", extra->page_origin};
		headers[count++] = (struct http_header_out){
		    "Access-Control-Expose-Headers", SLICE("Retry-After, Idempotency-Replayed")};
	}
	if (http_header(r, "origin").len > 0)
		headers[count++] = (struct http_header_out){"Vary", SLICE("Origin")};
	assert(count <= ANSWER_HEADERS_MAX);
	http_answer(r, status, type, headers, count, body);
}

void answer_count(enum problem p)
{
	static const enum metric counters[PROBLEM_COUNT] = {
#define PROBLEM(name, status, code, title) [PROBLEM_##name] = METRIC_COLLECTOR_PROBLEM_##name,
#include "collector/core/problems.def"
#undef PROBLEM
	};

	metric_add(counters[p], 1);
}

void answer_problem(struct http_request *r, enum problem p, const char *detail,
		    const struct answer_extra *extra)
{
	struct answer_extra with = extra ? *extra : (struct answer_extra){0};
	struct buf body = {0};

	answer_count(p);
	if (problem_status(p) == 401)
		with.challenge = true;
	if (problem_status(p) == 503 && with.retry_after_s == 0)
		with.retry_after_s = COLLECTOR_PAUSE_S;
	problem_write(p, 0, detail, NULL, &body);
	answer_send(r, problem_status(p), problem_type, buf_slice(&body), &with);
	buf_free(&body);
}

void answer_fault(_unused_ void *ctx, int status, struct buf *ret_body, const char **ret_type)
{
	enum problem p = problem_of_status(status);

	answer_count(p);
	problem_write(p, 0, NULL, NULL, ret_body);
	*ret_type = problem_type;
}
