/* client: the webmaster who sends leads and the advertisers who send verdicts. They ask again under the same key when no answer comes, as
 * the manual says, a few times; what was acknowledged is written down. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "poison.h"
#include "world.h"

#define TRIES_MAX     6
#define ANSWER_US     (4000 * US_PER_MS)
#define BURST_US      (400 * US_PER_MS)
#define AGAIN_MOST_US (1500 * US_PER_MS)
#define VERDICTS_MAX  (4 * SIM_LEADS_MAX)
#define FILLED_MS     20000

struct acknowledged acknowledged;

static struct {
	struct proc *who;
	void (*take)(void *ctx, struct ask *ask);
	void *ctx;
} door;

static struct post leads[SIM_LEADS_MAX], verdicts[VERDICTS_MAX];
static struct {
	int advertiser;
	struct lead_id lead;
	char id[32];
} verdict_of[VERDICTS_MAX];
static size_t lead_count, verdict_count, waiting;

void door_set(struct proc *who, void (*take)(void *ctx, struct ask *ask), void *ctx)
{
	door.who = who;
	door.take = take;
	door.ctx = ctx;
}

void door_unset(const void *ctx)
{
	if (door.ctx != ctx)
		return;
	door.who = NULL;
	door.ctx = NULL;
}

bool client_is_waiting(void)
{
	return waiting > 0;
}

/* --- one request --- */

static void send_post(void *ctx);

static void done(_unused_ struct post *p)
{
	waiting--;
	sim.moved_us = sim.now_us;
}

static void again(struct post *p)
{
	if (++p->tries >= TRIES_MAX) {
		done(p);
		return;
	}
	sim_at(sim.now_us + sim_draw(50 * US_PER_MS, AGAIN_MOST_US), NULL, send_post, p);
}

static void on_no_answer(void *ctx)
{
	struct ask *a = ctx;

	if (a->number != a->post->number)
		return;
	a->post->number++;
	again(a->post);
}

static void in_door(void *ctx)
{
	struct ask *a = ctx;

	if (door.ctx == a->door) /* it may have closed meanwhile */
		door.take(door.ctx, a);
}

static void send_post(void *ctx)
{
	struct post *p = ctx;
	struct ask *a = malloc(sizeof(*a));

	assert(a);
	*a = (struct ask){.post = p, .number = ++p->number, .door = door.ctx};
	if (!door.who) { /* connection refused */
		p->number++;
		again(p);
		return;
	}
	sim_at(sim.now_us + sim_draw(100, 3000), door.who, in_door, a);
	sim_at(sim.now_us + ANSWER_US, NULL, on_no_answer, a);
}

struct answer {
	struct ask *ask;
	int status;
	size_t len;
	char body[];
};

static void on_answer(void *ctx)
{
	struct answer *answer = ctx;
	struct post *p = answer->ask->post;

	if (answer->ask->number != p->number)
		return; /* nobody listens any more */
	p->number++;
	p->on_answer(p, answer->status, slice_of(answer->body, answer->len));
	free(answer);
}

void post_answered(struct ask *ask, int status, struct slice body)
{
	struct answer *a = malloc(sizeof(*a) + body.len);

	assert(a);
	*a = (struct answer){.ask = ask, .status = status, .len = body.len};
	if (body.len)
		memcpy(a->body, body.data, body.len);
	sim_at(sim.now_us + sim_draw(100, 3000), NULL, on_answer, a);
}

/* --- leads --- */

static bool find_id(struct slice body, struct lead_id *ret)
{
	static const char name[] = "\"lead_id\":\"";
	const char *at = memmem(body.data, body.len, name, sizeof(name) - 1);

	if (!at || (size_t)(body.data + body.len - at) < sizeof(name) - 1 + LEAD_ID_TEXT_LEN)
		return false;
	return lead_id_parse(slice_of(at + sizeof(name) - 1, LEAD_ID_TEXT_LEN), ret);
}

static void on_lead_answer(struct post *p, int status, struct slice body)
{
	struct lead_id id;

	if (status == 202 && find_id(body, &id)) {
		assert(acknowledged.count < ARRAY_LEN(acknowledged.ids));
		acknowledged.ids[acknowledged.count++] = id;
		done(p);
		return;
	}
	assert(status == 503 || status == 429); /* all that is sent here is good */
	again(p);
}

