/* similar_name: somebody of nearly the same name, in the same place and vertical, sent a lead under another phone or address.
 *
 * needs    a sketch of the name (core/name_digest.h) and the sketches of other people who came in the last 30 days from the same
 *          place, with the same initials: the fewest bits in which one differs, and how many are near. Place and initials make
 *          the block, so that one trail is enough: in a small town it holds the month, in a big city the last
 *          TRAIL_VISITS_MAX people with these initials
 * hit      a sketch is as near as the rule says, and not many are; or so many came within a day from one postal code that the lead
 *          is rejected (reject_from): one person who is somebody else every hour
 * unknown  no postal code and no city, fewer than two words of a name, or the contact can't be opened
 * trap     namesakes. Where several people are called so, the name is a common one, and passes; families differ by the first
 *          name, which is more than the rule allows. It is weak evidence all the same, and weighs little */
#include "filter-worker/core/filter.h"
#include "filter-worker/core/name_digest.h"

extern const struct filter filter_similar_name;

#define KEEP_MS   (30 * MS_PER_DAY)
#define NEAR_BITS 10 /* what counts as near, whatever the rule says */
#define CLOSE_BITS                                                                                 \
	8 /* one slip or two; of two names with these initials one pair in 150 is by chance */
#define NOBODY (-1)
#define PERSON_LEN                                                                                 \
	2 /* bytes of the fingerprint: enough to know the same person by, but for one in 65,536 */

enum { BITS, COMMON, REJECT_FROM };

static void look(const struct sight *sight, struct facts *ret)
{
	struct name_form form;
	uint8_t block[FINGERPRINT_LEN];

	if (!sight->contact || !sight->digest_key)
		return;
	name_form_read(sight->contact, &form);
	if (!name_block(sight->digest_key, sight->raw->lead, &form, block))
		return;
	facts_set_number(ret, FACT_NAME_POSTAL, sight->raw->lead->postal_code[0] != 0);
	facts_set_bytes(ret, FACT_NAME_BLOCK,
			arena_dup(sight->arena, slice_of(block, sizeof(block))));
	facts_set_number(ret, FACT_NAME_SKETCH, name_sketch(sight->digest_key, block, &form));
}

static_assert(2 * NAME_SKETCH_BITS + 8 * PERSON_LEN == 64, "both stand in two marks");

static struct visit visit_of(int64_t at_ms, int64_t sketch, struct slice person)
{
	uint64_t both = (uint64_t)sketch << (8 * PERSON_LEN);

	for (size_t i = 0; i < PERSON_LEN && person.len > PERSON_LEN; i++)
		both |= (uint64_t)(uint8_t)person.data[i] << (8 * i);
	return (struct visit){at_ms, {(uint32_t)(both >> 32), (uint32_t)both}};
}

static int64_t sketch_in(const struct visit *v)
{
	return (int64_t)(((uint64_t)v->marks[0] << 32 | v->marks[1]) >> (8 * PERSON_LEN));
}

static bool is_same_person(const struct visit *a, const struct visit *b)
{
	return ((a->marks[1] ^ b->marks[1]) & ((1U << (8 * PERSON_LEN)) - 1)) == 0;
}

static void follow(const struct claim_subject *s, const struct facts *local,
		   struct trail_plan *plan)
{
	struct slice block;
	struct visit own;
	int64_t sketch;

	if (!facts_bytes(local, FACT_NAME_BLOCK, &block) ||
	    !facts_number(local, FACT_NAME_SKETCH, &sketch))
		return;
	own = visit_of(s->received_at_ms, sketch, s->person);
	trail_plan_want(plan, &filter_similar_name, "sn", s->vertical, block, KEEP_MS, &own);
}

static void learn(const struct trail_want *want, int64_t now_ms, struct facts *ret)
{
	const struct visit *own = &want->own;
	int64_t nearest = NOBODY, near = 0, today = 0;

	for (size_t i = 0; i < want->found.count; i++) {
		const struct visit *v = &want->found.visits[i];
		int bits;

		if (now_ms - v->at_ms >= KEEP_MS || is_same_person(v, own))
			continue;
		bits = name_sketch_distance(sketch_in(v), sketch_in(own));
		nearest = nearest == NOBODY || bits < nearest ? bits : nearest;
		near += bits <= NEAR_BITS;
		today += bits <= CLOSE_BITS && now_ms - v->at_ms < MS_PER_DAY;
	}
	facts_set_number(ret, FACT_SIMILAR_NAME_BITS, nearest);
	facts_set_number(ret, FACT_SIMILAR_NAMES, near);
	facts_set_number(ret, FACT_SIMILAR_NAMES_1D, today);
}

static enum answer judge(const struct filter_rule *rule, const struct facts *facts,
			 struct finding *ret)
{
	int64_t bits, near, today, postal;

	if (!facts_number(facts, FACT_SIMILAR_NAME_BITS, &bits) ||
	    !facts_number(facts, FACT_SIMILAR_NAMES, &near))
		return ANSWER_UNKNOWN;
	ret->rejects = facts_number(facts, FACT_SIMILAR_NAMES_1D, &today) &&
		       facts_number(facts, FACT_NAME_POSTAL, &postal) && postal != 0 &&
		       rule->params[REJECT_FROM] > 0 && today + 1 >= rule->params[REJECT_FROM];
	if (!ret->rejects &&
	    (bits == NOBODY || bits > rule->params[BITS] || near >= rule->params[COMMON]))
		return ANSWER_PASS;

	ret->reason = REASON_SIMILAR_NAME;
	finding_number(ret, "bits", bits);
	return ANSWER_HIT;
}

const struct filter filter_similar_name = {
    .name = "similar_name",
    .help = "Nearly the same name came from the same place under another phone or address.",
    .action = ACTION_SCORE,
    .weight = 46,
    .reasons = {REASON_SIMILAR_NAME},
    FILTER_FACTS(FACT_NAME_BLOCK, FACT_NAME_SKETCH, FACT_SIMILAR_NAME_BITS, FACT_SIMILAR_NAMES,
		 FACT_SIMILAR_NAMES_1D, FACT_NAME_POSTAL),
    .params = {[BITS] = {.name = "bits",
			 .type = PARAM_NUMBER,
			 .standard = 4,
			 .least = 0,
			 .most = NAME_SKETCH_BITS / 2,
			 .help = "In so many bits of 24 at most does either word differ."},
	       [COMMON] = {.name = "common",
			   .type = PARAM_NUMBER,
			   .standard = 3,
			   .least = 1,
			   .most = TRAIL_VISITS_MAX + 1,
			   .help = "A name that so many people near have is a common one."},
	       [REJECT_FROM] = {.name = "reject_from",
				.type = PARAM_NUMBER,
				.standard = 3,
				.least = 0,
				.most = TRAIL_VISITS_MAX + 1,
				.help = "So many within a day in one postal code, this one "
					"counted, are one, and rejected; 0: never."}},
    .look = look,
    .follow = follow,
    .learn = learn,
    .judge = judge,
};
