/* Metrics as Prometheus reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "runtime/metrics.h"

static void expect(const struct buf *text, const char *line)
{
	if (!strstr(text->data, line))
		fail_msg("no \"%s\" in:\n%s", line, text->data);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		n++;
	return n;
}

static void a_service_shows_its_own_and_the_processs_metrics(_unused_ void **state)
{
	struct buf out = {0};

	metric_add(METRIC_COLLECTOR_ACCEPTED, 3);
	metric_set(METRIC_PROCESS_START, 1796040000);
	metrics_write("collector", &out);
	buf_cstr(&out);
	expect(&out, "# TYPE punnet_collector_leads_received_total counter\n");
	expect(&out, "\npunnet_collector_leads_received_total 3\n");
	expect(&out, "# TYPE punnet_process_start_time_seconds "
		     "gauge\npunnet_process_start_time_seconds 1796040000\n");
	assert_null(strstr(out.data, "punnet_router"));
	assert_int_equal(metric_value(METRIC_COLLECTOR_ACCEPTED), 3);
	buf_free(&out);
}

static void a_histogram_is_cumulative_and_sums_in_seconds(_unused_ void **state)
{
	struct buf out = {0};

	metric_observe_us(METRIC_COLLECTOR_ACK_TIME, 100);
	metric_observe_us(METRIC_COLLECTOR_ACK_TIME, 101);
	metric_observe_us(METRIC_COLLECTOR_ACK_TIME, 2000000);
	metric_observe_us(METRIC_COLLECTOR_ACK_TIME, 200000000);
	metrics_write("collector", &out);
	buf_cstr(&out);
	expect(&out, "_ack_time_seconds_bucket{le=\"0.0001\"} 1\n");
	expect(&out, "_ack_time_seconds_bucket{le=\"0.0002\"} 2\n");
	expect(&out, "_ack_time_seconds_bucket{le=\"1\"} 2\n");
	expect(&out, "_ack_time_seconds_bucket{le=\"2\"} 3\n");
	expect(&out, "_ack_time_seconds_bucket{le=\"100\"} 3\n");
	expect(&out, "_ack_time_seconds_bucket{le=\"+Inf\"} 4\n");
	expect(&out, "_ack_time_seconds_sum 202.000201\n");
	expect(&out, "_ack_time_seconds_count 4\n");
	buf_free(&out);
}

/* Whatever stands in the table: each name has one HELP and one TYPE, and nothing of another name in between. */
static void every_name_is_declared_once(_unused_ void **state)
{
	static const char *const services[] = {"collector", "filter-worker", "router", "delivery",
					       "payout"};

	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		struct buf out = {0};
		char *save = NULL, *line;

		metrics_write(services[i], &out);
		char *copy = strdup(buf_cstr(&out));

		for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			char type[256];
			size_t n;

			if (strncmp(line, "# TYPE ", 7) != 0)
				continue;
			n = strcspn(line + 7, " ");
			snprintf(type, sizeof(type), "\n# TYPE %.*s ", (int)n, line + 7);
			if (count(out.data, type) != 1)
				fail_msg("%s: more than once: %s", services[i], type);
		}
		free(copy);
		buf_free(&out);
	}
}

static void a_service_may_be_named_with_a_dash_or_an_underscore(_unused_ void **state)
{
	struct buf dash = {0}, underscore = {0};

	metrics_write("filter-worker", &dash);
	metrics_write("filter_worker", &underscore);
	assert_string_equal(buf_cstr(&dash), buf_cstr(&underscore));
	expect(&dash, "punnet_filter_worker_");
	buf_free(&dash);
	buf_free(&underscore);
}

static void each_member_of_a_set_is_counted_by_its_name(_unused_ void **state)
{
	static const char *const names[] = {"honeypot", "fill_time"};
	struct buf out = {0};

	metric_members(METRIC_FILTER_HITS, names, ARRAY_LEN(names));
	metric_add_member(METRIC_FILTER_HITS, 1, 3);
	metrics_write("filter-worker", &out);
	expect(&out, "# TYPE punnet_filter_worker_hits_total counter\n"
		     "punnet_filter_worker_hits_total{filter=\"honeypot\"} 0\n"
		     "punnet_filter_worker_hits_total{filter=\"fill_time\"} 3\n");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_service_shows_its_own_and_the_processs_metrics),
	    cmocka_unit_test(a_histogram_is_cumulative_and_sums_in_seconds),
	    cmocka_unit_test(every_name_is_declared_once),
	    cmocka_unit_test(each_member_of_a_set_is_counted_by_its_name),
	    cmocka_unit_test(a_service_may_be_named_with_a_dash_or_an_underscore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
