/* bench-memory: what a lead costs Redis as the filters' memory, with nothing else on the machine asking it: batches as the standard
 * rules ask for them, of leads that are all different, judged and closed.
 *
 *   bench-memory --redis PORT --redis-pid PID [--leads N] [--batch N] [--partitions N] [--webmasters N]
 *
 * Leads of one webmaster share his trail and his sums in a batch: so it is measured with one webmaster, and with so many (100).
 * Floor: the same batches as one pipelined round trip of SET NX GET PX and two INCR a lead. The server is emptied before and
 * after. */
#include <hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "runtime/clock.h"
#include "runtime/kv.h"

#define BATCH_MAX      KV_LEADS_PER_GATHER
#define TIMEOUT_MS     10000
#define SLACK_MS       (10 * MS_PER_MIN)
#define CLAIMS         3
#define TRAILS         4
#define WEBMASTERS     500 /* at most */
#define VERTICALS      4
#define BLOCKS         280 /* of names: initials, city and vertical */
#define SUBJECT_BYTES  16
#define SHARE_WARM     10
#define PARTITIONS_MAX 64

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

static void fill_trails(struct lead_text *t, uint64_t n, uint64_t webmaster, struct kv_lead *ret)
{
	const struct kv_trail trails[TRAILS] = {
	    {.key = key_of(&t->trails[0], "pe*", n), .ttl_ms = MS_PER_DAY, .wide = true},
	    {.key = key_of(&t->trails[1], "ia*", n % (1 << 19)), .ttl_ms = MS_PER_DAY},
	    {.key = key_of(&t->trails[2], "sn:osago", n % BLOCKS), .ttl_ms = 30 * MS_PER_DAY},
	    {.key = key_of(&t->trails[3], "sc*", webmaster), .ttl_ms = 8 * MS_PER_HOUR},
	};

	memcpy(t->asked, trails, sizeof(trails));
	ret->trails = t->asked;
	ret->trail_count = TRAILS;
}

struct asker {
	struct kv *kv;
	size_t batch;
	uint32_t partitions;
	uint64_t webmasters;
	struct kv_source sources[WEBMASTERS]; /* of this batch */
	char names[WEBMASTERS][16];
};

/* Drawn as those of real leads are. */
static struct lead_id lead_id_of(uint64_t n, int64_t now_ms)
{
	const uint64_t drawn[2] = {spread(n), spread(~n)};
	uint8_t random[10];

	memcpy(random, drawn, sizeof(random));
	return lead_id_make(now_ms, random);
}

static void fill(struct lead_text *t, struct asker *a, uint64_t n, int64_t now_ms,
		 struct kv_lead *ret)
{
	static const char *const phones[VERTICALS] = {"pd:microloan", "pd:credit_card", "pd:osago",
						      "pd:courses"};
	static const char *const mails[VERTICALS] = {"ed:microloan", "ed:credit_card", "ed:osago",
						     "ed:courses"};
	int64_t long_ms = 90 * MS_PER_DAY + SLACK_MS;
	uint64_t webmaster = n % a->webmasters;

	*ret = (struct kv_lead){
	    .self.raw_offset = n / a->partitions,
	    .now_ms = now_ms,
	    .candidate = true,
	    .claim_count = CLAIMS,
	    .partition = (uint32_t)(n % a->partitions),
	    .source = &a->sources[webmaster],
	    .sub = (uint32_t)(n % 20),
	    .claims = {{.key = key_of(&t->claims[0], "rs:aff", n),
			.ttl_ms = MS_PER_MIN + SLACK_MS,
			.always = true},
		       {.key = key_of(&t->claims[1], phones[n % VERTICALS], n), .ttl_ms = long_ms},
		       {.key = key_of(&t->claims[2], mails[n % VERTICALS], n), .ttl_ms = long_ms}},
	};
	ret->self.lead_id = lead_id_of(n, now_ms);
	fill_trails(t, n, webmaster, ret);
}

