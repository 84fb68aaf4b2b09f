/* judge: reads everything, then asks its parts one after the other; the first fault is the verdict. */
#include "judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "logs.h"
#include "poison.h"

#define LOGS_MAX 32

struct arena judge_arena;
static struct partition_log logs[LOGS_MAX];
static size_t log_count;
static char first_fault[400];

bool fault(const char *fmt, ...)
{
	va_list args;

	if (first_fault[0])
		return false;
	va_start(args, fmt);
	(void)vsnprintf(first_fault, sizeof(first_fault), fmt, args);
	va_end(args);
	return false;
}

static void read_log(struct partition_log *log)
{
	struct bus_reader *r = bus_reader_open(sim.log, log->topic, log->partition, 0, NULL);
	int64_t low, high;
	size_t n;

	if (bus_offsets(sim.log, log->topic, log->partition, 0, &low, &high) != RESULT_OK || !r)
		abort();
	log->records = arena_calloc(&judge_arena, (size_t)high + 1, sizeof(*log->records));
	while (log->count < (size_t)high) {
		if (bus_reader_take(r, log->records + log->count, (size_t)high - log->count, 0, &n,
				    NULL) != RESULT_OK)
			abort();
		log->count += n;
	}
	bus_reader_close(r);
}

void logs_read(void)
{
	const struct bus_topic_spec *t;

	for (size_t i = 0; (t = setup_topic(i)); i++) {
		for (int32_t p = 0; p < t->partitions; p++) {
			assert(log_count < LOGS_MAX);
			logs[log_count] = (struct partition_log){.topic = t->name, .partition = p};
			read_log(&logs[log_count++]);
		}
	}
}

const struct partition_log *log_at(size_t i)
{
	return i < log_count ? &logs[i] : NULL;
}

const struct partition_log *log_of(const char *topic, int32_t partition)
{
	for (size_t i = 0; i < log_count; i++)
		if (logs[i].partition == partition && strcmp(logs[i].topic, topic) == 0)
			return &logs[i];
	abort();
}

int32_t log_partitions(const char *topic)
{
	return bus_partitions(sim.log, topic, 0);
}

void *log_unpack(const struct bus_record *r, const ProtobufCMessageDescriptor *type)
{
	void *m = codec_unpack(&judge_arena, type, r->value);

	if (!m) {
		(void)fault("%s/%d at %lld can't be read", r->topic, r->partition,
			    (long long)r->offset);
		abort();
	}
	return m;
}

bool marks_pass(struct marks *m, const Punnet__V1__Provenance *s)
{
	size_t i = 0;

	while (i < m->count &&
	       (m->of[i].partition != s->partition || strcmp(m->of[i].topic, s->topic) != 0))
		i++;
	if (i == m->count) {
		assert(m->count < MARKS_MAX);
		(void)snprintf(m->of[i].topic, sizeof(m->of[i].topic), "%s", s->topic);
		m->of[i].partition = s->partition;
		m->of[i].offset = -1;
		m->count++;
	} else if ((int64_t)s->offset < m->of[i].offset ||
		   ((int64_t)s->offset == m->of[i].offset && s->step <= m->of[i].step)) {
		return false;
	}
	m->of[i].offset = (int64_t)s->offset;
	m->of[i].step = s->step;
	return true;
}

/* Whoever reads has read everything, and says so in its commit; but for who starts elsewhere than at its commit (a worker after the last
 * verdict, payout at the ledger's offset): who finds all of a partition done when it comes has nothing to commit until the next record. */
static bool judge_commits(void)
{
	static const struct {
		const char *group, *topic;
		bool may_lag;
	} groups[] = {
	    {"filter-worker", "leads.raw", true}, {"router-admit", "leads.judged", false},
	    {"router-decide", "market", false},   {"delivery", "leads.routed", false},
	    {"payout", "leads.outcomes", true},
	};

	for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
		int32_t n = log_partitions(groups[g].topic);
		int64_t next[16];

		if (bus_committed(sim.log, groups[g].group, groups[g].topic, n, 0, next, NULL) !=
		    RESULT_OK)
			abort();
		for (int32_t p = 0; p < n; p++) {
			size_t high = log_of(groups[g].topic, p)->count;

			if (MAX_OF(next[p], 0) != (int64_t)high &&
			    (!groups[g].may_lag || next[p] > (int64_t)high))
				return fault("%s has committed %lld of %s/%d, which ends at %zu",
					     groups[g].group, (long long)next[p], groups[g].topic,
					     p, high);
		}
	}
	return true;
}

bool judge(char *why, size_t len)
{
	bool fine;

	logs_read();
	fine = judge_dead_letters() && judge_intake() && judge_market() && judge_decisions() &&
	       judge_delivery() && judge_ledger() && judge_commits();
	(void)snprintf(why, len, "%s", first_fault);
	assert(fine == (first_fault[0] == '\0'));
	return fine;
}

uint64_t judge_digest(void)
{
	uint64_t digest = 0;

	for (size_t i = 0; i < log_count; i++) {
		for (size_t k = 0; k < logs[i].count; k++) {
			const struct bus_record *r = &logs[i].records[k];

			digest =
			    hash_fnv1a(digest, slice_of(&r->timestamp_ms, sizeof(r->timestamp_ms)));
			digest = hash_fnv1a(digest, r->key);
			digest = hash_fnv1a(digest, r->value);
		}
	}
	return digest;
}
