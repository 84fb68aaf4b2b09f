/* micro_judge: what a filter worker does with a lead between Kafka and Redis. */
#include <stdio.h>

#include "bench.h"
#include "filter-worker/shell/desk.h"
#include "filter-worker/shell/local_facts.h"
#include "micro.h"
#include "runtime/kv.h"

#define BATCH 500
#define T0    1790000000000LL

struct sample {
	struct lead_id id;
	Punnet__V1__RawLead raw;
	Punnet__V1__Lead lead;
	Punnet__V1__Submission submission;
	Punnet__V1__Fingerprints prints;
	uint8_t phone[16], email[16], payload[16], person[16];
};

static Punnet__V1__Contact contact = PUNNET__V1__CONTACT__INIT;
static char *focused[] = {(char *)"phone", (char *)"email"};
static uint8_t consent_hash[32];

/* The same place again, as another lead: nothing of it was ever seen. */
static void sample_renew(struct sample *s, uint64_t n)
{
	uint8_t random[10] = {0};

	memcpy(random, &n, sizeof(n));
	s->id = lead_id_make(T0 + (int64_t)(n / 10), random);
	memcpy(s->phone, &n, sizeof(n));
	memcpy(s->email, &n, sizeof(n));
	memcpy(s->payload, &n, sizeof(n));
	s->lead.received_at_ms = T0 + (int64_t)(n / 10);
	s->submission.clicked_at_ms = s->lead.received_at_ms - MS_PER_MIN;
	s->submission.consented_at_ms = s->lead.received_at_ms - MS_PER_S;
}

static void sample_make(struct sample *s)
{
	punnet__v1__raw_lead__init(&s->raw);
	punnet__v1__lead__init(&s->lead);
	punnet__v1__submission__init(&s->submission);
	punnet__v1__fingerprints__init(&s->prints);
	s->lead.vertical = (char *)"courses";
	s->lead.aff_id = (char *)"w1";
	s->lead.country = (char *)"RU";
	s->submission.filled_case = PUNNET__V1__SUBMISSION__FILLED_FILLED_MS;
	s->submission.filled_ms = 34210;
	s->submission.user_agent =
	    (char *)"Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, like "
		    "Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";
	s->lead.os = (char *)"Android";
	s->lead.language = (char *)"ru-RU";
	s->submission.focused_fields = focused;
	s->submission.n_focused_fields = ARRAY_LEN(focused);
	s->submission.consent_text_sha256 =
	    (ProtobufCBinaryData){sizeof(consent_hash), consent_hash};
	s->prints.phone = (ProtobufCBinaryData){sizeof(s->phone), s->phone};
	s->prints.email = (ProtobufCBinaryData){sizeof(s->email), s->email};
	s->prints.payload = (ProtobufCBinaryData){sizeof(s->payload), s->payload};
	s->prints.person = (ProtobufCBinaryData){sizeof(s->person), s->person};
	s->raw.lead_id = codec_lead_id(&s->id);
	s->raw.lead = &s->lead;
	s->raw.submission = &s->submission;
	s->raw.fingerprints = &s->prints;
}

static void judge_figures(const struct ruleset *rules, struct sample *s)
{
	struct arena a = {0};
	struct facts facts = {0};
	struct judgement j;
	double ns;

	sample_renew(s, 1);
	BENCH_NS(&ns, {
		local_facts_gather(&(struct local_sources){0}, &s->raw, &contact, &a, &facts);
		arena_reset(&a);
	});
	bench_figure("local facts of a lead", ns, "ns");
	local_facts_gather(&(struct local_sources){0}, &s->raw, &contact, &a, &facts);
	facts_set_claim(&facts, FACT_PHONE_CLAIM, &(struct claim){0});
	BENCH_NS(&ns, {
		struct arena own = {0};

		judge_lead(rules, &facts, &own, &j);
		BENCH_KEEP(&j);
		arena_free(&own);
	});
	bench_figure("a verdict from its facts", ns, "ns");
	arena_free(&a);
}

