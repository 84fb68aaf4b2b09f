/* endpoint: where and how one order wants its leads: the order's delivery settings, read and checked.
 *
 *     {"webhook": {"url": "https://…", "timeout_ms": 5000, "body": "form", "template": {…}, "headers": {…},
 *                  "auth": {"bearer": "crm"}, "client_certificate": "crm", "success": {…}},
 *      "on_unknown": "retry_same"}
 *
 * `template` is checked by channels/template.h, `success` by answer_rules.h. Secrets are named, never written: "crm" is a file
 * in the advertiser's folder of `delivery.credentials_dir`. */
#ifndef PUNNET_DELIVERY_ENDPOINT_H
#define PUNNET_DELIVERY_ENDPOINT_H

#include "answer_rules.h"
#include "mail.h"

#define ENDPOINT_URL_MAX         2048
#define ENDPOINT_HEADERS_MAX     8
#define ENDPOINT_HEADER_NAME_MAX 64
#define ENDPOINT_HEADER_MAX      512 /* bytes of a header of the order's own, name and value */
#define ENDPOINT_SECRET_NAME_MAX 64
#define ENDPOINT_TIMEOUT_MIN_MS  100
#define ENDPOINT_TIMEOUT_MAX_MS  30000
#define ENDPOINT_JSON_MAX_BYTES  (64 * 1024)

#define ENDPOINT_ABSENT_STATUS_MAX 8

enum body_form { BODY_JSON, BODY_FORM };
enum auth_kind { AUTH_NONE, AUTH_BASIC, AUTH_BEARER, AUTH_HEADER };

/* The nodes live where the settings were parsed. */
struct endpoint {
	char url[ENDPOINT_URL_MAX];
	int64_t timeout_ms;
	struct answer_rules rules;
	enum body_form form;
	const struct json *template_root; /* NULL: the document of ours */
	const struct json *headers;       /* NULL: none of the order's own */
	enum auth_kind auth;
	char auth_header[ENDPOINT_HEADER_NAME_MAX]; /* AUTH_HEADER: which one holds the secret */
	char auth_secret[ENDPOINT_SECRET_NAME_MAX];
	char certificate[ENDPOINT_SECRET_NAME_MAX]; /* "" = none is shown */
	struct mail_settings mail;
	const struct json *query; /* on_unknown: how to ask; NULL: the same request again */
};

/* How an advertiser is asked whether a lead arrived: a GET, its answer read by rules of its own.
 *
 *     {"query": {"url": "https://…/{key}", "timeout_ms": 3000, "success": {…}, "absent": {"status": [404], "pattern": "…"}}} */
struct status_query {
	char url[ENDPOINT_URL_MAX]; /* with places */
	int64_t timeout_ms;
	struct answer_rules rules;
	uint32_t absent_status[ENDPOINT_ABSENT_STATUS_MAX];
	size_t absent_status_count;
	struct answer_rule absent;
};

/* The settings of a webhook: the object under "webhook". */
_must_use_ enum result endpoint_read_webhook(const struct json *settings,
					     int64_t default_timeout_ms, struct endpoint *ret,
					     struct error *ret_error);
/* The object under "on_unknown". */
_must_use_ enum result endpoint_read_query(const struct json *on_unknown,
					   int64_t default_timeout_ms, struct status_query *ret,
					   struct error *ret_error);
/* http or https, a host, no user and password, no white space or control characters. */
bool endpoint_url_usable(struct slice url);
bool endpoint_url_is_https(const char *url);
/* May an order set it: a token, and none of those that the protocol or the signature needs. */
bool endpoint_header_free(struct slice name);

#endif
