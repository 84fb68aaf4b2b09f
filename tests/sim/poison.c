/* poison: see poison.h. */
#include "poison.h"

#include "base/rng.h"
#include "logs.h"
#include "proto/dead_letters.pb-c.h"

#define SEEDS_PER_10000 4000
#define LEADS_PER_10000 3000
#define BESIDE_US       (20 * US_PER_MS)

static const char unreadable[] = "\xff\xff\xff nobody can read this";

static void put(void *ctx)
{
	int64_t offset;

	(void)ctx;
	sim_append("leads.raw",
		   (int32_t)rng_below(&sim.rng, (uint64_t)bus_partitions(sim.log, "leads.raw", 0)),
		   SLICE("stranger"), "", slice_of(unreadable, sizeof(unreadable)), &offset);
	occurs(OCCURS_POISON);
}

void poison_beside(int64_t at_us, uint32_t lead)
{
	struct rng seed = rng_seed(sim.seed ^ 0x706f69736f6eULL);
	struct rng one = rng_seed(sim.seed ^ 0x706f69736f6eULL ^ ((uint64_t)(lead + 1) << 48));

	if (rng_chance(&seed, SEEDS_PER_10000) && rng_chance(&one, LEADS_PER_10000))
		sim_at(at_us + (int64_t)rng_below(&one, BESIDE_US), NULL, put, NULL);
}

bool poison_is(const struct bus_record *record)
{
	return slice_equal(record->value, slice_of(unreadable, sizeof(unreadable)));
}

static bool has_letter(const struct bus_record *record)
{
	const struct partition_log *letters = log_of("dead.letters", 0);

	for (size_t i = 0; i < letters->count; i++) {
		const Punnet__V1__DeadLetter *m =
		    log_unpack(&letters->records[i], &punnet__v1__dead_letter__descriptor);

		if (m->source->partition == (uint32_t)record->partition &&
		    m->source->offset == (uint64_t)record->offset)
			return true;
	}
	return fault("leads.raw/%d at %lld can't be read, and has no dead letter",
		     record->partition, (long long)record->offset);
}

static bool is_about_poison(const struct bus_record *letter)
{
	const Punnet__V1__DeadLetter *m = log_unpack(letter, &punnet__v1__dead_letter__descriptor);
	const struct partition_log *raw;

	if (strcmp(m->source->topic, "leads.raw") != 0)
		return fault("a record of %s was put aside: no poison is sent there",
			     m->source->topic);
	raw = log_of("leads.raw", (int32_t)m->source->partition);
	if (m->source->offset >= raw->count || !poison_is(&raw->records[m->source->offset]) ||
	    !slice_equal(codec_bytes(m->original), raw->records[m->source->offset].value))
		return fault(
		    "leads.raw/%u at %llu was put aside, and is no poison, or has other bytes",
		    m->source->partition, (unsigned long long)m->source->offset);
	return true;
}

bool judge_dead_letters(void)
{
	const struct partition_log *letters = log_of("dead.letters", 0);

	for (size_t i = 0; i < letters->count; i++)
		if (!is_about_poison(&letters->records[i]))
			return false;
	for (int32_t p = 0; p < log_partitions("leads.raw"); p++) {
		const struct partition_log *raw = log_of("leads.raw", p);

		for (size_t i = 0; i < raw->count; i++)
			if (poison_is(&raw->records[i]) && !has_letter(&raw->records[i]))
				return false;
	}
	return true;
}