static void gather_once(struct kv *kv, uint64_t *n)
{
	static struct kv_lead leads[BATCH];
	static char keys[BATCH][3][KV_KEY_MAX];
	struct error error;

	for (size_t i = 0; i < BATCH; i++, (*n)++) {
		struct kv_lead *l = &leads[i];

		*l = (struct kv_lead){
		    .now_ms = T0 + (int64_t)(*n / 10), .candidate = true, .claim_count = 3};
		memcpy(l->self.lead_id.bytes, n, sizeof(*n));
		for (int c = 0; c < 3; c++) {
			size_t len = (size_t)snprintf(keys[i][c], KV_KEY_MAX, "k%d%016llx", c,
						      (unsigned long long)*n);

			l->claims[c] = (struct kv_claim){.key = slice_of(keys[i][c], len),
							 .ttl_ms = 2 * MS_PER_MIN};
		}
	}
	if (kv_gather(kv, leads, BATCH, &error) != RESULT_OK)
		bench_die("%s", error.text);
}

static void gather_figures(void)
{
	double rounds[BENCH_ROUNDS];

	for (size_t round = 0; round < BENCH_ROUNDS; round++) {
		struct kv *kv = kv_open("memory:", "", 1000, NULL);
		int64_t from = bench_own_cpu_ns();
		uint64_t n = 0;

		while (n < 100 * BATCH)
			gather_once(kv, &n);
		rounds[round] = (double)(bench_own_cpu_ns() - from) / (double)n;
		kv_close(kv);
	}
	bench_figure("3 claims of a lead, kv in memory", bench_quantile(rounds, BENCH_ROUNDS, 0.5),
		     "ns");
}

static void desk_figures(const struct ruleset *rules, struct sample *samples)
{
	double rounds[BENCH_ROUNDS];

	for (size_t round = 0; round < BENCH_ROUNDS; round++) {
		struct kv *kv = kv_open("memory:", "", 1000, NULL);
		struct desk *desk = desk_open(&(struct desk_options){.rules = rules, .kv = kv});
		static struct desk_lead places[BATCH], *leads[BATCH];
		struct arena a = {0};
		struct error error;
		int64_t spent = 0;
		uint64_t n = 0;

		while (n < 20 * BATCH) {
			size_t judged;
			int64_t from;

			for (size_t i = 0; i < BATCH; i++, n++) {
				sample_renew(&samples[i], n);
				places[i] =
				    (struct desk_lead){.raw = &samples[i].raw, .contact = &contact};
				leads[i] = &places[i];
			}
			from = bench_own_cpu_ns();
			if (desk_judge(desk, leads, BATCH, &a, &judged, &error) != RESULT_OK ||
			    judged != BATCH)
				bench_die("a batch was not judged as a whole");
			spent += bench_own_cpu_ns() - from;
			if (places[0].judgement.verdict != LEAD_ACCEPTED)
				bench_die("the sample lead was not accepted");
			arena_reset(&a);
		}
		rounds[round] = (double)spent / (double)n;
		desk_close(desk);
		kv_close(kv);
		arena_free(&a);
	}
	bench_figure("a lead judged, kv in memory", bench_quantile(rounds, BENCH_ROUNDS, 0.5),
		     "ns");
}

void micro_judge(void)
{
	static struct sample samples[BATCH];
	struct ruleset rules;

	ruleset_standard(&rules);
	contact.phone = (char *)"+79162748031";
	contact.email = (char *)"lead.1234567@example.ru";
	contact.first_name = (char *)"Мария";
	contact.middle_name = (char *)"Петровна";
	contact.last_name = (char *)"Соколова";
	contact.ip = (char *)"95.26.17.4";
	for (size_t i = 0; i < BATCH; i++)
		sample_make(&samples[i]);
	judge_figures(&rules, &samples[0]);
	gather_figures();
	desk_figures(&rules, samples);
}
