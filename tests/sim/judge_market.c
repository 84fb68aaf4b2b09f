/* judge_market: every accepted lead is on its vertical's market once; what payout told the market is there in the order of its numbers,
 * and without gaps. */
#include <string.h>

#include "logs.h"

struct told *told;
size_t told_count;

#define NUMBERS_MAX 4096

/* For each partition of leads.outcomes: which numbers of its outbox the markets heard. */
static bool heard[2][NUMBERS_MAX];

static bool is_admitted(const struct accepted *a, const Punnet__V1__MarketEvent *e)
{
	return e->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED &&
	       strcmp(e->source->topic, "leads.judged") == 0 &&
	       e->source->partition == (uint32_t)a->partition &&
	       (int64_t)e->source->offset == a->offset;
}

static bool take_admitted(const struct bus_record *r, const Punnet__V1__MarketEvent *e, bool *seen)
{
	for (size_t i = 0; i < accepted_count; i++) {
		const struct accepted *a = &accepted[i];

		if (!is_admitted(a, e))
			continue;
		if (seen[i] || a->vertical != r->partition ||
		    !slice_equal(codec_bytes(e->lead_id),
				 slice_of(a->id.bytes, sizeof(a->id.bytes))))
			return fault("market/%d at %lld admits a lead twice, or at the wrong place",
				     r->partition, (long long)r->offset);
		seen[i] = true;
		return true;
	}
	return fault(
	    "market/%d at %lld admits what was not accepted, or by a verdict that does not count",
	    r->partition, (long long)r->offset);
}

static bool take_settled(const struct bus_record *r, const Punnet__V1__MarketEvent *e)
{
	uint32_t p = e->source->partition;
	uint64_t number = e->source->offset;
	struct told *t;

	if (strcmp(e->source->topic, "payout.outbox") != 0 || p >= 2 || number >= NUMBERS_MAX)
		return fault("market/%d at %lld has no source", r->partition, (long long)r->offset);
	if (heard[p][number])
		return fault("market/%d at %lld: number %llu of %u was heard before", r->partition,
			     (long long)r->offset, (unsigned long long)number, p);
	heard[p][number] = true;
	t = &told[told_count++];
	*t = (struct told){.round = e->settled->round, .settlement = (int)e->settled->settlement};
	if (!lead_id_from_bytes(e->lead_id.data, e->lead_id.len, &t->id))
		return fault("market/%d at %lld settles no lead", r->partition,
			     (long long)r->offset);
	return true;
}

static bool judge_partition(int32_t p, bool *seen)
{
	const struct partition_log *log = log_of("market", p);
	struct marks marks = {.count = 0};

	for (size_t i = 0; i < log->count; i++) {
		const struct bus_record *r = &log->records[i];
		const Punnet__V1__MarketEvent *e =
		    log_unpack(r, &punnet__v1__market_event__descriptor);
		bool fine = true;

		if (e->event_case == PUNNET__V1__MARKET_EVENT__EVENT_ADMITTED &&
		    marks_pass(&marks, e->source))
			fine = take_admitted(r, e, seen);
		else if (e->event_case == PUNNET__V1__MARKET_EVENT__EVENT_SETTLED &&
			 marks_pass(&marks, e->source))
			fine = take_settled(r, e);
		if (!fine)
			return false;
	}
	return true;
}

static bool judge_numbers(void)
{
	size_t heard_count = 0;

	for (uint32_t p = 0; p < 2; p++) {
		uint64_t number = 1;

		while (number < NUMBERS_MAX && heard[p][number])
			number++;
		heard_count += number - 1;
	}
	if (heard_count != told_count)
		return fault("a number of payout's outbox never reached the market");
	return true;
}

bool judge_market(void)
{
	bool *seen = arena_calloc(&judge_arena, accepted_count + 1, sizeof(*seen));
	size_t records = 0;

	for (int32_t p = 0; p < WORLD_VERTICALS; p++)
		records += log_of("market", p)->count;
	told = arena_calloc(&judge_arena, records + 1, sizeof(*told));
	for (int32_t p = 0; p < WORLD_VERTICALS; p++)
		if (!judge_partition(p, seen))
			return false;
	for (size_t i = 0; i < accepted_count; i++)
		if (!seen[i])
			return fault(
			    "the lead accepted by leads.judged/%d at %lld is not on the market",
			    accepted[i].partition, (long long)accepted[i].offset);
	return judge_numbers();
}
