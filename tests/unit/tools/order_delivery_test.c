/* An order's delivery settings in a file: what is wrong is told with its line, before anything is published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tools/order_delivery.h"

static char *read_order(struct arena *a, const char *text, struct yaml_faults *f)
{
	f->file = "orders.yaml";
	return order_delivery_read(a, yaml_parse(a, slice_cstr(text), f), "bank-a", f);
}

static void what_is_written_is_what_delivery_will_read(_unused_ void **state)
{
	struct arena a = {0};
	struct yaml_faults f = {0};

	assert_string_equal(
	    read_order(&a,
		       "delivery:\n"
		       "  webhook:\n"
		       "    url: \"https://a.example/\"\n"
		       "    timeout_ms: 3000\n"
		       "    template: {Phone: \"{phone|digits}\", n: 7, s: \"7\", t: true}\n"
		       "    success: {status: [200], accepted: {pattern: \"*ok*\"}}\n"
		       "  on_unknown: retry_same\n",
		       &f),
	    "{\"webhook\":{\"url\":\"https://a.example/\",\"timeout_ms\":3000,\"template\":{"
	    "\"Phone\":\"{phone|digits}\",\"n\":7,\"s\":\"7\",\"t\":true},\"success\":{\"status\":["
	    "200],\"accepted\":{\"pattern\":\"*ok*\"}}},\"on_unknown\":\"retry_same\"}");
	assert_int_equal(f.count, 0);
	arena_free(&a);
}

static void each_fault_is_told_with_its_line(_unused_ void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
	    {"id: bank-a\n", "orders.yaml:1: order bank-a: expected delivery"},
	    {"id: bank-a\ndelivery: yes\n", "orders.yaml:2: order bank-a: expected delivery"},
	    {"delivery:\n  on_unknown: retry_same\n", "name no channel"},
	    {"delivery:\n  webhook:\n    url: \"ftp://a.example\"\n",
	     "orders.yaml:3: order bank-a: delivery: webhook.url"},
	    {"delivery:\n  webhook:\n    url: \"https://a.example\"\n    success:\n      status: "
	     "[200]\n"
	     "      refused: {pointer: /a}\n",
	     "orders.yaml:6: order bank-a: delivery: webhook.success.refused"},
	    {"delivery:\n  webhook:\n    url: \"https://a.example\"\n    template:\n      a: "
	     "\"{phon}\"\n",
	     "no such value"},
	    {"delivery:\n  webhook: {url: \"https://a.example\"}\n  on_unknow: retry_same\n",
	     "orders.yaml:3: order bank-a: delivery: on_unknow: unknown"},
	    {"delivery:\n  webhook: {url: \"https://a.example\"}\n  on_unknown: sell_again\n",
	     "orders.yaml:3: order bank-a: delivery: on_unknown"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena a = {0};
		struct yaml_faults f = {0};

		assert_string_equal(read_order(&a, rows[i].text, &f), "");
		if (!strstr(buf_cstr(&f.text), rows[i].says))
			fail_msg("row %zu: %s", i, buf_cstr(&f.text));
		yaml_faults_free(&f);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_is_what_delivery_will_read),
	    cmocka_unit_test(each_fault_is_told_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
