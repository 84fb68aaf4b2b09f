/* endpoint: where and how one order wants its leads: the order's delivery settings, read and checked.
 *
 *     {"webhook": {"url": "https://…", "timeout_ms": 5000, "success": {…}}, "on_unknown": "retry_same"}
 *
 * `success` says how an answer is read; all of it is optional:
 *     {"status": [200, 201, 202, 204], "refused_pointer": "/outcome", "refused_values": ["refused", "rejected"],
 *      "reason_pointer": "/reason"} */
#ifndef PUNNET_DELIVERY_ENDPOINT_H
#define PUNNET_DELIVERY_ENDPOINT_H

#include "base/json.h"
#include "base/result.h"

#define ENDPOINT_URL_MAX        2048
#define ENDPOINT_POINTER_MAX    64
#define ENDPOINT_VALUE_MAX      32
#define ENDPOINT_VALUES_MAX     8
#define ENDPOINT_STATUS_MAX     16
#define ENDPOINT_TIMEOUT_MIN_MS 100
#define ENDPOINT_TIMEOUT_MAX_MS 30000
#define ENDPOINT_JSON_MAX_BYTES (64 * 1024)

struct answer_rules {
	uint32_t ok_status[ENDPOINT_STATUS_MAX];
	size_t ok_status_count;
	char refused_pointer[ENDPOINT_POINTER_MAX]; /* RFC 6901 */
	char refused_values[ENDPOINT_VALUES_MAX][ENDPOINT_VALUE_MAX];
	size_t refused_value_count;
	char reason_pointer[ENDPOINT_POINTER_MAX];
};

struct endpoint {
	char url[ENDPOINT_URL_MAX];
	int64_t timeout_ms;
	struct answer_rules rules;
};

void answer_rules_default(struct answer_rules *ret);
/* The settings of a webhook: the object under "webhook". */
_must_use_ enum result endpoint_read_webhook(const struct json *settings,
					     int64_t default_timeout_ms, struct endpoint *ret,
					     struct error *ret_error);
/* http or https, a host, no user and password, no white space or control characters. */
bool endpoint_url_usable(struct slice url);
/* RFC 6901; NULL when it leads nowhere. */
const struct json *json_at_pointer(const struct json *root, const char *pointer);

#endif
