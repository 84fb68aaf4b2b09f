/* A round of the auditor while an end is told that is too old, as a broker does that stood still and was deposed: what is written
 * beyond it is neither missing nor of nobody. On a bus in memory, whose ends are told as the test says.
 *
 * Controls: `causes_unwaited` takes every end for the end, `commits_undeferred` every commit for due; each must make it fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit_traffic.h"
#include "payout/store/db.h"
#include "payout/store/schema.h"
#include "runtime/clock.h"
#include "tools/audit_backlog.h"

#define WAIT_MS        5000
#define CAUSES_WAIT_MS 1200 /* some more than the ends are told wrongly for */
#define SURE_MS        300

static const char *const names[SCAN_TOPICS] = {
    [SCAN_DEAD] = "dead.letters",       [SCAN_RAW] = "leads.raw",
    [SCAN_JUDGED] = "leads.judged",     [SCAN_MARKET] = "market",
    [SCAN_ROUTED] = "leads.routed",     [SCAN_UNSOLD] = "leads.unsold",
    [SCAN_ATTEMPTS] = "leads.attempts", [SCAN_OUTCOMES] = "leads.outcomes",
};

/* --- an end that is too old --- */

static struct {
	const char *topic;
	int64_t end;
	int times; /* that it is told */
} old;

enum result __real_bus_offsets(struct bus *b, const char *topic, int32_t partition, int timeout_ms,
			       int64_t *ret_low, int64_t *ret_high);
enum result __wrap_bus_offsets(struct bus *b, const char *topic, int32_t partition, int timeout_ms,
			       int64_t *ret_low, int64_t *ret_high);

enum result __wrap_bus_offsets(struct bus *b, const char *topic, int32_t partition, int timeout_ms,
			       int64_t *ret_low, int64_t *ret_high)
{
	enum result r = __real_bus_offsets(b, topic, partition, timeout_ms, ret_low, ret_high);

	if (!old.topic || strcmp(topic, old.topic) != 0 || old.times <= 0)
		return r;
	old.times--;
	*ret_high = MIN_OF(*ret_high, old.end);
	return r;
}

static void tell_old_end(enum scan_topic topic, int64_t end, int times)
{
	old.topic = names[topic];
	old.end = end;
	old.times = times;
}

/* --- a network of recorded traffic --- */

struct network {
	struct traffic traffic;
	struct bus *bus;
	struct audit_round *round;
	struct audit_findings found;
	char db[64];
};

static char dir[] = "/tmp/punnet-audit-round-XXXXXX";
static int files;

static void make_topics(struct bus *b)
{
	static const char *const more[] = {"dead.letters.acts"};
	struct bus_topic_spec specs[SCAN_TOPICS + ARRAY_LEN(more)];
	struct error e = {0};
	size_t created;

	for (size_t i = 0; i < ARRAY_LEN(specs); i++)
		specs[i] = (struct bus_topic_spec){.name = i < SCAN_TOPICS ? names[i]
									   : more[i - SCAN_TOPICS],
						   .partitions = 1,
						   .retention_ms = -1};
	if (bus_topics_apply(b, specs, ARRAY_LEN(specs), WAIT_MS, &created, &e) != RESULT_OK)
		fail_msg("%s", e.text);
}

static void acknowledged(void *ctx, _unused_ uint64_t token, enum result r, _unused_ int32_t p,
			 _unused_ int64_t offset)
{
	*(size_t *)ctx += r == RESULT_OK;
}

/* The recording leaves out what delivery's records say of their cause: the assignment, the attempt. */
static void name_cause(const struct traffic *t, enum scan_topic topic, size_t n)
{
	static Punnet__V1__Provenance source;

	punnet__v1__provenance__init(&source);
	source.offset = n;
	if (topic == SCAN_ATTEMPTS) {
		source.topic = (char *)"leads.routed";
		((Punnet__V1__DeliveryAttempt *)t->records[topic][n].message)->source = &source;
	} else if (topic == SCAN_OUTCOMES && n < t->count[SCAN_ATTEMPTS]) {
		source.topic = (char *)"leads.attempts";
		((Punnet__V1__Outcome *)t->records[topic][n].message)->source = &source;
	}
}

