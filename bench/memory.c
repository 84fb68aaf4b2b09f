/* bench-memory: what a lead costs Redis as the filters' memory, with nothing else on the machine asking it: batches as the standard
 * rules ask for them, of leads that are all different, judged and closed.
 *
 *   bench-memory --redis PORT --redis-pid PID [--leads N] [--batch N] [--partitions N]
 *
 * Floor: the same batches as one pipelined round trip of SET NX GET PX and two INCR a lead. The server is emptied before and
 * after. */
#include <hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "runtime/clock.h"
#include "runtime/kv.h"

#define BATCH_MAX     KV_LEADS_PER_GATHER
#define TIMEOUT_MS    10000
#define SLACK_MS      (10 * MS_PER_MIN)
#define CLAIMS        3
#define TRAILS        3
#define VERTICALS     4
#define BLOCKS        280 /* of names: initials, city and vertical */
#define SUBJECT_BYTES 16
#define SHARE_WARM    10

static redisContext *side; /* beside the kv's own connection */

struct subject {
	char text[KV_KEY_MAX];
	size_t len;
};

struct lead_text {
	struct subject claims[CLAIMS], trails[TRAILS];
	struct kv_trail asked[TRAILS];
};

static void tell(const char *command)
{
	redisReply *reply = redisCommand(side, command);

	if (!reply || reply->type == REDIS_REPLY_ERROR)
		bench_die("redis: %s: %s", command, reply ? reply->str : side->errstr);
	freeReplyObject(reply);
}

/* Spread as fingerprints are. */
static uint64_t spread(uint64_t n)
{
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9ULL;
	n = (n ^ n >> 27) * 0x94d049bb133111ebULL;
	return n ^ n >> 31;
}

static struct slice key_of(struct subject *s, const char *purpose, uint64_t n)
{
	uint64_t value[2] = {spread(n * 2 + 1), spread(~n)};
	size_t len = strlen(purpose);

	memcpy(s->text, purpose, len);
	memcpy(s->text + len, value, SUBJECT_BYTES);
	s->len = len + SUBJECT_BYTES;
	return slice_of(s->text, s->len);
}

static void fill_trails(struct lead_text *t, uint64_t n, struct kv_lead *ret)
{
	const struct kv_trail trails[TRAILS] = {
	    {.key = key_of(&t->trails[0], "pe*", n), .ttl_ms = MS_PER_DAY, .wide = true},
	    {.key = key_of(&t->trails[1], "ia*", n % (1 << 19)), .ttl_ms = MS_PER_DAY},
	    {.key = key_of(&t->trails[2], "sn:osago", n % BLOCKS), .ttl_ms = 30 * MS_PER_DAY},
	};

	memcpy(t->asked, trails, sizeof(trails));
	ret->trails = t->asked;
	ret->trail_count = TRAILS;
}

static void fill(struct lead_text *t, struct kv_source *source, uint64_t n, int64_t now_ms,
		 uint32_t partitions, struct kv_lead *ret)
{
	static const char *const phones[VERTICALS] = {"pd:microloan", "pd:credit_card", "pd:osago",
						      "pd:courses"};
	static const char *const mails[VERTICALS] = {"ed:microloan", "ed:credit_card", "ed:osago",
						     "ed:courses"};
	int64_t long_ms = 90 * MS_PER_DAY + SLACK_MS;

	*ret = (struct kv_lead){
	    .self.raw_offset = n / partitions,
	    .now_ms = now_ms,
	    .candidate = true,
	    .claim_count = CLAIMS,
	    .partition = (uint32_t)(n % partitions),
	    .source = source,
	    .sub = (uint32_t)(n % 20),
	    .claims = {{.key = key_of(&t->claims[0], "rs:aff", n),
			.ttl_ms = MS_PER_MIN + SLACK_MS,
			.always = true},
		       {.key = key_of(&t->claims[1], phones[n % VERTICALS], n), .ttl_ms = long_ms},
		       {.key = key_of(&t->claims[2], mails[n % VERTICALS], n), .ttl_ms = long_ms}},
	};
	memcpy(ret->self.lead_id.bytes, &n, sizeof(n));
	fill_trails(t, n, ret);
}

