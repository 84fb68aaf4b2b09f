/* A child writes the state of the moment at which it was started, whatever becomes of the parent's; one that ends early gives
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "play.h"
#include "router/shell/shared_memory.h"
#include "router/shell/snapshot_child.h"

#define LEADS  3000
#define TRIES  50 /* until a child is stopped before it has ended */
#define NOW_MS (1796083200000LL)

static void some_leads(struct play *p, uint64_t from, const char *country)
{
	for (uint64_t n = from; n < from + LEADS; n++) {
		struct play_lead l = {
		    .vertical = "osago", .country = country, .judged_offset = UINT64_MAX};

		l.id = play_lead_id(n);
		(void)play_lead(p, NOW_MS + (int64_t)n, &l);
	}
}

static void a_market(struct play *p)
{
	struct play_order o = {.id = "A", .vertical = "osago", .revision = 1, .price_minor = 4000};

	*p = (struct play){.market = market_new_in(0, &shared_memory)};
	(void)play_rate(p, NOW_MS, "osago", 6000);
	(void)play_order(p, NOW_MS, &o);
	some_leads(p, 1, "RU");
	assert_int_equal(market_open_leads(p->market), LEADS);
}

static enum result wait_for(struct snapshot_child *c, struct slice *ret, uint8_t *ret_hash)
{
	enum result r;

	/* the poll is what is tested: waitid() waits without taking the child's end away from it */
	if (c->pid > 0) {
		siginfo_t info;

		assert_int_equal(waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT), 0);
	}
	r = snapshot_child_poll(c, ret, ret_hash);
	assert_int_not_equal(r, RESULT_AGAIN);
	return r;
}

static void the_state_of_the_fork_is_what_is_written(void **state)
{
	uint8_t hash[SNAPSHOT_HASH_LEN], hash_here[SNAPSHOT_HASH_LEN];
	_cleanup_(buf_free) struct buf here = {0}, later = {0};
	struct snapshot_child child = {0};
	struct slice bytes;
	struct play p;

	(void)state;
	a_market(&p);
	market_encode(p.market, &here);
	assert_true(snapshot_child_start(&child, p.market));
	some_leads(&p, LEADS + 1, "RU");
	market_encode(p.market, &later);
	assert_int_equal(wait_for(&child, &bytes, hash), RESULT_OK);
	assert_true(slice_equal(bytes, buf_slice(&here)));
	assert_false(slice_equal(bytes, buf_slice(&later)));
	snapshot_hash(buf_slice(&here), hash_here);
	assert_memory_equal(hash, hash_here, sizeof(hash));
	/* it stays to be read until it is given back */
	assert_int_equal(snapshot_child_poll(&child, &bytes, hash), RESULT_OK);
	snapshot_child_end(&child);
	assert_null(child.shared);
	play_stop(&p);
}

/* All that the market holds of its leads is given back, and taken again by others. */
static void all_leads_change(struct play *p)
{
	for (uint64_t n = 1; n <= LEADS; n++) {
		struct lead_id id = play_lead_id(n);

		(void)play_settle(p, NOW_MS, &id, PUNNET__V1__SETTLEMENT__DELIVERED, 0, "A",
				  UINT64_MAX);
	}
	assert_int_equal(market_open_leads(p->market), 0);
	some_leads(p, LEADS + 1, "KZ");
}

/* Stopped in the middle of its work, so that all changes meanwhile. */
static bool stopped_child(struct snapshot_child *c, struct play *p)
{
	siginfo_t info;

	assert_true(snapshot_child_start(c, p->market));
	assert_int_equal(kill(c->pid, SIGSTOP), 0);
	assert_int_equal(waitid(P_PID, (id_t)c->pid, &info, WEXITED | WSTOPPED | WNOWAIT), 0);
	if (info.si_code == CLD_STOPPED)
		return true;
	snapshot_child_end(c);
	return false;
}

/* Whether the child's bytes are those of the moment of its start. */
static bool child_saw_its_moment(bool held)
{
	_cleanup_(buf_free) struct buf here = {0};
	uint8_t hash[SNAPSHOT_HASH_LEN];
	struct snapshot_child child = {0};
	struct slice bytes;
	struct play p;
	bool same;
	int tries = 0;

	a_market(&p);
	market_encode(p.market, &here);
	while (!stopped_child(&child, &p))
		assert_true(++tries < TRIES);
	if (!held)
		market_release(p.market);
	all_leads_change(&p);
	assert_int_equal(kill(child.pid, SIGCONT), 0);
	same = wait_for(&child, &bytes, hash) == RESULT_OK && slice_equal(bytes, buf_slice(&here));
	snapshot_child_end(&child);
	play_stop(&p);
	return same;
}

static void what_is_shared_with_the_child_stays_as_it_was(void **state)
{
	(void)state;
	assert_true(child_saw_its_moment(true));
	/* and would not, were it not held */
	assert_false(child_saw_its_moment(false));
}

static void a_child_that_is_killed_gives_nothing(void **state)
{
	struct snapshot_child child = {0};
	uint8_t hash[SNAPSHOT_HASH_LEN];
	struct slice bytes;
	struct play p;

	(void)state;
	a_market(&p);
	/* read by the child, where the point is */
	setenv("PUNNET_FAULT", "crash_at:snapshot_child_encoded:1", 1);
	assert_true(snapshot_child_start(&child, p.market));
	unsetenv("PUNNET_FAULT");
	assert_int_equal(wait_for(&child, &bytes, hash), RESULT_BAD);
	snapshot_child_end(&child);
	play_stop(&p);
}

static void one_that_still_works_is_ended(void **state)
{
	struct snapshot_child child = {0};
	struct play p;
	pid_t pid;

	(void)state;
	a_market(&p);
	assert_true(snapshot_child_start(&child, p.market));
	pid = child.pid;
	snapshot_child_end(&child);
	assert_int_equal(kill(pid, 0), -1);
	assert_null(child.shared);
	snapshot_child_end(&child);
	play_stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_state_of_the_fork_is_what_is_written),
	    cmocka_unit_test(what_is_shared_with_the_child_stays_as_it_was),
	    cmocka_unit_test(a_child_that_is_killed_gives_nothing),
	    cmocka_unit_test(one_that_still_works_is_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
