/* floor-delivery: the least that a webhook can cost with libcurl: one multi handle, connections kept, the same request
 * again and again. Nothing is read, opened, signed or recorded.
 *
 *   bench-floor-delivery --port P --count N [--in-flight K] */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

#define IN_FLIGHT_MAX 1024

/* Of the size and shape of a real one. */
static const char body[] =
    "{\"lead_id\":\"019401a0-7d3c-7a51-8d2e-0123456789ab\",\"order_id\":\"bench-credit_card\","
    "\"round\":0,\"vertical\":\"credit_card\",\"phone\":\"+79161234567\",\"email\":"
    "\"lead.1234567@example.ru\",\"first_name\":\"Maria\",\"last_name\":\"Sokolova\",\"country\":"
    "\"RU\",\"city\":\"Nizhny Novgorod\",\"language\":\"ru-RU\",\"os\":\"Android\",\"price\":"
    "{\"amount_minor\":45000,\"currency\":\"RUB\"},\"received_at\":\"2026-12-01T10:00:00.123Z\","
    "\"is_test\":false,\"fields\":{\"limit\":100000}}";

static size_t discard(_unused_ char *data, size_t size, size_t count, _unused_ void *ctx)
{
	return size * count;
}

static CURL *make_request(const char *url, struct curl_slist *headers)
{
	CURL *e = curl_easy_init();

	if (!e)
		bench_die("out of memory");
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)sizeof(body) - 1);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, 10000L);
	return e;
}

static void check(CURLMsg *m)
{
	long status = 0;

	curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
	if (m->data.result != CURLE_OK || status != 200)
		bench_die("a webhook ended with %s, status %ld", curl_easy_strerror(m->data.result),
			  status);
}

int main(int argc, char **argv)
{
	int64_t count = bench_option_int(argc, argv, "count", 1000);
	int64_t in_flight = MIN_OF(bench_option_int(argc, argv, "in-flight", 64), IN_FLIGHT_MAX);
	int64_t started = 0, done = 0, from_ns = 0, cpu_us = 0;
	struct curl_slist *headers = NULL;
	CURLM *multi;
	char url[100];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/bench",
		 (int)bench_option_int(argc, argv, "port", 7080));
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	headers = curl_slist_append(headers, "Content-Type: application/json");
	headers =
	    curl_slist_append(headers, "Idempotency-Key: 019401a0-7d3c-7a51-8d2e-0123456789ab.0");
	headers = curl_slist_append(headers, "Expect:");
	for (; started < MIN_OF(in_flight, count); started++)
		curl_multi_add_handle(multi, make_request(url, headers));
	while (done < count) {
		int running, left;
		CURLMsg *m;

		curl_multi_perform(multi, &running);
		while ((m = curl_multi_info_read(multi, &left)) != NULL) {
			CURL *e = m->easy_handle;

			check(m);
			curl_multi_remove_handle(multi, e);
			if (++done == count / 10) {
				from_ns = bench_now_ns();
				cpu_us = bench_own_cpu_us();
			}
			if (started < count) {
				curl_multi_add_handle(multi, e);
				started++;
			} else {
				curl_easy_cleanup(e);
			}
		}
		if (done < count)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	count -= count / 10;
	printf("{\"webhooks\":%" PRId64 ",\"per_s\":%.1f,\"cpu_us\":%.4f}\n", count,
	       (double)count * 1e9 / (double)(bench_now_ns() - from_ns),
	       (double)(bench_own_cpu_us() - cpu_us) / (double)count);
	curl_multi_cleanup(multi);
	curl_slist_free_all(headers);
	return 0;
}
