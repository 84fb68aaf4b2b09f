/* An erased person's lead is handed over to nobody: not the first time, not at a retry, not by a successor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#include "flow_world.h"
#include "lead/contact_prints.h"
#include "proto/leads_attempts.pb-c.h"
#include "runtime/clock.h"

static void erase(struct world *w)
{
	Punnet__V1__DirectoryEntry e = PUNNET__V1__DIRECTORY_ENTRY__INIT;
	Punnet__V1__Erasure erasure = PUNNET__V1__ERASURE__INIT;
	struct contact_prints prints;
	char hex[2 * FINGERPRINT_LEN + 1], id[64];

	contact_prints_of(keyring_fingerprint_key(w->keyring), SLICE(FLOW_PHONE), (struct slice){0},
			  &prints);
	sodium_bin2hex(hex, sizeof(hex), prints.phone.bytes, FINGERPRINT_LEN);
	snprintf(id, sizeof(id), "erasure/%s", hex);
	erasure.erased_at_ms = clock_now_ms();
	e.id = id;
	e.revision = 1;
	e.entry_case = PUNNET__V1__DIRECTORY_ENTRY__ENTRY_ERASURE;
	e.erasure = &erasure;
	put_message(w, "directory", 0, slice_cstr(id), &e.base);
}

static void check_outcome(struct world *w, uint8_t lead, uint32_t attempts)
{
	struct outcomes *o = calloc(1, sizeof(*o));
	const struct seen *s;

	turn_until(w, "leads.outcomes", lead);
	read_topic(w, "leads.outcomes", seen_outcome, o);
	s = outcome_of_lead(o, lead);
	assert_int_equal(s->kind, PUNNET__V1__OUTCOME_KIND__OUTCOME_UNDELIVERABLE);
	assert_string_equal(s->reason, "erased");
	assert_int_equal(s->attempts, attempts);
	free(o);
}

static void an_erased_lead_is_not_sent_and_says_why(_unused_ void **state)
{
	static const struct routed first = {1, "status/200", "bank-a", SEALING_DAY};
	struct world w;

	world_open(&w);
	open_delivery(&w);
	erase(&w);
	route(&w, &first, NULL);
	check_outcome(&w, 1, 1);
	world_close(&w);
}

static void a_retry_ends_with_the_erasure_also_after_a_restart(_unused_ void **state)
{
	static const struct routed first = {1, "status/500", "bank-a", SEALING_DAY};
	static const struct routed second = {2, "status/200", "bank-a", SEALING_DAY};
	struct error e = {0};
	struct world w;

	world_open(&w);
	open_delivery(&w);
	route(&w, &first, NULL);
	turn_until(&w, "leads.attempts", 1);
	erase(&w);
	check_outcome(&w, 1, 2);
	delivery_drain(w.delivery);
	while (!delivery_drained(w.delivery))
		turn_once(&w);
	close_delivery(&w);
	directory_close(w.directory);
	w.directory = directory_open(w.bus, 5000, &e);
	open_delivery(&w);
	route(&w, &second, NULL);
	check_outcome(&w, 2, 1);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_erased_lead_is_not_sent_and_says_why),
	    cmocka_unit_test(a_retry_ends_with_the_erasure_also_after_a_restart),
	};

	return cmocka_run_group_tests(tests, flow_start_server, flow_stop_server);
}
