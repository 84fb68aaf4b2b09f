/* findings: see findings.h. */
#include "findings.h"

#include <stdlib.h>

#include "lead/codec.h"
#include "proto/audit_findings.pb-c.h"

#define TOPIC      "audit.findings"
#define TIMEOUT_MS 10000

struct findings {
	struct bus *bus;
	struct bus_producer
	    *producer; /* NULL: nothing was told yet, and what stands is not known */
	bool broken[AUDIT_INVARIANTS]; /* as it was told */
	size_t unstored;
};

struct findings *findings_new(struct bus *bus)
{
	struct findings *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	f->bus = bus;
	return f;
}

void findings_free(struct findings *f)
{
	if (!f)
		return;
	bus_producer_close(f->producer);
	free(f);
}

static void on_ack(void *ctx, _unused_ uint64_t token, enum result result,
		   _unused_ int32_t partition, _unused_ int64_t offset)
{
	struct findings *f = ctx;

	f->unstored -= result == RESULT_OK;
}

static enum result learn(void *ctx, const struct bus_record *record, _unused_ struct error *e)
{
	struct findings *f = ctx;
	struct arena a = {0};
	const Punnet__V1__AuditFinding *m =
	    codec_unpack(&a, &punnet__v1__audit_finding__descriptor, record->value);

	for (size_t i = 0; m && i < AUDIT_INVARIANTS; i++)
		if (slice_is(slice_cstr(m->invariant), audit_name((enum audit_invariant)i)))
			f->broken[i] = m->findings > 0;
	arena_free(&a);
	return RESULT_OK;
}

static enum result open_topic(struct findings *f, struct error *ret_error)
{
	struct bus_producer_options options = {
	    .on_ack = on_ack, .ctx = f, .max_in_flight = AUDIT_INVARIANTS};
	int64_t low, high;

	if (bus_partitions(f->bus, TOPIC, TIMEOUT_MS) != 1 ||
	    bus_offsets(f->bus, TOPIC, 0, TIMEOUT_MS, &low, &high) != RESULT_OK)
		return error_set(
		    ret_error, RESULT_AWAY,
		    TOPIC " (of one partition) can't be found; has `punnet topics apply` run?");
	if (bus_read_span(f->bus, TOPIC, 0, low, high, TIMEOUT_MS, learn, f, ret_error) !=
	    RESULT_OK)
		return RESULT_AWAY;
	f->producer = bus_producer_open(f->bus, &options, ret_error);
	return f->producer ? RESULT_OK : RESULT_AWAY;
}

static enum result tell_one(struct findings *f, size_t i, const struct audit_line *l,
			    int64_t now_ms)
{
	const char *name = audit_name((enum audit_invariant)i);
	Punnet__V1__AuditFinding m = PUNNET__V1__AUDIT_FINDING__INIT;
	_cleanup_(buf_free) struct buf packed = {0};
	enum result r;

	m.invariant = (char *)name;
	m.findings = l->broken;
	m.first = (char *)(l->broken > 0 ? l->first : "");
	m.at_ms = now_ms;
	codec_pack(&m.base, &packed);
	r = bus_produce(f->producer, TOPIC, 0, slice_cstr(name), codec_type(m.base.descriptor),
			buf_slice(&packed), 0);
	f->unstored += r == RESULT_OK;
	return r;
}

/* A failed producer is made anew, after a look at what it has stored. */
static enum result give_up(struct findings *f, struct error *ret_error)
{
	bus_producer_close(f->producer);
	f->producer = NULL;
	return error_set(ret_error, RESULT_AWAY, TOPIC ": a record was not acknowledged");
}

enum result findings_tell(struct findings *f, const struct audit_findings *found, int64_t now_ms,
			  struct error *ret_error)
{
	if (!f->producer && open_topic(f, ret_error) != RESULT_OK)
		return RESULT_AWAY;
	f->unstored = 0;
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++) {
		if ((found->lines[i].broken > 0) == f->broken[i])
			continue;
		if (tell_one(f, i, &found->lines[i], now_ms) != RESULT_OK)
			return give_up(f, ret_error);
	}
	if (f->unstored == 0)
		return RESULT_OK;
	if (bus_producer_flush(f->producer, TIMEOUT_MS) != RESULT_OK || f->unstored > 0)
		return give_up(f, ret_error);
	for (size_t i = 0; i < AUDIT_INVARIANTS; i++)
		f->broken[i] = found->lines[i].broken > 0;
	return RESULT_OK;
}
