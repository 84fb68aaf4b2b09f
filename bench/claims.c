/* bench-claims: what dedupe claims cost Redis, in memory and in time: fresh ones, two a lead, in batches as the filter worker
 * asks for them.
 *
 *   bench-claims --redis PORT --redis-pid PID [--claims N]
 *
 * The floor of the memory is what a claim says (8 bytes of its digest, 32 of owner and time); that of the time, the same
 * claims as keys of their own, set by pipelined SET … NX, a tenth as many. The server is emptied before and after. */
#include <hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "runtime/kv.h"

#define LEADS_A_BATCH 500
#define CLAIMS_A_LEAD 2
#define TTL_MS        (90 * MS_PER_DAY)
#define CLAIM_SAYS    40 /* bytes */
#define TIMEOUT_MS    10000

static redisContext *side; /* beside the kv's own connection */

static void tell(const char *command)
{
	redisReply *reply = redisCommand(side, command);

	if (!reply || reply->type == REDIS_REPLY_ERROR)
		bench_die("redis: %s: %s", command, reply ? reply->str : side->errstr);
	freeReplyObject(reply);
}

static int64_t memory_used(void)
{
	redisReply *reply = redisCommand(side, "INFO memory");
	const char *at =
	    reply && reply->type == REDIS_REPLY_STRING ? strstr(reply->str, "used_memory:") : NULL;
	int64_t used;

	if (!at)
		bench_die("redis says no used_memory");
	used = atoll(at + strlen("used_memory:"));
	freeReplyObject(reply);
	return used;
}

/* Spread as fingerprints are. */
static uint64_t spread(uint64_t n)
{
	n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9ULL;
	n = (n ^ n >> 27) * 0x94d049bb133111ebULL;
	return n ^ n >> 31;
}

static void fill(struct kv_lead *lead, uint64_t n, char keys[CLAIMS_A_LEAD][32])
{
	*lead = (struct kv_lead){.self.raw_offset = n,
				 .now_ms = 1796040000000LL,
				 .candidate = true,
				 .claim_count = CLAIMS_A_LEAD};
	memcpy(lead->self.lead_id.bytes, &n, sizeof(n));
	for (size_t c = 0; c < CLAIMS_A_LEAD; c++) {
		uint64_t value[2] = {spread(n * 2 + c + 1), spread(~(n * 2 + c))};

		memcpy(keys[c], "pd:osago", 8);
		memcpy(keys[c] + 8, value, sizeof(value));
		lead->claims[c] = (struct kv_claim){.key = slice_of(keys[c], 24), .ttl_ms = TTL_MS};
	}
}

static void claim_all(struct kv *kv, int64_t leads)
{
	static struct kv_lead batch[LEADS_A_BATCH];
	static char keys[LEADS_A_BATCH][CLAIMS_A_LEAD][32];
	struct error e = {0};

	for (int64_t n = 0; n < leads; n += LEADS_A_BATCH) {
		for (size_t i = 0; i < LEADS_A_BATCH; i++)
			fill(&batch[i], (uint64_t)n + i, keys[i]);
		if (kv_gather(kv, batch, LEADS_A_BATCH, &e) != RESULT_OK)
			bench_die("%s", e.text);
		if (!batch[0].claims[0].held || batch[0].claims[0].owner.raw_offset != (uint64_t)n)
			bench_die("a fresh claim was not taken");
	}
}

static double bare_us(int redis_pid, int64_t claims)
{
	int64_t before = bench_cpu_us(redis_pid);
	char value[32] = {0};

	for (int64_t n = 0; n < claims; n += LEADS_A_BATCH) {
		for (int64_t i = n; i < n + LEADS_A_BATCH; i++)
			redisAppendCommand(side, "SET bare:%016llx %b NX GET PX 7776000000",
					   (unsigned long long)spread((uint64_t)i), value,
					   sizeof(value));
		for (int i = 0; i < LEADS_A_BATCH; i++) {
			void *reply;

			if (redisGetReply(side, &reply) != REDIS_OK)
				bench_die("redis: %s", side->errstr);
			freeReplyObject(reply);
		}
	}
	return (double)(bench_cpu_us(redis_pid) - before) / (double)claims;
}

int main(int argc, char **argv)
{
	int port = (int)bench_option_int(argc, argv, "redis", 0);
	int pid = (int)bench_option_int(argc, argv, "redis-pid", 0);
	int64_t claims = bench_option_int(argc, argv, "claims", 10000000), used, cpu_us;
	struct error e = {0};
	bool missing[1];
	char url[64];
	struct kv *kv;

	snprintf(url, sizeof(url), "redis://127.0.0.1:%d/0", port);
	side = redisConnect("127.0.0.1", port);
	kv = kv_open(url, "b:", TIMEOUT_MS, &e);
	if (!kv || !side || side->err)
		bench_die("redis at %d: %s", port, kv ? "can't be reached" : e.text);
	tell("FLUSHALL");
	if (kv_join(kv, 1, missing, &e) != RESULT_OK)
		bench_die("%s", e.text);
	used = memory_used();
	cpu_us = bench_cpu_us(pid);
	claim_all(kv, claims / CLAIMS_A_LEAD);
	cpu_us = bench_cpu_us(pid) - cpu_us;
	bench_figure_floor("claims, memory of one", (double)(memory_used() - used) / (double)claims,
			   CLAIM_SAYS, "bytes");
	tell("FLUSHALL");
	bench_figure_floor("claims, Redis CPU of one", (double)cpu_us / (double)claims,
			   bare_us(pid, claims / 10), "us");
	tell("FLUSHALL");
	kv_close(kv);
	redisFree(side);
	return 0;
}
