/* kv: the filters' memory and the front door's, as processes reach them: over a wire that may fail before the question was heard, or
 * after. One memory kv holds the claims of all workers; a table holds the idempotency keys. */
#include <stdlib.h>

#include "base/map.h"
#include "runtime/kv_internal.h"
#include "sim.h"
#include "world.h"

#define PARTITIONS_MAX 16

/* What the brokers' kv holds beside the claims: which state it is, and what of it is put back. */
static struct {
	uint64_t id;
	bool there[PARTITIONS_MAX];
} state = {.id = 1};

struct sim_kv {
	struct kv kv;
	uint64_t joined; /* the state that this process knows; 0 = none */
};

void kv_empty(void)
{
	uint64_t id = state.id + 1;

	memset(&state, 0, sizeof(state));
	state.id = id;
	sim.kv = kv_memory_open(); /* the old one is left: somebody may be reading its answer */
}

/* --- claims --- */

/* true: nobody answers now; *ret_heard: but it is done. */
static bool is_away(bool *ret_heard)
{
	*ret_heard = true;
	if (sim.now_us >= sim.kv_away_until_us)
		return false;
	*ret_heard = sim_chance(5000);
	return true;
}

static enum result no_answer(struct error *e)
{
	return error_set(e, RESULT_AWAY, "sim: the kv does not answer");
}

static bool is_another(struct kv *k)
{
	struct sim_kv *s = (struct sim_kv *)k;

	return s->joined != 0 && s->joined != state.id;
}

static enum result another(struct error *e)
{
	return error_set(e, RESULT_AGAIN, "sim: the kv's state is another one");
}

static enum result sim_gather(struct kv *k, struct kv_lead *leads, size_t count,
			      struct error *ret_error)
{
	bool heard, away;
	enum result r = RESULT_OK;

	sim_step(STEP_KV, "gather");
	kv_use_time(k);
	away = is_away(&heard);
	if (is_another(k))
		return away ? no_answer(ret_error) : another(ret_error);
	if (heard)
		r = sim.kv->backend->gather(sim.kv, leads, count, ret_error);
	sim_step(STEP_KV, "gather");
	return away ? no_answer(ret_error) : r;
}

static enum result sim_settle(struct kv *k, const struct kv_settle *ops, size_t count,
			      const struct kv_verdict *verdicts, size_t verdict_count,
			      struct error *ret_error)
{
	bool heard, away;
	enum result r = RESULT_OK;

	sim_step(STEP_KV, "settle");
	away = is_away(&heard);
	if (is_another(k))
		return away ? no_answer(ret_error) : another(ret_error);
	if (heard)
		r = sim.kv->backend->settle(sim.kv, ops, count, verdicts, verdict_count, ret_error);
	sim_step(STEP_KV, "settle");
	return away ? no_answer(ret_error) : r;
}

static enum result sim_join(struct kv *k, uint32_t partitions, bool *ret_missing,
			    struct error *ret_error)
{
	bool heard;

	sim_step(STEP_KV, "join");
	if (is_away(&heard))
		return no_answer(ret_error);
	assert(partitions <= PARTITIONS_MAX);
	((struct sim_kv *)k)->joined = state.id;
	for (uint32_t p = 0; p < partitions; p++)
		ret_missing[p] = !state.there[p];
	return RESULT_OK;
}

static enum result sim_restored(struct kv *k, uint32_t partition, struct error *ret_error)
{
	bool heard, away;

	sim_step(STEP_KV, "restored");
	away = is_away(&heard);
	if (is_another(k))
		return away ? no_answer(ret_error) : another(ret_error);
	if (heard)
		state.there[partition] = true;
	return away ? no_answer(ret_error) : RESULT_OK;
}

static void sim_kv_close(struct kv *k)
{
	free(k);
}

static const struct kv_backend backend = {
    .gather = sim_gather,
    .settle = sim_settle,
    .put_back = kv_gather_and_close,
    .join = sim_join,
    .restored = sim_restored,
    .close = sim_kv_close,
};

/* In the place of Redis. */
struct kv *kv_redis_open(_unused_ const struct kv_url *url, _unused_ const char *prefix,
			 _unused_ int timeout_ms)
{
	struct sim_kv *k = calloc(1, sizeof(*k));

	assert(k);
	k->kv.backend = &backend;
	return &k->kv;
}

/* --- idempotency keys --- */

struct idem {
	struct buf record; /* empty: nobody's */
	int64_t ends_us;
};

static struct map idems;

static struct idem *idem_of(struct slice key)
{
	struct idem *i = map_get(&idems, key);

	if (!i) {
		i = calloc(1, sizeof(*i));
		assert(i);
		(void)map_put(&idems, key, i);
	}
	if (i->ends_us <= sim.now_us)
		buf_reset(&i->record);
	return i;
}

struct told {
	kv_idem_fn fn;
	void *ctx;
	enum kv_idem outcome;
	struct buf answer;
};

static void tell(void *ctx)
{
	struct told *t = ctx;

	t->fn(t->ctx, t->outcome, buf_slice(&t->answer));
	buf_free(&t->answer);
	free(t);
}

static void idem_begin(_unused_ struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		       int64_t pending_ttl_ms, kv_idem_fn fn, void *ctx)
{
	struct told *t = calloc(1, sizeof(*t));
	struct slice answer = {0};
	struct idem *i = idem_of(key);
	bool heard, away = is_away(&heard);

	assert(t);
	*t = (struct told){.fn = fn, .ctx = ctx, .outcome = KV_IDEM_FIRST};
	if (i->record.len > 0)
		t->outcome = kv_idem_read(buf_slice(&i->record), body_hash, &answer);
	buf_append_slice(&t->answer, answer);
	if (i->record.len == 0 && heard) {
		kv_idem_encode(KV_IDEM_OPEN, body_hash, SLICE(""), &i->record);
		i->ends_us = sim.now_us + pending_ttl_ms * US_PER_MS;
	}
	if (away)
		t->outcome = KV_IDEM_AWAY;
	sim_at(sim.now_us + sim_draw(0, 2 * US_PER_MS), sim.running, tell, t);
}

static void idem_done(_unused_ struct kv_async *k, struct slice key, const uint8_t body_hash[16],
		      struct slice answer, int64_t ttl_ms)
{
	struct idem *i = idem_of(key);
	bool heard;

	(void)is_away(&heard);
	if (!heard)
		return;
	buf_reset(&i->record);
	if (answer.len == 0)
		return;
	kv_idem_encode(KV_IDEM_DONE, body_hash, answer, &i->record);
	i->ends_us = sim.now_us + ttl_ms * US_PER_MS;
}

static bool idem_connected(_unused_ const struct kv_async *k)
{
	return true;
}

static void idem_close(struct kv_async *k)
{
	free(k);
}

static const struct kv_async_backend async_backend = {
    .begin = idem_begin,
    .done = idem_done,
    .connected = idem_connected,
    .close = idem_close,
};

struct kv_async *kv_async_redis_open(_unused_ struct uv_loop_s *loop,
				     _unused_ const struct kv_url *url, _unused_ const char *prefix,
				     _unused_ int timeout_ms)
{
	struct kv_async *k = calloc(1, sizeof(*k));

	assert(k);
	k->backend = &async_backend;
	return k;
}