static void store_all(struct network *n, enum scan_topic last)
{
	size_t stored = 0, count = 0;
	struct bus_producer_options o = {
	    .on_ack = acknowledged, .ctx = &stored, .max_in_flight = 1000};
	struct error e = {0};
	struct bus_producer *p = bus_producer_open(n->bus, &o, &e);

	assert_non_null(p);
	for (int t = SCAN_RAW; t <= (int)last; t++) {
		for (size_t i = 0; i < n->traffic.count[t]; i++) {
			const struct traffic_record *r = &n->traffic.records[t][i];
			_cleanup_(buf_free) struct buf b = {0};
			const ProtobufCMessage *m = r->message;

			if (r->lost)
				continue;
			name_cause(&n->traffic, t, i);
			codec_pack(m, &b);
			assert_int_equal(bus_produce(p, names[t], 0, slice_of(NULL, 0),
						     codec_type(m->descriptor), buf_slice(&b), 0),
					 RESULT_OK);
			count++;
		}
	}
	assert_int_equal(bus_producer_flush(p, WAIT_MS), RESULT_OK);
	assert_int_equal(stored, count);
	bus_producer_close(p);
}

static int64_t from_earliest(_unused_ void *ctx, _unused_ const struct bus_assignment *a,
			     _unused_ enum result *ret_result)
{
	return -1;
}

static void give_up(_unused_ void *ctx, _unused_ const char *topic, _unused_ int32_t partition,
		    _unused_ bool lost)
{
}

static void commit(struct bus *b, const char *group, enum scan_topic topic, int64_t next)
{
	struct bus_consumer_options o = {.group = group,
					 .topics = &names[topic],
					 .topic_count = 1,
					 .on_assign = from_earliest,
					 .on_revoke = give_up};
	struct error e = {0};
	struct bus_consumer *c = bus_consumer_open(b, &o, &e);
	struct bus_record record;
	size_t count = 0;

	assert_non_null(c);
	for (int i = 0; i < 1000 && count == 0; i++)
		assert_int_equal(bus_take(c, &record, 1, &count, &e), RESULT_OK);
	assert_int_equal(count, 1);
	bus_release(c, &record, count);
	assert_int_equal(bus_commit_now(c, names[topic], 0, next, slice_of(NULL, 0), WAIT_MS),
			 RESULT_OK);
	bus_consumer_close(c);
}

static void ledger_has_settled(const char *url, int64_t next)
{
	struct error e = {0};
	struct db *d = db_open(url, WAIT_MS, &e);
	char sql[160];

	assert_non_null(d);
	assert_int_equal(schema_apply(d, &e), RESULT_OK);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO offsets (topic, partition, next, next_seq) "
		 "VALUES ('leads.outcomes', 0, %lld, 0)",
		 (long long)next);
	if (next > 0 && db_script(d, sql, &e) != RESULT_OK)
		fail_msg("%s", e.text);
	db_close(d);
}

/* Records up to a topic of the flow, with n of it lost; the stages before it have committed them. */
static struct network *network(enum scan_topic last, size_t lost, int64_t settled)
{
	struct network *n = calloc(1, sizeof(*n));
	struct error e = {0};

	assert_non_null(n);
	old.topic = NULL;
	traffic_record(&n->traffic);
	for (size_t i = 0; i < lost; i++)
		n->traffic.records[last][n->traffic.count[last] - 1 - i].lost = true;
	n->bus = bus_open("memory:", "test", &e);
	assert_non_null(n->bus);
	make_topics(n->bus);
	store_all(n, last);
	commit(n->bus, "router-decide", SCAN_MARKET, (int64_t)n->traffic.count[SCAN_MARKET]);
	snprintf(n->db, sizeof(n->db), "sqlite:%s/%d.db", dir, files++);
	ledger_has_settled(n->db, settled);
	return n;
}

static void listen_to(struct network *n)
{
	struct audit_round_settings s = {.db = n->db,
					 .worker_group = "filter-worker",
					 .key = 7,
					 .causes_wait_ms = CAUSES_WAIT_MS,
					 .sure_ms = SURE_MS};
	struct error e = {0};

	if (!n->round)
		n->round = audit_round_open(n->bus, &s, &e);
	assert_non_null(n->round);
	if (audit_round_read(n->round, &n->found, &e) != RESULT_OK)
		fail_msg("%s", e.text);
}

static void end(struct network *n)
{
	audit_round_close(n->round);
	bus_close(n->bus);
	traffic_free(&n->traffic);
	free(n);
}

static void nothing_is_broken(const struct network *n)
{
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
		if (n->found.lines[i].broken)
			fail_msg("%s: %s", audit_name((enum audit_invariant)i),
				 n->found.lines[i].first);
}

/* --- what is tried --- */

static void an_outcome_that_is_seen_before_its_attempt_waits(_unused_ void **state)
{
	struct network *n = network(SCAN_OUTCOMES, 0, 0);

	tell_old_end(SCAN_ATTEMPTS, 3, 3);
	listen_to(n);
	nothing_is_broken(n);
	assert_int_equal(n->found.lines[AUDIT_ASSIGNED_ANSWERED].count,
			 n->traffic.count[SCAN_ATTEMPTS]);
	end(n);
}