/* Some people come more than once, some of them twice within a second. */
static void write_lead(struct post *p, uint32_t i, struct rng *r)
{
	uint32_t people = MAX_OF(sim.leads * 2 / 3, 2u), person = (uint32_t)rng_below(r, people);
	bool robot = rng_chance(r, 800), has_email = rng_chance(r, 6000);
	const char *vertical = rng_chance(r, 6000) ? "cards" : "loans";
	char email[64] = "";

	if (has_email)
		(void)snprintf(email, sizeof(email), ",\"email\":\"p%u@example.com\"", person);
	(void)snprintf(p->body, sizeof(p->body),
		       "{\"vertical\":\"%s\",\"phone\":\"+7916555%04u\"%s,\"name\":\"Anna "
		       "Petrova\",\"country\":\"%s\",\"honeypot\":\"%s\",\"click_id\":\"c%u\","
		       "\"filled_ms\":%d}",
		       vertical, person, email, rng_chance(r, 8000) ? "RU" : "KZ", robot ? "x" : "",
		       i, rng_chance(r, 800) ? FILLED_FAST_MS : FILLED_MS);
}

void client_leads(int64_t span_us)
{
	struct rng r = rng_seed(sim.seed ^ 0x6c65616473ULL);
	int64_t burst_us = 0, at_us;

	lead_count = sim.leads;
	for (uint32_t i = 0; i < lead_count; i++) {
		struct post *p = &leads[i];

		/* Mostly in bursts: who is alone on the way is hardly ever hit. */
		if (i == 0 || rng_chance(&r, 1500))
			burst_us = (int64_t)rng_below(&r, (uint64_t)span_us);
		at_us = burst_us + (int64_t)rng_below(&r, BURST_US);
		*p = (struct post){.path = "/v1/leads", .on_answer = on_lead_answer};
		(void)snprintf(p->bearer, sizeof(p->bearer), "%s", WEBMASTER_KEY);
		if (rng_chance(&r, 5000))
			(void)snprintf(p->key, sizeof(p->key), "key-%u", i);
		write_lead(p, i, &r);
		if (i >= sim.lead_limit)
			continue;
		waiting++;
		sim_at(at_us, NULL, send_post, p);
		poison_beside(at_us, i);
	}
}

/* --- verdicts --- */

static void on_verdict_answer(struct post *p, int status, _unused_ struct slice body)
{
	size_t i = (size_t)(p - verdicts);

	if (status != 202) {
		assert(status == 503 || status == 429);
		again(p);
		return;
	}
	assert(acknowledged.verdict_count < ARRAY_LEN(acknowledged.verdicts));
	acknowledged.verdicts[acknowledged.verdict_count].advertiser = verdict_of[i].advertiser;
	acknowledged.verdicts[acknowledged.verdict_count].lead = verdict_of[i].lead;
	memcpy(acknowledged.verdicts[acknowledged.verdict_count].id, verdict_of[i].id,
	       sizeof(verdict_of[i].id));
	acknowledged.verdict_count++;
	done(p);
}

void client_verdict(int64_t at_us, int advertiser, const struct lead_id *id, const char *verdict,
		    uint32_t number)
{
	struct post *p = &verdicts[verdict_count];
	char text[LEAD_ID_TEXT_LEN + 1];

	assert(verdict_count < VERDICTS_MAX);
	lead_id_text(id, text);
	*p = (struct post){.path = "/v1/verdicts", .on_answer = on_verdict_answer};
	verdict_of[verdict_count].advertiser = advertiser;
	verdict_of[verdict_count].lead = *id;
	(void)snprintf(verdict_of[verdict_count].id, sizeof(verdict_of[0].id), "v%u", number);
	(void)snprintf(p->bearer, sizeof(p->bearer), ADVERTISER_KEY, advertiser);
	(void)snprintf(p->key, sizeof(p->key), "verdict-%u", number);
	(void)snprintf(p->body, sizeof(p->body),
		       "{\"lead_id\":\"%s\",\"verdict\":\"%s\",\"verdict_id\":\"v%u\"%s}", text,
		       verdict, number,
		       strcmp(verdict, "returned") == 0 ? ",\"reason_code\":\"wrong_number\"" : "");
	verdict_count++;
	waiting++;
	sim_at(at_us, NULL, send_post, p);
}
