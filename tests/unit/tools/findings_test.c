/* The auditor's findings in audit.findings: told when they change, not told again by a new auditor. On a bus in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/findings.h"
#include "lead/codec.h"
#include "proto/audit_findings.pb-c.h"

#define TOPIC "audit.findings"

static struct bus *with_topic(void)
{
	static const struct bus_topic_spec topic = {
	    .name = TOPIC, .partitions = 1, .retention_ms = -1, .compact = true};
	struct error e = {0};
	struct bus *b = bus_open("memory:", "test", &e);
	size_t created;

	assert_non_null(b);
	assert_int_equal(bus_topics_apply(b, &topic, 1, 5000, &created, &e), RESULT_OK);
	return b;
}

static int64_t stored(struct bus *b)
{
	int64_t low, high;

	assert_int_equal(bus_offsets(b, TOPIC, 0, 5000, &low, &high), RESULT_OK);
	return high;
}

static void tells(struct findings *f, const struct audit_findings *found)
{
	struct error e = {0};

	if (findings_tell(f, found, 1767225600000, &e) != RESULT_OK)
		fail_msg("%s", e.text);
}

static void what_changes_is_told_once(_unused_ void **state)
{
	struct audit_findings *found = calloc(1, sizeof(*found));
	struct bus *b = with_topic();
	struct findings *f = findings_new(b);
	const Punnet__V1__AuditFinding *m;
	struct bus_reader *r = NULL;
	struct bus_record record;
	struct arena a = {0};

	tells(f, found);
	assert_int_equal(stored(b), 0); /* all holds, and nobody ever said otherwise */
	found->lines[3].broken = 2;
	snprintf(found->lines[3].first, sizeof(found->lines[3].first), "lead 7");
	tells(f, found);
	tells(f, found);
	found->lines[3].broken = 9;
	tells(f, found);
	assert_int_equal(stored(b), 1);
	assert_int_equal(bus_last(b, TOPIC, 0, 5000, &r, &record, NULL), RESULT_OK);
	m = codec_unpack(&a, &punnet__v1__audit_finding__descriptor, record.value);
	assert_string_equal(m->invariant, audit_name((enum audit_invariant)3));
	assert_int_equal(m->findings, 2);
	assert_string_equal(m->first, "lead 7");
	bus_reader_close(r);
	arena_free(&a);
	/* a new one finds the same */
	findings_free(f);
	f = findings_new(b);
	tells(f, found);
	assert_int_equal(stored(b), 1);
	found->lines[3].broken = 0;
	found->lines[0].broken = 1;
	tells(f, found);
	assert_int_equal(stored(b), 3);
	findings_free(f);
	bus_close(b);
	free(found);
}

static void without_the_topic_it_says_so_and_goes_on(_unused_ void **state)
{
	struct audit_findings *found = calloc(1, sizeof(*found));
	struct error e = {0};
	struct bus *b = bus_open("memory:", "test", &e);
	struct findings *f = findings_new(b);

	found->lines[0].broken = 1;
	assert_int_equal(findings_tell(f, found, 1, &e), RESULT_AWAY);
	assert_non_null(strstr(e.text, "topics apply"));
	findings_free(f);
	bus_close(b);
	free(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_changes_is_told_once),
	    cmocka_unit_test(without_the_topic_it_says_so_and_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