static void begin_sources(struct asker *a, int64_t now_ms)
{
	for (uint64_t i = 0; i < a->webmasters; i++) {
		struct kv_source *s = &a->sources[i];

		snprintf(a->names[i], sizeof(a->names[i]), "aff_%u", (unsigned)i);
		*s = (struct kv_source){.key = slice_cstr(a->names[i]),
					.hour = now_ms / MS_PER_HOUR};
		s->first = s;
	}
}

static void judge(struct asker *a, uint64_t from)
{
	static struct kv_lead batch[BATCH_MAX];
	static struct lead_text texts[BATCH_MAX];
	static struct kv_verdict verdicts[BATCH_MAX];
	int64_t now_ms = clock_now_ms();
	struct error e = {0};

	begin_sources(a, now_ms);
	for (size_t i = 0; i < a->batch; i++) {
		fill(&texts[i], a, from + i, now_ms, &batch[i]);
		verdicts[i] = (struct kv_verdict){.partition = batch[i].partition,
						  .raw_offset = batch[i].self.raw_offset,
						  .now_ms = now_ms,
						  .source = batch[i].source};
	}
	if (kv_gather(a->kv, batch, a->batch, &e) != RESULT_OK)
		bench_die("%s", e.text);
	for (size_t i = 0; i < a->batch; i++) {
		if (!batch[i].claims[CLAIMS - 1].held ||
		    batch[i].claims[CLAIMS - 1].owner.raw_offset != batch[i].self.raw_offset)
			bench_die("a fresh claim was not taken");
	}
	if (kv_close_batch(a->kv, NULL, 0, verdicts, a->batch, &e) != RESULT_OK)
		bench_die("%s", e.text);
}

/* A state that is new, and warm by a tenth of the leads. */
static double ours_us(struct asker *a, int pid, uint64_t leads, double *ret_own_us)
{
	uint64_t warm = leads / SHARE_WARM, n = 0;
	bool missing[PARTITIONS_MAX];
	int64_t cpu_us, own_us;
	struct error e = {0};

	tell("FLUSHALL");
	if (kv_join(a->kv, a->partitions, missing, &e) != RESULT_OK)
		bench_die("%s", e.text);
	for (; n < warm; n += a->batch)
		judge(a, n);
	cpu_us = bench_cpu_us(pid);
	own_us = bench_own_cpu_us();
	warm = n;
	for (; n < warm + leads; n += a->batch)
		judge(a, n);
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
	static struct asker a;
	int port = (int)bench_option_int(argc, argv, "redis", 0);
	int pid = (int)bench_option_int(argc, argv, "redis-pid", 0);
	uint64_t leads = (uint64_t)bench_option_int(argc, argv, "leads", 100000);
	uint64_t webmasters = (uint64_t)bench_option_int(argc, argv, "webmasters", 100);
	double us, own_us, many_us, many_own_us;
	struct error e = {0};
	char url[64];

	a.partitions = (uint32_t)bench_option_int(argc, argv, "partitions", 8);
	a.batch = (size_t)bench_option_int(argc, argv, "batch", 500);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d/0", port);
	side = redisConnect("127.0.0.1", port);
	a.kv = kv_open(url, "b:", TIMEOUT_MS, &e);
	if (!a.kv || !side || side->err || a.batch < 1 || a.batch > BATCH_MAX || a.partitions < 1 ||
	    a.partitions > PARTITIONS_MAX || webmasters < 1 || webmasters > WEBMASTERS)
		bench_die("redis at %d: %s", port,
			  a.kv ? "can't be reached, or odd options" : e.text);
	a.webmasters = 1;
	us = ours_us(&a, pid, leads, &own_us);
	a.webmasters = webmasters;
	many_us = ours_us(&a, pid, leads, &many_own_us);
	tell("FLUSHALL");
	bench_figure_floor("filter memory, Redis CPU", us, bare_us(pid, leads, a.batch), "us/lead");
	bench_figure("filter memory, CPU of who asks", own_us, "us/lead");
	bench_figure("filter memory, Redis CPU, many webmasters", many_us, "us/lead");
	bench_figure("filter memory, CPU of who asks, many webmasters", many_own_us, "us/lead");
	tell("FLUSHALL");
	kv_close(a.kv);
	redisFree(side);
	return 0;
}