static void judge(struct kv *kv, uint64_t from, size_t count, uint32_t partitions)
{
	static struct kv_lead batch[BATCH_MAX];
	static struct lead_text texts[BATCH_MAX];
	static struct kv_verdict verdicts[BATCH_MAX];
	static struct kv_source source;
	int64_t now_ms = clock_now_ms();
	struct error e = {0};

	source = (struct kv_source){.key = SLICE("aff_1"), .hour = now_ms / MS_PER_HOUR};
	source.first = &source;
	for (size_t i = 0; i < count; i++) {
		fill(&texts[i], &source, from + i, now_ms, partitions, &batch[i]);
		verdicts[i] = (struct kv_verdict){.partition = batch[i].partition,
						  .raw_offset = batch[i].self.raw_offset,
						  .now_ms = now_ms,
						  .source = &source};
	}
	if (kv_gather(kv, batch, count, &e) != RESULT_OK)
		bench_die("%s", e.text);
	for (size_t i = 0; i < count; i++) {
		if (!batch[i].claims[CLAIMS - 1].held ||
		    batch[i].claims[CLAIMS - 1].owner.raw_offset != batch[i].self.raw_offset)
			bench_die("a fresh claim was not taken");
	}
	if (kv_close_batch(kv, NULL, 0, verdicts, count, &e) != RESULT_OK)
		bench_die("%s", e.text);
}

static double ours_us(struct kv *kv, int pid, uint64_t leads, size_t batch, uint32_t partitions,
		      double *ret_own_us)
{
	uint64_t warm = leads / SHARE_WARM, n = 0;
	int64_t cpu_us, own_us;

	for (; n < warm; n += batch)
		judge(kv, n, batch, partitions);
	cpu_us = bench_cpu_us(pid);
	own_us = bench_own_cpu_us();
	warm = n;
	for (; n < warm + leads; n += batch)
		judge(kv, n, batch, partitions);
	*ret_own_us = (double)(bench_own_cpu_us() - own_us) / (double)(n - warm);
	return (double)(bench_cpu_us(pid) - cpu_us) / (double)(n - warm);
}

static void bare_batch(uint64_t from, size_t count)
{
	for (uint64_t n = from; n < from + count; n++) {
		unsigned long long key = (unsigned long long)spread(n);

		redisAppendCommand(side, "SET f:%016llx %016llx NX GET PX 7776000000", key, key);
		redisAppendCommand(side, "INCR v:%03u", (unsigned)(n % 1000));
		redisAppendCommand(side, "INCR w:%03u", (unsigned)(n / 7 % 1000));
	}
	for (size_t i = 0; i < 3 * count; i++) {
		void *reply;

		if (redisGetReply(side, &reply) != REDIS_OK)
			bench_die("redis: %s", side->errstr);
		freeReplyObject(reply);
	}
}

static double bare_us(int pid, uint64_t leads, size_t batch)
{
	int64_t cpu_us = bench_cpu_us(pid);
	uint64_t n = 0;

	for (; n < leads; n += batch)
		bare_batch(n, batch);
	return (double)(bench_cpu_us(pid) - cpu_us) / (double)n;
}

int main(int argc, char **argv)
{
	int port = (int)bench_option_int(argc, argv, "redis", 0);
	int pid = (int)bench_option_int(argc, argv, "redis-pid", 0);
	uint64_t leads = (uint64_t)bench_option_int(argc, argv, "leads", 100000);
	uint32_t partitions = (uint32_t)bench_option_int(argc, argv, "partitions", 8);
	size_t batch = (size_t)bench_option_int(argc, argv, "batch", 500);
	bool missing[64];
	struct error e = {0};
	char url[64];
	struct kv *kv;
	double us, own_us;

	snprintf(url, sizeof(url), "redis://127.0.0.1:%d/0", port);
	side = redisConnect("127.0.0.1", port);
	kv = kv_open(url, "b:", TIMEOUT_MS, &e);
	if (!kv || !side || side->err || batch < 1 || batch > BATCH_MAX ||
	    partitions > ARRAY_LEN(missing))
		bench_die("redis at %d: %s", port,
			  kv ? "can't be reached, or odd options" : e.text);
	tell("FLUSHALL");
	if (kv_join(kv, partitions, missing, &e) != RESULT_OK)
		bench_die("%s", e.text);
	us = ours_us(kv, pid, leads, batch, partitions, &own_us);
	tell("FLUSHALL");
	bench_figure_floor("filter memory, Redis CPU", us, bare_us(pid, leads, batch), "us/lead");
	bench_figure("filter memory, CPU of who asks", own_us, "us/lead");
	tell("FLUSHALL");
	kv_close(kv);
	redisFree(side);
	return 0;
}
