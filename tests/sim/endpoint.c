/* endpoint: the advertisers' ends. Each decides once about a delivery key and says the same at every repeat, as the contract of a
 * webhook asks; what they say may be late, lost, or no answer at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "runtime/log.h"
#include "world.h"

#define REFUSED_PER_100 15

const char *const advertiser_ids[SIM_ADVERTISERS] = {"adv-a", "adv-b", "adv-c"};

struct taken taken[TAKEN_MAX];
size_t taken_count;

static struct {
	int64_t until_us;
	uint32_t how;
} failing[SIM_ADVERTISERS];

void endpoint_fail(uint32_t advertiser, uint32_t how, int64_t until_us)
{
	failing[advertiser].how = how;
	failing[advertiser].until_us = until_us;
}

static struct taken *taken_of(int advertiser, struct slice key)
{
	for (size_t i = 0; i < taken_count; i++)
		if (taken[i].advertiser == advertiser && slice_is(key, taken[i].key))
			return &taken[i];
	return NULL;
}

/* What comes of an accepted lead, some time later. */
static void foretell(const struct taken *t)
{
	struct slice text = slice_of(t->key, LEAD_ID_TEXT_LEN);
	struct lead_id id;
	int64_t at_us = sim.now_us + sim_draw(0, 12000) * US_PER_MS;
	uint32_t number = (uint32_t)(t - taken);

	if (strlen(t->key) < LEAD_ID_TEXT_LEN || !lead_id_parse(text, &id))
		return;
	switch (sim_draw(0, 7)) {
	case 0:
	case 1:
	case 2:
		client_verdict(at_us, t->advertiser, &id, "approved", number);
		break;
	case 3:
	case 4:
		client_verdict(at_us, t->advertiser, &id, "returned", number);
		break;
	case 5: /* changes its mind; the first word counts */
		client_verdict(at_us, t->advertiser, &id, "returned", number);
		client_verdict(at_us + sim_draw(0, 3000) * US_PER_MS, t->advertiser, &id,
			       "approved", number + TAKEN_MAX);
		break;
	default:
		break;
	}
}

struct request {
	int advertiser;
	char key[WORLD_KEY_MAX];
	bool refuses;
};

static void on_arrival(void *ctx)
{
	struct request *r = ctx;
	struct taken *t = taken_of(r->advertiser, slice_cstr(r->key));

	if (!t) {
		assert(taken_count < TAKEN_MAX);
		t = &taken[taken_count++];
		*t = (struct taken){.advertiser = r->advertiser, .accepted = !r->refuses};
		memcpy(t->key, r->key, sizeof(t->key));
		if (t->accepted)
			foretell(t);
	}
	t->asked++;
	if (sim.verbose)
		log_info("request_arrived", LOG_STR("advertiser", advertiser_ids[r->advertiser]),
			 LOG_STR("key", r->key), LOG_INT("accepted", t->accepted));
	sim.moved_us = sim.now_us;
	free(r);
}

/* The request arrives, and the advertiser decides. */
static void arrive(int advertiser, struct slice key, bool refuses, int64_t in_us)
{
	struct request *r = calloc(1, sizeof(*r));

	assert(r && key.len < WORLD_KEY_MAX);
	r->advertiser = advertiser;
	r->refuses = refuses;
	memcpy(r->key, key.data, key.len);
	sim_at(sim.now_us + in_us, NULL, on_arrival, r);
}

enum mood { MOOD_GOOD, MOOD_BUSY, MOOD_DEAF, MOOD_LOSES, MOOD_LATE, MOOD_GONE };

static const char *const mood_names[] = {"good", "busy", "deaf", "loses", "late", "gone"};

static enum mood mood_of(int advertiser)
{
	static const enum mood bad[] = {MOOD_BUSY, MOOD_DEAF, MOOD_LOSES, MOOD_LATE, MOOD_GONE};
	int64_t die = sim_draw(0, 99);

	if (sim.now_us < failing[advertiser].until_us)
		return bad[failing[advertiser].how % ARRAY_LEN(bad)];
	if (sim.calm || die < 84)
		return MOOD_GOOD;
	return bad[(size_t)die % ARRAY_LEN(bad)];
}

/* Said of a key before anything arrives, so that it is the same however often it is asked. */
static bool would_refuse(int advertiser, struct slice key)
{
	uint64_t h = hash_mix(hash_fnv1a(sim.seed + (uint64_t)advertiser + 1, key));

	return h % 100 < REFUSED_PER_100;
}

struct endpoint_plan endpoint_ask(int advertiser, struct slice key, int64_t timeout_us)
{
	bool refuses = would_refuse(advertiser, key);
	struct endpoint_plan plan = {.end = ENDPOINT_ANSWERS,
				     .answer_us = sim_draw(2, 60) * US_PER_MS,
				     .status = refuses ? 422 : 200};
	int64_t in_us = sim_draw(1, 30) * US_PER_MS;
	enum mood mood = mood_of(advertiser);

	if (sim.verbose)
		log_info("request_sent", LOG_STR("who", proc_slot(sim.running)->instance),
			 LOG_STR("advertiser", advertiser_ids[advertiser]), LOG_SLICE("key", key),
			 LOG_STR("mood", mood_names[mood]));
	switch (mood) {
	case MOOD_GOOD:
		arrive(advertiser, key, refuses, in_us);
		plan.answer_us += in_us;
		break;
	case MOOD_BUSY: /* it did not look at it */
		plan.status = 503;
		break;
	case MOOD_DEAF: /* nothing arrives, and nobody says so */
		plan.end = ENDPOINT_BREAKS;
		plan.answer_us = timeout_us;
		break;
	case MOOD_LOSES: /* taken, and the answer is lost */
		arrive(advertiser, key, refuses, in_us);
		plan.end = ENDPOINT_BREAKS;
		plan.answer_us += in_us;
		break;
	case MOOD_LATE: /* taken after nobody waits any more */
		arrive(advertiser, key, refuses, timeout_us + sim_draw(1, 3000) * US_PER_MS);
		plan.end = ENDPOINT_BREAKS;
		plan.answer_us = timeout_us;
		break;
	case MOOD_GONE:
		plan.end = ENDPOINT_UNREACHABLE;
		break;
	}
	return plan;
}