static void each_topic_of_the_flow_may_be_the_old_one(_unused_ void **state)
{
	for (int t = SCAN_RAW; t < SCAN_OUTCOMES; t++) {
		struct network *n = network(SCAN_OUTCOMES, 0, 0);

		tell_old_end(t, 1, 1);
		listen_to(n);
		nothing_is_broken(n);
		end(n);
	}
}

static void what_the_ledger_has_settled_is_there(_unused_ void **state)
{
	struct network *n = network(SCAN_OUTCOMES, 0, 0);
	int64_t all = (int64_t)n->traffic.count[SCAN_OUTCOMES];

	end(n);
	n = network(SCAN_OUTCOMES, 0, all);
	tell_old_end(SCAN_OUTCOMES, 2, 3);
	listen_to(n);
	assert_int_equal(n->found.lines[AUDIT_ASSIGNED_ANSWERED].count,
			 n->traffic.count[SCAN_ATTEMPTS]);
	assert_int_equal(n->found.lines[AUDIT_OUTCOMES_SETTLED].count, (uint64_t)all);
	end(n);
}

static void an_end_that_went_back_is_asked_for_again(_unused_ void **state)
{
	struct network *n = network(SCAN_OUTCOMES, 0, 0);

	listen_to(n);
	tell_old_end(SCAN_OUTCOMES, 2, 2);
	listen_to(n);
	nothing_is_broken(n);
	assert_int_equal(old.times, 0);
	end(n);
}

static void a_decision_beyond_an_old_end_is_not_lost(_unused_ void **state)
{
	struct network *n = network(SCAN_UNSOLD, 0, 0);

	tell_old_end(SCAN_ROUTED, 4, 1);
	listen_to(n);
	nothing_is_broken(n);
	end(n);
}

static void one_that_is_lost_is_found_at_once(_unused_ void **state)
{
	struct network *n = network(SCAN_UNSOLD, 1, 0);

	listen_to(n);
	assert_true(n->found.lines[AUDIT_ADMITTED_DECIDED].broken +
			n->found.lines[AUDIT_OFFERED_ON].broken >
		    0);
	end(n);
}

static void a_cause_that_never_comes_is_found(_unused_ void **state)
{
	struct network *n = network(SCAN_OUTCOMES, 0, 0);

	tell_old_end(SCAN_ATTEMPTS, 3, 1000);
	listen_to(n);
	assert_true(n->found.lines[AUDIT_ASSIGNED_ANSWERED].broken > 0);
	end(n);
}

static void the_backlog_is_known_without_reading(_unused_ void **state)
{
	struct network *n = network(SCAN_OUTCOMES, 0, 5);
	struct audit_round_settings s = {.db = n->db, .worker_group = "filter-worker"};
	struct audit_stage_line stages[AUDIT_STAGES];
	int64_t later_ms = clock_now_ms() + 90000;
	struct error e = {0};

	commit(n->bus, "router-admit", SCAN_JUDGED, TRAFFIC_LEADS - 3);
	assert_int_equal(audit_backlog_read(n->bus, &s, later_ms, stages, &e), RESULT_OK);
	assert_int_equal(stages[AUDIT_JUDGING].behind, TRAFFIC_LEADS);
	assert_int_equal(stages[AUDIT_ADMITTING].behind, 3);
	assert_int_equal(stages[AUDIT_DECIDING].behind, 0);
	assert_int_equal(stages[AUDIT_SETTLING].behind, n->traffic.count[SCAN_OUTCOMES] - 5);
	for (enum audit_stage i = 0; i < AUDIT_STAGES; i++) {
		if (i == AUDIT_DECIDING)
			assert_int_equal(stages[i].behind_ms, 0);
		else
			assert_in_range(stages[i].behind_ms, 90000, 100000);
	}
	end(n);
}

static int make_dir(_unused_ void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(_unused_ void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[128];

	for (int i = 0; i < files; i++)
		for (size_t k = 0; k < ARRAY_LEN(ends); k++) {
			snprintf(path, sizeof(path), "%s/%d.db%s", dir, i, ends[k]);
			(void)unlink(path);
		}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_outcome_that_is_seen_before_its_attempt_waits),
	    cmocka_unit_test(each_topic_of_the_flow_may_be_the_old_one),
	    cmocka_unit_test(what_the_ledger_has_settled_is_there),
	    cmocka_unit_test(an_end_that_went_back_is_asked_for_again),
	    cmocka_unit_test(a_decision_beyond_an_old_end_is_not_lost),
	    cmocka_unit_test(one_that_is_lost_is_found_at_once),
	    cmocka_unit_test(a_cause_that_never_comes_is_found),
	    cmocka_unit_test(the_backlog_is_known_without_reading),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
